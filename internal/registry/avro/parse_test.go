package avro

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestJSON: the text is read as Jackson reads it for Avro. want is the canonical
// text, or starts with ! and is part of the refusal.
func TestJSON(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"of duplicate names the last value in the first place", `{"type":"string","x":1,"y":2,"x":3}`, `{"type":"string","x":3,"y":2}`},
		{"duplicates among many members", `{"type":"string","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1,"a":2,"q":3,"r":4,"r":5}`,
			`{"type":"string","a":2,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":3,"r":5}`},
		{"order of members", `{"z":1,"type":"string","a":{"d":1,"b":2}}`, `{"type":"string","z":1,"a":{"d":1,"b":2}}`},
		{"white space", " \t\r\n\"string\" \t\r\n\v", `"string"`},
		{"comments before and inside", "/* a */ // b\n{\"type\": /* c */ \"string\"}", `"string"`},
		{"a comment after", `"string" // x`, "!dangling content after end of schema"},
		{"text after", `"string" x`, "!dangling content after end of schema"},
		{"an open comment", `/* "string"`, "!a comment that is not complete"},
		{"a lone slash", `/ "string"`, "!a comment that is not complete"},
		{"nothing", "", "!the schema is empty"},
		{"only space", " // x", "!the schema is empty"},
		{"null", "null", "!Schema not yet supported: null"},
		{"a number", "5", "!Schema not yet supported: 5"},
		{"an unknown name", `"Nope"`, "!Undefined schema: Nope"},
		{"byte order mark", "\ufeff\"string\"", "!unexpected character"},
		{"broken UTF-8", "\"\xff\"", "!not valid UTF-8"},
		{"single quotes", `{'type':'string'}`, "!expected a name in double quotes"},
		{"a comma too many", `{"type":"string",}`, "!expected a name in double quotes"},
		{"a comma too many in an array", `["string",]`, "!unexpected character"},
		{"a comma too few", `["string" "null"]`, "!expected a comma or ]"},
		{"a comma too few in an object", `{"type":"string" "a":1}`, "!expected a comma or }"},
		{"no colon", `{"type" "string"}`, "!expected a colon"},
		{"cut off", `{"type":"string"`, "!expected a comma or }"},
		{"cut off at a value", `{"type":`, "!the text ends where a value was expected"},
		{"cut off in a string", `"str`, "!a string that does not end"},
		{"cut off in an escape", `"str\`, "!a string that does not end"},
		{"leading zero", `{"type":"string","a":01}`, "!leading zeros"},
		{"minus alone", `{"type":"string","a":-}`, "!a minus sign"},
		{"point without digits", `{"type":"string","a":1.}`, "!a decimal point"},
		{"point first", `{"type":"string","a":.5}`, "!unexpected character"},
		{"exponent without digits", `{"type":"string","a":1e+}`, "!an exponent"},
		{"plus", `{"type":"string","a":+1}`, "!unexpected character"},
		{"NaN", `{"type":"string","a":NaN}`, "!unexpected character"},
		{"a word that goes on", `{"type":"string","a":nullx}`, "!unexpected character after a value"},
		{"a control character", "{\"type\":\"string\",\"a\":\"\t\"}", "!a control character"},
		{"a control character after an escape", "{\"type\":\"string\",\"a\":\"\\n\t\"}", "!a control character"},
		{"an unknown escape", `{"type":"string","a":"\x"}`, "!an escape that JSON does not have"},
		{"a short escape", `{"type":"string","a":"\u12"}`, "!four hexadecimal digits"},
		{"half a pair", `{"type":"string","a":"\ud800"}`, "!half of a surrogate pair"},
		{"half a pair and a character", `{"type":"string","a":"\ud800\u0041"}`, "!half of a surrogate pair"},
		{"a pair", `{"type":"string","a":"\ud83d\ude00"}`, `{"type":"string","a":"😀"}`},
		{"escapes", `{"type":"string","a":"\"\\\/\b\f\n\r\t\u0001\u001f\u007f\u00e9\u2028"}`, "{\"type\":\"string\",\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7fé\u2028\"}"},
		{"numbers", `{"type":"string","a":[1e2,-0,1.50,-0.0,1E400,-1e400,12345678901234567890,0.001,9999999.0,1e7,123456.789e-20,5e-324]}`,
			`{"type":"string","a":[100.0,0,1.5,-0.0,"Infinity","-Infinity",12345678901234567890,0.001,9999999.0,1.0E7,1.23456789E-15,4.9E-324]}`},
		{"a number of 1,001 digits", `{"type":"string","a":` + strings.Repeat("1", 1001) + `}`, "!more than 1000 digits"},
		{"a name of 50,001 bytes", `{"type":"string","` + strings.Repeat("x", 50_001) + `":1}`, "!a name has more than 50000 bytes"},
		{"a text default of a double", rec("R", `{"name":"a","type":"double","default":" 0x1p3 "},{"name":"b","type":"float","default":"1e3f"},{"name":"c","type":"float","default":"NaN"},{"name":"d","type":"double","default":"-Infinity"}`),
			rec("R", `{"name":"a","type":"double","default":8.0},{"name":"b","type":"float","default":1000.0},{"name":"c","type":"float","default":"NaN"},{"name":"d","type":"double","default":"-Infinity"}`)},
		{"text that Java does not read as a double", rec("R", `{"name":"a","type":"double","default":"inf"}`), "!is not a number"},
		{"a hexadecimal double without exponent", rec("R", `{"name":"a","type":"double","default":"0x1"}`), "!is not a number"},
		{"underscores", rec("R", `{"name":"a","type":"double","default":"1_0"}`), "!is not a number"},
		{"two signs", rec("R", `{"name":"a","type":"double","default":"+-1"}`), "!is not a number"},
	} {
		s, err := Parse(c.text, Options{})
		got := canonicalOf(s)
		if err != nil {
			got = "!" + err.Error()
		}
		if refusal, ok := strings.CutPrefix(c.want, "!"); ok && err != nil && strings.Contains(got, refusal) {
			continue
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	for _, c := range []struct {
		what, text string
		refs       []Reference
		want       ParseError
	}{
		{what: "deep inside", text: rec("R", `{"name":"a","type":{"type":"map","values":["null",{"type":"array","items":"Nope"}]}}`),
			want: ParseError{Path: "/fields/0/type/values/1/items", Message: "Undefined schema: Nope"}},
		{what: "not JSON", text: "{\n \"type\": x}",
			want: ParseError{Message: `not valid JSON (line 2, column 10): unexpected character 'x' where a value was expected`}},
		{what: "in a reference", text: `"a.B"`, refs: []Reference{{Name: "a.B", Text: `{"type":"recrd"}`}},
			want: ParseError{Reference: "a.B", Message: "Undefined schema: recrd"}},
	} {
		_, err := Parse(c.text, Options{References: c.refs})
		var got *ParseError
		if !errors.As(err, &got) || *got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.what, got, c.want)
		}
	}
	err := &ParseError{Path: "/fields/0", Message: "wrong", Reference: "a.B"}
	if want := `reference "a.B": at /fields/0: wrong`; err.Error() != want {
		t.Errorf("got %s, want %s", err, want)
	}
}

func TestLimits(t *testing.T) {
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"type":"fixed","name":"F%d","size":1}`, i)
		}
		return `["null"` + b.String() + `]`
	}
	deep := func(n int) string {
		return strings.Repeat(`{"type":"array","items":`, n) + `"int"` + strings.Repeat("}", n)
	}
	for _, c := range []struct {
		what, text string
		opt        Options
		want       string
	}{
		{"bytes", `"string"   `, Options{Limits: Limits{MaxBytes: 10}}, "the schema has 11 bytes, the limit is 10"},
		{"default bytes", strings.Repeat(" ", 1<<20) + `"int"`, Options{}, "the limit is 1048576"},
		{"depth", deep(11), Options{Limits: Limits{MaxDepth: 10}}, "nested deeper than 10 levels"},
		{"depth that fits", deep(10), Options{Limits: Limits{MaxDepth: 10}}, ""},
		{"default depth", deep(1001), Options{}, "nested deeper than 1000 levels"},
		{"Java's depth", deep(1000), Options{}, ""},
		{"nodes", wide(3), Options{Limits: Limits{MaxNodes: 13}}, "more than 13 JSON values"},
		{"nodes that fit", wide(3), Options{Limits: Limits{MaxNodes: 14}}, ""},
		{"names", wide(11), Options{Limits: Limits{MaxNames: 10}}, "more than 10 named types"},
		{"names that fit", wide(10), Options{Limits: Limits{MaxNames: 10}}, ""},
		{"references", `"int"`, Options{References: make([]Reference, 3), Limits: Limits{MaxReferences: 2}}, "3 references, the limit is 2"},
		{"bytes of references", `"int"`, Options{References: []Reference{{Text: `"int"`}, {Text: `"long"`}}, Limits: Limits{MaxBytes: 10}}, "the references have more than 10 bytes together"},
		{"nodes of references", `"int"`, Options{References: []Reference{{Text: `"int"`}, {Text: `"long"`}}, Limits: Limits{MaxNodes: 2}}, "more than 2 JSON values"},
		{"aliases", `{"type":"record","name":"R","fields":[],"aliases":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`, Options{}, "more than 1000 aliases"},
		{"types nested by names only", chain(400), Options{}, "nests its types deeper than 1000 levels"},
	} {
		_, err := Parse(c.text, c.opt)
		if got := errText(err); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}

