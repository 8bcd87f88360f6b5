package iam_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

func TestDecide(t *testing.T) {
	w := newWorld(t)
	w.must(w.dir.EnsureTestPrincipals(t.Context()))
	sessions := map[string]*iam.Session{"local": w.dir.Local()}
	for _, name := range []string{iam.TestProducer, iam.TestConsumer, iam.TestNobody} {
		key, err := w.dir.RevealKey(t.Context(), admin, name)
		w.must(err)
		sessions[name] = w.mustLogin(w.mustAssume(of(key), roleARN(name)))
	}
	const producer, consumer, nobody = iam.TestProducer, iam.TestConsumer, iam.TestNobody
	for _, c := range []struct {
		action, resource string
		allowed          []string
	}{
		{"Connect", arns.Cluster(), []string{producer, consumer, nobody}},
		{"WriteData", arns.Topic("test"), []string{producer}},
		{"WriteData", arns.Topic("test2"), nil},
		{"WriteDataIdempotently", arns.Cluster(), []string{producer}},
		{"DescribeTopic", arns.Topic("test"), []string{producer, consumer}},
		{"ReadData", arns.Topic("test"), []string{consumer}},
		{"ReadData", arns.Topic("Test"), nil},
		{"AlterGroup", arns.Group("test-consumer"), []string{consumer}},
		{"AlterGroup", arns.Group("test-consumer-2"), []string{consumer}},
		{"AlterGroup", arns.Group("other"), nil},
		{"DescribeGroup", arns.Group("test-consumer"), []string{consumer}},
		{"DeleteGroup", arns.Group("test-consumer"), nil},
		{"AlterTransactionalId", arns.TransactionalID("x"), nil},
		{"CreateTopic", arns.Topic("test"), nil},
		{"DeleteTopic", arns.Topic("test"), nil},
		{"AlterCluster", arns.Cluster(), nil},
		{"NoSuchAction", arns.Cluster(), nil},
	} {
		for name, s := range sessions {
			want := name == "local"
			for _, a := range c.allowed {
				want = want || a == name
			}
			t.Run(name+" "+c.action+" "+c.resource[strings.LastIndexByte(c.resource, '/')+1:], func(t *testing.T) {
				first := w.dir.Decide(t.Context(), s, "kafka-cluster:"+c.action, c.resource)
				again := w.dir.Decide(t.Context(), s, "kafka-cluster:"+c.action, c.resource)
				if first.Allowed != want || again != first || first.Reason == "" {
					t.Errorf("%+v, then %+v", first, again)
				}
				entries, err := w.store.AuditEntries(t.Context(), eventbus.AuditQuery{Actor: s.Identity(), Action: "kafka-cluster:" + c.action, Resource: c.resource})
				w.must(err)
				outcome := eventbus.OutcomeDenied
				if want {
					outcome = eventbus.OutcomeAllowed
				}
				if len(entries) != 1 || entries[0].Outcome != outcome || entries[0].Reason == "" {
					t.Errorf("entries %+v", entries)
				}
			})
		}
	}
}

func TestDecideDependsOnTime(t *testing.T) {
	w := newWorld(t)
	until := w.clock.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	key := w.user("alice", policy.MayOnlyConnect(arns),
		document(t, "Allow", "kafka-cluster:ReadData", arns.Topic("t"), `{"DateLessThan":{"aws:CurrentTime":"`+until+`"}}`))
	s := w.mustLogin(of(key))
	if !w.dir.Decide(t.Context(), s, "kafka-cluster:ReadData", arns.Topic("t")).Allowed {
		t.Error("refused before its time")
	}
	w.clock.Advance(2 * time.Minute)
	if w.dir.Decide(t.Context(), s, "kafka-cluster:ReadData", arns.Topic("t")).Allowed {
		t.Error("allowed after its time")
	}
}

