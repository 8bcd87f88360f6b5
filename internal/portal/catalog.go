package portal

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// catalogView is the table of events with its facets.
type catalogView struct {
	Text    string
	Hidden  []Pair // the chosen facets, kept while searching
	Facets  []FacetView
	Chosen  []Link // chosen facets; the link takes one away
	Rows    []EventRow
	Total   string
	Sorts   []Choice
	Pages   Pages
	Empty   *Empty
	Propose string
	Files   Files
}

// FacetView is one way to narrow a list, with counts.
type FacetView struct {
	Name   string
	Open   bool
	Values []FacetValue
}

// FacetValue is one value of a facet; its link chooses it, or takes it away.
type FacetValue struct {
	Label, URL string
	Count      int
	Chosen     bool
}

// EventRow is one event in a list.
type EventRow struct {
	Name, Title, URL, Description string
	Domain, Owner                 string
	Lifecycle, Data               Pill
	Environments                  []string
	LastDay                       string // records of the last 24 hours, "no data" without numbers
	Consumers                     string
	Faulty, Starred               bool
}

// facetNames are the facets in their order, by the names of catalog.Result.
var facetNames = []struct{ key, label string }{
	{"domain", "Domain"}, {"lifecycle", "Lifecycle"}, {"environment", "Environment"},
	{"dataClass", "Personal data"}, {"system", "Source system"}, {"team", "Team"},
}

const pageSize = 20

func (p *Portal) catalogList(w http.ResponseWriter, v visit) error {
	asked := p.catalogQuery(v)
	if fileAsked(v) {
		return writeFile(w, v, "events", eventColumns, p.everyEvent(v, asked))
	}
	found, err := p.parts.Catalog.Search(v.Context(), asked)
	if err != nil {
		return err
	}
	view := catalogView{Text: asked.Text, Rows: p.eventRows(v, found.Entries), Total: count(int64(found.Total), "event"),
		Sorts: sorts(asked.Sort), Propose: "/requests/new?kind=producer", Files: filesOf(v)}
	p.facets(v, found, &view)
	view.Pages = pagesOf(v.URL, asked.Page, pageSize, found.Total, "event")
	if found.Total == 0 {
		view.Empty = p.emptyList(v, "event", Empty{Icon: "event", Title: "The catalog is empty", Text: "No team has published an event yet. The first one takes about a quarter of an hour to describe.",
			Action: &Link{"Propose the first event", view.Propose}})
	}
	w.Header().Set("HX-Push-Url", with(v.URL, "page", v.URL.Query().Get("page")))
	return p.render(w, v, http.StatusOK, "catalog", Shell{Title: "Event catalog", Wide: true, Elsewhere: p.catalogElsewhere(asked),
		Lede: "Every event that teams publish on the bus: what it means, what it carries and who may read it."}, view)
}

// eventColumns are those of the list as a file.
var eventColumns = []column[eventbus.Event]{
	{"name", func(e eventbus.Event) string { return e.Name }}, {"title", func(e eventbus.Event) string { return e.Title }}, {"description", func(e eventbus.Event) string { return e.Description }},
	{"domain", func(e eventbus.Event) string { return e.Domain }}, {"lifecycle", func(e eventbus.Event) string { return string(e.Lifecycle) }}, {"owner", func(e eventbus.Event) string { return e.Owner }},
	{"productOwner", func(e eventbus.Event) string { return e.Contact }}, {"dataClasses", func(e eventbus.Event) string {
		return joined(e.DataClasses, func(c eventbus.DataClass) string { return string(c) })
	}},
	{"topics", func(e eventbus.Event) string {
		return joined(e.Topics, func(t eventbus.EventTopic) string { return t.Name })
	}},
}

func joined[T any](list []T, text func(T) string) string {
	texts := make([]string, 0, len(list))
	for _, item := range list {
		texts = append(texts, text(item))
	}
	return strings.Join(texts, " ")
}

