package avro

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A JSON reader of our own, because the text must be read as Jackson reads it for
// Avro: members keep their order, of duplicate names the last value wins in the
// first one's place, comments are allowed before and inside the schema but not
// after it, whole numbers stay whole. The bounds on numbers and names are
// Jackson's too.
const (
	maxNumberBytes = 1_000
	maxNameBytes   = 50_000
)

type scanner struct {
	text  string
	at    int
	depth int
	nodes *int // values left, shared by all texts of one Parse
	max   Limits
}

// scan reads the one JSON value that text holds.
func scan(text string, max Limits, nodes *int) (*value, error) {
	if len(text) > max.MaxBytes {
		return nil, fmt.Errorf("the schema has %d bytes, the limit is %d", len(text), max.MaxBytes)
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("the schema is not valid UTF-8")
	}
	s := &scanner{text: text, nodes: nodes, max: max}
	if err := s.space(); err != nil {
		return nil, err
	}
	if s.at == len(text) {
		return nil, errors.New("the schema is empty")
	}
	v, err := s.value()
	if err != nil {
		return nil, err
	}
	if rest := strings.TrimFunc(text[s.at:], func(r rune) bool { return r <= ' ' }); rest != "" {
		return nil, s.fail("dangling content after end of schema")
	}
	return v, nil
}

func (s *scanner) fail(format string, args ...any) error {
	line := 1 + strings.Count(s.text[:s.at], "\n")
	column := 1 + utf8.RuneCountInString(s.text[strings.LastIndexByte(s.text[:s.at], '\n')+1:s.at])
	return fmt.Errorf("not valid JSON (line %d, column %d): %s", line, column, fmt.Sprintf(format, args...))
}

// space skips white space and comments.
func (s *scanner) space() error {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		case '/':
			end := -1
			if rest := s.text[s.at:]; strings.HasPrefix(rest, "/*") {
				if end = strings.Index(rest[2:], "*/"); end >= 0 {
					end += 4
				}
			} else if strings.HasPrefix(rest, "//") {
				if end = strings.IndexAny(rest, "\r\n"); end < 0 {
					end = len(rest)
				}
			}
			if end < 0 {
				return s.fail("a comment that is not complete")
			}
			s.at += end
		default:
			return nil
		}
	}
	return nil
}

// next skips white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() (byte, error) {
	if err := s.space(); err != nil || s.at == len(s.text) {
		return 0, err
	}
	return s.text[s.at], nil
}

func (s *scanner) value() (*value, error) {
	if *s.nodes--; *s.nodes < 0 {
		return nil, fmt.Errorf("the schema has more than %d JSON values, which is the limit", s.max.MaxNodes)
	}
	if s.at == len(s.text) {
		return nil, s.fail("the text ends where a value was expected")
	}
	switch c := s.text[s.at]; {
	case c == '{', c == '[':
		if s.depth++; s.depth > s.max.MaxDepth {
			return nil, fmt.Errorf("the schema is nested deeper than %d levels, which is the limit", s.max.MaxDepth)
		}
		defer func() { s.depth-- }()
		if c == '{' {
			return s.object()
		}
		return s.array()
	case c == '"':
		text, err := s.str()
		return &value{kind: stringValue, text: text}, err
	case c == '-', c >= '0' && c <= '9':
		return s.number()
	}
	return s.literal()
}

func (s *scanner) literal() (*value, error) {
	for _, l := range []struct {
		word string
		kind valueKind
	}{{"null", nullValue}, {"true", trueValue}, {"false", falseValue}} {
		if strings.HasPrefix(s.text[s.at:], l.word) {
			s.at += len(l.word)
			return &value{kind: l.kind}, s.boundary()
		}
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return nil, s.fail("unexpected character %q where a value was expected", r)
}

// boundary refuses a letter or digit directly after a number or literal.
func (s *scanner) boundary() error {
	if s.at < len(s.text) {
		if c := s.text[s.at]; c == '_' || c >= 0x80 || c == '.' || c == '"' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
			return s.fail("unexpected character after a value")
		}
	}
	return nil
}

func (s *scanner) array() (*value, error) {
	v := &value{kind: arrayValue}
	for s.at++; ; s.at++ {
		c, err := s.next()
		if err != nil {
			return nil, err
		}
		if c == ']' && len(v.items) == 0 {
			s.at++
			return v, nil
		}
		item, err := s.value()
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, item)
		if c, err = s.next(); err != nil {
			return nil, err
		}
		if c == ']' {
			s.at++
			return v, nil
		}
		if c != ',' {
			return nil, s.fail("expected a comma or ] in an array")
		}
	}
}

func (s *scanner) object() (*value, error) {
	v := &value{kind: objectValue}
	var seen map[string]int // built only for large objects
	for s.at++; ; s.at++ {
		c, err := s.next()
		if err != nil {
			return nil, err
		}
		if c == '}' && len(v.members) == 0 {
			s.at++
			return v, nil
		}
		m, err := s.member(c)
		if err != nil {
			return nil, err
		}
		seen = v.put(m, seen)
		if c, err = s.next(); err != nil {
			return nil, err
		}
		if c == '}' {
			s.at++
			return v, nil
		}
		if c != ',' {
			return nil, s.fail("expected a comma or } in an object")
		}
	}
}