// chain is a union of n records, each of which uses the next before its
// definition: flat as text, n deep as a type.
func chain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `%s{"type":"record","name":"R%d","fields":[{"name":"f","type":"R%d"}]}`, comma(i), i, (i + 1))
	}
	return "[" + b.String() + fmt.Sprintf(`,{"type":"record","name":"R%d","fields":[]}]`, n)
}

func comma(i int) string {
	if i > 0 {
		return ","
	}
	return ""
}

// hostile are schemas made to be expensive. Each must be accepted or refused
// within the step budgets, whatever is done with it.
func hostile() map[string]string {
	fields := func(n int, typ func(i int) string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `%s{"name":"f%d","type":%s}`, comma(i), i, typ(i))
		}
		return b.String()
	}
	doubling := func(leaf, with string) string { // R0 has two R1, each R1 two R2, …
		text := rec("R0", `{"name":"x","type":"`+leaf+`"}`)
		for i := range 60 {
			text = rec(fmt.Sprintf("R%d", i+1), fmt.Sprintf(`{"name":"a","type":%s%s},{"name":"b","type":"R%d"%s}`, text, with, i, with))
		}
		return text
	}
	var branches, most, symbols, unions strings.Builder
	for i := range 9_000 {
		fmt.Fprintf(&branches, `%s{"type":"record","name":"B%d","fields":[]}`, comma(i), i)
	}
	for i := range 60_000 {
		fmt.Fprintf(&symbols, `%s"S%d"`, comma(i), i)
	}
	for i := range 200 {
		fmt.Fprintf(&unions, `%s{"type":"record","name":"U%d","fields":[%s]}`, comma(i), i, fields(20, func(j int) string { return fmt.Sprintf(`["null","U%d"]`, (i+j)%200) }))
	}
	for i := range 10_000 {
		fmt.Fprintf(&most, `%s{"type":"fixed","name":"F%d","size":1}`, comma(i), i)
	}
	long := strings.Repeat("n", 49_000)
	return map[string]string{
		"recursion":           rec("R", fields(5_000, func(int) string { return `["null","R"]` })),
		"a wide union":        "[" + branches.String() + "]",
		"10,000 branches":     "[" + most.String() + "]",
		"two in turns":        inTurns("A", "B"),
		"two in turns, other": inTurns("B", "A"),
		"a wide union in use": rec("R", `{"name":"u","type":[`+branches.String()+`]}`),
		"many symbols":        `{"type":"enum","name":"E","symbols":[` + symbols.String() + `]}`,
		"doubling":            doubling("int", ""),
		"doubling, other":     doubling("string", ""),
		"doubling defaults":   strings.Replace(doubling("int", `,"default":{}`), `"name":"x","type":"int"`, `"name":"x","type":"int","default":0`, 1),
		"a web of unions":     "[" + unions.String() + "]",
		"a chain":             chain(300),
		"long names":          rec(long, `{"name":"`+long+`","type":`+rec("I"+long[:100], fields(3_000, func(int) string { return `"int"` }))+`}`),
		"long names nested":   nestedNames(long),
		"deep arrays":         strings.Repeat(`{"type":"array","items":`, 999) + `"int"` + strings.Repeat("}", 999),
		"many properties":     `{"type":"string"` + strings.Repeat(`,"p":{"a":[1,2,3]}`, 20_000) + `}`,
		"distinct properties": distinctProps(),
	}
}

