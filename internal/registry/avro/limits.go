package avro

import "fmt"

// Limits bounds untrusted schema text. A zero field takes the value of
// DefaultLimits, so that the zero Limits is ready to use.
type Limits struct {
	MaxBytes      int // bytes of one schema text, and of all references together
	MaxDepth      int // nesting of JSON values, in the text and in what is printed
	MaxNodes      int // JSON values in the schema and its references together
	MaxNames      int // named types in the schema and its references together
	MaxReferences int // references of one schema
}

// DefaultLimits is what the registry allows: 1 MiB of text, 200,000 values,
// 10,000 named types, 1,000 references, and a depth of 1,000, which is the depth
// at which Java's JSON parser gives up.
func DefaultLimits() Limits {
	return Limits{MaxBytes: 1 << 20, MaxDepth: 1000, MaxNodes: 200_000, MaxNames: 10_000, MaxReferences: 1_000}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, p := range []struct{ v, d *int }{
		{&l.MaxBytes, &d.MaxBytes}, {&l.MaxDepth, &d.MaxDepth}, {&l.MaxNodes, &d.MaxNodes},
		{&l.MaxNames, &d.MaxNames}, {&l.MaxReferences, &d.MaxReferences},
	} {
		if *p.v <= 0 {
			*p.v = *p.d
		}
	}
	return l
}

// Reference is a schema text whose named types the main schema, and references
// after it, may use. Name says which type is meant; it is used in messages only.
type Reference struct{ Name, Text string }

// Options says how Parse reads a text. The zero value is right for a new schema
// without references.
type Options struct {
	Limits     Limits
	References []Reference // in dependency order: a text comes after those it uses
	Lax        bool        // for lookups and stored texts: names and defaults are not validated
}

// ParseError says where a schema text is wrong and why. It is the only error
// that Parse returns.
type ParseError struct {
	Path      string // JSON pointer into the text ("" is its top); "/fields/2/type"
	Message   string // what is wrong, in Avro's terms
	Reference string // name of the reference whose text is wrong, "" for the main text
}

// Error gives the message with its place.
func (e *ParseError) Error() string {
	where := ""
	if e.Reference != "" {
		where = fmt.Sprintf("reference %q: ", e.Reference)
	}
	if e.Path != "" {
		where += "at " + e.Path + ": "
	}
	return where + e.Message
}

// Budgets of work. One step is one visit of a node, about a tenth of a
// microsecond, so that each budget is far below 100 ms on one core.
const (
	stepsToResolve   = 400_000 // visits while names are bound and defaults are checked
	stepsToCompare   = 100_000 // pairs of types and fields that one Compatible looks at
	maxIncompatible  = 1_000   // incompatibilities that one Compatible lists
	maxMessage       = 4 << 10 // bytes of one message about a schema
	maxWords         = 4 << 20 // bytes of all messages and paths of one Compatible
	maxListedFields  = 10_000  // fields that Fields lists
	maxListedChanges = 10_000  // changes that Diff lists
)
