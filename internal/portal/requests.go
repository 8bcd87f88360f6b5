package portal

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// requestsView is the list of requests that a person may see.
type requestsView struct {
	Tabs  []NavItem
	Kinds []Choice
	Keep  string // the tab, kept while filtering
	Rows  []RequestRow
	Total string
	Older string
	Files Files
	Empty *Empty
}

var requestColumns = []column[RequestRow]{
	{"id", func(r RequestRow) string { return r.ID }}, {"kind", func(r RequestRow) string { return r.Kind }}, {"title", func(r RequestRow) string { return r.Title }}, {"event", func(r RequestRow) string { return r.Event }},
	{"team", func(r RequestRow) string { return r.Team }}, {"state", func(r RequestRow) string { return r.State.Text }}, {"waitingOn", func(r RequestRow) string { return r.Turn }}, {"since", func(r RequestRow) string { return r.Since }},
}

// RequestRow is one request in a list.
type RequestRow struct {
	ID, Title, URL, Kind string
	Event, Team          string
	State                Pill
	Turn                 string // whose turn it is
	Since                string
	MyTurn               bool
	Updated              string
}

func (p *Portal) requestList(w http.ResponseWriter, v visit) error {
	query := v.URL.Query()
	show := query.Get("show")
	asked := eventbus.RequestQuery{Limit: maxRequests, Kind: requestKinds[query.Get("kind")], Event: query.Get("event")}
	if show == "" || show == "done" { // what is over grows without end, so it comes a page at a time
		asked.Limit = requestsPerPage
		asked.Before, _ = time.Parse(time.RFC3339Nano, query.Get("before"))
		asked.BeforeID = query.Get("beforeId")
	}
	if fileAsked(v) {
		return writeFile(w, v, "requests", requestColumns, p.everyRequest(v, asked, show))
	}
	list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, asked)
	if err != nil {
		return err
	}
	view := requestsView{Keep: show, Tabs: requestTabs(v.URL, show), Files: filesOf(v)}
	if len(list) == requestsPerPage && asked.Limit == requestsPerPage {
		last := list[len(list)-1]
		view.Older = with(v.URL, "before", last.CreatedAt.UTC().Format(time.RFC3339Nano), "beforeId", last.ID)
	}
	view.Rows = p.requestRows(v, list, show)
	view.Kinds = []Choice{{Value: "", Label: "All kinds", Chosen: query.Get("kind") == ""}}
	for _, short := range []string{"producer", "consumer", "change", "offboarding"} {
		view.Kinds = append(view.Kinds, Choice{Value: short, Label: kindName(requestKinds[short]), Chosen: short == query.Get("kind")})
	}
	view.Total = count(int64(len(view.Rows)), "request")
	if len(view.Rows) == 0 {
		view.Empty = p.emptyList(v, "request", requestsEmpty(show))
	}
	return p.render(w, v, http.StatusOK, "requests", Shell{Title: "Requests", Wide: true,
		Lede: "Everything that teams have asked for, and whose turn it is.", Elsewhere: Elsewhere{CLI: p.cli("request", "list"), Curl: p.curl("/api/v1/requests")}}, view)
}

// requestRows gives the rows of a tab.
func (p *Portal) requestRows(v visit, list []eventbus.Request, show string) (rows []RequestRow) {
	for _, r := range list {
		if row := p.requestRow(v, r); slices.Contains(tabsOf(v, r, row), show) {
			rows = append(rows, row)
		}
	}
	return rows
}

// everyRequest gives all of a tab, whatever its pages.
func (p *Portal) everyRequest(v visit, asked eventbus.RequestQuery, show string) iter.Seq2[RequestRow, error] {
	asked.Limit, asked.Before, asked.BeforeID = maxRequests, time.Time{}, ""
	return paged(func() (rows []RequestRow, err error) {
		for len(rows) == 0 { // a page of the list may hold none of the tab
			list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, asked)
			if err != nil || len(list) == 0 {
				return nil, err
			}
			asked.Before, asked.BeforeID = list[len(list)-1].CreatedAt, list[len(list)-1].ID
			rows = p.requestRows(v, list, show)
		}
		return rows, nil
	})
}

