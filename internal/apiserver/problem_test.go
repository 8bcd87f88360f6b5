package apiserver

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestStatusOfEveryCode: the table is complete and can be read backwards.
func TestStatusOfEveryCode(t *testing.T) {
	for _, code := range eventbus.Codes() {
		status, listed := statusOf[code]
		if !listed {
			t.Errorf("%s has no status", code)
		}
		if back := codeOf(status); back != code && status != http.StatusInternalServerError {
			t.Errorf("codeOf(%d) = %s, want %s", status, back, code)
		}
	}
}

// TestProblems: whatever is wrong, the answer is a problem document with a code.
func TestProblems(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name, method, path, body string
		status                   int
		code                     eventbus.Code
		says                     string
	}{
		{"no such path", "GET", "/api/v1/nothing", "", 404, eventbus.CodeNotFound, "nothing at"},
		{"beside the API", "GET", "/api/", "", 404, eventbus.CodeNotFound, "nothing at"},
		{"wrong method", "DELETE", "/api/v1/requests", "", 405, eventbus.CodeInvalid, "GET, POST"},
		{"unknown method", "BREW", "/api/v1/me", "", 405, eventbus.CodeInvalid, "GET"},
		{"unknown query parameter", "GET", "/api/v1/requests?stat=x", "", 422, eventbus.CodeInvalid, "stat"},
		{"value outside the list", "GET", "/api/v1/requests?state=lost", "", 422, eventbus.CodeInvalid, "state"},
		{"limit too high", "GET", "/api/v1/audit?limit=100000", "", 422, eventbus.CodeInvalid, "limit"},
		{"query parameter without a value", "GET", "/api/v1/audit?until=", "", 422, eventbus.CodeInvalid, "query.until"},
		{"a number without a value", "GET", "/api/v1/audit?limit=", "", 422, eventbus.CodeInvalid, "query.limit"},
		{"null for a field", "POST", "/api/v1/iam/users", `{"name":"a","team":null}`, 400, eventbus.CodeInvalid, "team is null"},
		{"null deep inside", "POST", "/api/v1/iam/simulate", `{"principal":"a","action":"b","resource":"c","context":{"k":["v",null]}}`, 400, eventbus.CodeInvalid, "context.k[1] is null"},
		{"a name that no directory takes", "POST", "/api/v1/iam/users", `{"name":"a b"}`, 422, eventbus.CodeInvalid, "letters, digits"},
		{"not JSON", "POST", "/api/v1/iam/users", "{", 400, eventbus.CodeInvalid, ""},
		{"unknown field", "POST", "/api/v1/iam/users", `{"name":"a","nam":"b"}`, 422, eventbus.CodeInvalid, "nam"},
		{"field missing", "POST", "/api/v1/iam/simulate", `{}`, 422, eventbus.CodeInvalid, "principal"},
		{"no such thing", "GET", "/api/v1/events/none", "", 404, eventbus.CodeNotFound, "none"},
		{"too large", "POST", "/api/v1/iam/users", `{"name":"` + strings.Repeat("a", maxBody) + `"}`, 413, eventbus.CodeTooLarge, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.must(tt.status, "administrator", tt.method, tt.path, tt.body)
			if got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("type = %q", got.header.Get("Content-Type"))
			}
			var p Problem
			got.into(t, &p)
			if p.Code != tt.code || p.Status != tt.status || p.Title == "" || !strings.Contains(got.text, tt.says) {
				t.Errorf("problem = %s, want code %s and %q", got.text, tt.code, tt.says)
			}
		})
	}
	for path, want := range map[string]string{"/api/v1/requests": "GET, POST", "/api/v1/requests/check": "POST", "/api/v1/events/letter-ready": "GET, PUT, DELETE", "/api/v1/events/import": "POST"} {
		if allow := w.must(405, "administrator", "OPTIONS", path, "").header.Get("Allow"); allow != want {
			t.Errorf("%s: Allow = %q, want %q", path, allow, want)
		}
	}
}

// TestDefectsSayNothing: what is the bus's own fault is in its log only.
func TestDefectsSayNothing(t *testing.T) {
	w := newWorld(t)
	for _, err := range []error{errors.New("dsn=postgres://secret"), eventbus.Errorf(eventbus.CodeCorrupt, "row %s", "secret")} {
		p := w.api.problem(err).(*Problem)
		if p.Status != 500 || strings.Contains(p.Detail, "secret") {
			t.Errorf("problem = %+v", p)
		}
	}
}
