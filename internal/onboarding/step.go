package onboarding

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// verb is what an act does; audit entries carry it as "request.VERB".
type verb string

const (
	verbEdit        verb = "edit"
	verbSubmit      verb = "submit"
	verbDecide      verb = "decide"
	verbComment     verb = "comment"
	verbWithdraw    verb = "withdraw"
	verbGate        verb = "gate"
	verbPromote     verb = "promote"
	verbAcknowledge verb = "acknowledge"
	verbClaim       verb = "provision" // the reconciler takes an approved environment
	verbApplied     verb = "applied"   // the reconciler reports
	verbTick        verb = "tick"      // time passes: expiry, lapse, removal
)

// act is one thing that somebody wants to do to a request; only the fields of
// its verb are set.
type act struct {
	verb        verb
	by          eventbus.Actor
	content     json.RawMessage // edit
	about       subject         // edit, submit: what the content says
	removal     string          // edit: the removal date that an offboarding means, written or by default
	stage       eventbus.Stage  // decide
	environment string          // decide, promote, claim, applied
	decision    eventbus.Decision
	reason      string
	text, path  string        // comment
	gate        eventbus.Gate // gate: kind, state, evidence, expires
	team        string        // acknowledge
	planID      string        // applied
	failure     string        // applied: empty when it worked
}

// world is what a step may look at beside the request. It is read before the
// step and never changed.
type world struct {
	now          time.Time
	environments []eventbus.Environment // all that exist, in order of promotion
	stages       []StageRule
	gates        []GateRule
	owner        string   // team that owns the event; empty for a new one
	taken        bool     // by another team: what asks to make the event comes too late
	consumers    []string // teams that consume the event today
	reading      []string // principals that read it lately, by "environment principal"
	expireAfter  time.Duration
	removal      string // offboarding: the day on which removal is due
}

func (w world) today() string { return w.now.UTC().Format(time.DateOnly) }

// step is the whole state machine: it gives the request after the act, or an
// error and the request as it was. It never changes the slices of r.
func step(r eventbus.Request, a act, w world) (eventbus.Request, error) {
	next := clone(r)
	if r.State.Final() && a.verb != verbComment {
		return r, eventbus.Errorf(eventbus.CodeConflict, "request %s is %s; nothing was changed", r.ID, r.State)
	}
	if err := perform(&next, a, w); err != nil {
		return r, err
	}
	settle(&next, w)
	next.UpdatedAt = w.now
	return next, nil
}

func perform(r *eventbus.Request, a act, w world) error {
	switch a.verb {
	case verbEdit:
		return edit(r, a, w)
	case verbSubmit:
		return submit(r, a, w)
	case verbDecide:
		return decide(r, a, w)
	case verbComment:
		r.Comments = append(r.Comments, eventbus.Comment{By: a.by.Name(), At: w.now, Text: a.text, Path: a.path})
		return nil
	case verbWithdraw:
		return withdraw(r, a)
	case verbGate:
		return setGate(r, a, w)
	case verbPromote:
		return promote(r, a, w)
	case verbAcknowledge:
		return acknowledge(r, a, w)
	case verbClaim:
		return claim(r, a, w)
	case verbApplied:
		return applied(r, a, w)
	case verbTick:
		return tick(r, w)
	default:
		return eventbus.Errorf(eventbus.CodeInternal, "no step %q", a.verb)
	}
}

func clone(r eventbus.Request) eventbus.Request {
	r.Authors = slices.Clone(r.Authors)
	r.Environments = slices.Clone(r.Environments)
	for i := range r.Environments {
		r.Environments[i].Stages = slices.Clone(r.Environments[i].Stages)
	}
	r.Approvals = slices.Clone(r.Approvals)
	r.Gates = slices.Clone(r.Gates)
	r.Comments = slices.Clone(r.Comments)
	r.WaitingOn = slices.Clone(r.WaitingOn)
	r.Consumers = slices.Clone(r.Consumers)
	r.Notices = slices.Clone(r.Notices)
	r.Snapshots = maps.Clone(r.Snapshots)
	return r
}

