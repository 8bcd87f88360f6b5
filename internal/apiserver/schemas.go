package apiserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// registerSchemas publishes the JSON Schemas of what people write: requests,
// manifests, catalog entities, and what Parts.Schemas adds. An editor checks a
// file against them as it is typed.
func (a *API) registerSchemas() {
	schemas := publishedSchemas()
	maps.Copy(schemas, a.parts.Schemas)
	names := slices.Sorted(maps.Keys(schemas))
	a.mux.HandleFunc("GET /api/schemas/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string][]string{"schemas": names}) // the client has gone: nothing to do
	})
	a.mux.HandleFunc("GET /api/schemas/{name}", func(w http.ResponseWriter, r *http.Request) {
		text, there := schemas[r.PathValue("name")]
		if !there {
			p := newProblem(http.StatusNotFound, "there is no schema "+clip(r.PathValue("name"))).(*Problem)
			p.Next = "GET /api/schemas/ lists them"
			writeProblem(w, p)
			return
		}
		w.Header().Set("Content-Type", "application/schema+json")
		_, _ = w.Write(text) // the client has gone: nothing to do
	})
}

func publishedSchemas() map[string][]byte {
	schemas := map[string][]byte{"catalog-event.json": catalog.EventSchema(), "manifest.json": provision.ManifestSchema}
	for _, content := range []onboarding.Content{&onboarding.ProducerContent{}, &onboarding.ConsumerContent{},
		&onboarding.ChangeContent{}, &onboarding.OffboardingContent{}} {
		schemas[schemaName(content.Kind())] = requestSchema(content)
	}
	return schemas
}

// schemaName: ProducerRequest is producer-request.json.
func schemaName(kind eventbus.RequestKind) string {
	return strings.ToLower(strings.TrimSuffix(string(kind), "Request")) + "-request.json"
}

// requestSchema describes one kind of request, from the fields of its content.
// What is required depends on the stage, so that the schema demands only the
// head; `eventbus validate` says the rest.
func requestSchema(content onboarding.Content) []byte {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	top := registry.SchemaFromRef(registry.Schema(reflect.TypeOf(content), true, "").Ref)
	for _, schema := range registry.Map() {
		schema.Required = nil
	}
	top.Properties["apiVersion"] = &huma.Schema{Type: huma.TypeString, Enum: []any{eventbus.APIVersion}}
	top.Properties["kind"] = &huma.Schema{Type: huma.TypeString, Enum: []any{string(content.Kind())}}
	top.Required = []string{"apiVersion", "kind", "team"}
	text, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": string(content.Kind()),
		"type": "object", "properties": top.Properties, "required": top.Required, "additionalProperties": false, "$defs": registry.Map(),
	})
	if err != nil { // a schema of fields always encodes
		panic(fmt.Sprintf("apiserver: schema of %s: %v", content.Kind(), err))
	}
	return text
}
