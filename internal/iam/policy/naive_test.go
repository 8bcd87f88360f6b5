package policy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A second evaluator, written from AWS's pages alone and sharing nothing with
// the first: it walks over decoded JSON and turns patterns into regular
// expressions, slowly.

type naive map[string]any

func naiveAllows(req Request, docs []string, session string) bool {
	known := false
	for _, a := range Actions() {
		known = known || strings.EqualFold(a.Name, req.Action)
	}
	if !known {
		return false
	}
	one := func(texts []string) (allow, deny bool) {
		for _, text := range texts {
			var d struct{ Statement []naive }
			if err := json.Unmarshal([]byte(text), &d); err != nil {
				panic(err)
			}
			for _, s := range d.Statement {
				if !s.about(req) {
					continue
				}
				if s["Effect"] == "Deny" {
					deny = true
				} else {
					allow = true
				}
			}
		}
		return allow, deny
	}
	allow, deny := one(docs)
	if session != "" {
		a, d := one([]string{session})
		allow, deny = allow && a, deny || d
	}
	return allow && !deny
}

func (s naive) about(req Request) bool {
	ok := false
	if v, has := s["Action"]; has {
		ok = slices.ContainsFunc(listOf(v), func(p string) bool { return naiveMatch(strings.ToLower(p), strings.ToLower(req.Action)) })
	} else {
		ok = !slices.ContainsFunc(listOf(s["NotAction"]), func(p string) bool { return naiveMatch(strings.ToLower(p), strings.ToLower(req.Action)) })
	}
	if v, has := s["Resource"]; has {
		ok = ok && slices.ContainsFunc(listOf(v), func(p string) bool { return naiveARN(p, req.Resource) })
	} else {
		ok = ok && !slices.ContainsFunc(listOf(s["NotResource"]), func(p string) bool { return naiveARN(p, req.Resource) })
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, keys := range conditions {
		for key, values := range keys.(map[string]any) {
			ok = ok && naiveCondition(operator, listOf(values), req.Context[key])
		}
	}
	return ok
}

func listOf(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, e.(string))
		}
		return out
	}
	panic(fmt.Sprintf("%T", v))
}

// naivePatterns keeps compiled patterns; the tests that use it do not run in
// parallel.
var naivePatterns = map[string]*regexp.Regexp{}

