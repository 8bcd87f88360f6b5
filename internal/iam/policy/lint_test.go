package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLint has bad policies, each with all codes that must be found, in order.
func TestLint(t *testing.T) {
	const arns = "arn:aws-us-gov:kafka:us-gov-west-1:123456789012:"
	connect := allowing(`"kafka-cluster:Connect"`, `"`+clusterARN+`"`)
	on := func(resource string, names ...string) string {
		for i, n := range names {
			names[i] = `"kafka-cluster:` + n + `"`
		}
		return allowing("["+strings.Join(names, ",")+"]", `"`+resource+`"`)
	}
	read := on(topicARN, "DescribeTopic", "ReadData")
	group := on(groupARN, "DescribeGroup", "AlterGroup")
	write := on(topicARN, "DescribeTopic", "WriteData")
	idem := on(clusterARN, "WriteDataIdempotently")
	for _, c := range []struct {
		name       string
		statements []string
		codes      string
	}{
		{"everything", []string{allowing(`"*"`, `"*"`)}, "wildcard-action wildcard-resource"},
		{"kafka on everything", []string{on("*", "*")}, "wildcard-action wildcard-resource"},
		{"kafka on every resource of a cluster's account", []string{on(arns+"*", "*")}, "wildcard-action wildcard-resource"},
		{"all on one topic", []string{connect, on(topicARN, "*")}, "wildcard-action read-without-group write-not-idempotent"},
		{"topic actions", []string{connect, on(topicARN, "*Topic")}, "wildcard-action"},
		{"alter", []string{connect, on(groupARN, "Describe*", "Alter*")}, "partial-wildcard-action wildcard-action"},
		{"describe", []string{connect, on(topicARN, "Describe*")}, "partial-wildcard-action"},
		{"question mark", []string{connect, on(topicARN, "DescribeTopi?")}, "partial-wildcard-action"},
		{"read on everything", []string{connect, on("*", "DescribeTopic", "ReadData"), group}, "wildcard-resource"},
		{"every topic", []string{connect, on(arns+"topic/bus/0a1b/*", "DescribeTopic", "ReadData"), group}, "wildcard-name"},
		{"every topic with an ending", []string{connect, on(arns+"topic/bus/0a1b/*.claims", "DescribeTopic", "ReadData"), group}, "wildcard-name"},
		{"every group", []string{connect, read, on(arns+"group/bus/0a1b/*", "DescribeGroup", "AlterGroup")}, "wildcard-name"},
		{"every transactional id", []string{connect, write, idem, on(arns+"transactional-id/bus/0a1b/*", "DescribeTransactionalId", "AlterTransactionalId")}, "wildcard-name"},
		{"any UUID", []string{connect, on(arns+"topic/bus/*/claims", "DescribeTopic")}, "wildcard-cluster"},
		{"UUID swallowed", []string{connect, on(arns+"topic/bus/*", "DescribeTopic")}, "wildcard-cluster"},
		{"any cluster", []string{connect, on(arns+"topic/*", "DescribeTopic")}, "wildcard-cluster"},
		{"any cluster's connect", []string{on(arns+"cluster/*", "Connect")}, "wildcard-cluster"},
		{"UUID half", []string{on(arns+"cluster/bus/0*", "Connect")}, "wildcard-cluster"},
		{"no UUID", []string{connect, on(arns+"topic/bus/claims", "DescribeTopic")}, "missing-uuid"},
		{"cluster without UUID", []string{on(arns+"cluster/bus", "Connect")}, "missing-uuid"},
		{"any account", []string{on("arn:aws-us-gov:kafka:us-gov-west-1:*:cluster/bus/0a1b", "Connect")}, "wildcard-account"},
		{"any region", []string{on("arn:aws-us-gov:kafka:*:123456789012:cluster/bus/0a1b", "Connect")}, "wildcard-account"},
		{"any partition", []string{on("arn:aws*:kafka:us-gov-west-1:123456789012:cluster/bus/0a1b", "Connect")}, "wildcard-account"},
		{"not action", []string{connect, `{"Effect":"Allow","NotAction":"kafka-cluster:Delete*","Resource":"` + topicARN + `"}`}, "allow-not-action read-without-group write-not-idempotent"},
		{"not resource", []string{connect, `{"Effect":"Allow","Action":"kafka-cluster:DescribeTopic","NotResource":"` + topicARN + `"}`}, "allow-not-resource"},
		{"idempotent on the topic", []string{connect, on(topicARN, "DescribeTopic", "WriteData", "WriteDataIdempotently")}, "idempotent-on-topic write-not-idempotent"},
		{"idempotent alone on the topic", []string{connect, write, on(topicARN, "WriteDataIdempotently")}, "idempotent-on-topic unused-resource write-not-idempotent"},
		{"connect on the topic", []string{on(topicARN, "Connect")}, "wrong-resource unused-resource"},
		{"group action on the topic", []string{connect, on(topicARN, "DescribeTopic", "DescribeGroup")}, "wrong-resource"},
		{"topic action on the cluster", []string{on(clusterARN, "Connect", "WriteData")}, "wrong-resource"},
		{"group ARN without group action", []string{connect, allowing(`"kafka-cluster:DescribeTopic"`, `["`+topicARN+`","`+groupARN+`"]`)}, "unused-resource"},
		{"no connect", []string{read, group}, "no-connect"},
		{"write without describe", []string{connect, on(topicARN, "WriteData"), idem}, "write-without-describe"},
		{"describe of another topic", []string{connect, on(topicARN, "WriteData"), on(topicARN+"2", "DescribeTopic"), idem}, "write-without-describe"},
		{"read without describe", []string{connect, on(topicARN, "ReadData"), group}, "read-without-describe"},
		{"read without group", []string{connect, read}, "read-without-group"},
		{"group without describe", []string{connect, read, on(groupARN, "AlterGroup")}, "group-without-describe"},
		{"delete group", []string{connect, on(groupARN, "DeleteGroup")}, "administrative group-without-describe"},
		{"transaction without describe", []string{connect, write, idem, on(txidARN, "AlterTransactionalId")}, "transaction-incomplete"},
		{"transaction without write", []string{connect, on(txidARN, "DescribeTransactionalId", "AlterTransactionalId")}, "transaction-incomplete"},
		{"idempotent without write", []string{connect, idem}, "idempotent-without-write"},
		{"write not idempotent", []string{connect, write}, "write-not-idempotent"},
		{"delete topic", []string{connect, on(topicARN, "DescribeTopic", "DeleteTopic")}, "administrative"},
		{"delete topic alone", []string{connect, on(topicARN, "DeleteTopic")}, "administrative dependency-missing"},
		{"alter cluster", []string{on(clusterARN, "Connect", "DescribeCluster", "AlterCluster")}, "administrative"},
		{"alter configuration", []string{connect, on(topicARN, "AlterTopicDynamicConfiguration")}, "administrative dependency-missing"},
		{"if exists", []string{allowing(`"kafka-cluster:Connect"`, `"`+clusterARN+`"`, `,"Condition":{"IpAddressIfExists":{"aws:SourceIp":"10.0.0.0/8"}}`)}, "open-condition"},
		{"for all values", []string{allowing(`"kafka-cluster:Connect"`, `"`+clusterARN+`"`, `,"Condition":{"ForAllValues:StringEquals":{"aws:username":"a"}}`)}, "open-condition"},
		{"good consumer", []string{connect, read, group}, ""},
		{"good prefix", []string{connect, on(arns+"topic/bus/0a1b/claims.*", "DescribeTopic", "ReadData"), on(arns+"group/bus/0a1b/claims-*", "DescribeGroup", "AlterGroup")}, ""},
		{"describe wider than read", []string{connect, on(topicARN, "ReadData"), on(arns+"topic/bus/0a1b/cl*", "DescribeTopic"), group}, ""},
		{"good producer", []string{connect, write, idem}, ""},
		{"one statement for all", []string{allowing(`["kafka-cluster:Connect","kafka-cluster:DescribeTopic","kafka-cluster:WriteData","kafka-cluster:WriteDataIdempotently"]`, `["`+clusterARN+`","`+topicARN+`"]`)}, ""},
		{"assume a role", []string{allowing(`"sts:AssumeRole"`, `"`+roleARN+`"`)}, ""},
		{"deny is not judged", []string{connect, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"BoolIfExists":{"aws:SecureTransport":"false"}}}`}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var codes []string
			for _, f := range Lint(mustParse(t, document(c.statements...))) {
				if f.Message == "" || f.Fix == "" || f.Severity == "" {
					t.Errorf("incomplete: %+v", f)
				}
				if !slices.Contains(codes, f.Code) {
					codes = append(codes, f.Code)
				}
			}
			if got := strings.Join(codes, " "); got != c.codes {
				t.Errorf("got  %q\nwant %q", got, c.codes)
			}
		})
	}
}

func TestLintTrust(t *testing.T) {
	for principal, code := range map[string]string{
		`"*"`: "[trust-everyone]", `{"AWS":"123456789012"}`: "[trust-account]", `{"AWS":"` + anna + `"}`: "[]",
	} {
		d, err := ParseTrust([]byte(trusting(principal)))
		if err != nil {
			t.Fatal(err)
		}
		codes := []string{}
		for _, f := range Lint(d) {
			codes = append(codes, f.Code)
		}
		if got := fmt.Sprint(codes); got != code {
			t.Errorf("%s: %s", principal, got)
		}
	}
}

func TestLintNamesTheStatement(t *testing.T) {
	d := mustParse(t, document(allowing(`"kafka-cluster:Connect"`, `"`+clusterARN+`"`), `{"Sid":"All","Effect":"Allow","Action":"*","Resource":"*"}`))
	f := Lint(d)
	if len(f) == 0 || f[0].Statement != "All" || f[0].Severity != Wide {
		t.Errorf("%+v", f)
	}
}
