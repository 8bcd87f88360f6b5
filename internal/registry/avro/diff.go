package avro

import (
	"fmt"
	"sort"
	"strings"
)

// Change is one difference between two versions, in plain words.
type Change struct {
	Kind   string // one of the Change constants
	Path   string // the place in the new version, as Field.Path; the old one's for what was removed
	Text   string // "field `icn` removed; consumers that need it break"
	Breaks string // one of the Breaks constants
}

// What a change can be.
const (
	ChangeAdded        = "added"         // a field, an enum symbol or a branch of a union
	ChangeRemoved      = "removed"       // likewise
	ChangeRenamed      = "renamed"       // a field by alias, a named type, a namespace
	ChangeType         = "type"          // the type of a field, the size of a fixed
	ChangeLogical      = "logical"       // the logical type: Avro does not check it
	ChangeDefault      = "default"       // a default of a field or of an enum
	ChangeTags         = "tags"          // confluent:tags
	ChangeDoc          = "documentation" // documentation
	ChangeProperties   = "properties"    // aliases, order and other properties
	ChangeIncompatible = "incompatible"  // a break that no single change above explains
)

// Who a change breaks, by the rules of Compatible.
const (
	BreaksNothing   = ""
	BreaksConsumers = "consumers" // consumers still on the old version cannot read new records
	BreaksRecords   = "records"   // the new version cannot read records that were written before
	BreaksBoth      = "both"
)

// Diff lists what changed from old to new, depth first in the order of the new
// text; what is removed comes after. Taken together the Breaks say exactly what
// Compatible(old, new) and Compatible(new, old) say. A named type is compared
// once, where it is met first. The list ends after 10,000 changes.
func Diff(old, new *Schema) []Change {
	if old.canonical == new.canonical {
		return nil
	}
	d := &differ{seen: map[pair]bool{}, steps: stepsToList, bytes: bytesToList,
		consumers: newComparison(), records: newComparison()}
	consumers, records := d.breaks(old.root, new.root)
	d.types("", old.root, new.root)
	return d.result(consumers, records, old, new)
}

type differ struct {
	changes            []draft
	seen               map[pair]bool
	steps, bytes       int
	consumers, records *comparison // old reads new, new reads old
}

// draft is a change before its consequences are put into words.
type draft struct {
	Change
	consumers, records bool
	consequence        string // of consumers, when it has words of its own
}

// fails tells whether reader cannot read writer.
func (c *comparison) fails(reader, writer *node) bool {
	list := c.compare(top, reader, writer)
	if c.stop == nil {
		return len(list) > 0
	}
	if c.stop.Type == Ambiguous { // the next pair has its own chance, without half results
		c.stop, c.memo = nil, map[pair]*finding{}
	}
	return true
}

func (d *differ) breaks(old, new *node) (consumers, records bool) {
	return d.consumers.fails(old, new), d.records.fails(new, old)
}

func (d *differ) add(kind, path string, consumers, records bool, format string, args ...any) *draft {
	if d.bytes -= len(path); len(d.changes) >= maxListedChanges || d.bytes < 0 {
		return &draft{}
	}
	d.changes = append(d.changes, draft{Change: Change{Kind: kind, Path: path, Text: fmt.Sprintf(format, args...)},
		consumers: consumers, records: records})
	return &d.changes[len(d.changes)-1]
}

// result puts the consequences into words. A local break that the whole does not
// confirm (another branch of a union reads the data) is none; a break of the whole
// that no change shows is added.
func (d *differ) result(consumers, records bool, old, new *Schema) []Change {
	shown := [2]bool{}
	out := make([]Change, 0, len(d.changes))
	for _, c := range d.changes {
		c.consumers, c.records = c.consumers && consumers, c.records && records
		shown[0], shown[1] = shown[0] || c.consumers, shown[1] || c.records
		out = append(out, c.finished())
	}
	if consumers && !shown[0] {
		c := draft{Change: Change{Kind: ChangeIncompatible, Text: "the versions do not fit: " + first(Compatible(old, new))}, consumers: true}
		out = append(out, c.finished())
	}
	if records && !shown[1] {
		c := draft{Change: Change{Kind: ChangeIncompatible, Text: "the versions do not fit: " + first(Compatible(new, old))}, records: true}
		out = append(out, c.finished())
	}
	return out
}

func first(list []Incompatibility) string {
	if len(list) == 0 {
		return "they could not be compared within the limits"
	}
	return clip(list[0].Message)
}

func (c draft) finished() Change {
	if c.consumers {
		c.Breaks = BreaksConsumers
		if c.consequence == "" {
			c.consequence = "consumers still on the old version cannot read new records"
		}
		c.Text += "; " + c.consequence
	}
	if c.records {
		c.Breaks = map[bool]string{false: BreaksRecords, true: BreaksBoth}[c.consumers]
		c.Text += "; records already written cannot be read with the new version"
	}
	return c.Change
}

