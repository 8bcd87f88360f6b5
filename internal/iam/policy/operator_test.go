package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// eachOperator has one row for every operator that the bus decides: a key that it
// fits, a value of the document, and values of a request that fit it and do not.
var eachOperator = []struct {
	name, key, want string
	fits, not       [2]string
}{
	{"StringEquals", "aws:username", "anna", [2]string{"anna", "anna"}, [2]string{"Anna", "bob"}},
	{"StringNotEquals", "aws:username", "anna", [2]string{"anna", "anna"}, [2]string{"Anna", "bob"}},
	{"StringEqualsIgnoreCase", "aws:username", "Anna", [2]string{"anna", "ANNA"}, [2]string{"ann", "bob"}},
	{"StringNotEqualsIgnoreCase", "aws:username", "Anna", [2]string{"anna", "ANNA"}, [2]string{"ann", "bob"}},
	{"StringLike", "aws:username", "a*a", [2]string{"anna", "aa"}, [2]string{"a", "bob"}},
	{"StringNotLike", "aws:username", "a*a", [2]string{"anna", "aa"}, [2]string{"a", "bob"}},
	{"ArnEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/a*", [2]string{"arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/ab"}, [2]string{"arn:aws:iam::123456789012:role/b", "role/a"}},
	{"ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/a*", [2]string{"arn:aws:iam::123456789012:role/a", "arn:aws:iam::123456789012:role/ab"}, [2]string{"arn:aws:iam::123456789012:role/b", "role/a"}},
	{"ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/?", [2]string{"arn:aws:iam::1:role/a", "arn:aws:iam::2:role/b"}, [2]string{"arn:aws:iam::1:role/ab", "arn:aws:sts::1:role/a"}},
	{"ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/?", [2]string{"arn:aws:iam::1:role/a", "arn:aws:iam::2:role/b"}, [2]string{"arn:aws:iam::1:role/ab", "arn:aws:sts::1:role/a"}},
	{"Bool", "aws:SecureTransport", "true", [2]string{"true", "True"}, [2]string{"false", "1"}},
	{"IpAddress", "aws:SourceIp", "10.0.0.0/8", [2]string{"10.0.0.0", "10.255.255.255"}, [2]string{"9.255.255.255", "11.0.0.0"}},
	{"NotIpAddress", "aws:SourceIp", "10.0.0.0/8", [2]string{"10.0.0.0", "10.255.255.255"}, [2]string{"9.255.255.255", "11.0.0.0"}},
	{"NumericEquals", "aws:EpochTime", "5", [2]string{"5", "5.0"}, [2]string{"4", "6"}},
	{"NumericNotEquals", "aws:EpochTime", "5", [2]string{"5", "5.0"}, [2]string{"4", "6"}},
	{"NumericLessThan", "aws:EpochTime", "5", [2]string{"4", "-1"}, [2]string{"5", "x"}},
	{"NumericLessThanEquals", "aws:EpochTime", "5", [2]string{"5", "4"}, [2]string{"6", "x"}},
	{"NumericGreaterThan", "aws:EpochTime", "5", [2]string{"6", "5.1"}, [2]string{"5", "x"}},
	{"NumericGreaterThanEquals", "aws:EpochTime", "5", [2]string{"5", "6"}, [2]string{"4", "x"}},
	{"DateEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z", [2]string{"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"}, [2]string{"2026-01-01T00:00:01Z", "never"}},
	{"DateNotEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z", [2]string{"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"}, [2]string{"2026-01-01T00:00:01Z", "2027-01-01"}},
	{"DateLessThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", [2]string{"2025-12-31T23:59:59Z", "2025"}, [2]string{"2026-01-01T00:00:00Z", "never"}},
	{"DateLessThanEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z", [2]string{"2026-01-01T00:00:00Z", "2025"}, [2]string{"2026-01-01T00:00:01Z", "never"}},
	{"DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", [2]string{"2026-01-01T00:00:01Z", "2027"}, [2]string{"2026-01-01T00:00:00Z", "never"}},
	{"DateGreaterThanEquals", "aws:CurrentTime", "2026-01-01T00:00:00Z", [2]string{"2026-01-01T00:00:00Z", "2027"}, [2]string{"2025-12-31T23:59:59Z", "never"}},
}

