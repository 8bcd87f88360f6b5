package onboarding

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"pgregory.net/rapid"
)

// walker takes a request through random acts and keeps its own, simpler record
// of who agreed to what, which it holds against what the state machine lets
// through. The record is written from the rules in the package comment, not
// from the code.
type walker struct {
	t        *rapid.T
	r        eventbus.Request
	now      time.Time
	content  ProducerContent
	authors  map[string]bool
	agreed   map[eventbus.Stage]agreement
	passed   map[eventbus.GateKind]bool
	promoted bool
	reached  *int
}

type agreement struct{ by string }

func walkers() []eventbus.Actor {
	return []eventbus.Actor{
		person("pat", "claims"), person("olive", "claims", eventbus.RoleOwner), person("oscar", "claims", eventbus.RoleOwner),
		person("multi", "claims", eventbus.RoleOwner, eventbus.RoleBusReviewer, eventbus.RolePrivacyReviewer, eventbus.RoleSecurityReviewer),
		person("bill", "", eventbus.RoleBusReviewer), person("outside-owner", "health", eventbus.RoleOwner),
		person("prim", "", eventbus.RolePrivacyReviewer, eventbus.RoleSecurityReviewer), {System: "reconciler"}, {},
	}
}

func walkWorld(now time.Time) world {
	gates := slices.DeleteFunc(DefaultGates(), func(g GateRule) bool {
		return g.Kind != eventbus.GateATO && g.Kind != eventbus.GatePTA && g.Kind != eventbus.GateESECC
	})
	envs := []eventbus.Environment{{Name: "development", Prefix: "dev_", Order: 1}, {Name: "production", Prefix: "prod_", Order: 2, Production: true, PHI: true}}
	return world{now: now, environments: envs, stages: DefaultStages(), gates: gates, expireAfter: 90 * 24 * time.Hour}
}

func newWalker(t *rapid.T, reached *int) *walker {
	w := &walker{t: t, now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), authors: map[string]bool{"pat": true}, reached: reached,
		agreed: map[eventbus.Stage]agreement{}, passed: map[eventbus.GateKind]bool{}}
	w.content = ProducerContent{Team: "claims", Network: Network{Location: LocationVAEC}, Event: EventFacts{Name: "a", Description: "0"}}
	w.content.Privacy.DataClasses = []eventbus.DataClass{eventbus.DataPII}
	text, _ := encodeContent(&w.content)
	w.r = eventbus.Request{ID: "r", Kind: eventbus.ProducerRequest, Team: "claims", Event: "a", State: eventbus.RequestDraft, Content: text, ContentHash: hashOf(text),
		Submitter: "pat", Authors: []string{"pat"}, UpdatedAt: w.now}
	return w
}

// try takes one step; the record follows only when the step was let through.
func (w *walker) try(a act) bool {
	before := w.r
	next, err := step(w.r, a, walkWorld(w.now))
	if err != nil {
		if eventbus.CodeOf(err) == eventbus.CodeInternal {
			w.t.Fatalf("%s: %v", a.verb, err)
		}
		return false
	}
	w.r = next
	w.record(before, a)
	w.check(before, a)
	return true
}

func (w *walker) record(before eventbus.Request, a act) {
	id := a.by.Person.ID
	switch a.verb {
	case verbEdit, verbSubmit:
		w.authors[id] = true
	case verbPromote:
		w.promoted = true
	case verbDecide:
		switch {
		case a.decision == eventbus.DecisionApprove:
			w.agreed[a.stage] = agreement{by: id}
		default:
			delete(w.agreed, a.stage)
			w.promoted = w.promoted && a.stage != eventbus.StageProduction
			if a.decision == eventbus.DecisionAskChanges {
				w.promoted = w.promoted || a.stage == eventbus.StageProduction
			}
		}
	case verbGate:
		w.passed[a.gate.Kind] = a.gate.State == eventbus.GatePassed || a.gate.State == eventbus.GateNotRequired
	}
}