// inFlight names an environment that is being provisioned with the approved
// content, which must not change beneath it.
func inFlight(r eventbus.Request) (string, bool) {
	for _, e := range r.Environments {
		if e.State == eventbus.EnvApproved || e.State == eventbus.EnvProvisioning {
			return e.Name, true
		}
	}
	return "", false
}

func underReview(s eventbus.RequestState) bool {
	return s == eventbus.RequestSubmitted || s == eventbus.RequestApproved || s == eventbus.RequestActive
}

func edit(r *eventbus.Request, a act, w world) error {
	if !a.by.Person.In(r.Team) {
		return eventbus.Errorf(eventbus.CodeForbidden, "only team %s edits request %s; nothing was saved", r.Team, r.ID)
	}
	if a.about.team != r.Team {
		return eventbus.Errorf(eventbus.CodeForbidden, "request %s belongs to team %s and cannot move to %q; nothing was saved", r.ID, r.Team, a.about.team)
	}
	if name, busy := inFlight(*r); busy {
		return eventbus.Errorf(eventbus.CodeConflict, "request %s is being provisioned in %s; edit it when that is done. Nothing was saved", r.ID, name)
	}
	addAuthor(r, a.by.Person.ID)
	hash := hashOf(a.content)
	if hash == r.ContentHash {
		return nil
	}
	if !r.SubmittedAt.IsZero() && a.about.event != r.Event {
		return eventbus.Errorf(eventbus.CodeInvalid, "request %s is about event %s; make a new request for %q. Nothing was saved", r.ID, r.Event, a.about.event)
	}
	if err := removalStays(*r, a, w); err != nil {
		return err
	}
	r.Content, r.ContentHash, r.Title, r.Event = a.content, hash, a.about.title, a.about.event
	voidStale(r)
	reopenStale(r, w.gates)
	if r.State != eventbus.RequestDraft {
		r.State = eventbus.RequestChangesAsked
	}
	for i := range r.Environments {
		e := &r.Environments[i]
		if e.State == eventbus.EnvActive || e.State == eventbus.EnvFailed {
			e.State, e.Since, e.Remove = eventbus.EnvWaiting, w.now, false
		}
	}
	return nil
}

// addAuthor notes that a person had a part in what is written: none of them
// approves it.
func addAuthor(r *eventbus.Request, person string) {
	if !slices.Contains(r.Authors, person) {
		r.Authors = append(r.Authors, person)
	}
}

// removalStays keeps a promise: once consumers have been told of a removal
// date, it may move later, never earlier.
func removalStays(r eventbus.Request, a act, w world) error {
	told := slices.Contains(r.Notices, "removal:start")
	if r.Kind == eventbus.OffboardingRequest && told && a.removal != "" && a.removal < w.removal {
		return eventbus.Errorf(eventbus.CodeInvalid, "consumers were told %s; a removal date never moves earlier. Nothing was saved", w.removal)
	}
	return nil
}

// voidStale voids every approval whose sections have changed, for ever.
func voidStale(r *eventbus.Request) {
	for i := range r.Approvals {
		if a := &r.Approvals[i]; a.SeenHash != seenHash(r.Content, a.Stage) {
			a.Void = true
		}
	}
}

// reopenStale opens every gate whose decision rested on what has changed.
func reopenStale(r *eventbus.Request, rules []GateRule) {
	for i := range r.Gates {
		g := &r.Gates[i]
		if rule, known := ruleOf(rules, g.Kind); g.SetBy != "" && (!known || rule.seen(*r) != g.SeenHash) {
			g.State, g.SetBy, g.Reason = eventbus.GateOpen, "", "what the decision rested on was edited"
		}
	}
}

