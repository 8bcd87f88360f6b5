package catalog

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
	"unicode"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// Query selects events. Every term of Text must match somewhere; the filters
// narrow further. Zero fields do not restrict.
type Query struct {
	Text        string // at most 200 characters count
	Domain      string
	Lifecycle   eventbus.Lifecycle
	System      string // source system, or the system it is part of
	Team        string
	Environment string
	DataClass   eventbus.DataClass
	Names       []string // only these events: owned, starred
	Sort        string   // relevance (default with Text), name (default), -name, title, lifecycle, updated
	Page        int      // from 1
	PageSize    int      // 1..200, 0 = 20
}

// Entry is one event found. Its Event has neither schema nor one-pager.
type Entry struct {
	Event   eventbus.Event `json:"event"`
	Score   float64        `json:"score,omitempty"`
	Matched []string       `json:"matched,omitempty"` // fields in which the terms were found: name, topic, schema, description, …
}

// FacetCount is how many events a facet's value would leave.
type FacetCount struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Result of a search. Facets count what each value would leave if it were
// chosen, given the text and all other filters.
type Result struct {
	Entries []Entry                 `json:"entries"`
	Total   int                     `json:"total"`
	Facets  map[string][]FacetCount `json:"facets"` // domain, lifecycle, system, team, environment, dataClass
}

// Where a token stands, and what it weighs there.
type field uint8

const (
	inDescription field = iota
	inSchema
	inOther // domain, team, system, tags
	inTopic
	inTitle
	inName
)

func (f field) String() string {
	return [...]string{"description", "schema", "other", "topic", "title", "name"}[f]
}

func (f field) weight() float32 { return [...]float32{2, 3, 3.5, 5, 8, 8}[f] }

// How well a term matches a token.
const (
	exactly   = 1.0
	asPrefix  = 0.75
	inside    = 0.4
	withATypo = 0.2
)

type posting struct {
	entry int32
	field field
}

// index is an immutable picture of the catalog: an inverted index whose
// vocabulary is scanned for each term, so that prefixes, parts and one-edit
// typos are found without more tables.
type index struct {
	version  int64
	events   []eventbus.Event // without schema and one-pager
	systems  []eventbus.System
	facets   [][]facetValue // by entry
	topics   map[string]topicEntry
	tokens   []string    // sorted
	postings [][]posting // by token
}

// topicEntry is the event that has a topic, and in which environment.
type topicEntry struct {
	entry       int32
	environment string
}

type facetValue struct{ facet, value string }

func buildIndex(version int64, events []eventbus.Event, systems []eventbus.System) *index {
	x := &index{version: version, systems: systems, topics: map[string]topicEntry{}, events: make([]eventbus.Event, 0, len(events)), facets: make([][]facetValue, 0, len(events))}
	slices.SortFunc(events, func(a, b eventbus.Event) int { return cmp.Compare(a.Name, b.Name) })
	vocabulary := map[string][]posting{}
	for i, e := range events {
		for f, texts := range fieldsOf(e) {
			for _, text := range texts {
				for _, token := range tokens(text) {
					p := posting{entry: int32(i), field: f} //nolint:gosec // far fewer events than 2³¹
					if list := vocabulary[token]; !slices.Contains(list[max(len(list)-8, 0):], p) {
						vocabulary[token] = append(list, p)
					}
				}
			}
		}
		for _, t := range e.Topics {
			if _, taken := x.topics[t.Name]; !taken {
				x.topics[t.Name] = topicEntry{int32(i), t.Environment} //nolint:gosec // as above
			}
		}
		x.facets = append(x.facets, facetsOf(e))
		e.Schema, e.OnePager, e.Payload = "", "", ""
		x.events = append(x.events, e)
	}
	for token := range vocabulary {
		x.tokens = append(x.tokens, token)
	}
	sort.Strings(x.tokens)
	x.postings = make([][]posting, len(x.tokens))
	for i, token := range x.tokens {
		x.postings[i] = vocabulary[token]
	}
	return x
}

func fieldsOf(e eventbus.Event) map[field][]string {
	f := map[field][]string{inName: {e.Name}, inTitle: {e.Title}, inDescription: {e.Description, e.Payload},
		inOther: append([]string{e.Domain, e.Owner, e.System, e.Contact}, e.Tags...)}
	for _, t := range e.Topics {
		f[inTopic] = append(f[inTopic], t.Name)
	}
	for _, s := range append(slices.Clone(e.SourceSystems), e.Forwarders...) {
		f[inOther] = append(f[inOther], s.SystemName, s.TeamName)
	}
	if schema, err := avro.Parse(e.Schema, avro.Options{Lax: true}); e.Schema != "" && err == nil {
		for _, s := range schema.Fields() {
			f[inSchema] = append(f[inSchema], s.Name)
			f[inDescription] = append(f[inDescription], s.Doc)
		}
	}
	return f
}

func facetsOf(e eventbus.Event) []facetValue {
	var list []facetValue
	add := func(facet, value string) {
		if v := (facetValue{facet, value}); value != "" && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	add("domain", e.Domain)
	add("lifecycle", string(e.Lifecycle))
	add("team", e.Owner)
	add("system", e.System)
	for _, s := range e.SourceSystems {
		add("system", s.SystemName)
	}
	for _, t := range e.Topics {
		add("environment", t.Environment)
	}
	for _, d := range e.DataClasses {
		add("dataClass", string(d))
	}
	return list
}

// tokens splits a text on everything that is not a letter or digit, and on the
// humps of camelCase; both the whole and its parts count.
func tokens(text string) []string {
	var list []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		list = append(list, strings.ToLower(word))
		start := 0
		runes := []rune(word)
		for i := 1; i <= len(runes); i++ {
			if i == len(runes) || unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1]) {
				if start > 0 || i < len(runes) {
					list = append(list, strings.ToLower(string(runes[start:i])))
				}
				start = i
			}
		}
	}
	return list
}

