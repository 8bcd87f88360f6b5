package avro

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// The kinds of incompatibility. The first six are Avro's own words. Ambiguous
// stands for the case in which Java's check throws; Undecided for a comparison
// that was stopped. Both mean that the schemas do not fit.
const (
	TypeMismatch       = "TYPE_MISMATCH"
	NameMismatch       = "NAME_MISMATCH"
	MissingDefault     = "READER_FIELD_MISSING_DEFAULT_VALUE"
	MissingEnumSymbols = "MISSING_ENUM_SYMBOLS"
	FixedSizeMismatch  = "FIXED_SIZE_MISMATCH"
	MissingUnionBranch = "MISSING_UNION_BRANCH"
	Ambiguous          = "AMBIGUOUS_FIELD"
	Undecided          = "UNDECIDED"
)

// Incompatibility is one reason why a reader cannot read a writer's data.
type Incompatibility struct {
	Type    string // one of the constants above
	Path    string // JSON pointer to the place; "/" is the top; the reader's, except inside a writer's union
	Message string // in Avro's words, e.g. "reader type: INT not compatible with writer type: STRING"
}

// String is type@path:message.
func (i Incompatibility) String() string { return i.Type + "@" + i.Path + ":" + i.Message }

// Compatible tells whether data written with writer can be read with reader: no
// incompatibility means that it can. Verdicts, order, paths and messages are those
// of SchemaCompatibility in Apache Avro Java 1.12.1, which never looks at logical
// types, documentation or order, and compares named types by their unqualified
// names. The list ends after 1,000 entries. A pair that needs more than 100,000
// steps, or whose fields cannot be told apart, gives one Incompatibility that says
// so, instead of the list.
func Compatible(reader, writer *Schema) []Incompatibility {
	return compatible(reader.root, writer.root)
}

func compatible(reader, writer *node) []Incompatibility {
	c := newComparison()
	clashes := c.compare(top, reader, writer)
	if c.stop != nil {
		return []Incompatibility{*c.stop}
	}
	if len(clashes) == 0 {
		return nil
	}
	var list []Incompatibility
	bytes := 0
	for _, clash := range clashes {
		i := clash.words()
		if bytes += len(i.Path) + len(i.Message); bytes > maxWords && len(list) > 0 {
			break
		}
		list = append(list, i)
	}
	return list
}

// comparison is one run of the check. Results are kept by the identities of the
// two types, with the paths of the place where the pair was met first.
type comparison struct {
	memo  map[pair]*finding
	steps int
	stop  *Incompatibility // set when the whole comparison is over
}

func newComparison() *comparison {
	return &comparison{memo: map[pair]*finding{}, steps: stepsToCompare}
}

type finding struct {
	busy bool // the pair is being compared further up: assumed to fit
	list []clash
}

// clash is an incompatibility before it is put into words: most clashes are those
// of union branches that nobody asks about in the end.
type clash struct {
	kind           string
	at             *place
	text           string // of MissingDefault and MissingEnumSymbols
	reader, writer *node
}

func (c clash) words() Incompatibility {
	message := c.text
	switch c.kind {
	case TypeMismatch:
		message = fmt.Sprintf("reader type: %s not compatible with writer type: %s", upper(c.reader), upper(c.writer))
	case NameMismatch:
		message = "expected: " + c.writer.name.full
	case FixedSizeMismatch:
		message = fmt.Sprintf("expected: %d, found: %d", c.writer.size, c.reader.size)
	case MissingUnionBranch:
		message = "reader union lacking writer type: " + upper(c.writer)
	}
	where := c.at.pointer()
	if where == "" {
		where = "/"
	}
	return Incompatibility{Type: c.kind, Path: where, Message: clipTo(message, maxMessage)}
}

// top is the place where a comparison starts, also that of a branch of a union,
// which Java compares as if it were a schema of its own.
var top = &place{}

// spend takes n steps, and tells whether the comparison is still to go on.
func (c *comparison) spend(n int) bool {
	if c.steps -= n; c.steps < 0 && c.stop == nil {
		c.stop = &Incompatibility{Type: Undecided, Path: "/", Message: fmt.Sprintf(
			"comparing the schemas takes more than %d steps and was stopped; the schemas count as incompatible", stepsToCompare)}
	}
	return c.stop == nil
}

// join appends more to list, up to the bound.
func (c *comparison) join(list []clash, more ...clash) []clash {
	if room := maxIncompatible - len(list); len(more) > room {
		more = more[:room]
	}
	c.spend(len(more))
	return append(list, more...)
}

func (c *comparison) compare(at *place, reader, writer *node) []clash {
	if !c.spend(1) {
		return nil
	}
	if reader.kind <= kindString && writer.kind <= kindString {
		return c.decide(at, reader, writer) // cheap, and never met at two places
	}
	key := pair{reader, writer}
	if f := c.memo[key]; f != nil {
		if f.busy {
			return nil
		}
		return f.list
	}
	f := &finding{busy: true}
	c.memo[key] = f
	f.list = c.decide(at, reader, writer)
	f.busy = false
	return f.list
}

