package apiserver

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
)

// TestRequestJourney: submit, ask for changes, submit again, approvals by
// different people; each step through the API as its own person.
func TestRequestJourney(t *testing.T) {
	w := newWorld(t)
	producer := example(t, "requests/producer.yaml")
	made := w.must(201, "member", "POST", "/api/v1/requests", producer, "Content-Type: application/yaml")
	var r eventbus.Request
	made.into(t, &r)
	if r.State != eventbus.RequestSubmitted || r.Submitter != "mia" || made.header.Get("Location") != "/api/v1/requests/"+r.ID {
		t.Fatalf("request = %s by %s at %q", r.State, r.Submitter, made.header.Get("Location"))
	}
	at := "/api/v1/requests/" + r.ID
	decide := func(stage, decision, reason string) string {
		return fmt.Sprintf(`{"stage":%q,"decision":%q,"reason":%q}`, stage, decision, reason)
	}

	w.must(403, "member", "POST", at+"/decisions", decide("owner", "approve", ""))
	w.must(200, "bus-reviewer", "POST", at+"/decisions", decide("bus", "ask-changes", "Say how large a record is."))
	w.must(422, "member", "PUT", at+"?submit=true", strings.Replace(producer, "partitions:", "partitons:", 1))
	w.must(200, "member", "PUT", at+"?submit=true", strings.Replace(producer, "A decision letter can be downloaded.", "A letter can be downloaded.", 1))
	w.must(200, "member", "POST", at+"/comments", `{"text":"Done.","path":"event.maxBytes"}`)
	w.must(200, "bus-reviewer", "POST", at+"/decisions", decide("bus", "approve", ""))
	w.must(409, "bus-reviewer", "POST", at+"/decisions", decide("bus", "approve", ""))
	w.must(200, "owner", "POST", at+"/decisions", decide("owner", "approve", ""))
	if got := w.call("privacy-reviewer", "PUT", at+"/gates/PTA", `{"state":"passed","evidence":"PTA-7","expires":"2027-06-30"}`); got.status >= 500 {
		t.Errorf("gate = %d %s", got.status, got.text)
	}
	var view onboarding.View
	w.must(200, "auditor", "GET", at, "").into(t, &view)
	if len(view.Request.Comments) == 0 || len(view.Request.Approvals) < 3 {
		t.Errorf("view: %d comments, %d approvals", len(view.Request.Comments), len(view.Request.Approvals))
	}
	var list requestList
	w.must(200, "bus-reviewer", "GET", "/api/v1/requests?event=letter-ready&open=true", "").into(t, &list)
	if len(list.Requests) != 1 || list.Requests[0].ID != r.ID {
		t.Errorf("list = %v", list)
	}
	var inbox notificationList
	w.must(200, "bus-reviewer", "GET", "/api/v1/inbox", "").into(t, &inbox)
	if len(inbox.Notifications) == 0 {
		t.Error("the reviewer was not told")
	} else {
		w.must(204, "bus-reviewer", "POST", "/api/v1/inbox/"+inbox.Notifications[0].ID+"/read", "")
	}
	w.must(404, "member", "GET", "/api/v1/requests/req-none", "")
}

// TestRequestFaults: every fault at once, with line, column and fix, and nothing
// is saved.
func TestRequestFaults(t *testing.T) {
	w := newWorld(t)
	text := strings.NewReplacer("dataClasses: [", "dataClasses: [secret, ", "domain: claims", "domain: Claims!").Replace(example(t, "requests/producer.yaml"))
	var p Problem
	w.must(422, "member", "POST", "/api/v1/requests", text).into(t, &p)
	if len(p.Errors) < 2 || p.Code != eventbus.CodeInvalid {
		t.Fatalf("problem = %+v, want two faults", p)
	}
	for _, fault := range p.Errors {
		if fault.Line == 0 || fault.Column == 0 || fault.Message == "" {
			t.Errorf("fault = %+v, want its place", fault)
		}
	}
	var list requestList
	w.must(200, "member", "GET", "/api/v1/requests", "").into(t, &list)
	if len(list.Requests) != 0 {
		t.Errorf("%d requests were saved", len(list.Requests))
	}
	var check requestCheck
	w.must(200, "member", "POST", "/api/v1/requests/check", text).into(t, &check)
	if len(check.Faults) != len(p.Errors) {
		t.Errorf("check finds %d faults, submit %d", len(check.Faults), len(p.Errors))
	}
	w.must(422, "member", "POST", "/api/v1/requests", "kind: [")
	w.must(422, "member", "POST", "/api/v1/requests", "a: 1\n---\nb: 2\n")
	w.must(413, "member", "POST", "/api/v1/requests", strings.Repeat("x", maxBody+1))
}

