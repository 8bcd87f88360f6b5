package portal

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// topicsView lists what is on Kafka.
type topicsView struct {
	Text  string
	Rows  []topicRow
	Total string
	Pages Pages
	Empty *Empty
}

type topicRow struct {
	Name, URL, Environment, Partitions string
	Event                              *Link
	Unmanaged                          bool
}

const topicsPerPage = 50

func (p *Portal) topicList(w http.ResponseWriter, v visit) error {
	shell := Shell{Title: "Topics", Lede: "What is on Kafka, in every environment. Topics are made by approved requests.", Wide: true}
	view := topicsView{Text: strings.TrimSpace(v.URL.Query().Get("q"))}
	if p.parts.Topics == nil {
		view.Empty = &Empty{"topic", "Topics cannot be read here", "This portal is not connected to a cluster.", nil}
		return p.render(w, v, http.StatusOK, "topics", shell, view)
	}
	list, err := p.parts.Topics.Topics(v.Context(), "")
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(t eventbus.Topic) bool {
		return !p.inEnvironment(v.env, t.Name) || !strings.Contains(strings.ToLower(t.Name), strings.ToLower(view.Text))
	})
	owners, err := p.topicOwners(v)
	if err != nil {
		return err
	}
	page, _ := strconv.Atoi(v.URL.Query().Get("page"))
	page = max(page, 1)
	first := min((page-1)*topicsPerPage, len(list))
	for _, t := range list[first:min(first+topicsPerPage, len(list))] {
		row := topicRow{Name: t.Name, URL: "/topics/" + url.PathEscape(t.Name), Partitions: strconv.Itoa(int(t.Partitions)), Environment: "–"}
		if e, ok := eventbus.EnvironmentOf(p.cfg.Environments(), t.Name); ok {
			row.Environment = e.Label
		}
		if e, ok := owners[t.Name]; ok {
			row.Event = &Link{e.title, "/catalog/" + url.PathEscape(e.name)}
		} else {
			row.Unmanaged = true
		}
		view.Rows = append(view.Rows, row)
	}
	view.Total = count(int64(len(list)), "topic")
	view.Pages = pagesOf(v.URL, page, topicsPerPage, len(list), "topic")
	if len(list) == 0 {
		view.Empty = &Empty{"topic", "No topic matches", "Topics appear when a request is approved and provisioned.", &Link{"Show all topics", "/topics"}}
	}
	return p.render(w, v, http.StatusOK, "topics", shell, view)
}

// topicOwners is the catalog by topic, at most ownersFor old: reading it takes
// longer than all else on a page when the catalog is large.
type topicOwners struct {
	mu     sync.Mutex
	events map[string]topicOwner
	at     time.Time
}

// topicOwner is the event that a topic belongs to.
type topicOwner struct{ name, title string }

const ownersFor = 5 * time.Second

