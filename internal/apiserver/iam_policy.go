package apiserver

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *API) registerPolicies() {
	const bad, missing, stale = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodPut, "/iam/{kind}/{name}/policies/{policy}", "put-policy",
		"Attach a policy to a user or role, with the linter's remarks", bad, missing, stale), a.putPolicy)
	register(a, operation(http.MethodDelete, "/iam/{kind}/{name}/policies/{policy}", "delete-policy",
		"Take a policy off a user or role", missing, stale), a.deletePolicy)
	register(a, operation(http.MethodPost, "/iam/simulate", "simulate",
		"Say what would be decided about a principal of your teams, and why, without doing or recording anything", bad, missing), a.simulate)
}

// PolicyPath names a policy of a user or role.
type PolicyPath struct {
	Kind string `path:"kind" enum:"users,roles"`
	IdentityPath
	Policy string `path:"policy" minLength:"1" maxLength:"128"`
}

func (in PolicyPath) owner(d eventbus.Deployment) string {
	if in.Kind == "users" {
		return eventbus.UserARN(d.Partition, d.Account, in.Name)
	}
	return eventbus.RoleARN(d.Partition, d.Account, in.Name)
}

type putPolicyInput struct {
	PolicyPath
	Body struct {
		Document policyDocument `json:"document" doc:"IAM policy document, version 2012-10-17"`
	}
}

// policyDocument is kept as it is written; its own parser reads it.
type policyDocument struct{ json.RawMessage }

// Schema says no more than that it is an object.
func (policyDocument) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

type policyFinding struct {
	Code      string `json:"code"`
	Severity  string `json:"severity"`
	Statement string `json:"statement,omitempty"`
	Message   string `json:"message"`
	Fix       string `json:"fix,omitempty"`
}

type policyFindings struct {
	Owner    string          `json:"owner" doc:"ARN"`
	Findings []policyFinding `json:"findings" doc:"what is likely a mistake or too much; the policy is in force all the same"`
}

func (a *API) putPolicy(ctx context.Context, in *putPolicyInput) (*body[policyFindings], error) {
	owner := in.owner(a.parts.Bus().Deployment)
	findings, err := a.parts.Directory.PutPolicy(ctx, actorOf(ctx), owner, in.Policy, string(in.Body.Document.RawMessage))
	if err != nil {
		return nil, err
	}
	out := policyFindings{Owner: owner}
	for _, f := range findings {
		out.Findings = append(out.Findings, policyFinding{f.Code, string(f.Severity), f.Statement, f.Message, f.Fix})
	}
	return &body[policyFindings]{out}, nil
}

func (a *API) deletePolicy(ctx context.Context, in *PolicyPath) (*none, error) {
	return nil, a.parts.Directory.DeletePolicy(ctx, actorOf(ctx), in.owner(a.parts.Bus().Deployment), in.Policy)
}

type simulateInput struct {
	Body struct {
		Principal string              `json:"principal" minLength:"1" maxLength:"2048" doc:"ARN or bare name of a user or role"`
		Action    string              `json:"action" minLength:"1" maxLength:"128" doc:"kafka-cluster:ReadData"`
		Resource  string              `json:"resource" minLength:"1" maxLength:"2048" doc:"ARN; a bare topic name for actions on topics"`
		Context   map[string][]string `json:"context,omitempty" doc:"condition keys that override what the directory fills in"`
	}
}

type simulation struct {
	Allowed   bool   `json:"allowed"`
	Explicit  bool   `json:"explicit" doc:"a statement decided, not the denial by default"`
	Policy    string `json:"policy,omitempty"`
	Statement string `json:"statement,omitempty"`
	Reason    string `json:"reason"`
	Resource  string `json:"resource" doc:"ARN that was asked about"`
}

func (a *API) simulate(ctx context.Context, in *simulateInput) (*body[simulation], error) {
	resource := a.resource(in.Body.Action, in.Body.Resource)
	d, err := a.parts.Directory.Simulate(ctx, actorOf(ctx), in.Body.Principal, in.Body.Action, resource, in.Body.Context)
	if err != nil {
		return nil, err
	}
	return &body[simulation]{simulation{d.Allowed, d.Explicit, d.Policy, d.Statement, d.Reason, resource}}, nil
}
