package apiserver

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestAccessHasARowPerRoute: a new route without a row fails, and so does a row
// whose route is gone.
func TestAccessHasARowPerRoute(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for _, r := range w.routes() {
		seen[r.id] = true
		if _, listed := access[r.id]; !listed {
			t.Errorf("%s %s (%s) has no row in the access table", r.method, r.path, r.id)
		}
	}
	for id := range access {
		if !seen[id] {
			t.Errorf("the access table has a row %q without a route", id)
		}
	}
	for id, row := range access {
		if row.scope != "" && !slices.Contains(session.ScopeNames(), row.scope) {
			t.Errorf("%s demands the scope %q, which no token can have", id, row.scope)
		}
	}
}

// TestAccessMatrix asks every route as nobody, as each role, and with a token
// without its scope, and compares with the table. The domain may refuse
// further; the guard's own refusals are told apart by their texts.
func TestAccessMatrix(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.routes() {
		row := access[r.id]
		path := strings.NewReplacer("{id}", "none", "{name}", "none", "{kind}", "users", "{policy}", "none", "{topic}", "none").Replace(r.path)
		if row.anyone {
			if got := w.call("", r.method, path, "{}"); got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
				t.Errorf("%s as nobody = %d, want it open", r.id, got.status)
			}
			continue
		}
		if got := w.call("", r.method, path, "{}"); got.status != http.StatusUnauthorized {
			t.Errorf("%s as nobody = %d, want 401", r.id, got.status)
		}
		for who, person := range everybody {
			if worldless[r.id] {
				continue
			}
			got := w.call(who, r.method, path, "{}")
			want := len(row.roles) == 0 || slices.ContainsFunc(row.roles, person.Has)
			refused := got.status == http.StatusForbidden && strings.Contains(got.text, "this needs one of the roles")
			if refused == want || got.status == http.StatusUnauthorized || got.status >= 500 {
				t.Errorf("%s as %s = %d %s, want let through: %v", r.id, who, got.status, got.text, want)
			}
		}
	}
}

// worldless are the routes whose part has no Kafka behind it here; TestPermit
// covers their rows.
var worldless = map[string]bool{"make-plan": true, "apply-plan": true, "list-drift": true, "revert-drift": true,
	"read-records": true, "list-topics": true, "get-topic": true, "list-partitions": true, "list-topic-groups": true, "list-groups": true, "get-group": true}

// TestPermit is the rule by itself, for every row: role and scope are both
// needed, and a token never gives more than its person may.
func TestPermit(t *testing.T) {
	for id, row := range access {
		if row.anyone {
			continue
		}
		for _, role := range eventbus.Roles() {
			person := eventbus.Person{ID: "p", Roles: []eventbus.Role{role}}
			holds := len(row.roles) == 0 || slices.Contains(row.roles, role)
			for _, c := range []struct {
				name  string
				actor eventbus.Actor
				want  bool
			}{
				{"browser", eventbus.Actor{Person: person}, holds},
				{"token with the scope", eventbus.Actor{Person: person, Token: "t", Scopes: []string{row.scope}}, holds},
				{"token with every other scope", eventbus.Actor{Person: person, Token: "t",
					Scopes: slices.DeleteFunc(session.ScopeNames(), func(s string) bool { return s == row.scope })}, holds && row.scope == ""},
			} {
				err := row.permit(c.actor, true)
				if (err == nil) != c.want {
					t.Errorf("%s as %s by %s: %v, want allowed %v", id, role, c.name, err, c.want)
				}
				if err != nil && eventbus.CodeOf(err) != eventbus.CodeForbidden {
					t.Errorf("%s as %s by %s: code %s", id, role, c.name, eventbus.CodeOf(err))
				}
			}
		}
		if (row.permit(eventbus.Actor{}, true) == nil) != row.open || row.permit(eventbus.Actor{}, false) == nil {
			t.Errorf("%s as nobody does not follow its row", id)
		}
	}
}

// TestChangesNeedSignIn: nothing that changes anything is open.
func TestChangesNeedSignIn(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.routes() {
		if row := access[r.id]; r.method != http.MethodGet && row.open {
			t.Errorf("%s changes something and is open", r.id)
		}
	}
}

// TestOpenReading: in `dev` the catalog is there for anybody on loopback, and
// nothing else is.
func TestOpenReading(t *testing.T) {
	w := newWorld(t, func(p *Parts) { p.OpenReading = true })
	w.must(200, "", "GET", "/api/v1/bus", "")
	w.must(200, "", "GET", "/api/v1/catalog?q=letter", "")
	w.must(401, "", "GET", "/api/v1/requests", "")
	w.must(401, "", "POST", "/api/v1/requests", example(t, "requests/producer.yaml"))
	got := w.must(403, "", "GET", "/api/v1/client-environment?principal=test-producer", "")
	if !strings.Contains(got.text, "local administrator") {
		t.Errorf("refusal = %s", got.text)
	}
	for address, want := range map[string]bool{"127.0.0.1:5": true, "[::1]:5": true, "10.0.0.1:5": false, "": false, "@": false} {
		if loopback(address) != want {
			t.Errorf("loopback(%q) = %v", address, !want)
		}
	}
}

// TestBadCredentials: what is not valid is refused, even where nobody need sign in.
func TestBadCredentials(t *testing.T) {
	w := newWorld(t, func(p *Parts) { p.OpenReading = true })
	for _, header := range []string{"Authorization: Bearer ebt_wrong", "Authorization: Bearer ", "Authorization: Basic YTpi", "Authorization: ebt_x"} {
		got := w.must(401, "", "GET", "/api/v1/bus", "", header)
		if got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", header)
		}
	}
}

// TestRefusalsAreRecorded: who tried what they may not is in the audit log.
func TestRefusalsAreRecorded(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.must(403, "member", "GET", "/api/v1/audit", "")
	}
	var list auditList
	w.must(200, "auditor", "GET", "/api/v1/audit?outcome=denied", "").into(t, &list)
	if len(list.Entries) != 1 || list.Entries[0].Actor != "mia" || list.Entries[0].Action != "api:list-audit" {
		t.Errorf("entries = %+v, want one for the three refusals", list.Entries)
	}
}

// TestForeignSites: a browser session is no good from another site.
func TestForeignSites(t *testing.T) {
	w := newWorld(t)
	cookie := "Cookie: " + w.sessions.SessionCookieName() + "=whatever"
	got := w.must(403, "", "POST", "/api/v1/inbox/x/read", "", cookie, "Sec-Fetch-Site: cross-site")
	if !strings.Contains(got.text, "another site") {
		t.Errorf("refusal = %s", got.text)
	}
	w.must(401, "", "POST", "/api/v1/inbox/x/read", "", cookie, "Sec-Fetch-Site: same-origin")
	w.must(401, "", "GET", "/api/v1/inbox", "", cookie)
}
