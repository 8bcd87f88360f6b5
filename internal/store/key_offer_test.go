package store_test

import (
	"sync"
	"sync/atomic"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func keyOffers(t *testing.T, b *bus) {
	ctx := t.Context()
	_, err := b.KeyOffer(ctx, "partner")
	refused(t, err, eventbus.CodeNotFound)
	offer := eventbus.KeyOffer{User: "partner", KeyID: "AKIA1", Team: "partners", Contact: "pat", RequestID: "r1", OfferedAt: day, ExpiresAt: day.AddDate(0, 0, 7)}
	tell := []eventbus.Notification{{ID: "n1", At: day, To: eventbus.Audience{Team: "partners"}, Subject: "a key waits"}}
	_, err = b.SaveKeyOffer(ctx, offer, tell, entry("iam.key.offer", "partner"))
	refused(t, err, eventbus.CodeNotFound) // no such user: and nobody is told
	must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "partner"}))
	_, err = b.SaveKeyOffer(ctx, offer, tell)
	offer = must[eventbus.KeyOffer](t)(offer, err)
	offer.Version++
	same(t, must[eventbus.KeyOffer](t)(b.KeyOffer(ctx, "partner")), offer)
	same(t, len(must[[]eventbus.Notification](t)(b.Inbox(ctx, eventbus.Person{ID: "pat", Teams: []string{"partners"}}, false, 0))), 1)

	offer.CollectedBy, offer.CollectedAt = "pat", day.AddDate(0, 0, 1)
	collected := must[eventbus.KeyOffer](t)(b.SaveKeyOffer(ctx, offer, nil, entry("iam.key.collect", "partner")))
	_, err = b.SaveKeyOffer(ctx, offer, nil, entry("iam.key.collect", "partner"))
	refused(t, err, eventbus.CodeConflict)
	same(t, must[eventbus.KeyOffer](t)(b.KeyOffer(ctx, "partner")), collected)
	checkChain(t, b, 1)

	ok(t, b.DeleteUser(ctx, "partner"))
	_, err = b.KeyOffer(ctx, "partner") // goes with its user
	refused(t, err, eventbus.CodeNotFound)
}

func keyOfferConcurrent(t *testing.T, b *bus) {
	ctx := t.Context()
	must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "partner"}))
	offer := must[eventbus.KeyOffer](t)(b.SaveKeyOffer(ctx, eventbus.KeyOffer{User: "partner", KeyID: "AKIA1", ExpiresAt: day}, nil))
	var won atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			mine := offer
			mine.CollectedAt = day
			if _, err := b.SaveKeyOffer(ctx, mine, nil); err == nil {
				won.Add(1)
			} else if eventbus.CodeOf(err) != eventbus.CodeConflict {
				t.Error(err)
			}
		})
	}
	all.Wait()
	same(t, won.Load(), int64(1))
}

// accountKeyOffers: users of one name, in the bus's own directory and in two
// accounts of AWS, have an offer each; those on AWS need no user of the directory.
func accountKeyOffers(t *testing.T, b *bus) {
	ctx := t.Context()
	must[eventbus.IAMUser](t)(b.SaveUser(ctx, eventbus.IAMUser{Name: "partner"}))
	users := []string{"partner", "arn:aws-us-gov:iam::111111111111:user/eventbus/staging/partner", "arn:aws-us-gov:iam::222222222222:user/eventbus/staging/partner"}
	saved := map[string]eventbus.KeyOffer{}
	for i, user := range users {
		saved[user] = must[eventbus.KeyOffer](t)(b.SaveKeyOffer(ctx, eventbus.KeyOffer{User: user, KeyID: "AKIA" + string(rune(48+i)), Sealed: []byte{byte(i), 0, 255}, ExpiresAt: day}, nil))
	}
	for _, user := range users {
		same(t, must[eventbus.KeyOffer](t)(b.KeyOffer(ctx, user)), saved[user])
	}
	taken := saved[users[1]]
	taken.CollectedAt, taken.Sealed = day, nil
	taken = must[eventbus.KeyOffer](t)(b.SaveKeyOffer(ctx, taken, nil))
	_, err := b.SaveKeyOffer(ctx, saved[users[1]], nil)
	refused(t, err, eventbus.CodeConflict)
	same(t, must[eventbus.KeyOffer](t)(b.KeyOffer(ctx, users[1])), taken)

	ok(t, b.DeleteKeyOffer(ctx, users[1]))
	ok(t, b.DeleteKeyOffer(ctx, users[1])) // done twice is done once
	_, err = b.KeyOffer(ctx, users[1])
	refused(t, err, eventbus.CodeNotFound)
	ok(t, b.DeleteUser(ctx, "partner"))
	same(t, must[eventbus.KeyOffer](t)(b.KeyOffer(ctx, users[2])), saved[users[2]])
}
