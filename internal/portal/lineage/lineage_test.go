package lineage

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestDraw: three columns, an edge for each party with what is known of it, and
// nothing outside the picture.
func TestDraw(t *testing.T) {
	d := Draw(Party{Name: "Letter Ready", Note: "3 topics"}, []Party{{Name: "Letters", Note: "claims", Granted: true, Seen: true}},
		[]Party{{Name: "App", Granted: true}, {Name: "Hub"}, {Name: strings.Repeat("a", 40)}})
	if len(d.Nodes) != 5 || len(d.Edges) != 4 || d.Hidden != 0 {
		t.Fatalf("%d nodes, %d edges, %d hidden", len(d.Nodes), len(d.Edges), d.Hidden)
	}
	for i, want := range []string{"seen", "granted", "declared", "declared"} {
		if d.Edges[i].Class != want {
			t.Errorf("edge %d is %s, want %s", i, d.Edges[i].Class, want)
		}
	}
	if last := d.Nodes[3]; len([]rune(last.Text)) != 27 || !strings.HasSuffix(last.Text, "…") {
		t.Errorf("a long name is drawn as %q", last.Text)
	}
	if event := d.Nodes[4]; event.Class != "event" || event.TextY >= event.NoteY {
		t.Errorf("the event is %+v", event)
	}
}

// TestDrawAnyNumber: whatever the number of parties, nodes keep apart, stay
// within the picture, and edges end at nodes.
func TestDrawAnyNumber(t *testing.T) {
	for producers := range 15 {
		for consumers := range 15 {
			d := Draw(Party{Name: "e"}, parties(producers), parties(consumers))
			if want := max(producers-12, 0) + max(consumers-12, 0); d.Hidden != want {
				t.Errorf("%d, %d: %d hidden, want %d", producers, consumers, d.Hidden, want)
			}
			ends := map[string]bool{}
			for i, n := range d.Nodes {
				if n.X < 0 || n.Y < 0 || n.X+n.W > d.Width || n.Y+n.H > d.Height {
					t.Errorf("%d, %d: node %+v leaves the picture of %d × %d", producers, consumers, n, d.Width, d.Height)
				}
				for _, o := range d.Nodes[:i] {
					if n.X == o.X && n.Y < o.Y+o.H && o.Y < n.Y+n.H {
						t.Errorf("%d, %d: %q lies over %q", producers, consumers, n.Text, o.Text)
					}
				}
				ends[fmt.Sprintf("%d,%d", n.X, n.Y+n.H/2)], ends[fmt.Sprintf("%d,%d", n.X+n.W, n.Y+n.H/2)] = true, true
			}
			for _, e := range d.Edges {
				m := regexp.MustCompile(`^M(\S+) C\S+ \S+ (\S+)$`).FindStringSubmatch(e.Path)
				if m == nil || !ends[m[1]] || !ends[m[2]] {
					t.Errorf("%d, %d: the edge %s ends nowhere", producers, consumers, e.Path)
				}
			}
		}
	}
}

// TestDrawNobody: an empty side says so, without an edge.
func TestDrawNobody(t *testing.T) {
	d := Draw(Party{Name: "e"}, nil, nil)
	if len(d.Edges) != 0 || len(d.Nodes) != 3 || d.Nodes[0].Text != "No producer yet" || d.Nodes[1].Text != "Nobody listens yet" || d.Nodes[1].Class != "nobody" {
		t.Errorf("drawing %+v", d)
	}
}

func parties(n int) []Party {
	var list []Party
	for i := range n {
		list = append(list, Party{Name: fmt.Sprint("p", i)})
	}
	return list
}
