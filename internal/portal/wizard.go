package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// wizardView is one page of a request's form.
type wizardView struct {
	ID, Action string
	Version    string
	Steps      []NavItem
	Step       int
	StepOf     string
	Title      string
	Lede       string
	Groups     []formGroupView
	Summary    []Link // faults of this page, linked to their fields
	Back       string
	Last       bool
	Aside      asideView
}

type formGroupView struct {
	Legend, Hint string
	Inputs       []inputView
}

// startView chooses what to ask for.
type startView struct {
	Kind    string
	Cards   []StartCard
	Teams   []Choice
	Event   *Link  // what it is about, when it is chosen
	Pick    bool   // an event is to be chosen first, by searching
	Text    string // of that search
	Found   []Link
	Needed  []string
	Button  string
	Problem string
	YAML    string
	Faults  []string
	Empty   *Empty // why nothing can be asked for
}

// requestKinds are the kinds by their short names in addresses.
var requestKinds = map[string]eventbus.RequestKind{"producer": eventbus.ProducerRequest, "consumer": eventbus.ConsumerRequest,
	"change": eventbus.ChangeRequest, "offboarding": eventbus.OffboardingRequest}

func (p *Portal) requestNew(w http.ResponseWriter, v visit) error {
	query := v.URL.Query()
	return p.startPage(w, v, http.StatusOK, startView{Kind: query.Get("kind"), Text: strings.TrimSpace(query.Get("q"))}, query.Get("event"))
}

func (p *Portal) startPage(w http.ResponseWriter, v visit, status int, view startView, event string) error {
	shell := Shell{Title: "New request", Crumbs: []Link{{"Requests", "/requests"}, {Text: "New"}}}
	for _, team := range v.actor.Person.Teams {
		view.Teams = append(view.Teams, Choice{Value: team, Label: team})
	}
	if kind, ok := requestKinds[view.Kind]; ok {
		shell.Title = kindName(kind)
		if err := p.startDetails(v, kind, event, &view); err != nil {
			return err
		}
	} else {
		view.Kind = ""
		view.Cards = []StartCard{
			{"send", "Publish a new event", "Propose an event, get it approved, and produce it from any language.", Link{"Propose an event", "/requests/new?kind=producer"}},
			{"wifi", "Listen to an event", "Ask for access to an event that another team publishes.", Link{"Ask for access", "/requests/new?kind=consumer"}},
			{"edit", "Change an event", "A new schema version, more partitions, other principals, better words.", Link{"Propose a change", "/requests/new?kind=change"}},
			{"schedule", "Retire an event", "Deprecate it, tell its consumers, remove it when nobody reads it any more.", Link{"Begin offboarding", "/requests/new?kind=offboarding"}},
		}
	}
	if len(view.Teams) == 0 {
		view.Empty = &Empty{Icon: "lock", Title: "You belong to no team", Text: "A request is made for a team. Your teams come from the groups of your sign-in; the Event Bus team maps a group to a team.", Action: &Link{"Whom to ask", "/status"}}
	}
	return p.render(w, v, status, "start", shell, view)
}

func (p *Portal) startDetails(v visit, kind eventbus.RequestKind, event string, view *startView) error {
	view.Button = "Start"
	switch kind {
	case eventbus.ProducerRequest:
		view.Needed = []string{"what the event is called and what it is for", "who the product owner and the technical contact are", "which personal data a record holds, if any",
			"where your system runs", "how many records you expect", "an Avro schema (a draft will do)"}
		return nil
	case eventbus.ConsumerRequest:
		view.Needed = []string{"what you will use the event for", "which system reads it", "where that system runs", "the ARN of its role, or your own role that may assume a new one"}
	}
	if event != "" {
		e, err := p.parts.Catalog.Event(v.Context(), event)
		if err != nil {
			return err
		}
		view.Event = &Link{titleOf(e.Title, e.Name), e.Name}
		if kind == eventbus.ConsumerRequest && e.Lifecycle == eventbus.LifecycleDeprecated {
			view.Empty = &Empty{Icon: "schedule", Title: "This event gives no new access", Text: view.Event.Text + " is deprecated and will be removed.", Action: &Link{"See the event", "/catalog/" + url.PathEscape(e.Name)}}
		}
		return nil
	}
	view.Pick = true
	query := catalog.Query{Text: view.Text, PageSize: maxPicked}
	if kind != eventbus.ConsumerRequest {
		if query.Names = p.owned(v); len(query.Names) == 0 {
			view.Empty = &Empty{Icon: "lock", Title: "Your teams own no event", Text: "Only the team that owns an event may change or retire it; its page names that team.", Action: &Link{"Browse the catalog", "/catalog"}}
			return nil
		}
	}
	found, err := p.parts.Catalog.Search(v.Context(), query)
	if err != nil {
		return err
	}
	for _, entry := range found.Entries {
		view.Found = append(view.Found, Link{titleOf(entry.Event.Title, entry.Event.Name), with(v.URL, "event", entry.Event.Name, "q", "")})
	}
	if len(view.Found) == 0 && view.Text == "" {
		view.Empty = &Empty{Icon: "event", Title: "There is no event to listen to yet", Text: "The catalog is empty. You can propose the first event.", Action: &Link{"Propose an event", "/requests/new?kind=producer"}}
	}
	return nil
}