// everyEvent gives all that the filters leave, of all pages.
func (p *Portal) everyEvent(v visit, asked catalog.Query) iter.Seq2[eventbus.Event, error] {
	asked.Page, asked.PageSize = 0, 200
	return paged(func() ([]eventbus.Event, error) {
		asked.Page++
		found, err := p.parts.Catalog.Search(v.Context(), asked)
		if err != nil || asked.Page > 1 && (asked.Page-1)*asked.PageSize >= found.Total { // a page beyond the last is the last
			return nil, err
		}
		events := make([]eventbus.Event, 0, len(found.Entries))
		for _, entry := range found.Entries {
			events = append(events, entry.Event)
		}
		return events, nil
	})
}

// catalogElsewhere asks the same question of the command line and the API.
func (p *Portal) catalogElsewhere(q catalog.Query) Elsewhere {
	words, query := []string{"event", "list"}, url.Values{}
	if q.Text != "" {
		words = append(words, q.Text)
		query.Set("q", q.Text)
	}
	for _, f := range []struct{ flag, key, value string }{{"--domain", "domain", q.Domain}, {"--lifecycle", "lifecycle", string(q.Lifecycle)}, {"--system", "system", q.System},
		{"--team", "team", q.Team}, {"--environment", "environment", q.Environment}, {"--data-class", "dataClass", string(q.DataClass)}} {
		if f.value != "" {
			words = append(words, f.flag, f.value)
			query.Set(f.key, f.value)
		}
	}
	address := "/api/v1/catalog"
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return Elsewhere{CLI: p.cli(words...), Curl: p.curl(address), YAML: "/backstage/events.yaml"}
}

// catalogQuery is the question that the address asks.
func (p *Portal) catalogQuery(v visit) catalog.Query {
	query := v.URL.Query()
	asked := catalog.Query{
		Text: query.Get("q"), Domain: query.Get("domain"), Lifecycle: eventbus.Lifecycle(query.Get("lifecycle")),
		System: query.Get("system"), Team: query.Get("team"), Environment: query.Get("environment"),
		DataClass: eventbus.DataClass(query.Get("dataClass")), Sort: query.Get("sort"), Page: pageNumber(v.URL), PageSize: pageSize,
	}
	if asked.Environment == "" {
		asked.Environment = v.env
	}
	switch query.Get("personal") {
	case "owned":
		asked.Names = append([]string{""}, p.owned(v)...) // none owned leaves none
	case "starred":
		asked.Names = append([]string{""}, stars(v)...)
	}
	return asked
}

// personalFacet narrows the list to what is the reader's own.
func (p *Portal) personalFacet(v visit) FacetView {
	facet := FacetView{Name: "Mine", Open: true}
	chosen := v.URL.Query().Get("personal")
	for _, own := range []struct {
		value, label string
		count        int
	}{{"owned", "Owned by my team", len(p.owned(v))}, {"starred", "Starred in this browser", len(stars(v))}} {
		value := FacetValue{Label: own.label, Count: own.count, Chosen: chosen == own.value, URL: with(v.URL, "personal", own.value, "page", "")}
		if value.Chosen {
			value.URL = with(v.URL, "personal", "", "page", "")
		}
		facet.Values = append(facet.Values, value)
	}
	return facet
}

func (p *Portal) facets(v visit, found catalog.Result, view *catalogView) {
	query := v.URL.Query()
	if v.signedIn() {
		view.Facets = append(view.Facets, p.personalFacet(v))
	}
	if own := query.Get("personal"); own != "" {
		view.Hidden = append(view.Hidden, Pair{"personal", own})
	}
	for _, f := range facetNames {
		chosen := query.Get(f.key)
		facet := FacetView{Name: f.label, Open: chosen != "" || f.key == "domain" || f.key == "lifecycle"}
		for _, c := range found.Facets[f.key] {
			value := FacetValue{Label: facetLabel(f.key, c.Value), Count: c.Count, Chosen: c.Value == chosen, URL: with(v.URL, f.key, c.Value, "page", "")}
			if value.Chosen {
				value.URL = with(v.URL, f.key, "", "page", "")
			}
			facet.Values = append(facet.Values, value)
		}
		if len(facet.Values) > 0 {
			view.Facets = append(view.Facets, facet)
		}
		if chosen != "" {
			view.Hidden = append(view.Hidden, Pair{f.key, chosen})
			view.Chosen = append(view.Chosen, Link{f.label + ": " + facetLabel(f.key, chosen), with(v.URL, f.key, "", "page", "")})
		}
	}
	if v.env != "" {
		view.Hidden = append(view.Hidden, Pair{"env", v.env})
	}
}

