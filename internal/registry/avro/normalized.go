package avro

import (
	"sort"
	"strconv"
)

// Normalized is the text that is stored and looked up under normalize=true: the
// canonical text with properties and aliases in order of their names, defaults
// spelled as their type spells them (5 for a double is 5.0), object members
// sorted, and empty documentation of types dropped. Texts that differ in these
// only, or in white space, get one id. It follows Confluent's normal form read
// back and printed, except that Confluent loses a default that matches a later
// branch of a union and moves types without a namespace into the surrounding one;
// here both stay.
func (s *Schema) Normalized() string {
	w := printer{known: s.knownNames(), normalized: true}
	w.schema(s.root, "")
	return string(w.b)
}

// ordered are the properties of a type in the order in which w writes them: a
// valid logical type first, with what belongs to it.
func (w *printer) ordered(n *node) []member {
	if !w.normalized || len(n.props) == 0 {
		return n.props
	}
	rest := sortedProps(n.props)
	if n.kind == kindEnum || logicalType(n) == "" {
		return rest
	}
	first := []string{"logicalType"}
	if logicalType(n) == "decimal" {
		first = append(first, "precision")
		if scale := find(n.props, "scale"); scale != nil && scale.text != "0" {
			first = append(first, "scale")
		}
	}
	props := make([]member, 0, len(rest))
	for _, name := range first {
		props = append(props, member{name, find(rest, name)})
	}
	for _, m := range rest {
		if !contains(first, m.name) {
			props = append(props, m)
		}
	}
	return props
}

func (w *printer) aliasOrder(n *node) []typeName {
	if !w.normalized {
		return n.aliases
	}
	aliases := append([]typeName(nil), n.aliases...)
	sort.Slice(aliases, func(i, j int) bool {
		return aliases[i].alias(n.name.space) < aliases[j].alias(n.name.space)
	})
	return aliases
}

func find(props []member, name string) *value {
	return (&value{members: props}).get(name)
}

func sortedTexts(texts []string) []string {
	texts = append([]string(nil), texts...)
	sort.Strings(texts)
	return texts
}

func sortedProps(props []member) []member {
	return (&value{kind: objectValue, members: props}).sorted().members
}

// normalDefault spells a default as its type does. A union takes the spelling of
// the first branch that the default fits.
func normalDefault(n *node, v *value) *value {
	switch n.kind {
	case kindUnion:
		for _, b := range n.branches {
			if looksLike(b, v) {
				return normalDefault(b, v)
			}
		}
	case kindFloat, kindDouble:
		return normalNumber(n.kind, v)
	case kindArray:
		c := &value{kind: v.kind}
		for _, item := range v.items {
			c.items = append(c.items, normalDefault(n.item, item))
		}
		if v.kind == arrayValue {
			return c
		}
	case kindMap, kindRecord:
		if v.kind == objectValue {
			return normalMembers(n, v)
		}
	}
	return v.sorted()
}

func normalMembers(n *node, v *value) *value {
	c := &value{kind: objectValue}
	for _, m := range v.sorted().members {
		if n.kind == kindMap {
			m.value = normalDefault(n.item, m.value)
		} else if f := n.field(m.name); f != nil {
			m.value = normalDefault(f.typ, m.value)
		}
		c.members = append(c.members, m)
	}
	return c
}

func normalNumber(k kind, v *value) *value {
	d := v.number
	if v.fits(64) {
		d, _ = strconv.ParseFloat(v.text, 64) // digits only
	} else if v.kind != floatingValue {
		return v
	}
	if k == kindFloat {
		d, _ = strconv.ParseFloat(strconv.FormatFloat(float64(float32(d)), 'g', -1, 32), 64) // FormatFloat wrote it
	}
	return &value{kind: floatingValue, number: d}
}

// looksLike tells by the outside of v whether it can be a value of n.
func looksLike(n *node, v *value) bool {
	switch n.kind {
	case kindArray:
		return v.kind == arrayValue
	case kindMap, kindRecord:
		return v.kind == objectValue
	}
	ok, _ := (&parser{steps: 1}).fits(n, v) // one step is enough for a type without inner types
	return ok
}