// TestDrafts: a draft needs little, is its team's own, and JSON is as good as YAML.
func TestDrafts(t *testing.T) {
	w := newWorld(t)
	var r eventbus.Request
	w.must(201, "member", "POST", "/api/v1/requests?draft=true",
		`{"apiVersion":"eventbus/v1","kind":"ProducerRequest","team":"claims"}`, "Content-Type: application/json").into(t, &r)
	if r.State != eventbus.RequestDraft {
		t.Fatalf("state = %s", r.State)
	}
	at := "/api/v1/requests/" + r.ID
	w.must(404, "bus-reviewer", "GET", at, "")
	w.must(422, "member", "POST", at+"/submit", "")
	w.must(409, "member", "PUT", at+"?version=99", example(t, "requests/producer.yaml"))
	w.must(200, "member", "PUT", at, example(t, "requests/producer.yaml"))
	w.must(200, "member", "POST", at+"/submit", "")
	w.must(200, "member", "POST", at+"/withdraw", `{"reason":"not needed"}`)
	w.must(403, "auditor", "POST", "/api/v1/requests?draft=true", "apiVersion: eventbus/v1\nkind: ProducerRequest\nteam: claims\n")
}

// TestIdempotency: a repeated POST makes one request and hears the same.
func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	const key, path = "Idempotency-Key: 7f3a", "/api/v1/requests?draft=true"
	draft := "apiVersion: eventbus/v1\nkind: ProducerRequest\nteam: claims\n"
	first := w.must(201, "member", "POST", path, draft, key)
	second := w.must(201, "member", "POST", path, draft, key)
	if first.text != second.text || second.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the second answer differs:\n%s\n%s", first.text, second.text)
	}
	w.must(422, "member", "POST", path, draft+"notes: other\n", key)
	other := w.must(201, "owner", "POST", path, draft, key)
	if other.text == first.text {
		t.Error("another person's key gave the same request")
	}
	w.must(422, "member", "POST", path, "kind: x\n", "Idempotency-Key: failed")
	w.must(201, "member", "POST", path, draft, "Idempotency-Key: failed")
	w.must(422, "member", "POST", path, draft, "Idempotency-Key: "+strings.Repeat("k", 201))

	var list requestList
	w.must(200, "member", "GET", "/api/v1/requests", "").into(t, &list)
	if len(list.Requests) != 3 {
		t.Errorf("%d requests, want 3", len(list.Requests))
	}
}

// TestIdempotencyAtOnce: many equal calls at the same moment make one request.
func TestIdempotencyAtOnce(t *testing.T) {
	w := newWorld(t)
	answers := make(chan answered)
	for range 8 {
		go func() {
			answers <- w.call("member", "POST", "/api/v1/requests?draft=true", "apiVersion: eventbus/v1\nkind: ProducerRequest\nteam: claims\n", "Idempotency-Key: once")
		}()
	}
	var texts []string
	for range 8 {
		if got := <-answers; got.status == http.StatusCreated {
			texts = append(texts, got.text)
		} else {
			t.Errorf("answer = %d %s", got.status, got.text)
		}
	}
	if slices.Sort(texts); len(slices.Compact(texts)) != 1 {
		t.Errorf("%d different answers", len(slices.Compact(texts)))
	}
}

