package portal

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// eventHead is what every tab of an event's page begins with.
type eventHead struct {
	Name      string
	Lifecycle Pill
	Data      Pill
	Domain    string
	Owner     string
	Tabs      []NavItem
	Request   string // address of the access request
	Edit      string // address of a change request; empty without the right
	YAML      string
	Star      string // address that sets or takes the star
	Starred   bool
}

// ask leads to an access request; nil for an event that gives no new access.
func (h eventHead) ask() *Link {
	if h.Request == "" {
		return nil
	}
	return &Link{"Request access", h.Request}
}

// overviewView is the first tab: everything to show in a meeting.
type overviewView struct {
	Head       eventHead
	Tiles      []Tile
	Facts      []Fact
	Systems    []eventbus.SourceSystem
	Forwarders []eventbus.SourceSystem
	Topics     []topicLine
	Links      []Link
	OnePager   template.HTML
	Lineage    lineageView
	Faults     []string
}

// Fact is one row of a description list.
type Fact struct {
	Term, Text, Hint string
	URL              string
	Mono             bool
}

type topicLine struct {
	Environment, Topic, URL string
	Brokers                 []string
	Schema                  string
}

// event reads the event of the path and makes its head and shell.
func (p *Portal) event(v visit, tab string) (eventbus.Event, eventHead, Shell, error) {
	e, err := p.parts.Catalog.Event(v.Context(), v.PathValue("name"))
	if err != nil {
		return e, eventHead{}, Shell{}, err
	}
	at := "/catalog/" + url.PathEscape(e.Name)
	head := eventHead{Name: e.Name, Lifecycle: lifecyclePill(e.Lifecycle), Data: dataPill(e.DataClasses), Domain: e.Domain, Owner: e.Owner,
		Request: "/requests/new?kind=consumer&event=" + url.QueryEscape(e.Name), YAML: "/backstage/events/" + url.PathEscape(e.Name) + "/catalog-info.yaml"}
	if v.signedIn() {
		head.Star, head.Starred = at+"/star", slices.Contains(stars(v), e.Name)
	}
	if e.Lifecycle == eventbus.LifecycleDeprecated { // no new access is given
		head.Request = ""
	}
	if mine(v.actor.Person, e.Owner) {
		head.Edit = "/requests/new?kind=change&event=" + url.QueryEscape(e.Name)
	}
	for _, t := range []struct{ key, label, path string }{{"overview", "Overview", ""}, {"schema", "Schema", "/schema"},
		{"messages", "Messages", "/messages"}, {"consumers", "Consumers", "/consumers"}, {"metrics", "Metrics", "/metrics"}, {"connect", "Connect", "/connect"}, {"history", "History", "/history"}} {
		item := NavItem{Link: Link{t.label, at + t.path}, Current: t.key == tab}
		if v.env != "" {
			item.URL += "?env=" + url.QueryEscape(v.env)
		}
		head.Tabs = append(head.Tabs, item)
	}
	title := titleOf(e.Title, e.Name)
	shell := Shell{Title: title, Heading: title, Lede: e.Description, Wide: true, Crumbs: []Link{{"Event catalog", "/catalog"}, {Text: title}}}
	shell.Elsewhere = Elsewhere{CLI: p.cli("event", "show", e.Name), Curl: p.curl("/api/v1/events/" + url.PathEscape(e.Name)), YAML: head.YAML}
	if tab != "overview" {
		shell.Title = title + ": " + tab
	}
	shell.Alert = deprecation(e)
	return e, head, shell, nil
}

func deprecation(e eventbus.Event) *Alert {
	if e.Lifecycle != eventbus.LifecycleDeprecated {
		return nil
	}
	alert := &Alert{Tone: ToneWarn, Heading: "This event is deprecated", Text: "No new access is given."}
	if e.RemovalDate != "" {
		alert.Text = "It will be removed on " + e.RemovalDate + ", once nobody reads it any more."
	}
	if e.Successor != "" {
		alert.Link = &Link{"See its successor, " + e.Successor, "/catalog/" + url.PathEscape(e.Successor)}
	}
	return alert
}