// subject names a place for the start of a sentence.
func subject(path string) string {
	if path == "" {
		return "the schema"
	}
	return "field `" + clip(path) + "`"
}

func (d *differ) types(path string, old, new *node) {
	if d.steps--; d.steps < 0 || old == new || d.seen[pair{old, new}] {
		return
	}
	d.seen[pair{old, new}] = true
	switch {
	case old.kind == kindUnion || new.kind == kindUnion:
		d.unions(path, old, new)
		return
	case old.kind != new.kind:
		consumers, records := d.breaks(old, new)
		d.add(ChangeType, path, consumers, records, "type of %s changed from %s to %s", subject(path), readable(old), readable(new))
		return
	}
	d.names(path, old, new)
	switch new.kind {
	case kindArray:
		d.types(path+"[]", old.item, new.item)
	case kindMap:
		d.types(path+"{}", old.item, new.item)
	case kindRecord:
		d.fields(path, old, new)
	case kindEnum:
		d.symbols(path, old, new)
	case kindFixed:
		if old.size != new.size {
			d.add(ChangeType, path, true, true, "size of %s changed from %d to %d bytes", subject(path), old.size, new.size)
		}
	}
	d.about(path, old, new)
}

func (d *differ) names(path string, old, new *node) {
	if !new.named() || old.name == new.name {
		return
	}
	if old.name.name == new.name.name {
		d.add(ChangeRenamed, path, false, false, "%s moved from namespace %q to %q", readable(old), clip(old.name.space), clip(new.name.space))
		return
	}
	d.add(ChangeRenamed, path, checkNames(top, old, new) != nil, checkNames(top, new, old) != nil,
		"%s renamed to %s", readable(old), clip(new.name.full))
}

// about compares what says something about a type and not what it holds.
func (d *differ) about(path string, old, new *node) {
	what := subject(path)
	if new.named() {
		what = readable(new)
	}
	if a, b := withLogical(old, ""), withLogical(new, ""); a != b {
		d.add(ChangeLogical, path, false, false, "logical type of %s changed from %s to %s; Avro does not check this, values written before may be misread",
			subject(path), orNone(a), orNone(b))
	}
	if deref(old.doc) != deref(new.doc) {
		d.add(ChangeDoc, path, false, false, "documentation of %s changed", what)
	}
	d.tags(path, what, old.props, new.props)
	if !sameProps(others(old.props), others(new.props)) || !sameAliases(old.aliases, new.aliases) {
		d.add(ChangeProperties, path, false, false, "aliases or properties of %s changed", what)
	}
}

func orNone(logical string) string {
	if logical == "" {
		return "none"
	}
	return strings.Trim(logical, " ()")
}

