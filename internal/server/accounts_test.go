package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// startAccount runs a bus whose environment staging is on AWS. Its Kafka is the
// embedded engine: brokers are not what is tried.
func startAccount(t *testing.T, a *amazon) *bus {
	t.Helper()
	at := a.at
	at.UUID = "" // AWS tells
	return startBus(t, func(c *Config) {
		c.Accounts = []awscloud.Config{{Environment: "staging", Deployment: at, Attempts: 1}}
	})
}

// usersManifest wants an event that users outside AWS consume in staging.
func usersManifest(at eventbus.Deployment, users ...string) eventbus.Manifest {
	m := eventbus.Manifest{Source: "test", Events: []eventbus.EventManifest{{
		Event:  eventbus.Event{Name: "letter-ready", Title: "Letter ready", Owner: "claims", Lifecycle: eventbus.LifecycleDevelopment},
		Topics: []eventbus.TopicManifest{{Environment: "staging", Topic: eventbus.Topic{Partitions: 1}}}}}}
	for _, user := range users {
		m.Grants = append(m.Grants, eventbus.Grant{Event: "letter-ready", Environment: "staging", Direction: eventbus.Consumed, GroupPrefix: user + "-*",
			Principal: at.UserARN(user), Team: "appointments", Contact: "consumer", Purpose: "mirrors letters"})
	}
	return m
}

// collect asks for the key of a user as its contact.
func (b *bus) collect(arn string) (id, secret string, code eventbus.Code) {
	id, secret, err := b.offers.Collect(b.ctx, b.as("consumer"), arn)
	return id, secret, eventbus.CodeOf(err)
}

// TestOffersOnAWS: AWS decides of what use an offer is. A key that was deleted or
// rotated there is never given out; the first is replaced, the second is somebody's
// and stays. An offer ends after seven days, and when AWS cannot be asked nothing is
// given out nor lost.
func TestOffersOnAWS(t *testing.T) {
	a := newAmazon(t)
	b := startAccount(t, a)
	at := b.environment("staging").AWS
	users := []string{"collected", "deleted", "rotated", "expired"}
	manifest := usersManifest(at, users...)
	b.apply(manifest)
	b.settled(manifest)
	first := map[string]string{}
	for _, user := range users {
		offer := need[eventbus.KeyOffer](b.world)(b.store.KeyOffer(b.ctx, at.UserARN(user)))
		first[user] = offer.KeyID
		if !slices.Equal(a.keys(user), []string{offer.KeyID}) || len(offer.Sealed) == 0 || !offer.Waits(b.now()) {
			t.Fatalf("%s is offered %+v and has the keys %v", user, offer, a.keys(user))
		}
	}
	told := need[[]eventbus.Notification](b.world)(b.store.Inbox(b.ctx, b.as("consumer").Person, true, 10))
	if len(told) != len(users) || !strings.Contains(told[0].Body, "eventbus iam key collect "+at.UserARN("")) {
		t.Errorf("the contact is told %+v", told)
	}

	var won atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if id, secret, code := b.collect(at.UserARN("collected")); code == "" && id == first["collected"] && secret != "" {
				won.Add(1)
			} else if secret != "" || code != eventbus.CodeNotFound {
				t.Errorf("a late collection gives %q, %q", id, code)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 16 got the key, want 1", won.Load())
	}

	byHand := need[*awsiam.CreateAccessKeyOutput](b.world)(a.hand.CreateAccessKey(b.ctx, &awsiam.CreateAccessKeyInput{UserName: &users[2]}))
	for _, user := range users[1:3] {
		key := first[user]
		need[*awsiam.DeleteAccessKeyOutput](b.world)(a.hand.DeleteAccessKey(b.ctx, &awsiam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &key}))
		if id, secret, code := b.collect(at.UserARN(user)); id != "" || secret != "" || code != eventbus.CodeNotFound {
			t.Errorf("%s: a key that AWS does not have is given out: %q, %q", user, id, code)
		}
	}
	b.later.Store(int64(provision.OfferTime + time.Minute))
	if id, secret, code := b.collect(at.UserARN("expired")); id != "" || secret != "" || code != eventbus.CodeNotFound {
		t.Errorf("after seven days key %q is given out, %q", id, code)
	}
	b.apply(manifest)
	b.settled(manifest)
	if keys := a.keys("collected"); !slices.Equal(keys, []string{first["collected"]}) {
		t.Errorf("the key that was collected is replaced: %v", keys)
	}
	if keys := a.keys("rotated"); !slices.Equal(keys, []string{*byHand.AccessKey.AccessKeyId}) {
		t.Errorf("the key that somebody made by hand is replaced: %v", keys)
	}
	for _, user := range []string{"deleted", "expired"} {
		id, secret, code := b.collect(at.UserARN(user))
		if code != "" || secret == "" || id == first[user] || !slices.Equal(a.keys(user), []string{id}) {
			t.Errorf("%s gets key %q, %q; it has %v, and had %s", user, id, code, a.keys(user), first[user])
		}
	}

	b.apply(usersManifest(at, append(users, "waiting")...))
	a.api.Close() // nobody answers for AWS any more
	if id, secret, code := b.collect(at.UserARN("waiting")); id != "" || secret != "" || code != eventbus.CodeUnavailable {
		t.Errorf("without AWS key %q is given out, %q", id, code)
	}
	if offer := need[eventbus.KeyOffer](b.world)(b.store.KeyOffer(b.ctx, at.UserARN("waiting"))); !offer.Waits(b.now()) {
		t.Errorf("without AWS the offer is lost: %+v", offer)
	}
}

