package avro

import "strconv"

// Canonical is the text that Java's Schema.toString() gives: what the registry
// stores, tells duplicates by and returns. Types of references appear as names,
// except those that are not the top type of a reference, which appear in full.
func (s *Schema) Canonical() string { return s.canonical }

// Resolved is the canonical text with the types of references written out where
// they are first used, so that it can be read without them.
func (s *Schema) Resolved() string {
	if len(s.known) == 0 {
		return s.canonical
	}
	w := printer{known: map[string]bool{}}
	w.schema(s.root, "")
	return string(w.b)
}

func (s *Schema) knownNames() map[string]bool {
	known := make(map[string]bool, len(s.known))
	for _, name := range s.known {
		known[name] = true
	}
	return known
}

// canonical is the text of n alone.
func (n *node) canonical() string {
	w := printer{known: map[string]bool{}}
	w.schema(n, "")
	return string(w.b)
}

// printer writes canonical text, or with normalized the text of Normalized.
type printer struct {
	b          []byte
	known      map[string]bool // full names that are written already
	normalized bool
	limit      int // nesting at which to give up, 0 for none
	depth      int
	tooDeep    bool
}

func (w *printer) raw(text string) { w.b = append(w.b, text...) }

func (w *printer) str(text string) { w.b = writeString(w.b, text) }

// key writes ,"name": and text, when not nil, as its string value.
func (w *printer) key(name string) { w.raw(`,"` + name + `":`) }

func (w *printer) optional(name string, text *string) {
	if text != nil {
		w.key(name)
		w.str(*text)
	}
}

func (w *printer) enter(open string) {
	w.raw(open)
	if w.depth++; w.limit > 0 && w.depth > w.limit {
		w.tooDeep = true
	}
}

func (w *printer) leave(end string) {
	w.raw(end)
	w.depth--
}

// schema writes n as it appears inside namespace space.
func (w *printer) schema(n *node, space string) {
	if w.tooDeep {
		return
	}
	switch n.kind {
	case kindRecord, kindEnum, kindFixed:
		if w.known[n.name.full] {
			w.str(n.name.within(space))
			return
		}
		w.known[n.name.full] = true
		w.named(n, space)
	case kindArray:
		w.container(n, `{"type":"array","items":`, space)
	case kindMap:
		w.container(n, `{"type":"map","values":`, space)
	case kindUnion:
		w.enter("[")
		for i, b := range n.branches {
			if i > 0 {
				w.raw(",")
			}
			w.schema(b, space)
		}
		w.leave("]")
	default:
		if len(n.props) == 0 {
			w.raw(`"` + n.kind.String() + `"`)
			return
		}
		w.enter(`{"type":"` + n.kind.String() + `"`)
		w.props(w.ordered(n))
		w.leave("}")
	}
}

func (w *printer) container(n *node, open, space string) {
	w.enter(open)
	w.schema(n.item, space)
	w.props(w.ordered(n))
	w.leave("}")
}

func (w *printer) named(n *node, space string) {
	word := n.kind.String()
	if n.isError && !w.normalized {
		word = "error"
	}
	w.enter(`{"type":"` + word + `"`)
	w.key("name")
	w.str(n.name.name)
	if n.name.space != space { // also the null namespace inside another
		w.key("namespace")
		w.str(n.name.space)
	}
	if !w.normalized || n.doc != nil && *n.doc != "" {
		w.optional("doc", n.doc)
	}
	switch n.kind {
	case kindRecord:
		w.key("fields")
		w.fields(n)
	case kindEnum:
		w.key("symbols")
		w.texts(n.symbols)
		w.optional("default", n.enumDefault)
	case kindFixed:
		w.key("size")
		w.raw(strconv.Itoa(n.size))
	}
	w.props(w.ordered(n))
	if len(n.aliases) > 0 {
		w.key("aliases")
		w.texts(w.aliasTexts(n))
	}
	w.leave("}")
}

func (w *printer) fields(n *node) {
	w.enter("[")
	for i, f := range n.fields {
		if i > 0 {
			w.raw(",")
		}
		w.field(f, n.name.space)
	}
	w.leave("]")
}

func (w *printer) field(f *field, space string) {
	w.enter(`{"name":`)
	w.str(f.name)
	w.key("type")
	w.schema(f.typ, space)
	w.optional("doc", f.doc)
	if f.def != nil {
		def := f.def
		if w.normalized {
			def = normalDefault(f.typ, def)
		}
		w.key("default")
		w.b = def.write(w.b)
	}
	if f.order != "" {
		w.key("order")
		w.str(f.order)
	}
	if len(f.aliases) > 0 {
		w.key("aliases")
		aliases := f.aliases
		if w.normalized {
			aliases = sortedTexts(aliases)
		}
		w.texts(aliases)
	}
	props := f.props
	if w.normalized {
		props = sortedProps(props)
	}
	w.props(props)
	w.leave("}")
}

func (w *printer) texts(texts []string) {
	w.raw("[")
	for i, text := range texts {
		if i > 0 {
			w.raw(",")
		}
		w.str(text)
	}
	w.raw("]")
}

func (w *printer) props(props []member) {
	for _, m := range props {
		w.raw(",")
		w.str(m.name)
		w.raw(":")
		w.b = m.value.write(w.b)
	}
}

// aliasTexts spells the aliases as Java prints them. It forgets the namespace of
// an alias without one, although reading the text again puts it into the type's.
func (w *printer) aliasTexts(n *node) []string {
	texts := make([]string, len(n.aliases))
	for i, a := range w.aliasOrder(n) {
		texts[i] = a.within(n.name.space)
	}
	return texts
}
