package apiserver

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// TestExamples: every example belongs to an operation, a parameter or a body of
// it, and fits its schema; every link names what its target reads and a field
// that the answer has.
func TestExamples(t *testing.T) {
	w := newWorld(t)
	document := w.api.huma.OpenAPI()
	all := operations(document)
	fits := func(where string, schema *huma.Schema, value any) {
		t.Helper()
		result := &huma.ValidateResult{}
		huma.Validate(document.Components.Schemas, schema, huma.NewPathBuffer(nil, 0), huma.ModeWriteToServer, value, result)
		for _, fault := range result.Errors {
			t.Errorf("%s: %v", where, fault)
		}
	}
	for id, shown := range illustrations() {
		op := all[id]
		if op == nil {
			t.Errorf("examples of %s, which is no operation", id)
			continue
		}
		for name, value := range shown.Parameters {
			i := slices.IndexFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == name })
			if i < 0 {
				t.Errorf("%s has no parameter %s", id, name)
				continue
			}
			fits(id+" "+name, op.Parameters[i].Schema, value)
		}
		for name, value := range shown.Bodies {
			for media, content := range op.RequestBody.Content {
				fits(fmt.Sprintf("%s body %s as %s", id, name, media), content.Schema, map[string]any(value))
			}
		}
		for target, values := range shown.Links {
			if all[target] == nil {
				t.Errorf("%s links to %s, which is no operation", id, target)
				continue
			}
			for name, value := range values {
				if name != "body" && !slices.ContainsFunc(all[target].Parameters, func(p *huma.Param) bool { return p.Name == name }) {
					t.Errorf("%s links to %s, which has no parameter %s", id, target, name)
				}
				checkExpression(t, document, op, id+" → "+target, value)
			}
		}
	}
}

var expression = regexp.MustCompile(`^\$response\.body#(/.*)$`)

// checkExpression follows a runtime expression through the schema of the answer.
func checkExpression(t *testing.T, document *huma.OpenAPI, op *huma.Operation, where string, value any) {
	t.Helper()
	if nested, is := value.(map[string]any); is {
		for _, inner := range nested {
			checkExpression(t, document, op, where, inner)
		}
		return
	}
	found := expression.FindStringSubmatch(fmt.Sprint(value))
	if found == nil {
		return // a constant
	}
	schema := op.Responses[fmt.Sprint(success(op))].Content["application/json"].Schema
	for _, step := range regexp.MustCompile(`[^/]+`).FindAllString(found[1], -1) {
		if schema.Ref != "" {
			schema = document.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		next := schema.Properties[step]
		if schema.Type == huma.TypeArray {
			next = schema.Items
		}
		if next == nil {
			t.Errorf("%s: %v: the answer has no %s", where, value, step)
			return
		}
		schema = next
	}
}

// TestDocumentsOfTheExamples: what is shown as a request or an entity is one.
func TestDocumentsOfTheExamples(t *testing.T) {
	w := newWorld(t)
	for name, body := range illustrations()["create-request"].Bodies {
		var check requestCheck
		w.must(200, "administrator", "POST", "/api/v1/requests/check", asJSON(t, body)).into(t, &check)
		for _, fault := range check.Faults {
			if fault.Path != "event" && fault.Path != "until" { // which this world lacks; a date that would not grow old
				t.Errorf("%s: %v", name, fault)
			}
		}
	}
	w.must(200, "administrator", "PUT", "/api/v1/events/letter-ready", asJSON(t, illustrations()["put-event"].Bodies["event"]))
}
