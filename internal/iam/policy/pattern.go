package policy

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// In the code of a pattern the two wildcards are bytes that no UTF-8 text
// contains, so that an escaped ${*} is an ordinary star.
const (
	anyRun  = '\xff' // *: any characters, also none
	anyChar = '\xfe' // ?: exactly one character
)

// pattern is a text with the wildcards * and ?, ready to match.
type pattern struct {
	code string
	wild bool
}

var (
	errVariable  = errors.New("policy variables are not supported; write the value itself (${*}, ${?} and ${$} stand for the characters)")
	errCharacter = errors.New("control characters and broken UTF-8 are not allowed")
)

// compilePattern reads a text with wildcards. Of AWS's policy variables only
// the three that escape a character are known.
func compilePattern(text string) (pattern, error) {
	if err := checkText(text); err != nil {
		return pattern{}, err
	}
	if !strings.ContainsAny(text, "*?$") {
		return pattern{code: text}, nil
	}
	var b strings.Builder
	var last byte
	for i := 0; i < len(text); i++ {
		c, escaped := text[i], false
		if strings.HasPrefix(text[i:], "${") {
			if len(text) < i+4 || text[i+3] != '}' || !strings.ContainsRune("*?$", rune(text[i+2])) {
				return pattern{}, errVariable
			}
			c, escaped = text[i+2], true
			i += 3
		}
		switch {
		case c == '*' && !escaped:
			if last != anyRun { // ** means the same as *
				b.WriteByte(anyRun)
			}
			last = anyRun
			continue
		case c == '?' && !escaped:
			c = anyChar
		}
		b.WriteByte(c)
		last = c
	}
	code := b.String()
	return pattern{code: code, wild: strings.IndexByte(code, anyRun) >= 0 || strings.IndexByte(code, anyChar) >= 0}, nil
}

func checkText(text string) error {
	if !utf8.ValidString(text) {
		return errCharacter
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return errCharacter
		}
	}
	return nil
}

// escape writes a text so that compilePattern takes every character literally.
func escape(text string) string {
	text = strings.ToValidUTF8(text, "_")
	if !strings.ContainsAny(text, "*?$") {
		return text
	}
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(text)
}

// match reports whether the whole of s fits the pattern. Case matters. The work
// is at most len(code) × len(s) steps, without allocation.
func (p pattern) match(s string) bool {
	if !p.wild {
		return p.code == s
	}
	code := p.code
	i, j := 0, 0        // places in code and s
	star, back := -1, 0 // the last star, and where s stood when it took its part
	for j < len(s) {
		switch {
		case i < len(code) && code[i] == anyRun:
			star, back = i, j
			i++
			continue
		case i < len(code) && code[i] == anyChar:
			_, n := utf8.DecodeRuneInString(s[j:])
			i++
			j += n
			continue
		case i < len(code) && code[i] == s[j]:
			i++
			j++
			continue
		case star < 0:
			return false
		}
		// Let the star take one more character; whole ones, for the sake of ?.
		_, n := utf8.DecodeRuneInString(s[back:])
		back += n
		i, j = star+1, back
	}
	for i < len(code) && code[i] == anyRun {
		i++
	}
	return i == len(code)
}

// everything reports whether the pattern is a single star.
func (p pattern) everything() bool { return p.code == string([]byte{anyRun}) }

// head is what stands before the first wildcard.
func (p pattern) head() string {
	for i := range len(p.code) {
		if p.code[i] == anyRun || p.code[i] == anyChar {
			return p.code[:i]
		}
	}
	return p.code
}
