package portal

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// aPage is a page with its own heading and one value of the fixtures.
type aPage struct {
	as, path, heading, value string
	status                   int // 0 is 200
}

// fullPages lists every page that reads, in a world of half a year.
func fullPages(w *world) []aPage {
	id := w.requestID("payment-issued")
	return []aPage{
		{"pat", "/", "Welcome, Pat", "Payment Issued", 0},
		{"pat", "/catalog", "Event catalog", "Decision Letter Availability", 0},
		{"pat", "/catalog?q=participantId", "Event catalog", "Letter Ready", 0},
		{"pat", "/catalog/letter-ready", "Letter Ready", "prod_letter-ready", 0},
		{"pat", "/catalog/letter-ready/schema", "Letter Ready", "grantedAt", 0},
		{"pat", "/catalog/letter-ready/consumers", "Letter Ready", "appointments-app*", 0},
		{"pat", "/catalog/letter-ready/connect?language=python&in=production", "Letter Ready", "MSKAuthTokenProvider", 0},
		{"casey", "/catalog/letter-ready/connect?language=java&in=production", "Letter Ready", "role/appointments", 0},
		{"bill", "/catalog/letter-ready/connect?do=produce", "Letter Ready", "You need access first", 0},
		{"pat", "/catalog/letter-ready/messages", "Letter Ready", "Why do you look?", 0},
		{"casey", "/catalog/letter-ready/messages", "Letter Ready", "You may not see these records", 0},
		{"pat", "/catalog/letter-ready/history", "Letter Ready", "New event", 0},
		{"pat", "/catalog/letter-ready/metrics?in=production", "Letter Ready", "role/claims-letters", 0},
		{"pat", "/catalog?personal=owned", "Event catalog", "Letter Ready", 0},
		{"pat", "/apps", "My applications", "role/claims-letters", 0},
		{"pat", "/apps/claims/Letters%20Service", "Letters Service", "Consumer groups", 0},
		{"pat", "/apps/claims/none", "There is nothing here", "no application of that name", http.StatusNotFound},
		{"ada", "/admin", "Administration", "Reviews that a request goes through", 0},
		{"opal", "/admin", "Administration", "Authority to operate is active", 0},
		{"pat", "/keys/letters-outside", "New access key", "Show the key, once", 0},
		{"casey", "/requests/new?kind=consumer", "Access to an event", "Letter Ready", 0},
		{"pat", "/search?q=letter", "Search: letter", "letterType", 0},
		{"pat", "/requests", "Requests", "Payment Issued", 0},
		{"pat", "/requests/new", "New request", "Propose an event", 0},
		{"pat", "/requests/new?kind=producer", "New event", "claims", 0},
		{"casey", "/requests/new?kind=consumer&event=letter-ready", "Access to an event", "Letter Ready", 0},
		{"bill", "/requests/" + id, "Produce Payment Issued", "Event Bus review", 0},
		{"pat", "/requests/" + id + "/edit", "Produce Payment Issued", "Step 1 of 8", 0},
		{"pat", "/inbox", "Inbox", "Letter Ready", 0},
		{"pat", "/schemas", "Schemas", "prod_letter-ready-value", 0},
		{"pat", "/schemas/prod_letter-ready-value", "prod_letter-ready-value", "Safe", 0},
		{"pat", "/topics", "Topics", "dev_scratch", 0},
		{"pat", "/topics/prod_letter-ready", "prod_letter-ready", "retention.ms", 0},
		{"pat", "/groups", "Consumer groups", "appointments-app-1", 0},
		{"pat", "/groups/appointments-app-1", "appointments-app-1", "prod_letter-ready", 0},
		{"pat", "/access", "Access simulator", "kafka-cluster:ReadData", 0},
		{"pat", "/access?principal=test-producer&action=kafka-cluster:WriteData&resource=test", "Access simulator", "Allowed", 0},
		{"pat", "/access?principal=test-nobody&action=kafka-cluster:WriteData&resource=test", "Access simulator", "Denied", 0},
		{"ada", "/audit", "Audit record", "request.", 0},
		{"ada", "/audit?verify=1", "Audit record", "The chain is whole", 0},
		{"pat", "/environments", "Environments", "bus.example.gov:9098", 0},
		{"pat", "/settings", "Settings", "pat@example.gov", 0},
		{"pat", "/device", "Connect a device", "Code shown", 0},
		{"pat", "/status", "Status and support", "Kafka engine", 0},
		{"pat", "/docs", "Guides", "Introduction", 0},
		{"pat", "/docs/introduction", "Introduction to event-driven architecture", "five words", 0},
		{"", "/login", "Sign in", "Pat Producer", 0},
		{"pat", "/catalog/claim-status", "Claim Status, first edition", "This event is deprecated", 0},
		{"olive", "/requests/" + w.requestOf(eventbus.ProducerRequest, "letter-ready"), "Produce Letter Ready", "One-pager", 0},
		{"pat", "/requests/" + id + "/edit?step=2", "Produce Payment Issued", "Product owner", 0},
		{"pat", "/requests/" + id + "/edit?step=3", "Produce Payment Issued", "personal data", 0},
		{"pat", "/requests/" + id + "/edit?step=4", "Produce Payment Issued", "ESECC", 0},
		{"pat", "/requests/" + id + "/edit?step=5&check=1", "Produce Payment Issued", "The bus advises", 0},
		{"pat", "/requests/" + id + "/edit?step=6", "Produce Payment Issued", "Valid Avro", 0},
		{"pat", "/requests/" + id + "/edit?step=7", "Produce Payment Issued", "role that the bus creates", 0},
		{"pat", "/requests/" + id + "/edit?step=8", "Produce Payment Issued", "Working agreement", 0},
		{"pat", "/docs/terminology", "Terminology", "Consumer group", 0},
	}
}

