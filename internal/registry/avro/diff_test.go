package avro

import (
	"slices"
	"strings"
	"testing"
)

// TestDiff: one change each, in words; "who breaks" stands first.
func TestDiff(t *testing.T) {
	enum := func(symbols, more string) string {
		return `{"type":"enum","name":"E","symbols":[` + symbols + `]` + more + `}`
	}
	field := func(typ string) string { return rec("R", `{"name":"a","type":`+typ+`}`) }
	const breaksOld = "; consumers still on the old version cannot read new records"
	const breaksNew = "; records already written cannot be read with the new version"
	for _, c := range []struct{ what, old, new, want string }{
		{"nothing", rec("R", ""), ` {"name":"R","type":"record","fields":[]}`, ""},
		{"removed", field(`"int"`), rec("R", ""), "consumers removed a: field `a` removed; consumers that need it break"},
		{"removed with default", rec("R", `{"name":"a","type":"int","default":1}`), rec("R", ""), " removed a: field `a` removed; consumers still on the old version read its default"},
		{"added", rec("R", ""), field(`"int"`), "records added a: field `a` (int) added without a default" + breaksNew},
		{"added with default", rec("R", ""), rec("R", `{"name":"a","type":"int","default":1}`), " added a: field `a` (int) added with default 1"},
		{"renamed", field(`"int"`), rec("R", `{"name":"b","type":"int","aliases":["a"]}`), "consumers renamed b: field `a` renamed to `b`, the old name is kept as an alias; consumers still on the old version do not find it\n properties b: aliases, order or properties of field `b` changed"},
		{"renamed without alias", field(`"int"`), rec("R", `{"name":"b","type":"int"}`), "records added b: field `b` (int) added without a default" + breaksNew + "\nconsumers removed a: field `a` removed; consumers that need it break"},
		{"widened", field(`"int"`), field(`"long"`), "consumers type a: type of field `a` changed from int to long" + breaksOld},
		{"narrowed", field(`"long"`), field(`"int"`), "records type a: type of field `a` changed from long to int" + breaksNew},
		{"another type", field(`"long"`), field(`"boolean"`), "both type a: type of field `a` changed from long to boolean" + breaksOld + breaksNew},
		{"string and bytes", field(`"string"`), field(`"bytes"`), " type a: type of field `a` changed from string to bytes"},
		{"may be null", field(`"int"`), field(`["null","int"]`), "consumers added a: field `a` may now also be `null`" + breaksOld},
		{"may not be null", field(`["null","int"]`), field(`"int"`), "records removed a: field `a` may no longer be `null`" + breaksNew},
		{"a branch for another", field(`["null","int"]`), field(`["null","long"]`), "consumers added a: field `a` may now also be `long`" + breaksOld + "\n removed a: field `a` may no longer be `int`"},
		{"order of branches", field(`["null","int"]`), field(`["int","null"]`), ""},
		{"symbol added", enum(`"A"`, ""), enum(`"A","B"`, ""), "consumers added : the schema takes new symbols: `B`" + breaksOld},
		{"symbol added, old default", enum(`"A"`, `,"default":"A"`), enum(`"A","B"`, `,"default":"A"`), " added : the schema takes new symbols: `B`"},
		{"symbol removed", enum(`"A","B"`, ""), enum(`"A"`, ""), "records removed : the schema no longer takes the symbols `B`" + breaksNew},
		{"symbols reordered", enum(`"A","B"`, ""), enum(`"B","A"`, ""), " properties : order of the symbols of enum E changed"},
		{"enum default", enum(`"A"`, ""), enum(`"A"`, `,"default":"A"`), " default : symbol that stands for unknown ones in enum E changed from none to `A`"},
		{"size", `{"type":"fixed","name":"F","size":4}`, `{"type":"fixed","name":"F","size":8}`, "both type : size of the schema changed from 4 to 8 bytes" + breaksOld + breaksNew},
		{"type renamed", rec("a.R", ""), rec("a.S", ""), "both renamed : record a.R renamed to a.S" + breaksOld + breaksNew},
		{"type renamed with alias", rec("a.R", ""), `{"type":"record","name":"a.S","aliases":["R"],"fields":[]}`, "consumers renamed : record a.R renamed to a.S" + breaksOld + "\n properties : aliases or properties of record a.S changed"},
		{"namespace", rec("a.R", ""), rec("b.R", ""), ` renamed : record a.R moved from namespace "a" to "b"`},
		{"decimal", field(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}`), field(`{"type":"bytes","logicalType":"decimal","precision":9,"scale":4}`), " logical a: logical type of field `a` changed from decimal, 9 digits, 2 after the point to decimal, 9 digits, 4 after the point; Avro does not check this, values written before may be misread"},
		{"logical type lost", field(`{"type":"int","logicalType":"date"}`), field(`"int"`), " logical a: logical type of field `a` changed from date to none; Avro does not check this, values written before may be misread"},
		{"default got", field(`"int"`), rec("R", `{"name":"a","type":"int","default":1}`), " default a: field `a` got the default 1"},
		{"default lost", rec("R", `{"name":"a","type":"int","default":1}`), field(`"int"`), " default a: field `a` lost its default 1"},
		{"default changed", rec("R", `{"name":"a","type":"int","default":1}`), rec("R", `{"name":"a","type":"int","default":2}`), " default a: default of field `a` changed from 1 to 2"},
		{"documentation", rec("R", ""), `{"type":"record","name":"R","doc":"x","fields":[]}`, " documentation : documentation of record R changed"},
		{"documentation of a field", field(`"int"`), rec("R", `{"name":"a","type":"int","doc":"x"}`), " documentation a: documentation of field `a` changed"},
		{"tags", field(`"int"`), rec("R", `{"name":"a","type":"int","confluent:tags":["PII","PHI"]}`), " tags a: tags of field `a` changed from none to `PII`, `PHI`"},
		{"properties", `{"type":"string","x":1}`, `{"type":"string","x":2}`, " properties : aliases or properties of the schema changed"},
		{"deep inside", field(`{"type":"array","items":{"type":"map","values":` + rec("I", `{"name":"x","type":"int"}`) + `}}`), field(`{"type":"array","items":{"type":"map","values":` + rec("I", "") + `}}`), "consumers removed a[]{}.x: field `a[]{}.x` removed; consumers that need it break"},
		{"a type in two places is compared once", field(rec("I", `{"name":"x","type":"int"}`) + `},{"name":"b","type":"I"`), field(rec("I", "") + `},{"name":"b","type":"I"`), "consumers removed a.x: field `a.x` removed; consumers that need it break"},
		{"recursion", rec("R", `{"name":"n","type":["null","R"]},{"name":"v","type":"int"}`), rec("R", `{"name":"n","type":["null","R"]},{"name":"v","type":"long"}`), "consumers type v: type of field `v` changed from int to long" + breaksOld},
		{"a field that another branch still reads", `["null","double",` + rec("A", `{"name":"x","type":"int"}`) + `]`, `["null","double",` + rec("A", `{"name":"x","type":"int","default":1}`) + `]`, " default <A>.x: field `<A>.x` got the default 1"},
		{"fields that cannot be told apart", rec("R", `{"name":"a","type":"int"},{"name":"b","type":"int"}`), rec("R", `{"name":"a","type":"int","aliases":["b"]},{"name":"b","type":"int"}`), " properties a: aliases, order or properties of field `a` changed\nrecords incompatible : the versions do not fit: Reader record field a type:INT pos:0 matches multiple fields in writer record schema {\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"}]}" + breaksNew},
	} {
		var lines []string
		for _, ch := range Diff(mustParse(t, c.old), mustParse(t, c.new)) {
			lines = append(lines, ch.Breaks+" "+ch.Kind+" "+ch.Path+": "+ch.Text)
		}
		if got := strings.Join(lines, "\n"); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func TestDiffNamesManyBriefly(t *testing.T) {
	var symbols []string
	for c := 'A'; c <= 'Z'; c++ {
		symbols = append(symbols, `"`+string(c)+`"`)
	}
	changes := Diff(mustParse(t, `{"type":"enum","name":"E","symbols":[]}`), mustParse(t, `{"type":"enum","name":"E","symbols":[`+strings.Join(symbols, ",")+`]}`))
	if len(changes) != 1 || !strings.Contains(changes[0].Text, "`I`, `J` and 16 more;") {
		t.Errorf("%+v", changes)
	}
}

// TestProperties holds on random pairs what must hold on all.
func TestProperties(t *testing.T) {
	g := newGenerator(7)
	for range 4_000 {
		oldText, newText := g.pair()
		old, err1 := Parse(oldText, Options{})
		new, err2 := Parse(newText, Options{})
		if err1 != nil || err2 != nil {
			continue
		}
		checkPair(t, old, new)
	}
}

func checkPair(t *testing.T, old, new *Schema) {
	t.Helper()
	if old.Canonical() == new.Canonical() {
		if changes := Diff(old, new); changes != nil {
			t.Errorf("changes between equal texts: %v", changes)
		}
		return
	}
	var consumers, records bool
	for _, c := range Diff(old, new) {
		consumers = consumers || c.Breaks == BreaksConsumers || c.Breaks == BreaksBoth
		records = records || c.Breaks == BreaksRecords || c.Breaks == BreaksBoth
	}
	if want := len(Compatible(old, new)) > 0; consumers != want {
		t.Errorf("Diff says consumers break: %v, Compatible: %v\nold %s\nnew %s", consumers, want, old.Canonical(), new.Canonical())
	}
	if want := len(Compatible(new, old)) > 0; records != want {
		t.Errorf("Diff says records break: %v, Compatible: %v\nold %s\nnew %s", records, want, old.Canonical(), new.Canonical())
	}
	again, err := Parse(old.Normalized(), Options{Lax: true})
	if err != nil {
		t.Fatalf("the normalized text is refused: %v\n%s", err, old.Normalized())
	}
	if again.ParsingForm() != old.ParsingForm() || again.Normalized() != old.Normalized() && !forgetsAlias(old.root, map[*node]bool{}) {
		t.Errorf("normalizing twice differs:\n%s\n%s", old.Normalized(), again.Normalized())
	}
	back, err := Parse(old.Canonical(), Options{Lax: true})
	if err != nil || back.ParsingForm() != old.ParsingForm() {
		t.Errorf("the canonical text does not read back: %v\n%s", err, old.Canonical())
	}
}

// forgetsAlias reports whether a type in a namespace has an alias in none: Java
// prints that alias as if it lay in the type's own namespace (aliasTexts), and so
// it reads back as another one.
func forgetsAlias(n *node, seen map[*node]bool) bool {
	if n == nil || seen[n] {
		return false
	}
	seen[n] = true
	for _, a := range n.aliases {
		if a.space == "" && n.name.space != "" {
			return true
		}
	}
	inner := append([]*node{n.item}, n.branches...)
	for _, f := range n.fields {
		inner = append(inner, f.typ)
	}
	return slices.ContainsFunc(inner, func(i *node) bool { return forgetsAlias(i, seen) })
}
