package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const wantedCounter = "wanted"

// SaveWanted inserts or replaces the wanted state of some events, all of them or
// none.
func (s *Store) SaveWanted(ctx context.Context, manifests []eventbus.EventManifest, audit ...eventbus.AuditEntry) error {
	if len(manifests) == 0 {
		return nil
	}
	return s.inTx(ctx, "save the wanted state of "+manifests[0].Event.Name, func(tx *sql.Tx) error {
		version, err := bump(ctx, tx, wantedCounter)
		if err != nil {
			return err
		}
		for _, m := range manifests {
			text, err := encode(m)
			if err != nil {
				return err
			}
			if _, err := exec(ctx, tx, `INSERT INTO wanted_events (event, document, version) VALUES ($1, $2, $3)
				ON CONFLICT (event) DO UPDATE SET document = excluded.document, version = excluded.version`, m.Event.Name, text, version); err != nil {
				return err
			}
		}
		_, err = s.chain(ctx, tx, audit)
		return err
	})
}

// Wanted gives the wanted state of every event, by name.
func (s *Store) Wanted(ctx context.Context) ([]eventbus.EventManifest, error) {
	list, _, err := s.WantedSince(ctx, -1)
	return list, err
}

// WantedSince gives the wanted states that were saved after a version, by name
// of the event, and the newest version; a negative one gets all. No wanted state
// is ever removed, so that this is all that a reader misses.
func (s *Store) WantedSince(ctx context.Context, version int64) ([]eventbus.EventManifest, int64, error) {
	type row struct {
		version int64
		eventbus.EventManifest
	}
	rows, err := queryRows(ctx, s.read, func(rows *sql.Rows) (r row, err error) {
		var text string
		if err := rows.Scan(&r.version, &text); err != nil {
			return r, err
		}
		return r, decode(text, &r.EventManifest)
	}, "SELECT version, document FROM wanted_events WHERE version > $1", version)
	manifests := make([]eventbus.EventManifest, len(rows))
	for i, r := range rows {
		manifests[i], version = r.EventManifest, max(version, r.version)
	}
	slices.SortFunc(manifests, func(a, b eventbus.EventManifest) int { return strings.Compare(a.Event.Name, b.Event.Name) })
	list, err := all(manifests, err, "wanted state")
	return list, version, err
}
