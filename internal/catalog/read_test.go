package catalog

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s differs; run with -update and look at the difference.\ngot:\n%s", file, got)
	}
}

func example(t *testing.T, name string) ([]byte, string) {
	t.Helper()
	file := filepath.Join("..", "..", "examples", "gitops", "catalog", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text, name
}

func TestReadLaterShape(t *testing.T) {
	text, file := example(t, "catalog-info.yaml")
	got, err := Read(text, file)
	if err != nil {
		t.Fatal(err)
	}
	e := got.Events[0]
	if e.Name != "letter-ready" || e.Owner != "claims" || e.System != "letters" || e.RetentionDays != 7 || e.AverageDailyEvents != 250000 ||
		e.Compatibility != eventbus.CompatibilityBackward || len(e.Topics[0].BrokerAddresses) != 2 || e.SourceSystems[0].ProductOwner != "Olive Owner" ||
		e.Forwarders[0].TeamName != "integration" || e.Tags[0] != "letters" || e.Links[0].Title != "About decision letters" || !strings.Contains(e.Schema, "LetterReady") {
		t.Errorf("got %+v", e)
	}
	s := got.Systems[0]
	if s.Name != "appointments-app" || s.Kind != "Component" || !reflect.DeepEqual(s.Subscribes, []string{"letter-ready"}) {
		t.Errorf("got %+v", s)
	}
}

func TestReadFlatShape(t *testing.T) {
	text, file := example(t, "catalog-info-flat.yaml")
	got, err := Read(text, file)
	if err != nil {
		t.Fatal(err)
	}
	e := got.Events[0]
	want := eventbus.Event{Name: "form-received", Title: "form-received", Description: "A form has arrived.", Domain: "benefits", Type: "event",
		Lifecycle: eventbus.LifecycleDevelopment, Owner: "benefits", Contact: "Olive Owner",
		SourceSystems: []eventbus.SourceSystem{{SystemName: "Forms Intake", TeamName: "benefits", ProductOwner: "Olive Owner"}},
		Forwarders:    []eventbus.SourceSystem{{SystemName: "Forms Gateway", TeamName: "integration"}},
		Payload:       "formId: string\nreceivedAt: timestamp",
		Topics:        []eventbus.EventTopic{{Environment: "development", Name: "dev_form-received", BrokerAddresses: []string{"b-1.example.gov:9098", "b-2.example.gov:9098"}}}}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
	golden(t, "flat-as-later.yaml", Write(e, WriteOptions{}))
}

const head = "apiVersion: backstage.io/v1alpha1\nkind: Event\nmetadata:\n  name: a\nspec:\n  type: event\n  lifecycle: development\n  domain: claims\n  owner: claims\n"

func TestFaultsSayWhereAndWhatToWrite(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown root key", head + "relations: []\n", "c.yaml:10:1: relations: unknown field (the fields here are apiVersion, kind, metadata, spec)"},
		{"misspelt", strings.Replace(head, "lifecycle", "lifecyle", 1), "c.yaml:7:13: spec.lifecyle: unknown field (did you mean lifecycle?)"},
		{"bad lifecycle", strings.Replace(head, "development", "beta", 1), `c.yaml:7:14: spec.lifecycle: "beta" is not a lifecycle (write experimental, development, production or deprecated)`},
		{"bad tag", strings.Replace(head, "name: a\n", "name: a\n  tags: [claims status]\n", 1), `c.yaml:5:10: metadata.tags[0]: "claims status" is not a legal tag (write lower-case words joined by '-', at most 63 characters)`},
		{"link without url", strings.Replace(head, "name: a\n", "name: a\n  links: [{title: x}]\n", 1), "c.yaml:5:11: metadata.links[0].url: is missing (write url: https://…, indented like title)"},
		{"mis-indented link title", strings.Replace(head, "name: a\n", "name: a\n  links:\n    - url: https://x.gov\n       title: x\n", 1), "c.yaml:7:1: mapping values are not allowed in this context (check the indentation, the colons and the quotes on this line and the one before)"},
		{"number annotation", strings.Replace(head, "name: a\n", "name: a\n  labels: {a b: c}\n", 1), `c.yaml:5:17: metadata.labels.a b: "a b" is not a legal key (write name or prefix.domain/name)`},
		{"no owner", strings.Replace(head, "  owner: claims\n", "", 1), `c.yaml:5:1: spec.owner: "" is not the name of a team (write owner: and the name of the owning team (a Group entity))`},
		{"topic name", head + "  topics: [{name: a b, environment: dev}]\n", `c.yaml:10:19: spec.topics[0].name: topic name "a b": only letters, digits, '.', '_' and '-' are allowed (write the topic's name as Kafka knows it)`},
		{"broker", head + "  topics: [{name: a, environment: dev, brokerAddresses: [host]}]\n", `c.yaml:10:58: spec.topics[0].brokerAddresses[0]: "host" is not host:port (write host:9098)`},
		{"removal date", head + "  removalDate: 2027-01-01\n", "c.yaml:10:16: spec.removalDate: stands with lifecycle development (write lifecycle: deprecated, or leave the date out)"},
		{"retention", head + "  retention: long\n", `c.yaml:10:14: spec.retention: "long" is not a time (write days: 7 days)`},
		{"compatibility", head + "  schemaCompatibilityMode: SIDEWARD\n", `c.yaml:10:28: spec.schemaCompatibilityMode: "SIDEWARD" is not a compatibility (write BACKWARD, FORWARD, FULL, one of them with _TRANSITIVE, or NONE)`},
		{"kind", "apiVersion: x\nkind: Topic\n", `c.yaml:2:7: kind: "Topic" is not a kind of entity (write Event, Component or System)`},
		{"empty", "# nothing\n", "c.yaml:1:1: no entity in the file (write apiVersion, kind, metadata and spec)"},
		{"component without type", "apiVersion: x\nkind: Component\nmetadata: {name: a}\nspec: {owner: b, lifecycle: production}\n", "c.yaml:4:1: spec.type: is missing (write service, website or library)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read([]byte(c.text), "c.yaml")
			faults := eventbus.FaultsOf(err)
			if len(faults) == 0 || faults[0].String() != c.want {
				t.Errorf("got  %v\nwant %s", faults, c.want)
			}
		})
	}
}

