package server

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// accountOffers are the offers of the keys of an environment's users on AWS, by
// the ARN of the user. AWS shows a secret never again, so that an offer holds it,
// sealed with a key derived from the bus's master key, until it is collected. AWS
// decides whether an offer is of use: one of a key that AWS does not have is void.
type accountOffers struct {
	account *awscloud.Account
	store   *store.Store
	dir     *iam.Directory
	audit   *audit.Log
	now     func() time.Time
}

func (s *Server) accountOffers(environment string) accountOffers {
	return accountOffers{account: s.accounts[environment], store: s.store, dir: s.iam, audit: s.audit, now: s.cfg.Now}
}

func (o accountOffers) arn(user string) string { return o.account.Deployment().UserARN(user) }

// offer gives what was offered last; the zero offer when nothing was.
func (o accountOffers) offer(ctx context.Context, arn string) (eventbus.KeyOffer, error) {
	offer, err := o.store.KeyOffer(ctx, arn)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return eventbus.KeyOffer{User: arn}, nil
	}
	return offer, err
}

// keep seals the secret of a key that was just made. Nobody can collect it before
// it is offered.
func (o accountOffers) keep(ctx context.Context, arn, keyID, secret string) error {
	before, err := o.offer(ctx, arn)
	if err != nil {
		return err
	}
	kept := eventbus.KeyOffer{User: arn, KeyID: keyID, Version: before.Version}
	if kept.Sealed, err = o.dir.SealForeign(arn, keyID, secret); err != nil {
		return err
	}
	_, err = o.store.SaveKeyOffer(ctx, kept, nil)
	return err
}

// Offered reports whether a user needs no new key: AWS has one that waits, was
// collected, or that somebody has made by hand since, in the place of an offered one.
func (o accountOffers) Offered(ctx context.Context, user string) (bool, error) {
	offer, err := o.offer(ctx, o.arn(user))
	if err != nil {
		return false, err
	}
	keys, err := o.account.Keys(ctx, o.arn(user))
	if err != nil || len(keys) == 0 || offer.KeyID == "" {
		return false, err
	}
	another := slices.ContainsFunc(keys, func(id string) bool { return id != offer.KeyID })
	return another || !offer.CollectedAt.IsZero() || offer.Waits(o.now()), nil
}

// Withdraw takes back an offer that nobody took, and what it sealed.
func (o accountOffers) Withdraw(ctx context.Context, user string) error {
	offer, err := o.offer(ctx, o.arn(user))
	if err != nil || offer.KeyID == "" {
		return err
	}
	offer.KeyID, offer.Sealed = "", nil
	_, err = o.store.SaveKeyOffer(ctx, offer, nil)
	return err
}

// Offer lets the key that was kept wait for its contact.
func (o accountOffers) Offer(ctx context.Context, offer eventbus.KeyOffer) error {
	offer.User = o.arn(offer.User)
	kept, err := o.offer(ctx, offer.User)
	if err != nil {
		return err
	}
	if kept.KeyID != offer.KeyID || len(kept.Sealed) == 0 {
		return eventbus.Errorf(eventbus.CodeConflict, "key %s of %s was not offered: its secret is not kept", offer.KeyID, offer.User)
	}
	offer.Sealed, offer.Version = kept.Sealed, kept.Version
	_, err = o.store.SaveKeyOffer(ctx, offer, []eventbus.Notification{tellContact(offer)})
	return err
}

// collect gives the key to its contact and forgets the secret. Of several who ask
// at once one gets it; nobody does when AWS has the key no more.
func (o accountOffers) collect(ctx context.Context, by eventbus.Actor, arn string) (id, secret string, err error) {
	intent := eventbus.AuditEntry{Time: o.now(), Actor: by.Name(), Action: "iam.key.collect", Resource: arn, From: by.From}
	err = o.audit.Around(ctx, intent, func() error {
		offer, err := o.offer(ctx, arn)
		if err != nil {
			return err
		}
		if !offer.Waits(o.now()) || !offer.For(by.Person) {
			return noOffer(arn)
		}
		keys, err := o.account.Keys(ctx, arn)
		if err != nil {
			return err
		}
		if !slices.Contains(keys, offer.KeyID) {
			return noOffer(arn)
		}
		opened, err := o.dir.OpenForeign(arn, offer.KeyID, offer.Sealed)
		if err != nil {
			return err
		}
		offer.CollectedBy, offer.CollectedAt, offer.Sealed = by.Person.ID, o.now().UTC().Truncate(time.Microsecond), nil
		if _, err := o.store.SaveKeyOffer(ctx, offer, nil); err != nil {
			if eventbus.CodeOf(err) == eventbus.CodeConflict {
				return noOffer(arn)
			}
			return err
		}
		id, secret = offer.KeyID, opened
		return nil
	})
	return id, secret, err
}

// offers are all keys that wait for a contact, wherever their users are.
type offers struct {
	own      keyOffers
	accounts []accountOffers
}

func (s *Server) openOffers() {
	s.offers = offers{own: keyOffers{store: s.store, dir: s.iam, now: s.cfg.Now}}
	for name := range s.accounts {
		s.offers.accounts = append(s.offers.accounts, s.accountOffers(name))
	}
}

// Collect gives a key to its contact. The user is a name of the bus's own
// directory, or the ARN of a user on AWS.
func (o offers) Collect(ctx context.Context, by eventbus.Actor, user string) (id, secret string, err error) {
	if !strings.HasPrefix(user, "arn:") {
		return o.own.Collect(ctx, by, user)
	}
	name := user[strings.LastIndexByte(user, '/')+1:]
	for _, account := range o.accounts {
		if account.arn(name) == user {
			return account.collect(ctx, by, user)
		}
	}
	return "", "", noOffer(user)
}