// TestEveryOperator walks every operator through AWS's table of values: one and
// several, of request and document, no key, IfExists, ForAllValues, ForAnyValue. A
// negated operator is the opposite, and holds without the key; sources as for
// TestConditions.
func TestEveryOperator(t *testing.T) {
	for _, o := range eachOperator {
		negated := strings.Contains(o.name, "Not")
		absent, fits, not, both := []string(nil), o.fits[:], o.not[:], []string{o.not[0], o.fits[0]}
		for _, c := range []struct {
			name  string
			got   []string
			holds bool
		}{
			{o.name, fits[:1], !negated},
			{o.name, fits[1:], !negated},
			{o.name, not[:1], negated},
			{o.name, not[1:], negated},
			{o.name, absent, negated},
			{o.name + "IfExists", fits[:1], !negated},
			{o.name + "IfExists", not[:1], negated},
			{o.name + "IfExists", absent, true},
			{"ForAllValues:" + o.name, fits, !negated},
			{"ForAllValues:" + o.name, not, negated},
			{"ForAllValues:" + o.name, both, false},
			{"ForAllValues:" + o.name, absent, true},
			{"ForAllValues:" + o.name + "IfExists", both, false},
			{"ForAllValues:" + o.name + "IfExists", absent, true},
			{"ForAnyValue:" + o.name, fits, !negated},
			{"ForAnyValue:" + o.name, not, negated},
			{"ForAnyValue:" + o.name, both, true},
			{"ForAnyValue:" + o.name, absent, false},
			{"ForAnyValue:" + o.name + "IfExists", both, true},
			{"ForAnyValue:" + o.name + "IfExists", absent, true},
		} {
			for _, effect := range []string{"Allow", "Deny"} {
				want := c.holds
				text := document(`{"Effect":"` + effect + `","Action":"*","Resource":"*","Condition":{"` + c.name + `":{"` + o.key + `":"` + o.want + `"}}}`)
				if effect == "Deny" { // what holds denies
					text = document(`{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"`+c.name+`":{"`+o.key+`":"`+o.want+`"}}}`, allowing(`"*"`, `"*"`))
					want = !c.holds
				}
				req := Request{Action: "kafka-cluster:Connect", Resource: clusterARN, Context: map[string][]string{o.key: c.got}}
				if got := Allows(req, []Named{{"p", mustParse(t, text)}}, nil); got != want {
					t.Errorf("%s by %s %s %q with %q: allowed %v", effect, c.name, o.key, o.want, c.got, got)
				}
			}
		}
	}
}

// TestEveryOperatorIsInTheTable: a new operator without a row fails.
func TestEveryOperatorIsInTheTable(t *testing.T) {
	row := func(name string) bool {
		for _, o := range eachOperator {
			if o.name == name {
				return true
			}
		}
		return false
	}
	for _, kind := range []string{"String", "Arn", "Numeric", "Date", "Bool", "Binary", "IpAddress", "NotIpAddress", "Null"} {
		for _, how := range []string{"", "Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals", "NotLessThan"} {
			name := kind + how
			if _, known := operatorNamed(name); known != row(name) {
				t.Errorf("%s: known %v, in the table %v", name, known, row(name))
			}
		}
	}
}

