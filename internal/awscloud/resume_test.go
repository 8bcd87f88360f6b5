package awscloud

import (
	"context"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// rounds are what provisioning asks for, one thing after the other; doing all of it
// again does no harm.
func (c *cloud) rounds(a *Account, p provision.ManagedPrincipal) error {
	ctx := c.t.Context()
	if err := a.EnsurePrincipal(ctx, by, p); err != nil {
		return err
	}
	if p.Kind == eventbus.PrincipalUser {
		keys, err := a.Keys(ctx, p.ARN)
		if err != nil {
			return err
		}
		if len(keys) == 0 || c.offered != keys[0] {
			if c.offered, err = a.NewKey(ctx, by, p.ARN); err != nil {
				return err
			}
		}
	}
	for topics := range 2 {
		if err := a.SetPolicy(ctx, by, p.ARN, c.reading(topics+1)); err != nil {
			return err
		}
	}
	return nil
}

// TestCutAnywhere cuts the wire at every call that changes something, once before
// AWS has done it and once after, with the answer lost. Whoever starts again ends
// with exactly one of each, as if nothing had been; the same for deleting.
func TestCutAnywhere(t *testing.T) {
	for _, kind := range []eventbus.PrincipalKind{eventbus.PrincipalRole, eventbus.PrincipalUser} {
		want := func(c *cloud) provision.ManagedPrincipal {
			if kind == eventbus.PrincipalUser {
				return c.wantedUser()
			}
			return c.wantedRole()
		}
		t.Run(string(kind), func(t *testing.T) {
			calm := newCloud(t)
			must(t, calm.rounds(calm.open(), want(calm)))
			picture := strings.ReplaceAll(calm.picture(), calm.account, "ACCOUNT")
			must(t, calm.open().RemovePrincipal(t.Context(), by, want(calm).ARN))
			for cutAt := range calm.changes(0) {
				for _, after := range []bool{false, true} {
					c := newCloud(t)
					c.cutAt(cutAt, after)
					first, cut := c.rounds(c.open(), want(c)), c.cut
					c.cut = nil
					must(t, c.rounds(c.open(), want(c)))
					c.cut = cut
					if got := strings.ReplaceAll(c.picture(), c.account, "ACCOUNT"); got != picture {
						t.Errorf("cut at change %d (after: %v):\n%s\nwant\n%s", cutAt, after, got, picture)
					}
					removed := c.open().RemovePrincipal(t.Context(), by, want(c).ARN)
					must(t, c.open().RemovePrincipal(t.Context(), by, want(c).ARN))
					if left := c.picture(); left != "" {
						t.Errorf("cut at change %d (after: %v): deleted, it leaves\n%s", cutAt, after, left)
					}
					if (first == nil) == (removed == nil) {
						t.Errorf("cut at change %d (after: %v): not cut exactly once: %v, %v", cutAt, after, first, removed)
					}
				}
			}
		})
	}
}

// cutAt cuts the wire once, at the n-th call that changes something.
func (c *cloud) cutAt(n int, after bool) {
	seen := 0
	c.cut = func(call string) (bool, bool) {
		_, operation, _ := strings.Cut(call, ":")
		for _, reading := range []string{"Get", "List", "Describe"} {
			if strings.HasPrefix(operation, reading) {
				return false, false
			}
		}
		seen++
		hit := seen == n+1
		return hit && !after, hit && after
	}
}

// TestLostAnswerMakesNoSecondKey: the SDK asks again when the answer to
// CreateAccessKey is lost. AWS has made two keys then, one of which nobody knows.
func TestLostAnswerMakesNoSecondKey(t *testing.T) {
	c := newCloud(t)
	a := c.open(func(cfg *Config) { cfg.Attempts = 3 })
	must(t, a.EnsurePrincipal(t.Context(), by, c.wantedUser()))
	lost := 0
	c.cut = func(call string) (bool, bool) {
		if call == "iam:CreateAccessKey" {
			lost++
		}
		return false, call == "iam:CreateAccessKey" && lost == 1
	}
	id, err := a.NewKey(t.Context(), by, c.wantedUser().ARN)
	must(t, err)
	if lost != 2 || c.secrets[id] == "" {
		t.Fatalf("CreateAccessKey was called %d times", lost)
	}
	if picture := c.picture(); !strings.Contains(picture, "keys 1\n") {
		t.Errorf("not one key:\n%s", picture)
	}
}

// TestSecretThatCannotBeKept: a key whose secret nobody keeps does not stay.
func TestSecretThatCannotBeKept(t *testing.T) {
	c := newCloud(t)
	a := c.open(func(cfg *Config) {
		cfg.Keep = func(context.Context, string, string, string) error {
			return eventbus.Errorf(eventbus.CodeUnavailable, "the store is away")
		}
	})
	must(t, a.EnsurePrincipal(t.Context(), by, c.wantedUser()))
	_, err := a.NewKey(t.Context(), by, c.wantedUser().ARN)
	wantCode(t, err, eventbus.CodeUnavailable)
	if keys, err := a.Keys(t.Context(), c.wantedUser().ARN); err != nil || len(keys) > 0 {
		t.Errorf("keys %q, %v", keys, err)
	}
}
