package policy

import (
	"slices"
	"strings"
)

// Parse reads a policy of a principal: an identity policy or a session policy.
// It accepts AWS's grammar for these (Version, Statement; Sid, Effect, Action
// or NotAction, Resource or NotResource, Condition) within the limits above, and
// refuses with an *Error naming every fault what it does not decide. Beyond AWS
// it refuses: a missing Version or the old one, member names and operators in
// another case, members written twice, actions that are not in Actions, ARNs
// that could never match, condition keys that the bus never fills in, and policy
// variables.
func Parse(text []byte) (*Document, error) { return parse(text, false) }

// ParseTrust reads a role's trust policy: who may assume it. Statements have
// Principal {"AWS": …} and no Resource; the only action is sts:AssumeRole, and
// the keys sts:ExternalId and sts:RoleSessionName may stand in conditions.
func ParseTrust(text []byte) (*Document, error) { return parse(text, true) }

func parse(text []byte, trust bool) (*Document, error) {
	p := parser{trust: trust}
	limit := MaxSize
	if trust {
		limit = MaxTrustSize
	}
	if len(text) > MaxText {
		p.add("", "the text is longer than %d bytes", MaxText)
		return nil, p.err()
	}
	if n := Size(text); n > limit {
		p.add("", "%d characters without white space; at most %d are allowed", n, limit)
		return nil, p.err()
	}
	root, ok := readTree(text, &p.faults)
	if !ok {
		return nil, p.err()
	}
	statements := p.document(root)
	if err := p.err(); err != nil {
		return nil, err
	}
	return newDocument(statements, trust), nil
}

// Size counts the characters of a document as AWS does for its quotas: without
// white space ("IAM and STS quotas"). They are bytes here, as a document of the
// bus is ASCII but for names, which Kafka keeps to ASCII too.
func Size(text []byte) int {
	n := 0
	for _, c := range text {
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			n++
		}
	}
	return n
}

type parser struct {
	faults
	trust bool
}

func (p *parser) document(root node) []statement {
	if root.kind != object {
		p.add("", "write an object with Version and Statement; found: %s", root.kind)
		return nil
	}
	var list []node
	var version, statement bool
	for _, m := range root.members {
		switch m.name {
		case "Version":
			version = true
			if m.value.text != Version || m.value.kind != text {
				p.add("Version", "write %q", Version)
			}
		case "Statement":
			statement = true
			list = one(m.value)
		case "Id":
			if !p.trust {
				p.add("Id", "not allowed in a policy of a principal; remove it")
			}
		default:
			p.add(m.value.path, "unknown element; known are Version and Statement")
		}
	}
	if !version {
		p.add("Version", "missing; write %q, without it AWS assumes an older language", Version)
	}
	if !statement || len(list) == 0 {
		p.add("Statement", "missing or empty")
	}
	if len(list) > MaxStatements {
		p.add("Statement", "more than %d statements", MaxStatements)
		return nil
	}
	return p.statements(list)
}

func (p *parser) statements(list []node) []statement {
	sids := map[string]bool{}
	var out []statement
	for _, n := range list {
		s := p.statement(n)
		if s.sid != "" && sids[s.sid] {
			p.add(n.path+".Sid", "%q is used twice", s.sid)
		}
		sids[s.sid] = true
		out = append(out, s)
	}
	return out
}

// one gives the items of an array, or the value itself.
func one(n node) []node {
	if n.kind == array {
		return n.items
	}
	return []node{n}
}

func (p *parser) statement(n node) statement {
	var s statement
	if n.kind != object {
		p.add(n.path, "write an object; found: %s", n.kind)
		return s
	}
	has := map[string]bool{}
	for _, m := range n.members {
		has[m.name] = true
		p.element(&s, m)
	}
	if !has["Effect"] {
		p.add(n.path+".Effect", "missing; write Allow or Deny")
	}
	p.exactlyOne(n.path, has, "Action", "NotAction")
	switch {
	case p.trust && !has["Principal"]:
		p.add(n.path+".Principal", `missing; write {"AWS": "arn:…"}`)
	case p.trust && (has["Resource"] || has["NotResource"]):
		p.add(n.path+".Resource", "not allowed in a trust policy, which stands for its role")
	case !p.trust:
		p.exactlyOne(n.path, has, "Resource", "NotResource")
	}
	return s
}

func (p *parser) exactlyOne(path string, has map[string]bool, a, b string) {
	switch {
	case has[a] && has[b]:
		p.add(path+"."+b, "%s and %s exclude each other", a, b)
	case !has[a] && !has[b]:
		p.add(path+"."+a, "missing")
	}
}

