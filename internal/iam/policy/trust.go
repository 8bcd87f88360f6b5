package policy

import (
	"errors"
	"strings"
)

// principal is one entry of a trust policy's Principal.
type principal struct {
	text    string
	anyone  bool
	account string // 12 digits: every principal of the account
	arn     arn    // one user, role or session
}

// principals reads "*" or {"AWS": one or several}.
func (p *parser) principals(v node) []principal {
	if v.kind == text && v.text == "*" {
		return []principal{{text: "*", anyone: true}}
	}
	if v.kind != object || len(v.members) == 0 {
		p.add(v.path, `write {"AWS": "arn:…"}`)
		return nil
	}
	var out []principal
	for _, m := range v.members {
		if m.name != "AWS" {
			p.add(m.value.path, "only principals of kind AWS are supported")
			continue
		}
		for _, n := range p.list(m.value, text) {
			one, err := parsePrincipal(n.text)
			if err != nil {
				p.add(n.path, "%v", err)
				continue
			}
			out = append(out, one)
		}
	}
	return out
}

func parsePrincipal(s string) (principal, error) {
	p := principal{text: s}
	switch {
	case s == "*":
		p.anyone = true
		return p, nil
	case isAccount(s):
		p.account = s
		return p, nil
	case strings.ContainsAny(s, "*?$"):
		return p, errors.New("wildcards and variables are not allowed in a principal, except * for everyone")
	case checkText(s) != nil:
		return p, errCharacter
	}
	parts, ok := splitARN(s)
	if !ok || !strings.HasPrefix(parts[1], "aws") || parts[3] != "" || !isAccount(parts[4]) {
		return p, errors.New("write an account of 12 digits or an ARN such as arn:aws:iam::123456789012:role/NAME")
	}
	p.arn = parts
	kind, name, _ := strings.Cut(parts[5], "/")
	switch {
	case parts[2] == "iam" && parts[5] == "root":
		p.account = parts[4]
	case parts[2] == "iam" && (kind == "user" || kind == "role") && name != "":
	case parts[2] == "sts" && kind == "assumed-role" && strings.Count(name, "/") == 1:
	default:
		return p, errors.New("a principal is an account's root, a user, a role or an assumed-role session")
	}
	return p, nil
}

// match reports whether the caller is meant. Sessions of a role are meant by
// the role's ARN; partition and account must be equal too.
func (p *principal) match(caller arn) bool {
	switch {
	case p.anyone:
		return true
	case caller[4] != "" && p.account != "":
		return caller[4] == p.account && (p.arn[1] == "" || caller[1] == p.arn[1])
	case caller == p.arn:
		return true
	}
	role, ok := strings.CutPrefix(p.arn[5], "role/")
	if !ok || caller[2] != "sts" || caller[1] != p.arn[1] || caller[4] != p.arn[4] {
		return false
	}
	role = role[strings.LastIndexByte(role, '/')+1:] // a session's ARN has no path
	session, ok := strings.CutPrefix(caller[5], "assumed-role/"+role+"/")
	return ok && session != "" && !strings.Contains(session, "/")
}

// TrustPolicy is the name that a Decision gives to the trust policy.
const TrustPolicy = "trust policy"

// EvaluateTrust decides whether a role's trust policy lets req.Principal (the
// caller's ARN) assume the role req.Resource. delegated is true when the answer
// is yes only because the trust names everyone or a whole account, or when the
// caller is of another account than the role: AWS then wants the caller's own
// policies to allow sts:AssumeRole on the role as well, which the caller of this
// function asks with Evaluate.
func EvaluateTrust(req Request, trust *Document) (d Decision, delegated bool) {
	d.Index = -1
	caller, ok := splitARN(req.Principal)
	q := newQuery(req)
	switch {
	case trust == nil || !trust.trust:
		d.Reason = "denied: the role has no readable trust policy"
		return d, false
	case q.action < 0 || !trustAction.has(q.action):
		d.Reason = "denied: a trust policy is about " + AssumeRole
		return d, false
	case !ok || !q.isARN:
		d.Reason = "denied: the caller or the role has no ARN"
		return d, false
	}
	found, specific := -1, false
	for i := range trust.statements {
		s := &trust.statements[i]
		meant, byName := s.means(caller)
		if !meant || !s.set.has(q.action) || !s.holds(&q) {
			continue
		}
		if s.deny {
			found = i
			break
		}
		if found < 0 || byName && !specific {
			found, specific = i, byName
		}
	}
	if found < 0 {
		d.Reason = "the trust policy of " + req.Resource + " does not let " + req.Principal + " assume it" + trust.nearTrust(caller, &q)
		return d, false
	}
	s := &trust.statements[found]
	d = Decision{Allowed: !s.deny, Explicit: true, Policy: TrustPolicy, Statement: s.label(found), Index: found}
	if s.deny {
		d.Reason = AssumeRole + " denied by " + d.Statement + " of the trust policy; a Deny wins over every Allow"
		return d, false
	}
	d.Reason = AssumeRole + " allowed by " + d.Statement + " of the trust policy"
	return d, !specific || caller[4] != q.arn[4]
}

// means reports whether the statement's Principal names the caller, and whether
// by its own ARN.
func (s *statement) means(caller arn) (meant, byName bool) {
	for i := range s.principals {
		p := &s.principals[i]
		if p.match(caller) {
			meant = true
			byName = byName || !p.anyone && p.account == ""
		}
	}
	return meant, byName
}

// nearTrust names the condition that failed for a caller who is trusted.
func (d *Document) nearTrust(caller arn, q *query) string {
	for i := range d.statements {
		s := &d.statements[i]
		if meant, _ := s.means(caller); meant && !s.deny && s.set.has(q.action) {
			return ": " + s.label(i) + " does, but " + s.failed(q)
		}
	}
	return ": add its ARN, or its role's, to Principal"
}
