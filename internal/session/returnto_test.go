package session_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestSafeReturnKeeps: pages of the portal.
func TestSafeReturnKeeps(t *testing.T) {
	for _, page := range []string{"/", "/events", "/events/", "/events?q=letter&sort=name", "/events/a%20b", "/requests/req-1#comments",
		"/events?next=https://evil.example", "/loginhelp", "/topics/a:b", "/search?q=%2F%2Fevil"} {
		if got := session.SafeReturn(page); got != page {
			t.Errorf("SafeReturn(%q) = %q", page, got)
		}
	}
}

// openRedirects are spellings that lead, or in some browser could lead, away.
var openRedirects = []string{
	"", "x", "evil.example", "https://evil.example", "HTTPS://evil.example/", "http:evil.example", "https:/evil.example", "https:///evil.example",
	"//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\\/evil.example", "//\\evil.example",
	"/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "\x00//evil.example", "/\x00/evil.example",
	"/\u00a0/evil.example"[:1] + "\u0085/evil.example", "/.//evil.example", "/./\\evil.example", "/..//evil.example", "/a/..//evil.example", "/a/../../evil.example", "/a//evil.example",
	"/%2f/evil.example", "/%2F%2Fevil.example", "/%2fevil.example", "/%5cevil.example", "/%5C%5Cevil.example", "/%09/evil.example", "/%0a/evil.example", "/%0d%0aLocation:%20https://evil.example",
	"/%00", "/%2e%2e/evil", "/%2e/%2fevil.example", "/a/%2e%2e/%2e%2e//evil", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "/javascript:alert(1)\n", "data:text/html,x", "vbscript:x", "mailto:a@b",
	"//evil.example@bus", "https://bus@evil.example", "//user:pass@evil.example", "/@evil.example/../..//x", "?//evil.example", "#//evil.example", ";//evil.example", ".//evil.example", "..//evil.example",
	"//[::1]/", "//127.0.0.1:1/", "//evil%E3%80%82example", "/%zz", "/a#\x7f", "//\u3002evil", "/\ufffd", "/\xff\xfe",
	"/login", "/login/", "/login/callback?code=x", "/login?return=/login", "/logout", "/dev/idp/authorize", "/x/../login",
	"/" + strings.Repeat("a", 1500),
}

// TestSafeReturnRefuses gives the start page instead of anything that leads away
// or in circles.
func TestSafeReturnRefuses(t *testing.T) {
	for _, target := range openRedirects {
		if got := session.SafeReturn(target); got != "/" {
			t.Errorf("SafeReturn(%q) = %q, want /", target, got)
		}
	}
}

// TestNoOpenRedirect takes the corpus through a whole sign-in: the browser ends
// on the bus's own start page.
func TestNoOpenRedirect(t *testing.T) {
	w := newWorld(t)
	for _, target := range openRedirects {
		query, cookie := w.begin(t, "producer", target)
		_, _, to, err := w.sessions.FinishLogin(ctx, query, cookie, "")
		if err != nil || to != "/" {
			t.Errorf("return to %q: %q, %v", target, to, err)
		}
	}
}

// FuzzSafeReturn: whatever is typed, a browser stays on the bus. Browsers drop
// tabs and line breaks and read backslashes as slashes (WHATWG URL).
func FuzzSafeReturn(f *testing.F) {
	for _, target := range openRedirects {
		f.Add(target)
	}
	f.Add("/events?q=1#x")
	home, _ := url.Parse("https://bus.example.org/login")
	f.Fuzz(func(t *testing.T, target string) {
		got := session.SafeReturn(target)
		asBrowser := strings.NewReplacer("\t", "", "\n", "", "\r", "", "\\", "/").Replace(strings.TrimSpace(got))
		u, err := home.Parse(asBrowser)
		if err != nil || u.Host != home.Host || u.Scheme != "https" || strings.HasPrefix(u.Path, "//") {
			t.Fatalf("SafeReturn(%q) = %q leads to %v (%v)", target, got, u, err)
		}
		if again := session.SafeReturn(got); again != got {
			t.Fatalf("SafeReturn(%q) = %q, and of that %q", target, got, again)
		}
	})
}