// inTurns is a pair of records that are made of each other, a hundred times over.
func inTurns(outer, inner string) string {
	of := func(name string) string {
		var b strings.Builder
		for i := range 100 {
			typ := []string{`["null","%s"]`, `{"type":"array","items":"%s"}`, `{"type":"map","values":["null","%s"]}`}[i%3]
			fmt.Fprintf(&b, `%s{"name":"f%d","type":`+typ+`}`, comma(i), i, name)
		}
		return b.String()
	}
	first := strings.Replace(of(inner), `"`+inner+`"`, rec(inner, of(outer)), 1)
	return rec(outer, first)
}

func nestedNames(long string) string {
	text := `"int"`
	for i := range 15 {
		text = rec(fmt.Sprintf("N%d", i), fmt.Sprintf(`{"name":"%s","type":%s},{"name":"g","type":"int"}`, long, text))
	}
	return text
}

// distinctFields is one record with n plain fields.
func distinctFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `%s{"name":"field%d","type":["null","string"],"doc":"what it is","default":null}`, comma(i), i)
	}
	return rec("a.b.Wide", b.String())
}

func distinctProps() string {
	var b strings.Builder
	for i := range 40_000 {
		fmt.Fprintf(&b, `,"p%d":%d`, i, i)
	}
	return `{"type":"string"` + b.String() + `}`
}

