package store_test

import (
	"context"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	"github.com/enterprise-event-bus/eventbus/internal/store/storetest"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) Now() time.Time { return c.t }

// bus is one empty database of either kind.
type bus struct {
	*store.Store
	clock *clock
	cfg   store.Config
}

// day is when the tests happen.
var day = time.Date(2026, 3, 2, 9, 30, 0, 123456000, time.UTC)

// rules is the conformance suite: every rule holds on both databases.
var rules = map[string]func(*testing.T, *bus){
	"environments":                   environments,
	"log starts never go back":       logStarts,
	"schema records":                 schemaRecords,
	"audit chain":                    auditChain,
	"audit filters":                  auditFilters,
	"audit takes any name":           auditAnyName,
	"audit concurrent":               auditConcurrent,
	"audit gives up with its caller": auditCancelled,
	"users, roles and keys":          iamNouns,
	"iam version":                    iamVersion,
	"iam changes":                    iamChanges,
	"key offers":                     keyOffers,
	"key offers of two places":       accountKeyOffers,
	"a key is collected once of 16":  keyOfferConcurrent,
	"iam changes of long ago":        iamChangesLongAgo,
	"request round trip":             requestRoundTrip,
	"requests filtered and paged":    requestQueries,
	"requests of one moment, paged":  requestPages,
	"request saved once of 64":       requestConcurrent,
	"four eyes":                      fourEyes,
	"a decision is all or nothing":   decisionAtomic,
	"inbox":                          inbox,
	"outbox":                         outbox,
	"outbox retries":                 outboxRetries,
	"people, sessions and tokens":    people,
	"device logins":                  deviceLogins,
	"a device login is taken once":   deviceLoginConcurrent,
	"wrong guesses":                  wrongGuesses,
	"catalog":                        catalog,
	"grants":                         grants,
	"wanted state":                   wanted,
	"wanted state since a version":   wantedSince,
	"plans and steps":                plans,
	"usage":                          usage,
	"idempotent calls":               idempotentCalls,
	"idempotent calls at once":       idempotentAtOnce,
	"leases":                         leases,
	"leases of many holders":         leasesConcurrent,
	"a lost lease writes nothing":    fences,
	"no method writes without it":    everyWriteFenced,
	"a lost lease stops its own":     fencedAudit,
	"a lease is held":                heldLease,
	"no method outlives its caller":  everyMethodCancelled,
	"no method works when closed":    everyMethodClosed,
	"what is not there":              everyNotFound,
	"every versioned noun":           versions,
	"text that is not text":          notText,
	"a context that has ended":       cancelled,
	"a closed store":                 closed,
	"opened again":                   reopened,
	"a newer database is refused":    newerRefused,
	"instances that start together":  openedTogether,
	"a lost transaction is repeated": contention,
	"an approval cannot be smuggled": smuggledApproval,
	"large lists come in pages":      pages,
}

func TestConformanceSQLite(t *testing.T) {
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, open(t, store.Config{Path: t.TempDir() + "/a bus?#%.db"}))
		})
	}
}

func TestConformancePostgres(t *testing.T) {
	server := storetest.Postgres(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t, open(t, store.Config{DSN: server.DSN(t)}))
		})
	}
}

func open(t *testing.T, cfg store.Config) *bus {
	t.Helper()
	c := &clock{day}
	cfg.Now, cfg.Channels = c.Now, []string{"mail", "webhook"}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bus{Store: s, clock: c, cfg: cfg}
}

// must gives the value of a call that has to succeed.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused asserts the code of an error.
func refused(t *testing.T, err error, want eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != want {
		t.Fatalf("code %q (%v), want %q", got, err, want)
	}
}

func entry(action, resource string) eventbus.AuditEntry {
	return eventbus.AuditEntry{Time: day, Actor: "kim", Action: action, Resource: resource, Outcome: eventbus.OutcomeAllowed}
}

// entries reads the whole record.
func entries(t *testing.T, b *bus) []eventbus.AuditEntry {
	t.Helper()
	return must[[]eventbus.AuditEntry](t)(b.AuditEntries(context.Background(), eventbus.AuditQuery{Limit: 1000}))
}
