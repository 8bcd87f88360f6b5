package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// props is metadata with properties, nil for none.
func props(pairs ...string) *registry.Metadata {
	if len(pairs) == 0 {
		return nil
	}
	out := &registry.Metadata{Properties: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		out.Properties[pairs[i]] = pairs[i+1]
	}
	return out
}

func configure(t testing.TB, reg *registry.Registry, subject, change string) {
	t.Helper()
	var setting registry.Setting
	if err := json.Unmarshal([]byte(change), &setting); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.SetSetting(t.Context(), alice, subject, setting); err != nil {
		t.Fatal(err)
	}
}

// TestMetadataLayers: a new version has the request's metadata, or those of the
// version before, between the defaults and the overrides of the configuration.
func TestMetadataLayers(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	configure(t, reg, "", `{"defaultMetadata":{"properties":{"owner":"nobody","zone":"global"}}}`)
	configure(t, reg, "s", `{"compatibilityLevel":"NONE","defaultMetadata":{"properties":{"owner":"team","stage":"draft"}},"overrideMetadata":{"properties":{"zone":"va"}}}`)
	for i, step := range []struct {
		subject, text string
		meta          *registry.Metadata
		version       int
		want          string
	}{
		{"s", `"int"`, nil, 1, `{"properties":{"owner":"team","stage":"draft","zone":"va"}}`},
		{"s", `"int"`, nil, 1, `{"properties":{"owner":"team","stage":"draft","zone":"va"}}`}, // the same again
		{"s", `"long"`, props("stage", "live", "zone", "moon"), 2, `{"properties":{"owner":"team","stage":"live","zone":"va"}}`},
		{"s", `"string"`, nil, 3, `{"properties":{"owner":"team","stage":"live","zone":"va"}}`}, // kept from version 2
		{"s", `"string"`, props("stage", "live"), 3, `{"properties":{"owner":"team","stage":"live","zone":"va"}}`},
		{"s", `"string"`, &registry.Metadata{}, 4, `{"properties":{"owner":"team","stage":"draft","zone":"va"}}`}, // taken away
		{"other", `"int"`, nil, 1, `{"properties":{"owner":"nobody","zone":"global"}}`},
	} {
		v, err := reg.Register(t.Context(), alice, step.subject, registry.RegisterRequest{Text: step.text, Metadata: step.meta})
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if got, _ := json.Marshal(v.Metadata); string(got) != step.want || v.Version != step.version {
			t.Errorf("step %d: version %d %s\nwant version %d %s", i, v.Version, got, step.version, step.want)
		}
	}
	if v, err := reg.Lookup(t.Context(), "s", registry.RegisterRequest{Text: `"int"`}, registry.Live); err != nil || v.Version != 1 {
		t.Errorf("a lookup without metadata: %+v %v", v, err)
	}
}

// TestRuleLayers: rules of one name replace each other, from the default over the
// request's (or the version before's) to the override.
func TestRuleLayers(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	configure(t, reg, "s", `{"compatibilityLevel":"NONE","defaultRuleSet":{"domainRules":[{"name":"a","type":"CEL","expr":"default"},{"name":"b","type":"CEL","expr":"default"}]},
		"overrideRuleSet":{"domainRules":[{"name":"c","type":"CEL","expr":"override"}]}}`)
	rule := func(name string) registry.Rule { return registry.Rule{Name: name, Type: "CEL", Expr: "given"} }
	given := &registry.RuleSet{DomainRules: []registry.Rule{rule("b"), rule("c")}}
	for i, step := range []struct {
		text  string
		rules *registry.RuleSet
		want  string
	}{
		{`"int"`, nil, "a=default b=default c=override "},
		{`"long"`, given, "a=default b=given c=override "},
		{`"string"`, nil, "a=default b=given c=override "},
		{`"bytes"`, &registry.RuleSet{}, "a=default b=default c=override "},
	} {
		v, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: step.text, RuleSet: step.rules})
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		got := ""
		for _, r := range v.RuleSet.DomainRules {
			got += r.Name + "=" + r.Expr + " "
		}
		if got != step.want || v.Version != i+1 {
			t.Errorf("step %d: version %d %s, want %s", i, v.Version, got, step.want)
		}
	}
	// Two lists must not come to hold one name.
	_, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: `"float"`,
		RuleSet: &registry.RuleSet{MigrationRules: []registry.Rule{{Name: "a", Type: "CEL", Mode: "UPGRADE"}}}})
	wantCode(t, err, registry.ErrInvalidRuleSet)
}

