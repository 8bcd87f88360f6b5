package avro

import (
	"encoding/hex"
	"math"
	"testing"
)

// TestCanonical holds what the golden files hold, in small, as a list of rules.
func TestCanonical(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"a primitive without properties is a word", `{"type":"string","doc":"lost","items":"lost"}`, `"string"`},
		{"with properties an object", `{"x":1,"type":"string"}`, `{"type":"string","x":1}`},
		{"order of a record's members", `{"aliases":["O"],"p":1,"fields":[],"doc":"d","namespace":"a","name":"R","type":"record"}`, `{"type":"record","name":"R","namespace":"a","doc":"d","fields":[],"p":1,"aliases":["O"]}`},
		{"of a field's", rec("R", `{"p":1,"aliases":["o"],"order":"ignore","default":1,"doc":"d","type":"int","name":"a"}`), rec("R", `{"name":"a","type":"int","doc":"d","default":1,"order":"ignore","aliases":["o"],"p":1}`)},
		{"of an enum's", `{"aliases":["O"],"p":1,"default":"A","symbols":["A"],"doc":"","name":"E","type":"enum"}`, `{"type":"enum","name":"E","doc":"","symbols":["A"],"default":"A","p":1,"aliases":["O"]}`},
		{"of a fixed's", `{"aliases":["O"],"p":1,"size":1,"name":"F","type":"fixed"}`, `{"type":"fixed","name":"F","size":1,"p":1,"aliases":["O"]}`},
		{"of an array's and a map's", `{"p":1,"items":{"q":2,"values":"int","type":"map"},"type":"array"}`, `{"type":"array","items":{"type":"map","values":"int","q":2},"p":1}`},
		{"ascending is not printed, other orders in small letters", rec("R", `{"name":"a","type":"int","order":"ASCENDING"},{"name":"b","type":"int","order":"Ignore"}`), rec("R", `{"name":"a","type":"int"},{"name":"b","type":"int","order":"ignore"}`)},
		{"a namespace in the name", rec("a.b.R", ""), `{"type":"record","name":"R","namespace":"a.b","fields":[]}`},
		{"a namespace only where it changes", rec("a.R", `{"name":"x","type":`+rec("a.X", "")+`},{"name":"y","type":`+rec("b.Y", "")+`},{"name":"z","type":`+rec(".Z", "")+`}`),
			`{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"record","name":"X","fields":[]}},{"name":"y","type":{"type":"record","name":"Y","namespace":"b","fields":[]}},{"name":"z","type":{"type":"record","name":"Z","namespace":"","fields":[]}}]}`},
		{"a name is short inside its namespace", rec("a.R", `{"name":"x","type":["null","a.R"]},{"name":"y","type":`+rec("b.Y", `{"name":"r","type":"a.R"}`)+`}`),
			`{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":["null","R"]},{"name":"y","type":{"type":"record","name":"Y","namespace":"b","fields":[{"name":"r","type":"a.R"}]}}]}`},
		{"except when it is a word of Avro", rec("a.R", `{"name":"x","type":`+rec("a.map", "")+`},{"name":"y","type":"a.map"}`), `{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"record","name":"map","fields":[]}},{"name":"y","type":"a.map"}]}`},
		{"aliases are short likewise, and forget to be without namespace", `{"type":"record","name":"a.R","fields":[],"aliases":["X","a.Y","b.Z",".N","X","a.map"]}`, `{"type":"record","name":"R","namespace":"a","fields":[],"aliases":["X","Y","b.Z","N","a.map"]}`},
		{"a second definition is a name", rec("R", `{"name":"a","type":`+rec("I", "")+`},{"name":"b","type":`+rec("I", "")+`}`), rec("R", `{"name":"a","type":`+rec("I", "")+`},{"name":"b","type":"I"}`)},
		{"a definition moves to the first use", rec("R", `{"name":"a","type":"I"},{"name":"b","type":`+rec("I", "")+`}`), rec("R", `{"name":"a","type":`+rec("I", "")+`},{"name":"b","type":"I"}`)},
		{"a name in an object loses the rest", rec("R", `{"name":"a","type":["null",{"type":"R","x":1}]}`), rec("R", `{"name":"a","type":["null","R"]}`)},
		{"what is not text is dropped", `{"type":"enum","name":"E","namespace":1,"doc":2,"symbols":[],"default":3}`, `{"type":"enum","name":"E","symbols":[]}`},
		{"default and order of a record are properties", `{"type":"record","name":"R","fields":[],"default":{"a":1},"order":"x"}`, `{"type":"record","name":"R","fields":[],"default":{"a":1},"order":"x"}`},
		{"error", `{"type":"error","name":"R","fields":[]}`, `{"type":"error","name":"R","fields":[]}`},
	} {
		s := mustParse(t, c.text)
		if s.Canonical() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, s.Canonical(), c.want)
		}
		if s.Resolved() != c.want {
			t.Errorf("%s: resolved differs without references: %s", c.rule, s.Resolved())
		}
	}
}

