package portal

import (
	"net/http"
	"sort"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
)

// accessView is the simulator: would this principal be let do that?
type accessView struct {
	Principal, Action, Resource string
	Principals                  []string
	Actions                     []Choice
	Asked                       bool
	Answer                      Pill
	Reason, Policy              string
	Statement                   string
	Problem                     string
	RequestURL                  string // of an access request, after a denial
	Empty                       *Empty
}

// simulated are the actions that people ask about (MSK's IAM actions).
var simulated = []struct{ action, label string }{
	{"kafka-cluster:ReadData", "Read records of a topic"}, {"kafka-cluster:WriteData", "Write records to a topic"},
	{"kafka-cluster:DescribeTopic", "See that a topic exists"}, {"kafka-cluster:AlterGroup", "Join a consumer group"},
	{"kafka-cluster:DescribeGroup", "See a consumer group"}, {"kafka-cluster:Connect", "Connect to the cluster"},
	{"kafka-cluster:WriteDataIdempotently", "Produce idempotently"}, {"kafka-cluster:CreateTopic", "Create a topic"}, {"kafka-cluster:DeleteTopic", "Delete a topic"},
}

func (p *Portal) accessPage(w http.ResponseWriter, v visit) error {
	query := v.URL.Query()
	view := accessView{Principal: strings.TrimSpace(query.Get("principal")), Action: query.Get("action"), Resource: strings.TrimSpace(query.Get("resource"))}
	shell := Shell{Title: "Access", Heading: "Access simulator", Lede: "Ask whether a principal would be let do something, and which statement decides. Nothing is done and nothing is recorded."}
	if p.parts.Access == nil {
		view.Empty = &Empty{Icon: "lock", Title: "Access is decided elsewhere", Text: "Here clients speak to the cluster directly, and AWS IAM decides. Use the IAM policy simulator of AWS."}
		return p.render(w, v, http.StatusOK, "access", shell, view)
	}
	if err := p.principals(v, &view); err != nil {
		return err
	}
	if view.Action == "" {
		view.Action = simulated[0].action
	}
	for _, s := range simulated {
		view.Actions = append(view.Actions, Choice{Value: s.action, Label: s.label, Hint: s.action, Chosen: s.action == view.Action})
	}
	if view.Principal != "" {
		p.simulate(v, &view, &shell)
	}
	return p.render(w, v, http.StatusOK, "access", shell, view)
}

// principals lists those that the visitor may ask about.
func (p *Portal) principals(v visit, view *accessView) error {
	roles, err := p.parts.Access.Roles(v.Context())
	if err != nil {
		return err
	}
	users, err := p.parts.Access.Users(v.Context())
	if err != nil {
		return err
	}
	for _, r := range roles {
		if iam.MayAsk(v.actor.Person, r.Name, r.Team) {
			view.Principals = append(view.Principals, r.ARN)
		}
	}
	for _, u := range users {
		if iam.MayAsk(v.actor.Person, u.Name, u.Team) {
			view.Principals = append(view.Principals, u.ARN)
		}
	}
	sort.Strings(view.Principals)
	return nil
}

func (p *Portal) simulate(v visit, view *accessView, shell *Shell) {
	resource := view.Resource
	if !strings.HasPrefix(resource, "arn:") {
		resource = p.resourceARN(view.Action, resource)
	}
	decision, err := p.parts.Access.Simulate(v.Context(), v.actor, view.Principal, view.Action, resource, nil)
	if err != nil {
		view.Problem = sentence(message(err))
		return
	}
	view.Asked, view.Reason, view.Policy, view.Statement = true, decision.Reason, decision.Policy, decision.Statement
	view.Answer = Pill{"Allowed", ToneGood, "check_circle"}
	question := map[string]string{"principal": view.Principal, "action": view.Action, "resource": resource}
	shell.Elsewhere = Elsewhere{CLI: p.cli("iam", "simulate", "--principal", view.Principal, "--action", view.Action, "--resource", resource),
		Curl: p.curlJSON("/api/v1/iam/simulate", question)}
	if !decision.Allowed {
		view.Answer = Pill{"Denied", ToneBad, "cancel"}
		if known, err := p.relations(v); err == nil && view.Action == simulated[0].action {
			if e, ok := known.owners[view.Resource]; ok {
				view.RequestURL = "/requests/new?kind=consumer&event=" + e.name
			}
		}
	}
}

// resourceARN names the resource of an action that a person gave by its plain
// name.
func (p *Portal) resourceARN(action, name string) string {
	d := p.cfg.Deployment
	switch {
	case action == "kafka-cluster:Connect" || action == "kafka-cluster:WriteDataIdempotently" || name == "":
		return d.ClusterARN()
	case strings.Contains(action, "Group"):
		return d.GroupARN(name)
	default:
		return d.TopicARN(name)
	}
}

// mayAudit reports whether a person may read the record of everybody's acts.
func mayAudit(person eventbus.Person) bool {
	return person.Has(eventbus.RoleAuditor) || person.Has(eventbus.RoleOperator) || person.Has(eventbus.RoleBusReviewer) ||
		person.Has(eventbus.RoleSecurityReviewer) || person.Has(eventbus.RolePrivacyReviewer)
}
