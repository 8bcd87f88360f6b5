package portal

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
)

// requestView is one request: whose turn, what it makes, what is decided.
type requestView struct {
	ID, At       string
	Kind         string
	State        Pill
	Event        *Link
	Team         string
	Submitter    string
	Submitted    string
	Turns        []turnView
	Yours        bool // it is the reader's turn
	Environments []environmentView
	Live         bool // steps are under way: the page looks again by itself
	Decide       []decideView
	Seen         string // hash of the content that this page shows: a decision is about no other
	Promote      []promoteView
	Acknowledge  []string
	Gates        []gateView
	Acts         actsView
	Faults       []Link
	Warnings     []string
	ESECC        *esecc
	Advice       *adviceView
	Made         []madeView
	Changes      []changesView
	Facts        []factGroup
	OnePager     template.HTML
	Activity     []activityView
}

type turnView struct{ Who, For, Since string }

type environmentView struct {
	Name, Since, Error string
	State              Pill
	Stages             []stageView
	Steps              []stepView
}

type stageView struct {
	Name   string
	Answer Pill
	By     string
}

type stepView struct {
	Text  string
	State Pill
	Error string
}

// decideView is the form with which a reviewer answers one stage.
type decideView struct {
	ID, Stage, Environment, Name string
	Approve, Ask, Reject         bool
	WhyNot                       string
}

type promoteView struct {
	Environment, Label, WhyNot string
}

type gateView struct {
	ID, Kind, Title, Reason, Evidence, Expires, By string
	State                                          Pill
	Blocks                                         string
	Set                                            bool
}

// actsView says which plain acts are offered.
type actsView struct {
	Edit, Submit, Withdraw, Comment bool
	SubmitWhyNot                    string
}

type changesView struct {
	Since string
	Rows  []onboarding.Difference
}

type factGroup struct {
	Title string
	Facts []Fact
}

type activityView struct {
	At, Who, What, Text string
	Tone                Tone
	when                time.Time
}

func (p *Portal) requestShow(w http.ResponseWriter, v visit) error {
	shown, err := p.parts.Onboarding.View(v.Context(), v.actor, v.PathValue("id"))
	if err != nil {
		return err
	}
	return p.requestPage(w, v, http.StatusOK, shown, nil)
}

func (p *Portal) requestPage(w http.ResponseWriter, v visit, status int, shown onboarding.View, alert *Alert) error {
	r := shown.Request
	at := "/requests/" + url.PathEscape(r.ID)
	row := p.requestRow(v, r)
	view := requestView{ID: r.ID, At: at, Seen: r.ContentHash, Kind: kindName(r.Kind), State: row.State, Team: r.Team, Submitter: p.personName(v, r.Submitter),
		Submitted: day(r.SubmittedAt), Yours: row.MyTurn, Warnings: shown.Warnings, OnePager: p.guides.Markdown(shown.OnePager)}
	if _, err := p.parts.Catalog.Event(v.Context(), r.Event); err == nil {
		view.Event = &Link{r.Event, "/catalog/" + url.PathEscape(r.Event)}
	}
	view.Turns = p.turns(r)
	view.Environments = p.environmentViews(v, r)
	view.Live = slices.ContainsFunc(r.Environments, func(e eventbus.RequestEnvironment) bool {
		return e.State == eventbus.EnvApproved || e.State == eventbus.EnvProvisioning
	})
	p.offers(shown, &view)
	view.Gates = p.gateViews(v, shown)
	view.Faults = p.faultLinks(v, shown)
	if shown.ESECC != nil {
		view.ESECC = eseccOf(*shown.ESECC)
	}
	if shown.Advice != nil {
		view.Advice = adviceOf(*shown.Advice)
	}
	view.Made = p.made(v, r)
	for decision, rows := range shown.Changes {
		stage, by, _ := strings.Cut(decision, " ")
		view.Changes = append(view.Changes, changesView{"Changed since the " + stageName(eventbus.Stage(stage)) + " by " + p.personName(v, by), rows})
	}
	slices.SortFunc(view.Changes, func(a, b changesView) int { return strings.Compare(a.Since, b.Since) })
	view.Facts = p.requestFacts(v, r)
	view.Activity = p.activity(v, r)
	return p.render(w, v, status, "request", Shell{Title: row.Title, Wide: true, Alert: alert,
		Elsewhere: Elsewhere{CLI: p.cli("request", "show", r.ID), Curl: p.curl("/api/v1/requests/" + url.PathEscape(r.ID)), YAML: at + "/yaml"}, Crumbs: []Link{{"Requests", "/requests"}, {Text: row.Title}}}, view)
}

