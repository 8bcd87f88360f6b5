package wire

import (
	"encoding/json"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func setting(t testing.TB, text string) Setting {
	t.Helper()
	s, err := ParseSetting([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSetting: what the properties of a CONFIG value mean.
func TestSetting(t *testing.T) {
	s := setting(t, `{"subject":"s","alias":"t","normalize":true,"validateNewSchemas":false,"compatibilityLevel":"full","compatibilityGroup":"major","later":{"a":[1]}}`)
	level, ok := s.Level()
	if level != eventbus.CompatibilityFull || !ok || s.Alias() != "t" || !s.Normalize() || !s.Lax() || s.Group() != "major" {
		t.Errorf("%s", s.Bytes("s"))
	}
	if got, want := string(s.Bytes("s")), `{"subject":"s","alias":"t","normalize":true,"validateNewSchemas":false,"compatibilityLevel":"full","compatibilityGroup":"major","later":{"a":[1]}}`; got != want {
		t.Errorf("what is not understood must stay:\n got %s\nwant %s", got, want)
	}
	for _, empty := range []string{`{}`, `{"subject":null,"alias":null,"normalize":null,"validateNewSchemas":null,"compatibilityLevel":null,"compatibilityGroup":null}`,
		`{"alias":7,"normalize":"yes","validateNewSchemas":0,"compatibilityLevel":[],"compatibilityGroup":{}}`} {
		s := setting(t, empty)
		if _, ok := s.Level(); ok || s.Alias() != "" || s.Normalize() || s.Lax() || s.Group() != "" {
			t.Errorf("%s means something", empty)
		}
	}
	for _, bad := range []string{``, `[]`, `"x"`, `{"a":}`} {
		if _, err := ParseSetting([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	var nothing Setting
	if got := string(nothing.Bytes("")); got != `{}` {
		t.Error(got)
	}
}

// TestMergeSetting: what a change does not name stays, null clears.
func TestMergeSetting(t *testing.T) {
	own := setting(t, `{"alias":"t","compatibilityLevel":"FULL"}`)
	got := own.Merge(Setting{"alias": json.RawMessage("null"), "normalize": json.RawMessage("true"), "compatibilityGroup": json.RawMessage("null")})
	if string(got.Bytes("")) != `{"normalize":true,"compatibilityLevel":"FULL"}` || own.Alias() != "t" {
		t.Errorf("%s from %s", got.Bytes(""), own.Bytes(""))
	}
	if got := Setting(nil).Merge(Setting{"alias": json.RawMessage(`"t"`)}); got.Alias() != "t" {
		t.Errorf("%s", got.Bytes(""))
	}
}

// TestLayers: defaults and overrides, and what they are refused for.
func TestLayers(t *testing.T) {
	s := setting(t, `{"defaultMetadata":{"properties":{"a":"1"}},"overrideMetadata":{"sensitive":["a"]},
		"defaultRuleSet":{"domainRules":[{"name":"r","type":"CEL"}]},"overrideRuleSet":{"migrationRules":[{"name":"m","type":"CEL","mode":"UPGRADE"}]}}`)
	got, err := s.Layers()
	if err != nil || got.DefaultMetadata.Property("a") != "1" || len(got.OverrideMetadata.Sensitive) != 1 ||
		got.DefaultRuleSet.DomainRules[0].Name != "r" || got.OverrideRuleSet.MigrationRules[0].Name != "m" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := (Setting{}).Layers(); err != nil || got != (Layers{}) {
		t.Errorf("%+v %v", got, err)
	}
	for bad, word := range map[string]string{
		`{"defaultMetadata":[]}`:                                             "defaultMetadata",
		`{"overrideMetadata":{"properties":{"a":1}}}`:                        "overrideMetadata",
		`{"defaultRuleSet":"x"}`:                                             "defaultRuleSet",
		`{"overrideRuleSet":{"domainRules":[{}]}}`:                           "no name",
		`{"defaultRuleSet":{"domainRules":[{"name":"r"}]}}`:                  "no type",
		`{"overrideRuleSet":{"migrationRules":[{"name":"r","type":"CEL"}]}}`: "UPGRADE",
	} {
		if _, err := setting(t, bad).Layers(); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzSetting: what is read is written so that it reads the same, and merging with
// nothing changes nothing.
func FuzzSetting(f *testing.F) {
	for _, seed := range []string{`{}`, `{"subject":"s","compatibilityLevel":"FULL","later":[1,{"a":null}]}`, `{"defaultMetadata":{"tags":{"p":["X"]}}}`, `{"a\u0000":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseSetting(raw)
		if err != nil {
			return
		}
		written := s.Merge(nil).Bytes("s")
		again, err := ParseSetting(written)
		if err != nil {
			t.Fatalf("%s is written as %s: %v", raw, written, err)
		}
		if string(again.Bytes("s")) != string(written) {
			t.Fatalf("%s is written as %s, then as %s", raw, written, again.Bytes("s"))
		}
		_, _ = s.Layers()
	})
}
