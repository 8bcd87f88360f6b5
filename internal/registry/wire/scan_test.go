package wire

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
		if _, ok := ScanSchema([]byte(value)); ok != want {
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
		if got := Spells([]byte(c.quoted), c.text); got != c.want {
			t.Errorf("%s for %q: %v", c.quoted, c.text, got)
		}
	}
}

// FuzzScanSchema: the short way reads what encoding/json reads.
func FuzzScanSchema(f *testing.F) {
	for _, seed := range []string{`{"subject":"s","version":1,"id":7,"md5":"AA==","schemaType":"AVRO","schema":"\"int\"","deleted":true}`,
		`{"id":7,"schema":"\u0022é\\\/\n"}`, `{"id":7,"schema":"\ud83d\ude00"}`, `{"deleted":false,"id":7,"schema":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		raw, ok := ScanSchema(value)
		if !ok {
			return
		}
		var v SchemaValue
		if json.Unmarshal(value, &v) != nil {
			return // a fault inside a string; only a known text is taken without reading it
		}
		if v.ID != raw.ID || v.Deleted != raw.Deleted {
			t.Fatalf("%s: %+v, want %+v", value, raw, v)
		}
		if plain := !strings.Contains(string(raw.Text), `\`); plain && utf8.Valid(raw.Text) && !Spells(raw.Text, v.Schema) {
			t.Fatalf("%s: the plain text %q is not recognised", value, v.Schema)
		}
		if Spells(raw.Text, v.Schema+"x") || v.Schema != "" && Spells(raw.Text, v.Schema[1:]) {
			t.Fatalf("%s: another text is recognised", value)
		}
	})
}
