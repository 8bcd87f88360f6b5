package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// groupsView lists consumer groups.
type groupsView struct {
	Text  string
	Rows  []groupRow
	Total string
	Pages Pages
	Files Files
	Empty *Empty
}

type groupRow struct {
	Name, URL, Lag string
	State          Pill
}

var groupColumns = []column[groupRow]{
	{"group", func(r groupRow) string { return r.Name }}, {"state", func(r groupRow) string { return r.State.Text }}, {"recordsBehind", func(r groupRow) string { return strings.ReplaceAll(r.Lag, ",", "") }},
}

const groupsPerPage = 50

// groupList asks for the lag of one page of groups only, so that its cost does
// not grow with the number of groups.
func (p *Portal) groupList(w http.ResponseWriter, v visit) error {
	shell := Shell{Title: "Consumer groups", Lede: "Who reads, and how far behind.", Wide: true, Elsewhere: Elsewhere{Curl: p.curl("/api/v1/groups")}}
	view := groupsView{Text: strings.TrimSpace(v.URL.Query().Get("q")), Files: filesOf(v)}
	if p.parts.Streams == nil {
		view.Empty = &Empty{Icon: "groups", Title: "Groups cannot be read here", Text: "This portal is not connected to a cluster."}
		return p.render(w, v, http.StatusOK, "groups", shell, view)
	}
	list, err := p.groups.get(p.cfg.Now(), func() ([]streams.ListedGroup, error) { return p.parts.Streams.Groups(v.Context(), "") })
	if err != nil {
		return err
	}
	list = containing(list, view.Text, func(g streams.ListedGroup) string { return g.ID })
	shown, pages := pageOf(v.URL, list, groupsPerPage, "group")
	if fileAsked(v) { // a page at a time, so that no single question is about thousands of groups
		return writeFile(w, v, "groups", groupColumns, paged(func() (rows []groupRow, err error) {
			next := list[:min(len(list), 500)]
			list = list[len(next):]
			return p.groupRows(v, next)
		}))
	}
	if view.Rows, err = p.groupRows(v, shown); err != nil {
		return err
	}
	view.Total, view.Pages = count(int64(len(list)), "group"), pages
	if len(list) == 0 {
		view.Empty = p.emptyList(v, "consumer group", Empty{Icon: "groups", Title: "No consumer group yet", Text: "A group appears with its first commit. The page of an event has code that runs.", Action: &Link{"Find an event", "/catalog"}})
	}
	return p.render(w, v, http.StatusOK, "groups", shell, view)
}

// groupRows asks for the lag of these groups.
func (p *Portal) groupRows(v visit, groups []streams.ListedGroup) ([]groupRow, error) {
	ids := make([]string, 0, len(groups))
	for _, g := range groups {
		ids = append(ids, g.ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	lags, err := p.parts.Streams.GroupLags(v.Context(), ids)
	if err != nil {
		return nil, err
	}
	var rows []groupRow
	for _, g := range groups {
		row := groupRow{Name: g.ID, URL: "/groups/" + url.PathEscape(g.ID), State: groupPill(g.State), Lag: "nothing committed"}
		if lag, known := lags[g.ID]; known {
			row.Lag = grouped(lag)
		}
		rows = append(rows, row)
	}
	return rows, nil
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
	State   Pill
	Facts   []Fact
	Members []streams.Member
	Lag     []lagRow
}

type lagRow struct{ Topic, URL, Partition, Committed, End, Lag, Late string }

func (p *Portal) groupShow(w http.ResponseWriter, v visit) error {
	if p.parts.Streams == nil {
		return eventbus.Errorf(eventbus.CodeNotFound, "this portal is not connected to a cluster")
	}
	g, err := p.parts.Streams.Group(v.Context(), v.PathValue("group"))
	if err != nil {
		return err
	}
	view := groupView{State: groupPill(g.State), Members: g.Members,
		Facts: []Fact{{Term: "Records behind", Text: grouped(g.Lag)}, {Term: "Behind in time", Text: late(g.LagSeconds)}, {Term: "Members", Text: strconv.Itoa(len(g.Members))}}}
	if g.Assignor != "" {
		view.Facts = append(view.Facts, Fact{Term: "Assignor", Text: g.Assignor})
	}
	for _, l := range g.Partitions {
		view.Lag = append(view.Lag, lagRow{l.Topic, "/topics/" + url.PathEscape(l.Topic), strconv.Itoa(int(l.Partition)), known(l.Committed), known(l.End), known(l.Lag), late(l.LagSeconds)})
	}
	return p.render(w, v, http.StatusOK, "group", Shell{Title: g.ID, Wide: true, Elsewhere: Elsewhere{Curl: p.curl("/api/v1/groups/" + url.PathEscape(g.ID))}, Crumbs: []Link{{"Consumer groups", "/groups"}, {Text: g.ID}}}, view)
}

// known writes a number of which -1 says that it is not known.
func known(n int64) string {
	if n < 0 {
		return "–"
	}
	return grouped(n)
}

// late says how old the next record is that a group has to read.
func late(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case seconds < 0:
		return "not known"
	case seconds == 0:
		return "up to date"
	case d < time.Minute:
		return "less than a minute"
	default:
		return strings.TrimSuffix(ago(time.Time{}.Add(d+1), time.Time{}.Add(1)), " ago")
	}
}
