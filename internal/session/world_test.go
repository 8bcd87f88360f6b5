package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
	"github.com/enterprise-event-bus/eventbus/internal/session"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

var ctx = context.Background()

func newClock() *clocktest.Clock { return clocktest.At(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)) }

// world is a bus as far as sign-in goes: a store, the development identity
// provider, and a door that does with sessions what portal and API do.
type world struct {
	clock    *clocktest.Clock
	store    *store.Store
	sessions *session.Sessions
	url      string
	log      *bytes.Buffer
}

func newWorld(t *testing.T, change ...func(*session.Config)) *world {
	t.Helper()
	w := &world{clock: newClock(), log: &bytes.Buffer{}}
	w.store = openStore(t, w.clock)
	mux := http.NewServeMux()
	server := httptest.NewUnstartedServer(mux)
	w.url = "http://" + server.Listener.Addr().String()
	issuer := w.url + "/dev/idp"
	idp, err := devidp.New(devidp.Config{Issuer: issuer, ClientID: "eventbus", RedirectURLs: []string{w.url + "/login/callback"}, Now: w.clock.Now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := session.Config{Issuer: issuer, ClientID: "eventbus", RedirectURL: w.url + "/login/callback", GroupRoles: devidp.GroupRoles(),
		TeamPrefix: devidp.TeamPrefix, Audit: appender{w.store}, Now: w.clock.Now, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, c := range change {
		c(&cfg)
	}
	w.sessions = session.New(cfg, w.store)
	mux.Handle("/dev/idp/", idp)
	w.mount(mux)
	server.Start()
	t.Cleanup(server.Close)
	return w
}

func openStore(t *testing.T, c *clocktest.Clock) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, store.Config{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// appender is the audit log as far as sessions need it.
type appender struct{ store *store.Store }

func (a appender) Append(ctx context.Context, e eventbus.AuditEntry) error {
	_, err := a.store.AppendAudit(ctx, e)
	return err
}

// mount is the door: the steps that portal and API take.
func (w *world) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", func(rw http.ResponseWriter, r *http.Request) {
		to, cookie, err := w.sessions.BeginLogin(r.Context(), r.URL.Query().Get("return"), r.URL.Query().Get("as"))
		if err != nil {
			fail(rw, err)
			return
		}
		http.SetCookie(rw, w.sessions.LoginCookie(cookie))
		http.Redirect(rw, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /login/callback", func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, w.sessions.LoginCookie(""))
		id, _, to, err := w.sessions.FinishLogin(r.Context(), r.URL.Query(), cookieOf(r, w.sessions.LoginCookieName()), r.RemoteAddr)
		if err != nil {
			fail(rw, err)
			return
		}
		if err := w.sessions.Logout(r.Context(), cookieOf(r, w.sessions.SessionCookieName())); err != nil {
			fail(rw, err)
			return
		}
		http.SetCookie(rw, w.sessions.SessionCookie(id))
		http.Redirect(rw, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /api/v1/tokens", func(rw http.ResponseWriter, r *http.Request) {
		actor, err := w.sessions.Person(r.Context(), cookieOf(r, w.sessions.SessionCookieName()))
		var asked struct {
			Name   string
			Scopes []string
		}
		if err == nil {
			err = json.NewDecoder(r.Body).Decode(&asked)
		}
		var secret string
		if err == nil {
			secret, _, err = w.sessions.CreateToken(r.Context(), actor, asked.Name, asked.Scopes, 0)
		}
		if err != nil {
			fail(rw, err)
			return
		}
		_ = json.NewEncoder(rw).Encode(map[string]string{"secret": secret})
	})
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "page ", r.URL.RequestURI()) })
}

func cookieOf(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

func fail(w http.ResponseWriter, err error) {
	http.Error(w, fmt.Sprintf("%s: %v", eventbus.CodeOf(err), err), http.StatusForbidden)
}

// signInAs is what a command line does to act as a persona, by plain HTTP:
// GET /login?as=PERSONA and follow the redirects (bus → identity provider → bus)
// with a cookie jar, then POST /api/v1/tokens with the session's cookie.
func signInAs(ctx context.Context, server, persona string, scopes []string) (secret string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	if _, err := send(ctx, browser, http.MethodGet, server+"/login?as="+url.QueryEscape(persona), nil); err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{"name": "command line", "scopes": scopes})
	if err != nil {
		return "", err
	}
	answer, err := send(ctx, browser, http.MethodPost, server+"/api/v1/tokens", body)
	if err != nil {
		return "", err
	}
	var made struct{ Secret string }
	return made.Secret, json.Unmarshal(answer, &made)
}

func send(ctx context.Context, client *http.Client, method, address string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, answer.Request.URL.Path, answer.Status, text)
	}
	return text, err
}

// begin starts a sign-in and lets the provider approve it as a persona; it gives
// what the browser then holds.
func (w *world) begin(t *testing.T, persona, returnTo string) (query url.Values, cookie string) {
	t.Helper()
	to, cookie, err := w.sessions.BeginLogin(ctx, returnTo, persona)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("the provider answered %s without a redirect", answer.Status)
	}
	return back.Query(), cookie
}

// signIn gives the id of a new session of a persona.
func (w *world) signIn(t *testing.T, persona string) string {
	t.Helper()
	query, cookie := w.begin(t, persona, "/")
	id, _, _, err := w.sessions.FinishLogin(ctx, query, cookie, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// actor signs a persona in by the browser.
func (w *world) actor(t *testing.T, persona string) eventbus.Actor {
	t.Helper()
	actor, err := w.sessions.Person(ctx, w.signIn(t, persona))
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

// audited gives the entries of an action.
func (w *world) audited(t *testing.T, action string) []eventbus.AuditEntry {
	t.Helper()
	list, err := w.store.AuditEntries(ctx, eventbus.AuditQuery{Action: action})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func wantCode(t *testing.T, err error, want eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != want {
		t.Errorf("error = %v, its code %q, want %q", err, got, want)
	}
}
