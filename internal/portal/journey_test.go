package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
	"github.com/enterprise-event-bus/eventbus/internal/samples"
)

// fill sends a form as a person, and follows nothing.
func (w *world) fill(as, path string, pairs ...string) *http.Response {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return w.do(as, http.MethodPost, path, form.Encode(), nil)
}

// goesTo asserts that a form was taken and where it leads.
func (w *world) goesTo(response *http.Response, want string) {
	w.t.Helper()
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != want {
		w.t.Fatalf("status %d to %q, want 303 to %q: %s", response.StatusCode, got, want, problems(body(w.t, response)))
	}
}

// problems are the alerts of a page, for messages of tests.
func problems(page string) string {
	return strings.Join(regexp.MustCompile(`(?s)<div class="alert.*?</div></div>|<div class="failure">.*?</div>`).FindAllString(page, -1), "\n")
}

// TestProducerJourney walks from an idea to an event in production by forms
// alone, as a browser without JavaScript does.
func TestProducerJourney(t *testing.T) {
	w := emptyWorld(t)
	started := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims")
	edit := started.Header.Get("Location")
	if started.StatusCode != http.StatusSeeOther || !strings.HasSuffix(edit, "/edit") {
		t.Fatalf("status %d to %q", started.StatusCode, edit)
	}
	at := strings.TrimSuffix(edit, "/edit")
	w.fillProducer(at)
	page := body(t, w.get("pat", at))
	for _, want := range []string{"Submit for review", "dev_letter-sent", "ESECC not needed", "6 partitions"} {
		if !strings.Contains(page, want) {
			t.Errorf("the review page lacks %q: %s", want, problems(page))
		}
	}
	w.goesTo(w.fill("pat", at+"/submit"), at)
	if page := body(t, w.get("pat", "/requests?show=mine")); !strings.Contains(page, "The Event Bus team, the product owner") {
		t.Error("the list does not say whose turn it is")
	}
	w.goesTo(w.fill("bill", at+"/comment", "text", "Who else would listen?"), at)
	w.goesTo(w.fill("bill", at+"/decide", "stage", "bus", "decision", "ask-changes", "reason", "Say who would listen."), at)
	w.goesTo(w.fill("pat", at+"/edit?step=1", withAnswers(stepOne, "do", "leave", "event.likelyConsumers", "mobile app")...), at)
	w.goesTo(w.fill("pat", at+"/submit"), at)
	w.goesTo(w.fill("bill", at+"/decide", "stage", "bus", "decision", "approve"), at)
	w.goesTo(w.fill("olive", at+"/decide", "stage", "owner", "decision", "approve"), at)
	w.provision()
	if page := body(t, w.get("pat", at)); !strings.Contains(page, "Ask for promotion") {
		t.Fatalf("promotion is not offered: %s", problems(page))
	}
	w.goesTo(w.fill("pat", at+"/promote", "environment", "production"), at)
	w.passGates(at)
	w.goesTo(w.fill("bill", at+"/decide", "stage", "production", "environment", "production", "decision", "approve"), at)
	w.provision()
	r := w.must(w.store.Request(context.Background(), strings.TrimPrefix(at, "/requests/")))
	if e, _ := r.Environment("production"); r.State != eventbus.RequestActive || e.State != eventbus.EnvActive {
		t.Fatalf("state %s, production %s", r.State, e.State)
	}
	w.ok(w.catalog.Refresh(context.Background()))
	if page := body(t, w.get("casey", "/catalog/letter-sent")); !strings.Contains(page, "prod_letter-sent") {
		t.Error("the catalog does not show the production topic")
	}
}

var stepOne = []string{"event.title", "Letter Sent", "event.name", "letter-sent", "event.description", "A letter went out by mail.", "event.purpose", "Systems may tell the Veteran that a letter is on its way.", "event.domain", "claims"}

func withAnswers(answers []string, more ...string) []string {
	return append(append([]string{}, answers...), more...)
}