func (p *Portal) topicOwners(v visit) (map[string]topicOwner, error) {
	o := &p.owners
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := p.cfg.Now(); o.events != nil && now.Sub(o.at) < ownersFor {
		return o.events, nil
	}
	events, err := p.parts.Catalog.Events(v.Context())
	if err != nil {
		return nil, err
	}
	o.events, o.at = map[string]topicOwner{}, p.cfg.Now()
	for _, e := range events {
		if e.Title == "" {
			e.Title = e.Name
		}
		for _, t := range e.Topics {
			o.events[t.Name] = topicOwner{e.Name, e.Title}
		}
	}
	return o.events, nil
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
	if p.parts.Topics == nil || eventbus.InternalTopic(name) {
		return eventbus.Errorf(eventbus.CodeNotFound, "there is no topic %q that pages show", name)
	}
	t, err := p.parts.Topics.Topic(v.Context(), name)
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
	owners, err := p.topicOwners(v)
	if err != nil {
		return err
	}
	shell := Shell{Title: name, Wide: true, Crumbs: []Link{{"Topics", "/topics"}, {Text: name}}}
	if e, ok := owners[name]; ok {
		view.Event = &Link{e.title, "/catalog/" + url.PathEscape(e.name)}
	} else {
		shell.Alert = &Alert{Tone: ToneWarn, Heading: "No catalog entry has this topic", Text: "It was made outside a request. Its owner should propose an event for it, so that it is looked after."}
	}
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Topic: name, ActiveOnly: true})
	if err != nil {
		return err
	}
	for _, g := range grants {
		row := accessRow{shortARN(g.Principal), string(g.Direction), g.Purpose, g.ReviewDate, "never"}
		if seen := p.lastRead(v, g.Principal, name); !seen.IsZero() {
			row.LastSeen = ago(p.cfg.Now(), seen)
		}
		view.Access = append(view.Access, row)
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

// groupsView lists consumer groups.
type groupsView struct {
	Text  string
	Rows  []groupRow
	Total string
	Empty *Empty
}

type groupRow struct {
	Name, URL, Members, Lag string
	State                   Pill
}

// maxGroups bounds a page of groups; the search narrows further.
const maxGroups = 200

func (p *Portal) groupList(w http.ResponseWriter, v visit) error {
	shell := Shell{Title: "Consumer groups", Lede: "Who reads, and how far behind.", Wide: true}
	view := groupsView{Text: strings.TrimSpace(v.URL.Query().Get("q"))}
	if p.parts.Groups == nil {
		view.Empty = &Empty{"groups", "Groups cannot be read here", "This portal is not connected to a cluster that tells its consumer groups.", nil}
		return p.render(w, v, http.StatusOK, "groups", shell, view)
	}
	list, err := p.parts.Groups.Groups(v.Context(), "")
	if err != nil {
		return err
	}
	total := 0
	for _, g := range list {
		if !strings.Contains(strings.ToLower(g.Name), strings.ToLower(view.Text)) {
			continue
		}
		if total++; total <= maxGroups {
			view.Rows = append(view.Rows, groupRow{Name: g.Name, URL: "/groups/" + url.PathEscape(g.Name), Members: strconv.Itoa(len(g.Members)), Lag: lagText(g.Total), State: groupPill(g.State)})
		}
	}
	view.Total = count(int64(total), "group")
	if total == 0 {
		view.Empty = &Empty{"groups", "No consumer group matches", "A group appears with its first commit.", &Link{"Show all groups", "/groups"}}
	}
	return p.render(w, v, http.StatusOK, "groups", shell, view)
}

func lagText(lag int64) string {
	if lag < 0 {
		return "not known"
	}
	return grouped(lag)
}

func groupPill(state string) Pill {
	switch strings.ToLower(state) {
	case "stable":
		return Pill{"Stable", ToneGood, "check_circle"}
	case "empty", "dead":
		return Pill{sentence(strings.ToLower(state)), ToneQuiet, "remove_circle"}
	default:
		return Pill{state, ToneInfo, "autorenew"}
	}
}

// groupView is one consumer group, partition by partition.
type groupView struct {
	State    Pill
	Facts    []Fact
	Members  []GroupMember
	Lag      []lagRow
	Measured bool
}

type lagRow struct{ Topic, Partition, Committed, End, Lag, Member string }

func (p *Portal) groupShow(w http.ResponseWriter, v visit) error {
	if p.parts.Groups == nil {
		return eventbus.Errorf(eventbus.CodeNotFound, "this portal is not connected to a cluster that tells its consumer groups")
	}
	g, err := p.parts.Groups.Group(v.Context(), v.PathValue("group"))
	if err != nil {
		return err
	}
	view := groupView{State: groupPill(g.State), Members: g.Members, Facts: []Fact{{Term: "Records behind", Text: lagText(g.Total)}, {Term: "Members", Text: strconv.Itoa(len(g.Members))}, {Term: "Assignor", Text: g.Assignor}}}
	for _, l := range g.Lag {
		view.Lag = append(view.Lag, lagRow{l.Topic, strconv.Itoa(int(l.Partition)), grouped(l.Committed), grouped(l.End), grouped(max(l.End-l.Committed, 0)), l.Member})
	}
	return p.render(w, v, http.StatusOK, "group", Shell{Title: g.Name, Wide: true, Crumbs: []Link{{"Consumer groups", "/groups"}, {Text: g.Name}}}, view)
}