func sameAliases(a, b []typeName) bool {
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

// others are the properties that about and tags do not speak of.
func others(props []member) []member {
	var rest []member
	for _, m := range props {
		switch m.name {
		case TagsProperty, "logicalType", "precision", "scale":
		default:
			rest = append(rest, m)
		}
	}
	return rest
}

func (d *differ) tags(path, what string, old, new []member) {
	a, b := tagsOf(old), tagsOf(new)
	if !sameTexts(a, b) {
		d.add(ChangeTags, path, false, false, "tags of %s changed from %s to %s", what, words(a, "none"), words(b, "none"))
	}
}

// words lists a few names for a sentence.
func words(names []string, none string) string {
	const shown = 10
	if len(names) == 0 {
		return none
	}
	rest := ""
	if len(names) > shown {
		rest = fmt.Sprintf(" and %d more", len(names)-shown)
		names = names[:shown]
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + clip(n) + "`"
	}
	return strings.Join(quoted, ", ") + rest
}

// fields pairs the fields of two records by name, then by the new one's aliases.
func (d *differ) fields(path string, old, new *node) {
	taken := map[*field]bool{}
	for _, f := range new.fields {
		if before := old.field(f.name); before != nil {
			taken[before] = true
		}
	}
	for _, f := range new.fields {
		before := old.field(f.name)
		for i := 0; before == nil && i < len(f.aliases); i++ {
			if a := old.field(f.aliases[i]); a != nil && !taken[a] {
				before, taken[a] = a, true
				d.renamed(path, before, f, new)
			}
		}
		if before == nil {
			d.added(path, f)
			continue
		}
		d.field(fieldPath(path, f.name), before, f)
	}
	for _, f := range old.fields {
		if !taken[f] {
			d.removed(path, f, new)
		}
	}
}

func (d *differ) added(path string, f *field) {
	path = fieldPath(path, f.name)
	if f.def == nil {
		d.add(ChangeAdded, path, false, true, "%s (%s) added without a default", subject(path), readable(f.typ))
		return
	}
	d.add(ChangeAdded, path, false, false, "%s (%s) added with default %s", subject(path), readable(f.typ), brief(f.def))
}

// removed: a consumer on the old version needs the field or a default; an alias of
// the old field may still find another field of the new record.
func (d *differ) removed(path string, f *field, new *node) {
	path = fieldPath(path, f.name)
	consumers := f.def == nil && d.consumers.source(f, new) == nil
	text := "%s removed"
	if f.def != nil {
		text += "; consumers still on the old version read its default"
	}
	d.add(ChangeRemoved, path, consumers, false, text, subject(path)).consequence = "consumers that need it break"
}

func (d *differ) renamed(path string, before, f *field, new *node) {
	consumers := before.def == nil && d.consumers.source(before, new) == nil
	d.add(ChangeRenamed, fieldPath(path, f.name), consumers, false, "%s renamed to `%s`, the old name is kept as an alias",
		subject(fieldPath(path, before.name)), clip(f.name)).consequence = "consumers still on the old version do not find it"
}

// source is the writer's field that fills f; two of them are taken as one.
func (c *comparison) source(f *field, writer *node) *field {
	if own := writer.field(f.name); own != nil {
		return own
	}
	for _, alias := range f.aliases {
		if other := writer.field(alias); other != nil {
			return other
		}
	}
	return nil
}

func (d *differ) field(path string, old, new *field) {
	d.types(path, old.typ, new.typ)
	switch what := subject(path); {
	case old.def.equal(new.def):
	case old.def == nil:
		d.add(ChangeDefault, path, false, false, "%s got the default %s", what, brief(new.def))
	case new.def == nil:
		d.add(ChangeDefault, path, false, false, "%s lost its default %s", what, brief(old.def))
	default:
		d.add(ChangeDefault, path, false, false, "default of %s changed from %s to %s", what, brief(old.def), brief(new.def))
	}
	if deref(old.doc) != deref(new.doc) {
		d.add(ChangeDoc, path, false, false, "documentation of %s changed", subject(path))
	}
	d.tags(path, subject(path), old.props, new.props)
	if old.order != new.order || !sameTexts(old.aliases, new.aliases) || !sameProps(others(old.props), others(new.props)) {
		d.add(ChangeProperties, path, false, false, "aliases, order or properties of %s changed", subject(path))
	}
}

func (d *differ) symbols(path string, old, new *node) {
	gone, come := without(old.symbols, new.symbols), without(new.symbols, old.symbols)
	if len(come) > 0 {
		d.add(ChangeAdded, path, old.enumDefault == nil, false, "%s takes new symbols: %s", subject(path), words(come, ""))
	}
	if len(gone) > 0 {
		d.add(ChangeRemoved, path, false, new.enumDefault == nil, "%s no longer takes the symbols %s", subject(path), words(gone, ""))
	}
	if deref(old.enumDefault) != deref(new.enumDefault) {
		d.add(ChangeDefault, path, false, false, "symbol that stands for unknown ones in %s changed from %s to %s",
			readable(new), words(present(old.enumDefault), "none"), words(present(new.enumDefault), "none"))
	}
	if len(gone)+len(come) == 0 && !sameTexts(old.symbols, new.symbols) {
		d.add(ChangeProperties, path, false, false, "order of the symbols of %s changed", readable(new))
	}
}

// present gives the text as a list, empty when there is none.
func present(text *string) []string {
	if text == nil {
		return nil
	}
	return []string{*text}
}

// without gives the texts of list that other does not have, sorted.
func without(list, other []string) []string {
	have := make(map[string]bool, len(other))
	for _, t := range other {
		have[t] = true
	}
	var rest []string
	for _, t := range list {
		if !have[t] {
			rest = append(rest, t)
		}
	}
	sort.Strings(rest)
	return rest
}

// unions compares branch by branch; a type that is no union counts as one branch.
func (d *differ) unions(path string, old, new *node) {
	before, after := branches(old), branches(new)
	partner := make(map[string]*node, len(before))
	for _, b := range before {
		partner[branchKey(b)] = b
	}
	var come, gone []string
	var consumers, records bool
	for _, b := range after {
		key := branchKey(b)
		if a := partner[key]; a != nil {
			delete(partner, key)
			d.types(branchPath(path, new, b), a, b)
			continue
		}
		come = append(come, readable(b))
		consumers = consumers || d.consumers.fails(old, b)
	}
	for _, b := range before {
		if partner[branchKey(b)] != nil {
			gone = append(gone, readable(b))
			records = records || d.records.fails(new, b)
		}
	}
	if len(come) > 0 {
		d.add(ChangeAdded, path, consumers, false, "%s may now also be %s", subject(path), words(come, ""))
	}
	if len(gone) > 0 {
		d.add(ChangeRemoved, path, false, records, "%s may no longer be %s", subject(path), words(gone, ""))
	}
}

func branches(n *node) []*node {
	if n.kind == kindUnion {
		return n.branches
	}
	return []*node{n}
}

// branchKey pairs named types by their unqualified names, as Compatible does.
func branchKey(n *node) string {
	if n.named() {
		return n.kind.String() + " " + n.name.name
	}
	return n.kind.String()
}
