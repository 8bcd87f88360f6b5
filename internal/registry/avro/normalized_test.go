package avro

import "testing"

// TestNormalized: texts that mean the same get one text.
func TestNormalized(t *testing.T) {
	def := func(typ, def string) string { return rec("R", `{"name":"a","type":`+typ+`,"default":`+def+`}`) }
	for _, c := range []struct{ rule, text, want string }{
		{"properties by name, also inside", `{"type":"string","z":{"b":1,"a":[{"d":1,"c":2}]},"a":1}`, `{"type":"string","a":1,"z":{"a":[{"c":2,"d":1}],"b":1}}`},
		{"a valid logical type first", `{"type":"bytes","a":1,"scale":2,"precision":4,"logicalType":"decimal"}`, `{"type":"bytes","logicalType":"decimal","precision":4,"scale":2,"a":1}`},
		{"scale 0 is a property like others", `{"type":"bytes","z":1,"scale":0,"precision":4,"logicalType":"decimal"}`, `{"type":"bytes","logicalType":"decimal","precision":4,"scale":0,"z":1}`},
		{"an invalid one among the others", `{"type":"string","logicalType":"date","a":1}`, `{"type":"string","a":1,"logicalType":"date"}`},
		{"aliases by name", `{"type":"record","name":"b.R","fields":[],"aliases":["z.A","C","a.D"]}`, `{"type":"record","name":"R","namespace":"b","fields":[],"aliases":["a.D","C","z.A"]}`},
		{"a field's too", rec("R", `{"name":"a","type":"int","aliases":["z","b"],"y":1,"x":2}`), rec("R", `{"name":"a","type":"int","aliases":["b","z"],"x":2,"y":1}`)},
		{"empty documentation of a type", `{"type":"fixed","name":"F","doc":"","size":1}`, `{"type":"fixed","name":"F","size":1}`},
		{"not that of a field", rec("R", `{"name":"a","type":"int","doc":""}`), rec("R", `{"name":"a","type":"int","doc":""}`)},
		{"error is record", `{"type":"error","name":"R","fields":[]}`, rec("R", "")},
		{"5 for a double", def(`"double"`, `5`), def(`"double"`, `5.0`)},
		{"5 for a long", def(`"long"`, `5`), def(`"long"`, `5`)},
		{"digits that a float does not have", def(`"float"`, `0.123456789`), def(`"float"`, `0.12345679`)},
		{"numbers in an array", def(`{"type":"array","items":"double"}`, `[1,2.5]`), def(`{"type":"array","items":"double"}`, `[1.0,2.5]`)},
		{"members of a map", def(`{"type":"map","values":"double"}`, `{"b":1,"a":2}`), def(`{"type":"map","values":"double"}`, `{"a":2.0,"b":1.0}`)},
		{"members of a record", def(rec("I", `{"name":"y","type":"double"},{"name":"x","type":"int"}`), `{"y":1,"x":2,"q":3}`), def(rec("I", `{"name":"y","type":"double"},{"name":"x","type":"int"}`), `{"q":3,"x":2,"y":1.0}`)},
		{"the branch of a union that fits", def(`["null","double"]`, `5`), def(`["null","double"]`, `5.0`)},
		{"null in a union", def(`["null","double"]`, `null`), def(`["null","double"]`, `null`)},
		{"a record in a union", def(`["null",`+rec("I", `{"name":"y","type":"double"}`)+`]`, `{"y":1}`), def(`["null",`+rec("I", `{"name":"y","type":"double"}`)+`]`, `{"y":1.0}`)},
		{"not a number", def(`"double"`, `"NaN"`), def(`"double"`, `"NaN"`)},
		{"beyond 64 bits", def(`"double"`, `123456789012345678901`), def(`"double"`, `123456789012345678901`)},
		{"a type without namespace stays so", rec("a.R", `{"name":"x","type":`+rec(".N", "")+`}`), `{"type":"record","name":"R","namespace":"a","fields":[{"name":"x","type":{"type":"record","name":"N","namespace":"","fields":[]}}]}`},
	} {
		if got := mustParse(t, c.text).Normalized(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.rule, got, c.want)
		}
	}
	refs := []string{rec("a.B", "")}
	if got := mustParse(t, `{"z":1,"a":2,"type":"array","items":"a.B"}`, refs...).Normalized(); got != `{"type":"array","items":"a.B","a":2,"z":1}` {
		t.Errorf("with a reference: %s", got)
	}
}

func TestLogicalTypes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"type":"int","logicalType":"date"}`, "date"},
		{`{"type":"long","logicalType":"date"}`, ""},
		{`{"type":"int","logicalType":"time-millis"}`, "time-millis"},
		{`{"type":"long","logicalType":"time-micros"}`, "time-micros"},
		{`{"type":"long","logicalType":"local-timestamp-nanos"}`, "local-timestamp-nanos"},
		{`{"type":"int","logicalType":"timestamp-millis"}`, ""},
		{`{"type":"string","logicalType":"uuid"}`, "uuid"},
		{`{"type":"string","logicalType":"uuid","avro.java.string":"String"}`, ""},
		{`{"type":"bytes","logicalType":"uuid"}`, ""},
		{`{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}`, "uuid"},
		{`{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`, "duration"},
		{`{"type":"fixed","name":"F","size":11,"logicalType":"duration"}`, ""},
		{`{"type":"bytes","logicalType":"big-decimal"}`, "big-decimal"},
		{`{"type":"bytes","logicalType":"decimal"}`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":4}`, "decimal"},
		{`{"type":"bytes","logicalType":"decimal","precision":"4"}`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":0}`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":2,"scale":4}`, ""},
		{`{"type":"bytes","logicalType":"decimal","precision":2,"scale":-1}`, ""},
		{`{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":9}`, "decimal"},
		{`{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":10}`, ""},
		{`{"type":"string","logicalType":"decimal","precision":9}`, ""},
		{`{"type":"string","logicalType":"my-own"}`, ""},
		{`{"type":"string","logicalType":5}`, ""},
		{`"string"`, ""},
	} {
		if got := logicalType(mustParse(t, c.text).root); got != c.want {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
}
