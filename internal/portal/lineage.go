package portal

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/enterprise-event-bus/eventbus"
)

// lineageView draws who produces and who consumes: an SVG and its table twin.
type lineageView struct {
	Width, Height int
	Nodes         []lineageNode
	Edges         []lineageEdge
	Rows          []lineageRow // the same as a table
	Consumers     int
	SeenNote      string
	Hidden        int // consumers that the drawing leaves out; the table has them
	Description   string
}

type lineageNode struct {
	X, Y, W, H   int
	TextX, TextY int
	Text, Note   string
	NoteY        int
	URL          string
	Class        string
}

type lineageEdge struct {
	Path  string
	Class string
	Title string
}

// lineageRow is one edge in words.
type lineageRow struct {
	Who, Direction, Environment string
	How                         Pill
	Last                        string
}

// The drawing's measures, in SVG units.
const (
	nodeWidth, nodeHeight = 210, 52
	columnGap, rowGap     = 110, 16
	maxDrawn              = 12
)

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
	var left, right []lineageParty
	for _, s := range e.SourceSystems {
		left = append(left, lineageParty{name: s.SystemName, note: s.TeamName})
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
		party := lineageParty{name: name, note: c.Team, declared: true}
		if len(c.Grants) == 0 {
			view.Rows = append(view.Rows, lineageRow{name, "consumes", "–", Pill{"Declared only", ToneQuiet, "info"}, "–"})
		}
		for _, g := range c.Grants {
			before := []lineageParty{}
			got := p.seenParty(v, before, name, c.Team, g, &view)
			party.granted, party.seen = true, party.seen || got[0].seen
		}
		if party.seen {
			seen++
		}
		right = append(right, party)
	}
	view.Consumers = len(right)
	if len(right) > 0 && p.parts.Observe != nil {
		view.SeenNote = strconv.Itoa(seen) + " seen reading"
	}
	view.draw(e, left, right)
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

// lineageParty is a producer or consumer in the drawing.
type lineageParty struct {
	name, note              string
	declared, granted, seen bool
}

func (p *Portal) seenParty(v visit, list []lineageParty, name, team string, g eventbus.Grant, view *lineageView) []lineageParty {
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
		if list[i].name == name {
			list[i].granted, list[i].seen = true, list[i].seen || seen
			return list
		}
	}
	return append(list, lineageParty{name: name, note: team, granted: true, seen: seen})
}

// draw places three columns: who produces, the event, who consumes.
func (l *lineageView) draw(e eventbus.Event, left, right []lineageParty) {
	if len(right) > maxDrawn {
		l.Hidden, right = len(right)-maxDrawn, right[:maxDrawn]
	}
	if len(left) > maxDrawn {
		left = left[:maxDrawn]
	}
	rows := max(len(left), len(right), 1)
	l.Width = 3*nodeWidth + 2*columnGap + 4
	l.Height = rows*(nodeHeight+rowGap) - rowGap + 4
	middle := l.node(nodeWidth+columnGap, (l.Height-nodeHeight)/2, clipped(e.Title), strconv.Itoa(len(e.Topics))+" topics", "event")
	if len(e.Topics) == 1 {
		middle.Note = e.Topics[0].Name
	}
	l.column(left, 0, rows, "producer", middle)
	l.column(right, 2*(nodeWidth+columnGap), rows, "consumer", middle)
	l.Nodes = append(l.Nodes, middle)
	l.Description = count(int64(len(left)), "producer") + " and " + count(int64(l.Consumers), "consumer") + "; the table below says the same in words."
}

func (l *lineageView) column(parties []lineageParty, x, rows int, class string, middle lineageNode) {
	offset := (rows - len(parties)) * (nodeHeight + rowGap) / 2
	for i, party := range parties {
		node := l.node(x, offset+i*(nodeHeight+rowGap)+2, clipped(party.name), clipped(party.note), class)
		if class == "consumer" {
			node.URL = "/catalog?q=" + url.QueryEscape(party.name)
		}
		l.Nodes = append(l.Nodes, node)
		edge := lineageEdge{Class: "declared", Title: party.name + ": declared, not granted"}
		switch {
		case party.seen:
			edge.Class, edge.Title = "seen", party.name+": granted and seen"
		case party.granted:
			edge.Class, edge.Title = "granted", party.name+": granted, not seen yet"
		}
		edge.Path = curve(middle, node)
		if class == "producer" {
			edge.Path = curve(node, middle)
		}
		l.Edges = append(l.Edges, edge)
	}
}

func (l *lineageView) node(x, y int, text, note, class string) lineageNode {
	n := lineageNode{X: x + 2, Y: y, W: nodeWidth, H: nodeHeight, TextX: x + 16, TextY: y + 32, Text: text, Note: note, NoteY: y + 40, Class: class}
	if note != "" {
		n.TextY = y + 22
	}
	return n
}

// curve is the path from the right side of a node to the left of another.
func curve(from, to lineageNode) string {
	x1, y1, x2, y2 := from.X+from.W, from.Y+from.H/2, to.X, to.Y+to.H/2
	bend := (x2 - x1) / 2
	i := strconv.Itoa
	return "M" + i(x1) + "," + i(y1) + " C" + i(x1+bend) + "," + i(y1) + " " + i(x2-bend) + "," + i(y2) + " " + i(x2) + "," + i(y2)
}

// clipped shortens what would not fit into a node; the table has it whole.
func clipped(s string) string {
	const limit = 27
	letters := []rune(s)
	if len(letters) <= limit {
		return s
	}
	return string(letters[:limit-1]) + "…"
}
