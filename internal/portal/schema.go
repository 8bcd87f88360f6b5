package portal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// schemaTab is the event's schema: its fields, versions and differences.
type schemaTab struct {
	Head     eventHead
	Schema   *schemaView
	Versions []versionRow
	Changes  []changeRow
	Compared string
	Empty    *Empty
}

// schemaView is one schema as people read it.
type schemaView struct {
	Type, Doc   string
	Subject     string
	Version, ID string
	Level       string
	Fields      []fieldRow
	Text        string // Avro, indented
	Download    string // data: is not allowed as a link target everywhere, so the registry's own address
	Problem     string
}

// fieldRow is one field of the tree.
type fieldRow struct {
	Path, Name, Type, Doc, Default string
	Depth                          string // CSS class
	Optional                       bool
	Tags                           []string
}

type versionRow struct {
	Number, ID, By, At, RequestID string
	Compare                       string
	Current                       bool
}

type changeRow struct {
	Text   string
	Breaks Pill
}

// readSchema makes the view of an Avro text.
func readSchema(text string) *schemaView {
	view := &schemaView{Text: indented(text)}
	parsed, err := avro.Parse(text, avro.Options{Lax: true})
	if err != nil {
		view.Problem = "This text cannot be read as Avro: " + err.Error()
		return view
	}
	view.fill(parsed)
	return view
}

func (s *schemaView) fill(parsed *avro.Schema) {
	s.Type, s.Doc = parsed.Type(), parsed.Doc()
	for _, f := range parsed.Fields() {
		row := fieldRow{Path: f.Path, Name: f.Name, Type: f.Type, Doc: f.Doc, Optional: f.Optional, Depth: "depth-" + strconv.Itoa(min(f.Depth, 6)), Tags: f.Tags}
		if f.HasDefault {
			row.Default = f.Default
		}
		if len(f.Symbols) > 0 && len(f.Symbols) <= 12 {
			row.Type += ": " + strings.Join(f.Symbols, ", ")
		}
		s.Fields = append(s.Fields, row)
	}
}

func indented(text string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(text), "", "  ") != nil {
		return text
	}
	return out.String()
}

func (p *Portal) eventSchema(w http.ResponseWriter, v visit) error {
	e, head, shell, err := p.event(v, "schema")
	if err != nil {
		return err
	}
	view := schemaTab{Head: head}
	topic := ""
	for _, t := range p.inOrder(e.Topics) { // the highest environment, or the one asked for
		if v.env == "" || t.Environment == v.env {
			topic = t.Name
		}
	}
	if topic != "" && p.parts.Registry != nil {
		subject := eventbus.ValueSubject(topic)
		if view.Schema, err = p.registered(v, subject); err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
			return err
		}
		if view.Schema != nil {
			view.Versions = p.versions(v, subject, head.Tabs[1].URL)
			p.compare(v, subject, &view)
			shell.Elsewhere = p.schemaElsewhere(subject)
		}
	}
	if view.Schema == nil && e.Schema != "" {
		view.Schema = readSchema(e.Schema)
		view.Schema.Level = string(e.Compatibility)
	}
	if view.Schema == nil {
		view.Empty = &Empty{Icon: "code", Title: "No schema is registered", Text: "The event has none yet. Schemas are registered by the bus when a request is approved."}
	}
	return p.render(w, v, http.StatusOK, "schema", shell, view)
}

// registered reads the asked or latest version of a subject.
func (p *Portal) registered(v visit, subject string) (*schemaView, error) {
	number := registry.Latest
	if n, err := strconv.Atoi(v.URL.Query().Get("version")); err == nil && n > 0 {
		number = n
	}
	found, err := p.parts.Registry.Version(subject, number, registry.Live)
	if err != nil {
		return nil, err
	}
	view := &schemaView{Text: indented(found.Text), Subject: subject, Version: strconv.Itoa(found.Version), ID: strconv.Itoa(found.ID)}
	if level, err := p.parts.Registry.Compatibility(subject, true); err == nil {
		view.Level = string(level)
	}
	parsed, err := p.parts.Registry.Parsed(found)
	if err != nil {
		view.Problem = "This text cannot be read as Avro: " + err.Error()
		return view, nil
	}
	view.fill(parsed)
	return view, nil
}

func (p *Portal) versions(v visit, subject, at string) []versionRow {
	var rows []versionRow
	at, _, _ = strings.Cut(at, "?")
	numbers, err := p.parts.Registry.Versions(subject, registry.Live)
	if err != nil {
		return nil
	}
	for i := len(numbers) - 1; i >= 0; i-- {
		found, err := p.parts.Registry.Version(subject, numbers[i], registry.Live)
		if err != nil {
			continue
		}
		row := versionRow{Number: strconv.Itoa(found.Version), ID: strconv.Itoa(found.ID), By: shortARN(found.RegisteredBy), At: day(found.RegisteredAt)}
		if i > 0 {
			row.Compare = at + "?" + url.Values{"from": {strconv.Itoa(numbers[i-1])}, "to": {row.Number}}.Encode()
		}
		rows = append(rows, row)
	}
	return rows
}

// compare fills the difference of ?from= and ?to=, by default the last two.
func (p *Portal) compare(v visit, subject string, view *schemaTab) {
	if len(view.Versions) < 2 {
		return
	}
	to, _ := strconv.Atoi(view.Versions[0].Number)
	from, _ := strconv.Atoi(view.Versions[1].Number)
	if n, err := strconv.Atoi(v.URL.Query().Get("from")); err == nil {
		from = n
	}
	if n, err := strconv.Atoi(v.URL.Query().Get("to")); err == nil {
		to = n
	}
	changes, err := p.parts.Registry.Changes(subject, from, to)
	if err != nil {
		return
	}
	view.Compared = "From version " + strconv.Itoa(from) + " to version " + strconv.Itoa(to)
	view.Changes = changeRows(changes)
}