// TestVersionProperty: who names the version that it writes gets its number into
// the metadata, and loses against who was faster; later versions carry their own.
func TestVersionProperty(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	configure(t, reg, "s", `{"compatibilityLevel":"NONE"}`)
	for i, step := range []struct {
		text    string
		version int
		code    registry.ErrorCode
		got     int
		number  string
	}{
		{`"int"`, 0, 0, 1, ""},
		{`"long"`, 3, registry.ErrInvalidSchema, 0, ""},
		{`"long"`, 1, registry.ErrInvalidSchema, 0, ""},
		{`"long"`, 2, 0, 2, "2"},
		{`"long"`, 0, 0, 2, "2"},   // a serializer that does not know of it finds the same
		{`"long"`, 2, 0, 2, "2"},   // and so does a repeated request
		{`"string"`, 0, 0, 3, "3"}, // inherited, with its own number
		{`"string"`, 0, 0, 3, "3"},
	} {
		v, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: step.text, Version: step.version})
		if registry.CodeOf(err) != step.code {
			t.Fatalf("step %d: %v, want %d", i, err, step.code)
		}
		if err == nil && (v.Version != step.got || v.Metadata.Property("confluent:version") != step.number) {
			t.Errorf("step %d: %+v", i, v)
		}
	}
}

// TestRegisterWithoutText: new metadata for the schema that is there.
func TestRegisterWithoutText(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	_, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Metadata: props("a", "b")})
	wantCode(t, err, registry.ErrInvalidSchema) // there is none
	mustRegister(t, reg, "s", `"int"`)
	v, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Metadata: props("a", "b")})
	if err != nil || v.Version != 2 || v.ID != 2 || v.Text != `"int"` || v.Metadata.Property("a") != "b" {
		t.Errorf("%+v %v", v, err)
	}
	if v, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: " "}); err != nil || v.Version != 2 {
		t.Errorf("nothing new: %+v %v", v, err)
	}
	_, err = reg.Check(t.Context(), "s", registry.Latest, registry.RegisterRequest{})
	wantCode(t, err, registry.ErrInvalidSchema)
}

// TestValidateNewSchemas: where it is off, what other registries have let in is
// taken here too.
func TestValidateNewSchemas(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	wrong := record(`{"name":"a","type":"int","default":"x"}`)
	_, err := reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: wrong})
	wantCode(t, err, registry.ErrInvalidSchema)
	configure(t, reg, "s", `{"validateNewSchemas":false}`)
	mustRegister(t, reg, "s", wrong)
	configure(t, reg, "s", `{"validateNewSchemas":true}`)
	_, err = reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: record(`{"name":"b","type":"int","default":"x"}`)})
	wantCode(t, err, registry.ErrInvalidSchema)
}

