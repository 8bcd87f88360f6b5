package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const catalogCounter = "catalog"

var (
	eventTable  = table{name: "events", noun: "event", keys: 1, columns: []string{"name"}}
	systemTable = table{name: "systems", noun: "system", keys: 2, columns: []string{"kind", "name"}}
)

// changeCatalog makes one change to the catalog: the change, the catalog's
// version and the audit entries together.
func (s *Store) changeCatalog(ctx context.Context, doing string, audit []eventbus.AuditEntry, change func(tx *sql.Tx) error) error {
	return s.inTx(ctx, doing, func(tx *sql.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		if _, err := bump(ctx, tx, catalogCounter); err != nil {
			return err
		}
		_, err := s.chain(ctx, tx, audit)
		return err
	})
}

// CatalogVersion moves with every change of an event or system.
func (s *Store) CatalogVersion(ctx context.Context) (int64, error) {
	return s.counter(ctx, catalogCounter)
}

// SaveEvent inserts or updates a catalog entry.
func (s *Store) SaveEvent(ctx context.Context, e eventbus.Event, audit ...eventbus.AuditEntry) (eventbus.Event, error) {
	e.Version++
	err := s.changeCatalog(ctx, "save event "+e.Name, audit, func(tx *sql.Tx) error {
		return eventTable.save(ctx, tx, e.Version, e, e.Name)
	})
	return saved(e, err)
}

// Event gives a catalog entry by name.
func (s *Store) Event(ctx context.Context, name string) (eventbus.Event, error) {
	return documentOf[eventbus.Event](ctx, s, eventTable, name)
}

// Events gives the whole catalog by name; searching is the catalog's, in memory.
func (s *Store) Events(ctx context.Context) ([]eventbus.Event, error) {
	return sortedDocuments(ctx, s, "events", "events", func(e eventbus.Event) string { return e.Name })
}

// DeleteEvent removes a catalog entry.
func (s *Store) DeleteEvent(ctx context.Context, name string, audit ...eventbus.AuditEntry) error {
	return s.changeCatalog(ctx, "delete event "+name, audit, func(tx *sql.Tx) error { return eventTable.remove(ctx, tx, name) })
}

// SaveSystem inserts or updates a consuming system; kind and name are its key,
// as in Backstage.
func (s *Store) SaveSystem(ctx context.Context, y eventbus.System, audit ...eventbus.AuditEntry) (eventbus.System, error) {
	y.Version++
	err := s.changeCatalog(ctx, "save system "+y.Name, audit, func(tx *sql.Tx) error {
		return systemTable.save(ctx, tx, y.Version, y, y.Kind, y.Name)
	})
	return saved(y, err)
}

// Systems gives all systems, by kind and name.
func (s *Store) Systems(ctx context.Context) ([]eventbus.System, error) {
	list, err := queryRows(ctx, s.read, document[eventbus.System], "SELECT document FROM systems")
	slices.SortFunc(list, func(a, b eventbus.System) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return all(list, err, "systems")
}

// DeleteSystem removes a system.
func (s *Store) DeleteSystem(ctx context.Context, kind, name string, audit ...eventbus.AuditEntry) error {
	return s.changeCatalog(ctx, "delete system "+name, audit, func(tx *sql.Tx) error { return systemTable.remove(ctx, tx, kind, name) })
}