// maxPicked is how many events the picker shows of what it found.
const maxPicked = 10

// owned are the events of the reader's teams, by name.
func (p *Portal) owned(v visit) []string {
	known, err := p.relations(v)
	if err != nil {
		return nil
	}
	var names []string
	for _, team := range v.actor.Person.Teams {
		names = append(names, known.mine[team]...)
	}
	return names
}

// requestCreate makes a draft, empty or out of a pasted document.
func (p *Portal) requestCreate(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	sub, err := p.newSubmission(v)
	if err == nil {
		var r eventbus.Request
		if r, err = p.parts.Onboarding.Draft(v.Context(), v.actor, sub); err == nil {
			http.Redirect(w, v.Request, "/requests/"+r.ID+"/edit", http.StatusSeeOther)
			return nil
		}
	}
	if code := eventbus.CodeOf(err); code != eventbus.CodeInvalid && code != eventbus.CodeForbidden && code != eventbus.CodeTooLarge {
		return err
	}
	view := startView{Kind: v.PostFormValue("kind"), Problem: sentence(message(err)), YAML: v.PostFormValue("yaml")}
	for _, f := range eventbus.FaultsOf(err) {
		view.Faults = append(view.Faults, f.String())
	}
	return p.startPage(w, v, statuses[eventbus.CodeOf(err)].status, view, v.PostFormValue("event"))
}

func (p *Portal) newSubmission(v visit) (onboarding.Submission, error) {
	if text := v.PostFormValue("yaml"); strings.TrimSpace(text) != "" {
		return onboarding.ParseRequest([]byte(text), "pasted")
	}
	kind, ok := requestKinds[v.PostFormValue("kind")]
	if !ok {
		return onboarding.Submission{}, eventbus.Errorf(eventbus.CodeInvalid, "choose what to ask for")
	}
	d := questions.Document{}
	d.Set("team", v.PostFormValue("team"))
	p.prefill(v, kind, d)
	if kind != eventbus.ProducerRequest {
		d.Set("event", v.PostFormValue("event"))
	}
	content, err := contentFrom(d, kind)
	return onboarding.Submission{Kind: kind, Content: content}, err
}

// prefill takes over what the team has said before, so that nothing is asked
// twice (WCAG 2.2, 3.3.7).
func (p *Portal) prefill(v visit, kind eventbus.RequestKind, d questions.Document) {
	if kind != eventbus.ProducerRequest && kind != eventbus.ConsumerRequest {
		return
	}
	d.Set("contacts.technicalContact", v.actor.Person.Name)
	list, err := p.parts.Onboarding.Requests(v.Context(), v.actor, eventbus.RequestQuery{Team: v.PostFormValue("team"), Limit: 20})
	if err != nil {
		return // an empty form is good enough
	}
	for _, r := range list {
		if r.Kind != eventbus.ProducerRequest && r.Kind != eventbus.ConsumerRequest {
			continue
		}
		before := questions.DocumentOf(r.Content)
		for _, section := range []string{"contacts", "system", "network", "clients"} {
			if value := before.Get(section); !questions.Vacant(value) {
				d.Set(section, value)
			}
		}
		return
	}
}

