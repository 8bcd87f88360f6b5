// Package lineage draws who produces and who consumes an event, in three columns:
// it places nodes and curves in SVG units and decides nothing about their looks.
// The portal's template writes them out.
package lineage

import "strconv"

// Party is a system that produces or consumes, or the event itself.
type Party struct {
	Name, Note    string
	Granted, Seen bool // neither: it is only declared
}

// Drawing is a picture ready for a template.
type Drawing struct {
	Width, Height int
	Nodes         []Node
	Edges         []Edge
	Hidden        int // parties that the picture leaves out
}

// Node is a box with one or two lines of text.
type Node struct {
	X, Y, W, H   int
	TextX, TextY int
	NoteY        int
	Text, Note   string
	Class        string // event, producer, consumer, or nobody
}

// Edge is a curve between two nodes; its class says what is known of it: seen,
// granted or declared.
type Edge struct{ Path, Class, Title string }

// The measures, in SVG units, and how many parties a column shows.
const (
	nodeWidth, nodeHeight = 210, 52
	columnGap, rowGap     = 110, 16
	maxDrawn              = 12
)

// Draw places producers to the left of the event and consumers to its right. A
// side without anybody says so.
func Draw(event Party, producers, consumers []Party) Drawing {
	d := Drawing{Hidden: max(len(producers)-maxDrawn, 0) + max(len(consumers)-maxDrawn, 0), Width: 3*nodeWidth + 2*columnGap + 4}
	producers, consumers = producers[:min(len(producers), maxDrawn)], consumers[:min(len(consumers), maxDrawn)]
	rows := max(len(producers), len(consumers), 1)
	d.Height = rows*(nodeHeight+rowGap) - rowGap + 4
	middle := node(nodeWidth+columnGap, (d.Height-nodeHeight)/2, event, "event")
	d.column(producers, 0, rows, "producer", middle)
	d.column(consumers, 2*(nodeWidth+columnGap), rows, "consumer", middle)
	d.Nodes = append(d.Nodes, middle)
	return d
}

func (d *Drawing) column(parties []Party, x, rows int, class string, middle Node) {
	if len(parties) == 0 {
		nobody := map[string]string{"producer": "No producer yet", "consumer": "Nobody listens yet"}[class]
		d.Nodes = append(d.Nodes, node(x, (d.Height-nodeHeight)/2, Party{Name: nobody}, "nobody"))
		return
	}
	offset := (rows - len(parties)) * (nodeHeight + rowGap) / 2
	for i, party := range parties {
		placed := node(x, offset+i*(nodeHeight+rowGap)+2, party, class)
		edge := Edge{Class: "declared", Title: party.Name + ": declared, not granted", Path: curve(middle, placed)}
		switch {
		case party.Seen:
			edge.Class, edge.Title = "seen", party.Name+": granted and seen"
		case party.Granted:
			edge.Class, edge.Title = "granted", party.Name+": granted, not seen yet"
		}
		if class == "producer" {
			edge.Path = curve(placed, middle)
		}
		d.Nodes, d.Edges = append(d.Nodes, placed), append(d.Edges, edge)
	}
}

func node(x, y int, party Party, class string) Node {
	n := Node{X: x + 2, Y: y, W: nodeWidth, H: nodeHeight, TextX: x + 16, TextY: y + 32, NoteY: y + 40, Text: clipped(party.Name), Note: clipped(party.Note), Class: class}
	if n.Note != "" {
		n.TextY = y + 22
	}
	return n
}

// curve is the path from the right side of a node to the left of another.
func curve(from, to Node) string {
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
