package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/eventbustest"
)

var orderManifest = map[string]string{
	"order.yaml": "apiVersion: eventbus/v1\nkind: Event\nname: order-placed\ntitle: Order Placed\ndescription: An order was placed.\n" +
		"domain: benefits\nlifecycle: development\nowner: benefits\nschema:\n  file: ready.avsc\ntopics:\n  - environment: development\n    partitions: 2\n",
	"ready.avsc": `{"type":"record","name":"Ready","namespace":"example","fields":[{"name":"id","type":"string"}]}`,
}

// TestApplyIsExact: what is applied is what was looked at, or nothing.
func TestApplyIsExact(t *testing.T) {
	api, ctx := eventbustest.Start(t).API(), t.Context()
	plan, err := api.Plan(ctx, orderManifest)
	if err != nil || len(plan.Changes) == 0 {
		t.Fatalf("plan = %+v, %v", plan, err)
	}
	moved := plan
	moved.WorldHash = strings.Repeat("0", len(plan.WorldHash))
	other := plan
	other.Changes = plan.Changes[1:]
	for name, p := range map[string]struct {
		err  error
		want eventbus.Code
	}{
		"another world":      {api.Apply(ctx, orderManifest, moved, false, false), eventbus.CodeConflict},
		"another difference": {api.Apply(ctx, orderManifest, other, false, false), eventbus.CodeConflict},
		"faulty manifests":   {api.Apply(ctx, map[string]string{"a.yaml": "kind: Event\n"}, plan, false, false), eventbus.CodeInvalid},
	} {
		if eventbus.CodeOf(p.err) != p.want {
			t.Errorf("%s: %v, want %s", name, p.err, p.want)
		}
	}
	if again, err := api.Plan(ctx, orderManifest); err != nil || len(again.Changes) != len(plan.Changes) {
		t.Errorf("something was changed: %+v, %v", again.Changes, err)
	}
	if err := api.Apply(ctx, orderManifest, plan, false, false); err != nil {
		t.Fatal(err)
	}
	if err := api.Apply(ctx, orderManifest, plan, false, false); err != nil {
		t.Errorf("the same plan again: %v", err)
	}
	if again, err := api.Plan(ctx, orderManifest); err != nil || len(again.Changes) > 0 || again.Text != "No changes.\n" {
		t.Errorf("left to do: %+v, %v", again.Changes, err)
	}
}

// TestReadingNeedsNoSignInInDev: the catalog is open on loopback, changes are not.
func TestReadingNeedsNoSignInInDev(t *testing.T) {
	bus := eventbustest.Start(t)
	api, ctx := bus.API(), t.Context()
	api.Token = ""
	for _, path := range []string{"/api/v1/bus", "/api/v1/topics", "/api/v1/events", "/api/v1/catalog?q=test", "/api/v1/environments",
		"/api/openapi.json", "/api/schemas/", "/backstage/catalog-info.yaml", "/backstage/events.yaml"} {
		var text []byte
		if err := api.Get(ctx, path, &text); err != nil || len(text) == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := api.Plan(ctx, orderManifest); eventbus.CodeOf(err) != eventbus.CodeUnauthenticated {
		t.Errorf("plan without sign-in: %v", err)
	}
	api.Token = "ebt_wrong"
	if _, err := api.Bus(ctx); eventbus.CodeOf(err) != eventbus.CodeUnauthenticated {
		t.Errorf("with a wrong token: %v", err)
	}
	api = bus.API()
	for _, path := range []string{"/api/v1/groups", "/api/v1/topics/test/partitions", "/api/v1/topics/test/groups", "/api/v1/drift", "/api/v1/plans",
		"/api/v1/usage", "/api/v1/audit/verify", "/api/v1/inbox", "/api/v1/tokens"} {
		var text []byte
		if err := api.Do(ctx, http.MethodGet, path, nil, &text); err != nil || strings.Contains(string(text), "null") {
			t.Errorf("%s: %v %s", path, err, text)
		}
	}
}

// TestExamplesAreValid: what the examples show may be copied.
func TestExamplesAreValid(t *testing.T) {
	files, err := expand([]string{filepath.Join("..", "..", "examples", "gitops")})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, file := range files {
		result, err := testApp().validate(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		kinds[result.Kind]++
		for _, fault := range result.Faults {
			t.Error(fault)
		}
	}
	for _, kind := range []string{"catalog", "request", "manifest", "Avro schema"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no example of a %s", kind)
		}
	}
}

// TestKindOf: a file says itself what it is.
func TestKindOf(t *testing.T) {
	for text, want := range map[string]string{
		"apiVersion: eventbus/v1\nkind: ConsumerRequest\n":               "request",
		"apiVersion: eventbus/v1\nkind: Grant\n":                         "manifest",
		"apiVersion: backstage.io/v1alpha1\nkind: Event\n":               "catalog",
		"apiVersion: eventbus/v2\nkind: Grant\n":                         "catalog",
		`{"type":"record","name":"A","fields":[]}`:                       "Avro schema",
		`["null","string"]`:                                              "Avro schema",
		"kind: [":                                                        "unreadable",
		"apiVersion: eventbus/v1\nkind: Event\n---\nkind: Environment\n": "manifest",
	} {
		if got, _ := kindOf([]byte(text), "x.yaml"); got != want {
			t.Errorf("kindOf(%q) = %s, want %s", text, got, want)
		}
	}
	if got, _ := kindOf([]byte("{"), "x.avsc"); got != "Avro schema" {
		t.Errorf("kindOf(.avsc) = %s", got)
	}
}

// TestReadManifests: one manifest brings the files that it names, a folder all
// but the hidden ones; nothing is read from outside.
func TestReadManifests(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"order.yaml": orderManifest["order.yaml"], "ready.avsc": "{}", "other.md": "x",
		".git/config": "secret", ".hidden.yaml": "x", "outside.yaml": strings.Replace(orderManifest["order.yaml"], "ready.avsc", "../../etc/passwd", 1)} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"": 4, "order.yaml": 2, "outside.yaml": 1} {
		files, err := testApp().readManifests(filepath.Join(dir, name))
		if err != nil || len(files) != want {
			t.Errorf("%q: %d files, want %d (%v)", name, len(files), want, err)
		}
	}
	if _, err := testApp().readManifests(filepath.Join(dir, "none")); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestDetailedExitCode: with --detailed-exitcode 2 means changes, so that wrong
// usage is 1.
func TestDetailedExitCode(t *testing.T) {
	for line, want := range map[string]int{"plan": exitUsage, "plan --detailed-exitcode": exitFailed, "drift x --detailed-exitcode": exitFailed, "drift x": exitUsage} {
		var out strings.Builder
		code := run(context.Background(), strings.Fields(line), stdio{in: strings.NewReader(""), out: &out, err: &out}, func(string) string { return "" })
		if code != want {
			t.Errorf("%q = %d, want %d: %s", line, code, want, out.String())
		}
	}
}
