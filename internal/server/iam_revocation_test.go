package server

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

const revocationLimit = 5 * time.Second

// TestRevocation: when a key is disabled, a policy edited or a role deleted, 20
// clients that produce, consume or wait are cut within 5 s; nothing that they
// begin afterwards is accepted, and nothing written afterwards reaches them.
func TestRevocation(t *testing.T) {
	for name, tt := range map[string]struct {
		role   bool
		revoke func(*bus, iam.Secret) error
	}{
		"access key disabled": {false, func(b *bus, k iam.Secret) error {
			return b.iam.DisableAccessKey(b.ctx, b.as("operator"), k.ID)
		}},
		"access key of a role's caller disabled": {true, func(b *bus, k iam.Secret) error {
			return b.iam.DisableAccessKey(b.ctx, b.as("operator"), k.ID)
		}},
		"policy edited": {true, func(b *bus, _ iam.Secret) error {
			_, err := b.iam.PutPolicy(b.ctx, b.as("operator"), b.roleARN("app"), "policy-a", policy.MayOnlyConnect(b.arns()).String())
			return err
		}},
		"role deleted": {true, func(b *bus, _ iam.Secret) error {
			return b.iam.DeleteRole(b.ctx, b.as("operator"), "app")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBus(t, nil)
			b.topics("written", "fed", "silent")
			everything, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			key := b.principal("app", everything)
			credential := static(key)
			if tt.role {
				credential = b.assumed(key, "app", "session")
			}
			mechanism := mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, credential)
			b.revokes(t, mechanism, func() error { return tt.revoke(b, key) })
		})
	}
}

// crowd is a number of clients at work.
type crowd struct {
	*bus
	t       *testing.T
	ctx     context.Context
	working sync.WaitGroup
	revoked atomic.Int64 // when, in Unix nanoseconds; 0 before
	written atomic.Int64 // records acknowledged
	fed     atomic.Int64 // records consumed
}

func (b *bus) revokes(t *testing.T, m sasl.Mechanism, revoke func() error) {
	ctx, stop := context.WithCancel(b.ctx)
	c := &crowd{bus: b, t: t, ctx: ctx}
	defer c.working.Wait()
	defer stop()
	eager := kgo.MetadataMinAge(50 * time.Millisecond) // tries again sooner than clients do
	for range 8 {
		c.working.Go(func() {
			c.produce(b.client(m, eager, kgo.DefaultProduceTopic("written"), kgo.DisableIdempotentWrite()))
		})
		c.working.Go(func() { c.consume(b.client(m, eager, kgo.ConsumeTopics("fed"))) })
	}
	for range 4 {
		c.working.Go(func() { c.consume(b.client(m, eager, kgo.ConsumeTopics("silent"), kgo.FetchMaxWait(30*time.Second))) })
	}
	c.working.Go(func() { c.feed(b.local(kgo.DefaultProduceTopic("fed"))) })
	b.eventually("all clients work", func() bool {
		return c.written.Load() > 50 && c.fed.Load() > 50 && b.signedIn() >= 20
	})

	live, before := b.signedIn(), b.cut()
	if err := revoke(); err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	c.revoked.Store(since.UnixNano())
	var after []time.Duration // of each connection, from the revocation to its end
	for len(after) < int(live) {
		if time.Since(since) > revocationLimit {
			t.Fatalf("%d of %v connections are cut after %v", len(after), live, revocationLimit)
		}
		for len(after) < int(b.cut()-before) {
			after = append(after, time.Since(since))
		}
		time.Sleep(2 * time.Millisecond)
	}
	slices.Sort(after)
	t.Logf("%d connections cut; p50 %v, p99 %v", len(after), after[len(after)/2].Round(time.Millisecond), after[len(after)*99/100].Round(time.Millisecond))
	time.Sleep(200 * time.Millisecond) // the clients go on trying
	for _, r := range b.read("written") {
		if begun := stamp(r); begun > since.UnixNano() {
			t.Fatalf("a record that was begun %v after the revocation is in the log", time.Duration(begun-since.UnixNano()))
		}
	}
}

// signedIn counts the connections that have a session.
func (b *bus) signedIn() float64 {
	return b.counter("eventbus_gateway_logins_total", "accepted") - b.cut()
}

// cut counts the connections that have ended.
func (b *bus) cut() float64 {
	return b.counter("eventbus_gateway_closes_total", "revoked") + b.counter("eventbus_gateway_closes_total", "client")
}

// stamped is a record that knows when it was begun.
func stamped() *kgo.Record {
	return &kgo.Record{Value: binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))}
}

func stamp(r *kgo.Record) int64 { return int64(binary.BigEndian.Uint64(r.Value)) }

// produce goes on whatever is answered.
func (c *crowd) produce(kafka *kgo.Client) {
	defer kafka.Close()
	for c.ctx.Err() == nil {
		begun := time.Now().UnixNano()
		err := kafka.ProduceSync(c.ctx, stamped()).FirstErr()
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		c.written.Add(1)
		if revoked := c.revoked.Load(); revoked > 0 && begun > revoked {
			c.t.Error("a record was acknowledged that was begun after the revocation")
		}
	}
}

func (c *crowd) consume(kafka *kgo.Client) {
	defer kafka.Close()
	for c.ctx.Err() == nil {
		fetches := kafka.PollFetches(c.ctx)
		fetches.EachRecord(func(r *kgo.Record) {
			c.fed.Add(1)
			if revoked := c.revoked.Load(); revoked > 0 && stamp(r) > revoked {
				c.t.Errorf("a record arrived that was written %v after the revocation", time.Duration(stamp(r)-revoked))
			}
		})
		if fetches.Err() != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// feed writes what the consumers read, as somebody who is not revoked.
func (c *crowd) feed(kafka *kgo.Client) {
	defer kafka.Close()
	for c.ctx.Err() == nil {
		if err := kafka.ProduceSync(c.ctx, stamped()).FirstErr(); err != nil && c.ctx.Err() == nil {
			c.t.Errorf("the producer beside: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