// edit changes one field and takes back what the record knows of it.
func (w *walker) edit(by eventbus.Actor, what string) {
	old := w.content
	var voids []eventbus.Stage
	var gates []eventbus.GateKind
	switch what {
	case "description":
		w.content.Event.Description += "."
		voids = []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner, eventbus.StagePrivacy, eventbus.StageSecurity, eventbus.StageProduction}
		gates = []eventbus.GateKind{eventbus.GatePTA}
	case "topic":
		w.content.Topic.Partitions++
		voids = []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner, eventbus.StageSecurity, eventbus.StageProduction}
	case "location":
		w.content.Network.Location = either2(old.Network.Location == LocationVAEC, LocationOutside, LocationVAEC)
		voids = []eventbus.Stage{eventbus.StageBus, eventbus.StageSecurity, eventbus.StageProduction}
		gates = []eventbus.GateKind{eventbus.GateESECC}
	case "system":
		w.content.System.VASI += "1"
		voids = []eventbus.Stage{eventbus.StageBus, eventbus.StagePrivacy, eventbus.StageSecurity, eventbus.StageProduction}
		gates = []eventbus.GateKind{eventbus.GateATO}
	case "notes":
		w.content.Notes += "n"
	case "back": // to the very first text: what was voided stays void
		w.content.Event.Description, w.content.Topic.Partitions = "0", 0
		voids = []eventbus.Stage{}
		if old.Event.Description != "0" {
			voids, gates = []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner, eventbus.StagePrivacy, eventbus.StageSecurity, eventbus.StageProduction}, []eventbus.GateKind{eventbus.GatePTA}
		} else if old.Topic.Partitions != 0 {
			voids = []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner, eventbus.StageSecurity, eventbus.StageProduction}
		}
	}
	text, err := encodeContent(&w.content)
	if err != nil {
		w.t.Fatal(err)
	}
	if !w.try(act{verb: verbEdit, by: by, content: text, about: w.content.subject()}) {
		w.content = old
		return
	}
	for _, stage := range voids {
		delete(w.agreed, stage)
	}
	for _, gate := range gates {
		delete(w.passed, gate)
	}
}

func either2[T any](yes bool, a, b T) T {
	if yes {
		return a
	}
	return b
}

// check holds every environment that became approved against the record.
func (w *walker) check(before eventbus.Request, a act) {
	for _, e := range w.r.Environments {
		old, _ := before.Environment(e.Name)
		if e.State == eventbus.EnvProvisioning && old.State != eventbus.EnvApproved && old.State != eventbus.EnvFailed && old.State != eventbus.EnvProvisioning ||
			e.State == eventbus.EnvActive && old.State != eventbus.EnvActive && old.State != eventbus.EnvProvisioning {
			w.t.Fatalf("%s went from %s to %s by %s", e.Name, old.State, e.State, a.verb)
		}
		begun := e.State == eventbus.EnvApproved && old.State != eventbus.EnvApproved ||
			e.State == eventbus.EnvProvisioning && old.State == eventbus.EnvFailed // tried again
		if !begun {
			continue
		}
		needed := []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner}
		if e.Name == "production" {
			*w.reached++
			needed = append(needed, eventbus.StagePrivacy, eventbus.StageProduction)
			if w.content.Network.Location != LocationVAEC { // personal data leaves the VAEC
				needed = append(needed, eventbus.StageSecurity)
			}
			w.checkGates()
			if !w.promoted {
				w.t.Fatal("production was approved without anybody asking for it")
			}
		}
		w.checkStages(e.Name, needed)
	}
}

func (w *walker) checkStages(environment string, needed []eventbus.Stage) {
	for _, stage := range needed {
		yes, ok := w.agreed[stage]
		if !ok {
			w.t.Fatalf("%s was approved without stage %s; approvals %+v", environment, stage, w.r.Approvals)
		}
		if w.authors[yes.by] {
			w.t.Fatalf("%s approved stage %s of what they wrote", yes.by, stage)
		}
		i := slices.IndexFunc(walkers(), func(a eventbus.Actor) bool { return a.Person.ID == yes.by && a.Person.ID != "" })
		if i < 0 || !walkers()[i].Person.Has(stage.Reviewer()) || stage == eventbus.StageOwner && !walkers()[i].Person.In("claims") {
			w.t.Fatalf("%q may not approve stage %s", yes.by, stage)
		}
		for _, other := range needed {
			if o := w.agreed[other]; o.by == yes.by && other.Reviewer() != stage.Reviewer() {
				w.t.Fatalf("%s approved both %s and %s", yes.by, stage, other)
			}
		}
	}
}

func (w *walker) checkGates() {
	needed := []eventbus.GateKind{eventbus.GateATO, eventbus.GatePTA}
	if w.content.Network.Location != LocationVAEC {
		needed = append(needed, eventbus.GateESECC)
	}
	for _, gate := range needed {
		if !w.passed[gate] {
			w.t.Fatalf("production was approved past gate %s: %+v", gate, w.r.Gates)
		}
	}
}

