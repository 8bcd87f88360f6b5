package devidp_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
)

const (
	host     = "127.0.0.1:8080"
	issuer   = "http://" + host + "/dev/idp"
	callback = "http://" + host + "/login/callback"
	verifier = "a-verifier-of-forty-three-characters-or-more"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// desk is a provider with a clock.
type desk struct {
	*devidp.Provider
	now atomic.Int64 // after start
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{}
	p, err := devidp.New(devidp.Config{Issuer: issuer, ClientID: "eventbus", RedirectURLs: []string{callback},
		Now: func() time.Time { return start.Add(time.Duration(d.now.Load())) }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Provider = p
	return d
}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func question() url.Values {
	return url.Values{"client_id": {"eventbus"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile"}, "state": {"st"},
		"nonce": {"no"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"}, "login_hint": {"producer"}}
}

func local(method, target string, form url.Values) *http.Request {
	r := httptest.NewRequest(method, "http://"+host+target, strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:5555"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (d *desk) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func (d *desk) authorize(q url.Values) *httptest.ResponseRecorder {
	return d.do(local(http.MethodGet, "/dev/idp/authorize?"+q.Encode(), nil))
}

// code gives a code for a persona.
func (d *desk) code(t *testing.T) string {
	t.Helper()
	back := location(t, d.authorize(question()))
	if back.Get("code") == "" || back.Get("state") != "st" || back.Get("iss") != issuer {
		t.Fatalf("the browser brings back %v", back)
	}
	return back.Get("code")
}

func location(t *testing.T, w *httptest.ResponseRecorder) url.Values {
	t.Helper()
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, callback+"?") {
		t.Fatalf("answer %d to %q, want a redirect to the bus: %s", w.Code, to, w.Body)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func exchange(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "client_id": {"eventbus"}, "code_verifier": {verifier}}
}

// TestIdentityToken: what the token says verifies against the published key.
func TestIdentityToken(t *testing.T) {
	d := newDesk(t)
	w := d.do(local(http.MethodPost, "/dev/idp/token", exchange(d.code(t))))
	var answer struct {
		IDToken string `json:"id_token"`
		Type    string `json:"token_type"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Type != "Bearer" {
		t.Fatalf("answer %d %s: %v", w.Code, w.Body, err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(d.do(local(http.MethodGet, "/dev/idp/jwks", nil)).Body.Bytes(), &keys); err != nil || len(keys.Keys) != 1 || !keys.Keys[0].IsPublic() {
		t.Fatalf("keys = %v, %v; want one public key", keys, err)
	}
	known := &oidc.StaticKeySet{}
	known.PublicKeys = append(known.PublicKeys, keys.Keys[0].Key)
	token, err := oidc.NewVerifier(issuer, known, &oidc.Config{ClientID: "eventbus", SupportedSigningAlgs: []string{oidc.ES256}, Now: func() time.Time { return start }}).Verify(context.Background(), answer.IDToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Name, Email string
		Groups      []string
	}
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if token.Subject != "producer" || token.Nonce != "no" || !token.Expiry.Equal(start.Add(5*time.Minute)) || claims.Email != "producer@example.org" ||
		!slices.Equal(claims.Groups, []string{"eventbus-member", "team-claims"}) {
		t.Errorf("token = %+v, claims %+v", token, claims)
	}
}

// TestTokenRefuses: a code works once, in time, for the one who asked for it.
func TestTokenRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(d *desk, form url.Values)
		want   string
	}{
		{"other verifier", func(_ *desk, f url.Values) { f.Set("code_verifier", strings.ToUpper(verifier)) }, "invalid_grant"},
		{"no verifier", func(_ *desk, f url.Values) { f.Del("code_verifier") }, "invalid_grant"},
		{"challenge as verifier", func(_ *desk, f url.Values) { f.Set("code_verifier", challenge()) }, "invalid_grant"},
		{"other redirect address", func(_ *desk, f url.Values) { f.Set("redirect_uri", callback+"/") }, "invalid_grant"},
		{"other client", func(_ *desk, f url.Values) { f.Set("client_id", "payroll") }, "invalid_client"},
		{"unknown code", func(_ *desk, f url.Values) { f.Set("code", "x") }, "invalid_grant"},
		{"no code", func(_ *desk, f url.Values) { f.Del("code") }, "invalid_grant"},
		{"other grant", func(_ *desk, f url.Values) { f.Set("grant_type", "password") }, "unsupported_grant_type"},
		{"a minute later", func(d *desk, _ url.Values) { d.now.Add(int64(time.Minute)) }, "invalid_grant"},
		{"used code", func(d *desk, f url.Values) { d.do(local(http.MethodPost, "/dev/idp/token", f)) }, "invalid_grant"},
		{"code spent by a wrong try", func(d *desk, f url.Values) {
			wrong := exchange(f.Get("code"))
			wrong.Set("code_verifier", strings.Repeat("w", 43))
			d.do(local(http.MethodPost, "/dev/idp/token", wrong))
		}, "invalid_grant"},
		{"huge form", func(_ *desk, f url.Values) { f.Set("pad", strings.Repeat("x", 20<<10)) }, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t)
			form := exchange(d.code(t))
			tt.change(d, form)
			w := d.do(local(http.MethodPost, "/dev/idp/token", form))
			if w.Code < 400 || w.Code > 499 || !strings.Contains(w.Body.String(), `"`+tt.want+`"`) || strings.Contains(w.Body.String(), "id_token") {
				t.Errorf("answer %d %s, want %s", w.Code, w.Body, tt.want)
			}
		})
	}
}

// TestAuthorizeRefuses: a wrong client or address is never redirected; other
// faults go back to the bus, without a code.
func TestAuthorizeRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(q url.Values)
		want   string // the error that goes back; empty: not redirected
	}{
		{"unknown client", func(q url.Values) { q.Set("client_id", "payroll") }, ""},
		{"two clients", func(q url.Values) { q.Add("client_id", "payroll") }, ""},
		{"no redirect address", func(q url.Values) { q.Del("redirect_uri") }, ""},
		{"other redirect address", func(q url.Values) { q.Set("redirect_uri", "https://evil.example/") }, ""},
		{"redirect address with more", func(q url.Values) { q.Set("redirect_uri", callback+"?x=1") }, ""},
		{"redirect address in other letters", func(q url.Values) { q.Set("redirect_uri", strings.ToUpper(callback)) }, ""},
		{"two redirect addresses", func(q url.Values) { q.Add("redirect_uri", "https://evil.example/") }, ""},
		{"token flow", func(q url.Values) { q.Set("response_type", "token") }, "unsupported_response_type"},
		{"no openid", func(q url.Values) { q.Set("scope", "profile") }, "invalid_scope"},
		{"no state", func(q url.Values) { q.Del("state") }, "invalid_request"},
		{"no nonce", func(q url.Values) { q.Del("nonce") }, "invalid_request"},
		{"no PKCE", func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		{"plain PKCE", func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		{"endless state", func(q url.Values) { q.Set("state", strings.Repeat("s", 1001)) }, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, q := newDesk(t), question()
			tt.change(q)
			for way, w := range map[string]*httptest.ResponseRecorder{"GET": d.authorize(q), "POST": d.do(local(http.MethodPost, "/dev/idp/authorize", q))} {
				if tt.want == "" {
					if w.Code != http.StatusBadRequest || w.Header().Get("Location") != "" {
						t.Errorf("%s: answer %d to %q", way, w.Code, w.Header().Get("Location"))
					}
				} else if back := location(t, w); back.Get("error") != tt.want || back.Has("code") {
					t.Errorf("%s: brings back %v, want %s", way, back, tt.want)
				}
			}
		})
	}
}

// TestPage shows every persona, says what it is, and needs neither scripts nor
// styles of its own; what comes with the request stays text.
func TestPage(t *testing.T) {
	d, q := newDesk(t), question()
	q.Del("login_hint")
	q.Set("state", `"><script>alert(1)</script>`)
	w := d.authorize(q)
	page := w.Body.String()
	for _, persona := range devidp.Personas() {
		if !strings.Contains(page, `name="persona" value="`+persona.Person.ID+`"`) {
			t.Errorf("no button for %s", persona.Person.ID)
		}
	}
	if !strings.Contains(page, "DEVELOPMENT") || strings.Contains(page, "<script") || strings.Contains(page, "style=") || strings.Contains(page, "<style") || strings.Contains(page, " on") && strings.Contains(page, "onclick") {
		t.Errorf("page = %s", page)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self' http://"+host) {
		t.Errorf("policy = %s", policy)
	}
	if style := d.do(local(http.MethodGet, "/dev/idp/style.css", nil)); style.Code != http.StatusOK || !strings.Contains(style.Body.String(), ".warning") {
		t.Errorf("style sheet: %d", style.Code)
	}
}

// TestButton signs in as the persona whose button was pressed on our own page,
// and as nobody else.
func TestButton(t *testing.T) {
	d, q := newDesk(t), question()
	q.Set("persona", "auditor")
	if back := location(t, d.do(local(http.MethodPost, "/dev/idp/authorize", q))); back.Get("code") == "" {
		t.Errorf("brings back %v", back)
	}
	q.Set("persona", "root")
	if back := location(t, d.do(local(http.MethodPost, "/dev/idp/authorize", q))); back.Get("error") != "access_denied" || back.Has("code") {
		t.Errorf("an unknown persona brings back %v", back)
	}
	q.Set("persona", "auditor")
	for _, site := range []string{"cross-site", "same-site"} {
		r := local(http.MethodPost, "/dev/idp/authorize", q)
		r.Header.Set("Sec-Fetch-Site", site)
		if w := d.do(r); w.Code != http.StatusForbidden {
			t.Errorf("%s: a form from elsewhere is answered %d", site, w.Code)
		}
	}
}

// TestHintFromElsewhere: a page of another site cannot sign the browser in as
// somebody; a program and the bus's own page can.
func TestHintFromElsewhere(t *testing.T) {
	d := newDesk(t)
	for site, want := range map[string]int{"": http.StatusSeeOther, "none": http.StatusSeeOther, "same-origin": http.StatusSeeOther, "same-site": http.StatusOK, "cross-site": http.StatusOK} {
		r := local(http.MethodGet, "/dev/idp/authorize?"+question().Encode(), nil)
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if w := d.do(r); w.Code != want {
			t.Errorf("%q: answer %d, want %d", site, w.Code, want)
		}
	}
	q := question()
	q.Set("login_hint", "root")
	if w := d.authorize(q); w.Code != http.StatusOK {
		t.Errorf("unknown persona: answer %d, want the page", w.Code)
	}
}

// TestLoopbackOnly: nobody from outside, no proxy, no name but its own.
func TestLoopbackOnly(t *testing.T) {
	d := newDesk(t)
	tests := []struct {
		name   string
		change func(r *http.Request)
		want   int
	}{
		{"loopback", func(*http.Request) {}, http.StatusOK},
		{"loopback in IPv6", func(r *http.Request) { r.RemoteAddr = "[::1]:1" }, http.StatusOK},
		{"mapped loopback", func(r *http.Request) { r.RemoteAddr = "[::ffff:127.0.0.1]:1" }, http.StatusOK},
		{"another machine", func(r *http.Request) { r.RemoteAddr = "192.0.2.7:1" }, http.StatusForbidden},
		{"private network", func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1" }, http.StatusForbidden},
		{"no address", func(r *http.Request) { r.RemoteAddr = "@" }, http.StatusForbidden},
		{"proxy", func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") }, http.StatusForbidden},
		{"proxy of RFC 7239", func(r *http.Request) { r.Header.Set("Forwarded", "for=127.0.0.1") }, http.StatusForbidden},
		{"another name for this machine", func(r *http.Request) { r.Host = "evil.example:8080" }, http.StatusForbidden},
		{"another port", func(r *http.Request) { r.Host = "127.0.0.1:9" }, http.StatusForbidden},
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks", "/authorize?" + func() string { q := question(); q.Del("login_hint"); return q.Encode() }(), "/style.css"} {
		for _, tt := range tests {
			r := local(http.MethodGet, "/dev/idp"+path, nil)
			tt.change(r)
			if w := d.do(r); w.Code != tt.want {
				t.Errorf("%s from %s: answer %d, want %d", path, tt.name, w.Code, tt.want)
			}
		}
	}
}

// TestNewRefuses what is not on this machine.
func TestNewRefuses(t *testing.T) {
	good := devidp.Config{Issuer: issuer, ClientID: "eventbus", RedirectURLs: []string{callback, "http://localhost:8080/login/callback", "http://[::1]:8080/x"}}
	if _, err := devidp.New(good, nil); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*devidp.Config){
		"public issuer":       func(c *devidp.Config) { c.Issuer = "https://login.example.org" },
		"every address":       func(c *devidp.Config) { c.Issuer = "http://0.0.0.0:8080/dev/idp" },
		"name like loopback":  func(c *devidp.Config) { c.Issuer = "http://127.0.0.1.example.org/dev/idp" },
		"public redirect":     func(c *devidp.Config) { c.RedirectURLs = []string{callback, "https://bus.example.org/login/callback"} },
		"no redirect address": func(c *devidp.Config) { c.RedirectURLs = nil },
		"no client":           func(c *devidp.Config) { c.ClientID = "" },
		"no issuer":           func(c *devidp.Config) { c.Issuer = "" },
	} {
		cfg := good
		change(&cfg)
		if _, err := devidp.New(cfg, nil); eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPersonas: all of the contract, all different people, synthetic addresses.
func TestPersonas(t *testing.T) {
	want := []string{"producer", "producer2", "owner", "consumer", "bus-reviewer", "privacy-reviewer", "security-reviewer", "operator", "auditor"}
	seen := map[string]bool{}
	for i, persona := range devidp.Personas() {
		p := persona.Person
		if p.ID != want[i] || seen[p.Name] || seen[p.Email] || !strings.HasSuffix(p.Email, "@example.org") || !p.Has(eventbus.RoleMember) || len(p.Teams) == 0 || persona.Does == "" {
			t.Errorf("persona %d = %+v", i, persona)
		}
		seen[p.Name], seen[p.Email] = true, true
	}
	if len(devidp.Personas()) != len(want) {
		t.Errorf("%d personas, want %d", len(devidp.Personas()), len(want))
	}
	for _, role := range eventbus.Roles() {
		if !slices.ContainsFunc(devidp.Personas(), func(p devidp.Persona) bool { return p.Person.Has(role) }) {
			t.Errorf("nobody plays %s", role)
		}
		if got := devidp.GroupRoles()[fmt.Sprintf("eventbus-%s", role)]; !slices.Equal(got, []eventbus.Role{role}) {
			t.Errorf("group of %s = %v", role, got)
		}
	}
}

// TestManyCodes: memory is bounded; codes that expired make room.
func TestManyCodes(t *testing.T) {
	d := newDesk(t)
	for range 1000 {
		d.code(t)
	}
	if back := location(t, d.authorize(question())); back.Get("error") != "temporarily_unavailable" {
		t.Errorf("brings back %v", back)
	}
	d.now.Add(int64(time.Minute))
	d.code(t)
}
