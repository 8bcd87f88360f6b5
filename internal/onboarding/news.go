package onboarding

import (
	"fmt"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// actionName is the audit action of an act: "request.approve", "request.gate".
func actionName(a act) string {
	if a.verb == verbDecide {
		return "request." + string(a.decision)
	}
	return "request." + string(a.verb)
}

func (s *Service) entry(actor eventbus.Actor, verb string, r eventbus.Request, reason string) eventbus.AuditEntry {
	if !strings.Contains(verb, ".") {
		verb = "request." + verb
	}
	return eventbus.AuditEntry{Time: s.now(), Actor: actor.Name(), Action: verb, Resource: r.ID, Outcome: eventbus.OutcomeAllowed,
		Reason: reason, From: actor.From, Detail: map[string]string{"event": r.Event, "team": r.Team, "contentHash": r.ContentHash}}
}

// entries are the audit entries of one step.
func (s *Service) entries(before, after eventbus.Request, a act) []eventbus.AuditEntry {
	e := s.entry(a.by, actionName(a), after, a.reason)
	set := func(key, value string) {
		if value != "" {
			e.Detail[key] = value
		}
	}
	set("stage", string(a.stage))
	set("environment", a.environment)
	set("gate", string(a.gate.Kind))
	set("gateState", string(a.gate.State))
	set("evidence", a.gate.Evidence)
	set("token", a.by.Token)
	set("forTeam", a.team)
	set("plan", a.planID)
	if before.State != after.State {
		set("state", string(before.State)+" → "+string(after.State))
	}
	for _, env := range after.Environments {
		if old, _ := before.Environment(env.Name); old.State != env.State {
			set("state."+env.Name, string(old.State)+" → "+string(env.State))
		}
	}
	for i := range after.Approvals {
		if i < len(before.Approvals) && after.Approvals[i].Void && !before.Approvals[i].Void {
			set("voided."+string(after.Approvals[i].Stage), after.Approvals[i].By)
		}
	}
	if a.failure != "" {
		e.Outcome, e.Reason = eventbus.OutcomeFailed, a.failure
	}
	return []eventbus.AuditEntry{e}
}

// news are the notifications of one step: to whom the turn passes, and to the
// team about what became of its request.
func news(before, after eventbus.Request, a act, w world) []eventbus.Notification {
	n := newsroom{r: after, w: w}
	for _, wait := range after.WaitingOn {
		known := slices.ContainsFunc(before.WaitingOn, func(old eventbus.Waiting) bool { return old == wait })
		if !known && wait.Who != "bus" {
			n.tell(turnOf(after, wait, w), "Your turn: "+after.Title, fmt.Sprintf("Request %s of team %s waits for %s.", after.ID, after.Team, wait.For))
		}
	}
	n.decision(a)
	if before.State != after.State && after.State.Final() {
		n.tell(eventbus.Audience{Team: after.Team}, after.Title+": "+string(after.State), fmt.Sprintf("Request %s is %s. %s", after.ID, after.State, a.reason))
	}
	for _, e := range after.Environments {
		if old, _ := before.Environment(e.Name); old.State != e.State {
			n.environment(e)
		}
	}
	if a.verb == verbSubmit {
		for _, team := range after.Consumers {
			n.tell(eventbus.Audience{Team: team}, "About an event that you consume: "+after.Title,
				fmt.Sprintf("Team %s asks in request %s to change or retire event %s. Please read it and acknowledge.", after.Team, after.ID, after.Event))
		}
	}
	if a.verb == verbTick {
		n.notices(before)
	}
	return n.list
}

// turnOf says whom a waiting entry addresses.
func turnOf(r eventbus.Request, wait eventbus.Waiting, w world) eventbus.Audience {
	switch {
	case wait.Who == "submitter":
		return eventbus.Audience{Person: r.Submitter}
	case wait.Stage == eventbus.StageOwner:
		return eventbus.Audience{Team: ownerTeam(r, w)}
	case slices.Contains(eventbus.Roles(), eventbus.Role(wait.Who)):
		return eventbus.Audience{Role: eventbus.Role(wait.Who)}
	default:
		return eventbus.Audience{Team: wait.Who}
	}
}

type newsroom struct {
	r    eventbus.Request
	w    world
	list []eventbus.Notification
}

// tell adds a notification once; its id is made of what it tells, to whom, and
// the version of the request, so that a repeated step tells nobody twice.
func (n *newsroom) tell(to eventbus.Audience, subject, body string) {
	key := fmt.Sprintf("%s|%d|%s|%s|%s|%s|%s", n.r.ID, n.r.Version, to.Person, to.Team, to.Role, subject, body)
	n.add(hashOf([]byte(key))[:32], to, subject, body)
}

func (n *newsroom) add(id string, to eventbus.Audience, subject, body string) {
	if slices.ContainsFunc(n.list, func(o eventbus.Notification) bool { return o.ID == id }) {
		return
	}
	n.list = append(n.list, eventbus.Notification{ID: id, At: n.w.now, To: to, Subject: subject, Body: strings.TrimSpace(body), Link: "/requests/" + n.r.ID})
}

func (n *newsroom) decision(a act) {
	switch a.verb {
	case verbDecide:
		verbs := map[eventbus.Decision]string{eventbus.DecisionApprove: "approved", eventbus.DecisionAskChanges: "changes asked", eventbus.DecisionReject: "rejected"}
		n.tell(eventbus.Audience{Person: n.r.Submitter}, n.r.Title+": "+verbs[a.decision]+" by "+string(a.stage),
			fmt.Sprintf("%s, stage %s of request %s. %s", verbs[a.decision], a.stage, n.r.ID, a.reason))
	case verbComment:
		if a.by.Person.ID != n.r.Submitter {
			n.tell(eventbus.Audience{Person: n.r.Submitter}, "Comment on "+n.r.Title, a.text)
		}
	case verbGate:
		n.tell(eventbus.Audience{Team: n.r.Team}, n.r.Title+": gate "+string(a.gate.Kind)+" is "+string(a.gate.State), a.reason)
	}
}

func (n *newsroom) environment(e eventbus.RequestEnvironment) {
	team := eventbus.Audience{Team: n.r.Team}
	switch e.State {
	case eventbus.EnvActive:
		n.tell(team, n.r.Title+": active in "+e.Name, "What you asked for exists in "+e.Name+".")
	case eventbus.EnvFailed:
		n.tell(eventbus.Audience{Role: eventbus.RoleOperator}, n.r.Title+": provisioning in "+e.Name+" failed", e.Error)
	case eventbus.EnvPromotable:
		n.tell(team, n.r.Title+": ready for promotion to "+e.Name, "The lower environments are active; promote the request when you want it in "+e.Name+".")
	case eventbus.EnvRemoved:
		n.tell(team, n.r.Title+": removed from "+e.Name, "")
	}
}

// notices tells what a tick found due: removal ahead, evidence about to lapse.
func (n *newsroom) notices(before eventbus.Request) {
	for _, notice := range n.r.Notices {
		if slices.Contains(before.Notices, notice) {
			continue
		}
		what, days, _ := strings.Cut(notice, ":")
		if what == "removal" {
			body := fmt.Sprintf("Event %s will be removed on %s.", n.r.Event, n.w.removal)
			for _, team := range append([]string{n.r.Team}, n.r.Consumers...) {
				n.add(hashOf([]byte(n.r.ID + notice + team))[:32], eventbus.Audience{Team: team}, "Removal of "+n.r.Event+" on "+n.w.removal, body)
			}
			continue
		}
		n.add(hashOf([]byte(n.r.ID + notice))[:32], eventbus.Audience{Team: n.r.Team}, n.r.Title+": "+what+" expires in "+strings.Split(days, ":")[0]+" days",
			"Renew the evidence and ask a reviewer to set the gate again.")
	}
}
