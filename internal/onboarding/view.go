package onboarding

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Act is something that an actor may do with a request now.
type Act struct {
	Do          string            `json:"do"` // edit, submit, approve, ask-changes, reject, comment, withdraw, gate, promote, acknowledge
	Stage       eventbus.Stage    `json:"stage,omitempty"`
	Environment string            `json:"environment,omitempty"`
	Gate        eventbus.GateKind `json:"gate,omitempty"`
	Team        string            `json:"team,omitempty"`
	WhyNot      string            `json:"whyNot,omitempty"` // set: shown, but refused for this reason
}

// Difference is one value of a content that changed; Old or New is empty when
// it was added or taken away.
type Difference struct {
	Path string `json:"path"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// View is a request as one actor sees it.
type View struct {
	Request     eventbus.Request           `json:"request"`
	Acts        []Act                      `json:"acts"`
	Faults      []eventbus.Fault           `json:"faults,omitempty"`   // what keeps a draft from being submitted
	Warnings    []string                   `json:"warnings,omitempty"` // what to think about
	Changes     map[string][]Difference    `json:"changes,omitempty"`  // by decision "stage person": since it was taken
	ESECC       *ESECCDecision             `json:"esecc,omitempty"`
	Advice      *Advice                    `json:"advice,omitempty"`
	OnePager    string                     `json:"onePager"`
	Missing     map[string][]eventbus.Gate `json:"missing,omitempty"` // gates by environment
	RemovalDate string                     `json:"removalDate,omitempty"`
	Readers     []string                   `json:"readers,omitempty"` // offboarding: who still reads, "environment principal"
}

// View shows a request to an actor: what it may do now, what is missing, what
// changed since each decision, and the advice. CodeNotFound when the actor may
// not see it.
func (s *Service) View(ctx context.Context, actor eventbus.Actor, id string) (View, error) {
	r, err := s.visible(ctx, actor, id)
	if err != nil {
		return View{}, err
	}
	content, err := DecodeContent(r.Kind, r.Content)
	if err != nil {
		return View{}, err
	}
	w, err := s.world(ctx, r)
	if err != nil {
		return View{}, err
	}
	v := View{Acts: acts(r, actor, w), OnePager: OnePager(content), Changes: changesSince(r), Missing: map[string][]eventbus.Gate{},
		Warnings: Warnings(content), RemovalDate: w.removal, Readers: w.reading}
	for _, e := range r.Environments {
		if missing := missingGates(r, e.Name, w.today()); len(missing) > 0 {
			v.Missing[e.Name] = missing
		}
	}
	if r.State == eventbus.RequestDraft || r.State == eventbus.RequestChangesAsked {
		if v.Faults, err = s.Check(ctx, content, id); err != nil {
			return View{}, err
		}
	}
	s.advise(content, &v)
	r.Snapshots = nil
	v.Request = r
	return v, nil
}

func (s *Service) advise(content Content, v *View) {
	about := content.subject()
	if content.Kind() == eventbus.ProducerRequest || content.Kind() == eventbus.ConsumerRequest {
		d := ESECC(about.network, askedEnvironments(s.environments(), about))
		v.ESECC = &d
	}
	if c, ok := content.(*ProducerContent); ok {
		limits := eventbus.TopicLimits{}
		for _, e := range askedEnvironments(s.environments(), about) {
			limits = e.Limits
		}
		a := Advise(throughputOf(c, limits.WithDefaults().ReplicationFactor), limits)
		v.Advice = &a
	}
}

// Warnings are what a team and its reviewers should think about; none of them
// stops a request.
func Warnings(c Content) []string {
	var list []string
	about := c.subject()
	switch c := c.(type) {
	case *ProducerContent:
		_, list = Fit(c.Fit, c.System.FISMA)
		if len(c.Access) == 0 {
			list = append(list, "No principal is named: the topics will exist, and nobody may produce to them.")
		}
		if outage := c.Topic.LongestOutageDays; c.Topic.RetentionDays > 0 && c.Topic.RetentionDays < outage {
			list = append(list, fmt.Sprintf("Records are kept for %d days, but a consumer may be away for %d.", c.Topic.RetentionDays, outage))
		}
		if c.Producer.Idempotent || c.Producer.TransactionalID != "" {
			list = append(list, "Idempotent or transactional producing needs a permission on the whole cluster; reviewers look at it.")
		}
	case *ConsumerContent:
		_, list = Fit(c.Fit, c.System.FISMA)
	case *ChangeContent:
		if c.Emergency != "" {
			list = append(list, "Declared an emergency: consumers' acknowledgements are not awaited.")
		}
	case *OffboardingContent:
		if c.OverrideNotice != "" {
			list = append(list, "Shorter notice than promised: approving it is the second pair of eyes that it needs.")
		}
	}
	for _, cidr := range about.network.CIDRs {
		if p, err := parsePrefix(cidr); err == nil && p.Addr().Is4() && p.Bits() < 16 {
			list = append(list, cidr+" is wider than /16; name the addresses that really call.")
		}
	}
	return list
}

// acts asks the state machine itself: an act is offered when its step works.
func acts(r eventbus.Request, actor eventbus.Actor, w world) []Act {
	var list []Act
	try := func(offer Act, a act) {
		a.by = actor
		if _, err := step(r, a, w); err == nil {
			list = append(list, offer)
		} else if eventbus.CodeOf(err) == eventbus.CodeConflict && len(eventbus.FaultsOf(err)) > 0 { // gates are missing: shown, with the reason
			offer.WhyNot = err.Error()
			list = append(list, offer)
		}
	}
	edited := act{verb: verbEdit, content: append(slices.Clone(r.Content), ' '), about: subject{team: r.Team, event: r.Event, title: r.Title}}
	try(Act{Do: "edit"}, edited)
	try(Act{Do: "submit"}, act{verb: verbSubmit})
	for _, e := range r.Environments {
		for _, stage := range e.Stages {
			in := stageEnvironment(stage, e.Name)
			for _, d := range []eventbus.Decision{eventbus.DecisionApprove, eventbus.DecisionAskChanges, eventbus.DecisionReject} {
				offer := Act{Do: string(d), Stage: stage, Environment: in}
				if !slices.ContainsFunc(list, func(a Act) bool { return a.Do == offer.Do && a.Stage == stage && a.Environment == in }) {
					try(offer, act{verb: verbDecide, stage: stage, environment: in, decision: d, reason: "?"})
				}
			}
		}
		try(Act{Do: "promote", Environment: e.Name}, act{verb: verbPromote, environment: e.Name})
	}
	for _, g := range r.Gates {
		try(Act{Do: "gate", Gate: g.Kind}, act{verb: verbGate, reason: "?", gate: eventbus.Gate{Kind: g.Kind, State: eventbus.GateFailed}})
	}
	for _, team := range r.Consumers {
		try(Act{Do: "acknowledge", Team: team}, act{verb: verbAcknowledge, team: team})
	}
	try(Act{Do: "withdraw"}, act{verb: verbWithdraw})
	return append(list, Act{Do: "comment"})
}

// changesSince compares the content with what each decision saw.
func changesSince(r eventbus.Request) map[string][]Difference {
	changes := map[string][]Difference{}
	for _, a := range r.Approvals {
		old, kept := r.Snapshots[a.ContentHash]
		if !kept || a.ContentHash == r.ContentHash {
			continue
		}
		if diff := differences(old, r.Content); len(diff) > 0 {
			changes[string(a.Stage)+" "+a.By] = diff
		}
	}
	return changes
}

// differences compares two contents value by value, sorted by path.
func differences(old, new json.RawMessage) []Difference {
	before, after := map[string]string{}, map[string]string{}
	flatten("", old, before)
	flatten("", new, after)
	var list []Difference
	for path, value := range before {
		if after[path] != value {
			list = append(list, Difference{Path: path, Old: value, New: after[path]})
		}
	}
	for path, value := range after {
		if _, known := before[path]; !known {
			list = append(list, Difference{Path: path, New: value})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Path < list[j].Path })
	return list
}

func flatten(path string, text json.RawMessage, into map[string]string) {
	text = bytes.TrimSpace(text)
	var fields map[string]json.RawMessage
	var items []json.RawMessage
	var s string
	switch {
	case len(text) == 0:
	case text[0] == '{' && json.Unmarshal(text, &fields) == nil:
		for name, value := range fields {
			flatten(joinPath(path, name), value, into)
		}
	case text[0] == '[' && json.Unmarshal(text, &items) == nil:
		for i, value := range items {
			flatten(fmt.Sprintf("%s[%d]", path, i), value, into)
		}
	case text[0] == '"' && json.Unmarshal(text, &s) == nil:
		into[path] = s
	default:
		into[path] = string(text)
	}
}

func joinPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
