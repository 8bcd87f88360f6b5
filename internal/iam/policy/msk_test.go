package policy

import (
	"slices"
	"strings"
	"testing"
)

// TestWhatAWSSays holds the bus against statements of AWS's documentation. The
// pages: "Semantics of IAM authorization policy actions and resources" (actions),
// "Common use cases for client authorization policy" (use), "Create authorization
// policies for the IAM role" (create), all of the MSK Developer Guide; and of the
// IAM User Guide "Policy evaluation logic" (logic), "IAM JSON policy elements"
// (elements) and "Condition operators" (conditions).
func TestWhatAWSSays(t *testing.T) {
	const (
		cluster = "arn:aws:kafka:us-east-1:123456789012:cluster/MyTestCluster/abcd1234-0123-abcd-5678-1234abcd-1"
		other   = "arn:aws:kafka:us-east-1:123456789012:cluster/MyTestCluster/ffff1234-0123-abcd-5678-1234abcd-1"
	)
	of := func(kind, cluster, name string) string {
		return strings.Replace(cluster, ":cluster/", ":"+kind+"/", 1) + "/" + name
	}
	topic, group, tx := of("topic", cluster, "MyTopic"), of("group", cluster, "MyGroup"), of("transactional-id", cluster, "5555abcd-1111-abcd-1234-abcd1234-1")
	// The example of (create), with the account that it writes once as 13 digits
	// put right.
	example := document(
		allowing(`["kafka-cluster:Connect","kafka-cluster:AlterCluster","kafka-cluster:DescribeCluster"]`, `["`+cluster+`"]`),
		allowing(`["kafka-cluster:*Topic*","kafka-cluster:WriteData","kafka-cluster:ReadData"]`, `["arn:aws:kafka:us-east-1:123456789012:topic/MyTestCluster/*"]`),
		allowing(`["kafka-cluster:AlterGroup","kafka-cluster:DescribeGroup"]`, `["arn:aws:kafka:us-east-1:123456789012:group/MyTestCluster/*"]`))
	on := func(action, resource string) string {
		return document(allowing(`"kafka-cluster:`+action+`"`, `"`+resource+`"`))
	}
	for _, c := range []struct {
		says, policy, action, resource string
		allowed                        bool
	}{
		{"use: actions are denied by default", document(allowing(`"kafka-cluster:Connect"`, `"`+cluster+`"`)), "DescribeCluster", cluster, false},
		{"use: admin is kafka-cluster:*", document(allowing(`"kafka-cluster:*"`, `"*"`)), "AlterTransactionalId", tx, true},
		{"create: the example connects", example, "Connect", cluster, true},
		{"create: the example creates topics", example, "CreateTopic", topic, true},
		{"create: the example alters the configuration of topics", example, "AlterTopicDynamicConfiguration", topic, true},
		{"create: the example reads and writes", example, "WriteData", topic, true},
		{"create: the example joins groups", example, "AlterGroup", group, true},
		{"create: the example deletes no groups", example, "DeleteGroup", group, false},
		{"create: the example does not write idempotently", example, "WriteDataIdempotently", cluster, false},
		{"create: the example is of one incarnation of the cluster", example, "Connect", other, false},
		{"create: its topics are of every incarnation", example, "ReadData", of("topic", other, "MyTopic"), true},
		{"actions: Connect is on the cluster", on("Connect", "arn:aws:kafka:us-east-1:123456789012:topic/*"), "Connect", cluster, false},
		{"actions: WriteDataIdempotently is on the cluster", on("WriteDataIdempotently", topic), "WriteDataIdempotently", cluster, false},
		{"actions: CreateTopic is on the topic", on("CreateTopic", cluster), "CreateTopic", topic, false},
		{"actions: WriteData does not include DescribeTopic", on("WriteData", topic), "DescribeTopic", topic, false},
		{"actions: AlterGroup does not include DescribeGroup", on("AlterGroup", group), "DescribeGroup", group, false},
		{"actions: topic/MyTestCluster/* is all topics, regardless of the UUID", on("ReadData", "arn:aws:kafka:us-east-1:123456789012:topic/MyTestCluster/*"), "ReadData", of("topic", other, "a"), true},
		{"actions: and of no cluster of a longer name", on("ReadData", "arn:aws:kafka:us-east-1:123456789012:topic/MyTestCluster/*"), "ReadData", strings.Replace(topic, "MyTestCluster", "MyTestCluster2", 1), false},
		{"actions: */*_test is all topics whose name ends with _test", on("ReadData", of("topic", cluster, "*_test")), "ReadData", of("topic", cluster, "claims_test"), true},
		{"actions: and none that goes on", on("ReadData", of("topic", cluster, "*_test")), "ReadData", of("topic", cluster, "claims_test2"), false},
		{"actions: transactional-id/MyTestCluster/*/ID is that id in all incarnations", on("DescribeTransactionalId", "arn:aws:kafka:us-east-1:123456789012:transactional-id/MyTestCluster/*/5555abcd-1111-abcd-1234-abcd1234-1"), "DescribeTransactionalId", strings.Replace(tx, "abcd1234-0123", "ffff1234-0123", 1), true},
		{"elements: names of actions ignore case", on("readdata", topic), "ReadData", topic, true},
		{"elements: names of resources do not", on("ReadData", topic), "ReadData", strings.ToLower(topic), false},
		{"elements: ? is exactly one character", on("ReadData", of("topic", cluster, "MyTopi?")), "ReadData", topic, true},
		{"elements: NotAction with Allow is everything but that", document(`{"Effect":"Allow","NotAction":"kafka-cluster:DeleteTopic","Resource":"*"}`), "AlterTopic", topic, true},
		{"elements: NotAction with Deny denies everything but that", document(allowing(`"kafka-cluster:*"`, `"*"`), `{"Effect":"Deny","NotAction":["kafka-cluster:Connect"],"Resource":"*"}`), "ReadData", topic, false},
		{"elements: NotResource with Deny denies everywhere but there", document(allowing(`"kafka-cluster:*"`, `"*"`), `{"Effect":"Deny","Action":"kafka-cluster:*","NotResource":"`+topic+`"}`), "ReadData", of("topic", cluster, "Other"), false},
		{"logic: an explicit deny overrides an allow", document(allowing(`"kafka-cluster:*"`, `"*"`), `{"Effect":"Deny","Action":"kafka-cluster:DeleteTopic","Resource":"*"}`), "DeleteTopic", topic, false},
		{"logic: and only what it is about", document(allowing(`"kafka-cluster:*"`, `"*"`), `{"Effect":"Deny","Action":"kafka-cluster:DeleteTopic","Resource":"*"}`), "AlterTopic", topic, true},
		{"conditions: a key that is absent does not match", document(allowing(`"kafka-cluster:*"`, `"*"`, `,"Condition":{"StringEquals":{"aws:username":"x"}}`)), "Connect", cluster, false},
		{"conditions: unless what is asked is that it does not", document(allowing(`"kafka-cluster:*"`, `"*"`, `,"Condition":{"StringNotEquals":{"aws:username":"x"}}`)), "Connect", cluster, true},
		{"conditions: or it is asked only if it exists", document(allowing(`"kafka-cluster:*"`, `"*"`, `,"Condition":{"StringEqualsIfExists":{"aws:username":"x"}}`)), "Connect", cluster, true},
	} {
		got := Allows(Request{Principal: roleARN, Action: "kafka-cluster:" + c.action, Resource: c.resource}, []Named{{"p", mustParse(t, c.policy)}}, nil)
		if got != c.allowed {
			t.Errorf("%s: %s on %s is allowed: %v", c.says, c.action, c.resource, got)
		}
	}
}