// emptyPages are the same before anything has happened.
func emptyPages() []aPage {
	return []aPage{
		{"pat", "/", "Welcome, Pat", "Propose the first event", 0},
		{"pat", "/catalog", "Event catalog", "The catalog is empty", 0},
		{"pat", "/catalog?domain=none", "Event catalog", "domain none", 0},
		{"pat", "/catalog?q=none", "Event catalog", "the words “none”", 0},
		{"pat", "/catalog?personal=starred", "Event catalog", "No event matches", 0},
		{"pat", "/apps", "My applications", "Your teams run nothing here yet", 0},
		{"pat", "/requests", "Requests", "No requests to show", 0},
		{"pat", "/requests?show=turn", "Requests", "Nothing waits for you", 0},
		{"pat", "/requests?show=drafts", "Requests", "No drafts", 0},
		{"bill", "/requests/new?kind=producer", "New event", "You belong to no team", 0},
		{"pat", "/requests/new?kind=consumer", "Access to an event", "There is no event to listen to yet", 0},
		{"pat", "/inbox", "Inbox", "Nothing here yet", 0},
		{"pat", "/schemas", "Schemas", "No schema is registered yet", 0},
		{"pat", "/schemas?q=none-such", "Schemas", "No schema matches", 0},
		{"pat", "/topics", "Topics", "No topic yet", 0},
		{"pat", "/topics?q=none&env=staging", "Topics", "only Staging", 0},

		{"pat", "/groups?q=none", "Consumer groups", "No consumer group matches", 0},
		{"pat", "/requests?kind=consumer", "Requests", "consumer requests only", 0},
		{"pat", "/requests/new?kind=change", "Change of an event", "Your teams own no event", 0},
		{"ada", "/admin", "Administration", "Reviews that a request goes through", 0},
		{"pat", "/search?q=none-such-word", "Search: none-such-word", "Nothing found for", 0},
		{"pat", "/search", "Search", "Search the whole bus", 0},
		{"pat", "/docs?q=none-such-word", "Guides", "No guide mentions this", 0},
		{"pat", "/access", "Access simulator", "kafka-cluster:ReadData", 0},
		{"ada", "/audit?actor=nobody", "Audit record", "No entry matches", 0},
		{"pat", "/settings", "Settings", "Make a token", 0},
		{"pat", "/environments", "Environments", "bus.example.gov:9098", 0},
		{"pat", "/status", "Status and support", "Everything works", 0},
		{"pat", "/device", "Connect a device", "Code shown", 0},
		{"", "/catalog", "Event catalog", "Propose the first event", 0},
	}
}

