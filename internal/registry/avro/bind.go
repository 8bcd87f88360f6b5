package avro

// Binding replaces names that were used before their definition (every recursive
// schema has some) by the types they name. It copies the types of the text in the
// order in which Java copies them, since that order decides which defaults are
// refused as "fields not set yet". Texts without such names need no copy.
//
// Java copies the types of earlier texts too, once more with every text. That
// matters in one case only: a default of a record type inside a cycle can be
// accepted in its own text and refused when another text refers to it, because
// the walk then comes from the other side. Such texts are copied again here.

type binder struct {
	*parser
	again  bool // also the types of earlier texts
	copies map[*node]*node
}

// bind returns the copy of root with every name bound, and puts the copies of the
// named types into the table.
func (p *parser) bind(root *node, again bool) (*node, error) {
	b := &binder{parser: p, again: again, copies: map[*node]*node{}}
	names := p.order
	if !again || len(p.fresh) == 0 {
		names = p.order[len(p.order)-len(p.fresh):]
	}
	for _, name := range names {
		if err := b.walk(p.names[name], map[*node]bool{}); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		p.names[name] = b.of(p.names[name])
	}
	if root.named() {
		return root, nil
	}
	if err := b.walk(root, map[*node]bool{}); err != nil {
		return nil, err
	}
	return b.of(root), nil
}

// kept tells whether n stays as it is: types without inner types, and types that
// an earlier text has bound.
func (b *binder) kept(n *node) bool {
	switch n.kind {
	case kindRecord, kindArray, kindMap, kindUnion, kindPending:
		return n.text < b.text && !b.again
	}
	return true
}

// of is what stands for n in the copy, nil when it has not been reached.
func (b *binder) of(n *node) *node {
	if b.kept(n) {
		return n
	}
	return b.copies[n]
}

// walk visits n and what is inside it once, depth first.
func (b *binder) walk(n *node, visited map[*node]bool) error {
	if err := b.step(1); err != nil || b.kept(n) || visited[n] {
		return err
	}
	visited[n] = true
	if b.copies[n] == nil {
		if err := b.enter(n); err != nil {
			return err
		}
	}
	for _, f := range n.fields {
		if err := b.walk(f.typ, visited); err != nil {
			return err
		}
	}
	for i := len(n.branches) - 1; i >= 0; i-- { // Java's stack takes them from the end
		if err := b.walk(n.branches[i], visited); err != nil {
			return err
		}
	}
	if n.item != nil {
		if err := b.walk(n.item, visited); err != nil {
			return err
		}
	}
	return b.leave(n)
}

// enter makes the copy of a record, still without fields, and finds what a name
// stands for.
func (b *binder) enter(n *node) error {
	switch n.kind {
	case kindRecord:
		c := *n
		c.fields, c.index, c.complete = nil, nil, false
		b.copies[n] = &c
	case kindPending:
		target := b.names[n.name.full]
		if target == nil {
			return n.at.fail("Undefined schema: %s", n.name.full)
		}
		if b.of(target) == nil {
			if err := b.walk(target, map[*node]bool{}); err != nil {
				return err
			}
		}
		b.copies[n] = b.of(target)
	}
	return nil
}

func (b *binder) leave(n *node) error {
	c := *n
	switch n.kind {
	case kindRecord:
		return b.leaveRecord(n, b.copies[n])
	case kindUnion:
		c.branches = make([]*node, len(n.branches))
		for i, branch := range n.branches {
			c.branches[i] = b.of(branch)
		}
		if err := checkBranches(c.branches, nil); err != nil {
			return err
		}
	case kindArray, kindMap:
		c.item = b.of(n.item)
	default:
		return nil
	}
	b.copies[n] = &c
	return nil
}

func (b *binder) leaveRecord(n, c *node) error {
	if c.complete {
		return nil // an inner walk was here before
	}
	fields := make([]*field, len(n.fields))
	for i, f := range n.fields {
		g := *f
		g.typ = b.of(f.typ)
		if err := b.checkDefault(&g, nil); err != nil {
			return err
		}
		fields[i] = &g
	}
	c.setFields(fields)
	return nil
}
