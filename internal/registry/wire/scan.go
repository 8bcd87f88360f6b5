package wire

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"
)

// RawSchema is a SCHEMA value whose text is still as JSON spells it. Most records
// of a long topic repeat a text that is known; decoding it only to find that out
// is most of the work of a start.
type RawSchema struct {
	ID      int
	Type    string // "" = AVRO
	Text    []byte // between its quotes
	Deleted bool
}

// schemaProperties are the plain ones of a SCHEMA value, first those it must have.
var schemaProperties = [...]string{"id", "schema", "subject", "version", "md5", "schemaType", "deleted"}

// ScanSchema reads a compact value that has no more than the plain properties,
// each once. It refuses anything else, references and metadata too: what it
// refuses is for encoding/json to read, or to refuse.
func ScanSchema(value []byte) (v RawSchema, ok bool) {
	s := scanner(value)
	var seen [len(schemaProperties)]bool
	for sep := byte('{'); s.skip(sep); sep = ',' {
		name, _ := s.text()
		i := slices.Index(schemaProperties[:], string(name))
		if i < 0 || seen[i] || !s.skip(':') {
			return v, false
		}
		seen[i] = true
		ok := true
		switch string(name) {
		case "subject", "md5":
			_, ok = s.text()
		case "schemaType":
			var kind []byte
			kind, ok = s.text()
			v.Type = string(kind)
		case "version":
			_, ok = s.number()
		case "id":
			v.ID, ok = s.number()
		case "schema":
			v.Text, ok = s.text()
		case "deleted":
			v.Deleted, ok = s.boolean()
		}
		if !ok {
			return v, false
		}
		if s.skip('}') {
			return v, len(s) == 0 && seen[0] && seen[1]
		}
	}
	return v, false
}

// scanner is what is left of a JSON text.
type scanner []byte

func (s *scanner) skip(c byte) bool {
	if len(*s) == 0 || (*s)[0] != c {
		return false
	}
	*s = (*s)[1:]
	return true
}

// text reads a string and gives what stands between its quotes.
func (s *scanner) text() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte((*s)[at:], '"')
		if i < 0 {
			return nil, false
		}
		at += i
		slashes := 0
		for slashes < at && (*s)[at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			text := (*s)[:at]
			*s = (*s)[at+1:]
			return text, true
		}
	}
}

// number reads a number of up to nine digits.
func (s *scanner) number() (n int, ok bool) {
	digits := 0
	for digits < len(*s) && digits < 9 && (*s)[digits] >= '0' && (*s)[digits] <= '9' {
		n = n*10 + int((*s)[digits]-'0')
		digits++
	}
	leadingZero := digits > 1 && (*s)[0] == '0'
	*s = (*s)[digits:]
	return n, digits > 0 && !leadingZero
}

func (s *scanner) boolean() (value, ok bool) {
	for _, word := range []string{"false", "true"} {
		if rest, found := bytes.CutPrefix(*s, []byte(word)); found {
			*s = rest
			return word == "true", true
		}
	}
	return false, false
}

// Spells reports whether the inside of a JSON string stands for text. It may say
// no to an odd spelling of the same text, never yes to another.
func Spells(quoted []byte, text string) bool {
	for {
		i := bytes.IndexByte(quoted, '\\')
		run := quoted
		if i >= 0 {
			run = quoted[:i]
		}
		if len(run) > len(text) || string(run) != text[:len(run)] {
			return false
		}
		text = text[len(run):]
		if i < 0 {
			return text == ""
		}
		plain, size, ok := unescape(quoted[i:])
		if !ok || len(text) < len(plain) || text[:len(plain)] != plain {
			return false
		}
		text, quoted = text[len(plain):], quoted[i+size:]
	}
}

// escapes are the two-character escapes of JSON.
var escapes = [256]string{'"': `"`, '\\': `\`, '/': "/", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t"}

// unescape reads one escape and gives what it stands for and its length.
// Surrogate pairs are left to encoding/json.
func unescape(quoted []byte) (plain string, size int, ok bool) {
	if len(quoted) < 2 {
		return "", 0, false
	}
	if plain := escapes[quoted[1]]; plain != "" {
		return plain, 2, true
	}
	if quoted[1] != 'u' || len(quoted) < 6 {
		return "", 0, false
	}
	code, err := strconv.ParseUint(string(quoted[2:6]), 16, 16)
	if r := rune(code); err == nil && utf8.ValidRune(r) {
		return string(r), 6, true
	}
	return "", 0, false
}