func facetLabel(key, value string) string {
	switch {
	case key == "dataClass" && value == string(eventbus.DataNone):
		return "None"
	case key == "lifecycle":
		return sentence(value)
	default:
		return value
	}
}

func sorts(chosen string) []Choice {
	list := []Choice{{Value: "", Label: "Best match"}, {Value: "title", Label: "Title"}, {Value: "updated", Label: "Last updated"}, {Value: "lifecycle", Label: "Lifecycle"}}
	for i := range list {
		list[i].Chosen = list[i].Value == chosen
	}
	return list
}

// eventRows adds to found events what is known of their use. It asks for the
// events of one page only, so that its cost does not grow with the catalog.
func (p *Portal) eventRows(v visit, entries []catalog.Entry) []EventRow {
	rows := make([]EventRow, 0, len(entries))
	known, err := p.relations(v)
	if err != nil {
		known = &relations{}
	}
	starred := stars(v)
	for _, entry := range entries {
		e := entry.Event
		row := EventRow{Name: e.Name, Title: titleOf(e.Title, e.Name), URL: "/catalog/" + url.PathEscape(e.Name), Description: e.Description,
			Domain: e.Domain, Owner: e.Owner, Lifecycle: lifecyclePill(e.Lifecycle), Faulty: len(e.Problems) > 0, Starred: slices.Contains(starred, e.Name),
			LastDay: "–", Consumers: "–"}
		if pill := dataPill(e.DataClasses); pill.Tone == ToneWarn {
			row.Data = pill
		}
		for _, t := range p.inOrder(e.Topics) {
			row.Environments = append(row.Environments, p.environmentLabel(t.Environment))
		}
		if n, ok := p.lastDay(v, e); ok {
			row.LastDay = grouped(n)
		}
		if n, ok := p.countConsumers(v, e.Name, known.consumers[e.Name]); ok {
			row.Consumers = strconv.Itoa(n)
		}
		rows = append(rows, row)
	}
	return rows
}

// lastDay sums what was produced to the event's topics in the last 24 hours.
func (p *Portal) lastDay(v visit, e eventbus.Event) (int64, bool) {
	if p.parts.Observe == nil {
		return 0, false
	}
	var sum int64
	for _, t := range e.Topics {
		buckets, err := p.parts.Observe.Usage(v.Context(), eventbus.UsageQuery{Topic: t.Name, Direction: eventbus.Produced,
			Since: p.cfg.Now().Add(-24 * time.Hour), Width: time.Hour})
		if err != nil {
			return 0, false
		}
		for _, b := range buckets {
			sum += b.Records
		}
	}
	return sum, true
}

// countConsumers counts systems that subscribe to an event or were granted it.
func (p *Portal) countConsumers(v visit, event string, declared []string) (int, bool) {
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: event, Direction: eventbus.Consumed, ActiveOnly: true})
	if err != nil {
		return 0, false
	}
	systems := map[string]bool{}
	for _, name := range declared {
		systems[name] = true
	}
	for _, g := range grants {
		if g.System == "" {
			g.System = g.Principal
		}
		systems[g.System] = true
	}
	return len(systems), true
}

func (p *Portal) environmentLabel(name string) string {
	for _, e := range p.cfg.Environments() {
		if e.Name == name {
			return e.Label
		}
	}
	return name
}

// inOrder gives an event's topics as promotion goes.
func (p *Portal) inOrder(topics []eventbus.EventTopic) []eventbus.EventTopic {
	var list []eventbus.EventTopic
	for _, e := range p.cfg.Environments() {
		for _, t := range topics {
			if t.Environment == e.Name {
				list = append(list, t)
			}
		}
	}
	return list
}
