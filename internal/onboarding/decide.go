package onboarding

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func decide(r *eventbus.Request, a act, w world) error {
	if !underReview(r.State) {
		return eventbus.Errorf(eventbus.CodeConflict, "request %s is %s; it can be decided when it is submitted. Nothing was changed", r.ID, r.State)
	}
	needed := slices.ContainsFunc(r.Environments, func(e eventbus.RequestEnvironment) bool {
		return slices.Contains(e.Stages, a.stage) && (a.stage != eventbus.StageProduction || e.Name == a.environment)
	})
	if !needed {
		return eventbus.Invalid("nothing was decided", eventbus.Fault{Path: "stage", Message: fmt.Sprintf("request %s does not need stage %q%s", r.ID, a.stage, in(a.environment)),
			Fix: "the stages are " + stageNames(*r)})
	}
	if a.stage != eventbus.StageProduction {
		a.environment = ""
	}
	if by := approvedBy(*r, a.stage, a.environment); by != "" && a.decision == eventbus.DecisionApprove {
		return eventbus.Errorf(eventbus.CodeConflict, "stage %s is already approved by %s; nothing was changed", a.stage, by)
	}
	if err := mayDecide(*r, a, w); err != nil {
		return err
	}
	if w.taken && a.decision == eventbus.DecisionApprove {
		return &eventbus.Error{Code: eventbus.CodeConflict, Message: fmt.Sprintf("event %s belongs to team %s meanwhile; nothing was approved", r.Event, w.owner),
			Next: "reject the request, or ask for changes: another name, or a ChangeRequest of that team"}
	}
	if a.decision != eventbus.DecisionApprove && strings.TrimSpace(a.reason) == "" {
		return eventbus.Invalid("nothing was decided", eventbus.Fault{Path: "reason", Message: "is missing", Fix: "say what the team should change, or why the request is rejected"})
	}
	if err := consequences(r, a, w); err != nil {
		return err
	}
	r.Approvals = append(r.Approvals, eventbus.Approval{Stage: a.stage, Environment: a.environment, Decision: a.decision, By: a.by.Person.ID,
		At: w.now, ContentHash: r.ContentHash, SeenHash: seenHash(r.Content, a.stage), Reason: a.reason})
	snapshot(r)
	return nil
}

func in(environment string) string {
	if environment == "" {
		return ""
	}
	return " in " + environment
}

func stageNames(r eventbus.Request) string {
	var names []string
	for _, e := range r.Environments {
		for _, s := range e.Stages {
			if !slices.Contains(names, string(s)) {
				names = append(names, string(s))
			}
		}
	}
	return strings.Join(names, ", ")
}

// mayDecide is the four-eyes rule; it compares persons, never accounts.
func mayDecide(r eventbus.Request, a act, w world) error {
	person := a.by.Person
	role := a.stage.Reviewer()
	switch {
	case a.by.System != "" || person.ID == "":
		return eventbus.Errorf(eventbus.CodeForbidden, "a stage is decided by a person; nothing was changed")
	case mine(r, person.ID):
		return eventbus.Errorf(eventbus.CodeForbidden, "you submitted or edited request %s; another %s decides it. Nothing was changed", r.ID, role)
	case !person.Has(role):
		return eventbus.Errorf(eventbus.CodeForbidden, "stage %s is decided by a %s; nothing was changed", a.stage, role)
	case a.stage == eventbus.StageOwner && !person.In(ownerTeam(r, w)):
		return eventbus.Errorf(eventbus.CodeForbidden, "event %s belongs to team %s; a product owner of that team decides. Nothing was changed", r.Event, ownerTeam(r, w))
	}
	for _, other := range r.Approvals {
		if a.decision == eventbus.DecisionApprove && counts(r, other) && other.By == person.ID && other.Stage.Reviewer() != role {
			return eventbus.Errorf(eventbus.CodeForbidden, "you approved stage %s of request %s; stage %s needs another person. Nothing was changed", other.Stage, r.ID, a.stage)
		}
	}
	return nil
}

// ownerTeam is the team whose product owner decides: that of the event, or for
// an event that does not exist yet the team that asks.
func ownerTeam(r eventbus.Request, w world) string {
	if w.owner != "" {
		return w.owner
	}
	return r.Team
}

