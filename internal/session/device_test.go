package session_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestDeviceSignsIn: the command line waits, the person confirms, one token
// comes out.
func TestDeviceSignsIn(t *testing.T) {
	w := newWorld(t)
	d, secret, err := w.sessions.StartDevice(ctx, "eventbus on build-17", "192.0.2.7")
	if err != nil || !regexp.MustCompile(`^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$`).MatchString(d.Code) {
		t.Fatalf("device = %+v, %v", d, err)
	}
	poll := func() (eventbus.DeviceState, string, error) {
		w.clock.Advance(2 * time.Second)
		state, token, _, err := w.sessions.PollDevice(ctx, secret)
		return state, token, err
	}
	if state, token, err := poll(); state != eventbus.DevicePending || token != "" || err != nil {
		t.Fatalf("before: %s %q %v", state, token, err)
	}
	_, _, _, err = w.sessions.PollDevice(ctx, secret)
	wantCode(t, err, eventbus.CodeLimited)
	person := w.actor(t, "producer")
	if seen, err := w.sessions.Device(ctx, person, " "+d.Code[:4]+d.Code[5:]+" "); err != nil || seen.Client != "eventbus on build-17" || seen.From != "192.0.2.7" {
		t.Errorf("the person sees %+v, %v", seen, err)
	}
	if err := w.sessions.ConfirmDevice(ctx, person, d.Code); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.sessions.ConfirmDevice(ctx, w.actor(t, "owner"), d.Code), eventbus.CodeConflict)
	wantCode(t, w.sessions.DenyDevice(ctx, person, d.Code), eventbus.CodeConflict)
	state, token, err := poll()
	if state != eventbus.DeviceConfirmed || err != nil {
		t.Fatalf("after: %s %v", state, err)
	}
	actor, err := w.sessions.Token(ctx, token, "")
	if err != nil || actor.Person.ID != "producer" || !slices.Equal(actor.Scopes, slices.Sorted(slices.Values(session.ScopeNames()))) {
		t.Errorf("actor = %+v, %v", actor, err)
	}
	_, _, err = poll()
	wantCode(t, err, eventbus.CodeUnauthenticated) // once only
}

// TestDeviceRefused: denied, expired, guessed, or confirmed by what is no person
// at a browser.
func TestDeviceRefused(t *testing.T) {
	w := newWorld(t)
	person := w.actor(t, "producer")
	d, secret, err := w.sessions.StartDevice(ctx, "", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	token := person
	token.Token, token.Scopes = "tok-1", session.ScopeNames()
	for name, actor := range map[string]eventbus.Actor{"a token": token, "nobody": {}, "the bus": {System: "x", Person: person.Person}} {
		if got := eventbus.CodeOf(w.sessions.ConfirmDevice(ctx, actor, d.Code)); got != eventbus.CodeForbidden {
			t.Errorf("confirmed by %s: %q", name, got)
		}
	}
	for i := range 10 {
		wantCode(t, w.sessions.ConfirmDevice(ctx, person, fmt.Sprintf("AAAA-AAA%d", i)), eventbus.CodeNotFound)
	}
	wantCode(t, w.sessions.ConfirmDevice(ctx, person, d.Code), eventbus.CodeLimited)
	if err := w.sessions.DenyDevice(ctx, w.actor(t, "owner"), d.Code); err != nil {
		t.Fatal(err)
	}
	state, made, _, err := w.sessions.PollDevice(ctx, secret)
	wantCode(t, err, eventbus.CodeForbidden)
	if state != eventbus.DeviceDenied || made != "" {
		t.Errorf("state %s, token of %d characters", state, len(made))
	}
	late, secret, err := w.sessions.StartDevice(ctx, "", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(10 * time.Minute)
	wantCode(t, w.sessions.ConfirmDevice(ctx, person, late.Code), eventbus.CodeNotFound)
	_, _, _, err = w.sessions.PollDevice(ctx, secret)
	wantCode(t, err, eventbus.CodeUnauthenticated)
}

// TestDeviceLimits: 20 sign-ins under way from one address, 1,000 in all.
func TestDeviceLimits(t *testing.T) {
	s := session.New(session.Config{Now: newClock().Now}, openStore(t, newClock()))
	started := 0
	for i := range 60 {
		for range 21 {
			_, _, err := s.StartDevice(ctx, "", fmt.Sprintf("192.0.2.%d:1", i))
			if err == nil {
				started++
			} else {
				wantCode(t, err, eventbus.CodeLimited)
			}
		}
	}
	if started != 1000 {
		t.Errorf("%d were started, want 1000", started)
	}
	first := session.New(session.Config{Now: newClock().Now}, openStore(t, newClock()))
	for i := range 21 {
		if _, _, err := first.StartDevice(ctx, "", "192.0.2.1:1"); (err == nil) != (i < 20) {
			t.Errorf("sign-in %d: %v", i, err)
		}
	}
}

// TestDeviceOfAnotherInstance: behind a balancer each step reaches another
// instance, and wrong codes count for all of them together.
func TestDeviceOfAnotherInstance(t *testing.T) {
	w := newWorld(t)
	one, other := w.sessions, session.New(session.Config{Now: w.clock.Now}, w.store)
	d, secret, err := one.StartDevice(ctx, "", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	if state, _, _, err := other.PollDevice(ctx, secret); state != eventbus.DevicePending || err != nil {
		t.Errorf("the other instance says %s, %v", state, err)
	}
	_, _, _, err = one.PollDevice(ctx, secret)
	wantCode(t, err, eventbus.CodeLimited)
	person := w.actor(t, "producer")
	for i := range 10 {
		_, err := []*session.Sessions{one, other}[i%2].Device(ctx, person, "WRONGWRO")
		wantCode(t, err, eventbus.CodeNotFound)
	}
	for _, s := range []*session.Sessions{one, other} {
		_, err := s.Device(ctx, person, d.Code)
		wantCode(t, err, eventbus.CodeLimited)
	}
	w.clock.Advance(time.Minute)
	if err := other.ConfirmDevice(ctx, person, d.Code); err != nil {
		t.Fatal(err)
	}
	wantCode(t, one.ConfirmDevice(ctx, w.actor(t, "owner"), d.Code), eventbus.CodeConflict)
	state, token, _, err := one.PollDevice(ctx, secret)
	if state != eventbus.DeviceConfirmed || token == "" || err != nil {
		t.Fatalf("after: %s, %v", state, err)
	}
	_, _, _, err = other.PollDevice(ctx, secret)
	wantCode(t, err, eventbus.CodeUnauthenticated)
}

// TestDeviceOfSomebodyGone: between confirming and asking, roles and people may
// have changed; a token is made for who is there then.
func TestDeviceOfSomebodyGone(t *testing.T) {
	w := newWorld(t)
	d, secret, err := w.sessions.StartDevice(ctx, "", "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.sessions.ConfirmDevice(ctx, eventbus.Actor{Person: eventbus.Person{ID: "nobody"}}, d.Code); err != nil {
		t.Fatal(err)
	}
	_, token, _, err := w.sessions.PollDevice(ctx, secret)
	wantCode(t, err, eventbus.CodeNotFound)
	if token != "" {
		t.Error("somebody who is not known got a token")
	}
}