// TestSeveralValuesOfADocument: any of them fits; a negated operator wants none to.
func TestSeveralValuesOfADocument(t *testing.T) {
	for _, o := range eachOperator {
		if strings.HasPrefix(o.name, "Numeric") || strings.HasPrefix(o.name, "Date") || o.name == "Bool" {
			continue // a second value would be of another meaning
		}
		other := map[string]string{"aws:username": "zoe", "aws:PrincipalArn": "arn:aws:iam::123456789012:user/zoe", "aws:SourceIp": "192.0.2.1"}[o.key]
		text := document(allowing(`"*"`, `"*"`, `,"Condition":{"`+o.name+`":{"`+o.key+`":["`+other+`","`+o.want+`"]}}`))
		d := mustParse(t, text)
		for value, fits := range map[string]bool{o.fits[0]: true, other: true, o.not[0]: false} {
			req := Request{Action: "kafka-cluster:Connect", Resource: clusterARN, Context: map[string][]string{o.key: {value}}}
			if got := Allows(req, []Named{{"p", d}}, nil); got != (fits != strings.Contains(o.name, "Not")) {
				t.Errorf("%s of %q and %q with %q: %v", o.name, other, o.want, value, got)
			}
		}
	}
}

// TestOperatorsRefuse: what an operator cannot compare is refused when written.
func TestOperatorsRefuse(t *testing.T) {
	for _, c := range []struct{ condition, words string }{
		{`{"NumericEquals":{"aws:username":"5"}}`, "does not fit"},
		{`{"DateEquals":{"aws:SourceIp":"2026"}}`, "does not fit"},
		{`{"ArnLike":{"aws:username":"arn:aws:iam::123456789012:role/x"}}`, "does not fit"},
		{`{"IpAddress":{"aws:PrincipalArn":"10.0.0.1"}}`, "does not fit"},
		{`{"Bool":{"aws:username":"true"}}`, "does not fit"},
		{`{"Bool":{"aws:SecureTransport":"yes"}}`, "true or false"},
		{`{"NumericEquals":{"aws:EpochTime":"1e3"}}`, "decimal"},
		{`{"NumericEquals":{"aws:EpochTime":"0x10"}}`, "decimal"},
		{`{"NumericEquals":{"aws:EpochTime":"NaN"}}`, "decimal"},
		{`{"NumericEquals":{"aws:EpochTime":""}}`, "decimal"},
		{`{"NumericEquals":{"aws:EpochTime":"--1"}}`, "decimal"},
		{`{"DateEquals":{"aws:CurrentTime":"01.02.2026"}}`, "a date such as"},
		{`{"DateEquals":{"aws:CurrentTime":"2026-13"}}`, "a date such as"},
		{`{"IpAddress":{"aws:SourceIp":"10.0.0.1/8"}}`, "10.0.0.0/8"},
		{`{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`, "IP address"},
		{`{"IpAddress":{"aws:SourceIp":"fe80::1%eth0"}}`, "IP address"},
		{`{"IpAddress":{"aws:SourceIp":"::ffff:10.0.0.0/104"}}`, "IPv4"},
		{`{"ArnLike":{"aws:PrincipalArn":"role/x"}}`, "six parts"},
		{`{"Null":{"aws:username":"maybe"}}`, "true"},
		{`{"NullIfExists":{"aws:username":"true"}}`, "unknown condition operator"},
		{`{"ForAllValues:Null":{"aws:username":"true"}}`, "unknown condition operator"},
		{`{"ForAllValues:ForAnyValue:StringEquals":{"aws:username":"x"}}`, "unknown condition operator"},
		{`{"ForAllValues:ForAllValues:StringEquals":{"aws:username":"x"}}`, "unknown condition operator"},
		{`{"ForSomeValues:StringEquals":{"aws:username":"x"}}`, "unknown condition operator"},
		{`{"StringEqualsIfExistsIfExists":{"aws:username":"x"}}`, "unknown condition operator"},
		{`{"BinaryEquals":{"aws:username":"eA=="}}`, "unknown condition operator"},
		{`{"StringEquals":{"aws:ResourceTag/team":"x"}}`, "does not know this condition key"},
		{`{"StringEquals":{"sts:ExternalId":"x"}}`, "does not know this condition key"},
		{`{"StringLike":{"aws:username":"${aws:PrincipalTag/x}"}}`, "variables"},
		{`{"StringEquals":{"aws:username":"${aws:username}"}}`, "variables"},
		{`{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/${aws:username}"}}`, "variables"},
	} {
		_, err := Parse([]byte(document(allowing(`"*"`, `"*"`, `,"Condition":`+c.condition))))
		if err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", c.condition, err, c.words)
		}
	}
}

