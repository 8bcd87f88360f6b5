package portal

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/portal/static"
)

// wantHeaders are on every answer, whoever asks and whatever comes of it.
var wantHeaders = map[string]string{
	"Content-Security-Policy":      contentPolicy,
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

func TestSecurityHeaders(t *testing.T) {
	w := fullWorld(t)
	paths := []string{"/login", "/no-such-page", "/static/none.js", "/favicon.ico", static.Load().URL("app.css"), "/requests/none"}
	for _, page := range fullPages(w) {
		paths = append(paths, page.path)
	}
	for _, path := range paths {
		response := w.get("ada", path)
		for name, want := range wantHeaders {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", path, name, got, want)
			}
		}
		if response.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", path)
		}
		if strings.HasPrefix(path, "/static/") {
			continue
		}
		if cache := response.Header.Get("Cache-Control"); response.StatusCode == http.StatusOK && cache != "no-store" && !strings.HasPrefix(path, "/static") {
			t.Errorf("%s: Cache-Control %q, want no-store", path, cache)
		}
	}
}

// TestContentPolicyIsStrict keeps the exceptions out for good.
func TestContentPolicyIsStrict(t *testing.T) {
	for _, never := range []string{"unsafe", "nonce", "*", "http:", "https:", "blob:"} {
		if strings.Contains(contentPolicy, never) {
			t.Errorf("the policy allows %s", never)
		}
	}
	for _, always := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(contentPolicy, always) {
			t.Errorf("the policy lacks %s", always)
		}
	}
}

// TestNobody: outside `dev` every page asks to sign in and every form is
// refused; in `dev` what is open may be read on loopback.
func TestNobody(t *testing.T) {
	for _, dev := range []bool{true, false} {
		w := fullWorld(t)
		w.portal.cfg.Dev = dev
		for _, route := range w.portal.routes() {
			method, pattern, _ := strings.Cut(route.pattern, " ")
			path := strings.NewReplacer("{$}", "", "{name}", "letter-ready", "{id}", w.requestID("payment-issued"), "{act}", "submit", "{subject}", "prod_letter-ready-value",
				"{topic}", "prod_letter-ready", "{group}", "g", "{team}", "claims", "{system}", "s", "{user}", "u", "{page}", "produce", "{rest...}", "elsewhere").Replace(pattern)
			response := w.do("", method, path, "", nil)
			want := http.StatusSeeOther
			switch {
			case method == http.MethodPost:
				want = http.StatusUnauthorized
			case dev && route.open && path == "/elsewhere":
				want = http.StatusNotFound
			case dev && route.open:
				want = http.StatusOK
			}
			if response.StatusCode != want {
				t.Errorf("dev %t: %s %s answers nobody with %d, want %d", dev, method, path, response.StatusCode, want)
			}
			if to := response.Header.Get("Location"); want == http.StatusSeeOther && to != "/login?to="+url.QueryEscape(path) {
				t.Errorf("%s leads to %q", path, to)
			}
		}
	}
}

// TestRoles asks for what is not everybody's as everybody.
func TestRoles(t *testing.T) {
	w := fullWorld(t)
	draft := "/requests/" + w.requestID("hearing-scheduled")
	review := "/requests/" + w.requestID("payment-issued")
	for _, tt := range []struct {
		path   string
		may    []string
		denied int
	}{
		{"/audit", []string{"bill", "prim", "sam", "opal", "ada"}, http.StatusForbidden},
		{"/audit?format=csv", []string{"bill", "prim", "sam", "opal", "ada"}, http.StatusForbidden},
		{"/admin", []string{"opal", "ada"}, http.StatusForbidden},
		{"/apps/claims/Letters%20Service", []string{"pat", "olive"}, http.StatusNotFound},
		{draft, []string{"pat", "olive"}, http.StatusNotFound},
		{draft + "/edit", []string{"pat", "olive"}, http.StatusNotFound},
		{draft + "/yaml", []string{"pat", "olive"}, http.StatusNotFound},
		{review, []string{"pat", "olive", "bill", "prim", "sam", "opal", "ada"}, http.StatusNotFound},
	} {
		for _, person := range people {
			want := tt.denied
			for _, may := range tt.may {
				if may == person.ID {
					want = http.StatusOK
				}
			}
			if got := w.get(person.ID, tt.path).StatusCode; got != want {
				t.Errorf("%s gets %d for %s, want %d", person.ID, got, tt.path, want)
			}
		}
	}
}

// TestFormsFromElsewhere sends every form from another site.
func TestFormsFromElsewhere(t *testing.T) {
	w := fullWorld(t)
	id := w.requestID("payment-issued")
	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}},
		{"Sec-Fetch-Site": nil, "Origin": {"https://evil.example"}}, {"Sec-Fetch-Site": nil, "Origin": {"null"}},
	} {
		for _, path := range []string{"/logout", "/requests/new", "/requests/" + id + "/withdraw", "/requests/" + id + "/decide", "/requests/" + id + "/edit?step=1",
			"/requests/" + id + "/comment", "/inbox", "/settings/tokens", "/settings/tokens/x/revoke", "/settings/sessions", "/catalog/letter-ready/star", "/catalog/letter-ready/messages", "/keys/u", "/device"} {
			response := w.do("pat", http.MethodPost, path, "reason=x&text=x&stage=bus&decision=approve", header)
			if response.StatusCode != http.StatusForbidden || !strings.Contains(body(t, response), "another site") {
				t.Errorf("%s with %v answers %d", path, header, response.StatusCode)
			}
		}
	}
	if r := w.must(w.store.Request(context.Background(), id)); r.State != eventbus.RequestSubmitted || len(r.Comments) > 0 {
		t.Errorf("a refused form changed the request: %s, %d comments", r.State, len(r.Comments))
	}
	if got := w.get("pat", "/settings").StatusCode; got != http.StatusOK {
		t.Error("a refused form ended the session")
	}
}

// TestNowhereElse: no address given by others leads out of the portal.
func TestNowhereElse(t *testing.T) {
	w := emptyWorld(t)
	for _, to := range []string{"https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%2f/evil.example", "javascript:alert(1)", "/a\r\nLocation: https://evil.example", "data:text/html,x"} {
		text := body(t, w.get("", "/login?to="+url.QueryEscape(to)))
		for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(strings.ReplaceAll(link[1], "&amp;", "&"))
			if err != nil || u.Host != "" || u.Scheme != "" {
				t.Errorf("to=%q: link to %s", to, link[1])
			}
			if strings.Contains(u.Query().Get("to"), "evil") && !strings.HasPrefix(u.Query().Get("to"), "/login") {
				t.Errorf("to=%q: sign-in would lead to %s", to, u.Query().Get("to"))
			}
		}
	}
}

// TestLimits: what is too large is refused and said.
func TestLimits(t *testing.T) {
	w := fullWorld(t)
	response := w.do("pat", http.MethodPost, "/requests/new", "yaml="+strings.Repeat("x", maxForm+1), nil)
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", response.StatusCode)
	}
	if text := body(t, response); !strings.Contains(text, "nothing was saved") {
		t.Error("the page does not say that nothing was saved")
	}
}
