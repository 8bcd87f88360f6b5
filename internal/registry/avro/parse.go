package avro

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Parse reads a schema and the references it builds on. Without Options.Lax it
// holds the schema to what a new one must satisfy: names are letters, digits and
// underscores, and every default fits its field. With Lax both are let through,
// which is right for texts that were accepted before. The error is a *ParseError.
func Parse(text string, opt Options) (*Schema, error) {
	max := opt.Limits.orDefault()
	if len(opt.References) > max.MaxReferences {
		return nil, &ParseError{Message: fmt.Sprintf("the schema has %d references, the limit is %d", len(opt.References), max.MaxReferences)}
	}
	p := &parser{lax: opt.Lax, max: max, nodes: max.MaxNodes, steps: stepsToResolve, names: map[string]*node{}}
	s := &Schema{}
	bytes := 0
	for _, ref := range opt.References {
		if bytes += len(ref.Text); bytes > max.MaxBytes {
			return nil, &ParseError{Reference: ref.Name, Message: fmt.Sprintf("the references have more than %d bytes together, which is the limit", max.MaxBytes)}
		}
		top, err := p.read(ref.Text)
		if err != nil {
			e := asParseError(err)
			e.Reference = ref.Name
			return nil, e
		}
		s.known = append(s.known, top.fullName())
	}
	root, err := p.read(text)
	if err != nil {
		return nil, asParseError(err)
	}
	s.root = root
	w := printer{known: s.knownNames(), limit: max.MaxDepth}
	w.schema(root, "")
	if w.tooDeep {
		return nil, &ParseError{Message: fmt.Sprintf("the schema nests its types deeper than %d levels, which is the limit", max.MaxDepth)}
	}
	s.canonical = string(w.b)
	return s, nil
}

func asParseError(err error) *ParseError {
	var e *ParseError
	if !errors.As(err, &e) {
		e = &ParseError{Message: err.Error()}
	}
	e.Path, e.Message = clipTo(e.Path, maxMessage), clipTo(e.Message, maxMessage)
	return e
}

// place is where in the text the parser is: a chain of keys up to the top.
type place struct {
	up  *place
	key string
}

func (a *place) at(key string) *place { return &place{a, key} }

func (a *place) item(key string, i int) *place { return a.at(key).at(strconv.Itoa(i)) }

// pointer is the JSON pointer of the place, "" for the top.
func (a *place) pointer() string {
	var keys []string
	for ; a != nil && a.up != nil; a = a.up {
		keys = append(keys, a.key)
	}
	var b strings.Builder
	for _, key := range slices.Backward(keys) {
		b.WriteByte('/')
		if strings.ContainsAny(key, "~/") {
			key = strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		}
		b.WriteString(key)
	}
	return b.String()
}

func (a *place) fail(format string, args ...any) error {
	return &ParseError{Path: a.pointer(), Message: fmt.Sprintf(format, args...)}
}

// parser reads several texts into one table of names.
type parser struct {
	lax     bool
	max     Limits
	nodes   int              // JSON values left
	steps   int              // steps left
	names   map[string]*node // by full name
	fresh   []*node          // named types of the current text, in order of their definition
	pending bool             // the current text used a name before its definition
	text    int

	order          []string // full names in order of their definition, of all texts
	everPending    bool     // some text used a name before its definition
	recordDefaults bool     // some default of a record type was looked at
}

// read parses one text, binds its names, and returns its top type.
func (p *parser) read(text string) (*node, error) {
	v, err := scan(text, p.max, &p.nodes)
	if err != nil {
		return nil, err
	}
	p.fresh, p.pending = p.fresh[:0], false
	top := &place{}
	root, err := p.schema(v, "", top)
	if err != nil {
		return nil, err
	}
	if root.kind == kindPending {
		return nil, top.fail("Undefined schema: %s", root.name.full)
	}
	p.everPending = p.everPending || p.pending
	again := p.text > 0 && p.everPending && p.recordDefaults && (len(p.fresh) > 0 || !root.named())
	if p.pending || again {
		if root, err = p.bind(root, again); err != nil {
			return nil, err
		}
	}
	if root.named() {
		root = p.names[root.name.full]
	}
	p.text++
	return root, nil
}

func (p *parser) step(n int) error {
	if p.steps -= n; p.steps < 0 {
		return errors.New("the schema is too entangled: binding its names and checking its defaults takes too many steps")
	}
	return nil
}

func (p *parser) schema(v *value, space string, at *place) (*node, error) {
	switch v.kind {
	case stringValue:
		return p.find(v.text, space, at), nil
	case arrayValue:
		return p.union(v, space, at)
	case objectValue:
	default:
		return nil, at.fail("Schema not yet supported: %s", brief(v))
	}
	word, ok := v.str("type")
	if !ok {
		return nil, at.fail("No type: %s", brief(v))
	}
	if k, ok := primitive(word); ok {
		n := p.node(k)
		n.props = properties(v, reservedOfTypes)
		return n, nil
	}
	switch word {
	case "record", "error":
		return p.record(v, space, at)
	case "enum":
		return p.enum(v, space, at)
	case "fixed":
		return p.fixed(v, space, at)
	case "array":
		return p.container(kindArray, "items", v, space, at)
	case "map":
		return p.container(kindMap, "values", v, space, at)
	}
	return p.find(word, space, at), nil
}