// TestKeyOnAWSIsMadeOnce: whatever point a plan is cut short at, carried on it leaves
// one key, which is the one that is offered, and its secret with nobody else.
func TestKeyOnAWSIsMadeOnce(t *testing.T) {
	a := newAmazon(t)
	var cut atomic.Pointer[string]
	killed := errors.New("killed")
	b := startBus(t, func(c *Config) {
		c.Accounts = []awscloud.Config{{Environment: "staging", Deployment: a.at}}
		c.Failpoint = func(point string) error {
			if at := cut.Load(); at != nil && *at == point && cut.CompareAndSwap(at, nil) {
				return killed
			}
			return nil
		}
	})
	place := b.environment("staging").AWS
	var users []string
	for i, point := range []string{"principal/create/before", "principal/made", "principal/key-made", "principal/create/after"} {
		user := fmt.Sprintf("partner-%d", i)
		users = append(users, user)
		manifest := usersManifest(place, users...)
		plan := need[eventbus.Plan](b.world)(b.provision.Plan(b.ctx, manifest))
		cut.Store(&point)
		err := b.provision.Apply(b.ctx, b.as("operator"), plan, manifest, provision.ApplyOptions{Approved: true})
		if !errors.Is(err, killed) {
			t.Fatalf("%s: not cut short: %v", point, err)
		}
		if point == "principal/key-made" {
			if id, secret, code := b.collect(place.UserARN(user)); id != "" || secret != "" || code != eventbus.CodeNotFound {
				t.Errorf("a key that was not offered yet is given out: %q, %q", id, code)
			}
		}
		if err := b.provision.Resume(b.ctx); err != nil {
			t.Fatal(err)
		}
		b.settled(manifest)
		id, secret, code := b.collect(place.UserARN(user))
		if code != "" || secret == "" || !slices.Equal(a.keys(user), []string{id}) {
			t.Errorf("cut short at %s, key %q is collected, %q, and AWS has %v", point, id, code, a.keys(user))
		}
	}
}

// TestAccountsAreChecked: what is wrong is said before AWS is asked anything; in the
// wrong account the bus does not start.
func TestAccountsAreChecked(t *testing.T) {
	a := newAmazon(t)
	another := a.at
	another.Account = "210987654321"
	unknown, twice := awscloud.Config{Environment: "moon", Deployment: a.at}, awscloud.Config{Environment: "staging", Deployment: a.at, Boundary: "all"}
	twice.Deployment.Path = "eventbus/moon/"
	for name, c := range map[string]struct {
		accounts []awscloud.Config
		asks     bool
		says     []string
	}{
		"of another account": {[]awscloud.Config{{Environment: "staging", Deployment: another}}, true, []string{"the credentials are of arn:aws-us-gov:sts::123456789012", "account 210987654321"}},
		"wrong in itself":    {[]awscloud.Config{unknown, twice}, false, []string{"accounts[moon]: there is no such environment", "accounts[staging].boundary", "accounts[staging].path: is the path of environment moon too"}},
	} {
		before := a.asked.Load()
		opened, err := Open(t.Context(), Config{Dev: true, Accounts: c.accounts})
		if err == nil {
			_ = opened.Close() // the test has failed
		}
		if eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Fatalf("%s: %v", name, err)
		}
		text := err.Error()
		for _, fault := range eventbus.FaultsOf(err) {
			text += "\n" + fault.String()
		}
		contains(t, name, text, c.says...)
		if asked := a.asked.Load() != before; asked != c.asks {
			t.Errorf("%s: AWS was asked: %v", name, asked)
		}
	}
}

// TestDirectoryHasNoPath: a user of the bus's own directory is not collected by an
// ARN, nor one on AWS by its bare name.
func TestDirectoryHasNoPath(t *testing.T) {
	b := startBus(t, nil)
	b.apply(b.partnerManifest())
	for _, name := range []string{b.userARN(partner), "arn:aws-us-gov:iam::123456789012:user/eventbus/staging/" + partner, "arn:", "arn:aws-us-gov:iam::123456789012:user/"} {
		if id, secret, code := b.collect(name); id != "" || secret != "" || code != eventbus.CodeNotFound {
			t.Errorf("%s gives key %q, %q", name, id, code)
		}
	}
	if _, secret, code := b.collect(partner); secret == "" || code != "" {
		t.Errorf("by its name: %q", code)
	}
}
