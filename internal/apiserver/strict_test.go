package apiserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
)

// TestNothingUnknownIsTaken: every route refuses a query parameter and a field
// that it does not know, so that a slip of the pen is not taken for the default.
func TestNothingUnknownIsTaken(t *testing.T) {
	w := newWorld(t)
	fields := 0
	for _, r := range w.routes() {
		path := strings.NewReplacer("{id}", "none", "{name}", "none", "{kind}", "users", "{policy}", "none", "{topic}", "none").Replace(r.path)
		got := w.call("administrator", r.method, path+"?nobodyKnows=1", "{}")
		if got.status != http.StatusUnprocessableEntity || !strings.Contains(got.text, "nobodyKnows") {
			t.Errorf("%s with a parameter that nobody knows = %d %.200s", r.id, got.status, got.text)
		}
		item := w.api.huma.OpenAPI().Paths[r.path]
		operation := map[string]*huma.Operation{"POST": item.Post, "PUT": item.Put}[r.method]
		if operation == nil || operation.RequestBody == nil || operation.RequestBody.Content["application/yaml"] != nil {
			continue
		}
		fields++
		got = w.call("administrator", r.method, path, `{"nobodyKnows":1}`)
		var p Problem
		got.into(t, &p)
		if got.status != http.StatusUnprocessableEntity || p.Code != eventbus.CodeInvalid || !strings.Contains(got.text, "nobodyKnows") || !strings.Contains(p.Detail, "nothing was done") {
			t.Errorf("%s with a field that nobody knows = %d %.300s", r.id, got.status, got.text)
		}
	}
	if fields < 15 {
		t.Errorf("only %d routes take a body of fields: the test does not look at much", fields)
	}
}

// TestEveryChangeCanBeRepeatedSafely: each POST that changes something takes an
// Idempotency-Key and says so in the document; those that do not are named.
func TestEveryChangeCanBeRepeatedSafely(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.routes() {
		item := w.api.huma.OpenAPI().Paths[r.path]
		if r.method != http.MethodPost {
			continue
		}
		named := false
		for _, p := range item.Post.Parameters {
			named = named || p.Name == "Idempotency-Key" && p.In == "header"
		}
		if named == reads[r.id] {
			t.Errorf("%s: takes a key %v, reads only %v", r.id, named, reads[r.id])
		}
	}
	for id := range reads {
		if _, there := access[id]; !there {
			t.Errorf("%s is no route", id)
		}
	}
	for id := range showsSecret {
		if _, there := access[id]; !there || reads[id] {
			t.Errorf("%s shows a secret and is no route that changes something", id)
		}
	}
}

// TestPutsAreGuardedByAVersion: two people who edit the same thing do not
// overwrite each other.
func TestPutsAreGuardedByAVersion(t *testing.T) {
	w := newWorld(t)
	producer := example(t, "requests/producer.yaml")
	var r eventbus.Request
	w.must(201, "member", "POST", "/api/v1/requests?draft=true", producer).into(t, &r)
	at := "/api/v1/requests/" + r.ID
	other := strings.Replace(producer, "A decision letter can be downloaded.", "A letter can be downloaded.", 1)
	w.must(200, "owner", "PUT", at+"?version=1", other)
	var p Problem
	w.must(409, "member", "PUT", at+"?version=1", producer).into(t, &p)
	if p.Code != eventbus.CodeConflict || !strings.Contains(p.Detail, "nothing was saved") {
		t.Errorf("problem %+v", p)
	}
	w.must(200, "member", "PUT", at+"?version=2", producer)
	w.must(422, "member", "PUT", at+"?version=-1", producer)
	w.must(422, "member", "PUT", at+"?version=", producer)
}