func TestDecideKnowsTheCaller(t *testing.T) {
	for _, c := range []struct {
		name, condition string
		allowed         bool
	}{
		{"address", `{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, true},
		{"another address", `{"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, false},
		{"TLS", `{"Bool":{"aws:SecureTransport":"true"}}`, true},
		{"region", `{"StringEquals":{"aws:RequestedRegion":"us-gov-west-1"}}`, true},
		{"role's ARN", `{"ArnEquals":{"aws:PrincipalArn":"` + roleARN("app") + `"}}`, true},
		{"account", `{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}`, true},
		{"type", `{"StringEquals":{"aws:PrincipalType":"AssumedRole"}}`, true},
		{"session name in the user id", `{"StringLike":{"aws:userid":"AROA*:session"}}`, true},
		{"a role has no user name", `{"Null":{"aws:username":"false"}}`, false},
		{"token's age", `{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01"}}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			key := w.user("alice")
			w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns), document(t, "Allow", "kafka-cluster:ReadData", arns.Topic("t"), c.condition))
			s := w.mustLogin(w.mustAssume(of(key), roleARN("app")))
			if got := w.dir.Decide(t.Context(), s, "kafka-cluster:ReadData", arns.Topic("t")); got.Allowed != c.allowed {
				t.Errorf("%+v", got)
			}
		})
	}
}

// What is revoked ends, what is not goes on.
func TestRevocation(t *testing.T) {
	for _, c := range []struct {
		name       string
		user, role bool // which of alice's and app's sessions end
		still      bool // app may connect all the same, after signing in again
		edit       func(w *world, key iam.Secret) error
	}{
		{"key disabled", true, true, false, func(w *world, k iam.Secret) error { return w.dir.DisableAccessKey(w.Context(), admin, k.ID) }},
		{"key deleted", true, true, false, func(w *world, k iam.Secret) error { return w.dir.DeleteAccessKey(w.Context(), admin, k.ID) }},
		{"user disabled", true, true, false, func(w *world, k iam.Secret) error {
			return w.dir.SetUserDisabled(w.Context(), admin, "alice", true)
		}},
		{"user's policy deleted", true, true, true, func(w *world, k iam.Secret) error {
			return w.dir.DeletePolicy(w.Context(), admin, userARN("alice"), "policy-a")
		}},
		{"role deleted", false, true, false, func(w *world, k iam.Secret) error { return w.dir.DeleteRole(w.Context(), admin, "app") }},
		{"trust taken away", false, true, false, func(w *world, k iam.Secret) error {
			return w.dir.SetTrust(w.Context(), admin, "app", iam.TrustOf(userARN("bob")))
		}},
		{"trust widened", false, true, true, func(w *world, k iam.Secret) error {
			return w.dir.SetTrust(w.Context(), admin, "app", iam.TrustOf(userARN("alice"), userARN("bob")))
		}},
		{"role's policy added", false, true, true, func(w *world, k iam.Secret) error {
			_, err := w.dir.PutPolicy(w.Context(), admin, roleARN("app"), "more", policy.Produce(arns, "t").String())
			return err
		}},
		{"role's policy deleted", false, true, false, func(w *world, k iam.Secret) error {
			return w.dir.DeletePolicy(w.Context(), admin, roleARN("app"), "policy-a")
		}},
		{"another user's policy", false, false, true, func(w *world, k iam.Secret) error {
			return w.dir.DeletePolicy(w.Context(), admin, userARN("bob"), "policy-a")
		}},
		{"another role made", false, false, true, func(w *world, k iam.Secret) error {
			w.role("other", iam.TrustOf(userARN("alice")))
			return nil
		}},
		{"a second key", false, false, true, func(w *world, k iam.Secret) error {
			_, err := w.dir.RotateAccessKey(w.Context(), admin, k.ID)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			key := w.user("alice", policy.MayOnlyConnect(arns))
			w.user("bob", policy.MayOnlyConnect(arns))
			w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
			user, role := w.mustLogin(of(key)), w.mustLogin(w.mustAssume(of(key), roleARN("app")))
			again := w.mustLogin(of(key))
			w.must(c.edit(w, key))
			if ended(user) != c.user || ended(again) != c.user || ended(role) != c.role {
				t.Errorf("ended: user %v and %v, role %v", ended(user), ended(again), ended(role))
			}
			if got := w.dir.Decide(t.Context(), role, "kafka-cluster:Connect", arns.Cluster()); got.Allowed != c.still || got.Reason == "" {
				t.Errorf("then Decide says %+v", got)
			}
		})
	}
}

// A change made by one instance ends the sessions at another within a poll.
func TestRevocationElsewhere(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	other := w.open(w.audit, func(c *iam.Config) { c.Poll = time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- other.Run(ctx) }()

	s, _, err := other.Login(t.Context(), iam.MechanismMSKIAM, payload(t, of(key), demo.Region, w.clock.Now()), here, front)
	w.must(err)
	w.must(w.dir.DisableAccessKey(t.Context(), admin, key.ID))
	<-s.Done()
	if other.Decide(t.Context(), s, "kafka-cluster:Connect", arns.Cluster()).Allowed {
		t.Error("still allowed")
	}
	stop()
	w.must(<-ran)
}

// A login that is under way while its key is disabled does not get through.
func TestRevocationDuringLogin(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	d := w.open(auditFunc(func() { w.must(w.dir.DisableAccessKey(t.Context(), admin, key.ID)) }))
	s, _, err := d.Login(t.Context(), iam.MechanismMSKIAM, payload(t, of(key), demo.Region, w.clock.Now()), here, front)
	w.must(err)
	w.must(d.Refresh(t.Context()))
	if !ended(s) {
		t.Error("the session goes on")
	}
}

// auditFunc calls a function when something is recorded.
type auditFunc func()

func (f auditFunc) Around(_ context.Context, _ eventbus.AuditEntry, do func() error) error {
	return do()
}
func (f auditFunc) DataPlane(context.Context, string, string, string, bool, string, string) error {
	f()
	return nil
}

func TestLastUsed(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	s := w.mustLogin(of(key))
	d := w.open(w.audit, func(c *iam.Config) { c.Poll = time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- d.Run(ctx) }()
	_, _, err := d.Login(t.Context(), iam.MechanismMSKIAM, payload(t, of(key), demo.Region, w.clock.Now()), here, front)
	w.must(err)
	for {
		keys, err := w.dir.AccessKeys(t.Context(), "alice")
		w.must(err)
		if !keys[0].LastUsed.IsZero() {
			break
		}
	}
	stop()
	w.must(<-ran)
	if w.must(w.dir.Refresh(t.Context())); ended(s) {
		t.Error("noting a key's use ends its sessions")
	}
}

func TestKnownDecisionsAreBounded(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns), policy.Produce(arns, "t"))
	s := w.mustLogin(of(key))
	d := w.open(auditFunc(func() {}))
	for i := range 10_000 {
		if d.Decide(t.Context(), s, "kafka-cluster:WriteData", arns.Topic(fmt.Sprint("t", i))).Allowed {
			t.Fatal("allowed")
		}
	}
	if !d.Decide(t.Context(), s, "kafka-cluster:WriteData", arns.Topic("t")).Allowed {
		t.Error("refused")
	}
}

func TestRepeatedDecisionsDoNotAllocate(t *testing.T) {
	w := newWorld(t)
	key := w.user("alice", policy.MayOnlyConnect(arns), policy.Produce(arns, "t"))
	s := w.mustLogin(of(key))
	topic := arns.Topic("t")
	for _, action := range []string{"kafka-cluster:WriteData", "kafka-cluster:ReadData"} {
		if n := testing.AllocsPerRun(100, func() { w.dir.Decide(t.Context(), s, action, topic) }); n > 0 {
			t.Errorf("%s: %v allocations", action, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	w := newWorld(b)
	key := w.user("alice", policy.MayOnlyConnect(arns), policy.Produce(arns, "t"))
	topic := arns.Topic("t")
	for name, d := range map[string]*iam.Directory{"audited": w.dir, "alone": w.open(auditFunc(func() {}))} {
		b.Run(name, func(b *testing.B) {
			s, _, err := d.Login(b.Context(), iam.MechanismMSKIAM, payload(b, of(key), demo.Region, w.clock.Now()), here, front)
			w.must(err)
			b.ReportAllocs()
			for b.Loop() {
				d.Decide(b.Context(), s, "kafka-cluster:WriteData", topic)
			}
		})
	}
}

func BenchmarkLogin(b *testing.B) {
	w := newWorld(b)
	key := w.user("alice", policy.MayOnlyConnect(arns))
	w.role("app", iam.TrustOf(userARN("alice")), policy.MayOnlyConnect(arns))
	for name, c := range map[string]credentials{"user": of(key), "role": w.mustAssume(of(key), roleARN("app"))} {
		b.Run(name, func(b *testing.B) {
			message := payload(b, c, demo.Region, w.clock.Now())
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := w.dir.Login(b.Context(), iam.MechanismMSKIAM, message, here, front); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
