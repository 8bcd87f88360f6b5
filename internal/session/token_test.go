package session_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestTokenLife: a secret is shown once, works until it expires or is revoked,
// and carries its scopes.
func TestTokenLife(t *testing.T) {
	w := newWorld(t)
	actor := w.actor(t, "producer")
	secret, made, err := w.sessions.CreateToken(ctx, actor, "nightly import", []string{session.ScopeRequestWrite, session.ScopeRead, session.ScopeRead}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "ebt_") || len(secret) != 47 || !slices.Equal(made.Scopes, []string{"read", "request:write"}) || !made.ExpiresAt.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("secret of %d characters, token %+v", len(secret), made)
	}
	got, err := w.sessions.Token(ctx, secret, "192.0.2.7:1")
	if err != nil || got.Person.ID != "producer" || got.Token != made.ID || got.From != "192.0.2.7:1" || !got.Scoped(session.ScopeRead) || got.Scoped(session.ScopeIAMAdmin) {
		t.Errorf("actor = %+v, %v", got, err)
	}
	list, err := w.sessions.Tokens(ctx, actor)
	if err != nil || len(list) != 1 || !list[0].LastUsed.Equal(w.clock.Now()) {
		t.Errorf("tokens = %+v, %v; want one, just used", list, err)
	}
	w.clock.Advance(time.Hour)
	_, err = w.sessions.Token(ctx, secret, "192.0.2.7:1")
	wantCode(t, err, eventbus.CodeUnauthenticated)

	second, kept, err := w.sessions.CreateToken(ctx, actor, "again", []string{session.ScopeRead}, 0)
	if err != nil || !kept.ExpiresAt.Equal(w.clock.Now().Add(30*24*time.Hour)) {
		t.Fatalf("token = %+v, %v", kept, err)
	}
	if err := w.sessions.RevokeToken(ctx, actor, kept.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.sessions.Token(ctx, second, "192.0.2.7:1")
	wantCode(t, err, eventbus.CodeUnauthenticated)
	for _, text := range []string{secret, second} {
		if entries := fmt.Sprint(w.audited(t, "token.create"), w.audited(t, "token.revoke"), w.log); strings.Contains(entries, text) || !strings.Contains(entries, made.ID) {
			t.Error("the audit log misses the token, or carries a secret")
		}
	}
}

// TestCreateTokenRefuses: names, scopes and times out of bounds, all at once;
// never more than one's own scopes.
func TestCreateTokenRefuses(t *testing.T) {
	w := newWorld(t)
	browser := w.actor(t, "producer")
	scoped := func(scopes ...string) eventbus.Actor {
		return eventbus.Actor{Person: browser.Person, Token: "tok-1", Scopes: scopes}
	}
	read := []string{session.ScopeRead}
	tests := []struct {
		name   string
		actor  eventbus.Actor
		token  string
		scopes []string
		ttl    time.Duration
		want   eventbus.Code
		paths  string
	}{
		{"no name", browser, " ", read, 0, eventbus.CodeInvalid, "name"},
		{"long name", browser, strings.Repeat("n", 101), read, 0, eventbus.CodeInvalid, "name"},
		{"name of two lines", browser, "a\nb", read, 0, eventbus.CodeInvalid, "name"},
		{"no scope", browser, "n", nil, 0, eventbus.CodeInvalid, "scopes"},
		{"unknown scopes", browser, "n", []string{"read", "admin", "*"}, 0, eventbus.CodeInvalid, "scopes.1 scopes.2"},
		{"endless scopes", browser, "n", slices.Repeat(read, 1000), 0, eventbus.CodeInvalid, "scopes"},
		{"too short", browser, "n", read, time.Second, eventbus.CodeInvalid, "ttl"},
		{"too long", browser, "n", read, 366 * 24 * time.Hour, eventbus.CodeInvalid, "ttl"},
		{"before it began", browser, "n", read, -time.Hour, eventbus.CodeInvalid, "ttl"},
		{"everything", browser, "", []string{"x"}, 1, eventbus.CodeInvalid, "name scopes.0 ttl"},
		{"token without token:write", scoped("read"), "n", read, 0, eventbus.CodeForbidden, ""},
		{"token that wants more", scoped("token:write", "read"), "n", []string{"read", "apply"}, 0, eventbus.CodeInvalid, "scopes.1"},
		{"the bus itself", eventbus.Actor{System: "provision"}, "n", read, 0, eventbus.CodeUnauthenticated, ""},
		{"nobody", eventbus.Actor{}, "n", read, 0, eventbus.CodeUnauthenticated, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			secret, _, err := w.sessions.CreateToken(ctx, tt.actor, tt.token, tt.scopes, tt.ttl)
			wantCode(t, err, tt.want)
			var paths []string
			for _, f := range eventbus.FaultsOf(err) {
				paths = append(paths, f.Path)
			}
			if strings.Join(paths, " ") != tt.paths || secret != "" {
				t.Errorf("faults at %q, want %q; secret of %d characters", paths, tt.paths, len(secret))
			}
		})
	}
	if list, err := w.sessions.Tokens(ctx, browser); err != nil || len(list) != 0 {
		t.Errorf("tokens = %v, %v; want none", list, err)
	}
	if _, _, err := w.sessions.CreateToken(ctx, scoped("token:write", "read"), "n", read, 0); err != nil {
		t.Errorf("a token with token:write and read cannot make one to read: %v", err)
	}
}

