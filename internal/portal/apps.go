package portal

import (
	"net/http"
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
	Empty  *Empty
}

// appView is one system of a team.
type appView struct {
	Name, Team string
	Rows       []appRow
}

type appRow struct {
	Principal, Does, Event, URL, Where, Group, Last, Review string
	Request                                                 string // address of the request that brought it
}

// maxDenied is how many refused calls are shown of each principal.
const maxDenied = 10

func (p *Portal) appsPage(w http.ResponseWriter, v visit) error {
	view := appsView{}
	principals := []string{}
	known, err := p.relations(v)
	if err != nil {
		return err
	}
	grants, cut, err := p.teamGrants(v, known)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if !mine(v.actor.Person, g.Team) || v.env != "" && g.Environment != v.env {
			continue
		}
		row := appRow{Principal: shortARN(g.Principal), Does: string(g.Direction) + "s", Event: titleOf(known.owners[g.Topic].title, g.Event), URL: "/catalog/" + g.Event,
			Where: p.environmentLabel(g.Environment), Group: g.GroupPrefix, Review: g.ReviewDate}
		row.Last, _ = p.lastUse(v, g, "never")
		if g.RequestID != "" {
			row.Request = "/requests/" + g.RequestID
		}
		name := g.System
		if name == "" && g.Direction == eventbus.Produced {
			name = known.owners[g.Topic].system
		}
		view.add(titleOf(name, "System not named"), g.Team, row)
		if !slices.Contains(principals, g.Principal) {
			principals = append(principals, g.Principal)
		}
	}
	view.Cut = cut
	slices.SortFunc(view.Apps, func(a, b appView) int { return strings.Compare(a.Team+a.Name, b.Team+b.Name) })
	if view.Denied, err = p.refused(v, principals); err != nil {
		return err
	}
	if len(view.Apps) == 0 {
		view.Empty = &Empty{"people", "Your teams run nothing here yet", "A system appears when a request of your team is approved: to publish an event, or to listen to one.", &Link{"Start a request", "/requests/new"}}
	}
	return p.render(w, v, http.StatusOK, "apps", Shell{Title: "My applications", Lede: "What your teams run on the bus, what it may do, and what it was refused.", Wide: true}, view)
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

func (a *appsView) add(name, team string, row appRow) {
	for i := range a.Apps {
		if a.Apps[i].Name == name && a.Apps[i].Team == team {
			a.Apps[i].Rows = append(a.Apps[i].Rows, row)
			return
		}
	}
	a.Apps = append(a.Apps, appView{name, team, []appRow{row}})
}

// refused gives the newest calls that principals of the team were denied: the
// log that a team needs when something does not work.
func (p *Portal) refused(v visit, principals []string) ([]auditRow, error) {
	var rows []auditRow
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