// turns says whose turn it is, one line for each that is waited for.
func (p *Portal) turns(r eventbus.Request) []turnView {
	var list []turnView
	for _, wait := range r.WaitingOn {
		who, what := sentence(roleName(wait.Who)), wait.For
		if wait.Stage != "" {
			what = strings.ToLower(stageName(wait.Stage)[:1]) + stageName(wait.Stage)[1:]
			if wait.Stage == eventbus.StageBus {
				what = stageName(wait.Stage)
			}
			if wait.Environment != "" {
				what += " for " + p.environmentLabel(wait.Environment)
			}
		}
		if i := slices.IndexFunc(list, func(t turnView) bool { return t.Who == who }); i >= 0 {
			if !strings.Contains(list[i].For, what) {
				list[i].For += "; " + what
			}
			continue
		}
		list = append(list, turnView{who, what, lasting(p.cfg.Now(), wait.Since)})
	}
	return list
}

func (p *Portal) environmentViews(v visit, r eventbus.Request) []environmentView {
	var list []environmentView
	for _, e := range r.Environments {
		view := environmentView{Name: p.environmentLabel(e.Name), State: environmentPill(e.State), Since: day(e.Since), Error: e.Error}
		for _, stage := range e.Stages {
			view.Stages = append(view.Stages, p.stage(v, r, stage, e.Name))
		}
		if e.PlanID != "" {
			_, steps, err := p.parts.Records.Plan(v.Context(), e.PlanID)
			for _, s := range steps {
				if err == nil {
					view.Steps = append(view.Steps, stepView{changeText(s.Change), stepPill(s.State), s.Error})
				}
			}
		}
		list = append(list, view)
	}
	return list
}

func (p *Portal) stage(v visit, r eventbus.Request, stage eventbus.Stage, environment string) stageView {
	view := stageView{Name: stageName(stage), Answer: Pill{"Waiting", ToneQuiet, "hourglass_empty"}}
	for _, a := range r.Approvals {
		if a.Stage != stage || a.Environment != "" && a.Environment != environment || a.Decision == eventbus.DecisionAcknowledge {
			continue
		}
		view.By = p.personName(v, a.By) + ", " + day(a.At)
		switch {
		case a.Void:
			view.Answer = Pill{"Void after an edit", ToneWarn, "warning"}
		case a.Decision == eventbus.DecisionApprove:
			view.Answer = Pill{"Approved", ToneGood, "check_circle"}
		case a.Decision == eventbus.DecisionAskChanges:
			view.Answer = Pill{"Changes asked", ToneWarn, "edit"}
		default:
			view.Answer = Pill{"Declined", ToneBad, "cancel"}
		}
	}
	return view
}

func stepPill(s eventbus.StepState) Pill {
	switch s {
	case eventbus.StepDone:
		return Pill{"Done", ToneGood, "check_circle"}
	case eventbus.StepRunning:
		return Pill{"Running", ToneInfo, "autorenew"}
	case eventbus.StepFailed:
		return Pill{"Failed", ToneBad, "error"}
	default:
		return Pill{"Waiting", ToneQuiet, "schedule"}
	}
}

func changeText(c eventbus.Change) string {
	text := sentence(string(c.Action)) + " " + strings.ReplaceAll(string(c.Resource), "-", " ") + " " + c.Name
	if c.Field != "" {
		text += " " + c.Field
	}
	switch {
	case c.Old != "" && c.New != "":
		text += ": " + c.Old + " → " + c.New
	case c.New != "" && len(c.New) < 80:
		text += ": " + c.New
	}
	return text
}

// offers sorts what the reader may do into the forms of the page.
func (p *Portal) offers(shown onboarding.View, view *requestView) {
	for _, a := range shown.Acts {
		switch a.Do {
		case "edit":
			view.Acts.Edit = true
		case "submit":
			view.Acts.Submit, view.Acts.SubmitWhyNot = a.WhyNot == "", a.WhyNot
		case "withdraw":
			view.Acts.Withdraw = true
		case "comment":
			view.Acts.Comment = true
		case "promote":
			view.Promote = append(view.Promote, promoteView{a.Environment, p.environmentLabel(a.Environment), a.WhyNot})
		case "acknowledge":
			view.Acknowledge = append(view.Acknowledge, a.Team)
		case string(eventbus.DecisionApprove), string(eventbus.DecisionAskChanges), string(eventbus.DecisionReject):
			if undecided(shown.Request, a) {
				p.offerDecision(a, view)
			}
		}
	}
}