// parseForm reads the form within its limit.
func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return eventbus.Errorf(eventbus.CodeInvalid, "the form cannot be read; nothing was saved: %w", err)
	}
	return nil
}

// editing is a request's form under way.
type editing struct {
	request eventbus.Request
	doc     questions.Document
	steps   []questions.Step
	at      int // index of the step
}

func (p *Portal) editing(v visit) (editing, error) {
	shown, err := p.parts.Onboarding.View(v.Context(), v.actor, v.PathValue("id"))
	if err != nil {
		return editing{}, err
	}
	if !slices.ContainsFunc(shown.Acts, func(a onboarding.Act) bool { return a.Do == "edit" }) {
		return editing{}, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "This request cannot be edited by you now; nothing was changed.",
			Next: "Its team may edit it until it is decided. Look at the request to see whose turn it is."}
	}
	e := editing{request: shown.Request, doc: questions.DocumentOf(shown.Request.Content)}
	e.steps = questions.Steps(e.request.Kind, p.formContext(v, e.request))
	n, _ := strconv.Atoi(v.URL.Query().Get("step"))
	e.at = min(max(n, 1), len(e.steps)) - 1
	return e, nil
}

func (p *Portal) formContext(v visit, r eventbus.Request) questions.Context {
	c := questions.Context{Environments: p.cfg.Environments()}
	if found, err := p.parts.Catalog.Search(v.Context(), catalog.Query{PageSize: 1}); err == nil {
		for _, d := range found.Facets["domain"] {
			c.Domains = append(c.Domains, d.Value)
		}
	}
	if r.Kind == eventbus.ConsumerRequest {
		e, err := p.parts.Catalog.Event(v.Context(), r.Event)
		if err != nil {
			return c // no fields to tick
		}
		if parsed, err := avro.Parse(e.Schema, avro.Options{Lax: true}); err == nil && e.Schema != "" {
			for _, f := range parsed.Fields() {
				c.Fields = append(c.Fields, f.Path)
			}
		}
	}
	return c
}

func (p *Portal) requestEdit(w http.ResponseWriter, v visit) error {
	e, err := p.editing(v)
	if err != nil {
		return err
	}
	var faults []eventbus.Fault
	if v.URL.Query().Has("check") {
		faults = p.faults(v, e)
	}
	return p.wizardPage(w, v, http.StatusOK, e, faults, nil)
}

// requestSave keeps a page of the form: on every change (autosave), and on its
// buttons, which go on to another page or to the review.
func (p *Portal) requestSave(w http.ResponseWriter, v visit) error {
	e, err := p.editing(v)
	if err != nil {
		return err
	}
	if err := parseForm(v.Request); err != nil {
		return err
	}
	var broken []eventbus.Fault
	for _, group := range e.steps[e.at].Groups {
		for _, in := range group.Inputs {
			if fault := e.doc.Take(in, v.PostForm); fault != nil {
				broken = append(broken, *fault)
			}
		}
	}
	content, err := contentFrom(e.doc, e.request.Kind)
	if err != nil {
		return err
	}
	version, _ := strconv.ParseInt(v.PostFormValue("version"), 10, 64)
	saved, err := p.parts.Onboarding.SaveDraft(v.Context(), v.actor, e.request.ID, version, onboarding.Submission{Kind: e.request.Kind, Content: content})
	do := v.PostFormValue("do")
	if err != nil {
		if do == "" { // autosave: said beside the fields, what was typed stays
			return p.wizardPage(w, v, statuses[eventbus.CodeOf(err)].status, e, nil, err)
		}
		return err
	}
	e.request = saved
	if do == "next" || len(broken) > 0 {
		if here := e.here(append(broken, p.faults(v, e)...)); len(here) > 0 && do != "" {
			return p.wizardPage(w, v, http.StatusUnprocessableEntity, e, here, nil)
		}
	}
	if do == "" {
		return p.wizardPage(w, v, http.StatusOK, e, broken, nil)
	}
	http.Redirect(w, v.Request, e.after(do), http.StatusSeeOther)
	return nil
}