// TestIdempotencyOutlivesTheProcess: after a restart, and on another instance, a
// repeated call hears what the first was answered.
func TestIdempotencyOutlivesTheProcess(t *testing.T) {
	w := newWorld(t)
	const key, path, draft = "Idempotency-Key: 7f3a", "/api/v1/requests?draft=true", "apiVersion: eventbus/v1\nkind: ProducerRequest\nteam: claims\n"
	first := w.must(201, "member", "POST", path, draft, key)
	w.must(201, "operator", "POST", "/api/v1/iam/users", `{"name":"letters"}`)
	secret := w.must(201, "operator", "POST", "/api/v1/iam/users/letters/keys", "", key)

	w.api = New("test", w.api.parts)
	w.server.Config.Handler = w.api.Handler()
	again := w.must(201, "member", "POST", path, draft, key)
	if again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("after the restart:\n%s %v\nbefore:\n%s", again.text, again.header, first.text)
	}
	refused := w.must(409, "operator", "POST", "/api/v1/iam/users/letters/keys", "", key)
	var made newKey
	secret.into(t, &made)
	if strings.Contains(refused.text, made.Secret) || !strings.Contains(refused.text, "once only") {
		t.Errorf("refusal = %s", refused.text)
	}
}

// TestIdempotencyOfACallThatWasCutOff: nobody can tell what a call did whose
// process ended before it answered, so it is not made again.
func TestIdempotencyOfACallThatWasCutOff(t *testing.T) {
	w := newWorld(t)
	const path = "/api/v1/requests?draft=true"
	call := eventbus.IdempotentCall{Key: hashed("mia\x00" + path + "\x00cut"), Body: hashed("{}"), At: time.Now()}
	if _, first, err := w.store.ClaimCall(t.Context(), call, time.Time{}); err != nil || !first {
		t.Fatal(first, err)
	}
	got := w.must(409, "member", "POST", path, "{}", "Idempotency-Key: cut")
	if !strings.Contains(got.text, "new key") {
		t.Errorf("refusal = %s", got.text)
	}
}

// TestIdempotencyKeyFaults: a key that cannot be kept is refused before anything
// is done.
func TestIdempotencyKeyFaults(t *testing.T) {
	w := newWorld(t)
	const draft = "apiVersion: eventbus/v1\nkind: ProducerRequest\nteam: claims\n"
	w.must(422, "member", "POST", "/api/v1/requests?draft=true", draft, "Idempotency-Key: ")
	without := newWorld(t, func(p *Parts) { p.Calls = nil })
	got := without.must(422, "member", "POST", "/api/v1/requests?draft=true", draft, "Idempotency-Key: k")
	if !strings.Contains(got.text, "cannot be remembered") {
		t.Errorf("refusal = %s", got.text)
	}
	for _, each := range []*world{w, without} {
		var list requestList
		each.must(200, "member", "GET", "/api/v1/requests", "").into(t, &list)
		if len(list.Requests) != 0 {
			t.Errorf("%d requests", len(list.Requests))
		}
	}
	broken := newWorld(t)
	if err := broken.store.Close(); err != nil {
		t.Fatal(err)
	}
	broken.must(503, "member", "POST", "/api/v1/requests?draft=true", draft, "Idempotency-Key: k")
}

// TestDecideOnWhatWasRead: a decision may name the content that its reviewer
// read, and is refused when that was edited since.
func TestDecideOnWhatWasRead(t *testing.T) {
	w := newWorld(t)
	producer := example(t, "requests/producer.yaml")
	var read eventbus.Request
	w.must(201, "member", "POST", "/api/v1/requests", producer).into(t, &read)
	at := "/api/v1/requests/" + read.ID
	w.must(200, "member", "PUT", at+"?submit=true", strings.Replace(producer, "A decision letter can be downloaded.", "A letter can be downloaded.", 1))
	decide := `{"stage":"bus","decision":"approve","contentHash":"` + read.ContentHash + `"}`
	var p Problem
	w.must(409, "bus-reviewer", "POST", at+"/decisions", decide).into(t, &p)
	if p.Code != eventbus.CodeConflict || !strings.Contains(p.Detail, "edited since") || p.Next == "" {
		t.Errorf("problem %+v", p)
	}
	var view onboarding.View
	w.must(200, "bus-reviewer", "GET", at, "").into(t, &view)
	if len(view.Request.Approvals) != 0 || view.Request.ContentHash == read.ContentHash {
		t.Fatalf("approvals %+v", view.Request.Approvals)
	}
	w.must(200, "bus-reviewer", "POST", at+"/decisions", strings.Replace(decide, read.ContentHash, view.Request.ContentHash, 1))
	w.must(422, "owner", "POST", at+"/decisions", `{"stage":"owner","decision":"approve","contentHash":"`+strings.Repeat("a", 65)+`"}`)
}