// TestHostile does everything with every pair of hostile schemas. That it ends is
// the assertion: each call is bounded by steps, and the bounds are asserted below.
func TestHostile(t *testing.T) {
	parsed := map[string]*Schema{}
	for name, text := range hostile() {
		s, err := Parse(text, Options{})
		if name == "doubling defaults" {
			if err == nil || !strings.Contains(err.Error(), "too many steps") {
				t.Errorf("%s: accepted, or refused for another reason: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parsed[name] = s
		if fields := s.Fields(); len(fields) > maxListedFields || pathBytes(fields) > bytesToList {
			t.Errorf("%s: Fields lists %d", name, len(fields))
		}
		s.Normalized()
		s.Resolved()
		s.Fingerprint()
	}
	for a, reader := range parsed {
		for b, writer := range parsed {
			c := newComparison()
			list := c.compare(top, reader.root, writer.root)
			if len(list) > maxIncompatible || c.steps < -stepsToCompare {
				t.Errorf("%s against %s: %d incompatibilities, %d steps left", a, b, len(list), c.steps)
			}
			if a == b && c.stop == nil && len(list) > 0 {
				t.Errorf("%s does not read itself: %s", a, list[0].words())
			}
			if changes := Diff(reader, writer); len(changes) > maxListedChanges+2 {
				t.Errorf("%s against %s: %d changes", a, b, len(changes))
			}
		}
	}
	list := Compatible(parsed["a wide union in use"], parsed["a wide union in use"])
	if len(list) != 1 || list[0].Type != Undecided || !strings.Contains(list[0].Message, "more than 100000 steps") {
		t.Errorf("9,000 by 9,000 branches: %v", list)
	}
	if list := Compatible(parsed["doubling"], parsed["doubling, other"]); len(list) != maxIncompatible {
		t.Errorf("doubling lists %d incompatibilities", len(list))
	}
}

func pathBytes(fields []Field) (n int) {
	for _, f := range fields {
		n += len(f.Path)
	}
	return n
}

// TestReferences: references come first into one table of names; only their top
// types print as names.
func TestReferences(t *testing.T) {
	ref := rec("a.Address", `{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}`)
	for _, c := range []struct {
		what, text          string
		refs                []string
		canonical, resolved string
		wantError           string
	}{
		{what: "the top type", text: rec("a.Person", `{"name":"at","type":"Address"}`), refs: []string{ref},
			canonical: `{"type":"record","name":"Person","namespace":"a","fields":[{"name":"at","type":"Address"}]}`,
			resolved:  `{"type":"record","name":"Person","namespace":"a","fields":[{"name":"at","type":{"type":"record","name":"Address","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}}]}`},
		{what: "an inner type prints in full", text: rec("b.Person", `{"name":"k","type":"a.Kind"}`), refs: []string{ref},
			canonical: `{"type":"record","name":"Person","namespace":"b","fields":[{"name":"k","type":{"type":"enum","name":"Kind","namespace":"a","symbols":["HOME"]}}]}`,
			resolved:  `{"type":"record","name":"Person","namespace":"b","fields":[{"name":"k","type":{"type":"enum","name":"Kind","namespace":"a","symbols":["HOME"]}}]}`},
		{what: "only a name", text: `"a.Address"`, refs: []string{ref}, canonical: `"a.Address"`,
			resolved: `{"type":"record","name":"Address","namespace":"a","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}`},
		{what: "of a reference", text: `["null","c.C"]`, refs: []string{ref, rec("c.C", `{"name":"x","type":"a.Address"}`)}, canonical: `["null","c.C"]`,
			resolved: `["null",{"type":"record","name":"C","namespace":"c","fields":[{"name":"x","type":{"type":"record","name":"Address","namespace":"a","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}}]}]`},
		{what: "recursive ones", text: rec("M", `{"name":"a","type":"L"},{"name":"m","type":["null","M"]}`), refs: []string{rec("L", `{"name":"next","type":["null","L"]}`)},
			canonical: rec("M", `{"name":"a","type":"L"},{"name":"m","type":["null","M"]}`),
			resolved:  rec("M", `{"name":"a","type":`+rec("L", `{"name":"next","type":["null","L"]}`)+`},{"name":"m","type":["null","M"]}`)},
		{what: "in the wrong order", text: `"c.C"`, refs: []string{rec("c.C", `{"name":"x","type":"a.Address"}`), ref}, wantError: `reference "c.C": at /fields/0/type: Undefined schema: a.Address`},
		{what: "redefined alike", text: rec("M", `{"name":"a","type":`+ref+`}`), refs: []string{ref}, canonical: rec("M", `{"name":"a","type":"a.Address"}`),
			resolved: rec("M", `{"name":"a","type":{"type":"record","name":"Address","namespace":"a","fields":[{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["HOME"]}}]}}`)},
		{what: "a default inside a cycle is refused from outside, as Java does", text: rec("M", `{"name":"r","type":"R"}`), refs: []string{rec("R", `{"name":"i","type":`+rec("I", `{"name":"l","type":{"type":"array","items":"R"}}`)+`},{"name":"j","type":"I","default":{"l":[]}}`)},
			wantError: errFieldsNotSet.Error()},
		{what: "or in a union", text: `["null","R"]`, refs: []string{rec("R", `{"name":"i","type":`+rec("I", `{"name":"l","type":{"type":"array","items":"R"}}`)+`},{"name":"j","type":"I","default":{"l":[]}}`)},
			canonical: `["null","R"]`, resolved: `["null",{"type":"record","name":"R","fields":[{"name":"i","type":{"type":"record","name":"I","fields":[{"name":"l","type":{"type":"array","items":"R"}}]}},{"name":"j","type":"I","default":{"l":[]}}]}]`},
		{what: "but not its inner type in a union", text: `["null","I"]`, refs: []string{rec("R", `{"name":"i","type":`+rec("I", `{"name":"l","type":{"type":"array","items":"R"}}`)+`},{"name":"j","type":"I","default":{"l":[]}}`)},
			wantError: errFieldsNotSet.Error()},
		{what: "redefined otherwise", text: rec("a.Address", ""), refs: []string{ref}, wantError: "Can't redefine: a.Address"},
	} {
		opt := Options{}
		for _, r := range c.refs {
			name, _, _ := strings.Cut(strings.TrimPrefix(r, `{"type":"record","name":"`), `"`)
			opt.References = append(opt.References, Reference{Name: name, Text: r})
		}
		s, err := Parse(c.text, opt)
		if err != nil {
			if err.Error() != c.wantError {
				t.Errorf("%s: %v, want %q", c.what, err, c.wantError)
			}
			continue
		}
		if s.Canonical() != c.canonical || s.Resolved() != c.resolved || c.wantError != "" {
			t.Errorf("%s:\ncanonical %s\n     want %s\n resolved %s\n     want %s", c.what, s.Canonical(), c.canonical, s.Resolved(), c.resolved)
		}
	}
}
