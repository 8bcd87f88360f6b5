package iam

import (
	"context"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// PutPolicy attaches a policy to a user or role, or replaces the one of that
// name, and gives what the linter has to say about it: the policy is in force
// all the same. owner is an ARN. Sessions of the owner end and sign in again.
// Errors: Invalid with every fault of the document, NotFound, Conflict when
// somebody else changed the owner meanwhile.
func (d *Directory) PutPolicy(ctx context.Context, by eventbus.Actor, owner, name, document string) ([]policy.Finding, error) {
	next := eventbus.AttachedPolicy{Name: name, Document: document}
	findings, err := checkPolicies([]eventbus.AttachedPolicy{next})
	if err != nil {
		return nil, err
	}
	detail := map[string]string{"policy": name, "after": document}
	err = d.editPolicies(ctx, by, "iam.policy.put", owner, detail, func(list []eventbus.AttachedPolicy) ([]eventbus.AttachedPolicy, error) {
		i := policyIndex(list, name)
		if i >= 0 {
			detail["before"] = list[i].Document
			list[i] = next
		} else {
			list = append(list, next)
		}
		if len(list) > MaxPolicies {
			return nil, eventbus.Errorf(eventbus.CodeInvalid, "%s has %d policies already, nothing was changed", owner, MaxPolicies)
		}
		return list, nil
	})
	if err != nil {
		return nil, err
	}
	return findings, nil
}

// DeletePolicy takes a policy off a user or role (an ARN).
func (d *Directory) DeletePolicy(ctx context.Context, by eventbus.Actor, owner, name string) error {
	detail := map[string]string{"policy": name}
	return d.editPolicies(ctx, by, "iam.policy.delete", owner, detail, func(list []eventbus.AttachedPolicy) ([]eventbus.AttachedPolicy, error) {
		i := policyIndex(list, name)
		if i < 0 {
			return nil, notFound("policy", name)
		}
		detail["before"] = list[i].Document
		return slices.Delete(list, i, i+1), nil
	})
}

func policyIndex(list []eventbus.AttachedPolicy, name string) int {
	return slices.IndexFunc(list, func(p eventbus.AttachedPolicy) bool { return p.Name == name })
}

type policyEdit func([]eventbus.AttachedPolicy) ([]eventbus.AttachedPolicy, error)

// editPolicies changes the policies of a user or role.
func (d *Directory) editPolicies(ctx context.Context, by eventbus.Actor, action, owner string, detail map[string]string, edit policyEdit) error {
	p, err := eventbus.ParseIdentityARN(owner)
	if err != nil {
		return err
	}
	save, err := d.policySave(ctx, p, edit)
	if err != nil {
		return err
	}
	return d.act(ctx, by, action, owner, detail, save)
}

// policySave prepares the owner's record.
func (d *Directory) policySave(ctx context.Context, owner eventbus.Principal, edit policyEdit) (func() error, error) {
	if owner.Kind == eventbus.PrincipalRole {
		r, err := d.roleRecord(ctx, owner.Name)
		if err == nil && r.ARN != owner.ARN {
			err = notFound("role", owner.ARN)
		}
		if err != nil {
			return nil, err
		}
		r.Policies, err = edit(slices.Clone(r.Policies))
		return func() error { _, err := d.store.SaveRole(ctx, r); return err }, err
	}
	u, err := d.userRecord(ctx, owner.Name)
	if err == nil && u.ARN != owner.ARN {
		err = notFound("user", owner.ARN)
	}
	if err != nil {
		return nil, err
	}
	u.Policies, err = edit(slices.Clone(u.Policies))
	return func() error { _, err := d.store.SaveUser(ctx, u); return err }, err
}