// brief is v as text for a message, cut to a readable length.
func brief(v *value) string {
	const most = 200
	text := v.String()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func (p *parser) node(k kind) *node { return &node{kind: k, text: p.text} }

// find looks a name up, first within space, then as it stands. A name that is
// not known yet may be defined later in the same text; then only its full name
// within space counts.
func (p *parser) find(name, space string, at *place) *node {
	if k, ok := primitive(name); ok {
		return p.node(k)
	}
	full := name
	if space != "" && !strings.Contains(name, ".") {
		full = space + "." + name
	}
	if n := p.names[full]; n != nil {
		return n
	}
	if n := p.names[name]; n != nil {
		return n
	}
	p.pending = true
	n := p.node(kindPending)
	n.name.full, n.at = full, at
	return n
}

// define enters a named type into the table. A second definition of a name is
// accepted when it equals the first.
func (p *parser) define(n *node, at *place) error {
	full := n.name.full
	if full != "" && strings.Trim(full, ".") == "" {
		return at.fail("Empty name")
	}
	if !p.lax {
		parts := strings.Split(full, ".")
		for _, part := range parts[:len(parts)-1] {
			if bad := badName(part); bad != "" {
				return at.fail("Namespace part %q is invalid: %s", part, bad)
			}
		}
	}
	if other := p.names[full]; other != nil {
		same, err := p.equal(other, n)
		if err == nil && !same {
			err = at.fail("Can't redefine: %s", full)
		}
		return err
	}
	if len(p.names) >= p.max.MaxNames {
		return at.fail("the schema has more than %d named types, which is the limit", p.max.MaxNames)
	}
	p.names[full] = n
	p.order, p.fresh = append(p.order, full), append(p.fresh, n)
	return nil
}

// named reads what records, enums and fixeds have in common before their bodies.
func (p *parser) named(k kind, v *value, space string, at *place) (*node, error) {
	if own, ok := v.str("namespace"); ok {
		space = own
	}
	name, ok := v.str("name")
	if !ok {
		return nil, at.fail("No name in schema: %s", brief(v))
	}
	n := p.node(k)
	n.name = qualify(name, space)
	if err := p.checkName(n.name.name, at.at("name")); err != nil {
		return nil, err
	}
	if _, ok := primitive(n.name.full); ok {
		return nil, at.at("name").fail("Schemas may not be named after primitives: %s", n.name.full)
	}
	n.doc = doc(v)
	return n, nil
}

// finish reads what comes after the body, and defines the type.
func (p *parser) finish(n *node, v *value, reserved []string, at *place) error {
	n.props = properties(v, reserved)
	aliases, err := aliases(v, at)
	if err != nil {
		return err
	}
	for i, text := range aliases {
		alias := qualify(text, n.name.space)
		if err := p.checkName(alias.name, at.item("aliases", i)); err != nil {
			return err
		}
		if !hasAlias(n.aliases, alias) {
			n.aliases = append(n.aliases, alias)
		}
	}
	return p.define(n, at)
}

func hasAlias(aliases []typeName, alias typeName) bool {
	for _, a := range aliases {
		if a.full == alias.full {
			return true
		}
	}
	return false
}

func (p *parser) checkName(name string, at *place) error {
	if p.lax {
		return nil
	}
	if bad := badName(name); bad != "" {
		return at.fail("%s", bad)
	}
	return nil
}

func doc(v *value) *string {
	if text, ok := v.str("doc"); ok {
		return &text
	}
	return nil
}

func aliases(v *value, at *place) ([]string, error) {
	list := v.get("aliases")
	if list == nil {
		return nil, nil
	}
	if list.kind != arrayValue {
		return nil, at.at("aliases").fail("aliases not an array: %s", brief(v))
	}
	const most = 1_000 // keeps the look for duplicates cheap
	if len(list.items) > most {
		return nil, at.at("aliases").fail("more than %d aliases, which is the limit", most)
	}
	var texts []string
	for i, item := range list.items {
		if item.kind != stringValue {
			return nil, at.item("aliases", i).fail("alias not a string: %s", brief(item))
		}
		if !contains(texts, item.text) {
			texts = append(texts, item.text)
		}
	}
	return texts, nil
}

func contains(list []string, text string) bool {
	for _, t := range list {
		if t == text {
			return true
		}
	}
	return false
}

var (
	reservedOfTypes  = []string{"doc", "fields", "items", "name", "namespace", "size", "symbols", "values", "type", "aliases"}
	reservedOfEnums  = append([]string{"default"}, reservedOfTypes...)
	reservedOfFields = []string{"default", "doc", "name", "order", "type", "aliases"}
)

// properties are the members that Avro gives no meaning, in their order.
func properties(v *value, reserved []string) []member {
	var props []member
	for _, m := range v.members {
		if !contains(reserved, m.name) {
			props = append(props, m)
		}
	}
	return props
}

// fitting refuses whole numbers beyond 64 bits in properties of records, arrays
// and maps: Avro cannot copy them there.
func fitting(props []member, at *place) error {
	for _, m := range props {
		if m.value.oversized() {
			return at.at(m.name).fail("Can't set a property to null: %s (a whole number beyond 64 bits)", m.name)
		}
	}
	return nil
}
