package portal

import (
	"slices"
	"strconv"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/portal/lineage"
)

// lineageView draws who produces and who consumes: an SVG and its table twin.
type lineageView struct {
	lineage.Drawing
	Rows      []lineageRow // the same as a table
	Consumers int
	SeenNote  string

	Description string // of the drawing, for those who do not see it
}

// lineageRow is one edge in words.
type lineageRow struct {
	Who, Direction, Environment string
	How                         Pill
	Last                        string
}

// lineage joins grants, declarations and what was really seen.
func (p *Portal) lineage(v visit, e eventbus.Event) (lineageView, error) {
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: e.Name, ActiveOnly: true})
	if err != nil {
		return lineageView{}, err
	}
	consumers, err := p.parts.Catalog.Consumers(v.Context(), e.Name, slices.DeleteFunc(slices.Clone(grants), func(g eventbus.Grant) bool { return g.Direction != eventbus.Consumed }))
	if err != nil {
		return lineageView{}, err
	}
	var view lineageView
	var left, right []lineage.Party
	for _, s := range e.SourceSystems {
		left = append(left, lineage.Party{Name: s.SystemName, Note: s.TeamName})
	}
	for _, g := range grants {
		if g.Direction == eventbus.Produced {
			name, note := producingSystem(e, g)
			left = p.seenParty(v, left, name, note, g, &view)
		}
	}
	seen := 0
	for _, c := range consumers {
		name := titleOf(c.Title, c.System)
		if name == "" && len(c.Grants) > 0 {
			name = shortARN(c.Grants[0].Principal)
		}
		party := lineage.Party{Name: name, Note: c.Team}
		if len(c.Grants) == 0 {
			view.Rows = append(view.Rows, lineageRow{name, "consumes", "–", Pill{"Declared only", ToneQuiet, "info"}, "–"})
		}
		for _, g := range c.Grants {
			before := []lineage.Party{}
			got := p.seenParty(v, before, name, c.Team, g, &view)
			party.Granted, party.Seen = true, party.Seen || got[0].Seen
		}
		if party.Seen {
			seen++
		}
		right = append(right, party)
	}
	view.Consumers = len(right)
	if len(right) > 0 && p.parts.Observe != nil {
		view.SeenNote = strconv.Itoa(seen) + " seen reading"
	}
	note := count(int64(len(e.Topics)), "topic")
	if len(e.Topics) == 1 {
		note = e.Topics[0].Name
	}
	view.Drawing = lineage.Draw(lineage.Party{Name: titleOf(e.Title, e.Name), Note: note}, left, right)
	view.Description = count(int64(len(left)), "producer") + " and " + count(int64(len(right)), "consumer") + "; the table below says the same in words."
	return view, nil
}

// producingSystem names the system behind a grant, as far as the catalog knows
// it: the grant's own, or the only system of record; else the principal.
func producingSystem(e eventbus.Event, g eventbus.Grant) (name, team string) {
	switch {
	case g.System != "":
		return g.System, g.Team
	case len(e.SourceSystems) == 1 && len(e.Forwarders) == 0:
		return e.SourceSystems[0].SystemName, e.SourceSystems[0].TeamName
	default:
		return shortARN(g.Principal), g.Team
	}
}

func (p *Portal) seenParty(v visit, list []lineage.Party, name, team string, g eventbus.Grant, view *lineageView) []lineage.Party {
	last, seen := p.lastUse(v, g, "never")
	row := lineageRow{Who: name, Direction: string(g.Direction) + "s", Environment: p.environmentLabel(g.Environment),
		How: Pill{"Granted, not seen", ToneInfo, "lock"}, Last: last}
	switch {
	case seen:
		row.How = Pill{"Granted and seen", ToneGood, "check_circle"}
	case last == notSeen:
		row.How.Text = "Granted"
	}
	view.Rows = append(view.Rows, row)
	for i := range list {
		if list[i].Name == name {
			list[i].Granted, list[i].Seen = true, list[i].Seen || seen
			return list
		}
	}
	return append(list, lineage.Party{Name: name, Note: team, Granted: true, Seen: seen})
}
