package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// homeView is the first page after signing in.
type homeView struct {
	SignedIn bool
	Tiles    []Tile
	Turn     []RequestRow // requests that wait for this person
	Mine     []RequestRow // open requests of the person's teams
	Drafts   []RequestRow
	Newest   []EventRow
	Start    []StartCard
}

// Tile is a number with its meaning.
type Tile struct {
	Label, Value, Note string
	URL                string
}

// StartCard leads into one of the three things people come for.
type StartCard struct {
	Icon, Title, Text string
	Link              Link
}

func (p *Portal) home(w http.ResponseWriter, v visit) error {
	view := homeView{SignedIn: v.signedIn(), Start: startCards()}
	found, err := p.parts.Catalog.Search(v.Context(), catalog.Query{Sort: "updated", PageSize: 5})
	if err != nil {
		return err
	}
	view.Newest = p.eventRows(v, found.Entries)
	view.Tiles = append(view.Tiles, Tile{Label: "Events in the catalog", Value: grouped(int64(found.Total)), URL: "/catalog"})
	if v.signedIn() {
		if err := p.homeRequests(v, &view); err != nil {
			return err
		}
	}
	return p.render(w, v, http.StatusOK, "home", Shell{Title: "Home", Heading: greeting(v.actor.Person), Wide: true}, view)
}

func (p *Portal) homeRequests(v visit, view *homeView) error {
	list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, eventbus.RequestQuery{Limit: 100})
	if err != nil {
		return err
	}
	for _, r := range list {
		row := p.requestRow(v, r)
		switch {
		case r.State == eventbus.RequestDraft:
			view.Drafts = append(view.Drafts, row)
		case row.MyTurn:
			view.Turn = append(view.Turn, row)
		case v.actor.Person.In(r.Team) && !r.State.Final() && r.State != eventbus.RequestActive:
			view.Mine = append(view.Mine, row)
		}
	}
	view.Tiles = append(view.Tiles,
		Tile{Label: "Waiting for you", Value: grouped(int64(len(view.Turn))), URL: "/requests?show=turn"},
		Tile{Label: "Your team's open requests", Value: grouped(int64(len(view.Mine))), URL: "/requests?show=mine"},
		Tile{Label: "Drafts", Value: grouped(int64(len(view.Drafts))), URL: "/requests?show=drafts"})
	return nil
}

func startCards() []StartCard {
	return []StartCard{
		{"search", "Find an event", "Search what other teams publish: what it means, what it carries, who may read it.", Link{"Browse the catalog", "/catalog"}},
		{"send", "Publish an event", "Describe it once. The bus advises, checks the schema and makes topic, access and catalog entry.", Link{"Propose an event", "/requests/new?kind=producer"}},
		{"wifi", "Listen to an event", "Ask its owner for access, get a role and code that runs.", Link{"Ask for access", "/requests/new?kind=consumer"}},
	}
}

func greeting(person eventbus.Person) string {
	if person.ID == "" {
		return "Find, publish and listen to events"
	}
	first, _, _ := strings.Cut(person.Name, " ")
	return "Welcome, " + first
}

// asError finds the bus's own error in a chain.
func asError(err error) (*eventbus.Error, bool) {
	var e *eventbus.Error
	ok := errors.As(err, &e)
	return e, ok
}

// mine reports whether a person may act for a team.
func mine(person eventbus.Person, team string) bool { return slices.Contains(person.Teams, team) }
