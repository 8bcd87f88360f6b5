package policy

import "testing"

// TestConditions walks over operators, several values and absent keys. The
// rules are those of "IAM JSON policy elements: Condition operators" and
// "Multivalued context keys".
func TestConditions(t *testing.T) {
	const (
		user = "aws:username"
		addr = "aws:SourceIp"
		who  = "aws:PrincipalArn"
		now  = "aws:CurrentTime"
		sec  = "aws:EpochTime"
		tls  = "aws:SecureTransport"
	)
	absent := []string(nil)
	is := func(v ...string) []string { return v }
	for _, c := range []struct {
		operator, key, want string // want is JSON
		got                 []string
		holds               bool
	}{
		{"StringEquals", user, `"anna"`, is("anna"), true},
		{"StringEquals", user, `"anna"`, is("Anna"), false},
		{"StringEquals", user, `["anna","bob"]`, is("bob"), true},
		{"StringEquals", user, `"*"`, is("bob"), false},
		{"StringEquals", user, `"${*}"`, is("*"), true},
		{"StringEquals", user, `"anna"`, absent, false},
		{"StringEqualsIfExists", user, `"anna"`, absent, true},
		{"StringEqualsIfExists", user, `"anna"`, is("bob"), false},
		{"StringNotEquals", user, `"anna"`, is("bob"), true},
		{"StringNotEquals", user, `["anna","bob"]`, is("bob"), false},
		{"StringNotEquals", user, `"anna"`, absent, true},
		{"StringEqualsIgnoreCase", user, `"ANNA"`, is("anna"), true},
		{"StringNotEqualsIgnoreCase", user, `"ANNA"`, is("anna"), false},
		{"StringLike", user, `"a*"`, is("anna"), true},
		{"StringLike", user, `"a?"`, is("anna"), false},
		{"StringLike", user, `"*"`, absent, false},
		{"StringNotLike", user, `"a*"`, is("anna"), false},
		{"StringNotLike", user, `"a*"`, absent, true},
		{"StringEquals", user, `"anna"`, is("bob", "anna"), true},
		{"StringNotEquals", user, `"anna"`, is("bob", "anna"), false},
		{"ForAllValues:StringEquals", user, `["a","b"]`, is("a", "b"), true},
		{"ForAllValues:StringEquals", user, `["a","b"]`, is("a", "c"), false},
		{"ForAllValues:StringEquals", user, `"a"`, absent, true},
		{"ForAllValues:StringNotEquals", user, `"a"`, is("b", "a"), false},
		{"ForAllValues:StringNotEquals", user, `"a"`, is("b", "c"), true},
		{"ForAnyValue:StringEquals", user, `"a"`, is("b", "a"), true},
		{"ForAnyValue:StringEquals", user, `"a"`, is("b", "c"), false},
		{"ForAnyValue:StringEquals", user, `"a"`, absent, false},
		{"ForAnyValue:StringEqualsIfExists", user, `"a"`, absent, true},
		{"ForAnyValue:StringNotEquals", user, `"a"`, is("a", "b"), true},
		{"ForAnyValue:StringNotEquals", user, `"a"`, is("a", "a"), false},
		{"ForAnyValue:StringNotEquals", user, `"a"`, absent, false},
		{"ArnEquals", who, `"arn:aws:iam::123456789012:role/a*"`, is("arn:aws:iam::123456789012:role/abc"), true},
		{"ArnLike", who, `"arn:aws:iam::*:role/a"`, is("arn:aws:iam::1:x:role/a"), false},
		{"ArnLike", who, `"arn:aws:iam::*:role/a"`, is("role/a"), false},
		{"ArnNotLike", who, `"arn:aws:iam::*:role/a"`, is("arn:aws:iam::1:role/a"), false},
		{"ArnNotEquals", who, `"arn:aws:iam::*:role/a"`, absent, true},
		{"Bool", tls, `true`, is("true"), true},
		{"Bool", tls, `"true"`, is("false"), false},
		{"Bool", tls, `"false"`, absent, false},
		{"BoolIfExists", tls, `"true"`, absent, true},
		{"IpAddress", addr, `"10.0.0.0/8"`, is("10.200.3.4"), true},
		{"IpAddress", addr, `"10.0.0.0/8"`, is("::ffff:10.200.3.4"), true},
		{"IpAddress", addr, `"10.0.0.0/8"`, is("11.0.0.1"), false},
		{"IpAddress", addr, `"10.0.0.7"`, is("10.0.0.7"), true},
		{"IpAddress", addr, `"fd00::/8"`, is("fd00::1"), true},
		{"IpAddress", addr, `"0.0.0.0/0"`, is("fd00::1"), false},
		{"IpAddress", addr, `"0.0.0.0/0"`, is("nowhere"), false},
		{"NotIpAddress", addr, `"10.0.0.0/8"`, is("10.0.0.1"), false},
		{"NotIpAddress", addr, `"10.0.0.0/8"`, is("nowhere"), true},
		{"NotIpAddress", addr, `"10.0.0.0/8"`, absent, true},
		{"NumericEquals", sec, `5`, is("5.0"), true},
		{"NumericNotEquals", sec, `"5"`, is("5"), false},
		{"NumericLessThan", sec, `"5"`, is("5"), false},
		{"NumericLessThanEquals", sec, `"5"`, is("5"), true},
		{"NumericGreaterThan", sec, `"-5"`, is("-4.5"), true},
		{"NumericGreaterThanEquals", sec, `"5"`, is("4"), false},
		{"NumericGreaterThanEquals", sec, `"5"`, is("much"), false},
		{"DateEquals", now, `"2026-01-01T00:00:00Z"`, is("2026-01-01T01:00:00+01:00"), true},
		{"DateNotEquals", now, `"2026-01-01T00:00:00Z"`, is("2026-01-01T00:00:00.5Z"), true},
		{"DateLessThan", now, `"2026-01-01"`, is("2025-12-31T23:59:59Z"), true},
		{"DateLessThan", now, `"2026-01-01"`, is("2026-01-01T00:00:00Z"), false},
		{"DateLessThan", now, `"2026"`, is("2025-12-31T23:59:59Z"), true},
		{"DateLessThanEquals", now, `"2026-01"`, is("2026-01-01T00:00:00Z"), true},
		{"DateGreaterThan", now, `"1767225600"`, is("2026-01-01T00:00:01Z"), true},
		{"DateGreaterThanEquals", sec, `"2026-01-01T00:00Z"`, is("1767225600"), true},
		{"DateGreaterThan", now, `"2026-01-01"`, is("never"), false},
		{"DateGreaterThan", now, `"2026-01-01"`, absent, false},
		{"DateGreaterThanIfExists", now, `"2026-01-01"`, absent, true},
		{"Null", user, `"true"`, absent, true},
		{"Null", user, `"true"`, is("x"), false},
		{"Null", user, `false`, is("x"), true},
		{"Null", user, `"false"`, absent, false},
		{"Null", user, `"false"`, is(), false},
	} {
		d := mustParse(t, document(allowing(`"*"`, `"*"`, `,"Condition":{"`+c.operator+`":{"`+c.key+`":`+c.want+`}}`)))
		req := Request{Action: "kafka-cluster:Connect", Resource: clusterARN, Context: map[string][]string{c.key: c.got}}
		if got := Allows(req, []Named{{"p", d}}, nil); got != c.holds {
			t.Errorf("%s %s %s with %v: %v", c.operator, c.key, c.want, c.got, got)
		}
	}
}

// TestEveryConditionMustHold: operators and keys are joined by AND, values by OR.
func TestEveryConditionMustHold(t *testing.T) {
	d := mustParse(t, document(allowing(`"*"`, `"*"`, `,"Condition":{"StringEquals":{"aws:username":["a","b"],"aws:PrincipalAccount":"1"},"Bool":{"aws:SecureTransport":"true"}}`)))
	for _, c := range []struct {
		user, account, tls string
		want               bool
	}{
		{"a", "1", "true", true}, {"b", "1", "true", true}, {"c", "1", "true", false}, {"a", "2", "true", false}, {"a", "1", "false", false},
	} {
		req := Request{Action: "kafka-cluster:Connect", Resource: clusterARN, Context: map[string][]string{
			"aws:username": {c.user}, "AWS:principalaccount": {c.account}, "aws:SecureTransport": {c.tls}}}
		if got := Allows(req, []Named{{"p", d}}, nil); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
