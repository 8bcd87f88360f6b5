package apiserver

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestOpenAPI: the committed document is the one that is served. Run with
// -update after a change of the API.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t)
	text, err := w.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "reference", "openapi.yaml")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != string(text) {
		t.Errorf("%s is not what the API serves; run this test with -update and look at the difference", file)
	}
	var document struct {
		OpenAPI string `yaml:"openapi"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil || document.OpenAPI != "3.1.0" {
		t.Errorf("openapi = %q, %v", document.OpenAPI, err)
	}
	var served map[string]any
	w.must(200, "", "GET", "/api/openapi.json", "").into(t, &served)
	if served["openapi"] != "3.1.0" {
		t.Errorf("served document: openapi = %v", served["openapi"])
	}
}

// TestOperations: ids, summaries and answers are complete, so that a client can
// be generated from the document.
func TestOperations(t *testing.T) {
	w := newWorld(t)
	parameter := regexp.MustCompile(`\{(\w+)\}`)
	id := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for path, item := range w.api.huma.OpenAPI().Paths {
		for method, op := range map[string]any{"get": item.Get, "post": item.Post, "put": item.Put, "delete": item.Delete} {
			text, err := json.Marshal(op)
			if err != nil {
				t.Fatal(err)
			}
			var o struct {
				OperationID string         `json:"operationId"`
				Summary     string         `json:"summary"`
				Responses   map[string]any `json:"responses"`
				Parameters  []struct{ Name, In string }
			}
			if json.Unmarshal(text, &o) != nil || o.OperationID == "" {
				continue
			}
			if !id.MatchString(o.OperationID) || o.Summary == "" {
				t.Errorf("%s %s: id %q, summary %q", method, path, o.OperationID, o.Summary)
			}
			for _, name := range parameter.FindAllStringSubmatch(path, -1) {
				if !slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.In == "path" && p.Name == name[1] }) {
					t.Errorf("%s does not read {%s} of its path", o.OperationID, name[1])
				}
			}
			for _, status := range []string{"401", "403"} {
				if o.Responses[status] == nil {
					t.Errorf("%s does not say that it answers %s", o.OperationID, status)
				}
			}
		}
	}
}

// TestViolationsAreNoticed plants faults: every call of these tests is held
// against the document, which is worth nothing if nothing is ever found.
func TestViolationsAreNoticed(t *testing.T) {
	w := newWorld(t)
	json := http.Header{"Content-Type": {"application/json"}}
	for name, got := range map[string]answered{
		"null for a list":  {200, json, `{"requests":null}`},
		"field missing":    {200, json, `{}`},
		"field too many":   {200, json, `{"requests":[],"more":1}`},
		"status not named": {202, json, `{}`},
		"wrong type":       {200, http.Header{"Content-Type": {"text/plain"}}, `{"requests":[]}`},
	} {
		if len(w.violations("GET", "/api/v1/requests", got)) == 0 {
			t.Errorf("%s was not noticed", name)
		}
	}
	if faults := w.violations("GET", "/api/v1/requests", answered{200, json, `{"requests":[]}`}); len(faults) > 0 {
		t.Errorf("faults = %v", faults)
	}
}