func (p *Portal) eventOverview(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "overview")
	if err != nil {
		return err
	}
	view := overviewView{Head: head, Systems: e.SourceSystems, Forwarders: e.Forwarders, OnePager: p.guides.Markdown(e.OnePager),
		Facts: eventFacts(e)}
	for _, f := range e.Problems {
		view.Faults = append(view.Faults, f.String())
	}
	for _, l := range e.Links {
		if to := outside(l.URL); to != "" {
			text := l.Title
			if text == "" {
				text = to
			}
			view.Links = append(view.Links, Link{text, to})
		}
	}
	for _, t := range p.inOrder(e.Topics) {
		if v.env != "" && t.Environment != v.env {
			continue
		}
		line := topicLine{Environment: p.environmentLabel(t.Environment), Topic: t.Name, URL: "/topics/" + url.PathEscape(t.Name), Brokers: t.BrokerAddresses}
		if len(line.Brokers) == 0 {
			line.Brokers = p.brokers(t.Environment)
		}
		line.Schema = p.schemaVersion(t)
		view.Topics = append(view.Topics, line)
	}
	if view.Lineage, err = p.lineage(v, e); err != nil {
		return err
	}
	view.Tiles = p.eventTiles(v, e, view.Lineage)
	return p.render(w, v, http.StatusOK, "event", shell, view)
}

// schemaVersion is that of the registry, or what the catalog entry says.
func (p *Portal) schemaVersion(t eventbus.EventTopic) string {
	if p.parts.Registry != nil {
		if found, err := p.parts.Registry.Version(eventbus.ValueSubject(t.Name), registry.Latest, registry.Live); err == nil {
			return "version " + strconv.Itoa(found.Version)
		}
	}
	if t.SchemaVersion > 0 {
		return "version " + strconv.Itoa(t.SchemaVersion)
	}
	return ""
}

func (p *Portal) eventTiles(v visit, e eventbus.Event, l lineageView) []Tile {
	daily := Tile{Label: "Records in the last 24 hours", Value: "no data"}
	if n, ok := p.lastDay(v, e); ok {
		daily.Value = grouped(n)
	}
	if e.ExpectedPerDay > 0 {
		daily.Note = "about " + grouped(e.ExpectedPerDay) + " a day expected"
	}
	consumers := Tile{Label: "Consuming systems", Value: strconv.Itoa(l.Consumers), Note: l.SeenNote}
	kept := Tile{Label: "Records are kept", Value: "see topic"}
	if e.RetentionDays > 0 {
		kept.Value = count(int64(e.RetentionDays), "day")
	}
	schema := Tile{Label: "Schema changes must be", Value: compatibilityWord(e.Compatibility), Note: string(e.Compatibility)}
	return []Tile{daily, consumers, kept, schema}
}

func compatibilityWord(c eventbus.Compatibility) string {
	switch c {
	case eventbus.CompatibilityBackward, eventbus.CompatibilityBackwardTransitive:
		return "Backward compatible"
	case eventbus.CompatibilityForward, eventbus.CompatibilityForwardTransitive:
		return "Forward compatible"
	case eventbus.CompatibilityFull, eventbus.CompatibilityFullTransitive:
		return "Compatible both ways"
	case eventbus.CompatibilityNone:
		return "Anything goes"
	default:
		return "Not set"
	}
}

func eventFacts(e eventbus.Event) []Fact {
	facts := []Fact{
		{Term: "Domain", Text: e.Domain, Hint: "the part of the organisation's business", URL: "/catalog?domain=" + url.QueryEscape(e.Domain)},
		{Term: "Owning team", Text: e.Owner, URL: "/catalog?team=" + url.QueryEscape(e.Owner)},
		{Term: "Product owner", Text: e.Contact, Hint: "decides who may read the event"},
		{Term: "Part of system", Text: e.System},
		{Term: "Catalog name", Text: e.Name, Mono: true},
	}
	if e.AverageDailyEvents > 0 {
		facts = append(facts, Fact{Term: "Measured average", Text: grouped(e.AverageDailyEvents) + " records a day"})
	}
	if e.Source != "" {
		facts = append(facts, Fact{Term: "Entry made by", Text: e.Source})
	}
	if !e.UpdatedAt.IsZero() {
		facts = append(facts, Fact{Term: "Last updated", Text: day(e.UpdatedAt)})
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.Text == "" })
}

func (p *Portal) brokers(environment string) []string {
	e := p.place(environment)
	return strings.FieldsFunc(e.BootstrapIAM+","+e.BootstrapExternal, func(r rune) bool { return r == ',' })
}

// consumersView is the tab that says who consumes, granted or seen.
type consumersView struct {
	Head  eventHead
	Rows  []consumerRow
	Empty *Empty
}

