package avro

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes random schema texts: mostly valid, with everything the rules
// speak of, and a share of the odd and the wrong.
type generator struct {
	*rand.Rand
	known  []string          // names in scope
	bodies map[string]*value // definitions by the name they were written with
	serial int
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), bodies: map[string]*value{}}
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func text(s string) *value            { return &value{kind: stringValue, text: s} }
func number(s string) *value          { return &value{kind: wholeValue, text: s} } // printed as it is
func list(items ...*value) *value     { return &value{kind: arrayValue, items: items} }
func object(members ...member) *value { return &value{kind: objectValue, members: members} }

func (v *value) add(name string, m *value) { v.members = append(v.members, member{name, m}) }

func texts(words ...string) *value {
	v := list()
	for _, w := range words {
		v.items = append(v.items, text(w))
	}
	return v
}

// pair gives the texts of a reader and of a writer made from it by a few changes.
func (g *generator) pair() (reader, writer string) {
	g.known, g.bodies, g.serial = nil, map[string]*value{}, 0
	top := g.schema(0)
	if g.chance(85) {
		top = g.record(0)
	}
	changed := clone(top)
	for range g.IntN(4) {
		g.change(changed)
	}
	if g.chance(50) {
		top, changed = changed, top
	}
	return g.print(top), g.print(changed)
}

func clone(v *value) *value {
	c := *v
	c.items, c.members = nil, nil
	for _, item := range v.items {
		c.items = append(c.items, clone(item))
	}
	for _, m := range v.members {
		c.members = append(c.members, member{m.name, clone(m.value)})
	}
	return &c
}

// print writes v with white space, comments and escapes that mean nothing.
func (g *generator) print(v *value) string {
	out := v.String()
	if g.chance(20) {
		out = strings.NewReplacer(",\"", ",\n\t\"", `":`, `" : `).Replace(out)
	}
	if g.chance(5) {
		out = " /* c */ // d\n" + out + " \n"
	}
	if g.chance(5) {
		out = strings.Replace(out, `"type"`, `"\u0074ype"`, 1)
	}
	return out
}

func (g *generator) schema(depth int) *value {
	if depth > 4 {
		return text(g.primitive())
	}
	switch n := g.IntN(100); {
	case n < 35:
		return text(g.primitive())
	case n < 50:
		return g.logical()
	case n < 60 && len(g.known) > 0:
		return g.reference()
	case n < 70:
		v := object(member{"type", text("array")}, member{"items", g.schema(depth + 1)})
		g.props(v)
		return v
	case n < 77:
		v := object(member{"type", text("map")}, member{"values", g.schema(depth + 1)})
		g.props(v)
		return v
	case n < 87 && depth > 0:
		return g.union(depth)
	case n < 92:
		return g.record(depth)
	case n < 96:
		return g.enum()
	}
	return g.fixed()
}

func (g *generator) primitive() string {
	return pick(g, "null", "boolean", "int", "long", "float", "double", "bytes", "string", "string", "int")
}

func (g *generator) logical() *value {
	word := pick(g, "date", "time-millis", "timestamp-millis", "timestamp-micros", "uuid", "decimal", "local-timestamp-nanos", "x-foo", "")
	v := object(member{"type", text(pick(g, "int", "long", "long", "bytes", "string", g.primitive()))})
	if word != "" {
		v.add("logicalType", text(word))
	}
	if word == "decimal" {
		v.add("precision", number(pick(g, "10", "4", "0", "38")))
		if g.chance(70) {
			v.add("scale", number(pick(g, "2", "0", "12")))
		}
	}
	g.props(v)
	return v
}