// terms of a query; the humps of camelCase are terms of their own.
func terms(text string) []string {
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200])
	}
	var list []string
	for _, t := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

// quality says how well a term matches a token, 0 for not at all.
func quality(term, token string) float32 {
	switch {
	case term == token:
		return exactly
	case strings.HasPrefix(token, term):
		return asPrefix
	case len(term) >= 3 && strings.Contains(token, term):
		return inside
	case len(term) >= 4 && oneEdit(term, token):
		return withATypo
	default:
		return 0
	}
}

// oneEdit reports whether a letter more, less, other or swapped with its
// neighbour turns a into b.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) {
		return false
	}
	return a[i+1:] == b[i+1:] ||
		i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// Search finds events; see Query.
func (c *Catalog) Search(ctx context.Context, q Query) (Result, error) {
	x, err := c.current(ctx)
	if err != nil {
		return Result{}, err
	}
	return x.search(q), nil
}

type hit struct {
	entry  int32
	score  float32
	fields uint8 // bit per field
}

func (x *index) search(q Query) Result {
	hits := x.match(terms(q.Text))
	filters := q.filters()
	result := Result{Facets: map[string][]FacetCount{}}
	counts := map[facetValue]int{}
	kept := hits[:0]
	for _, h := range hits {
		if len(q.Names) > 0 && !slices.Contains(q.Names, x.events[h.entry].Name) {
			continue
		}
		failed := x.failing(h.entry, filters)
		for _, v := range x.facets[h.entry] {
			if len(failed) == 0 || len(failed) == 1 && failed[0] == v.facet {
				counts[v]++
			}
		}
		if len(failed) == 0 {
			kept = append(kept, h)
		}
	}
	result.Total = len(kept)
	for v, n := range counts {
		result.Facets[v.facet] = append(result.Facets[v.facet], FacetCount{v.value, n})
	}
	for _, list := range result.Facets {
		slices.SortFunc(list, func(a, b FacetCount) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Value, b.Value)) })
	}
	x.order(kept, q)
	result.Entries = x.page(kept, q)
	return result
}

func (q Query) filters() []facetValue {
	var list []facetValue
	for _, f := range []facetValue{{"domain", q.Domain}, {"lifecycle", string(q.Lifecycle)}, {"system", q.System}, {"team", q.Team},
		{"environment", q.Environment}, {"dataClass", string(q.DataClass)}} {
		if f.value != "" {
			list = append(list, f)
		}
	}
	return list
}

func (x *index) failing(entry int32, filters []facetValue) []string {
	var failed []string
	for _, f := range filters {
		if !slices.Contains(x.facets[entry], f) {
			failed = append(failed, f.facet)
		}
	}
	return failed
}

// match finds the entries in which every term matches.
func (x *index) match(terms []string) []hit {
	hits := make([]hit, len(x.events))
	for i := range hits {
		hits[i].entry = int32(i) //nolint:gosec // see buildIndex
	}
	best := make([]float32, len(x.events))
	where := make([]uint8, len(x.events))
	for _, term := range terms {
		clear(best)
		clear(where)
		for i, token := range x.tokens {
			good := quality(term, token)
			if good == 0 {
				continue
			}
			for _, p := range x.postings[i] {
				where[p.entry] |= 1 << p.field
				best[p.entry] = max(best[p.entry], good*p.field.weight())
			}
		}
		kept := hits[:0]
		for _, h := range hits {
			if best[h.entry] > 0 {
				h.score += best[h.entry]
				h.fields |= where[h.entry]
				kept = append(kept, h)
			}
		}
		hits = kept
	}
	return hits
}

func (x *index) order(hits []hit, q Query) {
	by := q.Sort
	if by == "" && q.Text != "" {
		by = "relevance"
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		ea, eb := &x.events[a.entry], &x.events[b.entry]
		first := 0
		switch by {
		case "relevance":
			first = cmp.Compare(b.score, a.score)
		case "-name":
			first = cmp.Compare(eb.Name, ea.Name)
		case "title":
			first = cmp.Compare(strings.ToLower(ea.Title), strings.ToLower(eb.Title))
		case "lifecycle":
			first = cmp.Compare(slices.Index(eventbus.Lifecycles(), ea.Lifecycle), slices.Index(eventbus.Lifecycles(), eb.Lifecycle))
		case "updated":
			first = eb.UpdatedAt.Compare(ea.UpdatedAt)
		}
		return cmp.Or(first, cmp.Compare(ea.Name, eb.Name))
	})
}

func (x *index) page(hits []hit, q Query) []Entry {
	size := q.PageSize
	if size <= 0 {
		size = 20
	}
	size = min(size, 200)
	start := min((max(q.Page, 1)-1)*size, len(hits))
	if start < 0 { // a page number beyond all bounds
		start = len(hits)
	}
	entries := []Entry{}
	for _, h := range hits[start:min(start+size, len(hits))] {
		entry := Entry{Event: x.events[h.entry], Score: float64(h.score)}
		for f := inName; ; f-- {
			if h.fields&(1<<f) != 0 {
				entry.Matched = append(entry.Matched, f.String())
			}
			if f == inDescription {
				break
			}
		}
		entries = append(entries, entry)
	}
	return entries
}
