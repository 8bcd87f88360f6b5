package avro

import "fmt"

// change alters one random place of a schema.
func (g *generator) change(top *value) {
	var places []*value
	var walk func(v *value)
	walk = func(v *value) {
		if v.kind == objectValue && v.get("type") != nil {
			places = append(places, v)
		}
		for _, item := range v.items {
			walk(item)
		}
		for _, m := range v.members {
			if m.name != "default" {
				walk(m.value)
			}
		}
	}
	walk(top)
	if len(places) == 0 {
		*top = *g.schema(1)
		return
	}
	v := pick(g, places...)
	switch _, isField := v.str("name"); {
	case v.get("fields") != nil:
		g.changeRecord(v)
	case v.get("symbols") != nil:
		g.changeEnum(v)
	case v.get("size") != nil:
		g.changeNamed(v, "size", number(pick(g, "4", "8", "16")))
	case isField:
		g.changeField(v)
	default:
		*v = *g.schema(2)
	}
}

func (v *value) set(name string, to *value) {
	for i := range v.members {
		if v.members[i].name == name {
			v.members[i].value = to
			return
		}
	}
	v.add(name, to)
}

func (v *value) remove(name string) {
	for i := range v.members {
		if v.members[i].name == name {
			v.members = append(v.members[:i:i], v.members[i+1:]...)
			return
		}
	}
}

func (g *generator) changeNamed(v *value, key string, to *value) {
	switch g.IntN(5) {
	case 0:
		name, _ := v.str("name")
		v.set("name", text(name+"x"))
		if g.chance(50) {
			v.set("aliases", texts(name))
		}
	case 1:
		v.set("namespace", text(pick(g, "a", "q.r", "")))
	case 2:
		v.set("aliases", texts(pick(g, "R1", "R1x", "a.R1", "E2", "F2x", "a.b.R2")))
	default:
		v.set(key, to)
	}
}

func (g *generator) changeEnum(v *value) {
	if g.chance(20) {
		v.set("default", text("A"))
		return
	}
	g.changeNamed(v, "symbols", pick(g, texts("A", "B", "C"), texts("C", "B", "A"), texts("A"), texts("A", "Z", "Y")))
}

func (g *generator) changeRecord(v *value) {
	fields := v.get("fields")
	if g.chance(30) || len(fields.items) == 0 {
		fields.items = append(fields.items, g.field(fmt.Sprintf("n%d", g.IntN(20)), 3))
		return
	}
	switch i := g.IntN(len(fields.items)); g.IntN(3) {
	case 0:
		fields.items = append(fields.items[:i:i], fields.items[i+1:]...)
	case 1:
		g.Shuffle(len(fields.items), func(i, j int) { fields.items[i], fields.items[j] = fields.items[j], fields.items[i] })
	default:
		g.changeNamed(v, "doc", text("other words"))
	}
}

func (g *generator) changeField(v *value) {
	name, _ := v.str("name")
	typ := v.get("type")
	switch g.IntN(7) {
	case 0:
		v.set("name", text(name+"y"))
		if g.chance(60) {
			v.set("aliases", texts(name))
		}
	case 1:
		v.set("type", list(text("null"), typ))
	case 2:
		if typ.kind == arrayValue && len(typ.items) > 0 {
			v.set("type", pick(g, typ.items...))
		}
	case 3:
		v.set("default", g.defaultOf(typ, 0))
	case 4:
		v.remove("default")
	case 5:
		v.set("aliases", texts(pick(g, "f0", "f1", "f2", "f3")))
	default:
		v.set("type", g.schema(3))
	}
}