// undecided reports whether a decision still has something to decide about: an
// environment that waits for its stage, or that could not be provisioned. What is
// active is changed by a request of its own.
func undecided(r eventbus.Request, a onboarding.Act) bool {
	return slices.ContainsFunc(r.Environments, func(e eventbus.RequestEnvironment) bool {
		return (e.State == eventbus.EnvWaiting || e.State == eventbus.EnvFailed) && slices.Contains(e.Stages, a.Stage) && (a.Environment == "" || a.Environment == e.Name)
	})
}

func (p *Portal) offerDecision(a onboarding.Act, view *requestView) {
	i := slices.IndexFunc(view.Decide, func(d decideView) bool { return d.Stage == string(a.Stage) && d.Environment == a.Environment })
	if i < 0 {
		d := decideView{ID: "decide-" + string(a.Stage) + a.Environment, Stage: string(a.Stage), Environment: a.Environment, Name: stageName(a.Stage)}
		if a.Environment != "" {
			d.Name += " for " + p.environmentLabel(a.Environment)
		}
		view.Decide = append(view.Decide, d)
		i = len(view.Decide) - 1
	}
	d := &view.Decide[i]
	switch eventbus.Decision(a.Do) {
	case eventbus.DecisionApprove:
		d.Approve = a.WhyNot == ""
		d.WhyNot, _, _ = strings.Cut(a.WhyNot, ": gates.") // the gates stand on the page themselves
		d.WhyNot = sentence(d.WhyNot)
	case eventbus.DecisionAskChanges:
		d.Ask = true
	default:
		d.Reject = true
	}
}

func (p *Portal) gateViews(v visit, shown onboarding.View) []gateView {
	var list []gateView
	for _, g := range shown.Request.Gates {
		view := gateView{ID: "gate-" + string(g.Kind), Kind: string(g.Kind), Title: g.Title, State: gatePill(g.State), Reason: sentence(g.Reason), Evidence: g.Evidence, Expires: g.Expires}
		if g.SetBy != "" {
			view.By = p.personName(v, g.SetBy) + ", " + day(g.SetAt)
		}
		var blocks []string
		for _, e := range g.Blocks {
			blocks = append(blocks, p.environmentLabel(e))
		}
		view.Blocks = strings.Join(blocks, ", ")
		view.Set = slices.ContainsFunc(shown.Acts, func(a onboarding.Act) bool { return a.Do == "gate" && a.Gate == g.Kind })
		list = append(list, view)
	}
	return list
}

// faultLinks leads from each fault of a draft to the field that it is about.
func (p *Portal) faultLinks(v visit, shown onboarding.View) []Link {
	if len(shown.Faults) == 0 {
		return nil
	}
	e := editing{request: shown.Request, steps: questions.Steps(shown.Request.Kind, p.formContext(v, shown.Request))}
	var list []Link
	for _, f := range shown.Faults {
		in, step := e.place(f.Path)
		if step < 0 {
			list = append(list, Link{Text: f.String()})
			continue
		}
		list = append(list, Link{in.Label + ": " + f.Message, stepURL(shown.Request.ID, step, in)})
	}
	return list
}