// consequences does what a decision means beyond being recorded.
func consequences(r *eventbus.Request, a act, w world) error {
	target := environmentAt(r, a.environment) // of the stage production only
	if target != nil && target.State != eventbus.EnvWaiting {
		return eventbus.Errorf(eventbus.CodeConflict, "%s is %s: nobody has asked for its promotion, or it is decided. Nothing was changed", target.Name, target.State)
	}
	switch a.decision {
	case eventbus.DecisionApprove:
		if target == nil {
			return nil
		}
		return gatesHold(*r, target.Name, w)
	case eventbus.DecisionAskChanges:
		if name, busy := inFlight(*r); busy {
			return eventbus.Errorf(eventbus.CodeConflict, "request %s is being provisioned in %s; ask for changes when that is done", r.ID, name)
		}
		r.State = eventbus.RequestChangesAsked
		return nil
	case eventbus.DecisionReject:
		return reject(r, target, w)
	default:
		return eventbus.Invalid("nothing was decided", eventbus.Fault{Path: "decision", Message: fmt.Sprintf("%q is not a decision", a.decision), Fix: "write approve, ask-changes or reject"})
	}
}

func gatesHold(r eventbus.Request, environment string, w world) error {
	missing := missingGates(r, environment, w.today())
	if len(missing) == 0 {
		return nil
	}
	faults := make([]eventbus.Fault, len(missing))
	for i, g := range missing {
		faults[i] = eventbus.Fault{Path: "gates." + string(g.Kind), Message: g.Title + ": " + string(g.State), Fix: "a reviewer sets the gate with its evidence"}
	}
	e := eventbus.Errorf(eventbus.CodeConflict, "%d gates block %s; nothing was approved", len(missing), environment)
	e.Faults = faults
	return e
}

// reject ends a promotion, or the whole request when nothing is provisioned.
func reject(r *eventbus.Request, target *eventbus.RequestEnvironment, w world) error {
	if target != nil {
		target.State, target.Since = eventbus.EnvPromotable, w.now
		return nil
	}
	for _, e := range r.Environments {
		if e.PlanID != "" || e.State == eventbus.EnvApproved || e.State == eventbus.EnvProvisioning {
			return eventbus.Errorf(eventbus.CodeConflict, "request %s is provisioned in %s; ask for changes or offboarding instead. Nothing was changed", r.ID, e.Name)
		}
	}
	r.State = eventbus.RequestRejected
	return nil
}

// counts reports whether an approval is in force for the content as it is.
func counts(r eventbus.Request, a eventbus.Approval) bool {
	return a.Decision == eventbus.DecisionApprove && !a.Void && a.SeenHash == seenHash(r.Content, a.Stage)
}

// approvedBy gives the person whose approval of a stage is in force, "" for
// none. A later question about the same stage takes an approval back.
func approvedBy(r eventbus.Request, stage eventbus.Stage, environment string) string {
	by := ""
	for _, a := range r.Approvals {
		if a.Stage != stage || a.Environment != environment || a.Decision == eventbus.DecisionAcknowledge {
			continue
		}
		by = ""
		if counts(r, a) {
			by = a.By
		}
	}
	return by
}

// snapshots kept per request; the oldest that no counting approval saw go first.
const maxSnapshots = 6

func snapshot(r *eventbus.Request) {
	if r.Snapshots == nil {
		r.Snapshots = map[string]json.RawMessage{}
	}
	r.Snapshots[r.ContentHash] = r.Content
	kept := map[string]bool{}
	for i := len(r.Approvals) - 1; i >= 0 && len(kept) < maxSnapshots; i-- {
		kept[r.Approvals[i].ContentHash] = true
	}
	for hash := range r.Snapshots {
		if !kept[hash] {
			delete(r.Snapshots, hash)
		}
	}
}

// ready reports whether an environment may be provisioned: every stage is
// approved, by enough different people, gates hold, consumers have answered, and
// no other team has made the event meanwhile.
func ready(r eventbus.Request, e eventbus.RequestEnvironment, w world) bool {
	if w.taken {
		return false
	}
	byRole := map[eventbus.Role]string{}
	for _, stage := range e.Stages {
		by := approvedBy(r, stage, stageEnvironment(stage, e.Name))
		if by == "" || mine(r, by) {
			return false
		}
		for role, other := range byRole {
			if other == by && role != stage.Reviewer() {
				return false
			}
		}
		byRole[stage.Reviewer()] = by
	}
	return len(e.Stages) > 0 && len(missingGates(r, e.Name, w.today())) == 0 && len(unanswered(r, e, w)) == 0
}

