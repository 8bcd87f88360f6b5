package rest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// uiCall is a request exactly as a user interface sends it, and what it reads of
// the answer.
type uiCall struct {
	what string // of the interface
	line string
	body string

	status int            // 200 if 0
	code   int            // error_code the interface looks at
	reads  map[string]any // properties of the answer, as decoded JSON; nil value = must be absent
	list   []any          // the whole answer, when it is a list
	number float64        // the whole answer, when it is a number
}

// headers of a client: pairs.
type headers []string

var (
	springHeaders  = headers{"Accept", "application/json", "Content-Type", "application/json"}                                                                                 // kafbat: Spring's WebClient
	javaHeaders    = headers{"Accept", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "Content-Type", "application/vnd.schemaregistry.v1+json"}                       // AKHQ: Confluent's RestService on HttpURLConnection
	consoleHeaders = headers{"Accept", "application/vnd.schemaregistry.v1+json", "Content-Type", "application/vnd.schemaregistry.v1+json", "User-Agent", "RedpandaConsole/v3"} // franz-go's sr
)

func (d *door) calls(t *testing.T, with headers, calls []uiCall) {
	t.Helper()
	for _, c := range calls {
		resp, got := d.ask(c.line, c.body, with...)
		status := c.status
		if status == 0 {
			status = 200
		}
		if resp.StatusCode != status {
			t.Errorf("%s: %s: %d %s", c.what, c.line, resp.StatusCode, got)
			continue
		}
		if media := resp.Header.Get("Content-Type"); !strings.HasSuffix(media, "json") {
			t.Errorf("%s: %s: content type %q", c.what, c.line, media)
		}
		var answer any
		if err := json.Unmarshal([]byte(got), &answer); err != nil {
			t.Errorf("%s: %s: not JSON: %s", c.what, c.line, got)
			continue
		}
		want := c.reads
		if c.code != 0 {
			want = map[string]any{"error_code": float64(c.code)}
		}
		if c.list != nil && fmt.Sprint(answer) != fmt.Sprint(c.list) || c.number != 0 && answer != c.number {
			t.Errorf("%s: %s:\n got %s\nwant %v%v", c.what, c.line, got, c.list, c.number)
		}
		object, _ := answer.(map[string]any)
		for name, value := range want {
			if have, present := object[name]; fmt.Sprint(have) != fmt.Sprint(value) || present != (value != nil) {
				t.Errorf("%s: %s: %s is %v, want %v", c.what, c.line, name, have, value)
			}
		}
	}
}

// uiDoor has two subjects, one of two versions, one referred to.
func uiDoor(t *testing.T) *door {
	d := newDoor(t)
	d.play([]step{
		{line: "POST /subjects/letters-value/versions", body: v1},
		{line: "POST /subjects/letters-value/versions", body: v2},
		{line: "POST /subjects/part/versions", body: schemaJSON(`{"type":"enum","name":"a.Kind","symbols":["X"]}`)},
		{line: "POST /subjects/whole/versions", body: schemaJSON(`{"type":"record","name":"a.Whole","fields":[{"name":"k","type":"a.Kind"}]}`,
			`,"references":[{"name":"a.Kind","subject":"part","version":1}],"metadata":{"properties":{"app":"x"}}`)},
	})
	return d
}

func textOf(body string) string {
	var request struct{ Schema string }
	_ = json.Unmarshal([]byte(body), &request)
	return request.Schema
}

