package store

import (
	"context"
	"database/sql"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

var keyOfferTable = table{name: "key_offers", noun: "offer of a key to user", keys: 1, columns: []string{"user_name"}}

// SaveKeyOffer inserts or updates the offer of a key together with whom to tell;
// its user must exist (CodeNotFound). Of two who collect the same offer one
// saves, the other gets CodeConflict.
func (s *Store) SaveKeyOffer(ctx context.Context, o eventbus.KeyOffer, tell []eventbus.Notification, audit ...eventbus.AuditEntry) (eventbus.KeyOffer, error) {
	o.Version++
	err := s.inTx(ctx, "save the offer of a key to "+o.User, func(tx *sql.Tx) error {
		err := keyOfferTable.save(ctx, tx, o.Version, o, o.User)
		if brokenReference(err) {
			return notFound("user", o.User)
		}
		if err != nil {
			return err
		}
		if err := s.saveNotifications(ctx, tx, tell); err != nil {
			return err
		}
		_, err = s.chain(ctx, tx, audit)
		return err
	})
	return saved(o, err)
}

// KeyOffer gives the last offer of a key to a user, collected, expired or not.
func (s *Store) KeyOffer(ctx context.Context, user string) (eventbus.KeyOffer, error) {
	return documentOf[eventbus.KeyOffer](ctx, s, keyOfferTable, user)
}
