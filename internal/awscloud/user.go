package awscloud

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// The first and the longest pause between two looks for something new.
const (
	firstPause   = time.Second
	longestPause = 5 * time.Second
)

// user reads a user with its managed policy. The policy counts only while it is
// attached.
func (a *Account) user(ctx context.Context, id eventbus.Principal) (provision.ManagedPrincipal, error) {
	p := provision.ManagedPrincipal{ARN: id.ARN, Kind: eventbus.PrincipalUser, Name: id.Name}
	got, err := a.iam.GetUser(ctx, &iam.GetUserInput{UserName: &id.Name})
	if err != nil {
		return p, translate("look at user "+id.ARN, err)
	}
	if have := aws.ToString(got.User.Arn); have != id.ARN {
		p.Foreign = "the name " + id.Name + " is taken by " + have + "; it is not touched"
		return p, nil
	}
	marked := tagsOf(got.User.Tags)
	if p.Foreign = a.foreign("user "+id.ARN, marked); p.Foreign != "" {
		return p, nil
	}
	doc, err := a.document(ctx, id)
	if err != nil {
		return p, err
	}
	if p.Foreign = doc.foreign; p.Foreign != "" {
		return p, nil
	}
	p.Managed, p.Team, p.Event = true, marked[tagTeam], marked[tagEvent]
	p.Repair = marks(append(a.lost(marked), doc.lost...), a.boundaryMoved(got.User.PermissionsBoundary))
	if !doc.found {
		return p, nil
	}
	attached, err := a.attached(ctx, id, doc.arn)
	if attached {
		p.Policy = doc.text
	}
	return p, err
}

func (a *Account) createUser(ctx context.Context, id eventbus.Principal, p provision.ManagedPrincipal) error {
	_, err := a.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &id.Name, Path: aws.String(a.path()),
		PermissionsBoundary: a.boundary(), Tags: a.wantedTags(p.Team, p.Event).list()})
	return err
}

// awaitUser waits until AWS shows a user that it has.
func (a *Account) awaitUser(ctx context.Context, id eventbus.Principal) error {
	wait := iam.NewUserExistsWaiter(a.iam, func(o *iam.UserExistsWaiterOptions) { o.MinDelay, o.MaxDelay = a.pause, longestPause })
	return a.unseen(id.ARN, wait.Wait(ctx, &iam.GetUserInput{UserName: &id.Name}, a.cfg.Patience))
}

// unseen is the error of waiting in vain.
func (a *Account) unseen(arn string, err error) error {
	if err == nil {
		return nil
	}
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "AWS has made " + arn + " and does not show it yet", Next: "it is carried on when applied again", Err: err}
}

func (a *Account) repairUser(ctx context.Context, id eventbus.Principal, p provision.ManagedPrincipal) error {
	if a.cfg.Boundary != "" {
		if _, err := a.iam.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: &id.Name, PermissionsBoundary: a.boundary()}); err != nil {
			return err
		}
	}
	wanted := a.wantedTags(p.Team, p.Event).list()
	if _, err := a.iam.TagUser(ctx, &iam.TagUserInput{UserName: &id.Name, Tags: wanted}); err != nil {
		return err
	}
	_, err := a.iam.TagPolicy(ctx, &iam.TagPolicyInput{PolicyArn: aws.String(a.documentARN(id)), Tags: wanted})
	if notFound(err) {
		return nil // it comes with its first document
	}
	return err
}

// attached reports whether a managed policy is attached to a user.
func (a *Account) attached(ctx context.Context, id eventbus.Principal, policy string) (bool, error) {
	pages := iam.NewListAttachedUserPoliciesPaginator(a.iam, &iam.ListAttachedUserPoliciesInput{UserName: &id.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, translate("list the policies of "+id.ARN, err)
		}
		for _, one := range page.AttachedPolicies {
			if aws.ToString(one.PolicyArn) == policy {
				return true, nil
			}
		}
	}
	return false, nil
}

// setUserPolicy makes the user's managed policy say the document, and attaches it.
func (a *Account) setUserPolicy(ctx context.Context, id eventbus.Principal, have provision.ManagedPrincipal, document string) error {
	if document == "" {
		return a.removeDocument(ctx, id)
	}
	if err := a.setDocument(ctx, id, have, document); err != nil {
		return err
	}
	_, err := a.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: &id.Name, PolicyArn: aws.String(a.documentARN(id))})
	return translate("attach its policy to "+id.ARN, err)
}

// removeUser lets go of every policy, deletes the keys, then the policies and the
// user.
func (a *Account) removeUser(ctx context.Context, id eventbus.Principal) error {
	pages := iam.NewListAttachedUserPoliciesPaginator(a.iam, &iam.ListAttachedUserPoliciesInput{UserName: &id.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return translate("list the policies of "+id.ARN, err)
		}
		for _, one := range page.AttachedPolicies {
			if err := a.detach(ctx, id, aws.ToString(one.PolicyArn)); err != nil {
				return err
			}
		}
	}
	if err := a.deleteKeys(ctx, id, ""); err != nil {
		return err
	}
	if err := a.removeInline(ctx, id); err != nil {
		return err
	}
	if err := a.removeDocument(ctx, id); err != nil {
		return err
	}
	if _, err := a.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &id.Name}); err != nil && !notFound(err) {
		return translate("delete user "+id.ARN, err)
	}
	return nil
}

func (a *Account) detach(ctx context.Context, id eventbus.Principal, policy string) error {
	_, err := a.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: &id.Name, PolicyArn: &policy})
	if err != nil && !notFound(err) {
		return translate("detach "+policy+" from "+id.ARN, err)
	}
	return nil
}

// removeInline deletes inline policies, which only others can have made.
func (a *Account) removeInline(ctx context.Context, id eventbus.Principal) error {
	pages := iam.NewListUserPoliciesPaginator(a.iam, &iam.ListUserPoliciesInput{UserName: &id.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return translate("list the policies of "+id.ARN, err)
		}
		for _, name := range page.PolicyNames {
			_, err := a.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &id.Name, PolicyName: &name})
			if err != nil && !notFound(err) {
				return translate("delete policy "+name+" of "+id.ARN, err)
			}
		}
	}
	return nil
}
