package iam

import (
	"context"
	"maps"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Simulate says what would be decided, and why, without doing or recording
// anything. The principal is the ARN of a user or role of this bus, or its bare
// name (a role before a user). given overrides the condition keys that the
// directory would fill in, such as aws:SourceIp. For sts:AssumeRole the
// resource is the role, whose trust is asked too. Errors: NotFound, Invalid.
func (d *Directory) Simulate(ctx context.Context, principal, action, resource string, given map[string][]string) (policy.Decision, error) {
	if err := ctx.Err(); err != nil {
		return policy.Decision{}, err
	}
	view := d.view.Load()
	who := view.named(principal)
	if who == nil {
		return policy.Decision{}, &eventbus.Error{Code: eventbus.CodeNotFound,
			Message: "there is no user or role " + quoted(principal), Next: "list them with `eventbus iam role list`"}
	}
	if who.disabled {
		return policy.Decision{Index: -1, Reason: "denied: user " + who.principal.Name + " is disabled"}, nil
	}
	if strings.EqualFold(action, policy.AssumeRole) {
		role := view.role(resource)
		if role == nil {
			return policy.Decision{}, eventbus.Errorf(eventbus.CodeNotFound, "there is no role %s", quoted(resource))
		}
		return d.mayAssume(caller{who: who, arn: simulatedARN(d.cfg.Deployment, who), given: given}, role, simulatedSession, ""), nil
	}
	values := d.context(who, simulatedARN(d.cfg.Deployment, who), "", 0)
	maps.Copy(values, given)
	return policy.Evaluate(policy.Request{Principal: who.principal.ARN, Action: action, Resource: resource, Context: values}, who.docs, nil), nil
}

const simulatedSession = "simulated"

// simulatedARN is the ARN under which the identity would call.
func simulatedARN(dep eventbus.Deployment, who *identity) string {
	if who.principal.Kind == eventbus.PrincipalRole {
		return eventbus.AssumedRoleARN(dep.Partition, who.principal.Account, who.principal.Name, simulatedSession)
	}
	return who.principal.ARN
}

// named finds an identity by its ARN or bare name.
func (s *snapshot) named(name string) *identity {
	if p, err := eventbus.ParseIdentityARN(name); err == nil {
		found := s.users[p.Name]
		if p.Kind == eventbus.PrincipalRole {
			found = s.roles[p.Name]
		}
		if found != nil && found.principal.ARN == name {
			return found
		}
		return nil
	}
	if r := s.roles[name]; r != nil {
		return r
	}
	return s.users[name]
}
