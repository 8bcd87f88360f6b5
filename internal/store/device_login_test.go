package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func aDeviceLogin(n int) eventbus.DeviceLogin {
	return eventbus.DeviceLogin{Code: fmt.Sprintf("CODE%04d", n), Secret: fmt.Sprint("hash", n), Client: "eventbus on build-17", From: "192.0.2.7:1", Caller: "192.0.2.7",
		StartedAt: day, ExpiresAt: day.Add(10 * time.Minute), State: eventbus.DevicePending}
}

func deviceLogins(t *testing.T, b *bus) {
	ctx := t.Context()
	d := aDeviceLogin(1)
	ok(t, b.SaveDeviceLogin(ctx, d, 2, 3))
	refused(t, b.SaveDeviceLogin(ctx, d, 2, 3), eventbus.CodeConflict)
	ok(t, b.SaveDeviceLogin(ctx, aDeviceLogin(2), 2, 3))
	refused(t, b.SaveDeviceLogin(ctx, aDeviceLogin(3), 2, 3), eventbus.CodeLimited) // of one caller
	other := aDeviceLogin(4)
	other.Caller = "192.0.2.8"
	ok(t, b.SaveDeviceLogin(ctx, other, 2, 3))
	other.Code, other.Secret, other.Caller = "CODE0005", "hash5", "192.0.2.9"
	refused(t, b.SaveDeviceLogin(ctx, other, 2, 3), eventbus.CodeLimited) // of all

	shown := must[eventbus.DeviceLogin](t)(b.DeviceLogin(ctx, d.Code, day))
	shown.Caller = d.Caller // is kept for counting only
	same(t, shown, d)
	_, err := b.DeviceLogin(ctx, "code0001", day)
	refused(t, err, eventbus.CodeNotFound)

	same(t, must[eventbus.DeviceLogin](t)(b.PollDeviceLogin(ctx, d.Secret, day, 2*time.Second)).State, eventbus.DevicePending)
	_, err = b.PollDeviceLogin(ctx, d.Secret, day.Add(time.Second), 2*time.Second)
	refused(t, err, eventbus.CodeLimited)
	same(t, must[eventbus.DeviceLogin](t)(b.PollDeviceLogin(ctx, d.Secret, day.Add(2*time.Second), 2*time.Second)).State, eventbus.DevicePending)

	d.State, d.Person, d.DecidedFrom = eventbus.DeviceConfirmed, "kim", "198.51.100.4"
	ok(t, b.DecideDeviceLogin(ctx, d, day))
	d.State, d.Person = eventbus.DeviceDenied, "lee"
	refused(t, b.DecideDeviceLogin(ctx, d, day), eventbus.CodeConflict)
	polled := must[eventbus.DeviceLogin](t)(b.PollDeviceLogin(ctx, d.Secret, day, 2*time.Second))
	same(t, []string{string(polled.State), polled.Person, polled.DecidedFrom}, []string{"confirmed", "kim", "198.51.100.4"})
	_, err = b.PollDeviceLogin(ctx, d.Secret, day, 2*time.Second) // once only
	refused(t, err, eventbus.CodeNotFound)
	refused(t, b.DecideDeviceLogin(ctx, d, day), eventbus.CodeNotFound)

	late := aDeviceLogin(2).ExpiresAt
	_, err = b.DeviceLogin(ctx, "CODE0002", late)
	refused(t, err, eventbus.CodeNotFound)
	_, err = b.PollDeviceLogin(ctx, "hash2", late, 0)
	refused(t, err, eventbus.CodeNotFound)
	refused(t, b.DecideDeviceLogin(ctx, aDeviceLogin(2), late), eventbus.CodeNotFound)
	fresh := aDeviceLogin(2) // the one of before is forgotten, so its code is free
	fresh.StartedAt, fresh.ExpiresAt = late, late.Add(10*time.Minute)
	ok(t, b.SaveDeviceLogin(ctx, fresh, 2, 3))
}

func deviceLoginConcurrent(t *testing.T, b *bus) {
	ctx := t.Context()
	d := aDeviceLogin(1)
	ok(t, b.SaveDeviceLogin(ctx, d, 20, 1000))
	decided, taken := atomic.Int64{}, atomic.Int64{}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			mine := d
			mine.State = eventbus.DeviceConfirmed
			if b.DecideDeviceLogin(ctx, mine, day) == nil {
				decided.Add(1)
			}
		})
	}
	all.Wait()
	for range 16 {
		all.Go(func() {
			if _, err := b.PollDeviceLogin(ctx, d.Secret, day, 0); err == nil {
				taken.Add(1)
			} else if eventbus.CodeOf(err) != eventbus.CodeNotFound {
				t.Error(err)
			}
		})
	}
	all.Wait()
	same(t, []int64{decided.Load(), taken.Load()}, []int64{1, 1})
}

func wrongGuesses(t *testing.T, b *bus) {
	ctx := t.Context()
	same(t, must[time.Time](t)(b.Forgiven(ctx, "kim")), time.Time{})
	ok(t, b.CountGuess(ctx, "kim", day, time.Minute))
	ok(t, b.CountGuess(ctx, "kim", day.Add(time.Second), time.Minute))
	same(t, must[time.Time](t)(b.Forgiven(ctx, "kim")), day.Add(2*time.Minute))
	ok(t, b.CountGuess(ctx, "lee", day.Add(3*time.Minute), time.Minute)) // by then kim is forgiven
	same(t, must[time.Time](t)(b.Forgiven(ctx, "kim")), time.Time{})
	same(t, must[time.Time](t)(b.Forgiven(ctx, "lee")), day.Add(4*time.Minute))
}
