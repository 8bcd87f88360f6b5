package portal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/eventbustest"
	"github.com/enterprise-event-bus/eventbus/internal/portal"
)

// walker goes through the portal of a whole bus with the mouse.
type walker struct{ *portal.Tab }

// as signs in by a click on a persona, and comes to a page.
func (w walker) as(name, path string) {
	w.T.Helper()
	w.Open("/login?to=" + strings.ReplaceAll(path, "?", "%3F"))
	w.Goes(name, path)
}

// until opens a page again until it says a text: the bus is at work.
func (w walker) until(path, text string) {
	w.T.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		w.Open(path)
		if w.Says(text) {
			return
		}
		if time.Now().After(end) {
			w.Sees(text)
		}
	}
}

// answers fills fields by their labels, in pairs.
func (w walker) answers(pairs ...string) {
	w.T.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		w.Fill(pairs[i], pairs[i+1])
	}
}

// decide answers a review with a click.
func (w walker) decide(name, path, button, reason string) {
	w.T.Helper()
	w.as(name, path)
	if reason != "" {
		w.Fill("Your reason", reason)
	}
	w.Goes(button, path)
}

const sent = `{"type":"record","name":"LetterSent","namespace":"gov.example.claims","doc":"A letter went out.","fields":[{"name":"participantId","type":"string","doc":"Whom the letter is for."}]}`
const sentAgain = `{"type":"record","name":"LetterSent","namespace":"gov.example.claims","doc":"A letter went out.","fields":[{"name":"participantId","type":"string","doc":"Whom the letter is for."},{"name":"title","type":["null","string"],"default":null,"doc":"Title of the letter."}]}`

// TestRoad walks the whole road by clicks, on a whole bus: an event is proposed,
// a change asked, different people approve, the lower environments are
// provisioned, production waits for its gates and comes; a consumer is refused
// and then let; the schema changes; the event is retired.
func TestRoad(t *testing.T) {
	bus := eventbustest.Start(t)
	w := walker{portal.OpenTab(t, bus.HTTP)}
	w.Wide(1440)
	at := w.proposes()
	w.decide("Blake", at, "Ask for changes", "Say who would listen.")
	w.Sees("Changes asked")
	w.as("Pat", at)
	w.Goes("Edit", at+"/edit")
	w.Fill("Likely consumers", "mobile app")
	w.Goes("Save and leave", at)
	w.Sees("Changed since the Event Bus review by Blake") // and what has changed
	w.Goes("Submit for review", at)
	w.decide("Blake", at, "Approve", "")
	w.decide("Olive", at, "Approve", "")
	w.until(at, "Ask for promotion")
	w.promoted(at, "Pat")
	w.until("/catalog/letter-sent", "prod_letter-sent")

	w.simulated("Denied")
	w.listens()
	w.simulated("Allowed")
	w.until("/catalog/letter-sent/consumers", "Desk App")

	w.changes()
	w.until("/catalog/letter-sent/schema?env=development", "Title of the letter.")
	w.retires()
	w.until("/catalog/letter-sent", "This event is deprecated")
}

// proposes fills the eight pages of the wizard and submits.
func (w walker) proposes() (at string) {
	w.T.Helper()
	w.as("Pat", "/requests/new")
	w.Goes("Propose an event", "/requests/new?kind=producer")
	w.Goes("Start", "/requests/")
	at = strings.TrimSuffix(w.Path(), "/edit")
	steps := []func(){
		func() {
			w.answers("Title", "Letter Sent", "Catalog name", "letter-sent", "Description in one line", "A letter went out by mail.", "Purpose", "Systems may tell that a letter is on its way.", "Domain", "claims")
			w.Click("Seconds matter")
		},
		func() {
			w.answers("Product owner", "Olive Owner", "Technical contact", "Pat Producer", "Source system", "Mail Service", "VASI ID", "3325", "eMASS ID", "2350",
				"Authority to operate", "Active", "It expires on", "2099-01-01", "FISMA level", "Moderate")
		},
		func() { w.Click("None") },
		func() { w.Click("In the VAEC AWS organisation") },
		func() {
			w.answers("Records a day", "250,000", "Records a second at the peak", "40", "Average size", "600", "Largest record", "4096", "Partitions", "3", "Days that records", "7")
			w.Click("In order for each person or case")
			w.answers("Field that is the key", "participantId")
		},
		func() { w.answers("Value schema", sent, "Sample record", `{"participantId":"made-up"}`) },
		func() {
			for i, e := range []string{"development", "staging", "production"} {
				w.FillNth(i, "Or: role that the bus creates", "letters-"+e)
				w.FillNth(i, "Who may assume that role", "arn:aws-us-gov:iam::123456789012:role/service-"+e)
			}
		},
		func() {
			for _, a := range []string{"Working agreement", "Data sharing agreement"} {
				w.answers(a+": signed by", "Olive Owner", a+": signed on", "2026-01-01", a+": document", "A-1")
			}
		},
	}
	for i, step := range steps {
		step()
		if i == len(steps)-1 {
			w.Goes("Save and review", at)
		} else {
			w.Goes("Save and continue", at+"/edit?step=")
		}
	}
	w.Sees("dev_letter-sent")
	w.Goes("Submit for review", at)
	w.Sees("In review")
	return at
}

