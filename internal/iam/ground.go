package iam

import (
	"maps"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// credential is what a signature was made with: a long-lived key, or a
// temporary one that goes back to a long-lived key.
type credential struct {
	keyID  string  // the long-lived key: AKIA…
	claims *claims // what the session token says; nil for a long-lived key
}

// name is the same for credentials that stand on the same ground.
func (c credential) name() string {
	if c.claims == nil {
		return c.keyID
	}
	return c.keyID + "|" + strings.Join(c.claims.Via, "|") + "|" + c.claims.Role
}

// ground is everything a credential stands on. Beyond AWS, where temporary
// credentials outlive the key and the trust that they were obtained with, all of
// it must still be there: revoking a key or a trust ends what came of it.
type ground struct {
	key  *accessKey
	user *identity
	via  []*identity // roles of a chain before the last
	role *identity   // nil for a long-lived key
}

func (g ground) equal(o ground) bool {
	return g.key == o.key && g.user == o.user && g.role == o.role && slices.Equal(g.via, o.via)
}

// actor is whose policies decide.
func (g ground) actor() *identity {
	if g.role != nil {
		return g.role
	}
	return g.user
}

// caller is who assumed the role: the user, or the role before in the chain.
func (g ground) caller() *identity {
	if n := len(g.via); n > 0 {
		return g.via[n-1]
	}
	return g.user
}

// find looks up what a credential stands on. A problem names what is gone.
func (s *snapshot) find(c credential) (g ground, problem *problem) {
	g.key = s.keys[c.keyID]
	if g.key == nil {
		return ground{}, failed(CheckKey, "access key %s is not known", c.keyID).
			next("create an access key of this bus; keys of AWS are not valid here")
	}
	g.user = s.users[g.key.user]
	switch {
	case g.user == nil:
		return ground{}, failed(CheckUser, "user %s of access key %s does not exist", g.key.user, c.keyID)
	case g.key.disabled:
		return ground{}, failed(CheckKeyDisabled, "access key %s is disabled", c.keyID).next("use the user's other key, or create one")
	case g.user.disabled:
		return ground{}, failed(CheckUserDisabled, "user %s is disabled", g.user.principal.Name)
	case c.claims == nil:
		return g, nil
	}
	for _, name := range append(slices.Clone(c.claims.Via), c.claims.Role) {
		role := s.roles[name]
		if role == nil || time.UnixMicro(c.claims.Issued).Before(role.created.Truncate(time.Microsecond)) {
			return ground{}, failed(CheckRole, "role %s, which the session token was made for, does not exist any more", name).
				next("assume a role that exists")
		}
		g.via = append(g.via, role)
	}
	last := len(g.via) - 1
	g.via, g.role = g.via[:last:last], g.via[last]
	return g, nil
}

// claimed gives the ARN of whom a credential would be, proven or not; empty when
// there is no such principal.
func (s *snapshot) claimed(c credential) string {
	var who *identity
	if c.claims != nil {
		who = s.roles[c.claims.Role]
	} else if k := s.keys[c.keyID]; k != nil {
		who = s.users[k.user]
	}
	if who == nil {
		return ""
	}
	return who.principal.ARN
}

// stands is find, and the question whether the role still trusts who assumed it.
func (d *Directory) stands(s *snapshot, c credential) (ground, *problem) {
	g, p := s.find(c)
	if p != nil || c.claims == nil {
		return g, p
	}
	by := caller{who: g.caller(), arn: c.claims.Caller, from: c.claims.From}
	decision := d.mayAssume(by, g.role, c.claims.Session, c.claims.ExternalID)
	if !decision.Allowed {
		return ground{}, failed(CheckTrust, "%s", decision.Reason).
			next("let the role's trust policy name the caller, then assume it again")
	}
	return g, nil
}

// caller is who asks to assume a role.
type caller struct {
	who     *identity
	arn     string           // the session's ARN when who is a role
	session *policy.Document // its session policy
	issued  int64            // of its session token, Unix microseconds; 0 for a user
	from    string
	given   map[string][]string // condition keys that override the others
}

// mayAssume decides as AWS does for roles of the same account ("Policy
// evaluation logic"): the trust policy must allow; a Deny in the caller's own
// policies wins; they must allow too when the trust only names the account. A
// session policy of the caller limits it always.
func (d *Directory) mayAssume(by caller, role *identity, sessionName, externalID string) policy.Decision {
	values := map[string][]string{}
	if conditional(role.trust, by) {
		values = d.context(by.who, by.arn, by.from, by.issued)
		maps.Copy(values, by.given)
	}
	own := policy.Request{Principal: by.arn, Action: policy.AssumeRole, Resource: role.principal.ARN, Context: values}
	trust := own
	trust.Context = cloneContext(values)
	trust.Context["sts:RoleSessionName"] = []string{sessionName}
	if externalID != "" {
		trust.Context["sts:ExternalId"] = []string{externalID}
	}
	maps.Copy(trust.Context, by.given)
	decision, delegated := policy.EvaluateTrust(trust, role.trust)
	if !decision.Allowed {
		return decision
	}
	byOwn := policy.Evaluate(own, by.who.docs, nil)
	if !byOwn.Allowed && (byOwn.Explicit || delegated || unreadable(by.who)) {
		return byOwn
	}
	if by.session != nil {
		bySession := policy.Evaluate(own, []policy.Named{{Name: policy.SessionPolicy, Doc: by.session}}, nil)
		if !bySession.Allowed {
			return bySession
		}
	}
	return decision
}

// conditional reports whether a decision about assuming a role depends on the
// request's context; most do not, and every login makes one.
func conditional(trust *policy.Document, by caller) bool {
	return len(policy.ContextKeys(by.who.docs, trust)) > 0 || len(policy.ContextKeys(nil, by.session)) > 0
}

// unreadable reports whether a policy of the identity cannot be read: it might
// hold a Deny.
func unreadable(i *identity) bool {
	return slices.ContainsFunc(i.docs, func(n policy.Named) bool { return n.Doc == nil })
}

// role finds a role of this bus by its ARN.
func (s *snapshot) role(arn string) *identity {
	p, err := eventbus.ParseIdentityARN(arn)
	if err != nil || p.Kind != eventbus.PrincipalRole {
		return nil
	}
	if r := s.roles[p.Name]; r != nil && r.principal.ARN == arn {
		return r
	}
	return nil
}