func stageEnvironment(stage eventbus.Stage, environment string) string {
	if stage == eventbus.StageProduction {
		return environment
	}
	return ""
}

// unanswered lists the consuming teams whose acknowledgement of a change is
// awaited: before production, unless the change is an emergency.
func unanswered(r eventbus.Request, e eventbus.RequestEnvironment, w world) []string {
	if r.Kind != eventbus.ChangeRequest || !slices.Contains(e.Stages, eventbus.StageProduction) || emergency(r) {
		return nil
	}
	var teams []string
	for _, team := range r.Consumers {
		if team != r.Team && !acknowledged(r, team) {
			teams = append(teams, team)
		}
	}
	return teams
}

// emergency reports whether a change says that it cannot wait for consumers.
func emergency(r eventbus.Request) bool {
	text := sections(r.Content)["emergency"]
	return len(text) > 0 && string(text) != `""`
}

// settle brings the derived parts up to date: environments that became ready,
// production that became promotable, the state, and whose turn it is.
func settle(r *eventbus.Request, w world) {
	if underReview(r.State) {
		for i := range r.Environments {
			e := &r.Environments[i]
			switch {
			case e.State == eventbus.EnvLater && lowerDone(*r):
				e.State, e.Since = eventbus.EnvPromotable, w.now
			case e.State == eventbus.EnvWaiting && ready(*r, *e, w):
				e.State, e.Since, e.Error = eventbus.EnvApproved, w.now, ""
			case e.State == eventbus.EnvFailed && !e.Remove && !ready(*r, *e, w): // an approval was taken back, or evidence has lapsed
				e.State, e.Since = eventbus.EnvWaiting, w.now
			}
		}
		r.State = stateOf(*r)
	}
	r.WaitingOn = waitingOn(*r, w)
}

// lowerDone reports whether every environment that needs no promotion is
// active; a request for production alone waits for its other stages first.
func lowerDone(r eventbus.Request) bool {
	lower := 0
	for _, e := range r.Environments {
		if slices.Contains(e.Stages, eventbus.StageProduction) {
			continue
		}
		lower++
		if e.State != eventbus.EnvActive {
			return false
		}
	}
	if lower > 0 {
		return true
	}
	return approvedBy(r, eventbus.StageBus, "") != "" && approvedBy(r, eventbus.StageOwner, "") != ""
}

func stateOf(r eventbus.Request) eventbus.RequestState {
	state := eventbus.RequestSubmitted
	for _, e := range r.Environments {
		switch e.State {
		case eventbus.EnvApproved, eventbus.EnvProvisioning, eventbus.EnvFailed:
			return eventbus.RequestApproved
		case eventbus.EnvActive, eventbus.EnvRemoved:
			state = eventbus.RequestActive
		}
	}
	return state
}

// waitingOn says whose turn it is; Since survives while the reason stays.
func waitingOn(r eventbus.Request, w world) []eventbus.Waiting {
	var list []eventbus.Waiting
	add := func(wait eventbus.Waiting) {
		wait.Since = w.now
		for _, old := range r.WaitingOn {
			if old.Who == wait.Who && old.For == wait.For && old.Stage == wait.Stage && old.Environment == wait.Environment {
				wait.Since = old.Since
			}
		}
		if !slices.Contains(list, wait) {
			list = append(list, wait)
		}
	}
	switch {
	case r.State == eventbus.RequestDraft:
		add(eventbus.Waiting{Who: "submitter", For: "the draft to be submitted"})
	case r.State == eventbus.RequestChangesAsked:
		add(eventbus.Waiting{Who: "submitter", For: "the changes that were asked for, and submitting again"})
	case underReview(r.State):
		for _, e := range r.Environments {
			waitingIn(r, e, w, add)
		}
	}
	return list
}

