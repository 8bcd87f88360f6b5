package avro

import (
	"fmt"
	"strings"
)

// Field is one field of a schema, at whatever depth.
type Field struct {
	// Path leads to the field from the top, by field names: address.city. It goes
	// into arrays as lines[].code, into maps as labels{}.text, and where a union
	// has more than one branch besides null as payload<a.Claim>.icn.
	Path       string
	Name       string // the field's own name
	Type       string // readable: "string", "array of long", "record a.B", "null or string"
	Doc        string
	Default    string // JSON text; meaningful only with HasDefault
	HasDefault bool
	Optional   bool     // the type is a union with null
	Logical    string   // valid logical type of the type, or of its only branch besides null; else ""
	Symbols    []string // symbols, likewise, of an enum
	Tags       []string // confluent:tags of the field and of its type
	Inherited  []string // confluent:tags of the fields and types around it
	Aliases    []string
	Depth      int // 0 for a field of the top record
}

// TagsProperty is the property of fields and types that carries their tags.
const TagsProperty = "confluent:tags"

// Fields lists every field depth first, in the order of the text. A record inside
// itself is not listed again. The list ends after 10,000 fields, or before that
// when the paths get very long.
func (s *Schema) Fields() []Field {
	l := lister{inside: map[*node]bool{}, steps: stepsToList, bytes: bytesToList}
	l.types(s.root, "", 0, nil)
	return l.fields
}

// Doc is the documentation of the top type, "" when it has none.
func (s *Schema) Doc() string { return deref(s.root.doc) }

// Type says in words what the schema is: "record a.B", "array of string".
func (s *Schema) Type() string { return readable(s.root) }

// Tags are the confluent:tags of the top type.
func (s *Schema) Tags() []string { return tagsOf(s.root.props) }

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// Bounds of Fields and Diff: visits of types, and bytes of all paths together.
const (
	stepsToList = 100_000
	bytesToList = 4 << 20
)

type lister struct {
	fields       []Field
	inside       map[*node]bool // records around the current place
	steps, bytes int
}

func (l *lister) types(n *node, path string, depth int, inherited []string) {
	if l.steps--; l.steps < 0 || l.inside[n] {
		return
	}
	switch n.kind {
	case kindArray:
		l.types(n.item, path+"[]", depth, inherited)
	case kindMap:
		l.types(n.item, path+"{}", depth, inherited)
	case kindUnion:
		for _, b := range n.branches {
			l.types(b, branchPath(path, n, b), depth, inherited)
		}
	case kindRecord:
		l.inside[n] = true
		defer delete(l.inside, n)
		inherited = plus(inherited, tagsOf(n.props))
		for _, f := range n.fields {
			l.field(f, path, depth, inherited)
		}
	}
}

func (l *lister) field(f *field, path string, depth int, inherited []string) {
	path = fieldPath(path, f.name)
	if l.bytes -= len(path); len(l.fields) == maxListedFields || l.bytes < 0 || l.steps < 0 {
		return
	}
	only := unwrap(f.typ)
	out := Field{Path: path, Name: f.name, Type: readable(f.typ), Doc: deref(f.doc), Depth: depth,
		Optional: f.typ.kind == kindUnion && nullable(f.typ), Logical: logicalType(only), Symbols: only.symbols,
		Aliases: f.aliases, Inherited: inherited, Tags: plus(tagsOf(f.props), typeTags(f.typ))}
	if f.def != nil {
		out.HasDefault, out.Default = true, f.def.String()
	}
	l.fields = append(l.fields, out)
	l.types(f.typ, path, depth+1, plus(inherited, tagsOf(f.props)))
}

func fieldPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// branchPath adds the branch's name where the union leaves a choice.
func branchPath(path string, union, branch *node) string {
	if unwrap(union) != union {
		return path
	}
	return path + "<" + branch.fullName() + ">"
}

func nullable(n *node) bool {
	for _, b := range n.branches {
		if b.kind == kindNull {
			return true
		}
	}
	return n.kind == kindNull
}

// unwrap gives the only branch besides null of a union, otherwise n itself.
func unwrap(n *node) *node {
	var only *node
	for _, b := range n.branches {
		if b.kind == kindNull {
			continue
		}
		if only != nil {
			return n
		}
		only = b
	}
	if only == nil {
		return n
	}
	return only
}

func tagsOf(props []member) []string {
	v := find(props, TagsProperty)
	if v == nil {
		return nil
	}
	if v.kind == stringValue {
		return []string{v.text}
	}
	var tags []string
	for _, item := range v.items {
		if item.kind == stringValue {
			tags = append(tags, item.text)
		}
	}
	return tags
}

// typeTags are the tags of n and of what it directly holds; those of a record's
// fields are the fields' own.
func typeTags(n *node) []string {
	tags := tagsOf(n.props)
	for n.item != nil {
		n = n.item
		tags = plus(tags, tagsOf(n.props))
	}
	for _, b := range n.branches {
		tags = plus(tags, tagsOf(b.props))
	}
	return tags
}

// plus joins two lists without repeating what the first one has.
func plus(list, more []string) []string {
	for _, m := range more {
		if !contains(list, m) {
			list = append(list[:len(list):len(list)], m)
		}
	}
	return list
}

// readable says in words what n is.
func readable(n *node) string {
	const shownBranches = 8
	switch n.kind {
	case kindArray:
		return "array of " + grouped(n.item)
	case kindMap:
		return "map of " + grouped(n.item)
	case kindRecord, kindEnum:
		return n.kind.String() + " " + clip(n.name.full)
	case kindPending:
		return "type " + clip(n.name.full)
	case kindFixed:
		return withLogical(n, fmt.Sprintf("fixed %s of %d bytes", clip(n.name.full), n.size))
	case kindUnion:
		var words []string
		for i, b := range n.branches {
			if i == shownBranches {
				words = append(words, fmt.Sprintf("%d more", len(n.branches)-i))
				break
			}
			words = append(words, readable(b))
		}
		if len(words) == 0 {
			return "nothing (a union without branches)"
		}
		return strings.Join(words, " or ")
	}
	return withLogical(n, n.kind.String())
}

func grouped(n *node) string {
	if n.kind == kindUnion && len(n.branches) > 1 {
		return "(" + readable(n) + ")"
	}
	return readable(n)
}

func withLogical(n *node, text string) string {
	switch word := logicalType(n); word {
	case "":
		return text
	case "decimal":
		precision, _ := intProp(n, "precision")
		scale, _ := intProp(n, "scale")
		return fmt.Sprintf("%s (decimal, %d digits, %d after the point)", text, precision, scale)
	default:
		return text + " (" + word + ")"
	}
}

// clip keeps a hostile name from filling a message.
func clip(name string) string { return clipTo(name, 200) }

// clipTo cuts text after most bytes; what it gives does not hold on to the rest.
func clipTo(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