func TestDoubles(t *testing.T) {
	for want, d := range map[string]float64{
		"0.0": 0, "-0.0": math.Copysign(0, -1), "1.0": 1, "0.1": 0.1, "100.0": 1e2, "0.001": 1e-3, "9999999.0": 9999999,
		"1.0E7": 1e7, "1.2345678E7": 12345678, "9.99E-4": 9.99e-4, "1.0E-5": 1e-5, "-2.5E-10": -2.5e-10, "4.9E-324": 5e-324,
		"2.0E23": 2e23, "1.7976931348623157E308": math.MaxFloat64, "9007199.254740993": 9007199.254740993, "123456.789": 123456.789,
		`"NaN"`: math.NaN(), `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1),
	} {
		if got := string(writeDouble(nil, d)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestParsingForm: the examples of the specification and of Java.
func TestParsingForm(t *testing.T) {
	for _, c := range []struct{ text, form, print string }{
		{`"null"`, `"null"`, "63dd24e7cc258f8a"},
		{`{"type":"int","logicalType":"date"}`, `"int"`, "7275d51a3f395c8f"},
		{`{"type":"array","items":"long","x":1}`, `{"type":"array","items":"long"}`, ""},
		{`{"type":"map","values":["null","int"]}`, `{"type":"map","values":["null","int"]}`, ""},
		{`{"type":"fixed","namespace":"a","name":"F","size":15,"aliases":["x"]}`, `{"name":"a.F","type":"fixed","size":15}`, ""},
		{`{"type":"error","name":"R","doc":"d","fields":[{"name":"e","default":"B","type":{"type":"enum","name":"E","symbols":["A","B"]}},{"name":"r","type":["null","R","E"]}]}`,
			`{"name":"R","type":"record","fields":[{"name":"e","type":{"name":"E","type":"enum","symbols":["A","B"]}},{"name":"r","type":["null","R","E"]}]}`, ""},
	} {
		s := mustParse(t, c.text)
		if got := s.ParsingForm(); got != c.form {
			t.Errorf("got %s, want %s", got, c.form)
		}
		if got := fingerprint(s); c.print != "" && got != c.print {
			t.Errorf("%s: fingerprint %s, want %s", c.text, got, c.print)
		}
	}
	f := mustParse(t, `"null"`).Fingerprint()
	if got := hex.EncodeToString(f[:]); got != "8a8f25cce724dd63" {
		t.Errorf("the bytes of the fingerprint are %s; the last one comes first", got)
	}
}

func TestNames(t *testing.T) {
	for text, want := range map[string]string{`"int"`: "", `["null"]`: "", rec("a.R", ""): "a.R", rec("R", ""): "R", `{"type":"fixed","name":"F","namespace":"x.y","size":1}`: "x.y.F"} {
		if got := mustParse(t, text).Name(); got != want {
			t.Errorf("%s is called %q, want %q", text, got, want)
		}
	}
}
