package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Setting is the configuration of a subject, or of the whole registry: the
// properties of a CONFIG record by their JSON names. Unknown properties are kept.
type Setting map[string]json.RawMessage

// settingOrder is the order in which Confluent writes the properties.
var settingOrder = []string{"alias", "aliasForDeks", "normalize", "validateFields", "validateNewSchemas", "validateRules",
	"compatibilityLevel", "compatibilityPolicy", "compatibilityGroup", "defaultMetadata", "overrideMetadata", "defaultRuleSet", "overrideRuleSet"}

// Level gives the compatibility level, false if none is set.
func (s Setting) Level() (eventbus.Compatibility, bool) {
	return eventbus.ParseCompatibility(s.text("compatibilityLevel"))
}

// Normalize reports whether schemas are normalised when the request does not
// say so itself.
func (s Setting) Normalize() bool { return string(s["normalize"]) == "true" }

// Group names the metadata property whose value divides the versions into
// groups that are compared only among themselves; empty = one group.
func (s Setting) Group() string { return s.text("compatibilityGroup") }

// Alias is the subject that answers for this one; empty = none.
func (s Setting) Alias() string { return s.text("alias") }

// Lax reports whether new schemas are parsed as leniently as stored ones:
// validateNewSchemas is false.
func (s Setting) Lax() bool { return string(s["validateNewSchemas"]) == "false" }

// Layers are the metadata and rules that a setting lays under (Default) and over
// (Override) those of each new schema.
type Layers struct {
	DefaultMetadata, OverrideMetadata *Metadata
	DefaultRuleSet, OverrideRuleSet   *RuleSet
}

// Layers reads the metadata and rules of the setting; an error names the property
// that is not of its form.
func (s Setting) Layers() (Layers, error) {
	var out Layers
	for name, into := range map[string]any{"defaultMetadata": &out.DefaultMetadata, "overrideMetadata": &out.OverrideMetadata,
		"defaultRuleSet": &out.DefaultRuleSet, "overrideRuleSet": &out.OverrideRuleSet} {
		raw, ok := s[name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, into); err != nil {
			return Layers{}, fmt.Errorf("%s is not of its form: %w", name, err)
		}
	}
	for _, rules := range []*RuleSet{out.DefaultRuleSet, out.OverrideRuleSet} {
		if err := rules.Validate(); err != nil {
			return Layers{}, err
		}
	}
	return out, nil
}

func (s Setting) text(name string) string {
	var out string
	if json.Unmarshal(s[name], &out) != nil {
		return ""
	}
	return out
}

// Merge applies a change: absent keeps, null clears.
func (s Setting) Merge(change Setting) Setting {
	out := maps.Clone(s)
	if out == nil {
		out = Setting{}
	}
	for name, value := range change {
		if string(value) == "null" {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

// Bytes writes the value of the CONFIG record.
func (s Setting) Bytes(subject string) []byte {
	b := []byte{'{'}
	add := func(name string, value []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(Quote(b, name), ':'), value...)
	}
	if subject != "" {
		add("subject", Quote(nil, subject))
	}
	for _, name := range settingOrder {
		if value, ok := s[name]; ok {
			add(name, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if name != "subject" && !slices.Contains(settingOrder, name) {
			add(name, s[name])
		}
	}
	return append(b, '}')
}

// MarshalJSON writes the properties in Confluent's order.
func (s Setting) MarshalJSON() ([]byte, error) { return s.Bytes(""), nil }

// ParseSetting reads the value of a CONFIG record; nulls count as absent.
func ParseSetting(raw []byte) (Setting, error) {
	var s Setting
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	delete(s, "subject")
	for name, value := range s {
		if string(value) == "null" {
			delete(s, name)
		}
	}
	return s, nil
}
