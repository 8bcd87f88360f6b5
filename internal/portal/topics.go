package portal

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// topicsView lists what is on Kafka.
type topicsView struct {
	Text  string
	Rows  []topicRow
	Total string
	Pages Pages
	Files Files
	Empty *Empty
}

type topicRow struct {
	Name, URL, Environment, Partitions string
	Event                              *Link
	Unmanaged                          bool
}

var topicColumns = []column[topicRow]{
	{"topic", func(r topicRow) string { return r.Name }}, {"environment", func(r topicRow) string { return r.Environment }}, {"partitions", func(r topicRow) string { return r.Partitions }},
	{"event", func(r topicRow) string {
		if r.Event == nil {
			return ""
		}
		return strings.TrimPrefix(r.Event.URL, "/catalog/")
	}},
}

const topicsPerPage = 50

func (p *Portal) topicList(w http.ResponseWriter, v visit) error {
	shell := Shell{Title: "Topics", Lede: "What is on Kafka, in every environment. Topics are made by approved requests.", Wide: true,
		Elsewhere: Elsewhere{CLI: p.cli("topic", "list"), Curl: p.curl("/api/v1/topics")}}
	view := topicsView{Text: strings.TrimSpace(v.URL.Query().Get("q")), Files: filesOf(v)}
	if p.parts.Streams == nil {
		view.Empty = &Empty{Icon: "topic", Title: "Topics cannot be read here", Text: "This portal is not connected to a cluster."}
		return p.render(w, v, http.StatusOK, "topics", shell, view)
	}
	list, err := p.topics.get(p.cfg.Now(), func() ([]eventbus.Topic, error) { return p.parts.Streams.Topics(v.Context(), "") })
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t eventbus.Topic) bool { return !p.inEnvironment(v.env, t.Name) })
	list = containing(list, view.Text, func(t eventbus.Topic) string { return t.Name })
	known, err := p.relations(v)
	if err != nil {
		return err
	}
	row := func(t eventbus.Topic) topicRow { return p.topicRow(known, t) }
	if fileAsked(v) {
		return writeFile(w, v, "topics", topicColumns, listed(list, row))
	}
	shown, pages := pageOf(v.URL, list, topicsPerPage, "topic")
	for _, t := range shown {
		view.Rows = append(view.Rows, row(t))
	}
	view.Total, view.Pages = count(int64(len(list)), "topic"), pages
	if len(list) == 0 {
		view.Empty = p.emptyList(v, "topic", Empty{Icon: "topic", Title: "No topic yet", Text: "Topics appear when a request is approved and provisioned.", Action: &Link{"Propose an event", "/requests/new?kind=producer"}})
	}
	return p.render(w, v, http.StatusOK, "topics", shell, view)
}

func (p *Portal) topicRow(known *relations, t eventbus.Topic) topicRow {
	row := topicRow{Name: t.Name, URL: "/topics/" + url.PathEscape(t.Name), Partitions: strconv.Itoa(int(t.Partitions)), Environment: "–"}
	if e, ok := eventbus.EnvironmentOf(p.cfg.Environments(), t.Name); ok {
		row.Environment = e.Label
	}
	if e, ok := known.owners[t.Name]; ok {
		row.Event = &Link{e.title, "/catalog/" + url.PathEscape(e.name)}
	}
	row.Unmanaged = row.Event == nil
	return row
}

// topicView is one topic as it is.
type topicView struct {
	Facts   []Fact
	Configs []configRow
	Access  []accessRow
	Event   *Link
}

type configRow struct{ Name, Value, Means string }

type accessRow struct {
	Principal, Direction, Purpose, Review, LastSeen string
}

func (p *Portal) topicShow(w http.ResponseWriter, v visit) error {
	name := v.PathValue("topic")
	if p.parts.Streams == nil || eventbus.InternalTopic(name) {
		return eventbus.Errorf(eventbus.CodeNotFound, "there is no topic %q that pages show", name)
	}
	t, err := p.parts.Streams.Topic(v.Context(), name)
	if err != nil {
		return err
	}
	view := topicView{Facts: []Fact{{Term: "Partitions", Text: strconv.Itoa(int(t.Partitions))}, {Term: "Copies of each record", Text: strconv.Itoa(int(t.ReplicationFactor))},
		{Term: "Schema", Text: eventbus.ValueSubject(name), URL: "/schemas/" + url.PathEscape(eventbus.ValueSubject(name)), Mono: true}}}
	if e, ok := eventbus.EnvironmentOf(p.cfg.Environments(), name); ok {
		view.Facts = append(view.Facts, Fact{Term: "Environment", Text: e.Label})
	}
	for key, value := range t.Configs {
		view.Configs = append(view.Configs, configRow{key, value, configMeaning(key, value)})
	}
	sort.Slice(view.Configs, func(i, j int) bool { return view.Configs[i].Name < view.Configs[j].Name })
	known, err := p.relations(v)
	if err != nil {
		return err
	}
	shell := Shell{Title: name, Wide: true, Elsewhere: Elsewhere{CLI: p.cli("topic", "show", name), Curl: p.curl("/api/v1/topics/" + url.PathEscape(name))}, Crumbs: []Link{{"Topics", "/topics"}, {Text: name}}}
	if e, ok := known.owners[name]; ok {
		view.Event = &Link{e.title, "/catalog/" + url.PathEscape(e.name)}
	} else {
		shell.Alert = &Alert{Tone: ToneWarn, Heading: "No catalog entry has this topic", Text: "It was made outside a request. Its owner should propose an event for it, so that it is looked after."}
	}
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Topic: name, ActiveOnly: true})
	if err != nil {
		return err
	}
	for _, g := range grants {
		last, _ := p.lastUse(v, g, "never")
		view.Access = append(view.Access, accessRow{shortARN(g.Principal), string(g.Direction), g.Purpose, g.ReviewDate, last})
	}
	return p.render(w, v, http.StatusOK, "topic", shell, view)
}

func configMeaning(key, value string) string {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return ""
	case strings.HasSuffix(key, ".ms") && n >= 86400000:
		return count(n/86400000, "day")
	case strings.HasSuffix(key, ".ms") && n >= 1000:
		return count(n/1000, "second")
	case strings.HasSuffix(key, ".bytes") && n > 0:
		return sized(n)
	case n == -1:
		return "no limit"
	}
	return ""
}
