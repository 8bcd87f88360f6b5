package server

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// keyOffers lets a technical contact collect the key of a user that provisioning
// made, once and within its time, from whichever instance is asked. The secret
// is kept only where all are: sealed in the directory.
type keyOffers struct {
	store *store.Store
	dir   *iam.Directory
	now   func() time.Time
}

// Offered reports whether a user needs no new key. A key that nobody collected in
// time is of no use to anybody, unless an operator has given out another since.
func (o keyOffers) Offered(ctx context.Context, user string) (bool, error) {
	offer, err := o.store.KeyOffer(ctx, user)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return false, nil
	}
	if err != nil || !offer.CollectedAt.IsZero() {
		return err == nil, err
	}
	keys, err := o.dir.AccessKeys(ctx, user)
	if err != nil || offer.KeyID == "" {
		return false, err
	}
	if slices.ContainsFunc(keys, func(k eventbus.AccessKey) bool { return k.ID != offer.KeyID }) {
		return true, nil
	}
	return len(keys) > 0 && offer.Waits(o.now()), nil
}

// Withdraw takes back an offer that nobody took.
func (o keyOffers) Withdraw(ctx context.Context, user string) error {
	offer, err := o.store.KeyOffer(ctx, user)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound || err == nil && offer.KeyID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	offer.KeyID = ""
	_, err = o.store.SaveKeyOffer(ctx, offer, nil)
	return err
}

// Offer lets a key wait for its contact, in the place of an earlier one.
func (o keyOffers) Offer(ctx context.Context, offer eventbus.KeyOffer) error {
	before, err := o.store.KeyOffer(ctx, offer.User)
	if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return err
	}
	offer.Version = before.Version
	_, err = o.store.SaveKeyOffer(ctx, offer, []eventbus.Notification{tellContact(offer)})
	return err
}

// tellContact tells the team of a key that waits, and how to collect it.
func tellContact(offer eventbus.KeyOffer) eventbus.Notification {
	return eventbus.Notification{ID: "key-offer-" + offer.KeyID, At: offer.OfferedAt, To: eventbus.Audience{Team: offer.Team},
		Subject: "A key of " + offer.User[strings.LastIndexByte(offer.User, '/')+1:] + " waits for you",
		Body: fmt.Sprintf("The bus made an access key for user %s. %s collects it once, until %s: eventbus iam key collect %s",
			offer.User, contactText(offer), offer.ExpiresAt.Format(time.DateTime+" MST"), offer.User),
		Link: "/keys/" + url.PathEscape(offer.User)}
}

func contactText(offer eventbus.KeyOffer) string {
	if offer.Contact == "" {
		return "Anybody of the team"
	}
	return offer.Contact
}

// Collect gives the key to its contact, or to anybody of its team when none is
// named. Of several who ask at once one gets it.
func (o keyOffers) Collect(ctx context.Context, by eventbus.Actor, user string) (id, secret string, err error) {
	key, err := o.dir.HandOverKey(ctx, by, user, func() (string, error) {
		offer, err := o.store.KeyOffer(ctx, user)
		if eventbus.CodeOf(err) == eventbus.CodeNotFound || err == nil && !(offer.Waits(o.now()) && offer.For(by.Person)) {
			return "", noOffer(user)
		}
		if err != nil {
			return "", err
		}
		offer.CollectedBy, offer.CollectedAt = by.Person.ID, o.now().UTC().Truncate(time.Microsecond)
		_, err = o.store.SaveKeyOffer(ctx, offer, nil)
		if eventbus.CodeOf(err) == eventbus.CodeConflict {
			return "", noOffer(user)
		}
		return offer.KeyID, err
	})
	return key.ID, key.Secret, err
}

// noOffer does not tell who may collect a key, nor whether there is one.
func noOffer(user string) error {
	return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "no new key of " + user + " waits for you",
		Next: "a key is shown once, within seven days; ask an operator to rotate it"}
}
