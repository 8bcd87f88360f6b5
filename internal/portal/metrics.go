package portal

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// metricsView is the tab with what went through an event's topic, by the hour,
// as a drawing and as a table, and who it was.
type metricsView struct {
	Head         eventHead
	Environments []NavItem
	Topic        string
	Tiles        []Tile
	Bars         []bar
	Most         string // the height of the drawing, in words
	Hours        []hourRow
	Users        []userRow
	Files        Files
	Empty        *Empty
}

// bar is one hour of the drawing, in SVG units.
type bar struct {
	X, Y, H int
	Title   string
}

type hourRow struct{ At, Records, Size string }

type userRow struct{ Who, Does, Group, Schema, Records, Size, Last string }

// The drawing's measures, in SVG units: 48 hours of 14 each.
const hoursShown, barStep, barsHeight = 48, 14, 120

func (p *Portal) eventMetrics(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "metrics")
	if err != nil {
		return err
	}
	view := metricsView{Head: head, Files: filesOf(v)}
	topic, environments := p.chosenTopic(v, e)
	view.Environments, view.Topic = environments, topic.Name
	if topic.Name == "" || p.parts.Observe == nil {
		view.Empty = &Empty{Icon: "assessment", Title: "Nothing to measure yet", Text: "The event has no topic that this bus watches."}
		return p.render(w, v, http.StatusOK, "metrics", shell, view)
	}
	if p.place(topic.Environment).OnAWS() {
		view.Empty = &Empty{Icon: "assessment", Title: "Not measured here", Text: "Clients of " + p.environmentLabel(topic.Environment) + " speak to Amazon MSK itself, so the bus does not see what they produce and consume. Amazon CloudWatch has the numbers of the cluster; consumer groups and their lag are under Groups.", Action: &Link{"Consumer groups", "/groups"}}
		return p.render(w, v, http.StatusOK, "metrics", shell, view)
	}
	hours, err := p.hours(v, topic.Name)
	if err != nil {
		return err
	}
	if fileAsked(v) {
		return writeFile(w, v, "records-by-hour", hourColumns, listed(hours, func(h eventbus.UsageBucket) eventbus.UsageBucket { return h }))
	}
	view.draw(hours)
	if view.Users, err = p.users(v, topic.Name); err != nil {
		return err
	}
	average, err := p.parts.Observe.AverageDaily(v.Context(), topic.Name)
	if err != nil {
		return err
	}
	var sum, bytes int64
	for _, h := range hours[len(hours)-24:] {
		sum, bytes = sum+h.Records, bytes+h.Bytes
	}
	view.Tiles = []Tile{{Label: "Records in the last 24 hours", Value: grouped(sum)}, {Label: "Bytes in the last 24 hours", Value: sized(bytes)}, {Label: "Records on an average day", Value: grouped(int64(average.Records))}}
	if e.ExpectedPerDay > 0 {
		view.Tiles[2].Note = "about " + grouped(e.ExpectedPerDay) + " expected"
	}
	return p.render(w, v, http.StatusOK, "metrics", shell, view)
}

// hours gives what was produced in each of the last 48 hours, the present one last.
func (p *Portal) hours(v visit, topic string) ([]eventbus.UsageBucket, error) {
	end := p.cfg.Now().UTC().Truncate(time.Hour).Add(time.Hour)
	begin := end.Add(-hoursShown * time.Hour)
	buckets, err := p.parts.Observe.Usage(v.Context(), eventbus.UsageQuery{Topic: topic, Direction: eventbus.Produced, Since: begin, Width: time.Hour})
	if err != nil {
		return nil, err
	}
	hours := make([]eventbus.UsageBucket, hoursShown)
	for i := range hours {
		hours[i].Start = begin.Add(time.Duration(i) * time.Hour)
	}
	for _, b := range buckets {
		if i := int(b.Start.Sub(begin) / time.Hour); i >= 0 && i < hoursShown {
			hours[i].Records += b.Records
			hours[i].Bytes += b.Bytes
		}
	}
	return hours, nil
}

func (m *metricsView) draw(hours []eventbus.UsageBucket) {
	most := slices.MaxFunc(hours, func(a, b eventbus.UsageBucket) int { return int(a.Records - b.Records) }).Records
	m.Most = grouped(most)
	for i, h := range hours {
		height := 0
		if most > 0 {
			height = int(h.Records * barsHeight / most)
		}
		m.Bars = append(m.Bars, bar{X: i * barStep, Y: barsHeight - height, H: height, Title: h.Start.Format("2 Jan 15:04") + ": " + count(h.Records, "record")})
		if h.Records > 0 {
			m.Hours = append(m.Hours, hourRow{moment(h.Start), grouped(h.Records), sized(h.Bytes)})
		}
	}
	slices.Reverse(m.Hours)
}

// users gives who produced and consumed within 90 days, the busiest of late first.
func (p *Portal) users(v visit, topic string) ([]userRow, error) {
	list, err := p.parts.Observe.Principals(v.Context(), topic)
	if err != nil {
		return nil, err
	}
	var rows []userRow
	for _, u := range list[:min(len(list), 50)] {
		row := userRow{Who: shortARN(u.Principal), Does: string(u.Direction) + "s", Group: u.Group, Schema: "–", Records: grouped(u.Records), Size: sized(u.Bytes), Last: ago(p.cfg.Now(), u.LastSeen)}
		if u.SchemaID > 0 {
			row.Schema = strconv.Itoa(u.SchemaID)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

var hourColumns = []column[eventbus.UsageBucket]{
	{"hour", func(h eventbus.UsageBucket) string { return h.Start.Format(time.RFC3339) }}, {"records", func(h eventbus.UsageBucket) string { return strconv.FormatInt(h.Records, 10) }},
	{"bytes", func(h eventbus.UsageBucket) string { return strconv.FormatInt(h.Bytes, 10) }},
}