// TestUseCases: the builders allow what "Common use cases for client authorization
// policy" lists, and the table of required actions of "Semantics …" is the linter's.
func TestUseCases(t *testing.T) {
	for name, c := range map[string]struct {
		doc  *Document
		want string
	}{
		"produce data":                 {Produce(here, "t"), "Connect DescribeTopic WriteData"},
		"produce data idempotently":    {ProduceIdempotent(here, "t"), "Connect DescribeTopic WriteData WriteDataIdempotently"},
		"produce data transactionally": {ProduceTransactional(here, "t", "x"), "AlterTransactionalId Connect DescribeTopic DescribeTransactionalId WriteData"},
		"consume data":                 {Consume(here, "t", "g"), "AlterGroup Connect DescribeGroup DescribeTopic ReadData"},
	} {
		var got []string
		for _, s := range c.doc.statements {
			for _, a := range s.actions {
				got = append(got, strings.TrimPrefix(a, prefix))
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
	required := map[string]string{
		"Connect": "", "DescribeCluster": "Connect", "AlterCluster": "Connect DescribeCluster", "DescribeClusterDynamicConfiguration": "Connect",
		"AlterClusterDynamicConfiguration": "Connect DescribeClusterDynamicConfiguration", "WriteDataIdempotently": "Connect WriteData",
		"CreateTopic": "Connect", "DescribeTopic": "Connect", "AlterTopic": "Connect DescribeTopic", "DeleteTopic": "Connect DescribeTopic",
		"DescribeTopicDynamicConfiguration": "Connect", "AlterTopicDynamicConfiguration": "Connect DescribeTopicDynamicConfiguration",
		"ReadData": "Connect DescribeTopic AlterGroup", "WriteData": "Connect DescribeTopic", "DescribeGroup": "Connect", "AlterGroup": "Connect DescribeGroup",
		"DeleteGroup": "Connect DescribeGroup", "DescribeTransactionalId": "Connect", "AlterTransactionalId": "Connect DescribeTransactionalId WriteData",
	}
	for _, a := range Actions() {
		name := strings.TrimPrefix(a.Name, prefix)
		want, listed := required[name]
		if got := strings.ReplaceAll(strings.Join(a.DependsOn, " "), prefix, ""); !listed || got != want {
			t.Errorf("%s requires %q, AWS says %q", name, got, want)
		}
		delete(required, name)
		if want == "" {
			continue
		}
		// Alone it is not enough, and the linter says so for each.
		resource := map[ResourceType]string{Cluster: clusterARN, Topic: topicARN, Group: groupARN, TransactionalID: txidARN}[a.On]
		findings := Lint(mustParse(t, document(allowing(`"`+a.Name+`"`, `"`+resource+`"`))))
		for _, need := range strings.Fields(want) {
			if !slices.ContainsFunc(findings, func(f Finding) bool {
				return f.Severity == Broken && (strings.Contains(f.Message+f.Fix, need) || need == "Connect" && f.Code == CodeNoConnect)
			}) {
				t.Errorf("the linter does not say that %s needs %s: %+v", name, need, findings)
			}
		}
	}
	for name := range required {
		t.Errorf("%s is not an action of the bus", name)
	}
}