func submit(r *eventbus.Request, a act, w world) error {
	if r.State != eventbus.RequestDraft && r.State != eventbus.RequestChangesAsked {
		return eventbus.Errorf(eventbus.CodeConflict, "request %s is %s already; nothing was changed", r.ID, r.State)
	}
	if !a.by.Person.In(r.Team) {
		return eventbus.Errorf(eventbus.CodeForbidden, "only team %s submits request %s; nothing was changed", r.Team, r.ID)
	}
	r.Submitter, r.State, r.SubmittedAt = a.by.Person.ID, eventbus.RequestSubmitted, w.now
	addAuthor(r, a.by.Person.ID)
	asked := askedEnvironments(w.environments, a.about)
	r.Environments = mergeEnvironments(*r, a, w, asked)
	r.Gates = gatesFor(w.gates, *r, a.about, asked)
	if r.Kind == eventbus.ChangeRequest || r.Kind == eventbus.OffboardingRequest {
		r.Consumers = slices.Clone(w.consumers)
	}
	return nil
}

// askedEnvironments resolves the names that a content gives; none means all.
func askedEnvironments(all []eventbus.Environment, s subject) []eventbus.Environment {
	var asked []eventbus.Environment
	for _, e := range all {
		if len(s.environments) == 0 || slices.Contains(s.environments, e.Name) {
			asked = append(asked, e)
		}
	}
	return asked
}

// mergeEnvironments keeps the standing of environments that are still asked
// for, or that something was provisioned in, and adds new ones.
func mergeEnvironments(r eventbus.Request, a act, w world, asked []eventbus.Environment) []eventbus.RequestEnvironment {
	var merged []eventbus.RequestEnvironment
	for _, e := range w.environments {
		old, known := r.Environment(e.Name)
		wanted := slices.ContainsFunc(asked, func(o eventbus.Environment) bool { return o.Name == e.Name })
		if !wanted && (!known || old.PlanID == "") {
			continue
		}
		now := eventbus.RequestEnvironment{Name: e.Name, State: eventbus.EnvWaiting, Since: w.now, Stages: stagesFor(w.stages, r.Kind, a.about, e)}
		if slices.Contains(now.Stages, eventbus.StageProduction) {
			now.State = eventbus.EnvLater
		}
		if known {
			now.State, now.Since, now.PlanID, now.Error, now.Remove = old.State, old.Since, old.PlanID, old.Error, old.Remove
		}
		merged = append(merged, now)
	}
	return merged
}

func withdraw(r *eventbus.Request, a act) error {
	if !a.by.Person.In(r.Team) && a.by.Person.ID != r.Submitter {
		return eventbus.Errorf(eventbus.CodeForbidden, "only team %s withdraws request %s; nothing was changed", r.Team, r.ID)
	}
	for _, e := range r.Environments {
		if e.PlanID != "" || e.State == eventbus.EnvApproved || e.State == eventbus.EnvProvisioning {
			return eventbus.Errorf(eventbus.CodeConflict, "request %s is provisioned in %s; ask for offboarding instead. Nothing was changed", r.ID, e.Name)
		}
	}
	r.State = eventbus.RequestWithdrawn
	return nil
}

func promote(r *eventbus.Request, a act, w world) error {
	if !a.by.Person.In(r.Team) {
		return eventbus.Errorf(eventbus.CodeForbidden, "only team %s asks for promotion; nothing was changed", r.Team)
	}
	e := environmentAt(r, a.environment)
	if e == nil {
		return eventbus.Errorf(eventbus.CodeNotFound, "request %s does not ask for environment %q", r.ID, a.environment)
	}
	if e.State != eventbus.EnvPromotable {
		return eventbus.Errorf(eventbus.CodeConflict, "%s is %s, not promotable: the lower environments must be active first, and a promotion is asked for once. Nothing was changed", e.Name, e.State)
	}
	e.State, e.Since = eventbus.EnvWaiting, w.now
	return nil
}

func environmentAt(r *eventbus.Request, name string) *eventbus.RequestEnvironment {
	for i := range r.Environments {
		if r.Environments[i].Name == name {
			return &r.Environments[i]
		}
	}
	return nil
}