func (s *scanner) member(c byte) (member, error) {
	if c != '"' {
		return member{}, s.fail("expected a name in double quotes")
	}
	name, err := s.str()
	if err != nil {
		return member{}, err
	}
	if len(name) > maxNameBytes {
		return member{}, s.fail("a name has more than %d bytes", maxNameBytes)
	}
	if c, err = s.next(); err != nil {
		return member{}, err
	}
	if c != ':' {
		return member{}, s.fail("expected a colon after a name")
	}
	s.at++
	if err = s.space(); err != nil {
		return member{}, err
	}
	v, err := s.value()
	return member{name, v}, err
}

// put adds m, or replaces the value of the member of that name.
func (v *value) put(m member, seen map[string]int) map[string]int {
	const few = 16
	if seen == nil && len(v.members) >= few {
		seen = make(map[string]int, 2*few)
		for i := range v.members {
			seen[v.members[i].name] = i
		}
	}
	at, ok := -1, false
	if seen != nil {
		at, ok = seen[m.name]
	} else {
		for i := range v.members {
			if v.members[i].name == m.name {
				at, ok = i, true
				break
			}
		}
	}
	if ok {
		v.members[at].value = m.value
		return seen
	}
	if seen != nil {
		seen[m.name] = len(v.members)
	}
	v.members = append(v.members, m)
	return seen
}

func (s *scanner) number() (*value, error) {
	start := s.at
	if s.text[s.at] == '-' {
		s.at++
	}
	first := s.at
	if s.digits() == 0 {
		return nil, s.fail("a minus sign without a number")
	}
	if s.text[first] == '0' && s.at > first+1 {
		return nil, s.fail("leading zeros are not allowed in a number")
	}
	whole, digits := true, s.at-start
	if s.at < len(s.text) && s.text[s.at] == '.' {
		whole = false
		s.at++
		n := s.digits()
		if n == 0 {
			return nil, s.fail("a decimal point without a digit after it")
		}
		digits += n
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		whole = false
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		n := s.digits()
		if n == 0 {
			return nil, s.fail("an exponent without a digit")
		}
		digits += n
	}
	if digits > maxNumberBytes {
		return nil, s.fail("a number with more than %d digits", maxNumberBytes)
	}
	text := s.text[start:s.at]
	if err := s.boundary(); err != nil {
		return nil, err
	}
	if whole {
		return wholeNumber(text), nil
	}
	d, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(d, 0) {
		return nil, s.fail("a number that cannot be read")
	}
	return &value{kind: floatingValue, number: d}, nil
}

func (s *scanner) digits() int {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}

// str reads the string that starts at the current quote.
func (s *scanner) str() (string, error) {
	s.at++
	start := s.at
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			text := s.text[start:s.at]
			s.at++
			return strings.Clone(text), nil
		case c == '\\':
			return s.escaped([]byte(s.text[start:s.at]))
		case c < 0x20:
			return "", s.fail("a control character in a string; write it as an escape")
		}
	}
	return "", s.fail("a string that does not end")
}

// escaped reads on in a string that has escapes; b is what came before.
func (s *scanner) escaped(b []byte) (string, error) {
	for s.at < len(s.text) {
		c := s.text[s.at]
		switch {
		case c == '"':
			s.at++
			return string(b), nil
		case c < 0x20:
			return "", s.fail("a control character in a string; write it as an escape")
		case c != '\\':
			b = append(b, c)
			s.at++
			continue
		}
		if s.at+1 >= len(s.text) {
			break
		}
		e := s.text[s.at+1]
		if i := strings.IndexByte(`"\/bfnrt`, e); i >= 0 {
			b = append(b, "\"\\/\b\f\n\r\t"[i])
			s.at += 2
			continue
		}
		if e != 'u' {
			return "", s.fail("an escape that JSON does not have")
		}
		r, err := s.unicodeEscape()
		if err != nil {
			return "", err
		}
		b = utf8.AppendRune(b, r)
	}
	return "", s.fail("a string that does not end")
}

// unicodeEscape reads \uXXXX, or two of them that make a surrogate pair.
func (s *scanner) unicodeEscape() (rune, error) {
	r, ok := s.hex4()
	if !ok {
		return 0, s.fail("a \\u escape needs four hexadecimal digits")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	low, ok := rune(0), false
	if strings.HasPrefix(s.text[s.at:], `\u`) {
		low, ok = s.hex4()
	}
	if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
		return pair, nil
	}
	return 0, s.fail("half of a surrogate pair is not a character")
}

func (s *scanner) hex4() (rune, bool) {
	if s.at+6 > len(s.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(s.text[s.at+2:s.at+6], 16, 16)
	if err != nil {
		return 0, false
	}
	s.at += 6
	return rune(n), true
}
