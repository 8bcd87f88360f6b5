package avro

import "testing"

func mustParse(t testing.TB, text string, refs ...string) *Schema {
	t.Helper()
	opt := Options{}
	for _, r := range refs {
		opt.References = append(opt.References, Reference{Text: r})
	}
	s, err := Parse(text, opt)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func rec(name, fields string) string {
	return `{"type":"record","name":"` + name + `","fields":[` + fields + `]}`
}

// TestCompatibilityRules is the list of rules by which a reader reads a writer's
// data; want is the whole answer, "" when they fit.
func TestCompatibilityRules(t *testing.T) {
	enum := func(name, symbols, more string) string {
		return `{"type":"enum","name":"` + name + `","symbols":[` + symbols + `]` + more + `}`
	}
	fixed := func(name, size string) string { return `{"type":"fixed","name":"` + name + `","size":` + size + `}` }
	a, ab := `{"name":"a","type":"int"}`, `{"name":"a","type":"int"},{"name":"b","type":"int"}`
	for _, c := range []struct{ rule, reader, writer, want string }{
		{"1 int to long", `"long"`, `"int"`, ""},
		{"1 int to float", `"float"`, `"int"`, ""},
		{"1 int to double", `"double"`, `"int"`, ""},
		{"1 long to float", `"float"`, `"long"`, ""},
		{"1 long to double", `"double"`, `"long"`, ""},
		{"1 float to double", `"double"`, `"float"`, ""},
		{"1 string to bytes", `"bytes"`, `"string"`, ""},
		{"1 bytes to string", `"string"`, `"bytes"`, ""},
		{"1 long to int", `"int"`, `"long"`, "TYPE_MISMATCH@/:reader type: INT not compatible with writer type: LONG"},
		{"1 int to string", `"string"`, `"int"`, "TYPE_MISMATCH@/:reader type: STRING not compatible with writer type: INT"},
		{"2 every branch of the writer", `"double"`, `["int","long","float"]`, ""},
		{"2 not every branch", `"long"`, `["int","string"]`, "TYPE_MISMATCH@/1:reader type: LONG not compatible with writer type: STRING"},
		{"2 a later branch of the reader", `["null","string"]`, `"string"`, ""},
		{"3 order of branches", `["string","null"]`, `["null","string"]`, ""},
		{"3 widening", `["null","string","int"]`, `["null","string"]`, ""},
		{"3 promotion inside", `["null","long"]`, `["null","int"]`, ""},
		{"3 narrowing", `["null","string"]`, `["null","string","int"]`, "MISSING_UNION_BRANCH@/2:reader union lacking writer type: INT"},
		{"4 same name, not readable", `["null",` + rec("A", ab) + `]`, rec("A", a), "MISSING_UNION_BRANCH@/:reader union lacking writer type: RECORD"},
		{"4 other name, same shape", `["null",` + rec("A", a) + `]`, rec("B", a), "MISSING_UNION_BRANCH@/:reader union lacking writer type: RECORD"},
		{"5 added with default", rec("R", `{"name":"a","type":"int"},{"name":"b","type":"int","default":0}`), rec("R", a), ""},
		{"5 removed", rec("R", a), rec("R", ab), ""},
		{"5 reordered", rec("R", `{"name":"b","type":"int"},{"name":"a","type":"int"}`), rec("R", ab), ""},
		{"6 added without default", rec("R", ab), rec("R", a), "READER_FIELD_MISSING_DEFAULT_VALUE@/fields/1:b"},
		{"6 nullable without default", rec("R", a+`,{"name":"b","type":["null","int"]}`), rec("R", a), "READER_FIELD_MISSING_DEFAULT_VALUE@/fields/1:b"},
		{"6 an enum with a default of its own", rec("R", a+`,{"name":"e","type":`+enum("E", `"A"`, `,"default":"A"`)+`}`), rec("R", a), "TYPE_MISMATCH@/fields/1/type:reader type: ENUM not compatible with writer type: RECORD"},
		{"7 default and other type", rec("R", `{"name":"a","type":"int","default":0}`), rec("R", `{"name":"a","type":"string"}`), "TYPE_MISMATCH@/fields/0/type:reader type: INT not compatible with writer type: STRING"},
		{"7 nullable to required", rec("R", `{"name":"a","type":"string","default":""}`), rec("R", `{"name":"a","type":["null","string"]}`), "TYPE_MISMATCH@/fields/0/type/0:reader type: STRING not compatible with writer type: NULL"},
		{"8 reader's alias", rec("R", `{"name":"b","type":"int","aliases":["a"]}`), rec("R", a), ""},
		{"8 writer's alias", rec("R", `{"name":"b","type":"int"}`), rec("R", `{"name":"a","type":"int","aliases":["b"]}`), "READER_FIELD_MISSING_DEFAULT_VALUE@/fields/0:b"},
		{"9 name and alias", rec("R", `{"name":"b","type":"int","aliases":["a"]}`), rec("R", ab), `AMBIGUOUS_FIELD@/:Reader record field b type:INT pos:0 matches multiple fields in writer record schema {"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}`},
		{"9 two aliases", rec("R", `{"name":"x","type":"int","aliases":["a","b"]}`), rec("R", ab), `AMBIGUOUS_FIELD@/:Reader record field x type:INT pos:0 matches multiple fields in writer record schema {"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}`},
		{"10 other namespace", rec("n2.R", a), rec("n1.R", a), ""},
		{"10 other namespace, inherited", rec("n2.R", `{"name":"i","type":`+rec("I", a)+`}`), rec("n1.R", `{"name":"i","type":`+rec("I", a)+`}`), ""},
		{"11 alias with the full name", `{"type":"record","name":"n2.R2","aliases":["n1.R1"],"fields":[]}`, rec("n1.R1", ""), ""},
		{"11 alias in the reader's namespace", `{"type":"record","name":"n2.R2","aliases":["R1"],"fields":[]}`, rec("n1.R1", ""), "NAME_MISMATCH@/name:expected: n1.R1"},
		{"11 alias without namespace", `{"type":"record","name":"n2.R2","aliases":[".R1"],"fields":[]}`, rec("R1", ""), "NAME_MISMATCH@/name:expected: R1"},
		{"12 record renamed", rec("R2", a), rec("R1", a), "NAME_MISMATCH@/name:expected: R1"},
		{"12 record renamed with alias", `{"type":"record","name":"R2","aliases":["R1"],"fields":[]}`, rec("R1", a), ""},
		{"12 alias on the writer only", rec("R2", ""), `{"type":"record","name":"R1","aliases":["R2"],"fields":[]}`, "NAME_MISMATCH@/name:expected: R1"},
		{"12 enum renamed", enum("E2", `"A"`, ""), enum("E1", `"A"`, ""), "NAME_MISMATCH@/name:expected: E1"},
		{"12 enum renamed with alias", enum("E2", `"A"`, `,"aliases":["E1"]`), enum("E1", `"A"`, ""), ""},
		{"12 fixed renamed", fixed("F2", "4"), fixed("F1", "4"), "NAME_MISMATCH@/name:expected: F1"},
		{"13 more symbols, other order", enum("E", `"B","A","C"`, ""), enum("E", `"A","B"`, ""), ""},
		{"13 fewer symbols", enum("E", `"A"`, ""), enum("E", `"C","A","B"`, ""), "MISSING_ENUM_SYMBOLS@/symbols:[B, C]"},
		{"13 fewer symbols, enum default", enum("E", `"A"`, `,"default":"A"`), enum("E", `"A","B"`, ""), ""},
		{"13 a field default is none", rec("R", `{"name":"e","default":"A","type":`+enum("E", `"A"`, "")+`}`), rec("R", `{"name":"e","type":`+enum("E", `"A","B"`, "")+`}`), "MISSING_ENUM_SYMBOLS@/fields/0/type/symbols:[B]"},
		{"14 fixed of one size", fixed("F", "4"), fixed("F", "4"), ""},
		{"14 fixed of two sizes", fixed("F", "8"), fixed("F", "4"), "FIXED_SIZE_MISMATCH@/size:expected: 4, found: 8"},
		{"14 fixed and bytes", `"bytes"`, fixed("F", "4"), "TYPE_MISMATCH@/:reader type: BYTES not compatible with writer type: FIXED"},
		{"15 decimal scale", `{"type":"bytes","logicalType":"decimal","precision":9,"scale":4}`, `{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`, ""},
		{"15 millis and micros", `{"type":"long","logicalType":"timestamp-micros"}`, `{"type":"long","logicalType":"timestamp-millis"}`, ""},
		{"15 date to timestamp", `{"type":"long","logicalType":"timestamp-millis"}`, `{"type":"int","logicalType":"date"}`, ""},
		{"16 array items", `{"type":"array","items":"int"}`, `{"type":"array","items":"string"}`, "TYPE_MISMATCH@/items:reader type: INT not compatible with writer type: STRING"},
		{"16 map values", `{"type":"map","values":"long"}`, `{"type":"map","values":"int"}`, ""},
		{"16 recursion", rec("L", `{"name":"v","type":"long"},{"name":"next","type":["null","L"]}`), rec("L", `{"name":"v","type":"int"},{"name":"next","type":["null","L"]}`), ""},
		{"16 recursion that does not fit", rec("L", `{"name":"v","type":"int"},{"name":"next","type":["null","L"]}`), rec("L", `{"name":"v","type":"string"},{"name":"next","type":["null","L"]}`), "TYPE_MISMATCH@/fields/0/type:reader type: INT not compatible with writer type: STRING"},
		{"16 behind a name", rec("R", `{"name":"z","default":{"x":""},"type":`+rec("I", `{"name":"x","type":"string"}`)+`},{"name":"c","type":"I"}`), rec("R", `{"name":"q","type":`+rec("I", `{"name":"x","type":"int"}`)+`},{"name":"c","type":"I"}`), "TYPE_MISMATCH@/fields/1/type/fields/0/type:reader type: STRING not compatible with writer type: INT"},
		{"19 error is a record", `{"type":"error","name":"R","fields":[]}`, rec("R", ""), ""},
	} {
		if got := details(Compatible(mustParse(t, c.reader), mustParse(t, c.writer))); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.rule, got, c.want)
		}
	}
}

