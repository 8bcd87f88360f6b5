package awscloud

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

var update = flag.Bool("update", false, "write the policy and the table into docs/operate/msk.md")

// allowedCalls are the actions of a policy.
func allowedCalls(t *testing.T, document string) map[string]bool {
	t.Helper()
	var doc struct {
		Statement []struct {
			Effect string
			Action []string
		}
	}
	must(t, json.Unmarshal([]byte(document), &doc))
	allowed := map[string]bool{}
	for _, s := range doc.Statement {
		for _, action := range s.Action {
			allowed[action] = s.Effect == "Allow"
		}
	}
	return allowed
}

// TestNeedsIsWhatStepsCall: the bus's own policy allows every call of Steps, and
// none besides; permissions boundaries only where one is configured.
func TestNeedsIsWhatStepsCall(t *testing.T) {
	calls := map[string]bool{}
	for _, step := range Steps() {
		for _, call := range step.Calls {
			calls[call] = true
		}
	}
	delete(calls, "sts:GetCallerIdentity") // needs no policy
	for boundary, without := range map[string]string{"arn:aws-us-gov:iam::123456789012:policy/edge": "", "": "PermissionsBoundary"} {
		want := maps.Clone(calls)
		maps.DeleteFunc(want, func(call string, _ bool) bool { return without != "" && strings.Contains(call, without) })
		allowed := allowedCalls(t, Needs(deploymentShown, boundary))
		maps.DeleteFunc(allowed, func(call string, _ bool) bool { return strings.HasPrefix(call, "kafka-cluster:") })
		if !maps.Equal(allowed, want) {
			t.Errorf("boundary %q: the policy allows\n%q\nthe steps call\n%q", boundary, slices.Sorted(maps.Keys(allowed)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// TestNeedsFits: AWS allows a managed policy 6,144 characters.
func TestNeedsFits(t *testing.T) {
	must(t, checkSize("the bus's own policy", Needs(deploymentShown, "arn:aws-us-gov:iam::123456789012:policy/edge"), maxUserPolicy))
}

// TestNeedsChangesItsOwnOnly: every action that changes something is bound to the
// path, and to a tag or a boundary.
func TestNeedsChangesItsOwnOnly(t *testing.T) {
	var doc struct {
		Statement []struct {
			Sid              string
			Action, Resource []string
			Condition        map[string]map[string]string
		}
	}
	must(t, json.Unmarshal([]byte(Needs(deploymentShown, "")), &doc))
	for _, s := range doc.Statement {
		for _, action := range s.Action {
			service, operation, _ := strings.Cut(action, ":")
			if service != "iam" || strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List") {
				continue
			}
			if len(s.Condition) == 0 {
				t.Errorf("%s allows %s without a condition", s.Sid, action)
			}
			for _, resource := range s.Resource {
				if !strings.Contains(resource, "/eventbus/production/") {
					t.Errorf("%s allows %s on %s", s.Sid, action, resource)
				}
			}
		}
	}
}

// deploymentShown is the one of the docs.
var deploymentShown = eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012", Cluster: "eventbus",
	UUID: "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-7", Path: "eventbus/production/"}

// TestDocs: the page for operators shows the policy and the table as they are.
func TestDocs(t *testing.T) {
	const page = "../../docs/operate/msk.md"
	text, err := os.ReadFile(page)
	must(t, err)
	table := "| step | calls |\n|---|---|\n"
	for _, step := range Steps() {
		table += "| " + step.Name + " | " + strings.Join(step.Calls, ", ") + " |\n"
	}
	want := string(text)
	for name, part := range map[string]string{"policy": "```json\n" + Needs(deploymentShown, "") + "\n```\n", "steps": table} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
		before, rest, found := strings.Cut(want, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no %s", page, strings.TrimSpace(begin))
		}
		want = before + begin + part + end + after
	}
	if *update {
		must(t, os.WriteFile(page, []byte(want), 0o644))
	} else if want != string(text) {
		t.Errorf("%s does not show the policy and the steps as they are; run this test with -update", page)
	}
}
