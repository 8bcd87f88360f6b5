package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// appsView is what the reader's teams run on the bus: principals with what they
// may do, when they last did it, and what they were refused.
type appsView struct {
	Apps   []appView
	Cut    string // says that there are more events than are looked at
	Denied []auditRow
	Files  Files
	Empty  *Empty
}

// appView is one system of a team.
type appView struct {
	Name, Team, URL string
	Rows            []appRow
	grants          []eventbus.Grant
}

type appRow struct {
	System, Team                                            string
	Principal, Does, Event, URL, Where, Group, Last, Review string
	Request                                                 string // address of the request that brought it
}

var appColumns = []column[appRow]{
	{"system", func(r appRow) string { return r.System }}, {"team", func(r appRow) string { return r.Team }}, {"principal", func(r appRow) string { return r.Principal }},
	{"may", func(r appRow) string { return r.Does }}, {"event", func(r appRow) string { return strings.TrimPrefix(r.URL, "/catalog/") }}, {"environment", func(r appRow) string { return r.Where }},
	{"group", func(r appRow) string { return r.Group }}, {"lastSeen", func(r appRow) string { return r.Last }}, {"review", func(r appRow) string { return r.Review }},
}

// maxDenied is how many refused calls are shown of each principal.
const maxDenied = 10

func (p *Portal) appsPage(w http.ResponseWriter, v visit) error {
	apps, cut, err := p.apps(v)
	if err != nil {
		return err
	}
	view := appsView{Apps: apps, Cut: cut, Files: filesOf(v)}
	var rows []appRow
	var grants []eventbus.Grant
	for _, app := range apps {
		rows, grants = append(rows, app.Rows...), append(grants, app.grants...)
	}
	if fileAsked(v) {
		return writeFile(w, v, "applications", appColumns, listed(rows, func(r appRow) appRow { return r }))
	}
	if view.Denied, err = p.refused(v, grants); err != nil {
		return err
	}
	if len(apps) == 0 {
		view.Empty = p.emptyList(v, "application", Empty{Icon: "people", Title: "Your teams run nothing here yet", Text: "A system appears when a request of your team is approved: to publish an event, or to listen to one.", Action: &Link{"Start a request", "/requests/new"}})
	}
	return p.render(w, v, http.StatusOK, "apps", Shell{Title: "My applications", Lede: "What your teams run on the bus, what it may do, and what it was refused.", Wide: true}, view)
}

// apps are the systems of the reader's teams, by team and name.
func (p *Portal) apps(v visit) (apps []appView, cut string, err error) {
	known, err := p.relations(v)
	if err != nil {
		return nil, "", err
	}
	grants, cut, err := p.teamGrants(v, known)
	if err != nil {
		return nil, "", err
	}
	for _, g := range grants {
		if !mine(v.actor.Person, g.Team) || v.env != "" && g.Environment != v.env {
			continue
		}
		name := g.System
		if name == "" && g.Direction == eventbus.Produced {
			name = known.owners[g.Topic].system
		}
		name = titleOf(name, "System not named")
		i := slices.IndexFunc(apps, func(a appView) bool { return a.Name == name && a.Team == g.Team })
		if i < 0 {
			i = len(apps)
			apps = append(apps, appView{Name: name, Team: g.Team, URL: "/apps/" + url.PathEscape(g.Team) + "/" + url.PathEscape(name)})
		}
		apps[i].grants = append(apps[i].grants, g)
		apps[i].Rows = append(apps[i].Rows, p.appRow(v, g, name, known.owners[g.Topic].title))
	}
	slices.SortFunc(apps, func(a, b appView) int { return strings.Compare(a.Team+" "+a.Name, b.Team+" "+b.Name) })
	return apps, cut, nil
}

func (p *Portal) appRow(v visit, g eventbus.Grant, system, event string) appRow {
	row := appRow{System: system, Team: g.Team, Principal: shortARN(g.Principal), Does: string(g.Direction) + "s", Event: titleOf(event, g.Event), URL: "/catalog/" + g.Event,
		Where: p.environmentLabel(g.Environment), Group: g.GroupPrefix, Review: g.ReviewDate}
	row.Last, _ = p.lastUse(v, g, "never")
	if g.RequestID != "" {
		row.Request = "/requests/" + g.RequestID
	}
	return row
}

// maxAppEvents bounds the events that are looked at for one reader.
const maxAppEvents = 30

// teamGrants gives the grants on the events that the reader's teams own, and on
// those that their systems subscribe to.
func (p *Portal) teamGrants(v visit, known *relations) (list []eventbus.Grant, cut string, err error) {
	events := p.owned(v)
	for _, team := range v.actor.Person.Teams {
		events = append(events, known.heard[team]...)
	}
	slices.Sort(events)
	events = slices.Compact(events)
	if len(events) > maxAppEvents {
		cut = "Your teams have to do with " + count(int64(len(events)), "event") + "; the first " + count(maxAppEvents, "event") + " are shown. The page of each event tells the rest."
	}
	for _, event := range events[:min(len(events), maxAppEvents)] {
		grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: event, ActiveOnly: true})
		if err != nil {
			return nil, "", err
		}
		list = append(list, grants...)
	}
	return list, cut, nil
}

// refused gives the newest calls that principals of the team were denied: the
// log that a team needs when something does not work.
func (p *Portal) refused(v visit, grants []eventbus.Grant) ([]auditRow, error) {
	var rows []auditRow
	var principals []string
	for _, g := range grants {
		if !slices.Contains(principals, g.Principal) {
			principals = append(principals, g.Principal)
		}
	}
	if p.parts.Audit == nil {
		return nil, nil
	}
	for _, principal := range principals[:min(len(principals), 20)] {
		entries, err := p.parts.Audit.AuditEntries(v.Context(), eventbus.AuditQuery{Actor: principal, Outcome: eventbus.OutcomeDenied, NewestFirst: true, Limit: maxDenied})
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			rows = append(rows, p.auditRow(v, e))
		}
	}
	return rows, nil
}