// TestParseRules is the list of what a new schema may be: want is the message, ""
// when it is accepted. lax says what a lookup makes of it.
func TestParseRules(t *testing.T) {
	field := func(typ, def string) string { return rec("R", `{"name":"b","type":`+typ+`,"default":`+def+`}`) }
	enumA := `{"type":"enum","name":"E","symbols":["A"]}`
	twice := rec("R", `{"name":"a","type":`+rec("I", `{"name":"x","type":"int"}`)+`},{"name":"b","type":`+rec("I", `{"name":"x","type":"int"}`)+`}`)
	for _, c := range []struct{ rule, text, want, lax string }{
		{"17 default of the second branch", field(`["null","string"]`, `"x"`), "", ""},
		{"17 default of no branch", field(`["null","string"]`, `5`), "at /fields/0/default: Invalid default for field b: 5 not a null or string", ""},
		{"18 a fraction for int", field(`"int"`, `1.5`), "at /fields/0/default: Invalid default for field b: 1.5 not a int", ""},
		{"18 1.0 for int", field(`"int"`, `1.0`), "at /fields/0/default: Invalid default for field b: 1.0 not a int", ""},
		{"18 2^31 for int", field(`"int"`, `2147483648`), "at /fields/0/default: Invalid default for field b: 2147483648 not a int", ""},
		{"18 2^63 for long", field(`"long"`, `9223372036854775808`), "at /fields/0/default: Invalid default for field b: 9223372036854775808 not a long", ""},
		{"18 text for int", field(`"int"`, `"5"`), `at /fields/0/default: Invalid default for field b: "5" not a int`, ""},
		{"18 null for string", field(`"string"`, `null`), "at /fields/0/default: Invalid default for field b: null not a string", ""},
		{"18 a bad item", field(`{"type":"array","items":"int"}`, `[1,"x"]`), `at /fields/0/default: Invalid default for field b: [1,"x"] not a array of int`, ""},
		{"18 a bad value", field(`{"type":"map","values":"int"}`, `{"k":"x"}`), `at /fields/0/default: Invalid default for field b: {"k":"x"} not a map of int`, ""},
		{"18 an incomplete record", field(rec("I", `{"name":"x","type":"int"}`), `{}`), "at /fields/0/default: Invalid default for field b: {} not a record I", ""},
		{"18 a record filled by its own defaults", field(rec("I", `{"name":"x","type":"int","default":1}`), `{}`), "", ""},
		{"18 a bad enum default", `{"type":"enum","name":"E","symbols":["A"],"default":"Z"}`, "at /default: The Enum Default: Z is not in the enum symbol set", "at /default: The Enum Default: Z is not in the enum symbol set"},
		{"18 text for double is read as a number", field(`"double"`, `"1.5"`), "", ""},
		{"18 text that is no number", field(`"double"`, `"x"`), `at /fields/0/default: Invalid default for field b: "x" is not a number`, `at /fields/0/default: Invalid default for field b: "x" is not a number`},
		{"18 of the record itself", rec("R", `{"name":"b","type":["R","null"],"default":{}}`), errFieldsNotSet.Error(), ""},
		{"18 null, of the record itself", rec("R", `{"name":"b","type":["R","null"],"default":null}`), "", ""},
		{"19 an enum field's default need not be a symbol", field(enumA, `"Z"`), "", ""},
		{"19 a fixed's default may have any length", field(`{"type":"fixed","name":"F","size":2}`, `"x"`), "", ""},
		{"19 a field's alias may be anything", rec("R", `{"name":"a","type":"int","aliases":["x-y"]}`), "", ""},
		{"19 an empty enum", `{"type":"enum","name":"E","symbols":[]}`, "", ""},
		{"19 an empty union", `[]`, "", ""},
		{"19 an empty record", rec("R", ""), "", ""},
		{"19 a fixed of size 0", `{"type":"fixed","name":"F","size":0}`, "", ""},
		{"20 a type's alias is a name", `{"type":"record","name":"R","aliases":["x-y"],"fields":[]}`, "at /aliases/0: Illegal character in: x-y", ""},
		{"20 two fields of one name", rec("R", `{"name":"a","type":"int"},{"name":"a","type":"int"}`), "at /fields/1: Duplicate field a in record R", "at /fields/1: Duplicate field a in record R"},
		{"20 two symbols", `{"type":"enum","name":"E","symbols":["A","A"]}`, "at /symbols/1: Duplicate enum symbol: A", "at /symbols/1: Duplicate enum symbol: A"},
		{"20 two branches", `["string","string"]`, "Duplicate in union: string", "Duplicate in union: string"},
		{"20 two longs of two logical types", `["long",{"type":"long","logicalType":"timestamp-millis"}]`, "Duplicate in union: long", "Duplicate in union: long"},
		{"20 a union in a union", `["null",["string"]]`, "Nested union: a union may not directly contain another union", "Nested union: a union may not directly contain another union"},
		{"20 a bad field name", rec("R", `{"name":"a-b","type":"int"}`), "at /fields/0/name: Illegal character in: a-b", ""},
		{"20 a bad symbol", `{"type":"enum","name":"E","symbols":["1"]}`, "at /symbols/0: Illegal initial character: 1", ""},
		{"20 an empty name", rec("", ""), "at /name: Empty name", ""},
		{"20 a name that is not ASCII", rec("é", ""), "at /name: Illegal initial character: é", ""},
		{"20 a dash in the namespace", rec("a-b.R", ""), `Namespace part "a-b" is invalid: Illegal character in: a-b`, ""},
		{"20 an empty part of the namespace", rec("a..R", ""), `Namespace part "" is invalid: Empty name`, ""},
		{"20 named as a primitive", rec("string", ""), "at /name: Schemas may not be named after primitives: string", "at /name: Schemas may not be named after primitives: string"},
		{"20 named as a primitive in a namespace", rec("a.string", ""), "", ""},
		{"20 a negative size", `{"type":"fixed","name":"F","size":-1}`, "at /size: the size of a fixed is between 0 and 2147483639, this is -1", "at /size: the size of a fixed is between 0 and 2147483639, this is -1"},
		{"20 a type in the type", `{"type":{"type":"string"}}`, `No type: {"type":{"type":"string"}}`, `No type: {"type":{"type":"string"}}`},
		{"20 no fields", `{"type":"record","name":"R"}`, `Record has no fields: {"type":"record","name":"R"}`, `Record has no fields: {"type":"record","name":"R"}`},
		{"20 no symbols", `{"type":"enum","name":"E"}`, `Enum has no symbols: {"type":"enum","name":"E"}`, `Enum has no symbols: {"type":"enum","name":"E"}`},
		{"20 no items", `{"type":"array"}`, `Array has no items type: {"type":"array"}`, `Array has no items type: {"type":"array"}`},
		{"20 no values", `{"type":"map"}`, `Map has no values type: {"type":"map"}`, `Map has no values type: {"type":"map"}`},
		{"20 a size that is no whole number", `{"type":"fixed","name":"F","size":4.0}`, `Invalid or no size: {"type":"fixed","name":"F","size":4.0}`, `Invalid or no size: {"type":"fixed","name":"F","size":4.0}`},
		{"20 no name", `{"type":"record","fields":[]}`, `No name in schema: {"type":"record","fields":[]}`, `No name in schema: {"type":"record","fields":[]}`},
		{"20 a bad order", rec("R", `{"name":"a","type":"int","order":"up"}`), `at /fields/0/order: order is "up"; it must be ascending, descending or ignore`, `at /fields/0/order: order is "up"; it must be ascending, descending or ignore`},
		{"20 aliases that are no list", rec("R", `{"name":"a","type":"int","aliases":"x"}`), `at /fields/0/aliases: aliases not an array: {"name":"a","type":"int","aliases":"x"}`, `at /fields/0/aliases: aliases not an array: {"name":"a","type":"int","aliases":"x"}`},
		{"20 a name that nobody defines", rec("R", `{"name":"a","type":"Nope"}`), "at /fields/0/type: Undefined schema: Nope", "at /fields/0/type: Undefined schema: Nope"},
		{"20 a whole number beyond 64 bits as a property of a record", `{"type":"record","name":"R","fields":[],"x":123456789012345678901}`, "at /x: Can't set a property to null: x (a whole number beyond 64 bits)", "at /x: Can't set a property to null: x (a whole number beyond 64 bits)"},
		{"21 defined twice, alike", twice, "", ""},
		{"21 defined twice, otherwise", rec("R", `{"name":"a","type":`+rec("I", `{"name":"x","type":"int"}`)+`},{"name":"b","type":`+rec("I", "")+`}`), "at /fields/1/type: Can't redefine: I", "at /fields/1/type: Can't redefine: I"},
		{"21 a recursive type twice", rec("R", `{"name":"a","type":`+rec("I", `{"name":"x","type":["null","I"]}`)+`},{"name":"b","type":`+rec("I", `{"name":"x","type":["null","I"]}`)+`}`), "at /fields/1/type: Can't redefine: I", "at /fields/1/type: Can't redefine: I"},
		{"21 used before its definition", rec("R", `{"name":"a","type":"I"},{"name":"b","type":`+rec("I", "")+`}`), "", ""},
		{"21 only in the null namespace", rec("n.R", `{"name":"a","type":`+rec(".I", "")+`},{"name":"b","type":"I"}`), "", ""},
		{"21 only in the null namespace, and later", rec("n.R", `{"name":"b","type":"I"},{"name":"a","type":`+rec(".I", "")+`}`), "at /fields/0/type: Undefined schema: n.I", "at /fields/0/type: Undefined schema: n.I"},
		{"21 twice in a union by name", rec("R", `{"name":"a","type":["R","R"]}`), "Duplicate in union: R", "Duplicate in union: R"},
	} {
		for _, m := range []struct {
			lax  bool
			want string
		}{{false, c.want}, {true, c.lax}} {
			if _, err := Parse(c.text, Options{Lax: m.lax}); errText(err) != m.want {
				t.Errorf("%s (lax %v):\n got %q\nwant %q", c.rule, m.lax, errText(err), m.want)
			}
		}
	}
}