// fillProducer answers the pages of the wizard one after the other.
func (w *world) fillProducer(at string) {
	w.t.Helper()
	schema := strings.ReplaceAll(strings.ReplaceAll(letterV1, "LetterReady", "LetterSent"), `,"confluent:tags":["PII"]`, "")
	pages := [][]string{
		stepOne,
		{"contacts.productOwner", "Olive Owner", "contacts.technicalContact", "Pat Producer", "event.sourceSystems.0.systemName", "Mail Service", "system.vasi", "3325", "system.emass", "2350", "system.ato", "active", "system.atoExpires", "2099-01-01", "system.fisma", "Moderate"},
		{"privacy.dataClasses", "none"},
		{"network.location", "vaec-aws"},
		{"event.perDay", "250,000", "event.peakPerSecond", "40", "event.averageBytes", "600", "event.maxBytes", "4096", "topic.ordering", "per key", "topic.keyField", "participantId", "topic.partitions", "6", "topic.retentionDays", "7"},
		{"schema.value", schema, "schema.sample", `{"participantId":"made-up","letterType":"decision","availableAt":0}`},
		{"access.development.role", "letters-dev", "access.development.trustedBy", "arn:aws-us-gov:iam::123456789012:role/svc-dev", "access.staging.role", "letters-staging", "access.staging.trustedBy", "arn:aws-us-gov:iam::123456789012:role/svc-staging", "access.production.role", "letters", "access.production.trustedBy", "arn:aws-us-gov:iam::123456789012:role/svc"},
		{"agreements.working.by", "Olive Owner", "agreements.working.date", "2026-11-01", "agreements.working.document", "WA-1", "agreements.dataSharing.by", "Olive Owner", "agreements.dataSharing.date", "2026-11-01", "agreements.dataSharing.document", "DSA-1"},
	}
	for i, answers := range pages {
		next := at + "/edit?step=" + string(rune('2'+i))
		if i == len(pages)-1 {
			next = at
		}
		w.goesTo(w.fill("pat", at+"/edit?step="+string(rune('1'+i)), withAnswers(answers, "do", "next")...), next)
	}
}

// passGates lets whoever may set the gates that block production.
func (w *world) passGates(at string) {
	w.t.Helper()
	r := w.must(w.store.Request(context.Background(), strings.TrimPrefix(at, "/requests/")))
	for _, g := range r.Gates {
		if g.Holds("production", "2026-12-01") {
			continue
		}
		done := false
		for _, by := range []string{"bill", "prim", "sam"} {
			response := w.fill(by, at+"/gate", "kind", string(g.Kind), "state", "passed", "evidence", "doc-1", "reason", "seen")
			done = done || response.StatusCode == http.StatusSeeOther
		}
		if !done {
			w.t.Errorf("nobody could set the gate %s", g.Kind)
		}
	}
}

// TestStepFaults: what is wrong on a page stands on top of it, linked to its
// field; it is saved all the same, and one may go on.
func TestStepFaults(t *testing.T) {
	w := emptyWorld(t)
	edit := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims").Header.Get("Location")
	response := w.fill("pat", edit+"?step=1", "event.title", "Letter Sent", "event.name", "Not A Slug", "do", "next")
	page := body(t, response)
	if response.StatusCode != http.StatusUnprocessableEntity {
		t.Fatalf("status %d", response.StatusCode)
	}
	for _, want := range []string{`href="#f-event-name"`, `id="f-event-name-error"`, `aria-invalid="true"`, `value="Not A Slug"`, "<title>Error: ", "Continue anyway"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	w.goesTo(w.fill("pat", edit+"?step=1", "event.title", "Letter Sent", "event.name", "Not A Slug", "do", "skip"), edit+"?step=2")
	if page := body(t, w.get("pat", edit+"?step=1")); !strings.Contains(page, `value="Not A Slug"`) {
		t.Error("what was typed is lost")
	}
	response = w.fill("pat", edit+"?step=5", "event.perDay", "many", "do", "next")
	if page := body(t, response); response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "is not a whole number") {
		t.Errorf("status %d: %s", response.StatusCode, problems(page))
	}
}

// TestAutosave: a change is kept without a button; an editor who was overtaken
// is told and overwrites nothing.
func TestAutosave(t *testing.T) {
	w := emptyWorld(t)
	edit := w.fill("pat", "/requests/new", "kind", "producer", "team", "claims").Header.Get("Location")
	version := func(page string) string {
		m := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page)
		if m == nil {
			t.Fatal("the page carries no version")
		}
		return m[1]
	}
	before := version(body(t, w.get("pat", edit)))
	response := w.fill("pat", edit+"?step=4", "version", before, "network.location", "outside-aws")
	page := body(t, response)
	if response.StatusCode != http.StatusOK || !strings.Contains(page, "ESECC needed") || !strings.Contains(page, "9198") || version(page) == before {
		t.Fatalf("status %d: %s", response.StatusCode, problems(page))
	}
	response = w.fill("olive", edit+"?step=4", "version", before, "network.location", "vaec-aws")
	if page := body(t, response); response.StatusCode != http.StatusConflict || !strings.Contains(page, "Not saved.") {
		t.Errorf("an overtaken editor gets %d", response.StatusCode)
	}
	if page := body(t, w.get("pat", edit+"?step=4")); !strings.Contains(page, "ESECC needed") {
		t.Error("the overtaken editor overwrote the answer")
	}
}

