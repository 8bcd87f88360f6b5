package document

import (
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"gopkg.in/yaml.v3"
)

// Decode fills a struct by its yaml tags. Unknown keys and values of a wrong
// kind are faults, reported all at once with line and column; the error is then
// CodeInvalid and into is untouched. Dates may stand without quotes: a string
// field takes any scalar as it is written.
func (d Document) Decode(into any) error {
	if d.root == nil {
		return eventbus.Invalid("the document is empty")
	}
	f := fitter{checker{file: d.file, limits: Limits{}.withDefaults()}}
	f.fit(d.root, reflect.TypeOf(into).Elem(), "")
	if len(f.faults) > 0 {
		return eventbus.Invalid(named(d.file)+" does not have the expected fields", f.faults...)
	}
	if err := d.root.Decode(into); err != nil {
		return eventbus.Invalid(named(d.file)+" cannot be read", syntaxFault(err, d.file))
	}
	return nil
}

// fitter compares a document with a Go type before it is decoded, because
// yaml.v3's own errors name Go types and no columns.
type fitter struct{ checker }

func (f *fitter) fit(n *yaml.Node, t reflect.Type, path string) {
	if null(n) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		f.fit(n, t.Elem(), path)
	case reflect.Struct:
		f.fitStruct(n, t, path)
	case reflect.Map:
		if f.kind(n, yaml.MappingNode, path, "write key: value pairs") {
			for i := 0; i+1 < len(n.Content); i += 2 {
				f.fit(n.Content[i+1], t.Elem(), join(path, n.Content[i].Value))
			}
		}
	case reflect.Slice:
		if f.kind(n, yaml.SequenceNode, path, "write a list: [a, b]") {
			for i, item := range n.Content {
				f.fit(item, t.Elem(), path+"["+strconv.Itoa(i)+"]")
			}
		}
	case reflect.Interface:
	default:
		f.fitScalar(n, t, path)
	}
}

func (f *fitter) kind(n *yaml.Node, want yaml.Kind, path, fix string) bool {
	if n.Kind == want {
		return true
	}
	f.add(n, path, "is "+kindName(n.Kind)+", not "+kindName(want), fix)
	return false
}

func kindName(k yaml.Kind) string {
	switch k {
	case yaml.MappingNode:
		return "a group of fields"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "a single value"
	}
}

func (f *fitter) fitScalar(n *yaml.Node, t reflect.Type, path string) {
	if !f.kind(n, yaml.ScalarNode, path, "write a single value") {
		return
	}
	var err error
	switch t.Kind() {
	case reflect.Bool:
		if n.Tag != "!!bool" {
			f.add(n, path, fmt.Sprintf("%q is not true or false", brief(n.Value)), "write true or false")
		}
		return
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if _, err = strconv.ParseInt(n.Value, 10, t.Bits()); err != nil || n.Tag != "!!int" {
			f.add(n, path, fmt.Sprintf("%q is not a whole number", brief(n.Value)), "write digits only, without quotes: 1000")
		}
	case reflect.Float32, reflect.Float64:
		if _, err = strconv.ParseFloat(n.Value, 64); err != nil {
			f.add(n, path, fmt.Sprintf("%q is not a number", brief(n.Value)), "write a number such as 2.5")
		}
	}
}

func (f *fitter) fitStruct(n *yaml.Node, t reflect.Type, path string) {
	if !f.kind(n, yaml.MappingNode, path, "write its fields below it, indented") {
		return
	}
	fields := map[string]reflect.Type{}
	open := yamlFields(t, fields)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, known := fields[key.Value]
		if !known && open {
			continue
		}
		if !known {
			f.add(key, join(path, brief(key.Value)), "unknown field", suggestion(key.Value, fields))
			continue
		}
		f.fit(n.Content[i+1], field, join(path, key.Value))
	}
}

// yamlFields collects the fields of a struct by their keys; open tells that an
// inline map takes every other key.
func yamlFields(t reflect.Type, into map[string]reflect.Type) (open bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !field.IsExported() && !field.Anonymous:
		case options == "inline" && field.Type.Kind() == reflect.Map:
			open = true
		case options == "inline":
			open = yamlFields(field.Type, into) || open
		case name == "":
			into[strings.ToLower(field.Name)] = field.Type
		default:
			into[name] = field.Type
		}
	}
	return open
}

// suggestion names the known field closest to an unknown one, or all of them
// when they are few.
func suggestion(key string, fields map[string]reflect.Type) string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sort.Strings(names)
	near := Near(key, names)
	switch {
	case near != "":
		return "did you mean " + near + "?"
	case len(names) > 0 && len(names) <= 24:
		return "the fields here are " + strings.Join(names, ", ")
	default:
		return ""
	}
}

// Near gives the name that differs from key by one or two edits or in case
// only, "" for none.
func Near(key string, names []string) string {
	best, least := "", 3
	for _, name := range names {
		if d := distance(strings.ToLower(key), strings.ToLower(name)); d < least && d < len(name) {
			best, least = name, d
		}
	}
	return best
}

// distance is Levenshtein's, bounded by the first 64 bytes.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost = 1 + min(previous, row[j], row[j+1])
			}
			previous, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

func brief(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// Locate gives faults that know only their path the file, line and column of
// the nearest thing on that path that is written in the document.
func (d Document) Locate(faults []eventbus.Fault) []eventbus.Fault {
	if d.root == nil {
		return faults
	}
	located := make([]eventbus.Fault, len(faults))
	for i, fault := range faults {
		if fault.File == "" {
			fault.File = d.file
		}
		if fault.Line == 0 {
			n := nearest(d.root, fault.Path)
			fault.Line, fault.Column = n.Line, n.Column
		}
		located[i] = fault
	}
	return located
}

// nearest walks along a path as far as the document goes: to the value of a
// field when it is a scalar, else to its key, and to the item of a list.
func nearest(root *yaml.Node, path string) *yaml.Node {
	place := root
	for n := root; n != nil && path != ""; {
		key, value, rest := along(n, path)
		if value == nil {
			break
		}
		place = value
		if key != nil && value.Kind != yaml.ScalarNode {
			place = key
		}
		n, path = value, strings.TrimPrefix(rest, ".")
	}
	return place
}

// along takes one step: the longest key that the path begins with, or the item
// that it names. value is nil when there is none.
func along(n *yaml.Node, path string) (key, value *yaml.Node, rest string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			after, begins := strings.CutPrefix(path, n.Content[i].Value)
			if !begins || after != "" && after[0] != '.' && after[0] != '[' || key != nil && len(n.Content[i].Value) <= len(key.Value) {
				continue
			}
			key, value, rest = n.Content[i], n.Content[i+1], after
		}
	case yaml.SequenceNode:
		index, after, closed := strings.Cut(strings.TrimPrefix(path, "["), "]")
		if i, err := strconv.Atoi(index); closed && path[0] == '[' && err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i], after
		}
	}
	return key, value, rest
}
