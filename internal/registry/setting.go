package registry

import (
	"encoding/json"
	"maps"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Mode says what may be done with a subject.
type Mode string

// The modes that work here; Confluent's READONLY_OVERRIDE and FORWARD are read
// from a topic and treated as READONLY.
const (
	ModeReadWrite Mode = "READWRITE"
	ModeReadOnly  Mode = "READONLY"
	ModeImport    Mode = "IMPORT"
)

// ParseMode reads one of the modes that may be set.
func ParseMode(s string) (Mode, bool) {
	m := Mode(s)
	return m, slices.Contains([]Mode{ModeReadWrite, ModeReadOnly, ModeImport}, m)
}

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

func (s Setting) text(name string) string {
	var out string
	if json.Unmarshal(s[name], &out) != nil {
		return ""
	}
	return out
}

// merge applies a change: absent keeps, null clears.
func (s Setting) merge(change Setting) Setting {
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

// bytes writes the value of the CONFIG record.
func (s Setting) bytes(subject string) []byte {
	b := []byte{'{'}
	add := func(name string, value []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(quote(b, name), ':'), value...)
	}
	if subject != "" {
		add("subject", quote(nil, subject))
	}
	for _, name := range settingOrder {
		if value, ok := s[name]; ok {
			add(name, value)
		}
	}
	for _, name := range sortedKeys(s) {
		if name != "subject" && !slices.Contains(settingOrder, name) {
			add(name, s[name])
		}
	}
	return append(b, '}')
}

// MarshalJSON writes the properties in Confluent's order.
func (s Setting) MarshalJSON() ([]byte, error) { return s.bytes(""), nil }

// parseSetting reads the value of a CONFIG record; nulls count as absent.
func parseSetting(raw []byte) (Setting, error) {
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
