package policy

import (
	"slices"
	"strings"
)

// Request is one question: may the principal do this to that?
type Request struct {
	// Principal is the caller's ARN; it decides in trust policies and is named
	// in reasons. Policies of a principal do not look at it (aws:PrincipalArn is
	// a key of Context).
	Principal string
	// Action is the full name, for example kafka-cluster:ReadData; its case does
	// not matter.
	Action string
	// Resource is a full ARN, at most MaxRequestLength bytes. Its characters are
	// literal.
	Resource string
	// Context holds condition keys and their values; a key that is left out is
	// absent. Give the keys as conditionKeys spells them: aws:SourceIp,
	// aws:CurrentTime (RFC 3339), aws:EpochTime, aws:SecureTransport,
	// aws:PrincipalArn, aws:PrincipalAccount, aws:PrincipalType, aws:userid,
	// aws:username, aws:TokenIssueTime, aws:RequestedRegion; for a trust policy
	// also sts:ExternalId and sts:RoleSessionName. ContextKeys tells which of
	// them matter.
	Context map[string][]string
}

// Named is a policy of a principal under the name that people know.
type Named struct {
	Name string
	Doc  *Document
}

// SessionPolicy is the name that a Decision gives to the session policy.
const SessionPolicy = "session policy"

// Decision says what was decided and why.
type Decision struct {
	Allowed bool
	// Explicit is true when a statement decided, and false for the denial that
	// is there by default.
	Explicit bool
	// Policy and Statement name the deciding statement: the policy's name and
	// the Sid, or Statement[i]. Index is its place, from 0; -1 when none decided.
	Policy    string
	Statement string
	Index     int
	// Reason is one sentence for log, audit and simulate; after a denial by
	// default it says which statement is missing. Not for the client.
	Reason string
}

// Evaluate decides as AWS does ("Policy evaluation logic"): an explicit Deny in
// any policy wins, then an Allow is needed, and nothing is implied. With a
// session policy (nil: none) both the policies and the session policy must
// allow. A policy without document, or one that is a trust policy, denies
// everything: what cannot be read might hold a Deny. Evaluate does not allocate
// but for the Reason.
func Evaluate(req Request, docs []Named, session *Document) Decision {
	q := newQuery(req)
	if why := q.invalid(); why != "" {
		return Decision{Index: -1, Reason: why}
	}
	v := q.decide(docs, session)
	return v.explain(&q, docs, session)
}

// Allows is Evaluate without the Decision, for requests by the thousand.
func Allows(req Request, docs []Named, session *Document) bool {
	q := newQuery(req)
	if q.invalid() != "" {
		return false
	}
	return q.decide(docs, session).outcome == allowed
}

