package portal

import (
	"io"
	"net/http"
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
type aPage struct{ as, path, heading, value string }

// allPages lists every page that reads.
func allPages(w *world) []aPage {
	id := w.requestID("payment-issued")
	return []aPage{
		{"pat", "/", "Welcome, Pat", "Payment Issued"},
		{"pat", "/catalog", "Event catalog", "Decision Letter Availability"},
		{"pat", "/catalog?q=participantId", "Event catalog", "Letter Ready"},
		{"pat", "/catalog/letter-ready", "Letter Ready", "prod_letter-ready"},
		{"pat", "/catalog/letter-ready/schema", "Letter Ready", "grantedAt"},
		{"pat", "/catalog/letter-ready/consumers", "Letter Ready", "appointments-app*"},
		{"pat", "/catalog/letter-ready/connect?language=python&in=production", "Letter Ready", "MSKAuthTokenProvider"},
		{"casey", "/catalog/letter-ready/connect?language=java&in=production", "Letter Ready", "role/appointments"},
		{"bill", "/catalog/letter-ready/connect?do=produce", "Letter Ready", "You need access first"},
		{"pat", "/catalog/letter-ready/messages", "Letter Ready", "Why do you look?"},
		{"casey", "/catalog/letter-ready/messages", "Letter Ready", "You may not see these records"},
		{"pat", "/catalog/letter-ready/history", "Letter Ready", "New event"},
		{"pat", "/search?q=letter", "Search: letter", "letterType"},
		{"pat", "/requests", "Requests", "Payment Issued"},
		{"pat", "/requests/new", "New request", "Propose an event"},
		{"pat", "/requests/new?kind=producer", "New event", "claims"},
		{"casey", "/requests/new?kind=consumer&event=letter-ready", "Access to an event", "Letter Ready"},
		{"bill", "/requests/" + id, "Produce Payment Issued", "Event Bus review"},
		{"pat", "/requests/" + id + "/edit", "Produce Payment Issued", "Step 1 of 8"},
		{"pat", "/inbox", "Inbox", "Letter Ready"},
		{"pat", "/schemas", "Schemas", "prod_letter-ready-value"},
		{"pat", "/schemas/prod_letter-ready-value", "prod_letter-ready-value", "Safe"},
		{"pat", "/topics", "Topics", "dev_scratch"},
		{"pat", "/topics/prod_letter-ready", "prod_letter-ready", "retention.ms"},
		{"pat", "/groups", "Consumer groups", "cannot be read"},
		{"pat", "/access", "Access simulator", "kafka-cluster:ReadData"},
		{"pat", "/access?principal=test-producer&action=kafka-cluster:WriteData&resource=test", "Access simulator", "Allowed"},
		{"pat", "/access?principal=test-nobody&action=kafka-cluster:WriteData&resource=test", "Access simulator", "Denied"},
		{"ada", "/audit", "Audit record", "request."},
		{"ada", "/audit?verify=1", "Audit record", "The chain is whole"},
		{"pat", "/environments", "Environments", "bus.example.gov:9098"},
		{"pat", "/settings", "Settings", "pat@example.gov"},
		{"pat", "/device", "Connect a device", "Code shown"},
		{"pat", "/status", "Status and support", "Kafka engine"},
		{"pat", "/docs", "Guides", "Introduction"},
		{"pat", "/docs/introduction", "Introduction to event-driven architecture", "five words"},
		{"", "/login", "Sign in", "Pat Producer"},
	}
}

// TestPages opens every page in a full world and looks for its own heading and
// one value of the fixtures.
func TestPages(t *testing.T) {
	w := fullWorld(t)
	for _, tt := range allPages(w) {
		t.Run(tt.path, func(t *testing.T) {
			response := w.get(tt.as, tt.path)
			text := body(t, response)
			if response.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %.400s", response.StatusCode, text[max(strings.Index(text, "<main"), 0):])
			}
			if !strings.Contains(text, "<h1>"+tt.heading+"</h1>") {
				t.Errorf("the heading is not %q", tt.heading)
			}
			if !strings.Contains(text[max(strings.Index(text, "<main"), 0):], tt.value) {
				t.Errorf("%q is not on the page", tt.value)
			}
			if strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "<nil>") || strings.Contains(text, "%!") {
				t.Error("a template shows the traces of a wrong value")
			}
		})
	}
}

// requestID finds the request about an event.
func (w *world) requestID(event string) string {
	w.t.Helper()
	list, err := w.onboarding.Requests(w.t.Context(), actorOf("pat"), requestsAbout(event))
	w.ok(err)
	if len(list) == 0 {
		w.t.Fatalf("no request about %s", event)
	}
	return list[0].ID
}

func requestsAbout(event string) eventbus.RequestQuery { return eventbus.RequestQuery{Event: event} }
