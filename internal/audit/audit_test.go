package audit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain is the store's part in memory; the same rules on real databases are
// tested in package store and in verify_test.go.
type chain struct {
	mu      sync.Mutex
	entries []eventbus.AuditEntry
	fail    error                          // every append fails with it
	before  func(e ...eventbus.AuditEntry) // called before each append
}

func (c *chain) AppendAudit(_ context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error) {
	if c.before != nil {
		c.before(entries...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return nil, c.fail
	}
	for _, e := range entries {
		hash := ""
		if n := len(c.entries); n > 0 {
			hash = c.entries[n-1].Hash
		}
		c.entries = append(c.entries, e.Chained(int64(len(c.entries)+1), hash))
	}
	return c.entries[len(c.entries)-len(entries):], nil
}

func (c *chain) AuditEntries(_ context.Context, q eventbus.AuditQuery) ([]eventbus.AuditEntry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return nil, c.fail
	}
	rest := c.entries[min(int(q.AfterSeq), len(c.entries)):]
	return slices.Clone(rest[:min(q.Limit, len(rest))]), nil
}

func (c *chain) AuditHead(context.Context) (int64, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil || len(c.entries) == 0 {
		return 0, "", c.fail
	}
	last := c.entries[len(c.entries)-1]
	return last.Seq, last.Hash, nil
}

func (c *chain) all() []eventbus.AuditEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.entries)
}

func (c *chain) broken(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail = err
}

// day is when the tests happen: the first second of a minute.
var day = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func TestAppend(t *testing.T) {
	c := &chain{}
	log := audit.New(audit.Config{Now: clocktest.At(day).Now}, c)
	for _, e := range []eventbus.AuditEntry{{Action: "login"}, {Action: "logout", Time: day.Add(time.Hour)}} {
		if err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	got := c.all()
	if !got[0].Time.Equal(day) || !got[1].Time.Equal(day.Add(time.Hour)) {
		t.Errorf("times %v and %v", got[0].Time, got[1].Time)
	}
	cause := errors.New("disk full")
	c.broken(cause)
	err := log.Append(t.Context(), eventbus.AuditEntry{Action: "login"})
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !errors.Is(err, cause) {
		t.Errorf("with a broken store: %v", err)
	}
	if log.Failures() != 1 || len(c.all()) != 2 {
		t.Errorf("%d failures, %d entries", log.Failures(), len(c.all()))
	}
}

func TestAround(t *testing.T) {
	secret := errors.New("password=hunter2")
	tests := []struct {
		name   string
		acted  error
		want   eventbus.Outcome
		reason string
	}{
		{"done", nil, eventbus.OutcomeAllowed, "by rule 1"},
		{"refused", eventbus.Errorf(eventbus.CodeForbidden, "not yours"), eventbus.OutcomeDenied, "forbidden: not yours"},
		{"not signed in", eventbus.Errorf(eventbus.CodeUnauthenticated, "who are you"), eventbus.OutcomeDenied, "unauthenticated: who are you"},
		{"failed", &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the cluster is away", Err: secret}, eventbus.OutcomeFailed, "unavailable: the cluster is away"},
		{"failed with any error", secret, eventbus.OutcomeFailed, "internal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, now := &chain{}, clocktest.At(day)
			log := audit.New(audit.Config{Now: now.Now}, c)
			err := log.Around(t.Context(), eventbus.AuditEntry{Actor: "kim", Action: "topic.create", Resource: "dev_x", Reason: "by rule 1"}, func() error {
				if got := c.all(); len(got) != 1 || got[0].Outcome != eventbus.OutcomeIntent {
					t.Errorf("while it is done the record holds %v", got)
				}
				now.Advance(time.Second)
				return test.acted
			})
			if !errors.Is(err, test.acted) {
				t.Errorf("error %v, want %v", err, test.acted)
			}
			got := c.all()
			if len(got) != 2 {
				t.Fatalf("%d entries, want intent and outcome", len(got))
			}
			outcome := got[1]
			if outcome.Outcome != test.want || outcome.Reason != test.reason || !outcome.Time.Equal(day.Add(time.Second)) ||
				outcome.Actor != "kim" || outcome.Action != "topic.create" || outcome.Resource != "dev_x" {
				t.Errorf("outcome %+v, want %s because %q", outcome, test.want, test.reason)
			}
		})
	}
}

// No entry, no effect.
func TestAroundWithoutIntent(t *testing.T) {
	log := audit.New(audit.Config{}, &chain{fail: errors.New("disk full")})
	err := log.Around(t.Context(), eventbus.AuditEntry{Action: "topic.delete"}, func() error {
		t.Error("done without an entry")
		return nil
	})
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !strings.Contains(err.Error(), `"topic.delete" was not done`) {
		t.Errorf("error %v", err)
	}
}

func TestAroundWithoutOutcome(t *testing.T) {
	full, refusal := errors.New("disk full"), eventbus.Errorf(eventbus.CodeForbidden, "no")
	for name, acted := range map[string]error{"done": nil, "refused": refusal} {
		t.Run(name, func(t *testing.T) {
			c := &chain{}
			err := audit.New(audit.Config{}, c).Around(t.Context(), eventbus.AuditEntry{Action: "topic.delete"}, func() error {
				c.broken(full)
				return acted
			})
			if !errors.Is(err, full) || !errors.Is(err, acted) && acted != nil {
				t.Errorf("error %v hides something", err)
			}
			if acted == nil && !strings.Contains(err.Error(), "was done, but") {
				t.Errorf("error %v does not say that it was done", err)
			}
		})
	}
}

// A caller who hangs up after the act does not erase its outcome.
func TestAroundCallerGone(t *testing.T) {
	c := &chain{}
	ctx, cancel := context.WithCancel(t.Context())
	store := ctxChain{c}
	if err := audit.New(audit.Config{}, store).Around(ctx, eventbus.AuditEntry{Action: "a"}, func() error { cancel(); return nil }); err != nil {
		t.Fatal(err)
	}
	if n := len(c.all()); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

// ctxChain refuses, as a database does, when the context has ended.
type ctxChain struct{ *chain }

func (c ctxChain) AppendAudit(ctx context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.chain.AppendAudit(ctx, entries...)
}