// after gives the page that follows a button.
func (e editing) after(do string) string {
	at := "/requests/" + e.request.ID
	switch {
	case do == "leave" || do == "review":
		return at
	case strings.HasPrefix(do, "step-"):
		return at + "/edit?step=" + strings.TrimPrefix(do, "step-")
	case e.at+1 < len(e.steps): // next, skip
		return at + "/edit?step=" + strconv.Itoa(e.at+2)
	default:
		return at
	}
}

// faults are what keeps the draft from being submitted.
func (p *Portal) faults(v visit, e editing) []eventbus.Fault {
	content, err := contentFrom(e.doc, e.request.Kind)
	if err != nil {
		return eventbus.FaultsOf(err)
	}
	faults, err := p.parts.Onboarding.Check(v.Context(), content, e.request.ID)
	if err != nil {
		return nil // submitting tells it
	}
	return faults
}

// here leaves the faults of the present step.
func (e editing) here(faults []eventbus.Fault) []eventbus.Fault {
	var list []eventbus.Fault
	for _, f := range faults {
		if _, step := e.place(f.Path); step == e.at {
			list = append(list, f)
		}
	}
	return list
}

// place finds the input and step that a fault's path belongs to; step -1 when
// no field has it.
func (e editing) place(path string) (questions.Input, int) {
	for i, step := range e.steps {
		for _, group := range step.Groups {
			for _, in := range group.Inputs {
				if in.Owns(path) {
					return in, i
				}
			}
		}
	}
	return questions.Input{}, -1
}

func (p *Portal) wizardPage(w http.ResponseWriter, v visit, status int, e editing, faults []eventbus.Fault, problem error) error {
	step := e.steps[e.at]
	at := "/requests/" + e.request.ID
	view := wizardView{ID: e.request.ID, Action: at + "/edit?step=" + strconv.Itoa(e.at+1), Version: strconv.FormatInt(e.request.Version, 10),
		Step: e.at + 1, StepOf: fmt.Sprintf("Step %d of %d", e.at+1, len(e.steps)), Title: step.Title, Lede: step.Lede, Last: e.at+1 == len(e.steps)}
	for i, s := range e.steps {
		view.Steps = append(view.Steps, NavItem{Link: Link{s.Title, at + "/edit?step=" + strconv.Itoa(i+1)}, Current: i == e.at, Count: i + 1})
	}
	if e.at > 0 {
		view.Back = view.Steps[e.at-1].URL
	}
	for _, group := range step.Groups {
		g := formGroupView{Legend: group.Legend, Hint: group.Hint}
		for _, in := range group.Inputs {
			g.Inputs = append(g.Inputs, drawn(e.doc, in, faults))
		}
		view.Groups = append(view.Groups, g)
	}
	for _, f := range faults {
		if in, i := e.place(f.Path); i == e.at {
			view.Summary = append(view.Summary, Link{in.Label + ": " + f.Message, "#" + in.ID()})
		}
	}
	view.Aside = p.aside(v, e)
	view.Aside.Version = view.Version
	view.Aside.Saved = "Saved " + e.request.UpdatedAt.UTC().Format("15:04 UTC") + ". You can leave and come back."
	if problem != nil {
		view.Aside.Saved, view.Aside.Stop = "Not saved.", sentence(message(problem))+". "+next(problem, "Reload the page to see what was saved last.")
	}
	title := step.Title
	if len(faults) > 0 {
		title = "Error: " + title
	}
	heading := e.request.Title
	if heading == "" || strings.HasSuffix(heading, " ") {
		heading = kindName(e.request.Kind)
	}
	return p.render(w, v, status, "wizard", Shell{Title: title + " · " + heading, Heading: heading, Wide: true,
		Crumbs: []Link{{"Requests", "/requests"}, {heading, at}, {Text: "Edit"}}}, view)
}

// contentOf decodes a request's stored content.
func contentOf(r eventbus.Request) (map[string]any, error) {
	var d map[string]any
	err := json.Unmarshal(r.Content, &d)
	return d, err
}

// stepURL is the page of the wizard where a field is edited.
func stepURL(id string, step int, in questions.Input) string {
	return "/requests/" + url.PathEscape(id) + "/edit?" + url.Values{"step": {strconv.Itoa(step + 1)}, "check": {"1"}}.Encode() + "#" + in.ID()
}