func (p *parser) element(s *statement, m member) {
	v := m.value
	switch m.name {
	case "Sid":
		s.sid = p.sid(v)
	case "Effect":
		if v.kind != text || v.text != "Allow" && v.text != "Deny" {
			p.add(v.path, "write Allow or Deny")
		}
		s.deny = v.text == "Deny"
	case "Action", "NotAction":
		s.notAction = m.name == "NotAction"
		p.actions(s, v)
	case "Resource", "NotResource":
		s.notResource = m.name == "NotResource"
		p.resources(s, v)
	case "Condition":
		p.conditions(s, v)
	case "Principal":
		if !p.trust {
			p.add(v.path, "not allowed in a policy of a principal; it stands for its own")
			return
		}
		s.principals = p.principals(v)
	case "NotPrincipal":
		p.add(v.path, "not supported; name the principals that are meant")
	default:
		p.add(v.path, "unknown element")
	}
}

func (p *parser) sid(v node) string {
	ok := v.kind == text && len(v.text) <= 128
	for _, c := range v.text {
		ok = ok && (c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z')
	}
	if !ok {
		p.add(v.path, "write letters and digits only, at most 128")
		return ""
	}
	return v.text
}

// list reads one string or an array of strings.
func (p *parser) list(v node, kinds ...kind) []node {
	items := one(v)
	if len(items) == 0 {
		p.add(v.path, "an empty list")
	}
	if len(items) > MaxValues {
		p.add(v.path, "more than %d values", MaxValues)
		return nil
	}
	var out []node
	for _, n := range items {
		switch {
		case !slices.Contains(kinds, n.kind):
			p.add(n.path, "write a string; found: %s", n.kind)
		case len(n.text) > MaxValueLength:
			p.add(n.path, "longer than %d bytes", MaxValueLength)
		case strings.Count(n.text, "*")+strings.Count(n.text, "?") > MaxWildcards:
			p.add(n.path, "more than %d wildcards", MaxWildcards)
		default:
			out = append(out, n)
		}
	}
	return out
}

func (p *parser) actions(s *statement, v node) {
	for _, n := range p.list(v, text) {
		name, set := p.action(n)
		s.actions = append(s.actions, name)
		s.set |= set
	}
	if s.notAction {
		s.set = everyAction &^ s.set
	}
	if p.trust {
		s.set &= trustAction
	}
}

func (p *parser) action(n node) (string, actionSet) {
	if n.text == "*" {
		return n.text, everyAction
	}
	service, name, ok := strings.Cut(n.text, ":")
	known := strings.EqualFold(service, "kafka-cluster") && !p.trust || strings.EqualFold(service, "sts")
	switch {
	case !ok || name == "":
		p.add(n.path, "write * or service:Action, for example kafka-cluster:ReadData")
		return n.text, 0
	case !known && p.trust:
		p.add(n.path, "a trust policy is about %s", AssumeRole)
		return n.text, 0
	case !known:
		p.add(n.path, "the bus decides kafka-cluster actions and %s only; %q has no effect here", AssumeRole, service)
		return n.text, 0
	}
	pat, err := compilePattern(strings.ToLower(n.text))
	if err != nil {
		p.add(n.path, "%v", err)
		return n.text, 0
	}
	set := actionsMatching(pat)
	if set == 0 || p.trust && set&trustAction == 0 {
		p.unknownAction(n)
		return n.text, 0
	}
	if !pat.wild {
		return actions[actionIndex(n.text)].Name, set
	}
	return n.text, set
}

func (p *parser) unknownAction(n node) {
	if near := nearestAction(n.text); near != "" && !p.trust {
		p.add(n.path, "no action is called %q; did you mean %s?", n.text, near)
		return
	}
	p.add(n.path, "no action is called %q", n.text)
}

func (p *parser) resources(s *statement, v node) {
	for _, n := range p.list(v, text) {
		r, err := compileResource(n.text)
		if err != nil {
			p.add(n.path, "%v", err)
			continue
		}
		s.resources = append(s.resources, r)
	}
}

func (p *parser) conditions(s *statement, v node) {
	if v.kind != object {
		p.add(v.path, "write an object; found: %s", v.kind)
		return
	}
	for _, op := range v.members {
		if op.value.kind != object || len(op.value.members) == 0 {
			p.add(op.value.path, "write an object of condition keys")
			continue
		}
		seen := map[string]bool{}
		for _, m := range op.value.members {
			low := strings.ToLower(m.name) // key names ignore case
			if seen[low] {
				p.add(m.value.path, "the key is written twice under %s", op.name)
			}
			seen[low] = true
			p.condition(s, op.name, m)
		}
	}
}

func (p *parser) condition(s *statement, operator string, m member) {
	key, err := conditionKey(m.name, p.trust)
	if err != nil {
		p.add(m.value.path, "%v", err)
		return
	}
	nodes := p.list(m.value, text, truth, number)
	values := make([]string, len(nodes))
	for i, n := range nodes {
		values[i] = n.text
	}
	c, at, err := compileCondition(operator, key, values)
	if err != nil {
		path := m.value.path
		if at >= 0 {
			path = nodes[at].path
		}
		p.add(path, "%v", err)
		return
	}
	s.conditions = append(s.conditions, c)
}
