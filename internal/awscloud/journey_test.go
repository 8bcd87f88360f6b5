package awscloud

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// bus is provisioning over a real store and an account of AWS; topics are a map,
// because they are not what is tried here.
type bus struct {
	*provision.Provisioner
	cloud   *cloud
	account *Account
	topics  map[string]eventbus.Topic
	offers  map[string]eventbus.KeyOffer // what contacts were offered, by user
	fail    func(point string) error
}

func newBus(t *testing.T) *bus {
	t.Helper()
	c := newCloud(t)
	kept, err := store.Open(t.Context(), store.Config{})
	must(t, err)
	t.Cleanup(func() { kept.Close() })
	b := &bus{cloud: c, account: c.open(), topics: map[string]eventbus.Topic{}, offers: map[string]eventbus.KeyOffer{}}
	b.Provisioner = provision.New(provision.Config{Failpoint: func(point string) error {
		if b.fail == nil {
			return nil
		}
		return b.fail(point)
	}}, provision.World{
		AccessOf: map[string]provision.EnvironmentAccess{"production": {Access: b.account, Offers: b, Deployment: b.account.Deployment()}},
		Topics:   b, Schemas: noSchemas{}, Catalog: kept, Plans: kept, Wanted: kept, Grants: kept, Audit: kept,
	})
	return b
}

// manifest is an event that a role on AWS produces and a user outside consumes.
func (b *bus) manifest() eventbus.Manifest {
	d := b.account.Deployment()
	return eventbus.Manifest{Source: "request 42",
		Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed", Title: "Claim filed", Lifecycle: eventbus.LifecycleProduction, Owner: "claims"},
			Topics: []eventbus.TopicManifest{{Environment: "production", Topic: eventbus.Topic{Partitions: 6, ReplicationFactor: 1}}}}},
		Grants: []eventbus.Grant{
			{Event: "claim-filed", Environment: "production", Direction: eventbus.Produced, Principal: d.RoleARN("claims-service"), Idempotent: true, Team: "claims", TrustedBy: []string{teamRole}, Purpose: "files claims"},
			{Event: "claim-filed", Environment: "production", Direction: eventbus.Consumed, Principal: d.UserARN("partner"), GroupPrefix: "partner-*", Team: "partners", Contact: "pat", Purpose: "mirrors claims"},
		}}
}

func (b *bus) apply(ctx context.Context, m eventbus.Manifest) error {
	plan, err := b.Plan(ctx, m)
	if err != nil {
		return err
	}
	return b.Apply(ctx, by, plan, m, provision.ApplyOptions{AllowDestructive: true, Approved: true})
}

func (b *bus) Topics(context.Context) ([]eventbus.Topic, error) {
	return slices.Collect(maps.Values(b.topics)), nil
}

func (b *bus) CreateTopics(_ context.Context, topics []eventbus.Topic) []error {
	for _, t := range topics {
		b.topics[t.Name] = t
	}
	return make([]error, len(topics))
}

func (b *bus) SetTopicConfigs(context.Context, string, map[string]string, []string) error { return nil }
func (b *bus) AddPartitions(context.Context, string, int32) error                         { return nil }
func (b *bus) DeleteTopic(context.Context, string) error                                  { return nil }

// Offered and Offer are what the server does: an offer counts while AWS has its
// key; the secret is where Config.Keep has put it.
func (b *bus) Offered(ctx context.Context, user string) (bool, error) {
	keys, err := b.account.Keys(ctx, b.account.Deployment().UserARN(user))
	return slices.Contains(keys, b.offers["partner"].KeyID), err
}

func (b *bus) Offer(_ context.Context, o eventbus.KeyOffer) error {
	b.offers[o.User] = o
	return nil
}

func (b *bus) Withdraw(_ context.Context, user string) error {
	delete(b.offers, user)
	return nil
}

// noSchemas is a registry of topics without schemas.
type noSchemas struct{ provision.Schemas }

func (noSchemas) Latest(context.Context, string) (eventbus.Schema, bool, error) {
	return eventbus.Schema{}, false, nil
}

// TestJourney: a plan makes all of it; planned again there is nothing to change;
// what the policies say is what the grants say, on the ARNs of this cluster; the
// end of the grants takes all of it away.
func TestJourney(t *testing.T) {
	b, ctx := newBus(t), t.Context()
	must(t, b.apply(ctx, b.manifest()))
	if again, err := b.Plan(ctx, b.manifest()); err != nil || !again.Empty() {
		t.Fatalf("planned again: %s, %v", provision.Render(again), err)
	}
	if drift, err := b.Drift(ctx); err != nil || len(drift) > 0 {
		t.Fatalf("drift: %+v, %v", drift, err)
	}
	d, picture := b.account.Deployment(), b.cloud.picture()
	for _, want := range []string{`"kafka-cluster:WriteData"`, d.TopicARN("prod_claim-filed"), d.GroupARN("partner-*"), d.ClusterARN(), "keys 1", teamRole} {
		if !strings.Contains(picture, want) {
			t.Errorf("no %s in\n%s", want, picture)
		}
	}
	offer := b.offers["partner"]
	if secret := b.cloud.secrets[offer.KeyID]; offer.Contact != "pat" || len(secret) < 20 || strings.Contains(b.cloud.logs.String(), secret) {
		t.Errorf("offered %v", offer)
	}
	end := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed", Lifecycle: eventbus.LifecycleDeprecated}, Remove: []string{"production"}}}}
	must(t, b.apply(ctx, end))
	if left := b.cloud.picture(); left != "" {
		t.Errorf("what is left:\n%s", left)
	}
}

