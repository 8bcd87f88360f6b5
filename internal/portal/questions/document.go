package questions

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// Document is the content of a request as nested maps, so that a form can change what it knows
// and leave the rest as it stands.
type Document map[string]any

// DocumentOf reads a stored content; what cannot be read is empty.
func DocumentOf(content json.RawMessage) Document {
	d := Document{}
	if json.Unmarshal(content, &d) != nil {
		return Document{}
	}
	return d
}

// Get reads the value at a dotted path.
func (d Document) Get(path string) any {
	var at any = map[string]any(d)
	for _, key := range strings.Split(path, ".") {
		switch holder := at.(type) {
		case map[string]any:
			at = holder[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(holder) {
				return nil
			}
			at = holder[i]
		default:
			return nil
		}
	}
	return at
}

// Set writes the value at a dotted path and makes what leads there; a nil value
// takes it away.
func (d Document) Set(path string, value any) {
	keys := strings.Split(path, ".")
	setIn(map[string]any(d), keys, value)
}

func setIn(holder any, keys []string, value any) any {
	key := keys[0]
	if i, err := strconv.Atoi(key); err == nil {
		list, _ := holder.([]any)
		if i < 0 || i > 20 {
			return list
		}
		for len(list) <= i {
			list = append(list, nil)
		}
		if len(keys) == 1 {
			list[i] = value
		} else {
			list[i] = setIn(list[i], keys[1:], value)
		}
		return slices.DeleteFunc(list, Vacant)
	}
	fields, ok := holder.(map[string]any)
	if !ok {
		fields = map[string]any{}
	}
	if len(keys) == 1 {
		fields[key] = value
	} else {
		fields[key] = setIn(fields[key], keys[1:], value)
	}
	if Vacant(fields[key]) {
		delete(fields, key)
	}
	return fields
}

// Vacant reports whether a value says nothing.
func Vacant(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	default:
		return false
	}
}

// Take puts what a form sent for an input into the document. A fault says that
// the text is no value of its kind.
func (d Document) Take(in Input, form url.Values) *eventbus.Fault {
	text := strings.TrimSpace(strings.ReplaceAll(form.Get(in.Path), "\r\n", "\n"))
	switch in.Kind {
	case Number:
		if text == "" {
			d.Set(in.Path, nil)
			return nil
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		if err != nil {
			return &eventbus.Fault{Path: in.Path, Message: fmt.Sprintf("“%s” is not a whole number", text), Fix: "write digits only"}
		}
		d.Set(in.Path, n)
	case Check:
		d.Set(in.Path, nil)
		if text != "" {
			d.Set(in.Path, true)
		}
	case Checks:
		d.Set(in.Path, listOf(form[in.Path]))
	case Lines:
		d.Set(in.Path, listOf(strings.Split(text, "\n")))
	default:
		d.Set(in.Path, text)
	}
	return nil
}

func listOf(lines []string) any {
	list := []any{}
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// Shown writes a value as it stands in its field.
func Shown(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		lines := make([]string, 0, len(v))
		for _, line := range v {
			lines = append(lines, Shown(line))
		}
		return strings.Join(lines, "\n")
	default:
		return ""
	}
}
