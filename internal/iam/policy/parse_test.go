package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const (
	clusterARN = "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:cluster/bus/0a1b"
	topicARN   = "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:topic/bus/0a1b/claims"
	groupARN   = "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:group/bus/0a1b/billing"
	txidARN    = "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:transactional-id/bus/0a1b/tx-1"
	roleARN    = "arn:aws-us-gov:iam::123456789012:role/claims-producer"
)

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// allowing writes an Allow; actions and resources are JSON.
func allowing(actions, resources string, more ...string) string {
	return `{"Effect":"Allow","Action":` + actions + `,"Resource":` + resources + strings.Join(more, "") + `}`
}

func mustParse(t testing.TB, text string) *Document {
	t.Helper()
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return d
}

func TestParseAcceptsAndWritesCanonically(t *testing.T) {
	for _, c := range []struct{ name, in, out string }{
		{"one statement without a list",
			`{"Statement": {"Resource": ["` + topicARN + `"], "Action": ["kafka-cluster:readdata"], "Effect": "Allow"}, "Version": "2012-10-17"}`,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:ReadData","Resource":"` + topicARN + `"}]}`},
		{"values sorted, doubles gone",
			document(`{"Sid":"A1","Effect":"Deny","NotAction":["kafka-cluster:WriteData","KAFKA-CLUSTER:Connect","kafka-cluster:WriteData"],"NotResource":["*"]}`),
			document(`{"Sid":"A1","Effect":"Deny","NotAction":["kafka-cluster:Connect","kafka-cluster:WriteData"],"NotResource":"*"}`)},
		{"wildcards stay as written",
			document(allowing(`["kafka-cluster:*Topic*","*"]`, `"arn:aws*:kafka:us-gov-*:*:topic/bus/*"`)),
			document(allowing(`["*","kafka-cluster:*Topic*"]`, `"arn:aws*:kafka:us-gov-*:*:topic/bus/*"`))},
		{"conditions sorted, keys as AWS spells them, values as text",
			document(allowing(`"*"`, `"*"`, `,"Condition":{"StringLike":{"AWS:USERNAME":["b","a"]},"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"aws:EpochTime":2e0}}`)),
			""},
		{"conditions",
			document(allowing(`"*"`, `"*"`, `,"Condition":{"StringLike":{"AWS:USERNAME":["b","a"]},"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"aws:EpochTime":20}}`)),
			document(allowing(`"*"`, `"*"`, `,"Condition":{"Bool":{"aws:SecureTransport":"true"},"NumericLessThan":{"aws:EpochTime":"20"},"StringLike":{"aws:username":["a","b"]}}`))},
		{"assume a role", document(allowing(`"sts:assumerole"`, `"`+roleARN+`"`)), document(allowing(`"sts:AssumeRole"`, `"`+roleARN+`"`))},
		{"escapes and signs", document(allowing(`"*"`, `"`+groupARN+`${*}<&>"`)), document(allowing(`"*"`, `"`+groupARN+`${*}<&>"`))},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Parse([]byte(c.in))
			if c.out == "" {
				if err == nil {
					t.Fatal("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.String() != c.out {
				t.Fatalf("got  %s\nwant %s", d, c.out)
			}
			if again := mustParse(t, d.String()); again.String() != d.String() {
				t.Fatalf("not a fixed point: %s", again)
			}
		})
	}
}

// TestParseRefuses wants exactly one fault, at the path, with the words.
func TestParseRefuses(t *testing.T) {
	with := func(member string) string {
		return document(`{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"*",` + member + `}`)
	}
	condition := func(text string) string { return with(`"Condition":` + text) }
	resource := func(text string) string { return document(allowing(`"kafka-cluster:*"`, `"`+text+`"`)) }
	action := func(text string) string { return document(allowing(`"`+text+`"`, `"*"`)) }
	long := strings.Repeat("a", MaxValueLength+1)
	for _, c := range []struct{ name, in, path, words string }{
		{"empty", ``, "", "too early"},
		{"not JSON", `{"Version"`, "", "too early"},
		{"trailing", document(allowing(`"*"`, `"*"`)) + "x", "", "not JSON"},
		{"two documents", `{} {}`, "", "text follows"},
		{"not UTF-8", "{\"Version\":\"\xff\"}", "", "UTF-8"},
		{"an array", `[]`, "", "write an object"},
		{"too deep", strings.Repeat("[", 20) + strings.Repeat("]", 20), "", "nested"},
		{"too large", document(allowing(`"*"`, `["`+strings.Repeat(`*","`, MaxSize/4)+`*"]`)), "", "at most 10240"},
		{"too long", strings.Repeat(" ", MaxText+1), "", "longer"},
		{"no version", `{"Statement":[` + allowing(`"*"`, `"*"`) + `]}`, "Version", "missing"},
		{"old version", `{"Version":"2008-10-17","Statement":[` + allowing(`"*"`, `"*"`) + `]}`, "Version", "2012-10-17"},
		{"version as number", `{"Version":2012,"Statement":[` + allowing(`"*"`, `"*"`) + `]}`, "Version", "2012-10-17"},
		{"no statement", `{"Version":"2012-10-17"}`, "Statement", "missing"},
		{"no statements", document(), "Statement", "empty"},
		{"too many statements", document(strings.TrimSuffix(strings.Repeat(`{},`, 101), ",")), "Statement", "more than 100"},
		{"statement is a string", document(`"x"`), "Statement[0]", "write an object"},
		{"unknown element", `{"Version":"2012-10-17","Statement":[` + allowing(`"*"`, `"*"`) + `],"Extra":1}`, "Extra", "unknown"},
		{"id", `{"Version":"2012-10-17","Id":"x","Statement":[` + allowing(`"*"`, `"*"`) + `]}`, "Id", "not allowed"},
		{"lower case element", with(`"condition":{}`), "Statement[0].condition", "unknown"},
		{"principal", with(`"Principal":"*"`), "Statement[0].Principal", "not allowed"},
		{"not principal", with(`"NotPrincipal":"*"`), "Statement[0].NotPrincipal", "not supported"},
		{"written twice", with(`"Effect":"Deny"`), "Statement[0].Effect", "twice"},
		{"action twice", with(`"NotAction":"*"`), "Statement[0].NotAction", "exclude"},
		{"resource twice", with(`"NotResource":"*"`), "Statement[0].NotResource", "exclude"},
		{"no effect", document(`{"Action":"*","Resource":"*"}`), "Statement[0].Effect", "missing"},
		{"no action", document(`{"Effect":"Allow","Resource":"*"}`), "Statement[0].Action", "missing"},
		{"no resource", document(`{"Effect":"Allow","Action":"*"}`), "Statement[0].Resource", "missing"},
		{"effect in lower case", document(`{"Effect":"allow","Action":"*","Resource":"*"}`), "Statement[0].Effect", "Allow or Deny"},
		{"bad sid", with(`"Sid":"a b"`), "Statement[0].Sid", "letters"},
		{"sid twice", document(`{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}`, `{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}`), "Statement[1].Sid", "twice"},
		{"empty action list", document(allowing(`[]`, `"*"`)), "Statement[0].Action", "empty"},
		{"action is a number", document(allowing(`[1]`, `"*"`)), "Statement[0].Action[0]", "found: number"},
		{"action is null", document(allowing(`null`, `"*"`)), "Statement[0].Action", "found: null"},
		{"nested list", document(allowing(`[["*"]]`, `"*"`)), "Statement[0].Action[0]", "found: array"},
		{"unknown action", action("kafka-cluster:Write"), "Statement[0].Action", "kafka-cluster:WriteData"},
		{"no such action", action("kafka-cluster:Fly"), "Statement[0].Action", "no action"},
		{"pattern without action", action("kafka-cluster:X*"), "Statement[0].Action", "no action"},
		{"no service", action("Connect"), "Statement[0].Action", "service:Action"},
		{"service with wildcard", action("kafka-*:Connect"), "Statement[0].Action", "decides"},
		{"other service", action("s3:GetObject"), "Statement[0].Action", "no effect here"},
		{"variable in action", action("kafka-cluster:${aws:x}"), "Statement[0].Action", "variables"},
		{"short ARN", resource("arn:aws:kafka:*"), "Statement[0].Resource", "six parts"},
		{"no ARN", resource("topic/x"), "Statement[0].Resource", "six parts"},
		{"empty resource", resource(""), "Statement[0].Resource", "six parts"},
		{"upper case arn", resource("ARN:aws:kafka:r:123456789012:topic/x"), "Statement[0].Resource", "six parts"},
		{"service wildcard", resource("arn:aws:*:r:123456789012:topic/x"), "Statement[0].Resource", "not decided"},
		{"other service's ARN", resource("arn:aws:s3:r:123456789012:x"), "Statement[0].Resource", "not decided"},
		{"no region", resource("arn:aws:kafka::123456789012:topic/x"), "Statement[0].Resource", "region is empty"},
		{"no account", resource("arn:aws:kafka:r::topic/x"), "Statement[0].Resource", "account is empty"},
		{"short account", resource("arn:aws:kafka:r:12:topic/x"), "Statement[0].Resource", "12 digits"},
		{"partition", resource("arn:gov:kafka:r:123456789012:topic/x"), "Statement[0].Resource", "partition"},
		{"resource type", resource("arn:aws:kafka:r:123456789012:Topic/x"), "Statement[0].Resource", "none of"},
		{"bare resource type", resource("arn:aws:kafka:r:123456789012:topic"), "Statement[0].Resource", "none of"},
		{"region of iam", resource("arn:aws:iam:r:123456789012:role/x"), "Statement[0].Resource", "no region"},
		{"variable", resource(topicARN + "${aws:username}"), "Statement[0].Resource", "variables"},
		{"cut variable", resource(topicARN + "${"), "Statement[0].Resource", "variables"},
		{"control character", resource(topicARN + `\u0000`), "Statement[0].Resource", "control"},
		{"long value", resource(topicARN + long), "Statement[0].Resource", "longer"},
		{"many wildcards", resource(topicARN + strings.Repeat("*a", MaxWildcards+1)), "Statement[0].Resource", "wildcards"},
		{"condition is a list", condition(`[]`), "Statement[0].Condition", "write an object"},
		{"operator without keys", condition(`{"StringEquals":{}}`), "Statement[0].Condition.StringEquals", "condition keys"},
		{"unknown operator", condition(`{"StringMatches":{"aws:username":"x"}}`), `Statement[0].Condition.StringMatches["aws:username"]`, "unknown condition operator"},
		{"operator in lower case", condition(`{"stringEquals":{"aws:username":"x"}}`), `Statement[0].Condition.stringEquals["aws:username"]`, "unknown condition operator"},
		{"binary", condition(`{"BinaryEquals":{"aws:username":"x"}}`), `Statement[0].Condition.BinaryEquals["aws:username"]`, "unknown condition operator"},
		{"null if exists", condition(`{"NullIfExists":{"aws:username":"true"}}`), `Statement[0].Condition.NullIfExists["aws:username"]`, "unknown condition operator"},
		{"null for all", condition(`{"ForAllValues:Null":{"aws:username":"true"}}`), `Statement[0].Condition["ForAllValues:Null"]["aws:username"]`, "unknown condition operator"},
		{"two sets", condition(`{"ForAnyValue:ForAllValues:StringLike":{"aws:username":"true"}}`), `Statement[0].Condition["ForAnyValue:ForAllValues:StringLike"]["aws:username"]`, "unknown condition operator"},
		{"unknown key", condition(`{"StringEquals":{"aws:PrincipalOrgID":"x"}}`), `Statement[0].Condition.StringEquals["aws:PrincipalOrgID"]`, "does not know"},
		{"key of trust policies", condition(`{"StringEquals":{"sts:ExternalId":"x"}}`), `Statement[0].Condition.StringEquals["sts:ExternalId"]`, "does not know"},
		{"key twice", condition(`{"StringEquals":{"aws:username":"x","AWS:username":"y"}}`), `Statement[0].Condition.StringEquals["AWS:username"]`, "twice"},
		{"type", condition(`{"IpAddress":{"aws:username":"10.0.0.0/8"}}`), `Statement[0].Condition.IpAddress["aws:username"]`, "does not fit"},
		{"address", condition(`{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","10.0.0.0/33"]}}`), `Statement[0].Condition.IpAddress["aws:SourceIp"][1]`, "IP address"},
		{"loose bits", condition(`{"IpAddress":{"aws:SourceIp":"10.0.0.1/8"}}`), `Statement[0].Condition.IpAddress["aws:SourceIp"]`, "10.0.0.0/8"},
		{"date", condition(`{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), `Statement[0].Condition.DateLessThan["aws:CurrentTime"]`, "date"},
		{"number", condition(`{"NumericEquals":{"aws:EpochTime":"NaN"}}`), `Statement[0].Condition.NumericEquals["aws:EpochTime"]`, "decimal"},
		{"comparison", condition(`{"NumericLessOrMore":{"aws:EpochTime":"1"}}`), `Statement[0].Condition.NumericLessOrMore["aws:EpochTime"]`, "unknown condition operator"},
		{"boolean", condition(`{"Bool":{"aws:SecureTransport":"yes"}}`), `Statement[0].Condition.Bool["aws:SecureTransport"]`, "true or false"},
		{"null", condition(`{"Null":{"aws:SourceIp":"yes"}}`), `Statement[0].Condition.Null["aws:SourceIp"]`, "true"},
		{"ARN", condition(`{"ArnLike":{"aws:PrincipalArn":"*"}}`), `Statement[0].Condition.ArnLike["aws:PrincipalArn"]`, "six parts"},
		{"variable in value", condition(`{"StringLike":{"aws:username":"${aws:userid}"}}`), `Statement[0].Condition.StringLike["aws:username"]`, "variables"},
		{"empty values", condition(`{"StringLike":{"aws:username":[]}}`), `Statement[0].Condition.StringLike["aws:username"]`, "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Parse([]byte(c.in))
			var e *Error
			if d != nil || !errors.As(err, &e) {
				t.Fatalf("accepted: %v, %v", d, err)
			}
			for _, f := range e.Faults {
				if f.Path == c.path && strings.Contains(f.Message, c.words) {
					return
				}
			}
			t.Fatalf("no fault %q ... %q in\n%v", c.path, c.words, err)
		})
	}
}

func TestParseListsEveryFault(t *testing.T) {
	_, err := Parse([]byte(`{"Statement":[{"Effect":"no","Action":["x:y","kafka-cluster:Connect","kafka-cluster:Nope"],"Resource":["","*"],"Huh":1}]}`))
	want := []string{"Statement[0].Effect", "Statement[0].Action[0]", "Statement[0].Action[2]", "Statement[0].Resource[0]", "Statement[0].Huh", "Version"}
	var e *Error
	if !errors.As(err, &e) || len(e.Faults) != len(want) {
		t.Fatal(err)
	}
	for _, path := range want {
		if !strings.Contains(err.Error(), path+": ") {
			t.Errorf("%s is not listed: %v", path, err)
		}
	}
	var many []string
	for range 90 {
		many = append(many, `{}`)
	}
	_, err = Parse([]byte(document(many...)))
	if !errors.As(err, &e) || len(e.Faults) != MaxFaults {
		t.Fatalf("%d faults", len(e.Faults))
	}
}

func TestSizeDoesNotCountWhiteSpace(t *testing.T) {
	d := mustParse(t, document(allowing(`"*"`, `"*"`))+strings.Repeat(" \n\t\r", MaxSize/4))
	if d.Len() != 1 || d.Trust() {
		t.Fatal(d)
	}
}

func TestActions(t *testing.T) {
	list := Actions()
	if len(list) != 19 {
		t.Fatalf("%d actions", len(list))
	}
	names := map[string]bool{}
	for _, a := range list {
		names[a.Name] = true
	}
	for _, a := range list {
		if !strings.HasPrefix(a.Name, "kafka-cluster:") || a.On == "" || (a.ACL == "") != (a.Name == "kafka-cluster:Connect") {
			t.Errorf("%+v", a)
		}
		for _, n := range a.DependsOn {
			if !names[n] {
				t.Errorf("%s depends on unknown %s", a.Name, n)
			}
		}
	}
	list[len(list)-1].DependsOn[0] = "changed"
	if Actions()[len(list)-1].DependsOn[0] == "changed" {
		t.Error("a caller can change the table")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		document(allowing(`["kafka-cluster:*","sts:AssumeRole"]`, `["*","`+topicARN+`*"]`)),
		document(`{"Sid":"A","Effect":"Deny","NotAction":"*","NotResource":"` + groupARN + `${*}?"}`),
		document(allowing(`"*"`, `"*"`, `,"Condition":{"ForAnyValue:StringLikeIfExists":{"aws:username":["a*",true,1]},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"DateLessThan":{"aws:CurrentTime":"2026-01-01"},"Null":{"aws:userid":"true"}}`)),
		document(`{"Effect":"Allow","Principal":{"AWS":["*","` + roleARN + `"]},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`),
		`{"Version":"2012-10-17","Version":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func([]byte) (*Document, error){Parse, ParseTrust} {
			d, err := parse(text)
			if (d == nil) == (err == nil) {
				t.Fatalf("%v with %v", d, err)
			}
			if err != nil {
				continue
			}
			if !json.Valid([]byte(d.String())) {
				t.Fatalf("not JSON: %s", d)
			}
			again, err := parse([]byte(d.String()))
			if err != nil || again.String() != d.String() {
				t.Fatalf("%s became %v, %v", d, again, err)
			}
			req := Request{Principal: roleARN, Action: "kafka-cluster:ReadData", Resource: topicARN}
			if !d.Trust() {
				a := Evaluate(req, []Named{{"p", d}}, nil)
				b := Evaluate(req, []Named{{"p", again}}, nil)
				if a != b {
					t.Fatalf("%+v and %+v", a, b)
				}
			}
			_ = fmt.Sprint(Lint(d))
		}
	})
}