// TestTokenLimit: 50 valid ones; revoked ones do not count.
func TestTokenLimit(t *testing.T) {
	w := newWorld(t)
	actor := w.actor(t, "producer")
	var last eventbus.APIToken
	for i := range 50 {
		var err error
		if _, last, err = w.sessions.CreateToken(ctx, actor, fmt.Sprint("n", i), []string{"read"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := w.sessions.CreateToken(ctx, actor, "one more", []string{"read"}, 0)
	wantCode(t, err, eventbus.CodeLimited)
	if err := w.sessions.RevokeToken(ctx, actor, last.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.sessions.CreateToken(ctx, actor, "one more", []string{"read"}, 0); err != nil {
		t.Error(err)
	}
}

// TestRevokeToken: own ones, an operator anybody's; others learn nothing.
func TestRevokeToken(t *testing.T) {
	w := newWorld(t)
	producer, colleague, operator := w.actor(t, "producer"), w.actor(t, "producer2"), w.actor(t, "operator")
	secret, made, err := w.sessions.CreateToken(ctx, producer, "n", []string{"read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.sessions.RevokeToken(ctx, colleague, made.ID), eventbus.CodeNotFound)
	wantCode(t, w.sessions.RevokeToken(ctx, producer, "tok-none"), eventbus.CodeNotFound)
	reading := producer
	reading.Token, reading.Scopes = made.ID, made.Scopes
	wantCode(t, w.sessions.RevokeToken(ctx, reading, made.ID), eventbus.CodeForbidden)
	if _, err := w.sessions.Token(ctx, secret, ""); err != nil {
		t.Fatalf("the token was revoked by somebody who may not: %v", err)
	}
	if err := w.sessions.RevokeToken(ctx, operator, made.ID); err != nil {
		t.Fatal(err)
	}
	_, err = w.sessions.Token(ctx, secret, "")
	wantCode(t, err, eventbus.CodeUnauthenticated)
	if list := w.audited(t, "token.revoke"); len(list) != 1 || list[0].Actor != "operator" || list[0].Detail["person"] != "producer" {
		t.Errorf("audit = %+v", list)
	}
}

// TestTokenRefused: whatever is no token of ours.
func TestTokenRefused(t *testing.T) {
	w := newWorld(t)
	secret, _, err := w.sessions.CreateToken(ctx, w.actor(t, "producer"), "n", []string{"read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, bearer := range []string{"", "ebt_", secret[:46], secret + "A", strings.ToUpper(secret), " " + secret, strings.TrimPrefix(secret, "ebt_"), strings.Repeat("x", 1<<20), w.signIn(t, "producer")} {
		_, err := w.sessions.Token(ctx, bearer, fmt.Sprintf("192.0.2.%d:1", i))
		wantCode(t, err, eventbus.CodeUnauthenticated)
	}
	if _, err := w.sessions.Token(ctx, secret, "192.0.2.99:1"); err != nil {
		t.Error(err)
	}
}

// TestTokenGuessing: of 10,000 guesses from one address 20 are looked up; other
// callers notice nothing, and time forgives.
func TestTokenGuessing(t *testing.T) {
	w := newWorld(t)
	secret, _, err := w.sessions.CreateToken(ctx, w.actor(t, "producer"), "n", []string{"read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	network := netip.MustParsePrefix("2001:db8:1:2::/64").Addr().As16()
	count := map[eventbus.Code]int{}
	for i := range 10_000 { // each from another address of one network
		network[14], network[15] = byte(i>>8), byte(i)
		_, err := w.sessions.Token(ctx, fmt.Sprint("ebt_", i), netip.AddrPortFrom(netip.AddrFrom16(network), 1).String())
		count[eventbus.CodeOf(err)]++
	}
	if count[eventbus.CodeUnauthenticated] != 20 || count[eventbus.CodeLimited] != 9980 {
		t.Errorf("answers = %v, want 20 looked up and 9980 limited", count)
	}
	_, err = w.sessions.Token(ctx, secret, "[2001:db8:1:2::9]:1")
	wantCode(t, err, eventbus.CodeLimited) // a right guess looks like a wrong one
	for _, other := range []string{"[2001:db8:1:3::9]:1", "192.0.2.7:1", "192.0.2.7", ""} {
		if _, err := w.sessions.Token(ctx, secret, other); err != nil {
			t.Errorf("from %q: %v", other, err)
		}
	}
	w.clock.Advance(6 * time.Second)
	if _, err := w.sessions.Token(ctx, secret, "[2001:db8:1:2::9]:1"); err != nil {
		t.Errorf("six seconds later: %v", err)
	}
}

// TestLocalAdministrator: the token of `dev` speaks for a person with every role
// and scope; the tokens it makes end with the process that granted it.
func TestLocalAdministrator(t *testing.T) {
	w := newWorld(t)
	w.sessions.GrantLocal("", session.LocalAdministrator())
	_, err := w.sessions.Token(ctx, "", "127.0.0.1:1")
	wantCode(t, err, eventbus.CodeUnauthenticated)
	w.sessions.GrantLocal("ebt_local", session.LocalAdministrator())
	actor, err := w.sessions.Token(ctx, "ebt_local", "127.0.0.1:1")
	if err != nil || actor.Person.ID != session.LocalAdministratorID || !slices.Equal(actor.Person.Roles, eventbus.Roles()) || !slices.Equal(actor.Scopes, session.ScopeNames()) {
		t.Fatalf("actor = %+v, %v", actor, err)
	}
	secret, _, err := w.sessions.CreateToken(ctx, actor, "script", []string{"read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if made, err := w.sessions.Token(ctx, secret, ""); err != nil || made.Person.ID != session.LocalAdministratorID {
		t.Errorf("actor = %+v, %v", made, err)
	}
	_, err = session.New(session.Config{Now: w.clock.Now}, w.store).Token(ctx, secret, "")
	wantCode(t, err, eventbus.CodeUnauthenticated)
}

// TestScopes: the list is closed, documented and without doubles.
func TestScopes(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range session.Scopes() {
		if s.Name == "" || s.May == "" || seen[s.Name] {
			t.Errorf("scope %+v is empty or doubled", s)
		}
		seen[s.Name] = true
	}
	for _, needed := range []string{"read", "request:write", "schema:write", "iam:admin", "apply", "audit:read"} {
		if !seen[needed] {
			t.Errorf("there is no scope %s", needed)
		}
	}
}
