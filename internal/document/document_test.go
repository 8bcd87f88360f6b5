package document

import (
	"runtime"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

type inner struct {
	Deep string `yaml:"deep"`
}

type plain struct {
	Name  string            `yaml:"name"`
	Count int64             `yaml:"count"`
	On    bool              `yaml:"on"`
	Ratio float64           `yaml:"ratio"`
	Dates []string          `yaml:"dates"`
	Map   map[string]string `yaml:"map"`
	Inner *inner            `yaml:"inner"`
}

func TestDecode(t *testing.T) {
	docs, err := Read([]byte("name: x\ncount: 12\non: true\nratio: 2\ndates: [2026-12-01]\nmap: {a: 1}\ninner: {deep: y}\n---\n# empty\n---\n{\"name\": \"json\"}\n"), "f.yaml", Limits{})
	if err != nil || len(docs) != 2 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	var p plain
	if err := docs[0].Decode(&p); err != nil {
		t.Fatal(err)
	}
	if p.Name != "x" || p.Count != 12 || !p.On || p.Ratio != 2 || p.Dates[0] != "2026-12-01" || p.Map["a"] != "1" || p.Inner.Deep != "y" {
		t.Errorf("got %+v", p)
	}
	if docs[1].Text("name") != "json" || docs[1].Has("other") || docs[0].Text("inner", "deep") != "y" || !docs[0].List("dates") {
		t.Error("Text, Has or List is wrong")
	}
}

func TestFaultsSayWhere(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "name: x\ncuont: 3\n", "f.yaml:2:1: cuont: unknown field (did you mean count?)"},
		{"unknown key, nothing near", "inner:\n  zzzzzzz: 3\n", "f.yaml:2:3: inner.zzzzzzz: unknown field (the fields here are deep)"},
		{"duplicate", "name: x\nname: y\n", "f.yaml:2:1: name: written twice, first on line 1 (keep one of them)"},
		{"alias", "name: &a x\nmap: {k: *a}\n", "f.yaml:1:7: name: anchors and aliases are not allowed (write the value out)"},
		{"merge", "map: {<<: {a: b}}\n", "f.yaml:1:7: map: merge keys are not allowed (write the fields out)"},
		{"tag", "name: !!str 3\n", "f.yaml:1:7: name: explicit tags such as !!str are not allowed (use quotes for text)"},
		{"not a number", "count: many\n", `f.yaml:1:8: count: "many" is not a whole number (write digits only, without quotes: 1000)`},
		{"quoted number", "count: \"3\"\n", `f.yaml:1:8: count: "3" is not a whole number (write digits only, without quotes: 1000)`},
		{"not a bool", "on: maybe\n", `f.yaml:1:5: on: "maybe" is not true or false (write true or false)`},
		{"list expected", "dates: x\n", "f.yaml:1:8: dates: is a single value, not a list (write a list: [a, b])"},
		{"scalar expected", "name: [x]\n", "f.yaml:1:7: name: is a list, not a single value (write a single value)"},
		{"group expected", "inner: x\n", "f.yaml:1:8: inner: is a single value, not a group of fields (write its fields below it, indented)"},
		{"complex key", "map: {[a]: b}\n", "f.yaml:1:7: map: a key must be plain text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			docs, err := Read([]byte(c.text), "f.yaml", Limits{})
			if err == nil {
				err = docs[0].Decode(&plain{})
			}
			faults := eventbus.FaultsOf(err)
			if len(faults) == 0 || faults[0].String() != c.want {
				t.Errorf("got %v\nwant %s", faults, c.want)
			}
		})
	}
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	docs, err := Read([]byte("a: 1\nb: 2\ncount: x\n"), "", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(eventbus.FaultsOf(docs[0].Decode(&plain{}))); got != 3 {
		t.Errorf("%d faults, want 3", got)
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		code       eventbus.Code
	}{
		{"too large", "a: " + strings.Repeat("x", 300<<10), eventbus.CodeTooLarge},
		{"brackets", strings.Repeat("[", 200_000), eventbus.CodeInvalid},
		{"balanced brackets", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), eventbus.CodeInvalid},
		{"laughs", "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]", eventbus.CodeInvalid},
		{"documents", strings.Repeat("a: 1\n---\n", 1100), eventbus.CodeInvalid},
		{"syntax", "a: [1,\nb: }", eventbus.CodeInvalid},
		{"control characters", "a: \x00", eventbus.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read([]byte(c.text), "", Limits{}); eventbus.CodeOf(err) != c.code {
				t.Errorf("code %q (%v), want %q", eventbus.CodeOf(err), err, c.code)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	docs, err := Read([]byte("name: x\ninner:\n  deep: y\ndates:\n  - a\n  - b\n"), "f.yaml", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := docs[0].Locate([]eventbus.Fault{{Path: "dates[1]"}, {Path: "inner.missing"}, {Path: "inner.deep"}, {Path: "nowhere"}})
	for i, want := range [][2]int{{6, 5}, {2, 1}, {3, 9}, {1, 1}} {
		if got[i].Line != want[0] || got[i].Column != want[1] || got[i].File != "f.yaml" {
			t.Errorf("%s at %d:%d, want %v", got[i].Path, got[i].Line, got[i].Column, want)
		}
	}
	if (Document{}).Locate([]eventbus.Fault{{Path: "a"}})[0].Line != 0 {
		t.Error("a document without text knows a line")
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"a: 1", "{\"a\": [1, 2]}", "a: &x 1\nb: *x", "- - - -", "a: |\n  text\n---\nb", "? [a]\n: b", "!!binary x: y", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, err := Read(text, "f", Limits{})
		if err != nil {
			return
		}
		for _, d := range docs {
			if err := d.Decode(&plain{}); err != nil && eventbus.CodeOf(err) != eventbus.CodeInvalid {
				t.Errorf("code %q", eventbus.CodeOf(err))
			}
			d.Locate([]eventbus.Fault{{Path: "a.b[0]"}})
		}
	})
}

// TestPaths: what stands under a path of keys, and what does not.
func TestPaths(t *testing.T) {
	docs, err := Read([]byte("kind: Event\nspec:\n  topics: [a, b]\n  owner: null\n  group: {name: x}\n"), "", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	d := docs[0]
	for _, c := range []struct {
		keys      []string
		text      string
		has, list bool
	}{
		{[]string{"kind"}, "Event", true, false},
		{[]string{"spec", "topics"}, "", true, true},
		{[]string{"spec", "owner"}, "", true, false},
		{[]string{"spec", "group", "name"}, "x", true, false},
		{[]string{"spec", "group"}, "", true, false},
		{[]string{"spec", "none"}, "", false, false},
		{[]string{"kind", "below"}, "", false, false},
		{nil, "", true, false},
	} {
		if d.Text(c.keys...) != c.text || d.Has(c.keys...) != c.has || d.List(c.keys...) != c.list {
			t.Errorf("%v: %q, %v, %v", c.keys, d.Text(c.keys...), d.Has(c.keys...), d.List(c.keys...))
		}
	}
	if none := (Document{}); none.Text("a") != "" || none.Has() || none.List() || none.Decode(&plain{}) == nil {
		t.Error("an empty document holds something")
	}
}

// TestNear: a slip of the pen is one or two edits, or another case; more is
// another word.
func TestNear(t *testing.T) {
	names := []string{"lifecycle", "owner", "productOwner", "id"}
	for key, want := range map[string]string{"lifecyle": "lifecycle", "lifcycel": "", "Owner": "owner", "productowner": "productOwner", "ownr": "owner", "oner": "owner",
		"title": "", "": "", "di": "", strings.Repeat("x", 1000): ""} {
		if got := Near(key, names); got != want {
			t.Errorf("Near(%.20q) = %q, want %q", key, got, want)
		}
	}
}

// TestManyFaultsAreBounded: a hopeless text gets a bounded answer, and long words
// of it are cut.
func TestManyFaultsAreBounded(t *testing.T) {
	var text strings.Builder
	for i := range 300 {
		text.WriteString(strings.Repeat("k", 100) + string(rune('a'+i%26)) + strings.Repeat("z", i/26) + ": 1\n")
	}
	docs, err := Read([]byte(text.String()), "", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	faults := eventbus.FaultsOf(docs[0].Decode(&plain{}))
	if len(faults) != 100 {
		t.Errorf("%d faults, want 100", len(faults))
	}
	for _, f := range faults {
		if len(f.Path) > 70 {
			t.Errorf("path of %d bytes", len(f.Path))
		}
	}
}

// TestNothingIsFilledFromAFaultyDocument: what is half right leaves no trace.
func TestNothingIsFilledFromAFaultyDocument(t *testing.T) {
	docs, err := Read([]byte("name: x\ncount: many\n"), "", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var p plain
	if err := docs[0].Decode(&p); eventbus.CodeOf(err) != eventbus.CodeInvalid || p.Name != "" {
		t.Errorf("got %+v, %v", p, err)
	}
}

// allocated gives how many bytes a call takes, freed or not.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestBombs: a small text never becomes a large one in memory: not by its keys,
// which stand in the path of everything below them, nor by aliases or depth.
func TestBombs(t *testing.T) {
	type open struct {
		Map map[string][]string `yaml:"map"`
	}
	const most = 64 << 20
	items := "[" + strings.Repeat("1,", 60_000) + "1]"
	for name, text := range map[string]string{
		"one long key over many items":   `{"map": {"` + strings.Repeat("k", 120<<10) + `": ` + items + `}}`,
		"long keys, one below the other": strings.Repeat(`{"`+strings.Repeat("k", 500)+`":`, 60) + items + strings.Repeat("}", 60),
		"many long keys":                 `{"map": {"` + strings.Repeat(strings.Repeat("k", 600)+`": [1], "`, 300) + `z": [1]}}`,
		"laughs":                         "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n",
		"brackets":                       strings.Repeat("[", 200_000),
		"items of a wrong kind":          `{"map": {"a": [` + strings.Repeat("{},", 40_000) + `{}]}}`,
	} {
		var faults []eventbus.Fault
		bytes := allocated(func() {
			docs, err := Read([]byte(text), "f.yaml", Limits{})
			faults = eventbus.FaultsOf(err)
			for _, d := range docs {
				faults = append(faults, eventbus.FaultsOf(d.Decode(&open{}))...)
				d.Locate([]eventbus.Fault{{Path: "map.a[7]"}, {Path: "nowhere"}})
			}
		})
		if bytes > most {
			t.Errorf("%s: %d KiB of text take %d MiB", name, len(text)>>10, bytes>>20)
		}
		if len(faults) > 200 {
			t.Errorf("%s: %d faults", name, len(faults))
		}
		for _, f := range faults {
			if len(f.Path) > 40<<10 {
				t.Errorf("%s: a path of %d bytes", name, len(f.Path))
			}
		}
	}
}

// TestKeysAreShort: a key has a limit, at the limit it is taken.
func TestKeysAreShort(t *testing.T) {
	for n, want := range map[int]eventbus.Code{512: "", 513: eventbus.CodeInvalid} {
		_, err := Read([]byte(strings.Repeat("k", n)+": 1\n"), "", Limits{})
		if eventbus.CodeOf(err) != want {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
	if _, err := Read([]byte("key: 1\n"), "", Limits{Key: 2}); len(eventbus.FaultsOf(err)) != 1 || eventbus.FaultsOf(err)[0].Fix == "" {
		t.Errorf("a key beyond a limit of its own: %v", err)
	}
}

// TestLocateAmongLikeKeys: keys that hold dots, and keys that begin like others.
func TestLocateAmongLikeKeys(t *testing.T) {
	docs, err := Read([]byte("a: 1\na.b: 2\nab:\n  - x: 1\n  - x: 2\n\"\": 3\na[0]: 4\n"), "", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for path, line := range map[string]int{"a": 1, "a.b": 2, "a.c": 1, "ab": 3, "ab[1].x": 5, "ab[2].x": 3, "ab[x]": 3, "ab[-1]": 3, "abc": 1, "a[0]": 7, "": 1, "[0]": 6, ".": 6} {
		if got := docs[0].Locate([]eventbus.Fault{{Path: path}})[0].Line; got != line {
			t.Errorf("%q is on line %d, want %d", path, got, line)
		}
	}
}