func acknowledge(r *eventbus.Request, a act, w world) error {
	if !underReview(r.State) {
		return eventbus.Errorf(eventbus.CodeConflict, "request %s is %s; there is nothing to acknowledge", r.ID, r.State)
	}
	if !slices.Contains(r.Consumers, a.team) || !a.by.Person.In(a.team) {
		return eventbus.Errorf(eventbus.CodeForbidden, "request %s awaits no acknowledgement%s that you may give; nothing was changed", r.ID, of(a.team))
	}
	if acknowledged(*r, a.team) {
		return eventbus.Errorf(eventbus.CodeConflict, "team %s has acknowledged already", a.team)
	}
	r.Approvals = append(r.Approvals, eventbus.Approval{Decision: eventbus.DecisionAcknowledge, By: a.by.Person.ID, At: w.now,
		ContentHash: r.ContentHash, SeenHash: seenHash(r.Content, ""), Team: a.team, Reason: a.reason})
	return nil
}

func of(team string) string {
	if team == "" {
		return ""
	}
	return " of team " + team
}

func acknowledged(r eventbus.Request, team string) bool {
	return slices.ContainsFunc(r.Approvals, func(a eventbus.Approval) bool {
		return a.Decision == eventbus.DecisionAcknowledge && !a.Void && a.Team == team && a.SeenHash == seenHash(r.Content, "")
	})
}

func setGate(r *eventbus.Request, a act, w world) error {
	i := gateOf(*r, a.gate.Kind)
	rule, known := ruleOf(w.gates, a.gate.Kind)
	if i < 0 || !known {
		return eventbus.Errorf(eventbus.CodeNotFound, "request %s has no gate %q", r.ID, a.gate.Kind)
	}
	if !slices.ContainsFunc(rule.Reviewers, a.by.Person.Has) {
		return eventbus.Errorf(eventbus.CodeForbidden, "gate %s is set by a %s; nothing was changed", rule.Kind, strings.ReplaceAll(joined(rule.Reviewers), ", ", " or a "))
	}
	if mine(*r, a.by.Person.ID) {
		return eventbus.Errorf(eventbus.CodeForbidden, "nobody sets a gate of an own request; nothing was changed")
	}
	if faults := gateFaults(a, w); len(faults) > 0 {
		return eventbus.Invalid("the gate was not changed", faults...)
	}
	g := &r.Gates[i]
	g.State, g.Reason, g.SetBy, g.SetAt, g.SeenHash = a.gate.State, a.reason, a.by.Person.ID, w.now, rule.seen(*r)
	if a.gate.Evidence != "" {
		g.Evidence = a.gate.Evidence
	}
	if a.gate.Expires != "" {
		g.Expires = a.gate.Expires
	}
	if g.State == eventbus.GatePassed && g.Evidence == "" {
		return eventbus.Invalid("the gate was not changed", eventbus.Fault{Path: "evidence", Message: "a passed gate needs evidence", Fix: "write an id, a date or a link"})
	}
	if g.State == eventbus.GatePassed && g.Expires != "" && g.Expires < w.today() {
		return eventbus.Invalid("the gate was not changed", eventbus.Fault{Path: "expires", Message: "the evidence expired on " + g.Expires, Fix: "give newer evidence and its date"})
	}
	return nil
}

func gateFaults(a act, w world) []eventbus.Fault {
	var faults []eventbus.Fault
	switch a.gate.State {
	case eventbus.GateOpen, eventbus.GatePassed:
	case eventbus.GateNotRequired, eventbus.GateFailed:
		if a.reason == "" {
			faults = append(faults, eventbus.Fault{Path: "reason", Message: "is missing", Fix: "say why the gate is " + string(a.gate.State)})
		}
	default:
		faults = append(faults, eventbus.Fault{Path: "state", Message: fmt.Sprintf("a reviewer cannot set %q", a.gate.State), Fix: "write open, passed, not-required or failed"})
	}
	if _, err := time.Parse(time.DateOnly, a.gate.Expires); a.gate.Expires != "" && err != nil {
		faults = append(faults, eventbus.Fault{Path: "expires", Message: "is not a date", Fix: "write YYYY-MM-DD"})
	}
	return faults
}

// mine reports whether a person submitted or edited the request.
func mine(r eventbus.Request, person string) bool {
	return person == "" || person == r.Submitter || slices.Contains(r.Authors, person)
}