func naiveMatch(pattern, s string) bool {
	if re := naivePatterns[pattern]; re != nil {
		return re.MatchString(s)
	}
	var b strings.Builder
	for _, c := range pattern {
		switch c {
		case '*':
			b.WriteString(`(?s:.*)`)
		case '?':
			b.WriteString(`(?s:.)`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	naivePatterns[pattern] = regexp.MustCompile(`\A` + b.String() + `\z`)
	return naiveMatch(pattern, s)
}

func naiveARN(pattern, s string) bool {
	if pattern == "*" {
		return true
	}
	p, q := strings.SplitN(pattern, ":", 6), strings.SplitN(s, ":", 6)
	if len(p) != 6 || len(q) != 6 {
		return false
	}
	for i := range p {
		if !naiveMatch(p[i], q[i]) {
			return false
		}
	}
	return true
}

func naiveCondition(operator string, want, got []string) bool {
	if operator == "Null" {
		return slices.Contains(want, "true") && len(got) == 0 || slices.Contains(want, "false") && len(got) > 0
	}
	optional := strings.HasSuffix(operator, "IfExists")
	operator = strings.TrimSuffix(operator, "IfExists")
	all := strings.HasPrefix(operator, "ForAllValues:")
	some := strings.HasPrefix(operator, "ForAnyValue:")
	operator = operator[strings.Index(operator, ":")+1:]
	negative := strings.Contains(operator, "Not")
	if len(got) == 0 {
		switch {
		case optional, all:
			return true
		case some:
			return false
		}
		return negative
	}
	for _, g := range got {
		matched := false
		for _, w := range want {
			matched = matched || naiveCompare(operator, w, g)
		}
		holds := matched != negative
		if all && !holds {
			return false
		}
		if some && holds {
			return true
		}
		if !all && !some {
			return holds // single-valued in these tests
		}
	}
	return all
}

func naiveCompare(operator, want, got string) bool {
	switch strings.Replace(operator, "Not", "", 1) {
	case "StringEquals":
		return want == got
	case "StringEqualsIgnoreCase":
		return strings.EqualFold(want, got)
	case "StringLike":
		return naiveMatch(want, got)
	case "ArnLike", "ArnEquals":
		return naiveARN(want, got)
	case "Bool":
		return want == got
	case "IpAddress":
		_, block, err := net.ParseCIDR(want)
		return err == nil && block.Contains(net.ParseIP(got))
	case "NumericLessThan":
		w, _ := strconv.Atoi(want)
		g, err := strconv.Atoi(got)
		return err == nil && g < w
	case "DateGreaterThanEquals":
		w, _ := time.Parse(time.RFC3339, want)
		g, err := time.Parse(time.RFC3339, got)
		return err == nil && !g.Before(w)
	}
	panic(operator)
}

// maker draws policies and requests from small sets, so that much of it meets.
// pick(n) gives a number in [0,n).
type maker struct{ pick func(n int) int }

func (m maker) of(list ...string) string { return list[m.pick(len(list))] }

func (m maker) some(one func() string) []string {
	var list []string
	for range 1 + m.pick(3) {
		list = append(list, one())
	}
	return list
}

func (m maker) actionPattern() string {
	return m.of("*", "kafka-cluster:*", "kafka-cluster:Describe*", "kafka-cluster:*Topic", "kafka-cluster:?eadData", "KAFKA-CLUSTER:*group",
		"kafka-cluster:ReadData", "kafka-cluster:WriteData", "kafka-cluster:Connect", "kafka-cluster:AlterGroup", "kafka-cluster:deleteTopic")
}

func (m maker) resourcePattern() string {
	if m.pick(5) == 0 {
		return "*"
	}
	return "arn:" + m.of("aws", "aws", "*", "aws-*") + ":kafka:" + m.of("r1", "r1", "r?", "*") + ":" + m.of("123456789012", "*", "12345678901?", "*2") + ":" +
		m.of("topic/b/u/a", "topic/b/u/*", "topic/b/*", "topic/*/a", "topic/b/u/?", "topic/b/u/a*a", "t*", "*", "group/b/u/g", "group/*:?", "group/b/u/*a*", "cluster/b/u", "cluster/*", "*/a", "*:topic/b/u/a")
}

func (m maker) request() Request {
	req := Request{
		Principal: roleARN,
		Action:    m.of("kafka-cluster:ReadData", "kafka-cluster:WriteData", "Kafka-Cluster:connect", "kafka-cluster:AlterGroup", "kafka-cluster:DeleteTopic", "kafka-cluster:DescribeTopic", "kafka-cluster:Fly"),
		Resource: m.of("", "arn:") + "aws:kafka:" + m.of("r1", "r1", "r2") + ":" + m.of("123456789012", "123456789012", "123456789013") + ":" +
			m.of("topic/b/u/a", "topic/b/u/aa", "topic/b/u/aba", "topic/b/u/A", "topic/c/v/a", "group/b/u/g", "group/b/u/é", "group/b/u/g:x", "group/x:topic/b/u/a", "cluster/b/u", "topic/b/u/*"),
		Context: map[string][]string{},
	}
	if req.Resource[0] == 'a' && req.Resource[1] == 'w' && m.pick(4) > 0 {
		req.Resource = "arn:" + req.Resource
	}
	add := func(key string, values ...string) {
		if m.pick(3) > 0 {
			req.Context[key] = []string{m.of(values...)}
		}
	}
	add("aws:username", "anna", "Anna", "bob", "")
	add("aws:PrincipalArn", roleARN, "arn:aws:iam::123456789012:user/anna", "nonsense")
	add("aws:SecureTransport", "true", "false")
	add("aws:SourceIp", "10.1.2.3", "192.168.0.9", "fd00::1", "nowhere")
	add("aws:EpochTime", "5", "50", "x")
	add("aws:CurrentTime", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59-01:00", "2025-01-01T00:00:00Z", "never")
	return req
}

func (m maker) condition() (operator, key string, values []string) {
	not := m.of("", "Not")
	switch m.pick(7) {
	case 0:
		operator, key = "String"+not+m.of("Equals", "Like", "EqualsIgnoreCase"), "aws:username"
		values = m.some(func() string { return m.of("anna", "ANNA", "b?b", "*n*", "") })
	case 1:
		operator, key = "Arn"+not+m.of("Equals", "Like"), "aws:PrincipalArn"
		values = m.some(func() string { return m.of(roleARN, "arn:*:iam::*:user/*", "arn:aws*:iam::123456789012:role/c*") })
	case 2:
		operator, key, values = "Bool", "aws:SecureTransport", []string{m.of("true", "false")}
	case 3:
		operator, key = not+"IpAddress", "aws:SourceIp"
		values = m.some(func() string { return m.of("10.0.0.0/8", "192.168.0.0/24", "fd00::/8", "0.0.0.0/0") })
	case 4:
		operator, key, values = "NumericLessThan", "aws:EpochTime", []string{m.of("5", "6", "100")}
	case 5:
		operator, key, values = "DateGreaterThanEquals", "aws:CurrentTime", []string{m.of("2026-01-01T00:00:00Z", "2025-06-01T00:00:00Z")}
	default:
		return "Null", m.of("aws:username", "aws:SourceIp"), []string{m.of("true", "false")}
	}
	return m.of("", "", "", "ForAllValues:", "ForAnyValue:") + operator + m.of("", "", "IfExists"), key, values
}

func (m maker) statement(effect string) map[string]any {
	s := map[string]any{
		"Effect":                                    effect,
		m.of("Action", "Action", "NotAction"):       m.some(m.actionPattern),
		m.of("Resource", "Resource", "NotResource"): m.some(m.resourcePattern),
	}
	if m.pick(3) == 0 {
		conditions := map[string]any{}
		for range 1 + m.pick(2) {
			operator, key, values := m.condition()
			conditions[operator] = map[string]any{key: values}
		}
		s["Condition"] = conditions
	}
	return s
}

func (m maker) policy(more ...map[string]any) string {
	list := append([]map[string]any{}, more...)
	for range 1 + m.pick(3) {
		list = append(list, m.statement(m.of("Allow", "Allow", "Allow", "Deny")))
	}
	b, err := json.Marshal(map[string]any{"Version": Version, "Statement": list})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// fataler is what both testing.T and rapid.T have.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func parsed(t fataler, texts ...string) []Named {
	t.Helper()
	var docs []Named
	for i, text := range texts {
		d, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		docs = append(docs, Named{"p" + strconv.Itoa(i), d})
	}
	return docs
}

// compare asks both evaluators, and the properties that hold for any policies.
// It returns how many requests were allowed.
func compare(t fataler, m maker, requests int) (yes int) {
	t.Helper()
	texts := []string{m.policy()}
	if m.pick(2) == 0 {
		texts = append(texts, m.policy())
	}
	docs := parsed(t, texts...)
	var session *Document
	var sessionText string
	if m.pick(3) == 0 {
		sessionText = m.policy()
		session = parsed(t, sessionText)[0].Doc
	}
	denied, _ := json.Marshal(map[string]any{"Version": Version, "Statement": []any{m.statement("Deny")}})
	stricter := append(slices.Clone(docs), parsed(t, string(denied))...)
	for range requests {
		req := m.request()
		got := Evaluate(req, docs, session)
		if want := naiveAllows(req, texts, sessionText); got.Allowed != want {
			t.Fatalf("%+v\npolicies %v\nsession %s\ngot %+v, the naive evaluator says %v", req, texts, sessionText, got, want)
		}
		if Allows(req, docs, session) != got.Allowed {
			t.Fatalf("Allows and Evaluate differ: %+v", req)
		}
		if !got.Allowed && Allows(req, stricter, session) {
			t.Fatalf("a further Deny widened: %+v\n%v\n%s", req, texts, denied)
		}
		if got.Allowed && !Allows(req, docs, nil) {
			t.Fatalf("a session policy widened: %+v\n%v\n%s", req, texts, sessionText)
		}
		if got.Allowed && got.Policy == "" {
			t.Fatalf("allowed by nobody: %+v", got)
		}
		if got.Allowed {
			yes++
		}
	}
	return yes
}

func TestAgreesWithNaiveEvaluator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compare(t, maker{func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }}, 3)
	})
}

// TestAgreesWithNaiveEvaluatorInBulk compares 100,000 pairs, in the soak
// 10,000,000. EVENTBUS_SEED repeats a run.
func TestAgreesWithNaiveEvaluatorInBulk(t *testing.T) {
	pairs := 100_000
	if testing.Short() {
		pairs = 5_000
	}
	if os.Getenv("EVENTBUS_SOAK") == "1" {
		pairs = 10_000_000
	}
	_, m := seeded(t)
	yes := 0
	for range pairs / 20 {
		yes += compare(t, m, 20)
	}
	if yes < pairs/20 || yes > pairs*9/10 {
		t.Errorf("%d of %d allowed; such policies prove little", yes, pairs)
	}
	t.Logf("%d of %d allowed", yes, pairs)
}

// seeded gives a maker whose draws EVENTBUS_SEED repeats.
func seeded(t *testing.T) (uint64, maker) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("EVENTBUS_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("EVENTBUS_SEED=%d", seed)
	return seed, maker{rand.New(rand.NewPCG(seed, 2)).IntN}
}
