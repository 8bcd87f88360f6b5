package policy

import (
	"fmt"
	"strings"
	"testing"
)

func TestEvaluate(t *testing.T) {
	read := allowing(`"kafka-cluster:ReadData"`, `"`+topicARN+`"`)
	for _, c := range []struct {
		name             string
		docs             []string
		session          string
		action, resource string
		allowed          bool
		by               string // policy/statement, empty for the denial by default
	}{
		{"nothing", nil, "", "kafka-cluster:ReadData", topicARN, false, ""},
		{"allowed", []string{document(read)}, "", "kafka-cluster:ReadData", topicARN, true, "p0/Statement[0]"},
		{"case of actions", []string{document(allowing(`"KAFKA-cluster:readDATA"`, `"*"`))}, "", "Kafka-Cluster:ReadData", topicARN, true, "p0/Statement[0]"},
		{"case of ARNs", []string{document(read)}, "", "kafka-cluster:ReadData", strings.Replace(topicARN, "claims", "Claims", 1), false, ""},
		{"another action", []string{document(read)}, "", "kafka-cluster:WriteData", topicARN, false, ""},
		{"nothing is implied", []string{document(allowing(`"kafka-cluster:WriteData"`, `"*"`))}, "", "kafka-cluster:DescribeTopic", topicARN, false, ""},
		{"deny wins from another policy", []string{document(read), document(`{"Sid":"No","Effect":"Deny","Action":"*","Resource":"*"}`)}, "", "kafka-cluster:ReadData", topicARN, false, "p1/No"},
		{"deny wins before", []string{document(`{"Effect":"Deny","Action":"*","Resource":"*"}`, read)}, "", "kafka-cluster:ReadData", topicARN, false, "p0/Statement[0]"},
		{"deny wins behind", []string{document(read, `{"Effect":"Deny","Action":"*","Resource":"*"}`)}, "", "kafka-cluster:ReadData", topicARN, false, "p0/Statement[1]"},
		{"deny elsewhere", []string{document(read, `{"Effect":"Deny","Action":"*","Resource":"`+groupARN+`"}`)}, "", "kafka-cluster:ReadData", topicARN, true, "p0/Statement[0]"},
		{"not action", []string{document(`{"Effect":"Allow","NotAction":"kafka-cluster:Delete*","Resource":"*"}`)}, "", "kafka-cluster:ReadData", topicARN, true, "p0/Statement[0]"},
		{"not action names it", []string{document(`{"Effect":"Allow","NotAction":"kafka-cluster:Delete*","Resource":"*"}`)}, "", "kafka-cluster:DeleteTopic", topicARN, false, ""},
		{"not resource", []string{document(`{"Effect":"Deny","Action":"*","NotResource":"`+topicARN+`"}`, allowing(`"*"`, `"*"`))}, "", "kafka-cluster:ReadData", topicARN + "2", false, "p0/Statement[0]"},
		{"not resource names it", []string{document(`{"Effect":"Deny","Action":"*","NotResource":"`+topicARN+`"}`, allowing(`"*"`, `"*"`))}, "", "kafka-cluster:ReadData", topicARN, true, "p0/Statement[1]"},
		{"unknown action in a request", []string{document(allowing(`"*"`, `"*"`))}, "", "kafka-cluster:Fly", topicARN, false, ""},
		{"wildcard in a request is literal", []string{document(read)}, "", "kafka-cluster:ReadData", strings.Replace(topicARN, "claims", "*", 1), false, ""},
		{"resource too long", []string{document(allowing(`"*"`, `"*"`))}, "", "kafka-cluster:ReadData", topicARN + strings.Repeat("x", MaxRequestLength), false, ""},
		{"no ARN and a star", []string{document(allowing(`"*"`, `"*"`))}, "", "kafka-cluster:ReadData", "x", true, "p0/Statement[0]"},
		{"no ARN", []string{document(allowing(`"*"`, `"arn:*:kafka:*:*:*"`))}, "", "kafka-cluster:ReadData", "x", false, ""},
		{"session allows", []string{document(read)}, document(allowing(`"*"`, `"*"`)), "kafka-cluster:ReadData", topicARN, true, "p0/Statement[0]"},
		{"session does not", []string{document(read)}, document(allowing(`"kafka-cluster:Connect"`, `"*"`)), "kafka-cluster:ReadData", topicARN, false, "session policy/"},
		{"session denies", []string{document(read)}, document(allowing(`"*"`, `"*"`), `{"Sid":"S","Effect":"Deny","Action":"*","Resource":"*"}`), "kafka-cluster:ReadData", topicARN, false, "session policy/S"},
		{"session cannot widen", []string{document(read)}, document(allowing(`"*"`, `"*"`)), "kafka-cluster:WriteData", topicARN, false, ""},
		{"session alone", nil, document(allowing(`"*"`, `"*"`)), "kafka-cluster:ReadData", topicARN, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var docs []Named
			for i, text := range c.docs {
				docs = append(docs, Named{fmt.Sprintf("p%d", i), mustParse(t, text)})
			}
			var session *Document
			if c.session != "" {
				session = mustParse(t, c.session)
			}
			req := Request{Principal: roleARN, Action: c.action, Resource: c.resource}
			d := Evaluate(req, docs, session)
			by := ""
			if d.Policy != "" {
				by = d.Policy + "/" + d.Statement
			}
			if d.Allowed != c.allowed || by != c.by || d.Reason == "" || d.Explicit != (d.Index >= 0) {
				t.Fatalf("%+v", d)
			}
			if Allows(req, docs, session) != d.Allowed {
				t.Fatal("Allows says another thing than Evaluate")
			}
		})
	}
}

