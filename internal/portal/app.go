package portal

import (
	"net/http"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// appPageView is one system of the reader's team, with all that belongs to it.
type appPageView struct {
	App      appView
	Facts    []Fact
	Groups   []groupRow
	Keys     []accessKeyRow
	Requests []RequestRow
	Denied   []auditRow
}

type accessKeyRow struct {
	ID, User, Made string
	State          Pill
}

// maxAppGroups bounds the consumer groups that are shown of one system.
const maxAppGroups = 50

func (p *Portal) appPage(w http.ResponseWriter, v visit) error {
	apps, _, err := p.apps(v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(apps, func(a appView) bool { return a.Team == v.PathValue("team") && a.Name == v.PathValue("system") })
	if i < 0 {
		return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "Your teams have no application of that name.", Next: "Look at the list of your applications; those of other teams are shown to these teams."}
	}
	view := appPageView{App: apps[i], Facts: appFacts(apps[i])}
	if view.Groups, err = p.appGroups(v, apps[i].grants); err != nil {
		return err
	}
	if view.Keys, err = p.appKeys(v, apps[i].grants); err != nil {
		return err
	}
	if view.Requests, err = p.appRequests(v, apps[i]); err != nil {
		return err
	}
	if view.Denied, err = p.refused(v, apps[i].grants); err != nil {
		return err
	}
	return p.render(w, v, http.StatusOK, "app", Shell{Title: apps[i].Name, Lede: "What this system does on the bus, as whom, and how it stands.", Wide: true, Crumbs: []Link{{"My applications", "/apps"}, {Text: apps[i].Name}}}, view)
}

func appFacts(app appView) []Fact {
	var contacts, produces, consumes []string
	add := func(list *[]string, text string) {
		if text != "" && !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	for i, g := range app.grants {
		add(&contacts, g.Contact)
		if g.Direction == eventbus.Produced {
			add(&produces, app.Rows[i].Event)
		} else {
			add(&consumes, app.Rows[i].Event)
		}
	}
	facts := []Fact{{Term: "Team", Text: app.Team}, {Term: "Technical contact", Text: strings.Join(contacts, ", ")}, {Term: "Produces", Text: strings.Join(produces, ", ")}, {Term: "Consumes", Text: strings.Join(consumes, ", ")}}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Text == "" })
}

// appGroups are the consumer groups that the system's grants name.
func (p *Portal) appGroups(v visit, grants []eventbus.Grant) ([]groupRow, error) {
	if p.parts.Streams == nil {
		return nil, nil
	}
	list, err := p.groups.get(p.cfg.Now(), func() ([]streams.ListedGroup, error) { return p.parts.Streams.Groups(v.Context(), "") })
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(group streams.ListedGroup) bool {
		return !slices.ContainsFunc(grants, func(g eventbus.Grant) bool {
			prefix, open := strings.CutSuffix(g.GroupPrefix, "*")
			return g.GroupPrefix != "" && (group.ID == prefix || open && strings.HasPrefix(group.ID, prefix))
		})
	})
	return p.groupRows(v, list[:min(len(list), maxAppGroups)])
}

// appKeys are the access keys of the users among the system's principals; a role
// has none, and those of another account are not in the bus's directory.
func (p *Portal) appKeys(v visit, grants []eventbus.Grant) ([]accessKeyRow, error) {
	var rows []accessKeyRow
	var seen []string
	for _, g := range grants {
		principal, err := eventbus.ParseIdentityARN(g.Principal)
		if err != nil || principal.Kind != eventbus.PrincipalUser || principal.Account != p.cfg.Deployment.Account || p.parts.Access == nil || slices.Contains(seen, principal.Name) {
			continue
		}
		seen = append(seen, principal.Name)
		keys, err := p.parts.Access.AccessKeys(v.Context(), principal.Name)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			row := accessKeyRow{ID: k.ID, User: principal.Name, Made: day(k.CreatedAt), State: Pill{"In force", ToneGood, "check_circle"}}
			if k.Disabled {
				row.State = Pill{"Disabled", ToneQuiet, "cancel"}
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// appRequests are the team's requests about the events of the system.
func (p *Portal) appRequests(v visit, app appView) ([]RequestRow, error) {
	list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, eventbus.RequestQuery{Team: app.Team, Limit: maxRequests})
	if err != nil {
		return nil, err
	}
	var rows []RequestRow
	for _, r := range list {
		if slices.ContainsFunc(app.grants, func(g eventbus.Grant) bool { return g.RequestID == r.ID || g.Event == r.Event }) {
			rows = append(rows, p.requestRow(v, r))
		}
	}
	return rows, nil
}