// TestKafbat: the calls of kafbat/kafka-ui, by its contract of the registry
// (kafka-sr-api.yaml) and its SchemaRegistryService and SchemaRegistrySerde.
func TestKafbat(t *testing.T) {
	typed := func(body string) string { return strings.Replace(body, "{", `{"schemaType":"AVRO",`, 1) }
	latest := map[string]any{"id": 2.0, "subject": "letters-value", "version": 2.0, "schema": textOf(v2), "schemaType": "AVRO"}
	uiDoor(t).calls(t, springHeaders, []uiCall{
		{what: "list", line: "GET /subjects?deleted=false", list: []any{"letters-value", "part", "whole"}},
		{what: "latest", line: "GET /subjects/letters-value/versions/latest?deleted=false", reads: latest},
		{what: "its level", line: "GET /config/letters-value?defaultToGlobal=true", reads: map[string]any{"compatibilityLevel": "BACKWARD"}},
		{what: "global level", line: "GET /config", reads: map[string]any{"compatibilityLevel": "BACKWARD"}},
		{what: "versions", line: "GET /subjects/letters-value/versions", list: []any{1, 2}},
		{what: "one version", line: "GET /subjects/letters-value/versions/1?deleted=false", reads: map[string]any{"version": 1.0, "schemaType": "AVRO", "references": nil}},
		{what: "references", line: "GET /subjects/whole/versions/1?deleted=false", reads: map[string]any{"references": []any{map[string]any{"name": "a.Kind", "subject": "part", "version": 1.0}}}},
		{what: "no such subject", line: "GET /subjects/nobody/versions/latest?deleted=false", status: 404, code: 40401},
		{what: "check", line: "POST /compatibility/subjects/letters-value/versions/latest?verbose=true", body: typed(v2), reads: map[string]any{"is_compatible": true}},
		{what: "check", line: "POST /compatibility/subjects/letters-value/versions/latest?verbose=true", body: typed(bad), reads: map[string]any{"is_compatible": false}},
		{what: "register, 409 is SchemaCompatibilityException", line: "POST /subjects/letters-value/versions", body: typed(bad), status: 409, code: 409},
		{what: "register, 422 is ValidationException", line: "POST /subjects/letters-value/versions", body: typed(junk), status: 422, code: 42201},
		{what: "register", line: "POST /subjects/new%2Fone/versions", body: typed(v1), reads: map[string]any{"id": 1.0}},
		{what: "set level", line: "PUT /config/letters-value", body: `{"compatibility":"FULL"}`, reads: map[string]any{"compatibility": "FULL"}},
		{what: "set global level", line: "PUT /config", body: `{"compatibility":"FORWARD"}`, reads: map[string]any{"compatibility": "FORWARD"}},
		{what: "clear level", line: "DELETE /config/letters-value"},
		{what: "serde: schema of a record", line: "GET /schemas/ids/1?fetchMaxId=false", reads: map[string]any{"schema": text}},
		{what: "serde: unknown id", line: "GET /schemas/ids/99?fetchMaxId=false", status: 404, code: 40403},
		{what: "delete a version", line: "DELETE /subjects/letters-value/versions/1?permanent=false", number: 1},
		{what: "delete the latest", line: "DELETE /subjects/letters-value/versions/latest?permanent=false", number: 2},
		{what: "delete all", line: "DELETE /subjects/new%2Fone?permanent=false", list: []any{1}},
	})
}

// TestAKHQ: the calls of AKHQ's SchemaRegistryRepository through Confluent's
// RestService. It takes the status 404 of a config for "ask the global one", and
// 40401 for "there is no such subject".
func TestAKHQ(t *testing.T) {
	plain := schemaJSON(textOf(v2))
	uiDoor(t).calls(t, javaHeaders, []uiCall{
		{what: "all", line: "GET /subjects", list: []any{"letters-value", "part", "whole"}},
		{what: "latest", line: "GET /subjects/letters-value/versions/latest", reads: map[string]any{"subject": "letters-value", "version": 2.0, "id": 2.0, "schemaType": "AVRO", "schema": textOf(v2)}},
		{what: "config", line: "GET /config/letters-value?defaultToGlobal=false", status: 404, code: 40408},
		{what: "default config", line: "GET /config", reads: map[string]any{"compatibilityLevel": "BACKWARD"}},
		{what: "all versions", line: "GET /subjects/letters-value/versions?deleted=false&deletedOnly=false", list: []any{1, 2}},
		{what: "version", line: "GET /subjects/letters-value/versions/1?deleted=false", reads: map[string]any{"version": 1.0, "id": 1.0}},
		{what: "exists", line: "GET /subjects/nobody/versions/latest", status: 404, code: 40401},
		{what: "lookup", line: "POST /subjects/letters-value?normalize=false&deleted=false", body: plain, reads: map[string]any{"version": 2.0, "id": 2.0, "subject": "letters-value"}},
		{what: "check, latest", line: "POST /compatibility/subjects/letters-value/versions/latest?normalize=false&verbose=false", body: plain, reads: map[string]any{"is_compatible": true}},
		{what: "check, one version", line: "POST /compatibility/subjects/letters-value/versions/1?normalize=false&verbose=false", body: bad, reads: map[string]any{"is_compatible": false}},
		{what: "check, all versions", line: "POST /compatibility/subjects/letters-value/versions/?normalize=false&verbose=true", body: plain, reads: map[string]any{"is_compatible": true}},
		{what: "register", line: "POST /subjects/letters-value/versions?normalize=false", body: schemaJSON(textOf(v2), `,"schemaType":"AVRO","references":[]`), reads: map[string]any{"id": 2.0}},
		{what: "set level", line: "PUT /config/letters-value", body: `{"compatibility":"FULL"}`, reads: map[string]any{"compatibility": "FULL"}},
		{what: "deserializer", line: "GET /schemas/ids/2?fetchMaxId=false&subject=letters-value", reads: map[string]any{"schema": textOf(v2), "schemaType": "AVRO"}},
		{what: "where an id is used", line: "GET /schemas/ids/2/versions?deleted=false", list: []any{map[string]any{"subject": "letters-value", "version": 2}}},
		{what: "delete a version", line: "DELETE /subjects/letters-value/versions/1", number: 1},
		{what: "delete", line: "DELETE /subjects/letters-value", list: []any{2}},
	})
}