func (g *generator) reference() *value {
	name := pick(g, g.known...)
	if g.chance(15) {
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	if g.chance(5) {
		return object(member{"type", text(name)}, member{"x", text("lost")})
	}
	return text(name)
}

func (g *generator) union(depth int) *value {
	v := list()
	seen := map[string]bool{}
	if g.chance(60) {
		v.items, seen["null"] = append(v.items, text("null")), true
	}
	for range 1 + g.IntN(3) {
		branch := g.schema(depth + 1)
		key := branch.text
		if branch.kind == arrayValue && g.chance(97) {
			continue
		}
		if word, ok := branch.str("type"); ok {
			key = word
			if name, ok := branch.str("name"); ok {
				key = name
			}
		}
		if seen[key] && g.chance(97) {
			continue
		}
		seen[key] = true
		v.items = append(v.items, branch)
	}
	if g.chance(20) {
		g.Shuffle(len(v.items), func(i, j int) { v.items[i], v.items[j] = v.items[j], v.items[i] })
	}
	return v
}

// name starts a named type.
func (g *generator) name(v *value, prefix string) string {
	g.serial++
	name := fmt.Sprintf("%s%d", prefix, g.serial)
	switch n := g.IntN(100); {
	case n < 3 && len(g.known) > 0:
		name = pick(g, g.known...)
	case n < 5:
		name = pick(g, "record", "map", "array", "enum", "string", "x.string", "a.record")
	case n < 7:
		name = pick(g, "bad-name", "1x", "é", "a..b", "", "a-b.c", ".lead", "trail.")
	}
	full := name
	if g.chance(25) && !strings.Contains(name, ".") {
		full = pick(g, "a", "a.b", "zz") + "." + name
		name = full
	}
	if g.chance(50) {
		v.add("name", text(name))
	}
	if g.chance(25) {
		space := pick(g, "a", "a.b", "n.s", "")
		v.add("namespace", text(space))
		if space != "" && !strings.Contains(name, ".") {
			full = space + "." + name
		}
	}
	if v.get("name") == nil {
		v.add("name", text(name))
	}
	g.bodies[full] = v
	return full
}

func (g *generator) decorate(v *value, full string) {
	if g.chance(15) {
		v.add("doc", pick(g, text("plain"), text("é \"q\" \\ / \n\u2028 \U0001F600"), text(""), number("5")))
	}
	if g.chance(15) {
		v.add("aliases", pick(g, texts("Old"), texts("a.Old", "Old", ".Root"), texts("x.y.Z", "A", "A"), texts("bad-alias"), texts("a.record", "R1", "R2"), texts()))
	}
	g.props(v)
	g.known = append(g.known, full)
}

func (g *generator) props(v *value) {
	for g.chance(12) {
		name := pick(g, "zeta", "alpha", "confluent:tags", "order", "default", "java-class", "x y", "é")
		if (name == "order" || name == "default") && v.get("size") == nil && g.chance(90) {
			name = "beta" // in a field these two have a meaning
		}
		v.add(name, g.json(0))
	}
}

func (g *generator) json(depth int) *value {
	switch n := g.IntN(12); {
	case n < 3:
		return text(pick(g, "PII", "", "tab\t", "\x01\x7f", "ü"))
	case n < 6:
		return number(pick(g, "0", "-0", "1", "2147483648", "-9223372036854775808", "1.0", "1.50", "1e2", "1E-5", "123456789.25", "0.0001", "-0.0", "100", "1e400"))
	case n == 6 && g.chance(20):
		return number("123456789012345678901234567890")
	case n < 8:
		return &value{kind: pick(g, nullValue, trueValue, falseValue)}
	case n < 10 && depth < 3:
		return list(g.json(depth+1), g.json(depth+1))
	case depth < 3:
		return object(member{"b", g.json(depth + 1)}, member{"a", g.json(depth + 1)})
	}
	return texts("PII", "PHI")
}

func (g *generator) record(depth int) *value {
	v := object(member{"type", text(pick(g, "record", "record", "record", "record", "record", "record", "error"))})
	full := g.name(v, "R")
	if g.chance(30) { // so that fields may name the record they are in
		g.known = append(g.known, full)
	}
	fields := list()
	count := g.IntN(5)
	if g.chance(3) {
		count = 12
	}
	for i := range count {
		fields.items = append(fields.items, g.field(fmt.Sprintf("f%d", i), depth))
	}
	v.add("fields", fields)
	g.decorate(v, full)
	return v
}

func (g *generator) field(name string, depth int) *value {
	if g.chance(1) {
		name = pick(g, "f0", "bad-field", "", "ünï")
	}
	typ := g.schema(depth + 1)
	if g.chance(1) {
		typ = text("Later")
	}
	v := object(member{"name", text(name)}, member{"type", typ})
	if g.chance(15) {
		v.add("doc", text(pick(g, "what it is", "", "\"x\"")))
	}
	if g.chance(45) {
		def := g.defaultOf(typ, 0)
		if g.chance(3) {
			def = g.json(0)
		}
		v.add("default", def)
	}
	if g.chance(6) {
		v.add("order", pick(g, text("ignore"), text("descending"), text("ASCENDING"), text("Ignore"), text("ascending"), text("ascending"), text("sideways")))
	}
	if g.chance(10) {
		v.add("aliases", pick(g, texts("old"), texts("f9", "x-y"), texts("f1"), texts("old", "old", "older")))
	}
	g.props(v)
	return v
}

func (g *generator) enum() *value {
	v := object(member{"type", text("enum")})
	full := g.name(v, "E")
	symbols := texts("A", "B", "C", "D")
	symbols.items = symbols.items[:g.IntN(5)]
	if g.chance(2) {
		symbols.items = append(symbols.items, text(pick(g, "A", "x-y")))
	}
	v.add("symbols", symbols)
	if g.chance(25) {
		v.add("default", pick(g, text("A"), text("A"), text("B"), number("1")))
	}
	g.decorate(v, full)
	return v
}

func (g *generator) fixed() *value {
	v := object(member{"type", text("fixed")})
	full := g.name(v, "F")
	v.add("size", number(pick(g, "4", "8", "12", "16", "0")))
	if g.chance(4) {
		v.set("size", number(pick(g, "-1", "4.0", "2147483640", "4294967300")))
	}
	if g.chance(30) {
		v.add("logicalType", text(pick(g, "decimal", "duration", "uuid")))
		v.add("precision", number("6"))
	}
	g.decorate(v, full)
	return v
}

// defaultOf is a default that mostly fits.
func (g *generator) defaultOf(typ *value, depth int) *value {
	if depth > 4 {
		return object()
	}
	word := typ.text
	switch typ.kind {
	case arrayValue:
		if len(typ.items) == 0 {
			return &value{kind: nullValue}
		}
		if g.chance(70) {
			return g.defaultOf(typ.items[0], depth+1)
		}
		return g.defaultOf(pick(g, typ.items...), depth+1)
	case objectValue:
		word, _ = typ.str("type")
	}
	if body := map[string]string{"array": "items", "map": "values", "record": "fields", "error": "fields"}[word]; body != "" && typ.get(body) == nil {
		return object() // a type that is only called so
	}
	switch word {
	case "null":
		return &value{kind: nullValue}
	case "boolean":
		return &value{kind: pick(g, trueValue, falseValue)}
	case "int":
		return number(pick(g, "0", "1", "-5", "2147483647", "-0"))
	case "long":
		return number(pick(g, "0", "9223372036854775807", "-1"))
	case "float", "double":
		return pick(g, number("0"), number("1.5"), number("-0.0"), number("1e10"), number("1e-10"), number("0.1"), text("NaN"), text(" 2.5 "), text("-Infinity"), number("3.0e7"), text("1e3d"))
	case "bytes", "string", "fixed":
		return text(pick(g, "", "x", "\u00ff", "é\n"))
	case "enum":
		return text(pick(g, "A", "B", "Q"))
	case "array":
		if g.chance(50) {
			return list()
		}
		return list(g.defaultOf(typ.get("items"), depth+1))
	case "map":
		if g.chance(50) {
			return object()
		}
		return object(member{"k", g.defaultOf(typ.get("values"), depth+1)})
	case "record", "error":
		v := object()
		for _, f := range typ.get("fields").items {
			if f.get("default") == nil || g.chance(50) {
				v.add(f.get("name").text, g.defaultOf(f.get("type"), depth+1))
			}
		}
		return v
	}
	if body := g.bodies[word]; body != nil && body.get("fields") != nil {
		return g.defaultOf(body, depth+1)
	}
	return object()
}
