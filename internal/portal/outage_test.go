package portal

import (
	"context"
	"sync/atomic"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// flakyStore is a store that can be taken away, with all that is read through
// it; who is signed in stays known.
type flakyStore struct {
	*store.Store
	down atomic.Bool
}

func (s *flakyStore) fault() error {
	if s.down.Load() {
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the database does not answer; nothing was changed", Next: "Try again in a minute."}
	}
	return nil
}

// either gives what was read, or the fault of an outage.
func either[T any](s *flakyStore, read func() (T, error)) (T, error) {
	if err := s.fault(); err != nil {
		var none T
		return none, err
	}
	return read()
}

func (s *flakyStore) Event(ctx context.Context, name string) (eventbus.Event, error) {
	return either(s, func() (eventbus.Event, error) { return s.Store.Event(ctx, name) })
}

func (s *flakyStore) Events(ctx context.Context) ([]eventbus.Event, error) {
	return either(s, func() ([]eventbus.Event, error) { return s.Store.Events(ctx) })
}

func (s *flakyStore) CatalogVersion(ctx context.Context) (int64, error) {
	return either(s, func() (int64, error) { return s.Store.CatalogVersion(ctx) })
}

func (s *flakyStore) Systems(ctx context.Context) ([]eventbus.System, error) {
	return either(s, func() ([]eventbus.System, error) { return s.Store.Systems(ctx) })
}

func (s *flakyStore) Request(ctx context.Context, id string) (eventbus.Request, error) {
	return either(s, func() (eventbus.Request, error) { return s.Store.Request(ctx, id) })
}

func (s *flakyStore) Requests(ctx context.Context, q eventbus.RequestQuery) ([]eventbus.Request, error) {
	return either(s, func() ([]eventbus.Request, error) { return s.Store.Requests(ctx, q) })
}

func (s *flakyStore) Grants(ctx context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error) {
	return either(s, func() ([]eventbus.Grant, error) { return s.Store.Grants(ctx, q) })
}

func (s *flakyStore) Person(ctx context.Context, id string) (eventbus.Person, error) {
	return either(s, func() (eventbus.Person, error) { return s.Store.Person(ctx, id) })
}

func (s *flakyStore) People(ctx context.Context) ([]eventbus.Person, error) {
	return either(s, func() ([]eventbus.Person, error) { return s.Store.People(ctx) })
}

func (s *flakyStore) Inbox(ctx context.Context, p eventbus.Person, unread bool, limit int) ([]eventbus.Notification, error) {
	return either(s, func() ([]eventbus.Notification, error) { return s.Store.Inbox(ctx, p, unread, limit) })
}

func (s *flakyStore) Usage(ctx context.Context, q eventbus.UsageQuery) ([]eventbus.UsageBucket, error) {
	return either(s, func() ([]eventbus.UsageBucket, error) { return s.Store.Usage(ctx, q) })
}

func (s *flakyStore) AuditEntries(ctx context.Context, q eventbus.AuditQuery) ([]eventbus.AuditEntry, error) {
	return either(s, func() ([]eventbus.AuditEntry, error) { return s.Store.AuditEntries(ctx, q) })
}

// breakDown takes database and cluster away.
func (w *world) breakDown() {
	w.store.down.Store(true)
	w.kafka.Close()
}
