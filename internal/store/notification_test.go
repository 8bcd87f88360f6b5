package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func inbox(t *testing.T, b *bus) {
	ctx := t.Context()
	note := func(id string, minute int, to eventbus.Audience) eventbus.Notification {
		return eventbus.Notification{ID: id, At: day.Add(time.Duration(minute) * time.Minute), To: to, Subject: "s " + id, Body: "<b>", Link: "/requests/1"}
	}
	all := []eventbus.Notification{
		note("mine", 0, eventbus.Audience{Person: "kim"}),
		note("team", 1, eventbus.Audience{Team: "claims"}),
		note("role", 2, eventbus.Audience{Role: eventbus.RoleOwner}),
		note("other", 3, eventbus.Audience{Person: "claims"}),
		note("mail", 4, eventbus.Audience{Email: "kim"}),
	}
	ok(t, b.SaveNotifications(ctx, all))
	again := note("mine", 9, eventbus.Audience{Person: "kim"})
	ok(t, b.SaveNotifications(ctx, []eventbus.Notification{again})) // told already
	kim := eventbus.Person{ID: "kim", Teams: []string{"claims", "x"}, Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}}
	same(t, must[[]eventbus.Notification](t)(b.Inbox(ctx, kim, false, 0)), []eventbus.Notification{all[2], all[1], all[0]})
	ok(t, b.MarkRead(ctx, "kim", "team"))
	ok(t, b.MarkRead(ctx, "kim", "team"))
	refused(t, b.MarkRead(ctx, "kim", "none"), eventbus.CodeNotFound)
	same(t, must[[]eventbus.Notification](t)(b.Inbox(ctx, kim, true, 0)), []eventbus.Notification{all[2], all[0]})
	same(t, must[[]eventbus.Notification](t)(b.Inbox(ctx, kim, true, 1)), []eventbus.Notification{all[2]})
	read := all[1]
	read.Read = true
	same(t, must[[]eventbus.Notification](t)(b.Inbox(ctx, kim, false, 0))[1], read)
	lee := eventbus.Person{ID: "lee", Teams: []string{"claims"}}
	same(t, must[[]eventbus.Notification](t)(b.Inbox(ctx, lee, true, 0)), []eventbus.Notification{all[1]}) // read by kim only
	same(t, must[[]eventbus.Notification](t)(b.Inbox(ctx, eventbus.Person{ID: "sam"}, false, 0)), []eventbus.Notification{})
}

func outbox(t *testing.T, b *bus) {
	ctx := t.Context()
	var all []eventbus.Notification
	for i := range 3 {
		all = append(all, eventbus.Notification{ID: fmt.Sprint("n", i), At: day.Add(time.Duration(i) * time.Second), To: eventbus.Audience{Team: "claims"}})
	}
	ok(t, b.SaveNotifications(ctx, all))
	ok(t, b.SaveNotifications(ctx, all))
	pending := func(channel string, limit int) string {
		t.Helper()
		return names(must[[]eventbus.Notification](t)(b.PendingDeliveries(ctx, channel, limit)), func(n eventbus.Notification) string { return n.ID })
	}
	same(t, pending("mail", 2), "n0 n1")
	same(t, pending("mail", 0), "n2") // the others are being delivered
	same(t, pending("mail", 0), "")
	same(t, pending("webhook", 0), "n0 n1 n2") // each channel for itself
	same(t, pending("pigeon", 0), "")
	ok(t, b.MarkDelivered(ctx, "n0", "mail"))
	b.clock.t = b.clock.t.Add(time.Minute) // who fetched n1 and n2 has died
	same(t, pending("mail", 0), "n1 n2")
	refused(t, b.MarkDelivered(ctx, "n0", "pigeon"), eventbus.CodeNotFound)
	refused(t, b.MarkFailed(ctx, "n0", "mail", "too late"), eventbus.CodeNotFound)
}

func outboxRetries(t *testing.T, b *bus) {
	ctx := t.Context()
	ok(t, b.SaveNotifications(ctx, []eventbus.Notification{{ID: "n", At: day, To: eventbus.Audience{Person: "kim"}}}))
	fetched := func() bool {
		return len(must[[]eventbus.Notification](t)(b.PendingDeliveries(ctx, "mail", 0))) == 1
	}
	var pauses []string
	for try := 1; try <= 12; try++ {
		if !fetched() {
			t.Fatalf("not fetched before try %d", try)
		}
		ok(t, b.MarkFailed(ctx, "n", "mail", "mailbox full"))
		start := b.clock.t
		for step := time.Minute; !fetched(); step = time.Minute {
			if b.clock.t = b.clock.t.Add(step); b.clock.t.Sub(start) > 7*time.Hour {
				break
			}
		}
		pauses = append(pauses, b.clock.t.Sub(start).String())
		b.clock.t = b.clock.t.Add(time.Minute) // the fetch above holds it so long
	}
	same(t, strings.Join(pauses, " "), "1m0s 2m0s 4m0s 8m0s 16m0s 32m0s 1h4m0s 2h8m0s 4h16m0s 6h0m0s 6h0m0s 7h1m0s")
	refused(t, b.MarkFailed(ctx, "n", "mail", "again"), eventbus.CodeNotFound)
}
