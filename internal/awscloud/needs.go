package awscloud

import (
	"encoding/json"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Step is something that the bus does on AWS, and all calls that it may make for
// it, as the actions that IAM asks for.
type Step struct {
	Name  string
	Calls []string
}

// Steps lists what the bus does on AWS. A call that is not here is never made,
// and Needs allows nothing else.
func Steps() []Step {
	look := []string{"iam:GetRole", "iam:GetRolePolicy", "iam:GetUser", "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListAttachedUserPolicies"}
	with := func(more ...string) []string { return append(append([]string(nil), look...), more...) }
	return []Step{
		{"start", []string{"sts:GetCallerIdentity", "kafka:ListClustersV2", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"}},
		{"plan, drift", append(with(), "iam:ListAccessKeys")},
		{"make a role or user, or put its trust and tags right", with("iam:CreateRole", "iam:CreateUser", "iam:UpdateAssumeRolePolicy",
			"iam:TagRole", "iam:TagUser", "iam:TagPolicy", "iam:PutRolePermissionsBoundary", "iam:PutUserPermissionsBoundary")},
		{"set a policy", with("iam:PutRolePolicy", "iam:CreatePolicy", "iam:CreatePolicyVersion", "iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:AttachUserPolicy")},
		{"take a policy off", with("iam:DeleteRolePolicy", "iam:DetachUserPolicy", "iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy")},
		{"make a key", with("iam:ListAccessKeys", "iam:DeleteAccessKey", "iam:CreateAccessKey")},
		{"delete a role or user", with("iam:ListAttachedRolePolicies", "iam:DetachRolePolicy", "iam:ListRolePolicies", "iam:DeleteRolePolicy", "iam:DeleteRole",
			"iam:DetachUserPolicy", "iam:ListAccessKeys", "iam:DeleteAccessKey", "iam:ListUserPolicies", "iam:DeleteUserPolicy",
			"iam:ListPolicyVersions", "iam:DeletePolicyVersion", "iam:DeletePolicy", "iam:DeleteUser")},
	}
}

// statement is one of the bus's own policy. Condition is operator, key, value.
type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// Needs is the least policy of the bus's own role for one environment: what Steps
// calls, below the environment's path only, on what carries the bus's tag only;
// and what the bus does on the cluster itself. The permissions boundary, when one
// is configured, must be the one that new principals get.
//
// Whether a name is taken must be seen in the whole account, so that three calls
// that only read are allowed everywhere. sts:GetCallerIdentity needs no policy.
func Needs(d eventbus.Deployment, boundary string) string {
	iam := "arn:" + d.Partition + ":iam::" + d.Account + ":"
	roles, users, policies := iam+"role/"+d.Path+"*", iam+"user/"+d.Path+"*", iam+"policy/"+d.Path+"*"
	equals := func(key, value string) map[string]map[string]string {
		return map[string]map[string]string{"StringEquals": {key: value}}
	}
	create := equals("aws:RequestTag/"+tagManaged, "true")
	if boundary != "" {
		create["StringEquals"]["iam:PermissionsBoundary"] = boundary
	}
	marked := equals("aws:ResourceTag/"+tagManaged, "true")
	statements := []statement{
		{Sid: "SeeWhetherANameIsTaken", Action: []string{"iam:GetRole", "iam:GetUser", "iam:GetPolicy"}, Resource: []string{iam + "role/*", iam + "user/*", iam + "policy/*"}},
		{Sid: "LookAtItsOwn", Action: []string{"iam:GetPolicyVersion", "iam:GetRolePolicy", "iam:ListAccessKeys", "iam:ListAttachedRolePolicies", "iam:ListAttachedUserPolicies",
			"iam:ListPolicyVersions", "iam:ListRolePolicies", "iam:ListUserPolicies"}, Resource: []string{policies, roles, users}},
		{Sid: "MakePrincipals", Action: []string{"iam:CreateRole", "iam:CreateUser"}, Resource: []string{roles, users}, Condition: create},
		{Sid: "MakeAndMark", Action: []string{"iam:CreatePolicy", "iam:TagPolicy", "iam:TagRole", "iam:TagUser"}, Resource: []string{policies, roles, users},
			Condition: equals("aws:RequestTag/"+tagManaged, "true")},
		{Sid: "ChangeAndDeleteItsOwn", Action: []string{"iam:CreateAccessKey", "iam:CreatePolicyVersion", "iam:DeleteAccessKey", "iam:DeletePolicy", "iam:DeletePolicyVersion",
			"iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DeleteUser", "iam:DeleteUserPolicy", "iam:DetachRolePolicy", "iam:DetachUserPolicy",
			"iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"}, Resource: []string{policies, roles, users}, Condition: marked},
		{Sid: "AttachItsOwnPolicies", Action: []string{"iam:AttachUserPolicy"}, Resource: []string{users},
			Condition: map[string]map[string]string{"ArnLike": {"iam:PolicyARN": policies}, "StringEquals": marked["StringEquals"]}},
		{Sid: "FindTheCluster", Action: []string{"kafka:ListClustersV2"}, Resource: []string{"*"}},
		{Sid: "LookAtTheCluster", Action: []string{"kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"}, Resource: []string{d.ClusterARN()}},
	}
	if boundary != "" {
		statements = append(statements, statement{Sid: "SetTheBoundary", Action: []string{"iam:PutRolePermissionsBoundary", "iam:PutUserPermissionsBoundary"},
			Resource: []string{roles, users}, Condition: equals("iam:PermissionsBoundary", boundary)})
	}
	statements = append(statements, onTheCluster(d)...)
	for i := range statements {
		statements[i].Effect = "Allow"
	}
	text, err := json.MarshalIndent(map[string]any{"Version": policy.Version, "Statement": statements}, "", "  ")
	if err != nil { // strings always encode
		panic("awscloud: the bus's own policy does not encode: " + err.Error())
	}
	return string(text)
}

// onTheCluster is what the bus does as a Kafka client: it keeps topics, shows
// groups and records, resets offsets, and keeps the registry's topic.
func onTheCluster(d eventbus.Deployment) []statement {
	return []statement{
		{Sid: "Cluster", Action: []string{"kafka-cluster:Connect", "kafka-cluster:DescribeCluster", "kafka-cluster:DescribeClusterDynamicConfiguration", "kafka-cluster:WriteDataIdempotently"},
			Resource: []string{d.ClusterARN()}},
		{Sid: "Topics", Action: []string{"kafka-cluster:AlterTopic", "kafka-cluster:AlterTopicDynamicConfiguration", "kafka-cluster:CreateTopic", "kafka-cluster:DeleteTopic",
			"kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration", "kafka-cluster:ReadData"}, Resource: []string{d.TopicARN("*")}},
		{Sid: "SchemasTopic", Action: []string{"kafka-cluster:WriteData"}, Resource: []string{d.TopicARN("_schemas")}},
		{Sid: "Groups", Action: []string{"kafka-cluster:AlterGroup", "kafka-cluster:DeleteGroup", "kafka-cluster:DescribeGroup"}, Resource: []string{d.GroupARN("*")}},
	}
}
