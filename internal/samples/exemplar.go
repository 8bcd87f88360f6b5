package samples

import (
	"encoding/json"
	"strings"
)

// Exemplar makes up a value that fits an Avro schema, in Avro's JSON encoding,
// for Topic.Example: a producing sample then sends something that is accepted.
// It is "{}" for a text that it cannot follow.
func Exemplar(schema string) string {
	var tree any
	if json.Unmarshal([]byte(schema), &tree) != nil {
		return "{}"
	}
	m := exemplars{names: map[string]any{}, room: 500}
	text, err := json.Marshal(m.value(tree, ""))
	if err != nil {
		return "{}"
	}
	return string(text)
}

// exemplars remembers named types, which a schema may use again by name, and
// how many values it may still make.
type exemplars struct {
	names map[string]any
	room  int
}

func (m *exemplars) value(schema any, space string) any {
	if m.room--; m.room < 0 {
		return nil
	}
	switch s := schema.(type) {
	case string:
		return m.named(s, space)
	case []any:
		return m.union(s, space)
	case map[string]any:
		return m.complex(s, space)
	default:
		return nil
	}
}

func (m *exemplars) named(name, space string) any {
	switch name {
	case "string":
		return "made-up"
	case "int", "long":
		return 1
	case "float", "double":
		return 1.5
	case "boolean":
		return true
	case "bytes":
		return ""
	case "null":
		return nil
	}
	for _, full := range []string{name, space + "." + name} {
		if known, ok := m.names[full]; ok {
			return m.value(known, space)
		}
	}
	return nil
}

// union takes its first branch; Avro's JSON encoding names it, unless it is null.
func (m *exemplars) union(branches []any, space string) any {
	if len(branches) == 0 || branches[0] == "null" {
		return nil
	}
	name, _ := branches[0].(string)
	if _, known := m.names[space+"."+name]; known {
		name = space + "." + name
	}
	if branch, ok := branches[0].(map[string]any); ok {
		name, _ = branch["type"].(string)
		if own, named := branch["name"].(string); named {
			name = qualified(own, branch, space)
		}
	}
	return map[string]any{name: m.value(branches[0], space)}
}

func (m *exemplars) complex(s map[string]any, space string) any {
	kind, ok := s["type"].(string)
	if !ok {
		return m.value(s["type"], space)
	}
	if name, named := s["name"].(string); named && (kind == "record" || kind == "enum" || kind == "fixed") {
		full := qualified(name, s, space)
		m.names[full] = s
		space = full[:max(strings.LastIndex(full, "."), 0)]
	}
	switch kind {
	case "record":
		fields := map[string]any{}
		list, _ := s["fields"].([]any)
		for _, f := range list {
			if field, ok := f.(map[string]any); ok {
				if name, ok := field["name"].(string); ok {
					fields[name] = m.value(field["type"], space)
				}
			}
		}
		return fields
	case "enum":
		if symbols, ok := s["symbols"].([]any); ok && len(symbols) > 0 {
			return symbols[0]
		}
		return nil
	case "array":
		return []any{}
	case "map":
		return map[string]any{}
	case "fixed":
		size, _ := s["size"].(float64)
		return strings.Repeat("\u0000", int(min(max(size, 0), 4096)))
	default:
		return m.named(kind, space)
	}
}

// qualified is the full name of a named type.
func qualified(name string, s map[string]any, space string) string {
	if own, ok := s["namespace"].(string); ok {
		space = own
	}
	if strings.Contains(name, ".") || space == "" {
		return name
	}
	return space + "." + name
}
