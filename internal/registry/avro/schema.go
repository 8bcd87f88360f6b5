package avro

import "strings"

// Schema is one parsed schema with its references bound. It never changes and may
// be used by many goroutines at once. It holds memory in proportion to the text
// and the references, so hold few and keep texts instead.
type Schema struct {
	root      *node
	canonical string
	known     []string // full names of the references' top types, which print as names
}

// Name is the full name of a record, enum or fixed at the top of the schema, and
// "" for every other schema.
func (s *Schema) Name() string {
	if s.root.named() {
		return s.root.name.full
	}
	return ""
}

type kind uint8

const (
	kindNull kind = iota
	kindBoolean
	kindInt
	kindLong
	kindFloat
	kindDouble
	kindBytes
	kindString
	kindRecord
	kindEnum
	kindArray
	kindMap
	kindUnion
	kindFixed
	kindPending // a name that was not defined yet when it was read
)

var kindWords = [...]string{"null", "boolean", "int", "long", "float", "double", "bytes", "string",
	"record", "enum", "array", "map", "union", "fixed", "record"}

func (k kind) String() string { return kindWords[k] }

func primitive(word string) (kind, bool) {
	for k := kindNull; k <= kindString; k++ {
		if kindWords[k] == word {
			return k, true
		}
	}
	return 0, false
}

// node is one type. Primitives have a node for each place where they occur, named
// types one for each definition, shared by all places that name it; Compatible
// depends on these identities as Java does.
type node struct {
	kind     kind
	isError  bool // {"type":"error"}: a record that prints as error
	complete bool // a record whose fields are set
	text     int  // which text of the Parse defined it: references first, the main schema last

	name        typeName // named types; for kindPending the full name looked for
	doc         *string
	aliases     []typeName
	fields      []*field
	index       map[string]int // fields by name, nil when there are few
	symbols     []string
	enumDefault *string
	size        int
	item        *node   // items of an array, values of a map
	branches    []*node // union
	props       []member
	at          *place // kindPending only
}

type field struct {
	name     string
	position int
	typ      *node
	doc      *string
	def      *value
	order    string // "" is ascending
	aliases  []string
	props    []member
}

func (n *node) named() bool {
	return n.kind == kindRecord || n.kind == kindEnum || n.kind == kindFixed
}

// fullName is what a union tells its branches apart by.
func (n *node) fullName() string {
	if n.named() {
		return n.name.full
	}
	return n.kind.String()
}

const fewFields = 8

func (n *node) setFields(fields []*field) {
	n.fields, n.complete = fields, true
	if len(fields) > fewFields {
		n.index = make(map[string]int, len(fields))
	}
	for i, f := range fields {
		f.position = i
		if n.index != nil {
			n.index[f.name] = i
		}
	}
}

func (n *node) field(name string) *field {
	if n.index != nil {
		if i, ok := n.index[name]; ok {
			return n.fields[i]
		}
		return nil
	}
	for _, f := range n.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

// prop returns the text of a property that is a string.
func prop(props []member, name string) string {
	for _, p := range props {
		if p.name == name && p.value.kind == stringValue {
			return p.value.text
		}
	}
	return ""
}

// typeName is a name with its namespace; "" is the null namespace.
type typeName struct{ name, space, full string }

// qualify reads name as Avro does: what stands before its last dot is its
// namespace, without a dot it lives in space.
func qualify(name, space string) typeName {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		name, space = name[dot+1:], name[:dot]
	}
	if space == "" {
		return typeName{name: name, full: name}
	}
	return typeName{name: name, space: space, full: space + "." + name}
}

// within is the shortest text that names t from inside space. A type with the
// name of a kind of type keeps its namespace: {"name":"a.record"}.
func (t typeName) within(space string) string {
	if t.space == "" || t.space != space {
		return t.full
	}
	for _, word := range kindWords {
		if word == t.name {
			return t.full
		}
	}
	return t.name
}

// alias is how SchemaCompatibility spells an alias of a type in namespace space:
// an alias without a namespace gets a leading dot when the type has one, and so
// never equals the name of any writer.
func (t typeName) alias(space string) string {
	if t.space == "" && space != "" {
		return "." + t.name
	}
	return t.full
}

// badName says why a strict parser refuses name, "" when it does not.
func badName(name string) string {
	if name == "" {
		return "Empty name"
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && i == 0 {
			return "Illegal initial character: " + name
		}
		if !letter && (c < '0' || c > '9') {
			return "Illegal character in: " + name
		}
	}
	return ""
}
