package provision

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const examples = "../../examples/gitops/manifests"

func exampleFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(examples, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(examples, file)
		files[filepath.ToSlash(name)], err = os.ReadFile(file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestExamples(t *testing.T) {
	m, err := ReadManifests(exampleFiles(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Events) != 1 || len(m.Events[0].Topics) != 3 || len(m.Grants) != 2 || len(m.Environments) != 1 {
		t.Fatalf("%d events, %d grants, %d environments", len(m.Events), len(m.Grants), len(m.Environments))
	}
	e := m.Events[0]
	if !strings.Contains(e.Topics[2].ValueSchema, "AppointmentBooked") || e.Topics[2].KeySchema == "" || e.Topics[2].Topic.Configs["retention.ms"] != "604800000" ||
		e.Topics[2].Topic.Configs["max.message.bytes"] != "2097152" || !strings.HasPrefix(e.Event.OnePager, "# Appointment") {
		t.Errorf("%+v", e)
	}
	w := newMemory()
	golden(t, "examples", Render(mustPlan(t, w, m)))
	mustApply(t, w, m)
	if plan := mustPlan(t, w, m); !plan.Empty() {
		t.Errorf("after apply:\n%s", Render(plan))
	}
}

// TestManifestFaults is what people see who write something wrong.
func TestManifestFaults(t *testing.T) {
	event := "apiVersion: eventbus/v1\nkind: Event\nname: a\n"
	for _, c := range []struct{ name, text, want string }{
		{"version", "apiVersion: eventbus/v2\nkind: Event\nname: a\nremove: [development]\n", `m.yaml:1:13: apiVersion: "eventbus/v2" is not a version of manifests (write apiVersion: eventbus/v1)`},
		{"kind", "apiVersion: eventbus/v1\nkind: Topic\n", `m.yaml:2:7: kind: "Topic" is not a kind of manifest (write kind: Event, Grant or Environment)`},
		{"a request", "apiVersion: eventbus/v1\nkind: ProducerRequest\n", `m.yaml:2:7: kind: "ProducerRequest" is not a kind of manifest (this is a request: hand it in with eventbus request submit)`},
		{"unknown field", event + "topcis: []\n", "m.yaml:4:1: topcis: unknown field (did you mean topics?)"},
		{"no topics", event, "m.yaml:1:1: topics: the event has no topics (write one per environment, or remove: with the environments where it shall go)"},
		{"event name", "apiVersion: eventbus/v1\nkind: Event\nname: a b\nremove: [x]\n", `m.yaml:3:7: name: "a b" is not a legal event name (use letters, digits, dashes, dots and underscores, at most 63)`},
		{"lifecycle", event + "lifecycle: live\nremove: [x]\n", `m.yaml:4:12: lifecycle: "live" is not a lifecycle (use experimental, development, production or deprecated)`},
		{"data class", event + "dataClasses: [none, SSN]\nremove: [x]\n", `m.yaml:4:21: dataClasses[1]: "SSN" is not a data class (use none, PII or PHI)`},
		{"removal date", event + "removalDate: soon\nremove: [x]\n", `m.yaml:4:14: removalDate: "soon" is not a day (write it as 2026-12-31)`},
		{"config", event + "topics:\n  - environment: development\n    configs: {retention.msec: 1}\n", `m.yaml:6:31: topics[0].configs.retention.msec: unknown topic config "retention.msec"`},
		{"guard", event + "topics: [{environment: development, schemaGuard: strict}]\n", `m.yaml:4:50: topics[0].schemaGuard: "strict" is not a schema guard (use off, warn or enforce)`},
		{"retention twice", event + "topics: [{environment: development, retentionDays: 3, configs: {retention.ms: 5}}]\n", `m.yaml:4:52: topics[0].retentionDays: retention is written twice: here and as retention.ms (keep one of them)`},
		{"environment", event + "topics: [{partitions: 3}]\n", `m.yaml:4:10: topics[0].environment: the topic has no environment (write environment: development)`},
		{"partitions", event + "topics: [{environment: development, partitions: -3}]\n", `m.yaml:4:49: topics[0].partitions: a topic has at least one partition (write 1 or more)`},
		{"topic name", event + "topics: [{environment: development, name: a/b}]\n", `m.yaml:4:43: topics[0].name: topic name "a/b": only letters, digits, '.', '_' and '-' are allowed (leave it out: prefix and event name make one)`},
		{"compatibility", event + "schema: {compatibility: SIDEWAYS}\nremove: [x]\n", `m.yaml:4:25: schema.compatibility: "SIDEWAYS" is not a compatibility level (use one of NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL, FULL_TRANSITIVE)`},
		{"no such file", event + "schema: {file: gone.avsc}\nremove: [x]\n", `m.yaml:4:16: schema.file: there is no file gone.avsc (write the path relative to the manifest)`},
		{"outside", event + "schema: {file: ../../etc/passwd}\nremove: [x]\n", `m.yaml:4:16: schema.file: "../../etc/passwd" leaves the folder of the manifests (name a file beside the manifest)`},
		{"absolute", event + "onePagerFile: /etc/passwd\nremove: [x]\n", `m.yaml:4:15: onePagerFile: "/etc/passwd" leaves the folder of the manifests (name a file beside the manifest)`},
		{"schema twice", event + "schema: {file: bad.avsc, value: '\"string\"'}\nremove: [x]\n", `m.yaml:4:16: schema.file: the schema is written twice: here and as text (keep one of them)`},
		{"grant", "apiVersion: eventbus/v1\nkind: Grant\nevent: a\nenvironment: development\ndirection: consume\nprincipal: " + consumerRole + "\npurpose: p\n",
			`m.yaml:1:1: groupPrefix: a consumer needs the name of its group (write the group id, or a prefix that ends in *)`},
		{"environment prefix", "apiVersion: eventbus/v1\nkind: Environment\nname: Test\nprefix: t_\n", `m.yaml:3:7: name: not a legal environment name (use lower-case letters, digits and dashes, at most 31)`},
		{"twice", event + "remove: [x]\n---\n" + event + "remove: [x]\n", `m.yaml:8:7: name: event a is written twice, first in m.yaml (keep one of them)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadManifests(map[string][]byte{"m.yaml": []byte(c.text), "bad.avsc": []byte(`"string"`)})
			faults := eventbus.FaultsOf(err)
			if eventbus.CodeOf(err) != eventbus.CodeInvalid || len(faults) == 0 || faults[0].String() != c.want {
				t.Errorf("got  %v\nwant %s", faults, c.want)
			}
		})
	}
}

// TestSchemaFaultsPointIntoTheAvroFile and not at the manifest that names it.
func TestSchemaFaultsPointIntoTheAvroFile(t *testing.T) {
	_, err := ReadManifests(map[string][]byte{
		"events/a.yaml":       []byte("apiVersion: eventbus/v1\nkind: Event\nname: a\nschema: {file: ../schemas/a.avsc}\nremove: [x]\n"),
		"schemas/a.avsc":      []byte("{\"type\": \"record\", \"name\": \"A\", \"fields\": [\n  {\"name\": \"x\", \"type\": \"string\"},\n  {\"name\": \"y\", \"type\": \"strnig\"}\n]}"),
		"schemas/ignored.txt": []byte("\x00"),
	})
	faults := eventbus.FaultsOf(err)
	if len(faults) != 1 || faults[0].File != "schemas/a.avsc" || faults[0].Line != 3 {
		t.Errorf("%v", faults)
	}
}

func TestEveryFileIsReported(t *testing.T) {
	_, err := ReadManifests(map[string][]byte{"a.yaml": []byte("a: [\n"), "b.yml": []byte("kind: x\n"), "c.json": []byte(`{"kind": "Event"}`)})
	files := map[string]bool{}
	for _, f := range eventbus.FaultsOf(err) {
		files[f.File] = true
	}
	if len(files) != 3 {
		t.Errorf("%v", err)
	}
	if _, err := ReadManifests(map[string][]byte{"a.yaml": make([]byte, MaxManifestBytes+1)}); eventbus.CodeOf(err) != eventbus.CodeTooLarge {
		t.Errorf("too large: %v", err)
	}
}

func TestReferenced(t *testing.T) {
	files := exampleFiles(t)
	got := Referenced("appointment-booked.yaml", files["appointment-booked.yaml"])
	want := []string{"appointment-booked.md", "schemas/appointment-booked.avsc", "schemas/appointment-key.avsc"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Referenced("x.yaml", []byte("\x00")); got != nil {
		t.Errorf("%v", got)
	}
}

// TestJSONSchemaNamesEveryField: the published schema and the reader know the
// same fields.
func TestJSONSchemaNamesEveryField(t *testing.T) {
	root := jsonSchema(t)
	for name, document := range map[string]any{"Event": eventDocument{}, "Topic": topicDocument{}, "Schema": schemaDocument{}, "Grant": grantDocument{},
		"Environment": environmentDocument{}, "Link": eventbus.Link{}, "SourceSystem": eventbus.SourceSystem{}} {
		var want, got []string
		for field := range yamlFields(reflect.TypeOf(document)) {
			want = append(want, field)
		}
		for field := range root["$defs"].(map[string]any)[name].(map[string]any)["properties"].(map[string]any) {
			got = append(got, field)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, the reader %v", name, got, want)
		}
	}
}

func yamlFields(t reflect.Type) map[string]bool {
	fields := map[string]bool{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if options == "inline" {
			for inner := range yamlFields(t.Field(i).Type) {
				fields[inner] = true
			}
			continue
		}
		fields[name] = true
	}
	return fields
}

func TestExamplesHoldToTheJSONSchema(t *testing.T) {
	root := jsonSchema(t)
	for name, text := range exampleFiles(t) {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		decoder := yaml.NewDecoder(strings.NewReader(string(text)))
		for {
			var doc map[string]any
			if decoder.Decode(&doc) != nil {
				break
			}
			definition := root["$defs"].(map[string]any)[fmt.Sprint(doc["kind"])].(map[string]any)
			if faults := schemaFaults(root, definition, doc, ""); len(faults) > 0 {
				t.Errorf("%s: %v", name, faults)
			}
			doc["unheard"] = "of"
			delete(doc, "kind")
			if faults := schemaFaults(root, definition, doc, ""); len(faults) != 2 {
				t.Errorf("%s: a wrong document has the faults %v", name, faults)
			}
		}
	}
}

func jsonSchema(t *testing.T) map[string]any {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal(ManifestSchema, &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// schemaFaults holds a value to the keywords that our schema uses.
func schemaFaults(root, s map[string]any, v any, at string) (faults []string) {
	if ref, ok := s["$ref"].(string); ok {
		s = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if want, ok := s["const"]; ok && want != v {
		faults = append(faults, at+" is not "+fmt.Sprint(want))
	}
	if list, ok := s["enum"].([]any); ok && !slices.Contains(list, v) {
		faults = append(faults, at+" is not listed")
	}
	if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(fmt.Sprint(v)) {
		faults = append(faults, at+" has other characters")
	}
	kinds := map[string]bool{}
	if one, ok := s["type"].(string); ok {
		kinds[one] = true
	}
	if list, ok := s["type"].([]any); ok {
		for _, one := range list {
			kinds[one.(string)] = true
		}
	}
	if kind := jsonKind(v); len(kinds) > 0 && !kinds[kind] && !(kind == "integer" && kinds["number"]) {
		faults = append(faults, at+" is a "+kind)
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			faults = append(faults, schemaFaults(root, s["items"].(map[string]any), item, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		required, _ := s["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				faults = append(faults, at+" lacks "+name.(string))
			}
		}
		properties, _ := s["properties"].(map[string]any)
		for name, value := range v {
			inner, known := properties[name].(map[string]any)
			if !known {
				if inner, known = s["additionalProperties"].(map[string]any); !known {
					faults = append(faults, at+" has an unknown "+name)
					continue
				}
			}
			faults = append(faults, schemaFaults(root, inner, value, at+"."+name)...)
		}
	}
	return faults
}

func jsonKind(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case bool:
		return "boolean"
	case int:
		return "integer"
	case float64:
		return "number"
	default:
		return "string"
	}
}

func FuzzReadManifests(f *testing.F) {
	for _, text := range exampleFiles(f) {
		f.Add(text)
	}
	f.Add([]byte("apiVersion: eventbus/v1\nkind: Event\nname: a\nschema: {value: '{}', file: ../x}\ntopics: [{configs: {a: 1}}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ReadManifests(map[string][]byte{"f.yaml": text, "x.avsc": text})
		if err == nil {
			if _, err := newMemory().bus().Plan(t.Context(), m); err != nil && eventbus.CodeOf(err) != eventbus.CodeInvalid {
				t.Errorf("planned with %v", err)
			}
		} else if code := eventbus.CodeOf(err); code != eventbus.CodeInvalid && code != eventbus.CodeTooLarge {
			t.Errorf("read with %v", err)
		}
		Referenced("f.yaml", text)
	})
}
