package registry_test

import (
	"encoding/json"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// TestLevels: which of three changes each level lets pass, after a history of
// v1 {a}, v2 {a,c=0}: adding a field with default, adding one without, and
// removing a, which has none. v1 and v2 are told apart by "take c away again".
func TestLevels(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	const withDefault, without = `{"name":"n","type":"int","default":0}`, `{"name":"n","type":"int"}`
	const c = `{"name":"c","type":"int","default":0}`
	for level, want := range map[eventbus.Compatibility]string{
		eventbus.CompatibilityNone:               "add-default add remove ",
		eventbus.CompatibilityBackward:           "add-default remove ",
		eventbus.CompatibilityBackwardTransitive: "add-default remove ",
		eventbus.CompatibilityForward:            "add-default add ",
		eventbus.CompatibilityForwardTransitive:  "add-default add ",
		eventbus.CompatibilityFull:               "add-default ",
		eventbus.CompatibilityFullTransitive:     "add-default ",
	} {
		subject := string(level)
		mustRegister(t, reg, subject, record(fieldA))
		mustRegister(t, reg, subject, record(fieldA+","+c))
		if err := reg.SetCompatibility(t.Context(), alice, subject, level); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, change := range []struct{ name, fields string }{
			{"add-default", fieldA + "," + c + "," + withDefault}, {"add", fieldA + "," + c + "," + without}, {"remove", c},
		} {
			req := registry.RegisterRequest{Text: record(change.fields)}
			verdict, err := reg.Check(t.Context(), subject, registry.AllVersions, req)
			if err != nil {
				t.Fatal(err)
			}
			if verdict.Compatible {
				got += change.name + " "
			} else if !strings.Contains(strings.Join(verdict.Messages, ""), "{oldSchemaVersion: 2}") {
				t.Errorf("%s %s: %v", level, change.name, verdict.Messages)
			}
		}
		if got != want {
			t.Errorf("%s lets pass %q, want %q", level, got, want)
		}
	}
}

// TestTransitive: what the last version allows, an older one may not.
func TestTransitive(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	none := func(subject string, level eventbus.Compatibility) {
		t.Helper()
		if err := reg.SetCompatibility(t.Context(), alice, subject, level); err != nil {
			t.Fatal(err)
		}
	}
	mustRegister(t, reg, "s", `"string"`)
	none("s", eventbus.CompatibilityNone)
	mustRegister(t, reg, "s", `"int"`)
	for level, code := range map[eventbus.Compatibility]registry.ErrorCode{
		eventbus.CompatibilityBackwardTransitive: registry.ErrIncompatible,
		eventbus.CompatibilityBackward:           0,
	} {
		none("s", level)
		verdict, err := reg.Check(t.Context(), "s", registry.AllVersions, registry.RegisterRequest{Text: `"long"`})
		if err != nil || verdict.Compatible != (code == 0) {
			t.Errorf("%s: %+v %v", level, verdict, err)
		}
		if verdict, _ := reg.Check(t.Context(), "s", 1, registry.RegisterRequest{Text: `"long"`}); verdict.Compatible {
			t.Errorf("%s: against version 1: %+v", level, verdict)
		}
	}
	none("s", eventbus.CompatibilityBackwardTransitive)
	_, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: `"long"`})
	wantCode(t, err, registry.ErrIncompatible)
	if _, err := reg.Delete(t.Context(), alice, "s", 1, false); err != nil {
		t.Fatal(err)
	}
	mustRegister(t, reg, "s", `"long"`) // a deleted version does not count
}

// TestCompatibilityGroup: versions are compared within their major line only.
func TestCompatibilityGroup(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	_, err := reg.SetSetting(t.Context(), alice, "s", registry.Setting{"compatibilityGroup": json.RawMessage(`"major"`)})
	if err != nil {
		t.Fatal(err)
	}
	in := func(major, text string) registry.RegisterRequest {
		return registry.RegisterRequest{Text: text, Metadata: &registry.Metadata{Properties: map[string]string{"major": major}}}
	}
	for _, step := range []struct {
		major, text string
		code        registry.ErrorCode
	}{{"1", `"string"`, 0}, {"2", `"int"`, 0}, {"2", `"long"`, 0}, {"2", `"string"`, registry.ErrIncompatible}, {"1", `"bytes"`, 0}} {
		_, err := reg.Register(t.Context(), alice, "s", in(step.major, step.text))
		wantCode(t, err, step.code)
	}
}

// TestExportImport: another registry gets the same ids, numbers and authors, and
// a second import changes nothing.
func TestExportImport(t *testing.T) {
	from, _ := node(t, kafka(t), registry.Config{}, nil)
	mustRegister(t, from, "part", `{"type":"enum","name":"a.Kind","symbols":["X"]}`)
	whole := registry.RegisterRequest{Text: `{"type":"record","name":"a.W","fields":[{"name":"k","type":"a.Kind"}]}`,
		References: []eventbus.SchemaReference{{Name: "a.Kind", Subject: "part", Version: registry.Latest}}}
	v, err := from.Register(t.Context(), alice, ":.lab:whole", whole)
	if err == nil {
		t.Fatalf("a reference into another context was found: %+v", v)
	}
	if v, err = from.Register(t.Context(), alice, "whole", whole); err != nil || v.References[0].Version != 1 {
		t.Fatalf("%+v %v", v, err)
	}
	mustRegister(t, from, ":.lab:s", `"int"`)
	mustRegister(t, from, "dead", `"int"`)
	if _, err := from.DeleteSubject(t.Context(), alice, "dead", false); err != nil {
		t.Fatal(err)
	}
	if err := from.SetCompatibility(t.Context(), alice, "whole", eventbus.CompatibilityFull); err != nil {
		t.Fatal(err)
	}
	archive := from.Export(":*:", registry.WithDeleted)
	raw, err := json.Marshal(archive)
	if err != nil {
		t.Fatal(err)
	}
	var back registry.Archive
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}

	to, _ := node(t, kafka(t), registry.Config{}, nil)
	for i, want := range []int{4, 0} {
		if n, err := to.Import(t.Context(), registry.Caller{Author: "bob"}, back); err != nil || n != want {
			t.Fatalf("import %d: %d %v", i, n, err)
		}
	}
	again, err := json.Marshal(to.Export(":*:", registry.WithDeleted))
	if err != nil || string(again) != string(raw) {
		t.Errorf("\n got %s\nwant %s", again, raw)
	}
	if v := mustRegister(t, to, "next", `"bytes"`); v.ID != 4 {
		t.Errorf("id %d, want 4", v.ID)
	}
}
