package portal

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestFiles: every list comes as CSV and as JSON with the same rows, all that its
// filters leave, whatever the page.
func TestFiles(t *testing.T) {
	w := fullWorld(t)
	for _, tt := range []struct {
		as, path, column, value string
		rows                    int // 0: at least one
	}{
		{"pat", "/catalog?page=7", "name", "letter-ready", 8},
		{"pat", "/catalog?domain=benefits", "name", "form-submission", 1},
		{"pat", "/topics?page=9", "topic", "dev_scratch", 0},
		{"pat", "/topics?q=letter&env=production", "topic", "prod_letter-ready", 1},
		{"pat", "/groups", "group", "appointments-app-1", 3},
		{"pat", "/schemas", "subject", "prod_letter-ready-value", 3},
		{"pat", "/requests", "title", "Produce Payment Issued", 5},
		{"pat", "/requests?show=drafts", "state", "Draft", 1},
		{"casey", "/requests?kind=consumer", "kind", "Access to an event", 1},
		{"pat", "/apps", "system", "Letters Service", 3},
		{"ada", "/audit", "action", "request.submit", 0},
		{"ada", "/audit?action=request.submit", "action", "request.submit", 4},
		{"pat", "/catalog/letter-ready/metrics?in=production", "records", "41250", 48},
	} {
		sep := "?"
		if strings.Contains(tt.path, "?") {
			sep = "&"
		}
		response := w.get(tt.as, tt.path+sep+"format=json")
		var objects []map[string]string
		if err := json.Unmarshal([]byte(body(t, response)), &objects); err != nil || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", tt.path, err)
			continue
		}
		found := false
		for _, o := range objects {
			found = found || o[tt.column] == tt.value
		}
		if !found || tt.rows > 0 && len(objects) != tt.rows || len(objects) == 0 {
			t.Errorf("%s: %d rows, want %d with %s %q", tt.path, len(objects), tt.rows, tt.column, tt.value)
		}
		response = w.get(tt.as, tt.path+sep+"format=csv")
		cells, err := csv.NewReader(strings.NewReader(body(t, response))).ReadAll()
		if err != nil || len(cells) != len(objects)+1 || len(cells[0]) != len(objects[0]) || !strings.HasPrefix(response.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s as CSV: %d lines, %v", tt.path, len(cells), err)
		}
	}
	if got := w.get("pat", "/topics?format=exe"); got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Error("an unknown format is not the page")
	}
}

// TestFileOfAnOutage: a file that could not be read to its end is an error page,
// never half a list.
func TestFileOfAnOutage(t *testing.T) {
	w := fullWorld(t)
	w.breakDown()
	for path, as := range map[string]string{"/requests": "ada", "/audit": "ada", "/apps": "pat"} {
		response := w.get(as, path+"?format=csv")
		if text := body(t, response); response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Content-Disposition") != "" || !strings.Contains(text, "<h1>") {
			t.Errorf("%s: status %d, %v", path, response.StatusCode, response.Header)
		}
	}
	broken, n := errors.New("broken"), 0
	for _, err := range paged(func() ([]int, error) {
		if n++; n > 2 {
			return nil, broken
		}
		return []int{n}, nil
	}) {
		if err != nil && (!errors.Is(err, broken) || n != 3) {
			t.Errorf("after %d pages: %v", n, err)
		}
	}
	if n != 3 {
		t.Errorf("%d pages were read", n)
	}
}

// TestFarPages: a page beyond the last shows no rows, however far away it is.
func TestFarPages(t *testing.T) {
	w := fullWorld(t)
	for _, path := range []string{"/catalog", "/topics", "/groups", "/schemas"} {
		for _, page := range []string{"2", "1000000", "9223372036854775807", "99999999999999999999", "-9223372036854775808"} {
			if got := w.get("pat", path+"?page="+page).StatusCode; got != http.StatusOK {
				t.Errorf("%s, page %s: %d", path, page, got)
			}
		}
	}
}

// TestOlderRequests: paging loses no request, not even of those that were made in
// one moment.
func TestOlderRequests(t *testing.T) {
	w := emptyWorld(t)
	at, want := w.clock(), map[string]bool{}
	for i := range 2*requestsPerPage + 7 {
		id := "req-" + strings.Repeat("x", 3) + string(rune('a'+i/26)) + string(rune('a'+i%26))
		_, err := w.store.SaveRequest(t.Context(), eventbus.Request{ID: id, Kind: eventbus.ProducerRequest, State: eventbus.RequestSubmitted, Team: "claims", Title: "T", Submitter: "pat", Content: json.RawMessage(`{}`), CreatedAt: at, UpdatedAt: at}, nil, nil)
		w.ok(err)
		want[id] = true
	}
	path, seen, pages := "/requests", map[string]bool{}, 0
	for path != "" && pages < 10 {
		text := body(t, w.get("pat", path))
		for id := range want {
			if strings.Contains(text, `href="/requests/`+id+`"`) {
				if seen[id] {
					t.Errorf("%s stands on two pages", id)
				}
				seen[id] = true
			}
		}
		path, pages = "", pages+1
		if _, after, ok := strings.Cut(text, `<a href="/requests?before=`); ok {
			link, _, _ := strings.Cut(after, `"`)
			path = "/requests?before=" + strings.ReplaceAll(link, "&amp;", "&")
		}
	}
	if len(seen) != len(want) || pages != 3 {
		t.Errorf("%d of %d requests on %d pages", len(seen), len(want), pages)
	}
}