// requestFacts shows what was answered, step by step, without empty fields.
func (p *Portal) requestFacts(v visit, r eventbus.Request) []factGroup {
	d := questions.DocumentOf(r.Content)
	var groups []factGroup
	for _, step := range questions.Steps(r.Kind, p.formContext(v, r)) {
		group := factGroup{Title: step.Title}
		for _, g := range step.Groups {
			for _, in := range g.Inputs {
				text := questions.Shown(d.Get(in.Path))
				if text == "" || text == "false" {
					continue
				}
				if text == "true" && in.Kind == questions.Check {
					text = "Yes"
				}
				term := in.Label
				if strings.HasPrefix(in.Path, "access.") {
					term = g.Legend + ": " + term
				}
				group.Facts = append(group.Facts, Fact{Term: term, Text: text, Mono: in.Kind == questions.Code})
			}
		}
		if len(group.Facts) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

func (p *Portal) activity(v visit, r eventbus.Request) []activityView {
	list := []activityView{{when: r.CreatedAt, Who: p.personName(v, r.Submitter), What: "began the request", Tone: ToneQuiet}}
	if !r.SubmittedAt.IsZero() {
		list = append(list, activityView{when: r.SubmittedAt, Who: p.personName(v, r.Submitter), What: "submitted it", Tone: ToneInfo})
	}
	for _, a := range r.Approvals {
		item := activityView{when: a.At, Who: p.personName(v, a.By), Text: a.Reason, What: "approved: " + strings.ToLower(stageName(a.Stage)), Tone: ToneGood}
		switch a.Decision {
		case eventbus.DecisionAskChanges:
			item.What, item.Tone = "asked for changes: "+strings.ToLower(stageName(a.Stage)), ToneWarn
		case eventbus.DecisionReject:
			item.What, item.Tone = "declined: "+strings.ToLower(stageName(a.Stage)), ToneBad
		case eventbus.DecisionAcknowledge:
			item.What = "acknowledged for " + a.Team
		}
		list = append(list, item)
	}
	for _, c := range r.Comments {
		item := activityView{when: c.At, Who: p.personName(v, c.By), What: "commented", Text: c.Text, Tone: ToneQuiet}
		if c.Path != "" {
			item.What += " on " + c.Path
		}
		list = append(list, item)
	}
	slices.SortStableFunc(list, func(a, b activityView) int { return a.when.Compare(b.when) })
	for i := range list {
		list[i].At = moment(list[i].when)
	}
	return list
}

// requestAct does what a form of the page asks for, and shows the page again.
func (p *Portal) requestAct(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	id := v.PathValue("id")
	_, err := p.act(v, id)
	if err == nil {
		http.Redirect(w, v.Request, "/requests/"+url.PathEscape(id), http.StatusSeeOther)
		return nil
	}
	shown, viewErr := p.parts.Onboarding.View(v.Context(), v.actor, id)
	code := eventbus.CodeOf(err)
	if viewErr != nil || code == eventbus.CodeInternal || code == eventbus.CodeNotFound {
		return err
	}
	alert := &Alert{Tone: ToneBad, Heading: "Nothing was changed", Text: strings.TrimSuffix(sentence(message(err)), ".") + ". " + next(err, "")}
	if by := p.decidedBy(v, shown.Request); code == eventbus.CodeConflict && by != "" {
		alert = &Alert{Tone: ToneInfo, Heading: "Already approved by " + by, Text: "Nothing was changed by you. What stands now is below."}
	}
	return p.requestPage(w, v, statuses[code].status, shown, alert)
}

// decidedBy names who approved the stage that a form wanted to approve too.
func (p *Portal) decidedBy(v visit, r eventbus.Request) string {
	if v.PathValue("act") != "decide" || v.PostFormValue("decision") != string(eventbus.DecisionApprove) {
		return ""
	}
	by := ""
	for _, a := range r.Approvals {
		if string(a.Stage) == v.PostFormValue("stage") && a.Environment == v.PostFormValue("environment") {
			by = ""
			if a.Decision == eventbus.DecisionApprove && !a.Void {
				by = p.personName(v, a.By) + ", " + ago(p.cfg.Now(), a.At)
			}
		}
	}
	return by
}

func (p *Portal) act(v visit, id string) (eventbus.Request, error) {
	o, ctx := p.parts.Onboarding, v.Context()
	field := func(name string) string { return strings.TrimSpace(v.PostFormValue(name)) }
	switch v.PathValue("act") {
	case "submit":
		return o.Submit(ctx, v.actor, id)
	case "decide":
		return o.DecideOn(ctx, v.actor, id, field("seen"), eventbus.Stage(field("stage")), field("environment"), eventbus.Decision(field("decision")), field("reason"))
	case "comment":
		return o.Comment(ctx, v.actor, id, field("text"), field("path"))
	case "withdraw":
		return o.Withdraw(ctx, v.actor, id, field("reason"))
	case "promote":
		return o.Promote(ctx, v.actor, id, field("environment"))
	case "acknowledge":
		return o.Acknowledge(ctx, v.actor, id, field("team"), field("reason"))
	case "gate":
		return o.SetGate(ctx, v.actor, id, eventbus.GateKind(field("kind")), eventbus.GateState(field("state")), field("evidence"), field("expires"), field("reason"))
	default:
		return eventbus.Request{}, eventbus.Errorf(eventbus.CodeNotFound, "a request has no act %q", v.PathValue("act"))
	}
}

// requestYAML gives the request as the document that the command line and
// GitOps take.
func (p *Portal) requestYAML(w http.ResponseWriter, v visit) error {
	shown, err := p.parts.Onboarding.View(v.Context(), v.actor, v.PathValue("id"))
	if err != nil {
		return err
	}
	d, err := contentOf(shown.Request)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeCorrupt, "the request's content cannot be read: %w", err)
	}
	head := fmt.Sprintf("apiVersion: %s\nkind: %s\n", eventbus.APIVersion, shown.Request.Kind)
	body, err := yaml.Marshal(d)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInternal, "write the request as YAML: %w", err)
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+shown.Request.ID+`.yaml"`)
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append([]byte(head), body...))
	return nil
}