// TestNothingAskedTwice: a second request of a team begins with what the first
// one said of people, system and network.
func TestNothingAskedTwice(t *testing.T) {
	w := fullWorld(t)
	edit := w.fill("pat", "/requests/new", "kind", "consumer", "team", "claims", "event", "appointment-status").Header.Get("Location")
	r := w.must(w.store.Request(context.Background(), strings.TrimSuffix(strings.TrimPrefix(edit, "/requests/"), "/edit")))
	d := questions.DocumentOf(r.Content)
	for path, want := range map[string]string{"event": "appointment-status", "contacts.productOwner": "Olive Owner", "system.vasi": "3325", "network.location": "vaec-aws"} {
		if got := questions.Shown(d.Get(path)); got != want {
			t.Errorf("%s = %q, want %q", path, got, want)
		}
	}
}

// TestRefusedActs: who may not is told why, and nothing changes.
func TestRefusedActs(t *testing.T) {
	w := fullWorld(t)
	at := "/requests/" + w.requestID("payment-issued")
	for _, tt := range []struct {
		name, as, path string
		form           []string
		status         int
	}{
		{"approve one's own", "pat", "/decide", []string{"stage", "bus", "decision", "approve"}, http.StatusForbidden},
		{"a stage of another role", "casey", "/decide", []string{"stage", "bus", "decision", "approve"}, http.StatusNotFound},
		{"decline without a reason", "bill", "/decide", []string{"stage", "bus", "decision", "reject"}, http.StatusUnprocessableEntity},
		{"an unknown decision", "bill", "/decide", []string{"stage", "bus", "decision", "perhaps"}, http.StatusUnprocessableEntity},
		{"promote too early", "pat", "/promote", []string{"environment", "production"}, http.StatusConflict},
		{"withdraw another's", "bill", "/withdraw", []string{"reason", "no"}, http.StatusForbidden},
		{"an empty comment", "pat", "/comment", []string{"text", "  "}, http.StatusUnprocessableEntity},
		{"an act that is none", "pat", "/explode", nil, http.StatusNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, _ := json.Marshal(w.must(w.store.Request(context.Background(), strings.TrimPrefix(at, "/requests/"))))
			response := w.fill(tt.as, at+tt.path, tt.form...)
			page := body(t, response)
			if response.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", response.StatusCode, tt.status, problems(page))
			}
			if tt.status != http.StatusNotFound && !strings.Contains(page, "Nothing was changed") {
				t.Error("the page does not say that nothing was changed")
			}
			after, _ := json.Marshal(w.must(w.store.Request(context.Background(), strings.TrimPrefix(at, "/requests/"))))
			if string(before) != string(after) {
				t.Error("the request changed")
			}
		})
	}
}

// TestYAML: what the portal writes is what the command line takes.
func TestYAML(t *testing.T) {
	w := fullWorld(t)
	text := body(t, w.get("pat", "/requests/"+w.requestID("payment-issued")+"/yaml"))
	response := w.fill("pat", "/requests/new", "yaml", text)
	if response.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d: %s", response.StatusCode, problems(body(t, response)))
	}
	response = w.fill("pat", "/requests/new", "yaml", "kind: Nothing\n")
	if page := body(t, response); response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "pasted:") {
		t.Errorf("a wrong document gets %d: %s", response.StatusCode, problems(page))
	}
}

// TestTokens: a secret is shown once, and a revoked token says so.
func TestTokens(t *testing.T) {
	w := emptyWorld(t)
	response := w.fill("pat", "/settings/tokens", "name", "build", "scope", "read", "days", "30")
	secret := regexp.MustCompile(`ebt_[A-Za-z0-9_-]+`).FindString(body(t, response))
	if response.StatusCode != http.StatusOK || secret == "" {
		t.Fatalf("status %d, no secret", response.StatusCode)
	}
	page := body(t, w.get("pat", "/settings"))
	if strings.Contains(page, secret) {
		t.Error("the secret is shown again")
	}
	revoke := regexp.MustCompile(`action="(/settings/tokens/[^"]+/revoke)"`).FindStringSubmatch(page)
	if revoke == nil {
		t.Fatal("no way to revoke it")
	}
	if got := w.fill("casey", revoke[1]).StatusCode; got != http.StatusNotFound {
		t.Errorf("somebody else gets %d", got)
	}
	w.goesTo(w.fill("pat", revoke[1]), "/settings#tokens")
	if !strings.Contains(body(t, w.get("pat", "/settings")), "Revoked") {
		t.Error("the page does not say that it is revoked")
	}
	if got := w.fill("pat", "/settings/tokens", "name", "", "days", "30").StatusCode; got != http.StatusUnprocessableEntity {
		t.Errorf("a token without name and scope gets %d", got)
	}
}