func TestGoodDocumentsSurviveABadOne(t *testing.T) {
	got, err := Read([]byte(head+"---\n"+strings.Replace(strings.Replace(head, "name: a", "name: b", 1), "development", "beta", 1)), "")
	if len(got.Events) != 1 || got.Events[0].Name != "a" || len(got.Faulty) != 1 || got.Faulty[0] != "b" || len(eventbus.FaultsOf(err)) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func words(t *rapid.T, label string, many bool) string {
	pattern := `[A-Za-z0-9éß:#'"{}\[\]&*!|>%@,. -]{1,40}`
	if many {
		pattern = `[A-Za-z0-9éß:#'"{}\[\]&*!|>%@,.\n\t -]{0,200}`
	}
	return rapid.StringMatching(pattern).Draw(t, label)
}

func drawEvent(t *rapid.T) eventbus.Event {
	name := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`)
	e := eventbus.Event{Name: name.Draw(t, "name"), Title: words(t, "title", false), Description: words(t, "description", true), Domain: words(t, "domain", false),
		Type: "event", Lifecycle: rapid.SampledFrom(eventbus.Lifecycles()).Draw(t, "lifecycle"), Owner: name.Draw(t, "owner"),
		Contact: rapid.StringMatching(`[A-Za-z ]{0,20}`).Draw(t, "contact"), System: rapid.StringMatching(`[A-Za-z ]{0,20}`).Draw(t, "system"),
		RetentionDays: rapid.IntRange(0, 400).Draw(t, "retention"), ExpectedPerDay: rapid.Int64Range(0, 1<<50).Draw(t, "expected"),
		AverageDailyEvents: rapid.Int64Range(0, 1<<50).Draw(t, "average"), Payload: words(t, "payload", true), OnePager: words(t, "onePager", true)}
	if e.Lifecycle == eventbus.LifecycleDeprecated {
		e.RemovalDate, e.Successor = "2027-01-31", name.Draw(t, "successor")
	}
	if rapid.Bool().Draw(t, "more") {
		e.Tags = rapid.SliceOfN(rapid.StringMatching(`[a-z0-9+#]{1,8}(-[a-z0-9]{1,8})?`), 1, 3).Draw(t, "tags")
		e.Links = []eventbus.Link{{URL: "https://example.gov/" + name.Draw(t, "url"), Title: words(t, "link", false)}}
		e.SourceSystems = []eventbus.SourceSystem{{SystemName: words(t, "source", false), TeamName: words(t, "sourceTeam", false)}}
		e.Forwarders = []eventbus.SourceSystem{{SystemName: words(t, "forwarder", false)}}
		e.DataClasses = []eventbus.DataClass{eventbus.DataPII}
		e.Compatibility = rapid.SampledFrom(eventbus.Compatibilities()).Draw(t, "level")
		e.Schema = `{"type": "record", "name": "R", "namespace": "n.s", "fields": []}` + strings.Repeat("\n", rapid.IntRange(0, 2).Draw(t, "newlines"))
		e.Topics = []eventbus.EventTopic{{Environment: "development", Name: "dev_" + e.Name, BrokerAddresses: []string{"h:9098"}, SchemaVersion: 1, SchemaID: 2}, {Environment: "production", Name: "prod_" + e.Name}}
	}
	return e
}

// What is written is read back the same, whatever stands in it.
func TestWriteThenReadGivesTheEventBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEvent(t)
		if len(Validate(e)) > 0 {
			t.Skip("not a valid event")
		}
		text := Write(e, WriteOptions{})
		got, err := Read(text, "")
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(got.Events) != 1 || !reflect.DeepEqual(got.Events[0], e) {
			t.Fatalf("got  %+v\nwant %+v\n%s", got.Events, e, text)
		}
		if again := Write(got.Events[0], WriteOptions{}); string(again) != string(text) {
			t.Fatalf("written differently:\n%s\n%s", text, again)
		}
	})
}

