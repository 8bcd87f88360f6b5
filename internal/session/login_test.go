package session_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestEveryPersonaSignsIn takes the whole road by HTTP, as a command line does:
// the token that comes out speaks for the persona.
func TestEveryPersonaSignsIn(t *testing.T) {
	w := newWorld(t)
	for _, persona := range devidp.Personas() {
		t.Run(persona.Person.ID, func(t *testing.T) {
			secret, err := signInAs(ctx, w.url, persona.Person.ID, []string{session.ScopeRead})
			if err != nil {
				t.Fatal(err)
			}
			actor, err := w.sessions.Token(ctx, secret, "127.0.0.1:1")
			if err != nil {
				t.Fatal(err)
			}
			got, want := actor.Person, persona.Person
			if got.ID != want.ID || got.Name != want.Name || got.Email != want.Email || !slices.Equal(got.Roles, want.Roles) || !slices.Equal(got.Teams, want.Teams) {
				t.Errorf("person = %+v, want %+v", got, want)
			}
			if !actor.Scoped(session.ScopeRead) || actor.Scoped(session.ScopeApply) {
				t.Errorf("scopes = %v, want read alone", actor.Scopes)
			}
		})
	}
	if got := len(w.audited(t, "login")); got != len(devidp.Personas()) {
		t.Errorf("%d sign-ins are in the audit log, want %d", got, len(devidp.Personas()))
	}
}

// TestBrowserSignsIn presses a button of the provider's page and lands where it
// wanted to go.
func TestBrowserSignsIn(t *testing.T) {
	w := newWorld(t)
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar}
	page, err := send(ctx, browser, http.MethodGet, w.url+"/login?return="+url.QueryEscape("/requests?mine=1"), nil)
	if err != nil || !strings.Contains(string(page), "DEVELOPMENT") {
		t.Fatalf("the page of personas = %q, %v", page, err)
	}
	form := url.Values{"persona": {"owner"}}
	for _, input := range strings.Split(string(page), `<input type="hidden" name="`)[1:] {
		name, rest, _ := strings.Cut(input, `" value="`)
		value, _, _ := strings.Cut(rest, `"`)
		form.Set(name, value)
	}
	answer, err := browser.PostForm(w.url+"/dev/idp/authorize", form)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if got := answer.Request.URL.RequestURI(); got != "/requests?mine=1" {
		t.Errorf("the browser is at %s, want /requests?mine=1", got)
	}
	home, _ := url.Parse(w.url)
	for _, cookie := range jar.Cookies(home) {
		if cookie.Name != w.sessions.SessionCookieName() {
			t.Errorf("the cookie %s is left over", cookie.Name)
			continue
		}
		actor, err := w.sessions.Person(ctx, cookie.Value)
		if err != nil || actor.Person.ID != "owner" || actor.Token != "" || !actor.Scoped(session.ScopeApply) {
			t.Errorf("actor = %+v, %v; want owner with every scope", actor, err)
		}
	}
}