// TestInbox: what is read stays read.
func TestInbox(t *testing.T) {
	w := fullWorld(t)
	if !strings.Contains(body(t, w.get("bill", "/inbox")), "Mark all as read") {
		t.Fatal("nothing is unread")
	}
	w.goesTo(w.fill("bill", "/inbox"), "/inbox")
	if strings.Contains(body(t, w.get("bill", "/inbox")), "Mark all as read") {
		t.Error("something is unread still")
	}
}

// TestSignIn: an identity provider that does not answer is told with a way on.
func TestSignIn(t *testing.T) {
	w := emptyWorld(t)
	response := w.get("", "/login?as=pat&to=%2Fcatalog")
	page := body(t, response)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page, "as=olive") {
		t.Errorf("status %d: %s", response.StatusCode, problems(page))
	}
	if response := w.get("", "/login/callback?code=x&state=y"); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a made-up answer gets %d", response.StatusCode)
	}
	w.goesTo(w.fill("pat", "/logout"), "/login")
	w.goesTo(w.get("pat", "/requests"), "/login?to=%2Frequests")
}

// TestMessages: records are shown to those who may, masked, with a reason, and
// every look is in the audit record.
func TestMessages(t *testing.T) {
	w := fullWorld(t)
	w.letter("dev_letter-ready", "participant-4711")
	at := "/catalog/letter-ready/messages"
	if page := body(t, w.get("pat", at)); !strings.Contains(page, "Show records") || strings.Contains(page, "decision&#34;") {
		t.Error("opening the page shows records, or does not offer them")
	}
	response := w.fill("pat", at, "in", "development")
	if page := body(t, response); response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "Nothing is shown") {
		t.Errorf("without a reason: status %d: %s", response.StatusCode, problems(page))
	}
	response = w.fill("pat", at, "in", "development", "reason", "a test of masking", "start", "earliest")
	page := body(t, response)
	if response.StatusCode != http.StatusOK || !strings.Contains(page, "decision") || !strings.Contains(page, "masked: participantId") {
		t.Errorf("status %d: %s %.300s", response.StatusCode, problems(page), page[strings.Index(page, "<main"):])
	}
	if strings.Contains(page, "4711") {
		t.Error("personal data is on the page")
	}
	entries, err := w.store.AuditEntries(context.Background(), eventbus.AuditQuery{Actor: "pat", NewestFirst: true, Limit: 5})
	w.ok(err)
	if len(entries) == 0 || !strings.Contains(entries[0].Action, "record") {
		t.Errorf("the look is not in the audit record: %+v", entries)
	}
	for _, as := range []string{"bill", "opal", "casey"} {
		page := body(t, w.fill(as, at, "in", "development", "reason", "curiosity", "start", "earliest"))
		if !strings.Contains(page, "You may not see these records") || strings.Contains(page, "decision&#34;") {
			t.Errorf("%s sees records", as)
		}
	}
	if response := w.fill("pat", at, "reason", "x", "start", "offset", "at", "minus one"); response.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a wrong offset gets %d", response.StatusCode)
	}
}

// TestSnippets: every language has code for both directions, filled in.
func TestSnippets(t *testing.T) {
	c := connection{Topic: "prod_x", Group: "team-group", Environment: "production", example: samples.Exemplar(letterV2),
		access: samples.Access{Bootstrap: "b:9098", SecurityProtocol: "SASL_SSL", RegistryURL: "https://r", RoleARN: "arn:aws-us-gov:iam::123456789012:role/r", Region: "us-gov-west-1"}}
	for _, l := range languages(c) {
		for _, produces := range []bool{false, true} {
			c.Produces = produces
			blocks, _, err := snippets(l.Name, c)
			if err != nil {
				t.Errorf("%s: %v", l.Name, err)
			}
			all := ""
			for _, b := range blocks {
				all += b.Code
			}
			if !strings.Contains(all, "prod_x") || strings.Contains(all, "<no value>") {
				t.Errorf("%s, produces %t: the code is not filled in", l.Name, produces)
			}
		}
	}
}