// ContextKeys returns the condition keys that decisions about these documents
// depend on, sorted; when there are none a decision may be kept for
// (principal, action, resource) as long as the documents stay the same.
func ContextKeys(docs []Named, session *Document) []string {
	var keys []string
	for _, n := range append(slices.Clone(docs), Named{Doc: session}) {
		if n.Doc == nil {
			continue
		}
		for i := range n.Doc.statements {
			for _, c := range n.Doc.statements[i].conditions {
				keys = append(keys, c.key)
			}
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// query is a Request made ready.
type query struct {
	Request
	action int
	arn    arn
	isARN  bool
}

func newQuery(req Request) query {
	q := query{Request: req, action: actionIndex(req.Action)}
	q.arn, q.isARN = splitARN(req.Resource)
	return q
}

// invalid gives the reason why no policy can allow the request.
func (q *query) invalid() string {
	if q.action < 0 {
		return "denied: " + quote(q.Action) + " is not an action that the bus decides"
	}
	if len(q.Resource) > MaxRequestLength {
		return "denied: the resource name is too long to be decided"
	}
	return ""
}

// applies reports whether a statement is about the request, whatever its effect.
func (s *statement) applies(q *query) bool {
	return s.set.has(q.action) && s.names(q) && s.holds(q)
}

// names reports whether Resource or NotResource fits.
func (s *statement) names(q *query) bool {
	for i := range s.resources {
		if s.resources[i].match(&q.arn, q.isARN) {
			return !s.notResource
		}
	}
	return s.notResource
}

// holds reports whether every condition holds.
func (s *statement) holds(q *query) bool {
	for i := range s.conditions {
		c := &s.conditions[i]
		if !c.holds(contextValues(q.Context, c.key)) {
			return false
		}
	}
	return true
}

type outcome int

const (
	notAllowed     outcome = iota // by default
	notAllowedHere                // by default, in the session policy
	denied                        // by a statement
	unreadable                    // by a policy that is not there
	allowed
)

// verdict is a decision before it is put in words. policy is an index into
// docs, or len(docs) for the session policy.
type verdict struct {
	outcome   outcome
	policy    int
	statement int
}

func (q *query) decide(docs []Named, session *Document) verdict {
	allow := verdict{outcome: notAllowed, policy: -1, statement: -1}
	for i := range docs {
		d := docs[i].Doc
		if d == nil || d.trust {
			return verdict{outcome: unreadable, policy: i, statement: -1}
		}
		v := q.scan(d, i)
		if v.outcome == denied {
			return v
		}
		if v.outcome == allowed && allow.outcome != allowed {
			allow = v
		}
	}
	if session == nil {
		return allow
	}
	if session.trust {
		return verdict{outcome: unreadable, policy: len(docs), statement: -1}
	}
	v := q.scan(session, len(docs))
	if v.outcome == denied || allow.outcome != allowed {
		if v.outcome == denied {
			return v
		}
		return allow
	}
	if v.outcome != allowed {
		return verdict{outcome: notAllowedHere, policy: len(docs), statement: -1}
	}
	return allow
}

// scan looks for the first Deny that applies, else the first Allow. It returns
// at once only at a Deny, for which the order of statements does not matter.
func (q *query) scan(d *Document, policy int) verdict {
	v := verdict{outcome: notAllowed, policy: policy, statement: -1}
	for i := range d.statements {
		s := &d.statements[i]
		if !s.deny && v.outcome == allowed || !s.applies(q) {
			continue
		}
		v.statement = i
		if s.deny {
			v.outcome = denied
			return v
		}
		v.outcome = allowed
	}
	return v
}

func (v verdict) explain(q *query, docs []Named, session *Document) Decision {
	d := Decision{Index: v.statement, Allowed: v.outcome == allowed, Explicit: v.statement >= 0}
	doc := session
	if v.policy >= 0 && v.policy < len(docs) {
		d.Policy, doc = docs[v.policy].Name, docs[v.policy].Doc
	} else if v.policy >= 0 {
		d.Policy = SessionPolicy
	}
	if d.Explicit {
		d.Statement = doc.statements[v.statement].label(v.statement)
	}
	name := actions[q.action].Name
	switch v.outcome {
	case allowed:
		d.Reason = name + " allowed by " + d.Statement + " of " + d.Policy
	case denied:
		d.Reason = name + " on " + q.Resource + " denied by " + d.Statement + " of " + d.Policy + "; a Deny wins over every Allow"
	case unreadable:
		d.Reason = name + " denied: " + d.Policy + " is not a readable policy of a principal, so it might hold a Deny"
	case notAllowedHere:
		d.Policy = SessionPolicy
		d.Reason = missing(q, []Named{{Name: SessionPolicy, Doc: session}}) + "; the role's own policies would allow it"
	default:
		d.Policy = ""
		d.Reason = missing(q, docs)
	}
	return d
}

// missing says which statement would be needed, and which one comes near.
func missing(q *query, docs []Named) string {
	name := actions[q.action].Name
	var b strings.Builder
	b.WriteString("no statement allows " + name + " on " + q.Resource)
	if near := nearMiss(q, docs); near != "" {
		b.WriteString("; " + near)
	}
	b.WriteString(`; missing: {"Effect":"Allow","Action":"` + name + `","Resource":` + quote(escape(q.Resource)) + `}`)
	return b.String()
}

// nearMiss names an Allow that failed in one part only: its conditions, its
// resources or, for the same resource, its actions.
func nearMiss(q *query, docs []Named) string {
	var other string
	for _, n := range docs {
		for i := range n.Doc.statements {
			s := &n.Doc.statements[i]
			switch {
			case s.deny:
			case s.set.has(q.action) && s.names(q):
				return s.label(i) + " of " + n.Name + " does, but " + s.failed(q)
			case s.set.has(q.action):
				other = s.label(i) + " of " + n.Name + " allows the action on other resources"
			case s.names(q) && other == "":
				other = s.label(i) + " of " + n.Name + " allows other actions on it"
			}
		}
	}
	if len(docs) == 0 {
		return "the principal has no policy"
	}
	return other
}

// failed names the first condition that does not hold.
func (s *statement) failed(q *query) string {
	for i := range s.conditions {
		c := &s.conditions[i]
		values := contextValues(q.Context, c.key)
		if c.holds(values) {
			continue
		}
		if len(values) == 0 {
			return "its condition " + c.operator + " needs " + c.key + ", which the request does not have"
		}
		return "its condition " + c.operator + " on " + c.key + " does not hold"
	}
	return "its conditions do not hold"
}