// TestConsole: the calls of Redpanda Console's schema registry pages through
// franz-go's sr. It takes 40401 of the live versions for a soft-deleted subject,
// 40408 and 40409 for "the default applies", and 404 of /security/acls for a
// registry without access lists.
func TestConsole(t *testing.T) {
	use := func(subject string, version int) any {
		return map[string]any{"subject": subject, "version": version}
	}
	uiDoor(t).calls(t, consoleHeaders, []uiCall{
		{what: "mode", line: "GET /mode", reads: map[string]any{"mode": "READWRITE"}},
		{what: "level", line: "GET /config?defaultToGlobal=true", reads: map[string]any{"compatibilityLevel": "BACKWARD"}},
		{what: "types", line: "GET /schemas/types", list: []any{"AVRO"}},
		{what: "contexts", line: "GET /contexts", list: []any{"."}},
		{what: "access lists", line: "POST /security/acls", body: `[{"resource_type":"NOT_A_RESOURCE_TYPE"}]`, status: 404, code: 404},
		{what: "subjects", line: "GET /subjects", list: []any{"letters-value", "part", "whole"}},
		{what: "with deleted ones", line: "GET /subjects?deleted=true", list: []any{"letters-value", "part", "whole"}},
		{what: "of a context", line: "GET /subjects?deleted=true&subjectPrefix=%3A.prod%3A", list: []any{}},
		{what: "versions", line: "GET /subjects/letters-value/versions", list: []any{1, 2}},
		{what: "versions with deleted ones", line: "GET /subjects/letters-value/versions?deleted=true", list: []any{1, 2}},
		{what: "no such subject", line: "GET /subjects/nobody/versions?deleted=true", status: 404, code: 40401},
		{what: "level of the subject", line: "GET /config/letters-value", status: 404, code: 40408},
		{what: "mode of the subject", line: "GET /mode/letters-value", status: 404, code: 40409},
		{what: "a version", line: "GET /subjects/letters-value/versions/1?deleted=true", reads: map[string]any{"id": 1.0, "version": 1.0, "schema": text}},
		{what: "the latest", line: "GET /subjects/letters-value/versions/latest?deleted=true", reads: map[string]any{"version": 2.0}},
		{what: "metadata", line: "GET /subjects/whole/versions/1?deleted=true", reads: map[string]any{"metadata": map[string]any{"properties": map[string]any{"app": "x"}}}},
		{what: "who refers to it", line: "GET /subjects/part/versions/1/referencedby?deleted=true", list: []any{4}},
		{what: "usages of an id", line: "GET /schemas/ids/4/versions?deleted=true", list: []any{use("whole", 1)}},
		{what: "usages of an unknown id", line: "GET /schemas/ids/99/versions", status: 404, code: 40403},
		{what: "schema of a record", line: "GET /schemas/ids/1", reads: map[string]any{"schema": text}},
		{what: "check a new subject", line: "POST /compatibility/subjects/nobody/versions/latest?verbose=true", body: v1, reads: map[string]any{"is_compatible": true}},
		{what: "check", line: "POST /compatibility/subjects/letters-value/versions/latest?verbose=true", body: bad, reads: map[string]any{"is_compatible": false}},
		{what: "create, normalised", line: "POST /subjects/new/versions?normalize=true", body: v1, reads: map[string]any{"id": 1.0}},
		{what: "create", line: "POST /subjects/again/versions", body: v1, reads: map[string]any{"id": 1.0}},
		{what: "set level", line: "PUT /config/letters-value", body: `{"compatibility":"FULL"}`, reads: map[string]any{"compatibility": "FULL"}},
		{what: "reset level", line: "DELETE /config/letters-value", reads: map[string]any{"compatibilityLevel": "FULL"}},
		{what: "set mode", line: "PUT /mode/letters-value", body: `{"mode":"READONLY"}`, reads: map[string]any{"mode": "READONLY"}},
		{what: "reset mode", line: "DELETE /mode/letters-value", reads: map[string]any{"mode": "READONLY"}},
		{what: "delete a version softly", line: "DELETE /subjects/letters-value/versions/1", number: 1},
		{what: "and for good", line: "DELETE /subjects/letters-value/versions/1?permanent=true", number: 1},
		{what: "delete softly", line: "DELETE /subjects/letters-value", list: []any{2}},
		{what: "its live versions", line: "GET /subjects/letters-value/versions", status: 404, code: 40401},
		{what: "its versions", line: "GET /subjects/letters-value/versions?deleted=true", list: []any{2}},
		{what: "delete for good", line: "DELETE /subjects/letters-value?permanent=true", list: []any{2}},
	})
}