// TestWildcards says how patterns of Resource match.
func TestWildcards(t *testing.T) {
	const base = "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:"
	for _, c := range []struct {
		pattern, resource string
		want              bool
	}{
		{base + "topic/bus/0a1b/claims", base + "topic/bus/0a1b/claims", true},
		{base + "topic/bus/0a1b/claims", base + "topic/bus/0a1b/claims2", false},
		{base + "topic/bus/0a1b/claims*", base + "topic/bus/0a1b/claims", true},
		{base + "topic/bus/0a1b/claims.*", base + "topic/bus/0a1b/claims.x.y", true},
		{base + "topic/bus/0a1b/cl?ims", base + "topic/bus/0a1b/claims", true},
		{base + "topic/bus/0a1b/cl?ims", base + "topic/bus/0a1b/clims", false},
		{base + "group/bus/0a1b/?", base + "group/bus/0a1b/é", true},
		{base + "group/bus/0a1b/*??", base + "group/bus/0a1b/€", false},
		{base + "group/bus/0a1b/*?", base + "group/bus/0a1b/", false},
		{base + "topic/bus/*", base + "topic/bus/0a1b/claims", true},      // swallows the UUID
		{base + "topic/*/claims", base + "topic/bus/0a1b/claims", true},   // crosses slashes
		{base + "topic/*/claims", base + "topic/bus/0a1b/x/claims", true}, // any number
		{base + "*", base + "cluster/bus/0a1b", true},
		{base + "*/bus/0a1b/claims", base + "group/bus/0a1b/claims", true},
		{base + "group/bus/*", base + "group/bus/0a1b/a:b:c", true}, // crosses colons in the resource
		{base + "group/bus/0a1b/${*}", base + "group/bus/0a1b/*", true},
		{base + "group/bus/0a1b/${*}", base + "group/bus/0a1b/x", false},
		{base + "group/bus/0a1b/${$}{x", base + "group/bus/0a1b/${x", true},
		{"arn:*:kafka:*:*:topic/bus/0a1b/claims", base + "topic/bus/0a1b/claims", true},
		{"arn:aws-us-gov:kafka:us-gov-west-?:123456789012:topic/*", base + "topic/bus/0a1b/claims", true},
		{"arn:aws:kafka:us-gov-west-1:123456789012:topic/*", base + "topic/bus/0a1b/claims", false},
		{"arn:aws-us-gov:kafka:us-gov-west-1:*:topic/*", "arn:aws-us-gov:kafka:us-gov-west-1:999999999999:topic/b/u/t", true},
		// A star before the resource never crosses a colon, so a name that a
		// client chose cannot shift the parts.
		{"arn:aws-us-gov:kafka:*:*:group/bus/0a1b/b", base + "group/x/y/z:group/bus/0a1b/b", false},
		{"arn:aws-us-gov:kafka:us-gov-west-1:*:topic/bus/0a1b/t", base + "group/x/y/a:topic/bus/0a1b/t", false},
		{"arn:aws-us-gov:kafka:us-gov-west-1*:123456789012:*", "arn:aws-us-gov:kafka:us-gov-west-1:1:123456789012:x", false},
		{"*", "anything", true},
	} {
		d := mustParse(t, document(allowing(`"*"`, quote(c.pattern))))
		got := Allows(Request{Action: "kafka-cluster:Connect", Resource: c.resource}, []Named{{"p", d}}, nil)
		if got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.resource, got)
		}
	}
}

func TestMatchIsNotExponential(t *testing.T) {
	p, err := compilePattern(strings.Repeat("a*", MaxWildcards) + "b")
	if err != nil {
		t.Fatal(err)
	}
	if p.match(strings.Repeat("a", MaxRequestLength)) {
		t.Fatal("matched")
	}
}