func waitingIn(r eventbus.Request, e eventbus.RequestEnvironment, w world, add func(eventbus.Waiting)) {
	switch e.State {
	case eventbus.EnvActive:
		if r.Kind == eventbus.OffboardingRequest && w.removal != "" {
			why := "the removal on " + w.removal
			if w.removal <= w.today() {
				why = "the last readers to leave: removal was due on " + w.removal
			}
			add(eventbus.Waiting{Who: "bus", For: why, Environment: e.Name})
		}
	case eventbus.EnvApproved, eventbus.EnvProvisioning:
		add(eventbus.Waiting{Who: "bus", For: "provisioning in " + e.Name, Environment: e.Name})
	case eventbus.EnvFailed:
		add(eventbus.Waiting{Who: "bus", For: "provisioning in " + e.Name + ", which failed and is tried again", Environment: e.Name})
	case eventbus.EnvWaiting:
		for _, stage := range e.Stages {
			in := stageEnvironment(stage, e.Name)
			if approvedBy(r, stage, in) != "" {
				continue
			}
			why := "approval of stage " + string(stage)
			if stage == eventbus.StageOwner {
				why += " by a product owner of team " + ownerTeam(r, w)
			}
			add(eventbus.Waiting{Who: string(stage.Reviewer()), For: why, Stage: stage, Environment: in})
		}
		for _, g := range missingGates(r, e.Name, w.today()) {
			who := "submitter"
			if rule, ok := ruleOf(w.gates, g.Kind); ok && len(rule.Reviewers) > 0 {
				who = string(rule.Reviewers[0])
			}
			add(eventbus.Waiting{Who: who, For: "gate " + string(g.Kind) + " (" + g.Title + ")", Environment: e.Name})
		}
		for _, team := range unanswered(r, e, w) {
			add(eventbus.Waiting{Who: team, For: "acknowledgement of the change", Environment: e.Name})
		}
	}
}

// claim marks an approved environment as being provisioned.
func claim(r *eventbus.Request, a act, w world) error {
	e := environmentAt(r, a.environment)
	if e == nil || !underReview(r.State) || e.State != eventbus.EnvApproved && e.State != eventbus.EnvFailed && e.State != eventbus.EnvProvisioning {
		return eventbus.Errorf(eventbus.CodeConflict, "request %s has nothing to provision in %q", r.ID, a.environment)
	}
	if e.State != eventbus.EnvProvisioning {
		e.State, e.Since = eventbus.EnvProvisioning, w.now
	}
	return nil
}

func applied(r *eventbus.Request, a act, w world) error {
	e := environmentAt(r, a.environment)
	if e == nil || e.State != eventbus.EnvProvisioning {
		return eventbus.Errorf(eventbus.CodeConflict, "request %s is not being provisioned in %q", r.ID, a.environment)
	}
	e.Since = w.now
	if a.planID != "" {
		e.PlanID = a.planID
	}
	switch {
	case a.failure != "":
		e.State, e.Error = eventbus.EnvFailed, a.failure
	case e.Remove:
		e.State, e.Error = eventbus.EnvRemoved, ""
	default:
		e.State, e.Error = eventbus.EnvActive, ""
	}
	if a.failure == "" && e.PlanID == "" {
		e.PlanID = "none" // applied with nothing to change; marks the environment as provisioned
	}
	return nil
}

// tick lets time pass: unanswered requests expire, evidence lapses, and the
// removal of a retired event falls due when nobody reads it any more.
func tick(r *eventbus.Request, w world) error {
	for i := range r.Gates {
		if g := &r.Gates[i]; g.State == eventbus.GatePassed && g.Expires != "" && g.Expires < w.today() {
			g.State = eventbus.GateLapsed
		}
	}
	if r.Kind == eventbus.OffboardingRequest && w.removal != "" && w.removal <= w.today() && underReview(r.State) {
		for i := range r.Environments {
			e := &r.Environments[i]
			if e.State == eventbus.EnvActive && !e.Remove && !readIn(w, e.Name) {
				e.State, e.Since, e.Remove = eventbus.EnvApproved, w.now, true
			}
		}
	}
	stale := r.State == eventbus.RequestSubmitted || r.State == eventbus.RequestChangesAsked
	for _, e := range r.Environments {
		stale = stale && e.PlanID == ""
	}
	if stale && w.expireAfter > 0 && w.now.Sub(r.UpdatedAt) > w.expireAfter {
		r.State = eventbus.RequestExpired
	}
	return nil
}

func readIn(w world, environment string) bool {
	return slices.ContainsFunc(w.reading, func(s string) bool { return strings.HasPrefix(s, environment+" ") })
}

// daysUntil counts whole days from today to a date; ok is false for no date.
func daysUntil(date string, now time.Time) (days int, ok bool) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return 0, false
	}
	today, _ := time.Parse(time.DateOnly, now.UTC().Format(time.DateOnly))
	return int(day.Sub(today).Hours() / 24), true
}