type consumerRow struct {
	System, Team string
	How          Pill
	Environments string
	Groups       string
	Principal    string
	LastRead     string
	Purpose      string
	Review       string
}

func (p *Portal) eventConsumers(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "consumers")
	if err != nil {
		return err
	}
	grants, err := p.parts.Records.Grants(v.Context(), eventbus.GrantQuery{Event: e.Name, Direction: eventbus.Consumed, ActiveOnly: true})
	if err != nil {
		return err
	}
	consumers, err := p.parts.Catalog.Consumers(v.Context(), e.Name, grants)
	if err != nil {
		return err
	}
	view := consumersView{Head: head}
	shell.Elsewhere = Elsewhere{Curl: p.curl("/api/v1/events/" + url.PathEscape(e.Name) + "/consumers")}
	for _, c := range consumers {
		name := titleOf(c.Title, c.System)
		if name == "" && len(c.Grants) > 0 {
			name = shortARN(c.Grants[0].Principal)
		}
		if len(c.Grants) == 0 {
			view.Rows = append(view.Rows, consumerRow{System: name, Team: c.Team, How: Pill{"Declared only", ToneQuiet, "info"}, LastRead: "–"})
		}
		for _, g := range c.Grants {
			if v.env != "" && g.Environment != v.env {
				continue
			}
			row := consumerRow{System: name, Team: c.Team, Environments: p.environmentLabel(g.Environment), Groups: g.GroupPrefix,
				Principal: shortARN(g.Principal), Purpose: g.Purpose, Review: g.ReviewDate, How: Pill{"Granted", ToneInfo, "lock"}}
			var seen bool
			if row.LastRead, seen = p.lastUse(v, g, "never connected"); seen {
				row.How = Pill{"Granted and seen", ToneGood, "check_circle"}
			}
			view.Rows = append(view.Rows, row)
		}
	}
	if len(view.Rows) == 0 {
		view.Empty = &Empty{Icon: "groups", Title: "Nobody consumes this event yet", Text: "A system appears when its access is granted, or when its catalog entry says that it subscribes.", Action: head.ask()}
	}
	return p.render(w, v, http.StatusOK, "consumers", shell, view)
}

// notSeen stands where clients pass no gateway, so that "never" would be untrue.
const notSeen = "not seen on AWS"

// lastUse says when the principal of a grant was last seen at the topic, or never.
func (p *Portal) lastUse(v visit, g eventbus.Grant, never string) (text string, seen bool) {
	if p.place(g.Environment).OnAWS() {
		return notSeen, false
	}
	if p.parts.Observe == nil {
		return never, false
	}
	last, err := p.parts.Observe.LastSeen(v.Context(), g.Principal, g.Topic)
	if err != nil || last.IsZero() {
		return never, false
	}
	return ago(p.cfg.Now(), last), true
}

// place gives an environment by name, the zero one when there is none.
func (p *Portal) place(environment string) eventbus.Environment {
	for _, e := range p.cfg.Environments() {
		if e.Name == environment {
			return e
		}
	}
	return eventbus.Environment{}
}

// shortARN leaves what people read of an ARN: "role/claims-letters".
func shortARN(arn string) string {
	if principal, err := eventbus.ParseIdentityARN(arn); err == nil {
		return string(principal.Kind) + "/" + principal.Name
	}
	return arn
}

// historyView is the timeline of one event.
type historyView struct {
	Head  eventHead
	Items []historyItem
	Empty *Empty
}

type historyItem struct {
	At, What, Who, Detail string
	URL                   string
}

func (p *Portal) eventHistory(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "history")
	if err != nil {
		return err
	}
	list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, eventbus.RequestQuery{Event: e.Name, Limit: 100})
	if err != nil {
		return err
	}
	view := historyView{Head: head}
	shell.Elsewhere = Elsewhere{CLI: p.cli("request", "list", "--event", e.Name), Curl: p.curl("/api/v1/requests?event=" + url.QueryEscape(e.Name))}
	for _, r := range list {
		view.Items = append(view.Items, historyItem{At: moment(r.UpdatedAt), What: kindName(r.Kind) + ": " + r.Title,
			Who: p.personName(v, r.Submitter), Detail: requestPill(r.State).Text, URL: "/requests/" + r.ID})
	}
	if len(view.Items) == 0 {
		view.Empty = &Empty{Icon: "history", Title: "No history to show", Text: "No request that you may see has touched this event. Entries that were imported have their history where they came from."}
	}
	return p.render(w, v, http.StatusOK, "history", shell, view)
}
