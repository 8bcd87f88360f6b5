package awscloud

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Keys gives the ids of the access keys of a user; none for a role, or when there
// is no such user. Whoever keeps offers of keys compares them with these: an offer
// of a key that is not among them is of no use.
func (a *Account) Keys(ctx context.Context, arn string) ([]string, error) {
	id, err := a.identity(arn)
	if err != nil || id.Kind != eventbus.PrincipalUser {
		return nil, err
	}
	keys, err := a.keys(ctx, id)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return nil, nil
	}
	return keys, err
}

// NewKey makes the one access key of a user of ours and hands its secret, which
// AWS never shows again, to Config.Keep; keys that the user had are deleted first
// (AWS allows two). When the secret cannot be kept, the key is deleted again.
func (a *Account) NewKey(ctx context.Context, by eventbus.Actor, arn string) (string, error) {
	user, err := a.identity(arn)
	if err != nil {
		return "", err
	}
	if user.Kind != eventbus.PrincipalUser || a.cfg.Keep == nil {
		return "", eventbus.Errorf(eventbus.CodeInvalid, "no key was made for %s: it is no user, or nobody keeps its secret", arn)
	}
	have, err := a.user(ctx, user)
	if err != nil {
		return "", err
	}
	if err := refused(have); err != nil {
		return "", err
	}
	if err := a.deleteKeys(ctx, user, ""); err != nil {
		return "", err
	}
	made, err := a.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &user.Name})
	if err != nil {
		return "", translate("make a key of "+arn, err)
	}
	id := aws.ToString(made.AccessKey.AccessKeyId)
	// A call whose answer was lost is made again by the SDK: the first key would
	// stay, and nobody would know its secret.
	if err := a.deleteKeys(ctx, user, id); err != nil {
		return "", err
	}
	if err := a.cfg.Keep(ctx, arn, id, aws.ToString(made.AccessKey.SecretAccessKey)); err != nil {
		return "", errors.Join(fmt.Errorf("keep the secret of key %s of %s: %w", id, arn, err), a.deleteKeys(ctx, user, ""))
	}
	a.log(ctx, by, "made the key of", arn)
	return id, nil
}

// deleteKeys deletes the keys of a user but one.
func (a *Account) deleteKeys(ctx context.Context, user eventbus.Principal, keep string) error {
	keys, err := a.keys(ctx, user)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if key == keep {
			continue
		}
		_, err := a.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &user.Name, AccessKeyId: &key})
		if err != nil && !notFound(err) {
			return translate("delete key "+key+" of "+user.ARN, err)
		}
	}
	return nil
}

func (a *Account) keys(ctx context.Context, user eventbus.Principal) ([]string, error) {
	var ids []string
	pages := iam.NewListAccessKeysPaginator(a.iam, &iam.ListAccessKeysInput{UserName: &user.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, translate("list the keys of "+user.ARN, err)
		}
		for _, key := range page.AccessKeyMetadata {
			ids = append(ids, aws.ToString(key.AccessKeyId))
		}
	}
	return ids, nil
}