// TestPagesOfRequests: every request is on exactly one page, and a page has its
// bounds.
func TestPagesOfRequests(t *testing.T) {
	w := newWorld(t)
	made := map[string]bool{}
	for range 7 {
		var r eventbus.Request
		w.must(201, "member", "POST", "/api/v1/requests?draft=true", "apiVersion: eventbus/v1\nkind: ProducerRequest\nteam: claims\n").into(t, &r)
		made[r.ID] = true
	}
	after := ""
	for pages := 0; len(made) > 0; pages++ {
		if pages > 7 {
			t.Fatalf("%v are on no page", made)
		}
		var list requestList
		w.must(200, "member", "GET", "/api/v1/requests?limit=3"+after, "").into(t, &list)
		if len(list.Requests) == 0 || len(list.Requests) > 3 {
			t.Fatalf("a page of %d, %d are left", len(list.Requests), len(made))
		}
		for _, r := range list.Requests {
			if !made[r.ID] {
				t.Errorf("%s is on two pages", r.ID)
			}
			delete(made, r.ID)
			after = "&before=" + r.CreatedAt.Format(time.RFC3339Nano) + "&beforeId=" + r.ID
		}
	}
	for _, limit := range []string{"0", "-1", "1001", "x", "1e3", "9999999999999999999999"} {
		w.must(422, "member", "GET", "/api/v1/requests?limit="+limit, "")
	}
	for _, path := range []string{"/api/v1/catalog?page=0", "/api/v1/catalog?pageSize=201", "/api/v1/catalog?page=100001", "/api/v1/audit?limit=1001", "/api/v1/inbox?limit=0"} {
		w.must(422, "administrator", "GET", path, "")
	}
	w.must(200, "administrator", "GET", "/api/v1/catalog?page=100000&pageSize=200", "") // beyond the end: an empty page
}

// TestLimitsOfEveryBody: what is larger than a route takes is refused with 413,
// by every route that takes a body, and as a problem document.
func TestLimitsOfEveryBody(t *testing.T) {
	w := newWorld(t)
	large := `{"name":"` + strings.Repeat("a", maxBody) + `"}`
	for _, r := range w.routes() {
		item := w.api.huma.OpenAPI().Paths[r.path]
		operation := map[string]*huma.Operation{"POST": item.Post, "PUT": item.Put}[r.method]
		if operation == nil || operation.RequestBody == nil || operation.MaxBodyBytes != maxBody {
			continue
		}
		path := strings.NewReplacer("{id}", "none", "{name}", "none", "{kind}", "users", "{policy}", "none", "{topic}", "none").Replace(r.path)
		got := w.call("administrator", r.method, path, large)
		var p Problem
		got.into(t, &p)
		if got.status != http.StatusRequestEntityTooLarge || p.Code != eventbus.CodeTooLarge {
			t.Errorf("%s = %d %.200s", r.id, got.status, got.text)
		}
	}
	for _, r := range w.routes() {
		item := w.api.huma.OpenAPI().Paths[r.path]
		for _, operation := range []*huma.Operation{item.Post, item.Put} {
			if operation != nil && operation.OperationID == r.id && operation.MaxBodyBytes <= 0 {
				t.Errorf("%s takes bodies without a limit", r.id)
			}
		}
	}
}