// TestDriftOnAWS changes one thing by hand: drift shows exactly it, revert undoes
// it, and the account is as it was.
func TestDriftOnAWS(t *testing.T) {
	tests := []struct {
		name   string
		byHand func(ctx context.Context, c *cloud, hand *iam.Client) error
		want   string // resource, action, field
	}{
		{"policy edited", func(ctx context.Context, c *cloud, hand *iam.Client) error {
			_, err := hand.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("claims-service"), PolicyName: aws.String(provision.PolicyName), PolicyDocument: aws.String(c.reading(1))})
			return err
		}, "policy update "},
		{"policy detached", func(ctx context.Context, c *cloud, hand *iam.Client) error {
			_, err := hand.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("partner"), PolicyArn: aws.String(c.grantsARN())})
			return err
		}, "policy create "},
		{"trust widened", func(ctx context.Context, _ *cloud, hand *iam.Client) error {
			_, err := hand.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("claims-service"), PolicyDocument: aws.String(trusting(teamRole, "arn:aws-us-gov:iam::666666666666:root"))})
			return err
		}, "principal update trust"},
		{"tag removed", func(ctx context.Context, _ *cloud, hand *iam.Client) error {
			_, err := hand.UntagUser(ctx, &iam.UntagUserInput{UserName: aws.String("partner"), TagKeys: []string{tagTeam}})
			return err
		}, "principal update marks"},
		{"key deleted", func(ctx context.Context, _ *cloud, hand *iam.Client) error {
			keys, err := hand.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("partner")})
			if err != nil {
				return err
			}
			_, err = hand.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("partner"), AccessKeyId: keys.AccessKeyMetadata[0].AccessKeyId})
			return err
		}, "principal update access key"},
	}
	b := newBus(t)
	must(t, b.apply(t.Context(), b.manifest()))
	calm := b.cloud.picture()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			must(t, tt.byHand(t.Context(), b.cloud, b.cloud.hand()))
			drift, err := b.Drift(t.Context())
			must(t, err)
			if len(drift) != 1 || string(drift[0].Resource)+" "+string(drift[0].Action)+" "+drift[0].Field != tt.want {
				t.Fatalf("drift %+v, want one %s", drift, tt.want)
			}
			must(t, b.Revert(t.Context(), by, drift[0]))
			if got := b.cloud.picture(); got != calm {
				t.Errorf("undone:\n%s\nwas\n%s", got, calm)
			}
		})
	}
}

// TestTagOfOursRemoved: without its first tag a role is not the bus's any more. It
// is shown, not undone, and neither granting nor revoking says that it was done.
func TestTagOfOursRemoved(t *testing.T) {
	b, ctx := newBus(t), t.Context()
	must(t, b.apply(ctx, b.manifest()))
	_, err := b.cloud.hand().UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String("claims-service"), TagKeys: []string{tagManaged}})
	must(t, err)
	calm := b.cloud.picture()
	drift, err := b.Drift(ctx)
	must(t, err)
	if len(drift) != 1 || !strings.Contains(drift[0].Note, "does not carry the tags") {
		t.Fatalf("drift %+v", drift)
	}
	wantCode(t, b.Revert(ctx, by, drift[0]), eventbus.CodeInvalid)
	end := b.manifest()
	end.Grants[0].RevokedAt = end.Grants[0].CreatedAt.AddDate(2026, 0, 0)
	wantCode(t, b.apply(ctx, end), eventbus.CodeInvalid)
	if got := b.cloud.picture(); got != calm {
		t.Errorf("it was touched:\n%s\nwas\n%s", got, calm)
	}
	_, err = b.cloud.hand().TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String("claims-service"), Tags: tags{tagManaged: "true"}.list()})
	must(t, err)
	must(t, b.apply(ctx, end))
	if picture := b.cloud.picture(); strings.Contains(picture, "claims-service") {
		t.Errorf("given back and revoked, it is still there:\n%s", picture)
	}
}

// TestKilledBetweenSteps ends the process at each point of access, and carries on:
// there is one of each, and the one key is the one that was offered.
func TestKilledBetweenSteps(t *testing.T) {
	for _, point := range []string{"principal/create/before", "principal/made", "principal/key-made", "principal/create/after", "policy/create/before", "policy/create/after", "grant/create/before"} {
		t.Run(point, func(t *testing.T) {
			b, ctx := newBus(t), t.Context()
			killed := errors.New("killed")
			hit := false
			b.fail = func(here string) error {
				if here == point && !hit {
					hit = true
					return killed
				}
				return nil
			}
			if err := b.apply(ctx, b.manifest()); !errors.Is(err, killed) {
				t.Fatalf("not killed: %v", err)
			}
			must(t, b.Resume(ctx))
			if again, err := b.Plan(ctx, b.manifest()); err != nil || !again.Empty() {
				t.Fatalf("planned again: %s, %v", provision.Render(again), err)
			}
			picture := b.cloud.picture()
			for part, n := range map[string]int{"role ": 1, "user ": 1, "policy ": 1, "  policy ": 1, "  attached ": 1} {
				got := 0
				for line := range strings.Lines(picture) {
					if strings.HasPrefix(line, part) {
						got++
					}
				}
				if got != n {
					t.Errorf("%d of %q in\n%s", got, part, picture)
				}
			}
			keys, err := b.cloud.hand().ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("partner")})
			must(t, err)
			if len(keys.AccessKeyMetadata) != 1 || *keys.AccessKeyMetadata[0].AccessKeyId != b.offers["partner"].KeyID {
				t.Errorf("keys %v, offered %v", keys.AccessKeyMetadata, b.offers["partner"])
			}
		})
	}
}
