package awscloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

const description = "Made and kept by the Enterprise Event Bus; a change by hand is undone."

// role reads a role with its inline policy.
func (a *Account) role(ctx context.Context, id eventbus.Principal) (provision.ManagedPrincipal, error) {
	p := provision.ManagedPrincipal{ARN: id.ARN, Kind: eventbus.PrincipalRole, Name: id.Name}
	got, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &id.Name})
	if err != nil {
		return p, translate("look at role "+id.ARN, err)
	}
	if have := aws.ToString(got.Role.Arn); have != id.ARN {
		p.Foreign = "the name " + id.Name + " is taken by " + have + "; it is not touched"
		return p, nil
	}
	marked := tagsOf(got.Role.Tags)
	if p.Foreign = a.foreign("role "+id.ARN, marked); p.Foreign != "" {
		return p, nil
	}
	p.Managed, p.Team, p.Event = true, marked[tagTeam], marked[tagEvent]
	p.Trust = decoded(aws.ToString(got.Role.AssumeRolePolicyDocument))
	p.Repair = marks(a.lost(marked), a.boundaryMoved(got.Role.PermissionsBoundary))
	inline, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &id.Name, PolicyName: aws.String(provision.PolicyName)})
	if err != nil && !notFound(err) {
		return p, translate("look at the policy of "+id.ARN, err)
	}
	if err == nil {
		p.Policy = decoded(aws.ToString(inline.PolicyDocument))
	}
	return p, nil
}

// boundaryMoved reports whether the permissions boundary is not the configured
// one. Without a configured one, whatever others have set stays.
func (a *Account) boundaryMoved(b *types.AttachedPermissionsBoundary) bool {
	return a.cfg.Boundary != "" && (b == nil || aws.ToString(b.PermissionsBoundaryArn) != a.cfg.Boundary)
}

// boundary is the configured one in the SDK's form, nil for none.
func (a *Account) boundary() *string {
	if a.cfg.Boundary == "" {
		return nil
	}
	return &a.cfg.Boundary
}

func (a *Account) createRole(ctx context.Context, id eventbus.Principal, p provision.ManagedPrincipal) error {
	_, err := a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &id.Name, Path: aws.String(a.path()), Description: aws.String(description),
		AssumeRolePolicyDocument: &p.Trust, PermissionsBoundary: a.boundary(), Tags: a.wantedTags(p.Team, p.Event).list()})
	return err
}

// awaitRole waits until AWS shows a role that it has.
func (a *Account) awaitRole(ctx context.Context, id eventbus.Principal) error {
	wait := iam.NewRoleExistsWaiter(a.iam, func(o *iam.RoleExistsWaiterOptions) { o.MinDelay, o.MaxDelay = a.pause, longestPause })
	return a.unseen(id.ARN, wait.Wait(ctx, &iam.GetRoleInput{RoleName: &id.Name}, a.cfg.Patience))
}

func (a *Account) setTrust(ctx context.Context, id eventbus.Principal, trust string) error {
	_, err := a.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &id.Name, PolicyDocument: &trust})
	return err
}

func (a *Account) repairRole(ctx context.Context, id eventbus.Principal, p provision.ManagedPrincipal) error {
	if a.cfg.Boundary != "" {
		if _, err := a.iam.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: &id.Name, PermissionsBoundary: a.boundary()}); err != nil {
			return err
		}
	}
	_, err := a.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: &id.Name, Tags: a.wantedTags(p.Team, p.Event).list()})
	return err
}

func (a *Account) setRolePolicy(ctx context.Context, id eventbus.Principal, have provision.ManagedPrincipal, document string) error {
	if document == "" {
		_, err := a.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &id.Name, PolicyName: aws.String(provision.PolicyName)})
		if notFound(err) {
			return nil
		}
		return translate("take the policy off "+id.ARN, err)
	}
	if samePolicy(have.Policy, document) {
		return nil
	}
	_, err := a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &id.Name, PolicyName: aws.String(provision.PolicyName), PolicyDocument: &document})
	return translate("set the policy of "+id.ARN, err)
}

// removeRole lets go of policies attached by hand, deletes inline ones and the
// role.
func (a *Account) removeRole(ctx context.Context, id eventbus.Principal) error {
	attached := iam.NewListAttachedRolePoliciesPaginator(a.iam, &iam.ListAttachedRolePoliciesInput{RoleName: &id.Name})
	for attached.HasMorePages() {
		page, err := attached.NextPage(ctx)
		if err != nil {
			return translate("list the policies of "+id.ARN, err)
		}
		for _, one := range page.AttachedPolicies {
			_, err := a.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &id.Name, PolicyArn: one.PolicyArn})
			if err != nil && !notFound(err) {
				return translate("detach "+aws.ToString(one.PolicyArn)+" from "+id.ARN, err)
			}
		}
	}
	inline := iam.NewListRolePoliciesPaginator(a.iam, &iam.ListRolePoliciesInput{RoleName: &id.Name})
	for inline.HasMorePages() {
		page, err := inline.NextPage(ctx)
		if err != nil {
			return translate("list the policies of "+id.ARN, err)
		}
		for _, name := range page.PolicyNames {
			_, err := a.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &id.Name, PolicyName: &name})
			if err != nil && !notFound(err) {
				return translate("delete policy "+name+" of "+id.ARN, err)
			}
		}
	}
	if _, err := a.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &id.Name}); err != nil && !notFound(err) {
		return translate("delete role "+id.ARN, err)
	}
	return nil
}
