package store

import (
	"context"
	"database/sql"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

var grantTable = table{name: "grants", noun: "grant", keys: 1,
	columns: []string{"id", "event", "environment", "topic", "principal", "direction", "request_id", "created_at", "revoked_at"}}

// SaveGrant inserts or updates a grant; a revoked one is kept.
func (s *Store) SaveGrant(ctx context.Context, g eventbus.Grant, audit ...eventbus.AuditEntry) (eventbus.Grant, error) {
	g.Version++
	err := s.inTx(ctx, "save grant "+g.ID, func(tx *sql.Tx) error {
		if err := grantTable.save(ctx, tx, g.Version, g, g.ID, g.Event, g.Environment, g.Topic, g.Principal,
			string(g.Direction), g.RequestID, micros(g.CreatedAt), micros(g.RevokedAt)); err != nil {
			return err
		}
		_, err := s.chain(ctx, tx, audit)
		return err
	})
	return saved(g, err)
}

// Grant gives a grant by id.
func (s *Store) Grant(ctx context.Context, id string) (eventbus.Grant, error) {
	return documentOf[eventbus.Grant](ctx, s, grantTable, id)
}

// Grants gives all grants that match, oldest first.
func (s *Store) Grants(ctx context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error) {
	var f filter
	f.equal("event", q.Event)
	f.equal("environment", q.Environment)
	f.equal("topic", q.Topic)
	f.equal("principal", q.Principal)
	f.equal("direction", string(q.Direction))
	f.equal("request_id", q.RequestID)
	if q.ActiveOnly {
		f.conditions = append(f.conditions, "revoked_at = 0")
	}
	list, err := queryRows(ctx, s.read, document[eventbus.Grant], "SELECT document FROM grants"+f.where()+" ORDER BY created_at, id", f.args...)
	return all(list, err, "grants")
}
