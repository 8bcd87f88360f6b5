package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"pgregory.net/rapid"
)

// shelfOfAll draws a small catalog in which every facet has few values.
func shelfOfAll(t *rapid.T) []eventbus.Event {
	pick := func(label string, values ...string) string { return rapid.SampledFrom(values).Draw(t, label) }
	events := make([]eventbus.Event, rapid.IntRange(0, 25).Draw(t, "events"))
	for i := range events {
		e := eventbus.Event{Name: fmt.Sprintf("event-%02d", i), Title: pick("title", "Letter Ready", "Claim Closed", "letter lost"),
			Domain: pick("domain", "claims", "health"), Owner: pick("team", "a", "b", "c"), System: pick("system", "", "vbms", "hub"),
			Lifecycle: rapid.SampledFrom(eventbus.Lifecycles()).Draw(t, "lifecycle")}
		if rapid.Bool().Draw(t, "personal") {
			e.DataClasses = []eventbus.DataClass{eventbus.DataPII}
		}
		for _, environment := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"development", "production"}), rapid.ID).Draw(t, "environments") {
			e.Topics = append(e.Topics, eventbus.EventTopic{Environment: environment, Name: environment + "_" + e.Name})
		}
		if rapid.Bool().Draw(t, "source") {
			e.SourceSystems = []eventbus.SourceSystem{{SystemName: pick("source system", "vbms", "letters")}}
		}
		events[i] = e
	}
	return events
}

// has holds one event against one facet, the plain way.
func has(e eventbus.Event, facet, value string) bool {
	switch facet {
	case "domain":
		return e.Domain == value
	case "lifecycle":
		return string(e.Lifecycle) == value
	case "team":
		return e.Owner == value
	case "system":
		return value != "" && (e.System == value || slices.ContainsFunc(e.SourceSystems, func(s eventbus.SourceSystem) bool { return s.SystemName == value }))
	case "environment":
		_, there := e.TopicIn(value)
		return there
	default:
		return slices.Contains(e.DataClasses, eventbus.DataClass(value))
	}
}

// TestSearchAgainstThePlainWay: whatever is asked, the index finds what reading
// every event would find, its facets count what choosing them would leave, and
// the pages hold every event once, in order.
func TestSearchAgainstThePlainWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := shelfOfAll(t)
		chosen := map[string]string{}
		for facet, values := range map[string][]string{"domain": {"claims", "health"}, "lifecycle": {"production"}, "team": {"a", "b"}, "system": {"vbms", "letters"},
			"environment": {"production"}, "dataClass": {"PII"}} {
			if rapid.IntRange(0, 3).Draw(t, "filter "+facet) == 0 {
				chosen[facet] = rapid.SampledFrom(values).Draw(t, facet)
			}
		}
		q := Query{Domain: chosen["domain"], Lifecycle: eventbus.Lifecycle(chosen["lifecycle"]), Team: chosen["team"], System: chosen["system"],
			Environment: chosen["environment"], DataClass: eventbus.DataClass(chosen["dataClass"]), Text: rapid.SampledFrom([]string{"", "letter", "claim closed"}).Draw(t, "text"),
			Sort: rapid.SampledFrom([]string{"", "name", "-name", "title", "lifecycle"}).Draw(t, "sort"), PageSize: rapid.IntRange(1, 7).Draw(t, "page size")}
		left := func(e eventbus.Event, but string) bool {
			for facet, value := range chosen {
				if facet != but && !has(e, facet, value) {
					return false
				}
			}
			for _, term := range strings.Fields(q.Text) {
				if !strings.Contains(strings.ToLower(e.Title), term) && !strings.Contains(e.Domain, term) && !slices.ContainsFunc(e.SourceSystems, func(s eventbus.SourceSystem) bool { return strings.Contains(s.SystemName, term) }) {
					return false
				}
			}
			return true
		}
		x := buildIndex(1, slices.Clone(events), nil)
		result := x.search(q)
		var want []string
		counts := map[facetValue]int{}
		for _, e := range events {
			if left(e, "") {
				want = append(want, e.Name)
			}
			for _, v := range facetsOf(e) {
				if left(e, v.facet) {
					counts[v]++
				}
			}
		}
		if result.Total != len(want) {
			t.Fatalf("%+v: %d found, want %v", q, result.Total, want)
		}
		got := map[facetValue]int{}
		for facet, list := range result.Facets {
			for _, c := range list {
				got[facetValue{facet, c.Value}] = c.Count
			}
		}
		if !maps.Equal(got, counts) {
			t.Fatalf("%+v: facets %v, want %v", q, got, counts)
		}
		pages(t, x, q, want)
	})
}

// pages reads all pages of a query.
func pages(t *rapid.T, x *index, q Query, want []string) {
	var names []string
	for q.Page = 1; ; q.Page++ {
		entries := x.search(q).Entries
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			names = append(names, e.Event.Name)
		}
	}
	switch q.Sort {
	case "name", "":
		if q.Text == "" && !slices.IsSorted(names) {
			t.Fatalf("%q sorts as %v", q.Sort, names)
		}
	case "-name":
		if reversed := slices.Clone(names); !slices.IsSortedFunc(reversed, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Fatalf("-name sorts as %v", names)
		}
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Fatalf("the pages hold %v, want %v", names, want)
	}
}

// TestPageBounds: page numbers and sizes beyond all reason give a page, or an
// empty one.
func TestPageBounds(t *testing.T) {
	x := buildIndex(1, many(450), nil)
	for _, c := range []struct{ page, size, want int }{
		{0, 0, 20}, {1, 0, 20}, {-5, -5, 20}, {1, 200, 200}, {1, 1000, 200}, {3, 200, 50}, {4, 200, 0}, {1 << 62, 200, 0}, {1<<63 - 1, 1, 0},
	} {
		result := x.search(Query{Page: c.page, PageSize: c.size})
		if len(result.Entries) != c.want || result.Total != 450 {
			t.Errorf("page %d of %d: %d entries of %d, want %d", c.page, c.size, len(result.Entries), result.Total, c.want)
		}
		if result.Entries == nil {
			t.Errorf("page %d of %d is null, not empty", c.page, c.size)
		}
	}
}
