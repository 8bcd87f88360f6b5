package wire

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func meta(t testing.TB, text string) *Metadata {
	t.Helper()
	if text == "" {
		return nil
	}
	var out Metadata
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// TestMergeMetadata: what lies over wins for a property and for the tags of a
// path; the sensitive ones add up (Confluent's Metadata.mergeMetadata).
func TestMergeMetadata(t *testing.T) {
	for name, c := range map[string]struct{ under, over, want string }{
		"nothing":            {"", "", ""},
		"under only":         {`{"properties":{"a":"1"}}`, "", `{"properties":{"a":"1"}}`},
		"over only":          {"", `{"properties":{"a":"1"}}`, `{"properties":{"a":"1"}}`},
		"an empty one":       {`{"properties":{"a":"1"}}`, `{}`, `{"properties":{"a":"1"}}`},
		"properties":         {`{"properties":{"a":"1","b":"1"}}`, `{"properties":{"b":"2","c":"2"}}`, `{"properties":{"a":"1","b":"2","c":"2"}}`},
		"an empty value":     {`{"properties":{"a":"1"}}`, `{"properties":{"a":""}}`, `{"properties":{"a":""}}`},
		"tags of a path":     {`{"tags":{"p":["X","Y"],"q":["X"]}}`, `{"tags":{"p":["Z"]}}`, `{"tags":{"p":["Z"],"q":["X"]}}`},
		"sensitive":          {`{"sensitive":["b","a"]}`, `{"sensitive":["b","c"]}`, `{"sensitive":["a","b","c"]}`},
		"one of each":        {`{"tags":{"p":["X"]}}`, `{"properties":{"a":"1"},"sensitive":["a"]}`, `{"tags":{"p":["X"]},"properties":{"a":"1"},"sensitive":["a"]}`},
		"nothing of nothing": {`{}`, `{}`, ""},
	} {
		under, over := meta(t, c.under), meta(t, c.over)
		got := under.Merge(over).Sorted()
		if string(compact(got)) != string(compact(meta(t, c.want).Sorted())) {
			t.Errorf("%s: %s", name, compact(got))
		}
		if !reflect.DeepEqual(under, meta(t, c.under)) || !reflect.DeepEqual(over, meta(t, c.over)) {
			t.Errorf("%s: an input was changed", name)
		}
	}
}

func TestWithVersion(t *testing.T) {
	for _, c := range []struct {
		in     string
		number int
		want   string
	}{
		{"", 0, ""}, {"", 2, `{"properties":{"confluent:version":"2"}}`},
		{`{"properties":{"a":"1"}}`, 0, `{"properties":{"a":"1"}}`},
		{`{"properties":{"a":"1"}}`, 2, `{"properties":{"a":"1","confluent:version":"2"}}`},
		{`{"properties":{"confluent:version":"2"}}`, 3, `{"properties":{"confluent:version":"3"}}`},
		{`{"properties":{"confluent:version":"2"}}`, 0, ""},
		{`{"properties":{"confluent:version":"2"},"tags":{"p":["X"]}}`, 0, `{"tags":{"p":["X"]}}`},
	} {
		in := meta(t, c.in)
		got := in.WithVersion(c.number)
		if FingerprintOf("x", nil, got.Sorted(), nil) != FingerprintOf("x", nil, meta(t, c.want).Sorted(), nil) {
			t.Errorf("%s with %d: %s", c.in, c.number, compact(got))
		}
		if !reflect.DeepEqual(in, meta(t, c.in)) {
			t.Errorf("%s was changed", c.in)
		}
	}
}

// TestSortedMetadata: two spellings of one metadata are one schema.
func TestSortedMetadata(t *testing.T) {
	a := meta(t, `{"tags":{"p":["B","A","B"]},"sensitive":["y","x"]}`)
	b := meta(t, `{"sensitive":["x","y","x"],"tags":{"p":["A","B"]}}`)
	if FingerprintOf("x", nil, a.Sorted(), nil) != FingerprintOf("x", nil, b.Sorted(), nil) {
		t.Error("the order counts")
	}
	if !slices.Equal(a.Tags["p"], []string{"B", "A", "B"}) {
		t.Error("the input was changed")
	}
	if meta(t, `{}`).Sorted() != nil || (*Metadata)(nil).Sorted() != nil || (*Metadata)(nil).Property("a") != "" {
		t.Error("empty metadata is not nothing")
	}
}

func rules(names ...string) *RuleSet {
	out := &RuleSet{}
	for _, name := range names {
		name, doc, _ := strings.Cut(name, "=")
		out.DomainRules = append(out.DomainRules, Rule{Name: name, Type: "CEL", Doc: doc})
	}
	return out
}

// TestMergeRuleSets: a rule replaces the one of its name, others follow; the lists
// do not mix (Confluent's RuleSet.mergeRuleSets).
func TestMergeRuleSets(t *testing.T) {
	for name, c := range map[string]struct{ under, over, want *RuleSet }{
		"nothing":       {nil, nil, nil},
		"under only":    {rules("a"), nil, rules("a")},
		"over only":     {nil, rules("a"), rules("a")},
		"others follow": {rules("a"), rules("b"), rules("a", "b")},
		"replaced":      {rules("a=1", "b=1"), rules("a=2"), rules("b=1", "a=2")},
		"other lists": {&RuleSet{MigrationRules: []Rule{{Name: "a", Type: "CEL", Mode: "UPGRADE"}}}, rules("b"),
			&RuleSet{MigrationRules: []Rule{{Name: "a", Type: "CEL", Mode: "UPGRADE"}}, DomainRules: rules("b").DomainRules}},
	} {
		if got := c.under.Merge(c.over); !reflect.DeepEqual(got.Explicit(), c.want.Explicit()) {
			t.Errorf("%s: %s", name, compact(got))
		}
	}
}
