package awscloud

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// maxVersions is how many versions of a managed policy AWS keeps.
const maxVersions = 5

// document is the managed policy of a user as it is on AWS.
type document struct {
	arn     string
	found   bool
	text    string   // of the default version
	foreign string   // why it is not touched
	lost    []string // tags
}

// documentARN names the managed policy of a user. Names of policies are unique in
// an account, whatever their path.
func (a *Account) documentARN(id eventbus.Principal) string {
	d := a.cfg.Deployment
	return "arn:" + d.Partition + ":iam::" + d.Account + ":policy" + a.path() + documentName(id)
}

func documentName(id eventbus.Principal) string { return id.Name + "-" + provision.PolicyName }

func (a *Account) document(ctx context.Context, id eventbus.Principal) (document, error) {
	doc := document{arn: a.documentARN(id)}
	got, err := a.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &doc.arn})
	if notFound(err) {
		return doc, nil
	}
	if err != nil {
		return doc, translate("look at policy "+doc.arn, err)
	}
	marked := tagsOf(got.Policy.Tags)
	doc.found, doc.foreign, doc.lost = true, a.foreign("policy "+doc.arn, marked), a.lost(marked)
	if doc.foreign != "" {
		return doc, nil
	}
	version, err := a.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &doc.arn, VersionId: got.Policy.DefaultVersionId})
	if err != nil {
		return doc, translate("look at policy "+doc.arn, err)
	}
	doc.text = decoded(aws.ToString(version.PolicyVersion.Document))
	return doc, nil
}

// setDocument makes the managed policy of a user, or gives it a new default
// version.
func (a *Account) setDocument(ctx context.Context, id eventbus.Principal, have provision.ManagedPrincipal, text string) error {
	doc, err := a.document(ctx, id)
	if err != nil {
		return err
	}
	if !doc.found {
		_, err := a.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String(documentName(id)), Path: aws.String(a.path()),
			Description: aws.String(description), PolicyDocument: &text, Tags: a.wantedTags(have.Team, have.Event).list()})
		if err != nil && !exists(err) {
			return translate("make policy "+doc.arn, err)
		}
		if waitErr := a.awaitDocument(ctx, doc.arn); waitErr != nil || err == nil {
			return waitErr
		}
		if doc, err = a.document(ctx, id); err != nil {
			return err
		}
	}
	if doc.foreign != "" {
		return refused(provision.ManagedPrincipal{Foreign: doc.foreign})
	}
	if samePolicy(doc.text, text) {
		return nil
	}
	if err := a.deleteVersions(ctx, doc.arn, maxVersions-1); err != nil {
		return err
	}
	_, err = a.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &doc.arn, PolicyDocument: &text, SetAsDefault: true})
	return translate("change policy "+doc.arn, err)
}

// awaitDocument waits until AWS shows a policy that it has.
func (a *Account) awaitDocument(ctx context.Context, arn string) error {
	wait := iam.NewPolicyExistsWaiter(a.iam, func(o *iam.PolicyExistsWaiterOptions) { o.MinDelay, o.MaxDelay = a.pause, longestPause })
	return a.unseen(arn, wait.Wait(ctx, &iam.GetPolicyInput{PolicyArn: &arn}, a.cfg.Patience))
}

// deleteVersions leaves the given number of versions at most, the default one
// among them; the oldest go first.
func (a *Account) deleteVersions(ctx context.Context, arn string, leave int) error {
	var all []types.PolicyVersion
	pages := iam.NewListPolicyVersionsPaginator(a.iam, &iam.ListPolicyVersionsInput{PolicyArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return translate("list the versions of "+arn, err)
		}
		all = append(all, page.Versions...)
	}
	slices.SortFunc(all, func(x, y types.PolicyVersion) int { return aws.ToTime(x.CreateDate).Compare(aws.ToTime(y.CreateDate)) })
	surplus := len(all) - leave
	for _, v := range all {
		if surplus <= 0 || v.IsDefaultVersion {
			continue
		}
		_, err := a.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: v.VersionId})
		if err != nil && !notFound(err) {
			return translate("delete an old version of "+arn, err)
		}
		surplus--
	}
	return nil
}

// removeDocument takes the managed policy off its user and deletes it.
func (a *Account) removeDocument(ctx context.Context, id eventbus.Principal) error {
	doc, err := a.document(ctx, id)
	if err != nil || !doc.found {
		return err
	}
	if doc.foreign != "" {
		return refused(provision.ManagedPrincipal{Foreign: doc.foreign})
	}
	if err := a.detach(ctx, id, doc.arn); err != nil {
		return err
	}
	if err := a.deleteVersions(ctx, doc.arn, 1); err != nil {
		return err
	}
	if _, err := a.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &doc.arn}); err != nil && !notFound(err) {
		return translate("delete policy "+doc.arn, err)
	}
	return nil
}
