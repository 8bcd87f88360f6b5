package iam

import (
	"context"
	"maps"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// askers look after the access of others, and may ask about every principal.
var askers = []eventbus.Role{eventbus.RoleOperator, eventbus.RoleBusReviewer, eventbus.RoleSecurityReviewer, eventbus.RolePrivacyReviewer, eventbus.RoleAuditor}

// MayAsk reports whether a person may ask what a user or role is allowed: those
// who look after access about all of them, everybody else about those of their
// own teams and about the principals that the samples use.
func MayAsk(p eventbus.Person, name, team string) bool {
	return slices.ContainsFunc(askers, p.Has) || team != "" && p.In(team) || slices.Contains([]string{TestProducer, TestConsumer, TestNobody}, name)
}

// Simulate tells an actor what would be decided, and why, without doing or
// recording anything. Whom the actor may not ask about (MayAsk) is answered as
// if there were no such principal. The principal is the ARN of a user or role of this bus, or its bare
// name (a role before a user). given overrides the condition keys that the
// directory would fill in, such as aws:SourceIp. For sts:AssumeRole the
// resource is the role, whose trust is asked too. Errors: NotFound, Invalid.
func (d *Directory) Simulate(ctx context.Context, actor eventbus.Actor, principal, action, resource string, given map[string][]string) (policy.Decision, error) {
	if err := ctx.Err(); err != nil {
		return policy.Decision{}, err
	}
	view := d.view.Load()
	who := view.named(principal)
	if who == nil || !MayAsk(actor.Person, who.principal.Name, view.team(who)) {
		return policy.Decision{}, &eventbus.Error{Code: eventbus.CodeNotFound,
			Message: "there is no user or role " + quoted(principal) + " that you may ask about", Next: "ask about one of your own teams; reviewers, operators and auditors may ask about all"}
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

// team is the team that an identity belongs to; empty for none.
func (s *snapshot) team(who *identity) string {
	if who.principal.Kind == eventbus.PrincipalRole {
		return s.roleRecords[who.principal.Name].Team
	}
	return s.userRecords[who.principal.Name].Team
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