// TestFinishLoginRefuses changes one thing of a good sign-in at a time.
func TestFinishLoginRefuses(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name   string
		change func(q url.Values, cookie *string)
		want   eventbus.Code
	}{
		{"no cookie", func(_ url.Values, c *string) { *c = "" }, eventbus.CodeUnauthenticated},
		{"cookie that is no cookie of ours", func(_ url.Values, c *string) { *c = "e30" }, eventbus.CodeUnauthenticated},
		{"cookie with a changed byte", func(_ url.Values, c *string) { *c = "A" + (*c)[1:] + "AAAA" }, eventbus.CodeUnauthenticated},
		{"huge cookie", func(_ url.Values, c *string) { *c = strings.Repeat("A", 5000) }, eventbus.CodeUnauthenticated},
		{"cookie of another sign-in", func(_ url.Values, c *string) { _, *c = w.begin(t, "owner", "/") }, eventbus.CodeUnauthenticated},
		{"cookie older than ten minutes", func(url.Values, *string) { w.clock.Advance(10 * time.Minute) }, eventbus.CodeUnauthenticated},
		{"no state", func(q url.Values, _ *string) { q.Del("state") }, eventbus.CodeUnauthenticated},
		{"other state", func(q url.Values, _ *string) { q.Set("state", "x") }, eventbus.CodeUnauthenticated},
		{"two states", func(q url.Values, _ *string) { q.Add("state", q.Get("state")) }, eventbus.CodeUnauthenticated},
		{"no code", func(q url.Values, _ *string) { q.Del("code") }, eventbus.CodeUnauthenticated},
		{"two codes", func(q url.Values, _ *string) { q.Add("code", "x") }, eventbus.CodeUnauthenticated},
		{"huge code", func(q url.Values, _ *string) { q.Set("code", strings.Repeat("x", 5000)) }, eventbus.CodeUnauthenticated},
		{"unknown code", func(q url.Values, _ *string) { q.Set("code", "x") }, eventbus.CodeUnauthenticated},
		{"code of another sign-in: PKCE", func(q url.Values, _ *string) { other, _ := w.begin(t, "owner", "/"); q.Set("code", other.Get("code")) }, eventbus.CodeUnauthenticated},
		{"code older than a minute", func(url.Values, *string) { w.clock.Advance(time.Minute) }, eventbus.CodeUnauthenticated},
		{"other issuer", func(q url.Values, _ *string) { q.Set("iss", "https://evil.example") }, eventbus.CodeUnauthenticated},
		{"refused by the provider", func(q url.Values, _ *string) { q.Set("error", "access_denied\r\n<script>") }, eventbus.CodeForbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query, cookie := w.begin(t, "producer", "/")
			tt.change(query, &cookie)
			id, person, returnTo, err := w.sessions.FinishLogin(ctx, query, cookie, "127.0.0.1:1")
			wantCode(t, err, tt.want)
			if id != "" || person.ID != "" || returnTo != "" {
				t.Errorf("gave %q, %+v, %q to somebody refused", id, person, returnTo)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("the message carries a line break: %q", err)
			}
		})
	}
	if list := w.audited(t, "login"); len(list) != 0 {
		t.Errorf("strangers wrote %d entries into the audit log", len(list))
	}
}

// TestCodeWorksOnce replays the whole way back.
func TestCodeWorksOnce(t *testing.T) {
	w := newWorld(t)
	query, cookie := w.begin(t, "producer", "/")
	if _, _, _, err := w.sessions.FinishLogin(ctx, query, cookie, ""); err != nil {
		t.Fatal(err)
	}
	_, _, _, err := w.sessions.FinishLogin(ctx, query, cookie, "")
	wantCode(t, err, eventbus.CodeUnauthenticated)
}

// TestSignInIsDistinct: nothing of one sign-in is found in the next.
func TestSignInIsDistinct(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for range 20 {
		to, cookie, err := w.sessions.BeginLogin(ctx, "/", "")
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(to)
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || q.Has("login_hint") {
			t.Fatalf("asked for %v", q)
		}
		for _, value := range []string{cookie, q.Get("state"), q.Get("nonce"), q.Get("code_challenge")} {
			if len(value) < 43 || seen[value] {
				t.Fatalf("%q is short or repeats", value)
			}
			seen[value] = true
		}
	}
}

// TestInstancesShareSignIns: with one key, a sign-in begun at one instance ends
// at another; without, it is refused.
func TestInstancesShareSignIns(t *testing.T) {
	key := []byte(strings.Repeat("k", 32))
	for name, keys := range map[string][2][]byte{"same key": {key, key}, "no key": {nil, nil}, "other key": {key, []byte(strings.Repeat("o", 32))}} {
		t.Run(name, func(t *testing.T) {
			var second session.Config
			w := newWorld(t, func(c *session.Config) { c.Key = keys[0]; second = *c })
			query, cookie := w.begin(t, "producer", "/")
			second.Key = keys[1]
			_, _, _, err := session.New(second, w.store).FinishLogin(ctx, query, cookie, "")
			if ok := name == "same key"; ok != (err == nil) {
				t.Errorf("error = %v", err)
			}
		})
	}
}