// TestPages opens every page of a full, an empty and a broken world and looks
// for its own heading and one value of the fixtures.
func TestPages(t *testing.T) {
	full, empty, broken := fullWorld(t), emptyWorld(t), fullWorld(t)
	faults := brokenPages(broken)
	broken.breakDown()
	for state, pages := range map[*world][]aPage{full: fullPages(full), empty: emptyPages(), broken: faults} {
		for _, page := range pages {
			state.reads(page)
		}
	}
}

// reads opens one page and looks for what makes it that page.
func (w *world) reads(p aPage) {
	w.t.Helper()
	name := p.path + " as " + p.as
	response := w.get(p.as, p.path)
	text := body(w.t, response)
	main := text[max(strings.Index(text, "<main"), 0):]
	if response.StatusCode != p.wants() {
		w.t.Errorf("%s: status %d, want %d: %s", name, response.StatusCode, p.wants(), problems(main))
		return
	}
	if !strings.Contains(text, "<h1>"+p.heading+"</h1>") {
		w.t.Errorf("%s: the heading is not %q", name, p.heading)
	}
	if !strings.Contains(main, p.value) {
		w.t.Errorf("%s: %q is not on the page", name, p.value)
	}
	if strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "<nil>") || strings.Contains(text, "%!") {
		w.t.Errorf("%s: a template shows the traces of a wrong value", name)
	}
}

// requestID finds the request about an event.
func (w *world) requestID(event string) string {
	w.t.Helper()
	return w.requestOf("", event)
}

// requestOf finds the newest request of a kind about an event.
func (w *world) requestOf(kind eventbus.RequestKind, event string) string {
	w.t.Helper()
	list, err := w.onboarding.Requests(w.t.Context(), actorOf("bill"), eventbus.RequestQuery{Event: event, Kind: kind})
	w.ok(err)
	if len(list) == 0 {
		list, err = w.onboarding.Requests(w.t.Context(), actorOf("pat"), eventbus.RequestQuery{Event: event, Kind: kind})
		w.ok(err)
	}
	if len(list) == 0 {
		w.t.Fatalf("no request about %s", event)
	}
	return list[0].ID
}

// unharmed are the pages that come from memory: an outage does not end them.
var unharmed = regexp.MustCompile(`^/(catalog(\?|$)|search|requests/new(\?kind=(producer|consumer))?$|schemas|keys|access|environments|settings|device|status|docs|login)`)

// brokenPages are the pages while database and cluster do not answer, and those
// that are errors by themselves.
func brokenPages(w *world) []aPage {
	pages := []aPage{
		{"pat", "/no-such-letter", "There is nothing here", "Did you mean", http.StatusNotFound},
		{"pat", "/audit", "You may not do this", "auditors, reviewers and operators", http.StatusForbidden},
		{"pat", "/admin", "You may not do this", "operators and auditors", http.StatusForbidden},
		{"pat", "/docs/terminolgy", "There is nothing here", "There is no guide of that name", http.StatusNotFound},
		{"pat", "/schemas/none-value", "There is nothing here", "none-value", http.StatusNotFound},
		{"pat", "/device?code=WRONG", "Connect a device", "Code shown", http.StatusNotFound},
		{"pat", "/access?principal=no-such-role&action=kafka-cluster:ReadData&resource=test", "Access simulator", "no-such-role", 0},
		{"", "/login/callback?code=x&state=y", "Sign in", "sign-in", http.StatusUnauthorized},
	}
	for _, p := range fullPages(w) {
		if !unharmed.MatchString(p.path) {
			p.status, p.heading, p.value = http.StatusServiceUnavailable, "A part of the bus cannot be reached", "Try again"
		}
		pages = append(pages, p)
	}
	return pages
}