// Limits of the list: of one page of what is over, and of what is open.
const requestsPerPage, maxRequests = 50, 500

// tabsOf lists the tabs that a request belongs to; "" is all of them.
func tabsOf(v visit, r eventbus.Request, row RequestRow) []string {
	tabs := []string{""}
	if row.MyTurn {
		tabs = append(tabs, "turn")
	}
	if r.State == eventbus.RequestDraft {
		return append(tabs, "drafts")
	}
	if mine(v.actor.Person, r.Team) {
		tabs = append(tabs, "mine")
	}
	if r.State.Final() || r.State == eventbus.RequestActive {
		tabs = append(tabs, "done")
	}
	return tabs
}

func requestTabs(u *url.URL, show string) []NavItem {
	var tabs []NavItem
	for _, t := range []struct{ key, label string }{{"", "All"}, {"turn", "My turn"}, {"mine", "My team's"}, {"drafts", "Drafts"}, {"done", "Finished"}} {
		tabs = append(tabs, NavItem{Link: Link{t.label, with(u, "show", t.key, "before", "", "beforeId", "")}, Current: t.key == show})
	}
	return tabs
}

func requestsEmpty(show string) Empty {
	start := &Link{"Start a request", "/requests/new"}
	switch show {
	case "turn":
		return Empty{Icon: "check_circle", Title: "Nothing waits for you", Text: "When a request needs your answer it stands here, and in your inbox."}
	case "drafts":
		return Empty{Icon: "edit", Title: "No drafts", Text: "A request that you begin is kept here until you submit it.", Action: start}
	default:
		return Empty{Icon: "assessment", Title: "No requests to show", Text: "You see the requests of your teams, and those that you review.", Action: start}
	}
}

func (p *Portal) requestRow(v visit, r eventbus.Request) RequestRow {
	row := RequestRow{ID: r.ID, Title: r.Title, URL: "/requests/" + url.PathEscape(r.ID), Kind: kindName(r.Kind), Event: r.Event, Team: r.Team,
		State: requestPill(r.State), Updated: ago(p.cfg.Now(), r.UpdatedAt)}
	if strings.TrimSpace(row.Title) == "" || strings.HasSuffix(row.Title, " ") {
		row.Title = kindName(r.Kind) + ", not named yet"
	}
	if r.State == eventbus.RequestDraft {
		row.URL += "/edit"
	}
	var who []string
	for _, wait := range r.WaitingOn {
		if name := roleName(wait.Who); !slices.Contains(who, name) {
			who = append(who, name)
		}
		if turnOf(v.actor.Person, r, wait) {
			row.MyTurn = true
		}
	}
	if len(r.WaitingOn) > 0 {
		row.Since = lasting(p.cfg.Now(), r.WaitingOn[0].Since)
	}
	row.Turn = sentence(strings.Join(who, ", "))
	return row
}

// turnOf reports whether it is a person's turn, as far as the list can tell;
// the request's own page knows exactly what the person may do.
func turnOf(person eventbus.Person, r eventbus.Request, wait eventbus.Waiting) bool {
	switch {
	case wait.Who == "submitter":
		return person.ID == r.Submitter || person.In(r.Team)
	case person.ID == r.Submitter || slices.Contains(r.Authors, person.ID):
		return person.In(wait.Who)
	case eventbus.Role(wait.Who) == eventbus.RoleOwner:
		return person.Has(eventbus.RoleOwner)
	case person.Has(eventbus.Role(wait.Who)):
		return true
	default:
		return person.In(wait.Who)
	}
}

// personName gives a person's name for an id, the id itself when nobody has it.
func (p *Portal) personName(v visit, id string) string {
	if id == "" {
		return ""
	}
	if name, system := strings.CutPrefix(id, "system:"); system {
		return "the bus (" + name + ")"
	}
	person, err := p.parts.Records.Person(v.Context(), id)
	if err != nil || person.Name == "" {
		return id
	}
	return person.Name
}
