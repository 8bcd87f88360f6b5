package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestFailures: each code has a page that says what failed, what to do, and the
// request id; what a defect says inside stays inside.
func TestFailures(t *testing.T) {
	w := emptyWorld(t)
	for _, code := range eventbus.Codes() {
		known, ok := statuses[code]
		if !ok {
			t.Errorf("the code %s has no page", code)
			continue
		}
		failing := w.portal.secured(w.portal.visited(route{open: true, handle: func(http.ResponseWriter, visit) error {
			return fmt.Errorf("open the page: %w", &eventbus.Error{Code: code, Message: "the thing did not work; nothing was changed", Next: "Do the other thing.",
				Faults: []eventbus.Fault{{Path: "a.b", Message: "is wrong"}}, Err: errors.New("password=hunter2")})
		}}))
		request := httptest.NewRequest(http.MethodGet, "/somewhere", nil)
		request.RemoteAddr, request.Host = "127.0.0.1:1", "localhost:8080"
		request.Header.Set("X-Request-Id", "request-0815")
		answer := httptest.NewRecorder()
		failing.ServeHTTP(answer, request)
		page := answer.Body.String()
		if answer.Code != known.status || !strings.Contains(page, "<h1>"+known.heading+"</h1>") || !strings.Contains(page, "request-0815") {
			t.Errorf("%s: status %d, want %d with %q and the request id", code, answer.Code, known.status, known.heading)
		}
		if strings.Contains(page, "hunter2") {
			t.Errorf("%s: the cause is on the page", code)
		}
		defect := code == eventbus.CodeInternal || code == eventbus.CodeCorrupt
		if told := strings.Contains(page, "The thing did not work"); told == defect {
			t.Errorf("%s: the message is told: %t", code, told)
		}
	}
}

// TestStrangeRequestIDs: an id that could do harm in a log or a page is not taken.
func TestStrangeRequestIDs(t *testing.T) {
	for _, given := range []string{"", "short", "has space in it", "line\nbreak-line", "<script>alert", strings.Repeat("x", 65), "quote\"quote\""} {
		if got := requestID(given); got == given || len(got) < 8 {
			t.Errorf("requestID(%q) = %q", given, got)
		}
	}
	if got := requestID("0af7651916cd43dd"); got != "0af7651916cd43dd" {
		t.Errorf("a harmless id became %q", got)
	}
}

// TestGroups: the groups of the cluster with their lag, a page at a time.
func TestGroups(t *testing.T) {
	w := fullWorld(t)
	for path, wants := range map[string][]string{
		"/groups":                    {"appointments-app-1", "Empty", "3 groups"},
		"/groups?q=hub":              {"1 group<", "notification-hub-1"},
		"/groups?q=none":             {"No consumer group matches"},
		"/groups/appointments-app-1": {"prod_letter-ready", "Records behind", "up to date"},
	} {
		page := body(t, w.get("pat", path))
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", path, want)
			}
		}
	}
	if got := w.get("pat", "/groups/none").StatusCode; got != http.StatusNotFound {
		t.Errorf("an unknown group gets %d", got)
	}
}

// TestNearMatches: an address that is nearly one leads on to it.
func TestNearMatches(t *testing.T) {
	w := fullWorld(t)
	for path, want := range map[string]string{"/docs/terminolgy": "/docs/terminology", "/docs/Produse": "/docs/produce", "/docs/letter": "/catalog/letter-ready", "/catalog/letter-redy": "/catalog/letter-ready", "/troubleshooting": "/docs/troubleshooting"} {
		response := w.get("pat", path)
		if page := body(t, response); response.StatusCode != http.StatusNotFound || !strings.Contains(page, "Did you mean") || !strings.Contains(page, `<li><a href="`+want+`">`) {
			t.Errorf("%s answers %d and does not lead to %s", path, response.StatusCode, want)
		}
	}
	for _, tt := range []struct {
		a, b string
		want bool
	}{{"produce", "produce", true}, {"produce", "produse", true}, {"produce", "prodce", true}, {"produce", "xproducey", true}, {"produce", "consume", false}, {"", "ab", true}, {"", "abc", false}, {"produce", strings.Repeat("p", 200), false}} {
		if got := alike(tt.a, tt.b); got != tt.want {
			t.Errorf("alike(%q, %q) = %t", tt.a, tt.b, got)
		}
	}
}

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -4321: "-4,321"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
	for _, tt := range []struct {
		n          int64
		noun, want string
	}{{1, "day", "1 day"}, {2, "day", "2 days"}, {2, "entry", "2 entries"}, {0, "process", "0 processes"}} {
		if got := count(tt.n, tt.noun); got != tt.want {
			t.Errorf("count = %q, want %q", got, tt.want)
		}
	}
	for given, want := range map[string]string{"https://a.example/x": "https://a.example/x", "javascript:alert(1)": "", "//a.example": "", "mailto:a@b": "", " http://a.example ": "http://a.example", "": ""} {
		if got := outside(given); got != want {
			t.Errorf("outside(%q) = %q, want %q", given, got, want)
		}
	}
	for given, want := range map[string]string{"abc": "abc", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "arn:aws:iam::1:role/x": "arn:aws:iam::1:role/x"} {
		if got := shellQuote(given); got != want {
			t.Errorf("shellQuote(%q) = %s, want %s", given, got, want)
		}
	}
}
