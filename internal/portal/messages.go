package portal

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// messagesView is the tab with the records of an event, masked by the tags of
// its schema.
type messagesView struct {
	Head         eventHead
	Environments []Choice
	Starts       []Choice
	At           string // offset or time, as typed
	Reason       string
	NeedsReason  bool
	Topic        string
	Rows         []recordRow
	Asked        bool
	Note         string
	Problem      string
	Locked       *Empty
}

type recordRow struct {
	Place, At, Size string
	Key, Value      contentView
	Headers         []Fact
}

type contentView struct {
	Text, Note string
	Hidden     bool
}

// shownRecords is how many records one look shows.
const shownRecords = 20

// eventMessages shows the form; records come with the form that is sent, so
// that no link and no prefetch reads anything.
func (p *Portal) eventMessages(w http.ResponseWriter, v visit) error {
	return p.messages(w, v, http.StatusOK, false)
}

// messagesRead reads records for a person whose team owns the event or was
// granted access in that environment. Every look is in the audit record.
func (p *Portal) messagesRead(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	return p.messages(w, v, http.StatusOK, true)
}

func (p *Portal) messages(w http.ResponseWriter, v visit, status int, read bool) error {
	e, head, shell, err := p.event(v, "messages")
	if err != nil {
		return err
	}
	view := messagesView{Head: head, Reason: strings.TrimSpace(v.PostFormValue("reason")), At: strings.TrimSpace(v.PostFormValue("at")), NeedsReason: dataPill(e.DataClasses).Text != "No personal data"}
	topic, err := p.messageTopic(v, e, &view)
	if err != nil {
		return err
	}
	start := v.PostFormValue("start")
	for _, s := range []Choice{{Value: "latest", Label: "Newest first"}, {Value: "earliest", Label: "Oldest first"}, {Value: "offset", Label: "From an offset"}, {Value: "timestamp", Label: "From a time (UTC)"}} {
		s.Chosen = s.Value == start
		view.Starts = append(view.Starts, s)
	}
	if view.Topic != "" {
		shell.Elsewhere = Elsewhere{CLI: p.cli("consume", view.Topic, "--count", "10")}
	}
	if read && view.Locked == nil {
		status = p.readRecords(v, e, topic, &view)
	}
	return p.render(w, v, status, "messages", shell, view)
}

// messageTopic finds the topic to look at, and locks the page for a person
// whose teams have no right there.
func (p *Portal) messageTopic(v visit, e eventbus.Event, view *messagesView) (eventbus.EventTopic, error) {
	wanted := v.PostFormValue("in")
	if wanted == "" {
		wanted = v.env
	}
	var topic eventbus.EventTopic
	for i, t := range p.inOrder(e.Topics) {
		if t.Environment == wanted || i == 0 {
			topic = t
		}
	}
	for _, t := range p.inOrder(e.Topics) {
		view.Environments = append(view.Environments, Choice{Value: t.Environment, Label: p.environmentLabel(t.Environment), Chosen: t.Environment == topic.Environment})
	}
	view.Topic = topic.Name
	switch {
	case topic.Name == "":
		view.Locked = &Empty{Icon: "topic", Title: "No topic yet", Text: "The event has no topic in any environment, so there are no records."}
		return topic, nil
	case p.parts.Streams == nil:
		view.Locked = &Empty{Icon: "lock", Title: "Records cannot be read here", Text: "This portal is not connected to a cluster."}
		return topic, nil
	}
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: e.Name, Environment: topic.Environment, ActiveOnly: true})
	if err != nil {
		return topic, err
	}
	if catalog.MayReadRecords(v.actor.Person, e, topic.Environment, grants) {
		return topic, nil
	}
	view.Locked = &Empty{Icon: "lock", Title: "You may not see these records", Text: "Reading records is a right like any other. The team that owns the event, team " + e.Owner + ", grants it.", Action: view.Head.ask()}
	return topic, nil
}

// readRecords fills the rows and gives the page's status. Nobody is cleared for
// personal data here: what is tagged stays masked.
func (p *Portal) readRecords(v visit, e eventbus.Event, topic eventbus.EventTopic, view *messagesView) int {
	query := streams.RecordQuery{Topic: topic.Name, Limit: shownRecords, Start: streams.Start(v.PostFormValue("start"))}
	switch query.Start {
	case streams.StartOffset:
		n, err := strconv.ParseInt(view.At, 10, 64)
		if err != nil || n < 0 {
			view.Problem = "An offset is a number, 0 or more. Nothing was read."
			return http.StatusUnprocessableEntity
		}
		query.Offset = n
	case streams.StartTimestamp:
		at, err := time.Parse("2006-01-02 15:04", view.At)
		if err != nil {
			view.Problem = "Write the time as 2026-12-01 09:30. Nothing was read."
			return http.StatusUnprocessableEntity
		}
		query.Time = at
	case streams.StartEarliest:
	default:
		query.Start = streams.StartLatest
	}
	found, err := p.parts.Streams.Records(v.Context(), v.actor, query, streams.Viewer{Reason: view.Reason, DataClasses: e.DataClasses})
	if err != nil {
		view.Problem = strings.TrimSuffix(sentence(message(err)), ".") + ". " + next(err, "")
		return statuses[eventbus.CodeOf(err)].status
	}
	view.Asked, view.Note = true, found.Short
	for _, r := range found.Records {
		row := recordRow{Place: strconv.Itoa(int(r.Partition)) + " / " + strconv.FormatInt(r.Offset, 10), At: r.Timestamp.UTC().Format("2 Jan 15:04:05"), Size: sized(int64(r.Size)), Key: contentOfRecord(r.Key), Value: contentOfRecord(r.Value)}
		for _, h := range r.Headers {
			row.Headers = append(row.Headers, Fact{Term: h.Name, Text: contentOfRecord(h.Value).Text})
		}
		view.Rows = append(view.Rows, row)
	}
	return http.StatusOK
}

func contentOfRecord(c streams.Content) contentView {
	view := contentView{Text: c.Text, Note: c.Reason}
	switch c.Format {
	case streams.FormatHidden:
		view.Hidden, view.Text = true, "hidden"
	case streams.FormatNull:
		view.Text = "none"
	case streams.FormatAvro:
		view.Text = indented(c.Text)
		if len(c.Masked) > 0 {
			view.Note = "masked: " + strings.Join(c.Masked, ", ")
		}
	}
	return view
}
