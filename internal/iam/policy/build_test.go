package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var here = ARNs{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012", Name: "bus", UUID: "0a1b"}

func TestARNs(t *testing.T) {
	for got, want := range map[string]string{
		here.Cluster():               clusterARN,
		here.Topic("claims"):         topicARN,
		here.Group("billing"):        groupARN,
		here.TransactionalID("tx-1"): txidARN,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestBuildersAreLeast asks every action on every resource: what a builder
// allows is exactly what the MSK Developer Guide lists, and on its own names only.
func TestBuildersAreLeast(t *testing.T) {
	connect := []string{"Connect " + clusterARN}
	produce := append(slices.Clone(connect), "DescribeTopic "+topicARN, "WriteData "+topicARN)
	idempotent := append(slices.Clone(produce), "WriteDataIdempotently "+clusterARN)
	transact := append(slices.Clone(produce), "DescribeTransactionalId "+txidARN, "AlterTransactionalId "+txidARN)
	consume := append(slices.Clone(connect), "DescribeTopic "+topicARN, "ReadData "+topicARN, "DescribeGroup "+groupARN, "AlterGroup "+groupARN)
	for _, c := range []struct {
		name string
		doc  *Document
		want []string
	}{
		{"connect", MayOnlyConnect(here), connect},
		{"produce", Produce(here, "claims"), produce},
		{"idempotent", ProduceIdempotent(here, "claims"), idempotent},
		{"transactional", ProduceTransactional(here, "claims", "tx-1"), transact},
		{"transactional prefix", ProduceTransactionalPrefix(here, "claims", "tx-"), append(slices.Clone(transact),
			"DescribeTransactionalId "+txidARN+"2", "AlterTransactionalId "+txidARN+"2")},
		{"consume", Consume(here, "claims", "billing"), consume},
		{"consume prefix", ConsumePrefix(here, "claims", "bill"), append(slices.Clone(consume),
			"DescribeGroup "+groupARN+"2", "AlterGroup "+groupARN+"2")},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := mustParse(t, c.doc.String())
			var got []string
			for _, a := range Actions() {
				for _, on := range []string{clusterARN, topicARN, groupARN, txidARN} {
					for _, on := range []string{on, on + "2", strings.Replace(on, "/bus/", "/sub/", 1), on + "/x", strings.ToUpper(on)} {
						req := Request{Action: a.Name, Resource: on}
						allowed := Allows(req, []Named{{"p", doc}}, nil)
						if allowed != Allows(req, []Named{{"p", c.doc}}, nil) {
							t.Errorf("the document built and the one parsed differ on %+v", req)
						}
						if allowed && !strings.HasSuffix(on, "/x") { // a prefix goes on behind a slash
							got = append(got, strings.TrimPrefix(a.Name, "kafka-cluster:")+" "+on)
						}
					}
				}
			}
			want := slices.Clone(c.want)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
			}
			for _, f := range Lint(doc) {
				if f.Severity != Advisory {
					t.Errorf("the linter does not like it: %+v", f)
				}
			}
		})
	}
}

// TestNamesAreLiteral: a name with wildcards allows that name, no other.
func TestNamesAreLiteral(t *testing.T) {
	for _, name := range []string{"*", "?", "a*b", "${aws:username}", "$", "${*}", "a:b/c", "é€", `"\`, "\xff"} {
		doc := Consume(here, "t", name)
		again := mustParse(t, doc.String())
		ask := func(group string) bool {
			req := Request{Action: "kafka-cluster:AlterGroup", Resource: here.Group(group)}
			return Allows(req, []Named{{"p", doc}}, nil) && Allows(req, []Named{{"p", again}}, nil)
		}
		if want := name != "\xff"; ask(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
		for _, other := range []string{"x", "ab", "axb", "anna", name + "x", "x" + name} {
			if ask(other) {
				t.Errorf("%q allows %q", name, other)
			}
		}
	}
}

// TestBadNamesAllowNothing: what Parse would refuse has no effect either.
func TestBadNamesAllowNothing(t *testing.T) {
	for _, a := range []ARNs{{}, {Partition: "aws", Region: "r", Account: "1", Name: "n", UUID: "u"}} {
		for _, doc := range []*Document{MayOnlyConnect(a), Consume(a, "", "")} {
			for _, action := range Actions() {
				for _, on := range []string{a.Cluster(), a.Topic(""), a.Group("")} {
					if Allows(Request{Action: action.Name, Resource: on}, []Named{{"p", doc}}, nil) {
						t.Errorf("%v allows %s on %s", a, action.Name, on)
					}
				}
			}
			if _, err := Parse([]byte(doc.String())); err == nil {
				t.Errorf("%s is accepted", doc)
			}
		}
	}
}

func ExampleProduceIdempotent() {
	fmt.Println(ProduceIdempotent(ARNs{"aws", "us-east-1", "123456789012", "bus", "0a1b-2"}, "claims.received"))
	// Output: {"Version":"2012-10-17","Statement":[{"Sid":"Connect","Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"arn:aws:kafka:us-east-1:123456789012:cluster/bus/0a1b-2"},{"Sid":"Write","Effect":"Allow","Action":["kafka-cluster:DescribeTopic","kafka-cluster:WriteData"],"Resource":"arn:aws:kafka:us-east-1:123456789012:topic/bus/0a1b-2/claims.received"},{"Sid":"Idempotent","Effect":"Allow","Action":"kafka-cluster:WriteDataIdempotently","Resource":"arn:aws:kafka:us-east-1:123456789012:cluster/bus/0a1b-2"}]}
}
