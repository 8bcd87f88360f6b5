package registry

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestScanSchema: what is taken the short way, and what is left to encoding/json.
func TestScanSchema(t *testing.T) {
	for value, want := range map[string]bool{
		`{"subject":"s","version":1,"id":7,"md5":"AA==","schema":"\"int\"","deleted":false}`: true, // as we and Confluent write it
		`{"id":7,"schema":"\"int\""}`:                                     true,
		`{"schemaType":"AVRO","deleted":true,"schema":"\\\"","id":0}`:     true,
		`{"subject":"s","version":1,"id":7,"schema":"x","references":[]}`: false,
		`{"subject":"s","version":1,"id":7,"schema":"x","metadata":null}`: false,
		`{"ID":7,"schema":"x"}`:                                           false, // encoding/json takes any case
		`{"id":7,"id":8,"schema":"x"}`:                                    false, // the last one counts there
		`{"id":07,"schema":"x"}`:                                          false,
		`{"id":-7,"schema":"x"}`:                                          false,
		`{"id":7.0,"schema":"x"}`:                                         false,
		`{"id":1234567890,"schema":"x"}`:                                  false,
		`{"id":7, "schema":"x"}`:                                          false, // not compact
		`{"id":7,"schema":"x"} `:                                          false,
		`{"id":7,"schema":"x"`:                                            false,
		`{"id":7,"schema":"x\"}`:                                          false,
		`{"id":7,"schema":null}`:                                          false,
		`{"id":7,"schema":"x","deleted":tr}`:                              false,
		`{"id":7}`:                                                        false,
		`{}`:                                                              false,
		``:                                                                false,
		`null`:                                                            false,
	} {
		if _, ok := scanSchema([]byte(value)); ok != want {
			t.Errorf("%s: %v", value, ok)
		}
	}
}

func TestSpells(t *testing.T) {
	for _, c := range []struct {
		quoted, text string
		want         bool
	}{
		{`\"int\"`, `"int"`, true}, {``, ``, true}, {`a\\b\/c`, `a\b/c`, true}, {`\b\f\n\r\t`, "\b\f\n\r\t", true},
		{`\u0041\u00e9é\u65E5`, "Aéé日", true}, {`\u0000`, "\x00", true},
		{`\"int\"`, `"int" `, false}, {`\"int\" `, `"int"`, false}, {`\"int`, `"int"`, false}, {`\"lnt\"`, `"int"`, false},
		{`\u004`, `A`, false}, {`\u00zz`, `A`, false}, {`\x`, `x`, false}, {`\`, `\`, false}, {`a\`, `a`, false},
		{`\ud83d\ude00`, "😀", false}, // an odd spelling; encoding/json reads it
	} {
		if got := spells([]byte(c.quoted), c.text); got != c.want {
			t.Errorf("%s for %q: %v", c.quoted, c.text, got)
		}
	}
}

// TestRepeatedText: a record that repeats a text is the same content whichever
// way it is spelled; a record that differs in anything is not.
func TestRepeatedText(t *testing.T) {
	const key = `{"keytype":"SCHEMA","subject":"%","version":1,"magic":1}` + "\t"
	line := func(subject, value string) string { return strings.Replace(key, "%", subject, 1) + value + "\n" }
	s, faults := feed(t, line("a", `{"subject":"a","version":1,"id":1,"schema":"\"int\"","deleted":false}`)+
		line("same", `{"subject":"same","version":1,"id":1,"schema":"\"int\"","deleted":false}`)+
		line("spelled", `{ "id":1,"schema":"\u0022int\u0022"}`)+
		line("deleted", `{"id":1,"schemaType":"AVRO","schema":"\u0022int\"","deleted":true}`)+
		line("text", `{"id":1,"schema":"\"long\""}`)+
		line("refs", `{"id":1,"schema":"\"int\"","references":[{"name":"n","subject":"a","version":1}]}`)+
		line("meta", `{"id":1,"schema":"\"int\"","metadata":{"properties":{"a":"b"}}}`)+
		line("control", "{\"id\":2,\"schema\":\"\\u0022a\\nb\\u0022\"}")+
		line("raw", `{"id":2,"schema":"\"a\nb\""}`))
	if faults != 3 {
		t.Errorf("%d records refused, want 3: another text, references, metadata", faults)
	}
	one := s.spaces["."].byID[1]
	for _, name := range []string{"a", "same", "spelled", "deleted"} {
		if sub := s.subjects[name]; sub == nil || sub.versions[0].content != one || sub.versions[0].deleted != (name == "deleted") {
			t.Errorf("%s: %+v", name, sub)
		}
	}
	if s.subjects["raw"].versions[0].content != s.subjects["control"].versions[0].content {
		t.Error("a text with a line break is not recognised")
	}
	consistent(t, s)
}

// FuzzScanSchema: the short way reads what encoding/json reads.
func FuzzScanSchema(f *testing.F) {
	for _, seed := range []string{`{"subject":"s","version":1,"id":7,"md5":"AA==","schemaType":"AVRO","schema":"\"int\"","deleted":true}`,
		`{"id":7,"schema":"\u0022é\\\/\n"}`, `{"id":7,"schema":"\ud83d\ude00"}`, `{"deleted":false,"id":7,"schema":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		raw, ok := scanSchema(value)
		if !ok {
			return
		}
		var v schemaValue
		if json.Unmarshal(value, &v) != nil {
			return // a fault inside a string; only a known text is taken without reading it
		}
		if v.ID != raw.id || v.Deleted != raw.deleted {
			t.Fatalf("%s: %+v, want %+v", value, raw, v)
		}
		if plain := !strings.Contains(string(raw.text), `\`); plain && utf8.Valid(raw.text) && !spells(raw.text, v.Schema) {
			t.Fatalf("%s: the plain text %q is not recognised", value, v.Schema)
		}
		if spells(raw.text, v.Schema+"x") || v.Schema != "" && spells(raw.text, v.Schema[1:]) {
			t.Fatalf("%s: another text is recognised", value)
		}
	})
}
