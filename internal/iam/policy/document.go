package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Version is the only policy language that is accepted; the older one lacks
// the escapes of wildcards and is what AWS assumes when nothing is written.
const Version = "2012-10-17"

// Limits of a document. AWS counts characters without white space: 10,240 for
// all inline policies of a role, 4,096 at most for a trust policy.
const (
	MaxSize          = 10_240
	MaxTrustSize     = 4_096
	MaxText          = 64 << 10 // bytes, white space included
	MaxStatements    = 100
	MaxValues        = 250 // in one Action, Resource, Principal or condition
	MaxValueLength   = 1_024
	MaxWildcards     = 16 // in one value
	MaxRequestLength = 2_048
)

// Document is a parsed, validated policy. It never changes and may be shared.
type Document struct {
	trust      bool
	statements []statement
	text       string
}

// statement is one entry of Statement.
type statement struct {
	sid         string
	deny        bool
	principals  []principal // trust policies only
	notAction   bool
	actions     []string
	set         actionSet // what actions or notAction come to
	notResource bool
	resources   []resource
	conditions  []condition
}

// String returns the document as canonical JSON in one line: members in AWS's
// order, values sorted and without doubles, a list of one as a plain string,
// action names as AWS spells them. Parse of it gives the same document.
func (d *Document) String() string { return d.text }

// Trust reports whether the document is a role's trust policy.
func (d *Document) Trust() bool { return d.trust }

// Len returns the number of statements.
func (d *Document) Len() int { return len(d.statements) }

// newDocument finishes a document whose statements are complete.
func newDocument(statements []statement, trust bool) *Document {
	d := &Document{trust: trust, statements: statements}
	var b strings.Builder
	b.WriteString(`{"Version":"` + Version + `","Statement":[`)
	for i := range statements {
		if i > 0 {
			b.WriteByte(',')
		}
		slices.SortFunc(statements[i].conditions, func(x, y condition) int {
			return strings.Compare(x.operator+"\x00"+x.key, y.operator+"\x00"+y.key)
		})
		statements[i].write(&b)
	}
	b.WriteString(`]}`)
	d.text = b.String()
	return d
}

// label names a statement for people: its Sid, or its place.
func (s *statement) label(index int) string {
	if s.sid != "" {
		return s.sid
	}
	return "Statement[" + strconv.Itoa(index) + "]"
}

func (s *statement) write(b *strings.Builder) {
	b.WriteByte('{')
	if s.sid != "" {
		b.WriteString(`"Sid":` + quote(s.sid) + `,`)
	}
	if s.deny {
		b.WriteString(`"Effect":"Deny"`)
	} else {
		b.WriteString(`"Effect":"Allow"`)
	}
	if len(s.principals) > 0 {
		var list []string
		for _, p := range s.principals {
			list = append(list, p.text)
		}
		b.WriteString(`,"Principal":{"AWS":`)
		writeList(b, list)
		b.WriteByte('}')
	}
	b.WriteString(`,"` + not(s.notAction) + `Action":`)
	writeList(b, s.actions)
	if len(s.resources) > 0 {
		var list []string
		for i := range s.resources {
			list = append(list, s.resources[i].text)
		}
		b.WriteString(`,"` + not(s.notResource) + `Resource":`)
		writeList(b, list)
	}
	s.writeConditions(b)
	b.WriteByte('}')
}

func not(b bool) string {
	if b {
		return "Not"
	}
	return ""
}

func (s *statement) writeConditions(b *strings.Builder) {
	if len(s.conditions) == 0 {
		return
	}
	b.WriteString(`,"Condition":{`)
	for i, c := range s.conditions {
		if i == 0 || s.conditions[i-1].operator != c.operator {
			if i > 0 {
				b.WriteString(`},`)
			}
			b.WriteString(quote(c.operator) + `:{`)
		} else {
			b.WriteByte(',')
		}
		b.WriteString(quote(c.key) + `:`)
		writeList(b, c.values)
	}
	b.WriteString(`}}`)
}

// writeList writes one value as a string and several as an array, in order.
func writeList(b *strings.Builder, values []string) {
	values = slices.Clone(values)
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) == 1 {
		b.WriteString(quote(values[0]))
		return
	}
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote(v))
	}
	b.WriteByte(']')
}

// quote writes a JSON string without escaping <, > and &.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
