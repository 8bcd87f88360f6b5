package avro

import (
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
)

// value is a JSON value as Jackson's tree model keeps it: members in the order of
// their first appearance, whole numbers apart from floating ones.
type value struct {
	kind    valueKind
	text    string   // string: the characters; whole: canonical digits
	number  float64  // floating
	items   []*value // array
	members []member // object
}

type valueKind uint8

const (
	nullValue valueKind = iota
	trueValue
	falseValue
	wholeValue
	floatingValue
	stringValue
	arrayValue
	objectValue
)

type member struct {
	name  string
	value *value
}

// get returns the named member of an object, nil when there is none.
func (v *value) get(name string) *value {
	for i := range v.members {
		if v.members[i].name == name {
			return v.members[i].value
		}
	}
	return nil
}

// str returns the text of the named member, and false when it is absent or not a
// string: Avro treats both alike.
func (v *value) str(name string) (string, bool) {
	if m := v.get(name); m != nil && m.kind == stringValue {
		return m.text, true
	}
	return "", false
}

// fits tells whether a whole number lies within a signed integer of bits bits.
func (v *value) fits(bits int) bool {
	if v.kind != wholeValue {
		return false
	}
	_, err := strconv.ParseInt(v.text, 10, bits)
	return err == nil
}

// oversized tells whether a whole number beyond 64 bits occurs anywhere in v.
func (v *value) oversized() bool {
	if v.kind == wholeValue {
		return !v.fits(64)
	}
	for _, item := range v.items {
		if item.oversized() {
			return true
		}
	}
	for _, m := range v.members {
		if m.value.oversized() {
			return true
		}
	}
	return false
}

// equal compares as Jackson does: the order of members does not matter, 1 is not
// 1.0, and not-a-number equals itself.
func (v *value) equal(o *value) bool {
	if v == nil || o == nil {
		return v == o
	}
	if v.kind != o.kind || v.text != o.text || len(v.items) != len(o.items) || len(v.members) != len(o.members) {
		return false
	}
	if v.kind == floatingValue && math.Float64bits(v.number) != math.Float64bits(o.number) {
		return false
	}
	for i := range v.items {
		if !v.items[i].equal(o.items[i]) {
			return false
		}
	}
	if len(v.members) == 0 {
		return true
	}
	other := make(map[string]*value, len(o.members))
	for _, m := range o.members {
		other[m.name] = m.value
	}
	for _, m := range v.members {
		if !m.value.equal(other[m.name]) {
			return false
		}
	}
	return true
}

// sorted returns v with the members of every object in order of their names.
func (v *value) sorted() *value {
	switch v.kind {
	case arrayValue:
		c := *v
		c.items = make([]*value, len(v.items))
		for i, item := range v.items {
			c.items[i] = item.sorted()
		}
		return &c
	case objectValue:
		c := *v
		c.members = make([]member, len(v.members))
		for i, m := range v.members {
			c.members[i] = member{m.name, m.value.sorted()}
		}
		sort.Slice(c.members, func(i, j int) bool { return c.members[i].name < c.members[j].name })
		return &c
	}
	return v
}

// write appends v as compact JSON, spelled as Jackson spells it.
func (v *value) write(b []byte) []byte {
	switch v.kind {
	case nullValue:
		return append(b, "null"...)
	case trueValue:
		return append(b, "true"...)
	case falseValue:
		return append(b, "false"...)
	case wholeValue:
		return append(b, v.text...)
	case floatingValue:
		return writeDouble(b, v.number)
	case stringValue:
		return writeString(b, v.text)
	case arrayValue:
		b = append(b, '[')
		for i, item := range v.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.write(b)
		}
		return append(b, ']')
	default:
		b = append(b, '{')
		for i, m := range v.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(writeString(b, m.name), ':')
			b = m.value.write(b)
		}
		return append(b, '}')
	}
}

func (v *value) String() string { return string(v.write(nil)) }

const upperHex = "0123456789ABCDEF"

// writeString appends s in quotes. Jackson escapes the quote, the backslash and
// control characters, the latter in upper-case hex, and nothing else.
func writeString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, '\\', 'u', '0', '0', upperHex[c>>4], upperHex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// writeDouble appends d as Java's Double.toString (JDK 19 and later) writes it;
// Jackson puts what is not a number in quotes.
func writeDouble(b []byte, d float64) []byte {
	switch {
	case math.IsNaN(d):
		return append(b, `"NaN"`...)
	case math.IsInf(d, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(d, -1):
		return append(b, `"-Infinity"`...)
	case d == 0:
		if math.Signbit(d) {
			return append(b, "-0.0"...)
		}
		return append(b, "0.0"...)
	}
	if a := math.Abs(d); a >= 1e-3 && a < 1e7 {
		text := strconv.FormatFloat(d, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return append(b, text...)
	}
	return append(b, scientific(d)...)
}

// scientific writes d as d.dddE±n. Java wants at least two digits and takes the
// closest such number that still reads back as d: 4.9E-324, not 5.0E-324.
func scientific(d float64) string {
	text := strconv.FormatFloat(d, 'e', -1, 64)
	if !strings.Contains(text, ".") {
		if two := strconv.FormatFloat(d, 'e', 1, 64); readsBackAs(two, d) {
			text = two
		}
	}
	digits, exponent, _ := strings.Cut(text, "e")
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	n, _ := strconv.Atoi(exponent) // FormatFloat wrote it
	return digits + "E" + strconv.Itoa(n)
}

func readsBackAs(text string, d float64) bool {
	back, err := strconv.ParseFloat(text, 64)
	return err == nil && back == d
}

// parseJavaDouble reads text as Java's Double.parseDouble does: white space
// around it, NaN, Infinity, hexadecimal floats, and a type suffix are allowed.
func parseJavaDouble(text string) (float64, bool) {
	s := strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	body := strings.TrimLeft(s, "+-")
	if len(s)-len(body) > 1 || strings.ContainsRune(s, '_') {
		return 0, false
	}
	switch body {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1 - 2*strings.Count(s, "-")), true
	}
	if body == "" || !strings.ContainsRune("0123456789.", rune(body[0])) {
		return 0, false
	}
	hex := strings.HasPrefix(body, "0x") || strings.HasPrefix(body, "0X")
	if hex && !strings.ContainsAny(body, "pP") {
		return 0, false
	}
	if last := s[len(s)-1]; strings.IndexByte("fFdD", last) >= 0 {
		s = s[:len(s)-1]
	}
	d, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(d, 0) {
		return 0, false
	}
	return d, true
}

// wholeNumber is the JSON number with these digits, spelled canonically.
func wholeNumber(text string) *value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return &value{kind: wholeValue, text: strconv.FormatInt(n, 10)}
	}
	n, _ := new(big.Int).SetString(text, 10) // the scanner admits digits only
	return &value{kind: wholeValue, text: n.String()}
}