func (c *comparison) decide(at *place, reader, writer *node) []clash {
	switch {
	case reader.kind == writer.kind:
		return c.sameKind(at, reader, writer)
	case writer.kind == kindUnion: // the reader must read every branch
		var list []clash
		for i, branch := range writer.branches {
			list = c.join(list, c.compare(at.at(strconv.Itoa(i)), reader, branch)...)
		}
		return list
	case reader.kind == kindUnion:
		return c.readerUnion(at, reader, writer)
	case promotes(writer.kind, reader.kind):
		return nil
	}
	return []clash{{TypeMismatch, at, "", reader, writer}}
}

func upper(n *node) string { return strings.ToUpper(n.kind.String()) }

// promotes tells whether every value of one primitive is a value of the other.
func promotes(from, to kind) bool {
	switch to {
	case kindLong:
		return from == kindInt
	case kindFloat:
		return from == kindInt || from == kindLong
	case kindDouble:
		return from == kindInt || from == kindLong || from == kindFloat
	case kindBytes:
		return from == kindString
	case kindString:
		return from == kindBytes
	}
	return false
}

func (c *comparison) sameKind(at *place, reader, writer *node) []clash {
	switch reader.kind {
	case kindArray:
		return c.compare(at.at("items"), reader.item, writer.item)
	case kindMap:
		return c.compare(at.at("values"), reader.item, writer.item)
	case kindUnion:
		return c.writerUnion(at, reader, writer)
	case kindFixed:
		list := checkNames(at, reader, writer)
		if reader.size != writer.size {
			list = append(list, clash{FixedSizeMismatch, at.at("size"), "", reader, writer})
		}
		return list
	case kindEnum:
		return append(checkNames(at, reader, writer), c.checkSymbols(at, reader, writer)...)
	case kindRecord:
		return c.checkFields(at, reader, writer, checkNames(at, reader, writer))
	}
	return nil
}

// readerUnion needs one branch that reads the writer. The branches are compared as
// if each were a schema of its own.
func (c *comparison) readerUnion(at *place, reader, writer *node) []clash {
	for _, branch := range reader.branches {
		if len(c.compare(top, branch, writer)) == 0 {
			return nil
		}
	}
	return []clash{{MissingUnionBranch, at, "", reader, writer}}
}

func (c *comparison) writerUnion(at *place, reader, writer *node) []clash {
	var list []clash
	for i, branch := range writer.branches {
		if len(c.compare(top, reader, branch)) > 0 {
			list = c.join(list, clash{MissingUnionBranch, at.at(strconv.Itoa(i)), "", reader, branch})
		}
	}
	return list
}

// checkNames compares unqualified names, and the reader's aliases with the
// writer's full name.
func checkNames(at *place, reader, writer *node) []clash {
	if reader.name.name == writer.name.name {
		return nil
	}
	for _, a := range reader.aliases {
		if a.alias(reader.name.space) == writer.name.full {
			return nil
		}
	}
	return []clash{{NameMismatch, at.at("name"), "", reader, writer}}
}

func (c *comparison) checkSymbols(at *place, reader, writer *node) []clash {
	if reader.enumDefault != nil || !c.spend((len(reader.symbols)+len(writer.symbols))/8) {
		return nil
	}
	have := make(map[string]bool, len(reader.symbols))
	for _, s := range reader.symbols {
		have[s] = true
	}
	var missing []string
	for _, s := range writer.symbols {
		if !have[s] {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sort.Strings(missing)
	return []clash{{MissingEnumSymbols, at.at("symbols"), clipTo("["+strings.Join(missing, ", ")+"]", maxMessage), reader, writer}}
}

// checkFields appends to list what keeps the reader's fields from being filled.
func (c *comparison) checkFields(at *place, reader, writer *node, list []clash) []clash {
	for i, f := range reader.fields {
		if !c.spend(1 + len(f.aliases)/4) {
			return list
		}
		here := at.item("fields", i)
		switch source := c.writerField(f, writer); {
		case c.stop != nil:
			return list
		case source != nil:
			list = c.join(list, c.compare(here.at("type"), f.typ, source.typ)...)
		case f.def != nil:
		case f.typ.kind == kindEnum && f.typ.enumDefault != nil:
			// Java compares the enum with the writer's record, which never fits.
			list = c.join(list, c.compare(here.at("type"), f.typ, writer)...)
		default:
			list = c.join(list, clash{MissingDefault, here, f.name, reader, writer})
		}
	}
	return list
}

// writerField is the writer's field that fills f, by name or alias, nil if there
// is none. Two are one too many: Java throws.
func (c *comparison) writerField(f *field, writer *node) *field {
	source := writer.field(f.name)
	for _, alias := range f.aliases {
		other := writer.field(alias)
		if other == nil {
			continue
		}
		if source != nil {
			c.stop = &Incompatibility{Type: Ambiguous, Path: "/", Message: clipTo(fmt.Sprintf(
				"Reader record field %s type:%s pos:%d matches multiple fields in writer record schema %s",
				f.name, upper(f.typ), f.position, writer.canonical()), maxMessage)}
			return nil
		}
		source = other
	}
	return source
}
