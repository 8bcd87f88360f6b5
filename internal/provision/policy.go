package provision

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// maxUserPolicy is the size that AWS allows the policy of a user, in characters
// without white space: it is kept as a managed policy. That of a role, and of a
// principal of the bus's own directory, is policy.MaxSize ("IAM and STS quotas").
const maxUserPolicy = 6_144

// texts is a value that IAM writes as a string or a list of strings.
type texts []string

// UnmarshalJSON takes both.
func (t *texts) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

type policyStatement struct {
	Sid      string
	Effect   string
	Action   texts
	Resource texts
}

type policyDocument struct {
	Version   string
	Statement []policyStatement
}

// policyOf is the least policy for all grants of one principal, as canonical
// JSON; empty for no grants. Statements of the builders that say the same of
// different resources become one, so that many grants fit AWS's size limit. The
// error says why no legal document comes of them: they are too many for one.
func policyOf(arns policy.ARNs, grants []eventbus.Grant) (string, error) {
	if len(grants) == 0 {
		return "", nil
	}
	merged := policyDocument{Version: policy.Version}
	for _, g := range grants {
		for _, least := range leastPolicies(arns, g) {
			var doc policyDocument
			if err := json.Unmarshal([]byte(least.String()), &doc); err != nil {
				return "", fmt.Errorf("merge policies: %w", err)
			}
			for _, s := range doc.Statement {
				merged.add(s)
			}
		}
	}
	for _, s := range merged.Statement {
		slices.Sort(s.Resource)
	}
	slices.SortFunc(merged.Statement, func(a, b policyStatement) int { return strings.Compare(a.Sid, b.Sid) })
	parsed, err := policy.Parse(mustJSON(merged))
	if err != nil {
		return "", err
	}
	return parsed.String(), nil
}

// add relies on the builders: statements of one Sid have the same actions.
func (d *policyDocument) add(s policyStatement) {
	i := slices.IndexFunc(d.Statement, func(o policyStatement) bool { return o.Sid == s.Sid })
	if i < 0 {
		d.Statement = append(d.Statement, s)
		return
	}
	for _, r := range s.Resource {
		if !slices.Contains(d.Statement[i].Resource, r) {
			d.Statement[i].Resource = append(d.Statement[i].Resource, r)
		}
	}
}

// leastPolicies are, together, the least policy of one grant.
func leastPolicies(arns policy.ARNs, g eventbus.Grant) []*policy.Document {
	if g.Direction == eventbus.Consumed {
		if prefix, isPrefix := strings.CutSuffix(g.GroupPrefix, "*"); isPrefix {
			return []*policy.Document{policy.ConsumePrefix(arns, g.Topic, prefix)}
		}
		return []*policy.Document{policy.Consume(arns, g.Topic, g.GroupPrefix)}
	}
	produce := policy.Produce(arns, g.Topic)
	if g.Idempotent {
		produce = policy.ProduceIdempotent(arns, g.Topic)
	}
	if g.TransactionalID == "" {
		return []*policy.Document{produce}
	}
	if prefix, isPrefix := strings.CutSuffix(g.TransactionalID, "*"); isPrefix {
		return []*policy.Document{produce, policy.ProduceTransactionalPrefix(arns, g.Topic, prefix)}
	}
	return []*policy.Document{produce, policy.ProduceTransactional(arns, g.Topic, g.TransactionalID)}
}

// statementsShown lists what a document allows, one line per resource.
func statementsShown(document string) []string {
	var doc policyDocument
	if document == "" {
		return nil
	}
	if json.Unmarshal([]byte(document), &doc) != nil {
		return []string{"a policy that cannot be read"}
	}
	var lines []string
	for _, s := range doc.Statement {
		actions := strings.ReplaceAll(strings.Join(s.Action, ","), "kafka-cluster:", "")
		for _, r := range s.Resource {
			line := actions + " on " + resourceShown(r)
			if s.Effect != "Allow" {
				line = s.Effect + " " + line
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// resourceShown shortens an ARN of MSK (…:topic/CLUSTER/UUID/NAME) to what tells
// it from others.
func resourceShown(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	path := strings.SplitN(parts[len(parts)-1], "/", 4)
	if len(path) == 4 {
		return path[0] + " " + path[3]
	}
	return path[0]
}
