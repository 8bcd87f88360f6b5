package session_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestSessionEnds: after 30 idle minutes, after 12 hours whatever happens, at
// sign-out.
func TestSessionEnds(t *testing.T) {
	type step struct {
		after time.Duration
		want  eventbus.Code
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"used in time", []step{{0, ""}, {29 * time.Minute, ""}, {29 * time.Minute, ""}, {29 * time.Minute, ""}}},
		{"idle for 30 minutes", []step{{29 * time.Minute, ""}, {30 * time.Minute, eventbus.CodeUnauthenticated}, {0, eventbus.CodeUnauthenticated}}},
		{"idle from the start", []step{{30 * time.Minute, eventbus.CodeUnauthenticated}}},
		{"12 hours of work", append(repeated(28, step{25 * time.Minute, ""}), step{20 * time.Minute, eventbus.CodeUnauthenticated})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.signIn(t, "producer")
			for i, s := range tt.steps {
				w.clock.Advance(s.after)
				_, err := w.sessions.Person(ctx, id)
				if got := eventbus.CodeOf(err); got != s.want {
					t.Fatalf("step %d: code %q (%v), want %q", i, got, err, s.want)
				}
			}
		})
	}
}

func repeated[T any](n int, one T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = one
	}
	return list
}

// TestLogout ends a session for good, and only that one.
func TestLogout(t *testing.T) {
	w := newWorld(t)
	first, second := w.signIn(t, "producer"), w.signIn(t, "producer")
	for range 2 {
		if err := w.sessions.Logout(ctx, first); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.sessions.Person(ctx, first)
	wantCode(t, err, eventbus.CodeUnauthenticated)
	if _, err := w.sessions.Person(ctx, second); err != nil {
		t.Errorf("the other session ended too: %v", err)
	}
	if err := w.sessions.Logout(ctx, "no session id"); err != nil {
		t.Errorf("sign-out of nobody: %v", err)
	}
}

// TestSessionFixation: an id that the bus did not make is never a session, and
// each sign-in makes a new one and ends the one before.
func TestSessionFixation(t *testing.T) {
	w := newWorld(t)
	for _, planted := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 1<<16)} {
		_, err := w.sessions.Person(ctx, planted)
		wantCode(t, err, eventbus.CodeUnauthenticated)
	}
	planted := strings.Repeat("A", 43)
	var ids []string
	for range 2 {
		query, cookie := w.begin(t, "producer", "/")
		request, _ := http.NewRequest(http.MethodGet, w.url+"/login/callback?"+query.Encode(), nil)
		request.AddCookie(w.sessions.LoginCookie(cookie))
		request.AddCookie(w.sessions.SessionCookie(planted))
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		for _, c := range answer.Cookies() {
			if c.Name == w.sessions.SessionCookieName() {
				ids, planted = append(ids, c.Value), c.Value
			}
		}
	}
	if len(ids) != 2 || ids[0] == ids[1] || ids[0] == strings.Repeat("A", 43) {
		t.Fatalf("ids = %q, want two new ones", ids)
	}
	_, err := w.sessions.Person(ctx, ids[0])
	wantCode(t, err, eventbus.CodeUnauthenticated)
}

// TestSessionKeepsHashesOnly: whoever reads the database cannot sign in with it.
func TestSessionKeepsHashesOnly(t *testing.T) {
	w := newWorld(t)
	id := w.signIn(t, "producer")
	if _, err := w.store.Session(ctx, id); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("the store knows the id itself: %v", err)
	}
	if strings.Contains(w.log.String(), id) {
		t.Error("the log carries a session id")
	}
}

// TestRolesFollowThePerson: a role that is taken away is gone from sessions that
// are open, and a person who is not known any more is signed out.
func TestRolesFollowThePerson(t *testing.T) {
	w := newWorld(t)
	id := w.signIn(t, "operator")
	if err := w.store.SavePerson(ctx, eventbus.Person{ID: "operator", Roles: []eventbus.Role{eventbus.RoleMember}}); err != nil {
		t.Fatal(err)
	}
	actor, err := w.sessions.Person(ctx, id)
	if err != nil || actor.Person.Has(eventbus.RoleOperator) {
		t.Errorf("actor = %+v, %v; want one who is no operator", actor, err)
	}
}