func changeRows(changes []avro.Change) []changeRow {
	rows := []changeRow{}
	for _, c := range changes {
		row := changeRow{Text: sentence(c.Text), Breaks: Pill{"Safe", ToneGood, "check_circle"}}
		if c.Breaks != "" && c.Breaks != avro.BreaksNothing {
			row.Breaks = Pill{"Breaks " + c.Breaks, ToneBad, "warning"}
		}
		rows = append(rows, row)
	}
	return rows
}

// schemasView is the registry's list of subjects.
type schemasView struct {
	Text  string
	Rows  []subjectRow
	Total string
	Pages Pages
	Files Files
	Found []fieldMatch
	Empty *Empty
}

type subjectRow struct {
	Subject, URL, Version, ID, Level string
}

var subjectColumns = []column[subjectRow]{
	{"subject", func(r subjectRow) string { return r.Subject }}, {"latestVersion", func(r subjectRow) string { return r.Version }}, {"id", func(r subjectRow) string { return r.ID }}, {"compatibility", func(r subjectRow) string { return r.Level }},
}

type fieldMatch struct {
	Path, Type, Subject, URL, Doc string
	Tags                          []string
}

const subjectsPerPage = 50

func (p *Portal) schemaList(w http.ResponseWriter, v visit) error {
	shell := Shell{Title: "Schemas", Lede: "What records look like: every subject of the schema registry, with its versions and its compatibility level.", Wide: true,
		Elsewhere: Elsewhere{CLI: p.cli("schema", "list"), Curl: p.registryCurl("", "/subjects")}}
	view := schemasView{Text: strings.TrimSpace(v.URL.Query().Get("q")), Files: filesOf(v)}
	if p.parts.Registry == nil {
		view.Empty = &Empty{Icon: "code", Title: "No registry here", Text: "This bus runs without a schema registry."}
		return p.render(w, v, http.StatusOK, "schemas", shell, view)
	}
	list := slices.DeleteFunc(p.parts.Registry.List(registry.ListOptions{LatestOnly: true}), func(s registry.Version) bool { return !p.inEnvironment(v.env, s.Subject) })
	list = containing(list, view.Text, func(s registry.Version) string { return s.Subject })
	if fileAsked(v) {
		return writeFile(w, v, "subjects", subjectColumns, listed(list, p.subjectRow))
	}
	shown, pages := pageOf(v.URL, list, subjectsPerPage, "subject")
	for _, found := range shown {
		view.Rows = append(view.Rows, p.subjectRow(found))
	}
	view.Total, view.Pages = count(int64(len(list)), "subject"), pages
	if len(view.Text) >= 2 {
		for _, m := range p.parts.Registry.SearchFields(view.Text) {
			if len(view.Found) == 20 {
				break
			}
			view.Found = append(view.Found, fieldMatch{m.Path, m.Type, m.Subject, "/schemas/" + url.PathEscape(m.Subject), m.Doc, m.Tags})
		}
	}
	if len(list) == 0 && len(view.Found) == 0 {
		view.Empty = p.emptyList(v, "schema", Empty{Icon: "code", Title: "No schema is registered yet", Text: "Schemas are registered by the bus when a request is approved.", Action: &Link{"Propose an event", "/requests/new?kind=producer"}})
	}
	w.Header().Set("HX-Push-Url", with(v.URL, "page", v.URL.Query().Get("page")))
	return p.render(w, v, http.StatusOK, "schemas", shell, view)
}

func (p *Portal) subjectRow(found registry.Version) subjectRow {
	row := subjectRow{Subject: found.Subject, URL: "/schemas/" + url.PathEscape(found.Subject), Version: strconv.Itoa(found.Version), ID: strconv.Itoa(found.ID)}
	if level, err := p.parts.Registry.Compatibility(found.Subject, true); err == nil {
		row.Level = string(level)
	}
	return row
}

func (p *Portal) schemaElsewhere(subject string) Elsewhere {
	return Elsewhere{CLI: p.cli("schema", "show", subject), Curl: p.registryCurl(subject, "/subjects/"+url.PathEscape(subject)+"/versions/latest")}
}

// registryCurl reads a path of the registry that holds a subject; "" when no
// registry has an address.
func (p *Portal) registryCurl(subject, path string) string {
	at := ""
	for _, e := range p.cfg.Environments() {
		if e.RegistryURL != "" && (at == "" || strings.HasPrefix(subject, e.Prefix)) {
			at = e.RegistryURL
		}
	}
	if at == "" {
		return ""
	}
	return "curl -fsS " + shellQuote(at+path)
}

// inEnvironment reports whether a topic or subject belongs to an environment;
// everything belongs to the empty one.
func (p *Portal) inEnvironment(environment, name string) bool {
	if environment == "" {
		return true
	}
	e, ok := eventbus.EnvironmentOf(p.cfg.Environments(), name)
	return ok && e.Name == environment
}

func (p *Portal) schemaShow(w http.ResponseWriter, v visit) error {
	subject := v.PathValue("subject")
	if p.parts.Registry == nil {
		return eventbus.Errorf(eventbus.CodeNotFound, "this bus runs without a schema registry")
	}
	view := schemaTab{}
	var err error
	if view.Schema, err = p.registered(v, subject); err != nil {
		return err
	}
	view.Versions = p.versions(v, subject, "/schemas/"+url.PathEscape(subject))
	p.compare(v, subject, &view)
	return p.render(w, v, http.StatusOK, "subject", Shell{Title: subject, Wide: true, Elsewhere: p.schemaElsewhere(subject), Crumbs: []Link{{"Schemas", "/schemas"}, {Text: subject}}}, view)
}