// TestFiltersToDrop: an empty list names its filters, and each link takes one
// away and leaves the others.
func TestFiltersToDrop(t *testing.T) {
	w := fullWorld(t)
	text := body(t, w.get("pat", "/catalog?q=zzz&domain=claims&env=staging&page=3"))
	for label, want := range map[string]string{"the words “zzz”": "/catalog?domain=claims&amp;env=staging", "domain claims": "/catalog?env=staging&amp;q=zzz", "only Staging": "/catalog?domain=claims&amp;q=zzz"} {
		if !strings.Contains(text, `<a class="chip" href="`+want+`">`+label) {
			t.Errorf("%s does not lead to %s", label, want)
		}
	}
	if strings.Contains(text, "The catalog is empty") {
		t.Error("a full catalog calls itself empty")
	}
}

// TestApplication: the page of a system has all of its own, and nothing of
// others.
func TestApplication(t *testing.T) {
	w := fullWorld(t)
	page := body(t, w.get("casey", "/apps/appointments/appointments-app"))
	for _, want := range []string{"role/appointments", "appointments-app-1", "Letter Ready", "2027-06-30", "It signs in with a role"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "notification-hub") {
		t.Error("the page shows what is another team's")
	}
	for _, path := range []string{"/apps/notification/notification-hub", "/apps/claims/Letters%20Service", "/apps/appointments/none", "/apps/appointments/" + url.PathEscape("../claims")} {
		if got := w.get("casey", path).StatusCode; got != http.StatusNotFound {
			t.Errorf("%s answers %d", path, got)
		}
	}
}

// TestAdministration shows what the bus runs with, and no way to change it.
func TestAdministration(t *testing.T) {
	w := fullWorld(t)
	page := body(t, w.get("ada", "/admin"))
	main := page[strings.Index(page, "<main"):strings.Index(page, "</main>")]
	for _, want := range []string{"Olive Owner, Pat Producer", "Production review", "Authority to operate is active", "the system runs outside the VAEC", "where personal data may flow", "8.0 MiB", "enforce", "PII and PHI"} {
		if !strings.Contains(main, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(main, "<form") || strings.Contains(main, "<button") {
		t.Error("the page offers to change something")
	}
	for _, person := range people {
		operates := person.ID == "opal" || person.ID == "ada"
		if got := strings.Contains(body(t, w.get(person.ID, "/")), `href="/admin"`); got != operates {
			t.Errorf("%s is offered the page: %t", person.ID, got)
		}
	}
}

// TestTwoReviewers: the second one is told who was first, and nothing changes.
func TestTwoReviewers(t *testing.T) {
	w := fullWorld(t)
	second := eventbus.Person{ID: "beth", Name: "Beth Busreview", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleBusReviewer}}
	w.ok(w.store.SavePerson(t.Context(), second))
	w.ok(w.store.SaveSession(t.Context(), eventbus.Session{Hash: digestOf(sessionOf("beth")), Person: second, CreatedAt: w.now, LastSeen: w.now, ExpiresAt: w.now.AddDate(0, 1, 0)}))
	at := "/requests/" + w.requestID("payment-issued")
	w.goesTo(w.fill("bill", at+"/decide", "stage", "bus", "decision", "approve"), at)
	response := w.fill("beth", at+"/decide", "stage", "bus", "decision", "approve")
	if page := body(t, response); response.StatusCode != http.StatusConflict || !strings.Contains(page, "Already approved by Bill Busreview") {
		t.Errorf("status %d: %s", response.StatusCode, problems(page))
	}
	if r := w.must(w.store.Request(t.Context(), strings.TrimPrefix(at, "/requests/"))); len(r.Approvals) != 1 {
		t.Errorf("%d approvals", len(r.Approvals))
	}
}

// TestNothingToDecide: what is active everywhere, or over, offers no form to
// decide it; what gives no access offers none to ask for it.
func TestNothingToDecide(t *testing.T) {
	w := fullWorld(t)
	active := "/requests/" + w.requestOf(eventbus.ProducerRequest, "letter-ready")
	for _, as := range []string{"olive", "bill", "prim", "sam"} {
		if page := body(t, w.get(as, active)); strings.Contains(page, "Ask for changes") || strings.Contains(page, `action="`+active+`/decide"`) {
			t.Errorf("%s is asked to decide what is active", as)
		}
	}
	if page := body(t, w.get("bill", "/requests/"+w.requestID("payment-issued"))); !strings.Contains(page, "Ask for changes") {
		t.Error("a reviewer is not asked about what waits")
	}
	for _, path := range []string{"/catalog/claim-status", "/catalog/claim-status/consumers", "/catalog/claim-status/connect", "/catalog/claim-status/messages"} {
		if page := body(t, w.get("casey", path)); strings.Contains(page, "Request access") {
			t.Errorf("%s offers access that is not given", path)
		}
	}
	if page := body(t, w.get("casey", "/requests/new?kind=consumer&event=claim-status")); !strings.Contains(page, "gives no new access") || strings.Contains(page, ">Start<") {
		t.Error("the form for access to a deprecated event is shown")
	}
	for as, kind := range map[string]string{"bill": "producer", "ada": "consumer"} {
		if page := body(t, w.get(as, "/requests/new?kind="+kind)); !strings.Contains(page, "You belong to no team") || strings.Contains(page, ">Start<") {
			t.Errorf("%s, who has no team, is shown a form", as)
		}
	}
}