// signingOut signs out between the two looks at a session that is in use.
type signingOut struct {
	session.Store
	signOut func()
}

func (s *signingOut) Person(ctx context.Context, id string) (eventbus.Person, error) {
	s.signOut()
	return s.Store.Person(ctx, id)
}

// TestLogoutDuringRequest: noting the use of a session does not bring one back
// that was signed out meanwhile.
func TestLogoutDuringRequest(t *testing.T) {
	w := newWorld(t)
	id := w.signIn(t, "producer")
	between := &signingOut{Store: w.store}
	sessions := session.New(session.Config{Now: w.clock.Now}, between)
	between.signOut = func() {
		if err := sessions.Logout(ctx, id); err != nil {
			t.Error(err)
		}
	}
	w.clock.Advance(2 * time.Minute)
	_, err := sessions.Person(ctx, id)
	wantCode(t, err, eventbus.CodeUnauthenticated)
	_, err = w.sessions.Person(ctx, id)
	wantCode(t, err, eventbus.CodeUnauthenticated)
}

// TestLogoutEverywhere ends the sessions of one person in every browser, is on
// record, and cannot be done with a token.
func TestLogoutEverywhere(t *testing.T) {
	w := newWorld(t)
	mine, elsewhere, others := w.signIn(t, "producer"), w.signIn(t, "producer"), w.signIn(t, "owner")
	actor, err := w.sessions.Person(ctx, mine)
	if err != nil {
		t.Fatal(err)
	}
	withToken := actor
	withToken.Token = "tok-1"
	wantCode(t, w.sessions.LogoutEverywhere(ctx, withToken), eventbus.CodeForbidden)
	wantCode(t, w.sessions.LogoutEverywhere(ctx, eventbus.Actor{}), eventbus.CodeForbidden)
	if err := w.sessions.LogoutEverywhere(ctx, actor); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{mine, elsewhere} {
		_, err := w.sessions.Person(ctx, id)
		wantCode(t, err, eventbus.CodeUnauthenticated)
	}
	if _, err := w.sessions.Person(ctx, others); err != nil {
		t.Errorf("somebody else was signed out: %v", err)
	}
	entries, err := w.store.AuditEntries(ctx, eventbus.AuditQuery{Action: "logout.everywhere"})
	if err != nil || len(entries) != 1 || entries[0].Actor != "producer" {
		t.Errorf("on record: %+v, %v", entries, err)
	}
}

// TestCookies: by https they are Secure and cannot be planted by a neighbour;
// always they are out of scripts' reach.
func TestCookies(t *testing.T) {
	for address, want := range map[string]string{"https://bus.example.org/login/callback": "__Host-eventbus-session", "http://127.0.0.1:8080/login/callback": "eventbus-session"} {
		s := session.New(session.Config{RedirectURL: address}, nil)
		c := s.SessionCookie("id")
		if c.Name != want || c.Secure != strings.HasPrefix(address, "https") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 12*3600 {
			t.Errorf("%s: cookie = %+v", address, c)
		}
		if gone := s.SessionCookie(""); gone.MaxAge != -1 || gone.Name != c.Name {
			t.Errorf("%s: removing cookie = %+v", address, gone)
		}
		if login := s.LoginCookie("x"); login.Name == c.Name || login.MaxAge != 600 || login.Secure != c.Secure {
			t.Errorf("%s: sign-in cookie = %+v", address, login)
		}
	}
}

// pruner counts what Run asks of the store.
type pruner struct {
	session.Store
	before []time.Time
}

func (p *pruner) PruneSessions(_ context.Context, before time.Time) error {
	p.before = append(p.before, before)
	return nil
}

// TestRunPrunes: expired sessions are deleted at the start and every hour.
func TestRunPrunes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pruner{}
		s := session.New(session.Config{}, p)
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if len(p.before) != 3 || p.before[1].Sub(p.before[0]) != time.Hour {
			t.Errorf("pruned at %v, want three times, an hour apart", p.before)
		}
	})
}
