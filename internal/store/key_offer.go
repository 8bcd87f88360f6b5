package store

import (
	"context"
	"database/sql"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// The offers of keys, apart by who keeps the user: a name may be used in the bus's
// own directory and in several accounts of AWS.
var (
	keyOfferTable        = table{name: "key_offers", noun: "offer of a key to user", keys: 1, columns: []string{"user_name"}}
	accountKeyOfferTable = table{name: "account_key_offers", noun: "offer of a key to user", keys: 1, columns: []string{"user_arn"}}
)

func keyOffersOf(user string) table {
	if (eventbus.KeyOffer{User: user}).OnAWS() {
		return accountKeyOfferTable
	}
	return keyOfferTable
}

// SaveKeyOffer inserts or updates the offer of a key together with whom to tell;
// a user of the bus's own directory must exist (CodeNotFound). Of two who collect
// the same offer one saves, the other gets CodeConflict.
func (s *Store) SaveKeyOffer(ctx context.Context, o eventbus.KeyOffer, tell []eventbus.Notification, audit ...eventbus.AuditEntry) (eventbus.KeyOffer, error) {
	o.Version++
	err := s.inTx(ctx, "save the offer of a key to "+o.User, func(tx *sql.Tx) error {
		err := keyOffersOf(o.User).save(ctx, tx, o.Version, o, o.User)
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

// KeyOffer gives the last offer of a key to a user (name, or ARN when AWS keeps
// it), collected, expired or not.
func (s *Store) KeyOffer(ctx context.Context, user string) (eventbus.KeyOffer, error) {
	return documentOf[eventbus.KeyOffer](ctx, s, keyOffersOf(user), user)
}

// DeleteKeyOffer forgets the offer of a key to a user, whether there is one or
// not. Those of the bus's own directory go with their user.
func (s *Store) DeleteKeyOffer(ctx context.Context, user string) error {
	return s.inTx(ctx, "forget the offer of a key to "+user, func(tx *sql.Tx) error {
		err := keyOffersOf(user).remove(ctx, tx, user)
		if eventbus.CodeOf(err) == eventbus.CodeNotFound {
			return nil
		}
		return err
	})
}
