package avro

type pair struct{ a, b *node }

// equal is Java's equality of two definitions of one name: names, fields with
// types, defaults, orders and properties, symbols, sizes; neither documentation
// nor aliases nor enum defaults. Two names that are not defined yet are never
// equal, so a recursive type cannot be defined twice.
func (p *parser) equal(a, b *node) (bool, error) {
	return p.same(a, b, map[pair]bool{})
}

func (p *parser) same(a, b *node, seen map[pair]bool) (bool, error) {
	if a == b || seen[pair{a, b}] {
		return true, nil
	}
	if err := p.step(1 + len(a.symbols)/16); err != nil {
		return false, err
	}
	if a.kind != b.kind || a.kind == kindPending || a.name != b.name || a.size != b.size ||
		len(a.fields) != len(b.fields) || len(a.branches) != len(b.branches) ||
		!sameTexts(a.symbols, b.symbols) || !sameProps(a.props, b.props) {
		return false, nil
	}
	if a.kind == kindRecord {
		seen[pair{a, b}] = true
	}
	if a.item != nil {
		return p.same(a.item, b.item, seen)
	}
	for i := range a.branches {
		if ok, err := p.same(a.branches[i], b.branches[i], seen); !ok {
			return false, err
		}
	}
	for i, f := range a.fields {
		g := b.fields[i]
		if f.name != g.name || f.order != g.order {
			return false, nil
		}
		if ok, err := p.same(f.typ, g.typ, seen); !ok {
			return false, err
		}
		if !f.def.equal(g.def) || !sameProps(f.props, g.props) {
			return false, nil
		}
	}
	return true, nil
}

func sameTexts(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func sameProps(a, b []member) bool {
	return (&value{kind: objectValue, members: a}).equal(&value{kind: objectValue, members: b})
}