// promoted asks for production, which is blocked until its gates are passed.
func (w walker) promoted(at, by string) {
	w.T.Helper()
	w.as(by, at)
	w.Goes("Ask for promotion", at)
	w.as("Blake", at)
	w.Sees("6 gates block production; nothing was approved")
	if w.Offers("Approve") {
		w.T.Fatal("production can be approved while gates are open")
	}
	for _, reviewer := range []string{"Sam", "Priya", "Blake"} {
		w.as(reviewer, at)
		for w.HasOpenGate() {
			w.OpenGate()
			w.answers("It is", "Passed", "Evidence", "document 17", "Reason", "seen")
			w.Goes("Set", at)
		}
	}
	w.decide("Blake", at, "Approve", "")
	w.until(at, "Production Active")
}

// simulated asks the simulator about the consumer's role.
func (w walker) simulated(want string) {
	w.T.Helper()
	w.as("Casey", "/access")
	w.answers("Principal", "test-nobody", "on", "dev_letter-sent")
	w.Goes("Would it be let?", "/access?")
	w.Sees(want)
}

// listens asks for access and gets it by two reviewers.
func (w walker) listens() {
	w.T.Helper()
	w.as("Casey", "/catalog/letter-sent")
	w.Goes("Request access", "/requests/new?kind=consumer")
	w.Goes("Start", "/requests/")
	at := strings.TrimSuffix(w.Path(), "/edit")
	steps := []func(){
		func() {
			w.answers("What will you use it for?", "The desk tells Veterans that their letter is on its way, without a call.")
		},
		func() {
			w.answers("Name", "desk-app", "Title", "Desk App", "Domain", "appointments", "Product owner", "Casey Consumer", "Technical contact", "Casey Consumer")
		},
		func() {},
		func() { w.Click("In the VAEC AWS organisation") },
		func() {
			w.answers("Consumer group", "appointments-desk*", "Review date", time.Now().AddDate(0, 6, 0).Format(time.DateOnly))
			w.FillNth(0, "Roles or users that exist", "arn:aws-us-gov:iam::123456789012:role/test-nobody")
		},
	}
	for i, step := range steps {
		step()
		if i == len(steps)-1 {
			w.Goes("Save and review", at)
		} else {
			w.Goes("Save and continue", at+"/edit?step=")
		}
	}
	w.Goes("Submit for review", at)
	w.decide("Blake", at, "Approve", "")
	w.decide("Olive", at, "Approve", "")
	w.until(at, "Development Active")
}

// changes takes a new schema version to the lower environments.
func (w walker) changes() {
	w.T.Helper()
	w.as("Pat", "/catalog/letter-sent")
	w.Goes("Propose a change", "/requests/new?kind=change")
	w.Goes("Start", "/requests/")
	at := strings.TrimSuffix(w.Path(), "/edit")
	w.answers("Why", "Channels want to show the title.", "What consumers have to do", "Nothing; the field has a default.", "New value schema", sentAgain)
	w.Goes("Save and review", at)
	w.Goes("Submit for review", at)
	w.decide("Blake", at, "Approve", "")
	w.decide("Olive", at, "Approve", "")
	w.as("Casey", at)
	w.Goes("We have seen it", at)
	w.until(at, "Development Active")
}

// retires deprecates the event.
func (w walker) retires() {
	w.T.Helper()
	w.as("Pat", "/requests/new")
	w.Goes("Begin offboarding", "/requests/new?kind=offboarding")
	w.Goes("Letter Sent", "/requests/new?event=letter-sent")
	w.Goes("Start", "/requests/")
	at := strings.TrimSuffix(w.Path(), "/edit")
	w.answers("Why it is no longer needed", "Letters are read online now.")
	w.Goes("Save and review", at)
	w.Goes("Submit for review", at)
	w.decide("Blake", at, "Approve", "")
	w.decide("Olive", at, "Approve", "")
}