// TestStarsAndExport: a star is kept in the browser and narrows the list; what
// the list shows comes as a file that no spreadsheet takes for formulas.
func TestStarsAndExport(t *testing.T) {
	w := fullWorld(t)
	response := w.fill("casey", "/catalog/appointment-status/star", "star", "yes")
	w.goesTo(response, "/catalog/appointment-status")
	star := response.Header.Get("Set-Cookie")
	page := body(t, w.do("casey", http.MethodGet, "/catalog?personal=starred", "", http.Header{"Cookie": {strings.SplitN(star, ";", 2)[0], w.portal.parts.Sessions.SessionCookieName() + "=" + sessionOf("casey")}}))
	if !strings.Contains(page, "Appointment Status") || strings.Contains(page, "Facility Status") {
		t.Error("the starred event is not the only one")
	}
	if got := w.fill("casey", "/catalog/none/star", "star", "yes").StatusCode; got != http.StatusNotFound {
		t.Errorf("a star on nothing gets %d", got)
	}
	_, err := w.store.SaveEvent(t.Context(), eventbus.Event{Name: "formula", Title: `=HYPERLINK("//evil.example")`, Type: "event", Lifecycle: eventbus.LifecycleProduction, Owner: "claims"})
	w.ok(err)
	w.ok(w.catalog.Refresh(t.Context()))
	sheet := body(t, w.get("casey", "/catalog?team=claims&format=csv"))
	if !strings.Contains(sheet, `'=HYPERLINK`) || strings.Contains(sheet, "appointment-status") || !strings.Contains(sheet, "dev_letter-ready") {
		t.Errorf("the file is %s", sheet)
	}
}

// oneKey is a key that waits for its contact.
type oneKey struct{ taken bool }

func (k *oneKey) Collect(_ context.Context, by eventbus.Actor, user string) (string, string, error) {
	if k.taken || by.Person.ID != "pat" || user != "letters-outside" {
		return "", "", &eventbus.Error{Code: eventbus.CodeNotFound, Message: "no new key waits for you", Next: "ask an operator"}
	}
	k.taken = true
	return "AKIAEXAMPLE", "the-very-secret", nil
}

// TestCollectKey: opening the page shows nothing; the contact's button does, once.
func TestCollectKey(t *testing.T) {
	w := emptyWorld(t)
	w.portal.parts.Keys = &oneKey{}
	if page := body(t, w.get("pat", "/keys/letters-outside")); strings.Contains(page, "very-secret") {
		t.Error("opening the page shows the secret")
	}
	if response := w.fill("casey", "/keys/letters-outside"); response.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else gets %d", response.StatusCode)
	}
	response := w.fill("pat", "/keys/letters-outside")
	if page := body(t, response); response.StatusCode != http.StatusOK || !strings.Contains(page, "the-very-secret") || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the contact gets %d: %s", response.StatusCode, problems(page))
	}
	if response := w.fill("pat", "/keys/letters-outside"); response.StatusCode != http.StatusNotFound || strings.Contains(body(t, response), "very-secret") {
		t.Errorf("the second time is answered %d", response.StatusCode)
	}
}

// TestRequestPages: what is over comes a page at a time.
func TestRequestPages(t *testing.T) {
	w := emptyWorld(t)
	for i := range 60 {
		w.advance(time.Minute)
		_, err := w.store.SaveRequest(t.Context(), eventbus.Request{ID: fmt.Sprintf("req-%03d", i), Kind: eventbus.ConsumerRequest, Title: fmt.Sprintf("Consume %03d", i), Team: "claims", State: eventbus.RequestWithdrawn,
			Submitter: "pat", Content: json.RawMessage(`{}`), CreatedAt: w.clock(), UpdatedAt: w.clock()}, nil, nil)
		w.ok(err)
	}
	page := body(t, w.get("pat", "/requests"))
	older := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(page)
	if older == nil || !strings.Contains(page, "Consume 059") || strings.Contains(page, "Consume 009") {
		t.Fatalf("the first page does not hold the newest 50: %v", older)
	}
	page = body(t, w.get("pat", strings.ReplaceAll(older[1], "&amp;", "&")))
	if !strings.Contains(page, "Consume 009") || !strings.Contains(page, "Consume 000") || strings.Contains(page, "Consume 010") {
		t.Error("the second page does not hold the rest")
	}
}
