package portal

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
)

// inputKind says how a field is typed in and how its text becomes a value.
type inputKind string

// The kinds of inputs.
const (
	inputText   inputKind = "text"
	inputLong   inputKind = "long"   // several lines
	inputCode   inputKind = "code"   // several lines, monospaced
	inputNumber inputKind = "number" // whole
	inputDate   inputKind = "date"
	inputCheck  inputKind = "check" // true when ticked
	inputSelect inputKind = "select"
	inputRadio  inputKind = "radio"
	inputChecks inputKind = "checks" // several of a list
	inputLines  inputKind = "lines"  // one value a line
)

// input describes one field of a request's form. Path is where its value lives
// in the content ("event.sourceSystems.0.systemName"); faults carry such paths.
type input struct {
	path     string
	kind     inputKind
	label    string
	hint     string
	required bool
	options  []Choice
	rows     int
	suggest  []string // completions
}

// inputView is an input as the template draws it.
type inputView struct {
	ID, Name, Kind, Label, Hint, Value string
	Required, Checked                  bool
	Options                            []Choice
	Rows                               int
	Faults                             []string
	Describes                          string // ids of hint and faults
	Suggest                            []string
	Step                               int
}

// document is a content as nested maps, so that a form can change what it knows
// and leave the rest as it stands.
type document map[string]any

func documentOf(content json.RawMessage) document {
	d := document{}
	if json.Unmarshal(content, &d) != nil {
		return document{}
	}
	return d
}

// get reads the value at a dotted path.
func (d document) get(path string) any {
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

// set writes the value at a dotted path and makes what leads there; a nil value
// takes it away.
func (d document) set(path string, value any) {
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
		return slices.DeleteFunc(list, vacant)
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
	if vacant(fields[key]) {
		delete(fields, key)
	}
	return fields
}

// vacant reports whether a value says nothing.
func vacant(value any) bool {
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

// take puts what a form sent for an input into the document. A fault says that
// the text is no value of its kind.
func (d document) take(in input, form url.Values) *eventbus.Fault {
	text := strings.TrimSpace(strings.ReplaceAll(form.Get(in.path), "\r\n", "\n"))
	switch in.kind {
	case inputNumber:
		if text == "" {
			d.set(in.path, nil)
			return nil
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		if err != nil {
			return &eventbus.Fault{Path: in.path, Message: fmt.Sprintf("“%s” is not a whole number", text), Fix: "write digits only"}
		}
		d.set(in.path, n)
	case inputCheck:
		d.set(in.path, nil)
		if text != "" {
			d.set(in.path, true)
		}
	case inputChecks:
		d.set(in.path, listOf(form[in.path]))
	case inputLines:
		d.set(in.path, listOf(strings.Split(text, "\n")))
	default:
		d.set(in.path, text)
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

// content turns the document into what onboarding keeps.
func (d document) content(kind eventbus.RequestKind) (onboarding.Content, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the form does not encode: %w", err)
	}
	return onboarding.DecodeContent(kind, text)
}

// view makes the input ready for the template, with its value and its faults.
func (d document) view(in input, step int, faults []eventbus.Fault) inputView {
	out := inputView{ID: inputID(in.path), Name: in.path, Kind: string(in.kind), Label: in.label, Hint: in.hint, Required: in.required,
		Rows: in.rows, Suggest: in.suggest, Step: step}
	if out.Rows == 0 {
		out.Rows = 4
	}
	value := d.get(in.path)
	out.Value = shown(value)
	out.Checked = value == true
	for _, o := range in.options {
		o.Chosen = o.Value == out.Value
		if list, ok := value.([]any); ok {
			o.Chosen = slices.Contains(list, any(o.Value))
		}
		out.Options = append(out.Options, o)
	}
	for _, f := range faults {
		if in.owns(f.Path) {
			text := sentence(f.Message)
			if f.Fix != "" {
				text += ". " + sentence(f.Fix) + "."
			}
			out.Faults = append(out.Faults, text)
		}
	}
	var described []string
	if in.hint != "" {
		described = append(described, out.ID+"-hint")
	}
	if len(out.Faults) > 0 {
		described = append(described, out.ID+"-error")
	}
	out.Describes = strings.Join(described, " ")
	return out
}

// owns reports whether a fault's path is about the input: the path itself or
// something within it.
func (in input) owns(path string) bool {
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	return path == in.path || strings.HasPrefix(path, in.path+".")
}

func inputID(path string) string { return "f-" + strings.ReplaceAll(path, ".", "-") }

// shown writes a value as it stands in its field.
func shown(value any) string {
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
			lines = append(lines, shown(line))
		}
		return strings.Join(lines, "\n")
	default:
		return ""
	}
}
