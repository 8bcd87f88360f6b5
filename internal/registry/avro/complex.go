package avro

import (
	"math"
	"strconv"
	"strings"
)

// The six complex types, each read in the order in which Java reads it.

func (p *parser) record(v *value, space string, at *place) (*node, error) {
	n, err := p.named(kindRecord, v, space, at)
	if err != nil {
		return nil, err
	}
	word, _ := v.str("type")
	n.isError = word == "error"
	list := v.get("fields")
	if list == nil || list.kind != arrayValue {
		return nil, at.fail("Record has no fields: %s", brief(v))
	}
	fields := make([]*field, 0, len(list.items))
	seen := make(map[string]bool, len(list.items))
	for i, item := range list.items {
		f, err := p.field(item, n.name.space, at.item("fields", i))
		if err != nil {
			return nil, err
		}
		if seen[f.name] {
			return nil, at.item("fields", i).fail("Duplicate field %s in record %s", f.name, n.name.full)
		}
		seen[f.name] = true
		fields = append(fields, f)
	}
	n.setFields(fields)
	if err := p.finish(n, v, reservedOfTypes, at); err != nil {
		return nil, err
	}
	return n, fitting(n.props, at)
}

func (p *parser) field(v *value, space string, at *place) (*field, error) {
	name, ok := v.str("name")
	if !ok {
		return nil, at.fail("No field name: %s", brief(v))
	}
	typ := v.get("type")
	if typ == nil {
		return nil, at.fail("No field type: %s", brief(v))
	}
	f := &field{name: name, doc: doc(v), def: v.get("default")}
	var err error
	if f.typ, err = p.schema(typ, space, at.at("type")); err != nil {
		return nil, err
	}
	if order := v.get("order"); order != nil {
		if f.order, ok = readOrder(order); !ok {
			return nil, at.at("order").fail("order is %s; it must be ascending, descending or ignore", brief(order))
		}
	}
	if f.def != nil && f.def.kind == stringValue && (f.typ.kind == kindFloat || f.typ.kind == kindDouble) {
		d, ok := parseJavaDouble(f.def.text)
		if !ok {
			return nil, at.at("default").fail("Invalid default for field %s: %s is not a number", name, brief(f.def))
		}
		f.def = &value{kind: floatingValue, number: d}
	}
	if err := p.checkName(name, at.at("name")); err != nil {
		return nil, err
	}
	if err := p.checkDefault(f, at.at("default")); err != nil {
		return nil, err
	}
	f.props = properties(v, reservedOfFields)
	f.aliases, err = aliases(v, at)
	return f, err
}

// readOrder gives "" for ascending, which is not printed.
func readOrder(v *value) (string, bool) {
	if v.kind != stringValue {
		return "", false
	}
	switch word := strings.ToLower(strings.ToUpper(v.text)); word {
	case "ascending":
		return "", true
	case "descending", "ignore":
		return word, true
	}
	return "", false
}

func (p *parser) enum(v *value, space string, at *place) (*node, error) {
	n, err := p.named(kindEnum, v, space, at)
	if err != nil {
		return nil, err
	}
	list := v.get("symbols")
	if list == nil || list.kind != arrayValue {
		return nil, at.fail("Enum has no symbols: %s", brief(v))
	}
	seen := make(map[string]bool, len(list.items))
	for i, item := range list.items {
		here := at.item("symbols", i)
		if item.kind != stringValue {
			return nil, here.fail("an enum symbol is not a string: %s", brief(item))
		}
		if err := p.checkName(item.text, here); err != nil {
			return nil, err
		}
		if seen[item.text] {
			return nil, here.fail("Duplicate enum symbol: %s", item.text)
		}
		seen[item.text] = true
		n.symbols = append(n.symbols, item.text)
	}
	if def, ok := v.str("default"); ok {
		if !seen[def] {
			return nil, at.at("default").fail("The Enum Default: %s is not in the enum symbol set", def)
		}
		n.enumDefault = &def
	}
	return n, p.finish(n, v, reservedOfEnums, at)
}

// maxFixed is the largest array that a Java virtual machine allows.
const maxFixed = math.MaxInt32 - 8

func (p *parser) fixed(v *value, space string, at *place) (*node, error) {
	n, err := p.named(kindFixed, v, space, at)
	if err != nil {
		return nil, err
	}
	size := v.get("size")
	if size == nil || !size.fits(32) {
		return nil, at.fail("Invalid or no size: %s", brief(v))
	}
	n.size, _ = strconv.Atoi(size.text) // fits says it is a number
	if n.size < 0 || n.size > maxFixed {
		return nil, at.at("size").fail("the size of a fixed is between 0 and %d, this is %d", maxFixed, n.size)
	}
	return n, p.finish(n, v, reservedOfTypes, at)
}

// container reads an array or a map; key holds the type of what is inside.
func (p *parser) container(k kind, key string, v *value, space string, at *place) (*node, error) {
	inside := v.get(key)
	if inside == nil {
		return nil, at.fail("%s has no %s type: %s", map[kind]string{kindArray: "Array", kindMap: "Map"}[k], key, brief(v))
	}
	n := p.node(k)
	var err error
	if n.item, err = p.schema(inside, space, at.at(key)); err != nil {
		return nil, err
	}
	n.props = properties(v, reservedOfTypes)
	return n, fitting(n.props, at)
}

func (p *parser) union(v *value, space string, at *place) (*node, error) {
	n := p.node(kindUnion)
	for i, item := range v.items {
		branch, err := p.schema(item, space, at.at(strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch)
	}
	return n, checkBranches(n.branches, at)
}

// checkBranches refuses unions in unions and two branches of one name. Logical
// types make no difference: two longs are two longs. Names that are not defined
// yet are left for bind.
func checkBranches(branches []*node, at *place) error {
	seen := make(map[string]bool, len(branches))
	for _, b := range branches {
		if b.kind == kindPending {
			continue
		}
		if b.kind == kindUnion {
			return at.fail("Nested union: a union may not directly contain another union")
		}
		name := b.fullName()
		if seen[name] {
			return at.fail("Duplicate in union: %s", name)
		}
		seen[name] = true
	}
	return nil
}
