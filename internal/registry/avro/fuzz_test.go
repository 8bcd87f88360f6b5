package avro

import (
	"encoding/json"
	"testing"
)

func seeds(f *testing.F) []string {
	texts := []string{claimSchema, chain(3), `"int"`, `[]`, "/* */", `{"type":"string","a":"\ud83d\ude00"}`, `{"type":"x`}
	g := newGenerator(3)
	for range 40 {
		reader, _ := g.pair()
		texts = append(texts, reader)
	}
	for _, v := range readVectors(f, handFile)[64:] {
		texts = append(texts, string(v.Reader))
	}
	return texts
}

// small bounds keep one run of a fuzz target short.
var small = Limits{MaxBytes: 4_096, MaxDepth: 50}

// FuzzParse: whatever the text, it is refused in words or everything can be asked
// of the schema; what is printed is JSON and reads back as the same schema.
func FuzzParse(f *testing.F) {
	for _, text := range seeds(f) {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, lax bool) {
		s, err := Parse(text, Options{Lax: lax, Limits: small})
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without words")
			}
			return
		}
		s.Fields()
		s.Fingerprint()
		for _, printed := range []string{s.Canonical(), s.Normalized(), s.Resolved()} {
			if !json.Valid([]byte(printed)) {
				t.Fatalf("not JSON: %s", printed)
			}
		}
		back, err := Parse(s.Canonical(), Options{Lax: true})
		if err != nil {
			if lax {
				return // names with dots or quotes inside do not survive
			}
			t.Fatalf("does not read back: %v\n%s", err, s.Canonical())
		}
		if !lax && back.ParsingForm() != s.ParsingForm() {
			t.Fatalf("reads back as another schema: %s\n%s", text, s.Canonical())
		}
	})
}

// FuzzCompatible: any two schemas can be compared; Diff and Compatible agree.
func FuzzCompatible(f *testing.F) {
	g := newGenerator(4)
	for range 60 {
		reader, writer := g.pair()
		f.Add(reader, writer)
	}
	for _, v := range readVectors(f, handFile)[64:] {
		f.Add(string(v.Reader), string(v.Writer))
	}
	f.Fuzz(func(t *testing.T, readerText, writerText string) {
		reader, err := Parse(readerText, Options{Limits: small})
		if err != nil {
			return
		}
		writer, err := Parse(writerText, Options{Limits: small})
		if err != nil {
			return
		}
		checkPair(t, writer, reader)
		for _, inc := range Compatible(reader, writer) {
			if inc.Type == "" || inc.Path == "" {
				t.Fatalf("an empty incompatibility: %+v", inc)
			}
		}
	})
}
