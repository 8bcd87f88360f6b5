package apiserver

import (
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

const entity = "apiVersion: backstage.io/v1alpha1\nkind: Event\nmetadata: {name: letter-ready}\nspec: {type: event, lifecycle: development, domain: claims, owner: claims}\n"

// TestPutEvent: exactly the named event is written, by its team, over the
// version that was read.
func TestPutEvent(t *testing.T) {
	w := newWorld(t)
	const at = "/api/v1/events/letter-ready"
	for name, c := range map[string]struct {
		status int
		who    string
		path   string
		text   string
		says   string
	}{
		"not signed in":        {401, "", at, entity, "signed in"},
		"another team":         {403, "auditor", at, entity, "claims"},
		"another name":         {422, "member", "/api/v1/events/other", entity, "metadata.name"},
		"two events":           {422, "member", at, entity + "---\n" + entity, "metadata.name"},
		"an event and more":    {422, "member", at, entity + "---\napiVersion: v1\nkind: System\nmetadata: {name: x}\nspec: {owner: claims}\n", "metadata.name"},
		"no event":             {422, "member", at, "kind: Group\n", "metadata.name"},
		"nothing":              {422, "member", at, "# nothing\n", "no entity"},
		"not YAML":             {422, "member", at, "a: [", "indentation"},
		"an unknown lifecycle": {422, "member", at, strings.Replace(entity, "development", "beta", 1), "write experimental"},
		"a version of text":    {422, "member", at + "?version=x", entity, "version"},
		"a version nobody has": {409, "member", at + "?version=7", entity, "read it again"},
		"too large":            {413, "member", at, "# " + strings.Repeat("x", maxBody), ""},
	} {
		if got := w.must(c.status, c.who, "PUT", c.path, c.text); !strings.Contains(got.text, c.says) {
			t.Errorf("%s = %s, want %q", name, got.text, c.says)
		}
	}
	w.must(404, "member", "GET", at, "")

	var saved eventbus.Event
	w.must(200, "member", "PUT", at, entity).into(t, &saved)
	if saved.Version != 1 || saved.Source != "api" || saved.Owner != "claims" {
		t.Errorf("saved = %+v", saved)
	}
	w.must(200, "member", "PUT", at+"?version=1", strings.Replace(entity, "domain: claims", "domain: letters", 1))
	w.must(409, "member", "PUT", at+"?version=1", entity) // somebody wrote meanwhile
	w.must(403, "member", "PUT", at, strings.Replace(entity, "owner: claims", "owner: health", 1))
}

// TestImportFaults: every fault of every document is told with its place, what
// is right comes in, and an event keeps its last good content.
func TestImportFaults(t *testing.T) {
	w := newWorld(t)
	bad := strings.NewReplacer("letter-ready", "letter-bad", "development", "beta", "domain: claims", "domain: ''").Replace(entity)
	var imported catalog.Imported
	w.must(200, "member", "POST", "/api/v1/events/import?source=repo", entity+"---\n"+bad).into(t, &imported)
	if len(imported.Events) != 1 || len(imported.Faults) != 2 {
		t.Fatalf("imported = %+v, want one event and two faults", imported)
	}
	for _, fault := range imported.Faults {
		if fault.Line < 5 || fault.Column == 0 || fault.Fix == "" {
			t.Errorf("fault = %+v, want its place and what to write", fault)
		}
	}
	w.must(200, "member", "POST", "/api/v1/events/import?source=repo", strings.Replace(entity, "development", "beta", 1)+"---\n"+strings.Replace(entity, "letter-ready", "letter-new", 1))
	var event eventbus.Event
	w.must(200, "member", "GET", "/api/v1/events/letter-ready", "").into(t, &event)
	if event.Lifecycle != eventbus.LifecycleDevelopment || len(event.Problems) != 1 {
		t.Errorf("event = %+v, want its good content and the problem", event)
	}
	w.must(400, "member", "POST", "/api/v1/events/import", "")
	w.must(413, "member", "POST", "/api/v1/events/import", "# "+strings.Repeat("x", maxDocument))
	w.must(403, "auditor", "POST", "/api/v1/events/import", entity)
}

// TestWithoutADatabase: whatever is asked, the answer is a 5xx that says so and
// names nothing of the inside.
func TestWithoutADatabase(t *testing.T) {
	w := newWorld(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/events", "/catalog", "/systems", "/grants", "/requests", "/inbox", "/audit", "/usage/test", "/plans", "/tokens"} {
		got := w.call("administrator", "GET", "/api/v1"+path, "")
		if got.status != 503 && got.status != 500 || strings.Contains(got.text, "sql") {
			t.Errorf("%s = %d %s", path, got.status, got.text)
		}
	}
}
