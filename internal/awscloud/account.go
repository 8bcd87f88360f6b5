package awscloud

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kafka"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Account is the AWS account of one environment, and its MSK cluster. It is a
// provision.Access and provision.Remover; its methods may be called from several
// goroutines. It holds nothing that needs closing.
type Account struct {
	cfg     Config
	iam     *iam.Client
	kafka   *kafka.Client
	cluster Cluster
	pause   time.Duration // the first one between two looks for something new
}

// Open signs in with AWS's default credential chain (environment, shared files,
// container, instance), and checks that these credentials are of the configured
// account and partition, that the cluster is there, and that the configured
// broker addresses are its own. Nothing is used before that: whoever is signed in
// to another account by mistake changes nothing there.
//
// CodeInvalid when the configuration is wrong or does not match AWS,
// CodeUnauthenticated without valid credentials, CodeNotFound without such a
// cluster, CodeUnavailable when AWS does not answer or refuses the call.
func Open(ctx context.Context, cfg Config) (*Account, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	shared, err := config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Deployment.Region), config.WithAppID("eventbus"))
	if err != nil {
		return nil, translate("read the AWS configuration", err)
	}
	return open(ctx, cfg, shared)
}

// open is Open with the SDK's configuration given.
func open(ctx context.Context, cfg Config, shared aws.Config) (*Account, error) {
	if shared.Retryer == nil {
		shared.Retryer = func() aws.Retryer { return retryer(cfg) }
	}
	a := &Account{cfg: cfg, iam: iam.NewFromConfig(shared), kafka: kafka.NewFromConfig(shared), pause: firstPause}
	if err := a.checkIdentity(ctx, sts.NewFromConfig(shared)); err != nil {
		return nil, err
	}
	cluster, err := a.Cluster(ctx)
	if err != nil {
		return nil, err
	}
	if err := cluster.check(cfg); err != nil {
		return nil, err
	}
	a.cluster, a.cfg.Deployment.UUID = cluster, cluster.UUID
	return a, nil
}

// retryer is the SDK's own, with what IAM answers while another change of the
// same thing is under way. Waits grow, and are jittered, up to longestBackoff.
func retryer(cfg Config) aws.Retryer {
	standard := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = cfg.Attempts, longestBackoff
	})
	return retry.AddWithErrorCodes(standard, "ConcurrentModification", "EntityTemporarilyUnmodifiable", "ServiceFailure")
}

// checkIdentity refuses credentials of another account or partition.
func (a *Account) checkIdentity(ctx context.Context, client *sts.Client) error {
	who, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return translate("ask AWS whose credentials these are", err)
	}
	have, want := aws.ToString(who.Arn), a.cfg.Deployment
	parsed, err := arn.Parse(have)
	if err == nil && parsed.Partition == want.Partition && aws.ToString(who.Account) == want.Account {
		return nil
	}
	return &eventbus.Error{Code: eventbus.CodeInvalid,
		Message: "AWS access of environment " + a.cfg.Environment + " was not opened: the credentials are of " + have + ", the configuration is for account " + want.Account + " (" + want.Partition + ")",
		Next:    "sign in to that account, or correct the configuration"}
}

// Deployment gives the cluster's coordinates with the UUID that AWS told, for
// provision's EnvironmentAccess.
func (a *Account) Deployment() eventbus.Deployment { return a.cfg.Deployment }

// Found is the cluster as AWS described it when the account was opened.
func (a *Account) Found() Cluster { return a.cluster }

// identity reads the ARN of a principal of this account and path.
func (a *Account) identity(principal string) (eventbus.Principal, error) {
	id, err := eventbus.ParseIdentityARN(principal)
	if err != nil {
		return id, err
	}
	d := a.cfg.Deployment
	if principal != d.RoleARN(id.Name) && principal != d.UserARN(id.Name) {
		return id, eventbus.Errorf(eventbus.CodeInvalid, "%s is not below %s of account %s (%s); nothing was changed", principal, a.path(), d.Account, d.Partition)
	}
	return id, nil
}

// path is how IAM writes the path.
func (a *Account) path() string { return "/" + strings.TrimPrefix(a.cfg.Deployment.Path, "/") }
