package policy

import (
	"slices"
	"strings"
)

// ResourceType is the kind of thing that an action works on; it is also the
// first word of the resource part of the ARN.
type ResourceType string

// The resource types of the actions.
const (
	Cluster         ResourceType = "cluster"
	Topic           ResourceType = "topic"
	Group           ResourceType = "group"
	TransactionalID ResourceType = "transactional-id"
	Role            ResourceType = "role" // sts:AssumeRole only
)

// ActionInfo describes one action.
type ActionInfo struct {
	// Name is the action as AWS writes it, with its prefix.
	Name string
	// On is the type of resource that the action works on.
	On ResourceType
	// ACL is the operation and resource of the Kafka ACL that means the same,
	// empty when there is none.
	ACL string
	// DependsOn are the actions that are needed too, as AWS documents them;
	// nothing is implied, each must be allowed by itself.
	DependsOn []string
	// Administrative is true for actions that change or delete what others use.
	Administrative bool
}

// AssumeRole is the one action outside kafka-cluster that the bus decides: it
// stands in trust policies, and in the policies of principals whose role is
// trusted by account.
const AssumeRole = "sts:AssumeRole"

const prefix = "kafka-cluster:"

// actions is the closed list. The place in the list is the bit in actionSet, so
// it holds at most 32 entries. Source: "Actions, resources, and condition keys
// for Apache Kafka APIs for Amazon MSK clusters" and "Semantics of IAM
// authorization policy actions and resources" of the MSK Developer Guide.
var actions = []ActionInfo{
	{Name: prefix + "Connect", On: Cluster},
	{Name: prefix + "DescribeCluster", On: Cluster, ACL: "DESCRIBE CLUSTER", DependsOn: needs("Connect")},
	{Name: prefix + "AlterCluster", On: Cluster, ACL: "ALTER CLUSTER", DependsOn: needs("Connect", "DescribeCluster"), Administrative: true},
	{Name: prefix + "DescribeClusterDynamicConfiguration", On: Cluster, ACL: "DESCRIBE_CONFIGS CLUSTER", DependsOn: needs("Connect")},
	{Name: prefix + "AlterClusterDynamicConfiguration", On: Cluster, ACL: "ALTER_CONFIGS CLUSTER", DependsOn: needs("Connect", "DescribeClusterDynamicConfiguration"), Administrative: true},
	{Name: prefix + "WriteDataIdempotently", On: Cluster, ACL: "IDEMPOTENT_WRITE CLUSTER", DependsOn: needs("Connect", "WriteData")},
	{Name: prefix + "CreateTopic", On: Topic, ACL: "CREATE TOPIC", DependsOn: needs("Connect"), Administrative: true},
	{Name: prefix + "DescribeTopic", On: Topic, ACL: "DESCRIBE TOPIC", DependsOn: needs("Connect")},
	{Name: prefix + "AlterTopic", On: Topic, ACL: "ALTER TOPIC", DependsOn: needs("Connect", "DescribeTopic"), Administrative: true},
	{Name: prefix + "DeleteTopic", On: Topic, ACL: "DELETE TOPIC", DependsOn: needs("Connect", "DescribeTopic"), Administrative: true},
	{Name: prefix + "DescribeTopicDynamicConfiguration", On: Topic, ACL: "DESCRIBE_CONFIGS TOPIC", DependsOn: needs("Connect")},
	{Name: prefix + "AlterTopicDynamicConfiguration", On: Topic, ACL: "ALTER_CONFIGS TOPIC", DependsOn: needs("Connect", "DescribeTopicDynamicConfiguration"), Administrative: true},
	{Name: prefix + "ReadData", On: Topic, ACL: "READ TOPIC", DependsOn: needs("Connect", "DescribeTopic", "AlterGroup")},
	{Name: prefix + "WriteData", On: Topic, ACL: "WRITE TOPIC", DependsOn: needs("Connect", "DescribeTopic")},
	{Name: prefix + "DescribeGroup", On: Group, ACL: "DESCRIBE GROUP", DependsOn: needs("Connect")},
	{Name: prefix + "AlterGroup", On: Group, ACL: "READ GROUP", DependsOn: needs("Connect", "DescribeGroup")},
	{Name: prefix + "DeleteGroup", On: Group, ACL: "DELETE GROUP", DependsOn: needs("Connect", "DescribeGroup"), Administrative: true},
	{Name: prefix + "DescribeTransactionalId", On: TransactionalID, ACL: "DESCRIBE TRANSACTIONAL_ID", DependsOn: needs("Connect")},
	{Name: prefix + "AlterTransactionalId", On: TransactionalID, ACL: "WRITE TRANSACTIONAL_ID", DependsOn: needs("Connect", "DescribeTransactionalId", "WriteData")},
	{Name: AssumeRole, On: Role},
}

func needs(names ...string) []string {
	full := make([]string, len(names))
	for i, n := range names {
		full[i] = prefix + n
	}
	return full
}

// Actions returns the closed list of kafka-cluster actions, in the order of
// AWS's page: cluster, topic, group, transactional id. An action outside it is
// refused in a document and never allowed in a request.
func Actions() []ActionInfo {
	list := make([]ActionInfo, 0, len(actions))
	for _, a := range actions {
		if a.Name != AssumeRole {
			a.DependsOn = slices.Clone(a.DependsOn)
			list = append(list, a)
		}
	}
	return list
}

// actionSet has one bit per entry of actions.
type actionSet uint32

func (s actionSet) has(i int) bool { return i >= 0 && s&(1<<i) != 0 }

var (
	everyAction = actionSet(1)<<len(actions) - 1
	trustAction = actionSet(1) << actionIndex(AssumeRole)
)

// actionIndex finds an action by its name, whose case does not matter; -1 when
// there is none.
func actionIndex(name string) int {
	for i := range actions {
		if a := actions[i].Name; len(a) == len(name) && (a == name || strings.EqualFold(a, name)) {
			return i
		}
	}
	return -1
}

// actionsMatching gives the actions that a pattern such as kafka-cluster:*Topic
// names. Action names are compared without regard to case.
func actionsMatching(p pattern) actionSet {
	var set actionSet
	for i := range actions {
		if p.match(strings.ToLower(actions[i].Name)) {
			set |= 1 << i
		}
	}
	return set
}

// nearestAction suggests what was meant by a name that is not in the list.
func nearestAction(name string) string {
	_, word, _ := strings.Cut(strings.ToLower(name), ":")
	word = strings.Trim(word, "*?")
	for i := range actions {
		_, known, _ := strings.Cut(actions[i].Name, ":")
		low := strings.ToLower(known)
		if word != "" && (strings.HasPrefix(low, word) || strings.HasPrefix(word, low)) {
			return actions[i].Name
		}
	}
	return ""
}