// permuted draws what documents say in another order and in other pieces; the
// decision must be the same.
func permuted(m maker, texts []string) (shuffled, split []string) {
	type body struct {
		Version   string
		Statement []map[string]any
	}
	var every []map[string]any
	for _, text := range texts {
		var d body
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			panic(err)
		}
		for i := len(d.Statement) - 1; i > 0; i-- {
			j := m.pick(i + 1)
			d.Statement[i], d.Statement[j] = d.Statement[j], d.Statement[i]
		}
		b, _ := json.Marshal(d)
		shuffled = append([]string{string(b)}, shuffled...)
		every = append(every, d.Statement...)
	}
	for _, s := range every {
		b, _ := json.Marshal(body{Version, []map[string]any{s}})
		split = append(split, string(b))
	}
	return shuffled, split
}

// TestDecisionsDependOnWhatIsSaid, not on how: order of statements and policies,
// one policy or many, canonical text, a statement said twice; and a further Allow
// never takes away.
func TestDecisionsDependOnWhatIsSaid(t *testing.T) {
	seed, m := seeded(t)
	for range 2_000 {
		texts := []string{m.policy(), m.policy()}
		docs := parsed(t, texts...)
		shuffled, split := permuted(m, texts)
		var canonical []string
		for _, d := range docs {
			canonical = append(canonical, d.Doc.String())
		}
		further, _ := json.Marshal(map[string]any{"Version": Version, "Statement": []any{m.statement("Allow")}})
		same := map[string][]Named{"shuffled": parsed(t, shuffled...), "split": parsed(t, split...), "canonical": parsed(t, canonical...),
			"doubled": append(slices.Clone(docs), docs...)}
		wider := append(slices.Clone(docs), parsed(t, string(further))...)
		for range 10 {
			req := m.request()
			want := Allows(req, docs, nil)
			for how, other := range same {
				if Allows(req, other, nil) != want {
					t.Fatalf("EVENTBUS_SEED=%d: %s decides %v otherwise: %v", seed, how, req, texts)
				}
			}
			if want && !Allows(req, wider, nil) {
				t.Fatalf("EVENTBUS_SEED=%d: a further Allow took %v away: %v and %s", seed, req, texts, further)
			}
			// A session of the same policies may as much as without.
			if whole := parsed(t, split...); len(split) == 1 && Allows(req, docs, whole[0].Doc) != want {
				t.Fatalf("EVENTBUS_SEED=%d: the same policy as session policy decides %v otherwise: %v", seed, req, texts)
			}
		}
	}
}

// TestSizes: AWS's quotas, to the character; white space does not count.
func TestSizes(t *testing.T) {
	fill := func(parse func([]byte) (*Document, error), limit int, head, tail string) {
		t.Helper()
		room := limit - len(head) - len(tail)
		var list []string
		for room > 1_003+3 {
			list, room = append(list, strings.Repeat("a", 1_000)), room-1_003
		}
		exact := head + strings.Join(append(list, strings.Repeat("b", room)), `","`) + tail
		if Size([]byte(exact)) != limit {
			t.Fatalf("the test's document has %d characters", Size([]byte(exact)))
		}
		if _, err := parse([]byte(exact)); err != nil {
			t.Errorf("%d characters: %v", limit, err)
		}
		spaced := strings.ReplaceAll(exact, `","`, "\",\n\t \"")
		if _, err := parse([]byte(spaced)); err != nil {
			t.Errorf("%d characters and white space: %v", limit, err)
		}
		if _, err := parse([]byte(strings.Replace(exact, "bb", "bbb", 1))); err == nil || !strings.Contains(err.Error(), "without white space") {
			t.Errorf("%d characters: %v", limit+1, err)
		}
	}
	fill(Parse, MaxSize, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":["`, `"]}}}]}`)
	fill(ParseTrust, MaxTrustSize, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":["`, `"]}}}]}`)
}
