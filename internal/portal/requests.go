package portal

import (
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
	Empty *Empty
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
	}
	list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, asked)
	if err != nil {
		return err
	}
	view := requestsView{Keep: show, Tabs: requestTabs(v.URL, show)}
	if len(list) == requestsPerPage && asked.Limit == requestsPerPage {
		view.Older = with(v.URL, "before", list[len(list)-1].CreatedAt.UTC().Format(time.RFC3339Nano))
	}
	for _, r := range list {
		row := p.requestRow(v, r)
		for _, tab := range tabsOf(v, r, row) {
			if tab == show {
				view.Rows = append(view.Rows, row)
			}
		}
	}
	view.Kinds = []Choice{{Value: "", Label: "All kinds", Chosen: query.Get("kind") == ""}}
	for _, short := range []string{"producer", "consumer", "change", "offboarding"} {
		view.Kinds = append(view.Kinds, Choice{Value: short, Label: kindName(requestKinds[short]), Chosen: short == query.Get("kind")})
	}
	view.Total = count(int64(len(view.Rows)), "request")
	view.Empty = requestsEmpty(show, len(view.Rows))
	return p.render(w, v, http.StatusOK, "requests", Shell{Title: "Requests", Wide: true,
		Lede: "Everything that teams have asked for, and whose turn it is.", Elsewhere: Elsewhere{CLI: p.cli("request", "list"), Curl: p.curl("/api/v1/requests")}}, view)
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
		tabs = append(tabs, NavItem{Link: Link{t.label, with(u, "show", t.key, "before", "")}, Current: t.key == show})
	}
	return tabs
}

func requestsEmpty(show string, rows int) *Empty {
	switch {
	case rows > 0:
		return nil
	case show == "turn":
		return &Empty{"check_circle", "Nothing waits for you", "When a request needs your answer it stands here, and in your inbox.", nil}
	case show == "drafts":
		return &Empty{"edit", "No drafts", "A request that you begin is kept here until you submit it.", &Link{"Start a request", "/requests/new"}}
	default:
		return &Empty{"assessment", "No requests to show", "You see the requests of your teams, and those that you review.", &Link{"Start a request", "/requests/new"}}
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