func TestSchemaKnowsEveryWrittenField(t *testing.T) {
	var schema struct {
		AllOf []struct {
			Properties struct {
				Spec struct {
					Properties map[string]any `json:"properties"`
				} `json:"spec"`
			} `json:"properties"`
		} `json:"allOf"`
	}
	if err := json.Unmarshal(EventSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	known := schema.AllOf[1].Properties.Spec.Properties
	for _, name := range specNames() {
		if known[name] == nil {
			t.Errorf("event.schema.json does not know spec.%s", name)
		}
	}
	for i := range reflect.TypeFor[writtenEvent]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[writtenEvent]().Field(i).Tag.Get("yaml"), ",")
		if known[name] == nil {
			t.Errorf("event.schema.json does not know spec.%s, which is written", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"catalog-info.yaml", "catalog-info-flat.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", "gitops", "catalog", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("kind: Event\nspec: {forwarders: [1, {a: b}], payload: [x], topics: [{brokerAddress: 1}], retention: {a: b}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Read(text, "f.yaml")
		if code := eventbus.CodeOf(err); err != nil && code != eventbus.CodeInvalid && code != eventbus.CodeTooLarge {
			t.Fatalf("code %q", code)
		}
		for _, e := range got.Events {
			again, err := Read(Write(e, WriteOptions{}), "")
			if err != nil || !reflect.DeepEqual(again.Events[0], normal(e)) {
				t.Fatalf("not read back: %v\n%+v\n%+v", err, e, again.Events)
			}
		}
	})
}

// normal drops the difference between an empty list and none.
func normal(e eventbus.Event) eventbus.Event {
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	for i := range e.Topics {
		if len(e.Topics[i].BrokerAddresses) == 0 {
			e.Topics[i].BrokerAddresses = nil
		}
	}
	return e
}