// onward does what would bring the request further, so that walks get far; the
// random acts between try to get around the rules.
func (w *walker) onward() {
	pat, bill, olive, prim := walkers()[0], walkers()[4], walkers()[1], walkers()[6]
	if w.try(act{verb: verbSubmit, by: pat, about: w.content.subject()}) {
		return
	}
	for _, e := range w.r.Environments {
		switch e.State {
		case eventbus.EnvApproved, eventbus.EnvFailed:
			w.try(act{verb: verbClaim, by: reconciler(), environment: e.Name})
			return
		case eventbus.EnvProvisioning:
			w.try(act{verb: verbApplied, by: reconciler(), environment: e.Name, planID: "p", failure: rapid.SampledFrom([]string{"", "", "", "broken"}).Draw(w.t, "fails")})
			return
		case eventbus.EnvPromotable:
			w.try(act{verb: verbPromote, by: pat, environment: e.Name})
			return
		}
	}
	for _, g := range w.r.Gates {
		if g.State == eventbus.GateOpen && w.try(act{verb: verbGate, by: prim, gate: eventbus.Gate{Kind: g.Kind, State: eventbus.GatePassed, Evidence: "e"}}) {
			return
		}
	}
	for _, d := range []struct {
		by    eventbus.Actor
		stage eventbus.Stage
		env   string
	}{{bill, eventbus.StageBus, ""}, {olive, eventbus.StageOwner, ""}, {prim, eventbus.StagePrivacy, ""}, {bill, eventbus.StageProduction, "production"}} {
		if w.try(act{verb: verbDecide, by: d.by, stage: d.stage, environment: d.env, decision: eventbus.DecisionApprove}) {
			return
		}
	}
}

func (w *walker) anything() {
	by := rapid.SampledFrom(walkers()).Draw(w.t, "by")
	stage := rapid.SampledFrom([]eventbus.Stage{eventbus.StageBus, eventbus.StageOwner, eventbus.StagePrivacy, eventbus.StageSecurity, eventbus.StageProduction, "other"}).Draw(w.t, "stage")
	env := rapid.SampledFrom([]string{"development", "production", ""}).Draw(w.t, "environment")
	switch rapid.IntRange(0, 11).Draw(w.t, "act") {
	case 0, 1, 2, 3:
		w.try(act{verb: verbDecide, by: by, stage: stage, environment: env, decision: eventbus.DecisionApprove})
	case 4:
		d := rapid.SampledFrom([]eventbus.Decision{eventbus.DecisionAskChanges, eventbus.DecisionReject, eventbus.DecisionAcknowledge, "x"}).Draw(w.t, "decision")
		w.try(act{verb: verbDecide, by: by, stage: stage, environment: env, decision: d, reason: "r"})
	case 5, 6:
		w.edit(by, rapid.SampledFrom([]string{"description", "topic", "location", "system", "notes", "back"}).Draw(w.t, "what"))
	case 7:
		w.try(act{verb: verbSubmit, by: by, about: w.content.subject()})
	case 8:
		g := rapid.SampledFrom([]eventbus.GateKind{eventbus.GateATO, eventbus.GatePTA, eventbus.GateESECC, eventbus.GateOBI}).Draw(w.t, "gate")
		s := rapid.SampledFrom([]eventbus.GateState{eventbus.GatePassed, eventbus.GateFailed, eventbus.GateOpen, eventbus.GateNotRequired, eventbus.GateLapsed}).Draw(w.t, "state")
		w.try(act{verb: verbGate, by: by, reason: "r", gate: eventbus.Gate{Kind: g, State: s, Evidence: "e"}})
	case 9:
		w.try(act{verb: verbPromote, by: by, environment: env})
	case 10:
		w.try(act{verb: verbApplied, by: reconciler(), environment: env, planID: "p", failure: rapid.SampledFrom([]string{"", "broken"}).Draw(w.t, "failure")})
	case 11:
		w.now = w.now.Add(time.Duration(rapid.IntRange(1, 20).Draw(w.t, "days")) * 24 * time.Hour)
		w.try(act{verb: verbTick, by: reconciler()})
	}
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	old := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, old) })
}

// Random walks find no self-approval, no skipped stage or gate, and no approval
// that survived an edit. EVENTBUS_SOAK=1 walks a million times.
func TestRandomWalks(t *testing.T) {
	walks := 10_000
	if os.Getenv("EVENTBUS_SOAK") == "1" {
		walks = 1_000_000
	} else if testing.Short() {
		walks = 500
	}
	setFlag(t, "rapid.checks", fmt.Sprint(walks))
	if seed := flag.Lookup("rapid.seed").Value.String(); seed != "0" {
		t.Logf("seed %s", seed)
	} else {
		seed = fmt.Sprint(rand.Int64N(1<<62) + 1)
		t.Logf("seed %s; -rapid.seed=%s walks the same ways again", seed, seed)
		setFlag(t, "rapid.seed", seed)
	}
	reached := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWalker(t, &reached)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "onward") > 0 {
				w.onward()
			} else {
				w.anything()
			}
		}
	})
	if reached < walks/100 {
		t.Errorf("only %d of %d walks reached production: the test does not look at much", reached, walks)
	}
	t.Logf("%d of %d walks reached production", reached, walks)
}