// TestAlias: one step, in the context of the subject that has it; what cannot be
// an alias is refused.
func TestAlias(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	configure(t, reg, "old", `{"alias":"new"}`)
	configure(t, reg, "older", `{"alias":"old"}`)
	configure(t, reg, ":.lab:old", `{"alias":"new"}`)
	configure(t, reg, "out", `{"alias":":.lab:new"}`)
	configure(t, reg, "spelled", `{"alias":":.:new"}`)
	configure(t, reg, "none", `{"alias":""}`)
	for name, want := range map[string]string{"old": "new", "older": "old", "new": "new", "": "", ":.lab:old": ":.lab:new", "out": ":.lab:new", "spelled": "new", "none": "none", "unknown": "unknown"} {
		if got := reg.Alias(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	configure(t, reg, "old", `{"alias":null}`)
	if got := reg.Alias("old"); got != "old" {
		t.Errorf("an alias that was cleared: %q", got)
	}
	for scope, alias := range map[string]string{"": `"x"`, ":.lab:": `"x"`, "self": `"self"`, "a": `"__GLOBAL"`, "b": `":.lab:"`, "c": `"x\u0000"`, "d": `":.__GLOBAL:x"`} {
		_, err := reg.SetSetting(t.Context(), alice, scope, registry.Setting{"alias": json.RawMessage(alias)})
		wantCode(t, err, registry.ErrInvalidSubject)
	}
}

// TestSettingRefused: what would be kept without effect, or is not of its form.
func TestSettingRefused(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	for change, code := range map[string]registry.ErrorCode{
		`{"compatibilityLevel":"SOME"}`:                                      registry.ErrInvalidLevel,
		`{"compatibilityLevel":7}`:                                           registry.ErrInvalidLevel,
		`{"normalize":"true"}`:                                               registry.ErrInvalidLevel,
		`{"validateNewSchemas":1}`:                                           registry.ErrInvalidLevel,
		`{"validateFields":true}`:                                            registry.ErrInvalidLevel,
		`{"validateRules":false}`:                                            registry.ErrInvalidLevel,
		`{"compatibilityPolicy":"LENIENT"}`:                                  registry.ErrInvalidLevel,
		`{"aliasForDeks":"x"}`:                                               registry.ErrInvalidLevel,
		`{"defaultMetadata":"x"}`:                                            registry.ErrInvalidRuleSet,
		`{"overrideRuleSet":{"domainRules":[{"name":"r"}]}}`:                 registry.ErrInvalidRuleSet,
		`{"validateFields":false,"validateRules":true,"normalize":false}`:    0,
		`{"compatibilityPolicy":null,"aliasForDeks":null,"alias":null}`:      0,
		`{"defaultRuleSet":null,"overrideMetadata":{},"defaultMetadata":{}}`: 0,
	} {
		var setting registry.Setting
		if err := json.Unmarshal([]byte(change), &setting); err != nil {
			t.Fatal(err)
		}
		before, _ := reg.Setting("s", true)
		_, err := reg.SetSetting(t.Context(), alice, "s", setting)
		if got := registry.CodeOf(err); got != code {
			t.Errorf("%s: %v, want %d", change, err, code)
		}
		if after, _ := reg.Setting("s", true); code != 0 && string(after.Bytes("")) != string(before.Bytes("")) {
			t.Errorf("%s was refused and changed %s to %s", change, before.Bytes(""), after.Bytes(""))
		}
	}
}

// TestSearchFields: fields are found in the latest live version of each subject,
// in any case, through references, and never what is only said in a doc.
func TestSearchFields(t *testing.T) {
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	configure(t, reg, "", `{"compatibilityLevel":"NONE"}`)
	find := func(name string) (out []string) {
		for _, m := range reg.SearchFields(name) {
			out = append(out, m.Subject+":"+m.Path)
		}
		return out
	}
	same := func(name string, want ...string) {
		t.Helper()
		got := find(name)
		if len(got) != len(want) {
			t.Fatalf("%q: %v, want %v", name, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%q: %v, want %v", name, got, want)
			}
		}
	}
	same("icn")
	mustRegister(t, reg, "a", record(`{"name":"patientIcn","type":"string","doc":"has \"name\":\"birthday\" in it"}`))
	mustRegister(t, reg, "b", record(`{"name":"icn","type":"long"},{"name":"other","type":"int"}`))
	same("ICN", "a:patientIcn", "b:icn")
	same("birthday")
	same("  ")
	same("Letter") // the name of the record is not a field
	mustRegister(t, reg, "b", record(`{"name":"other","type":"int"}`))
	same("icn", "a:patientIcn")
	mustDelete(t, reg, "b", false, 2)
	same("icn", "a:patientIcn", "b:icn") // version 1 is the latest again
	mustDelete(t, reg, "a", false, 1)
	same("icn", "b:icn")
	if _, err := reg.RestoreVersion(t.Context(), alice, "a", 1); err != nil {
		t.Fatal(err)
	}
	same("icn", "a:patientIcn", "b:icn")
}