// TestUnreadablePoliciesDeny: what cannot be read might hold a Deny.
func TestUnreadablePoliciesDeny(t *testing.T) {
	all := mustParse(t, document(allowing(`"*"`, `"*"`)))
	trust, err := ParseTrust([]byte(document(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`)))
	if err != nil {
		t.Fatal(err)
	}
	req := Request{Action: "kafka-cluster:Connect", Resource: clusterARN}
	for _, docs := range [][]Named{{{"a", all}, {"lost", nil}}, {{"lost", nil}, {"a", all}}, {{"a", all}, {"lost", trust}}} {
		d := Evaluate(req, docs, nil)
		if d.Allowed || d.Policy != "lost" || Allows(req, docs, nil) {
			t.Errorf("%+v", d)
		}
	}
	if d := Evaluate(req, []Named{{"a", all}}, trust); d.Allowed || d.Policy != SessionPolicy {
		t.Errorf("%+v", d)
	}
}

func TestReasons(t *testing.T) {
	docs := []Named{{"claims", mustParse(t, document(
		`{"Sid":"Read","Effect":"Allow","Action":"kafka-cluster:ReadData","Resource":"`+topicARN+`"}`,
		`{"Sid":"Tls","Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}`,
		`{"Sid":"No","Effect":"Deny","Action":"kafka-cluster:DeleteTopic","Resource":"*"}`,
	))}}
	for _, c := range []struct {
		action, resource string
		context          map[string][]string
		words            []string
	}{
		{"kafka-cluster:ReadData", topicARN, nil, []string{"allowed by Read of claims"}},
		{"kafka-cluster:ReadData", topicARN + "*", nil, []string{"no statement allows", "Read of claims allows the action on other resources", `"Resource":"` + topicARN + `${*}"`}},
		{"kafka-cluster:WriteData", topicARN, nil, []string{"Read of claims allows other actions on it", `"Action":"kafka-cluster:WriteData"`}},
		{"kafka-cluster:Connect", clusterARN, nil, []string{"Tls of claims does, but", "needs aws:SecureTransport"}},
		{"kafka-cluster:Connect", clusterARN, map[string][]string{"aws:securetransport": {"false"}}, []string{"Tls of claims does, but", "does not hold"}},
		{"kafka-cluster:DeleteTopic", topicARN, nil, []string{"denied by No of claims", "a Deny wins"}},
		{"kafka-cluster:Fly", topicARN, nil, []string{"not an action"}},
	} {
		d := Evaluate(Request{Action: c.action, Resource: c.resource, Context: c.context}, docs, nil)
		for _, w := range c.words {
			if !strings.Contains(d.Reason, w) {
				t.Errorf("%s: %q lacks %q", c.action, d.Reason, w)
			}
		}
	}
	if d := Evaluate(Request{Action: "kafka-cluster:Connect", Resource: clusterARN}, nil, nil); !strings.Contains(d.Reason, "no policy") {
		t.Error(d.Reason)
	}
}

func TestContextKeys(t *testing.T) {
	a := mustParse(t, document(allowing(`"*"`, `"*"`, `,"Condition":{"Bool":{"aws:SecureTransport":"true"},"IpAddress":{"aws:sourceip":"10.0.0.0/8"}}`)))
	b := mustParse(t, document(allowing(`"*"`, `"*"`, `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`)))
	if got := fmt.Sprint(ContextKeys([]Named{{"b", b}, {"lost", nil}}, a)); got != "[aws:SecureTransport aws:SourceIp]" {
		t.Error(got)
	}
	if got := ContextKeys([]Named{{"c", mustParse(t, document(allowing(`"*"`, `"*"`)))}}, nil); len(got) != 0 {
		t.Error(got)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	arns := ARNs{"aws-us-gov", "us-gov-west-1", "123456789012", "bus", "0a1b"}
	docs := []Named{{"produce", ProduceTransactional(arns, "claims", "tx")}, {"consume", Consume(arns, "claims", "billing")}}
	session := mustParse(b, document(allowing(`"kafka-cluster:*"`, `"*"`)))
	req := Request{Principal: roleARN, Action: "kafka-cluster:ReadData", Resource: arns.Topic("claims")}
	b.Run("Allows", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !Allows(req, docs, session) {
				b.Fatal("denied")
			}
		}
	})
	b.Run("Evaluate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !Evaluate(req, docs, session).Allowed {
				b.Fatal("denied")
			}
		}
	})
	req.Resource = arns.Topic("other")
	b.Run("denied", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if Evaluate(req, docs, session).Allowed {
				b.Fatal("allowed")
			}
		}
	})
}
