package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func TestApplyMakesEverything(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	topic := w.topics["dev_claim-filed"]
	if topic.Partitions != 6 || topic.ReplicationFactor != 1 || topic.Configs["retention.ms"] != "604800000" {
		t.Errorf("topic %+v", topic)
	}
	if len(w.subjects["dev_claim-filed-value"]) != 1 || len(w.subjects["dev_claim-filed-key"]) != 1 || w.levels["dev_claim-filed-value"] != eventbus.CompatibilityBackward {
		t.Errorf("subjects %v, levels %v", w.subjects, w.levels)
	}
	role := w.principals[producerRole]
	if !sameTrust(role.Trust, trustDocument([]string{producerTrust})) || role.Team != "claims" {
		t.Errorf("role %+v", role)
	}
	if got := strings.Join(statementsShown(role.Policy), "; "); got != "Connect on cluster; WriteDataIdempotently on cluster; DescribeTopic,WriteData on topic dev_claim-filed" {
		t.Errorf("policy %s", got)
	}
	offer := w.offers[outsideName]
	if offer.Contact != "pat" || offer.Team != "partners" || offer.RequestID != "17" || offer.ExpiresAt != w.now.Add(7*24*time.Hour) || !slices.Equal(w.keys[outsideUser], []string{offer.KeyID}) {
		t.Errorf("offer %+v, keys %v", offer, w.keys)
	}
	entry := w.events["claim-filed"]
	if entry.Schema != claimSchema || len(entry.Topics) != 1 || entry.Topics[0].SchemaVersion != 1 || entry.Topics[0].SchemaID == 0 || entry.Source != "request 17" {
		t.Errorf("entry %+v", entry)
	}
	if guards, err := w.bus().Guards(t.Context()); err != nil || guards["dev_claim-filed"].Mode != eventbus.SchemaGuardWarn {
		t.Errorf("guards %v %v", guards, err)
	}
	if plan := mustPlan(t, w, claims()); !plan.Empty() {
		t.Errorf("plan after apply:\n%s", Render(plan))
	}
	if drift, err := w.bus().Drift(t.Context()); err != nil || len(drift) > 0 {
		t.Errorf("drift after apply: %v %v", drift, err)
	}
}

// TestKeyNobodyTook: a key that nobody collected in time is offered anew by the
// next plan; one that was collected never is.
func TestKeyNobodyTook(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	first := w.offers[outsideName]
	w.now = first.ExpiresAt.Add(-time.Second)
	if plan := mustPlan(t, w, claims()); !plan.Empty() {
		t.Fatalf("while the key waits:\n%s", Render(plan))
	}
	w.now = first.ExpiresAt
	if c := change(t, mustApply(t, w, claims()), eventbus.ResourcePrincipal, outsideUser, "access key"); c.Action != eventbus.ActionUpdate {
		t.Fatalf("after that: %+v", c)
	}
	second := w.offers[outsideName]
	if second.KeyID == first.KeyID || !slices.Equal(w.keys[outsideUser], []string{second.KeyID}) || second.ExpiresAt != w.now.Add(OfferTime) {
		t.Fatalf("the second offer is %+v; keys %v", second, w.keys)
	}
	second.CollectedAt = w.now
	w.offers[outsideName] = second
	w.now = w.now.AddDate(1, 0, 0)
	if plan := mustPlan(t, w, claims()); !plan.Empty() {
		t.Fatalf("a year after it was collected:\n%s", Render(plan))
	}
}

// TestEveryStepHasTwoEntries: no entry, no effect.
func TestEveryStepHasTwoEntries(t *testing.T) {
	w := newMemory()
	plan := mustApply(t, w, claims())
	intents, outcomes := 0, 0
	for _, e := range w.audit {
		switch {
		case e.Action == "provision.apply" || e.Action == "provision.wanted":
		case e.Outcome == eventbus.OutcomeIntent:
			intents++
		case e.Outcome == eventbus.OutcomeAllowed:
			outcomes++
		}
		if e.Actor != "olga" || e.RequestID != "17" || e.Detail["plan"] != plan.ID {
			t.Errorf("entry %+v", e)
		}
	}
	if intents != len(plan.Changes) || outcomes != len(plan.Changes) {
		t.Errorf("%d intents and %d outcomes for %d changes", intents, outcomes, len(plan.Changes))
	}
	if w.audit[0].Action != "provision.apply" || w.audit[0].Outcome != eventbus.OutcomeIntent {
		t.Errorf("the first entry is %+v", w.audit[0])
	}
}

// TestApplyRefusesAMovedWorld changes each thing that a plan looks at.
func TestApplyRefusesAMovedWorld(t *testing.T) {
	for name, move := range map[string]func(*memory){
		"topic made": func(w *memory) {
			w.topics["prod_claim-filed"] = eventbus.Topic{Name: "prod_claim-filed", Partitions: 1}
		},
		"config":            func(w *memory) { w.topics["dev_claim-filed"].Configs["segment.ms"] = "1000" },
		"schema registered": func(w *memory) { _, _ = w.Register(context.Background(), "dev_claim-filed-value", claimSchema2) },
		"level":             func(w *memory) { w.levels["dev_claim-filed-value"] = eventbus.CompatibilityNone },
		"policy":            func(w *memory) { _ = w.SetPolicy(context.Background(), operator, producerRole, "") },
		"role deleted":      func(w *memory) { delete(w.principals, producerRole) },
		"key not offered":   func(w *memory) { delete(w.offers, outsideName) },
		"grant revoked": func(w *memory) {
			for id, g := range w.grants {
				g.RevokedAt = w.now
				w.grants[id] = g
			}
		},
		"catalog": func(w *memory) {
			e := w.events["claim-filed"]
			e.Title = "Other"
			w.events["claim-filed"] = e
		},
		"wanted":      func(w *memory) { delete(w.wanted, "claim-filed") },
		"environment": func(w *memory) { w.envs[2].Limits.MaxPartitions = 200 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newMemory()
			mustApply(t, w, claims())
			m := claims()
			m.Events[0].Topics = append(m.Events[0].Topics, eventbus.TopicManifest{Environment: "production", ValueSchema: claimSchema, Topic: eventbus.Topic{Partitions: 3}})
			plan := mustPlan(t, w, m)
			move(w)
			steps := len(w.steps)
			err := w.bus().Apply(t.Context(), operator, plan, m, everything)
			if eventbus.CodeOf(err) != eventbus.CodeConflict {
				t.Fatalf("applied over a moved world: %v", err)
			}
			if last := w.audit[len(w.audit)-1]; len(w.steps) != steps || last.Outcome != eventbus.OutcomeDenied || last.Action != "provision.apply" {
				t.Errorf("%d plans, last entry %+v", len(w.steps), last)
			}
		})
	}
}

// TestApplyDoesNotMindTheRest: what the manifest is not about may move.
func TestApplyDoesNotMindTheRest(t *testing.T) {
	w := newMemory()
	plan := mustPlan(t, w, claims())
	w.topics["other"] = eventbus.Topic{Name: "other", Partitions: 1}
	w.envs[0].Bootstrap = "127.0.0.1:5555"
	w.events["other"] = eventbus.Event{Name: "other", Version: 1}
	w.now = w.now.Add(time.Minute)
	if err := w.bus().Apply(t.Context(), operator, plan, claims(), everything); err != nil {
		t.Error(err)
	}
}

func TestApplyDoesNotBelieveThePlan(t *testing.T) {
	w := newMemory()
	plan := mustPlan(t, w, claims())
	forged := plan
	forged.Changes = append(slices.Clone(plan.Changes), eventbus.Change{Action: eventbus.ActionCreate, Resource: eventbus.ResourceTopic, Name: "prod_x"})
	if err := w.bus().Apply(t.Context(), operator, forged, claims(), everything); eventbus.CodeOf(err) != eventbus.CodeConflict {
		t.Errorf("a forged plan: %v", err)
	}
	other := claims()
	other.Events[0].Topics[0].Topic.Partitions = 7
	if err := w.bus().Apply(t.Context(), operator, plan, other, everything); eventbus.CodeOf(err) != eventbus.CodeConflict {
		t.Errorf("another manifest than planned: %v", err)
	}
	plan.ID = ""
	if err := w.bus().Apply(t.Context(), operator, plan, claims(), everything); eventbus.CodeOf(err) != eventbus.CodeInvalid {
		t.Errorf("a plan without id: %v", err)
	}
	if len(w.topics) > 0 || len(w.plans) > 0 {
		t.Error("something was changed")
	}
}

func TestApplyAsksForPermission(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	grow := claims()
	grow.Events[0].Topics[0].Topic.Partitions = 12
	gone := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: grow.Events[0].Event, Remove: []string{"development"}}}}
	for _, c := range []struct {
		name string
		m    eventbus.Manifest
		opt  ApplyOptions
	}{
		{"needs approval", grow, ApplyOptions{AllowDestructive: true}},
		{"needs permission to remove", gone, ApplyOptions{Approved: true}},
	} {
		plan := mustPlan(t, w, c.m)
		before := len(w.plans)
		err := w.bus().Apply(t.Context(), operator, plan, c.m, c.opt)
		if eventbus.CodeOf(err) != eventbus.CodeForbidden || len(w.plans) != before {
			t.Errorf("%s: %v", c.name, err)
		}
		if last := w.audit[len(w.audit)-1]; last.Outcome != eventbus.OutcomeDenied {
			t.Errorf("%s: last entry %+v", c.name, last)
		}
	}
}

func TestApplyTwice(t *testing.T) {
	w := newMemory()
	plan := mustApply(t, w, claims())
	entries := len(w.audit)
	if err := w.bus().Apply(t.Context(), operator, plan, claims(), everything); err != nil || len(w.audit) != entries {
		t.Errorf("the second time: %v, %d new entries", err, len(w.audit)-entries)
	}
}

// TestConcurrentApply: of many that apply one plan, or plans made of one world,
// exactly one changes anything.
func TestConcurrentApply(t *testing.T) {
	w := newMemory()
	bus := w.bus()
	plans := make([]eventbus.Plan, 32)
	for i := range plans {
		plans[i] = mustPlan(t, w, claims())
		if plans[i].ID = "same"; i%2 == 0 {
			plans[i].ID = "other-" + string(rune('a'+i%26))
		}
	}
	var wait sync.WaitGroup
	outcomes := make([]error, len(plans))
	for i := range plans {
		wait.Go(func() { outcomes[i] = bus.Apply(context.Background(), operator, plans[i], claims(), everything) })
	}
	wait.Wait()
	for _, err := range outcomes {
		if err != nil && eventbus.CodeOf(err) != eventbus.CodeConflict {
			t.Error(err)
		}
	}
	if len(w.plans) != 1 || w.created["dev_claim-filed"] != 1 || len(w.subjects["dev_claim-filed-value"]) != 1 {
		t.Errorf("%d plans, %d topics made", len(w.plans), w.created["dev_claim-filed"])
	}
}

func TestLeaseOfAnotherInstance(t *testing.T) {
	w := newMemory()
	plan := mustPlan(t, w, claims())
	w.holder = "another instance"
	if err := w.bus().Apply(t.Context(), operator, plan, claims(), everything); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Errorf("applied without the lease: %v", err)
	}
	if err := w.bus().Resume(t.Context()); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Errorf("resumed without the lease: %v", err)
	}
	w.holder = ""
	if err := w.bus().Apply(t.Context(), operator, plan, claims(), everything); err != nil || w.holder != "" {
		t.Errorf("%v, lease held by %q", err, w.holder)
	}
}

func TestFailedStepIsRecordedAndTriedAgain(t *testing.T) {
	w := newMemory()
	plan := mustPlan(t, w, claims())
	w.broken = eventbus.Errorf(eventbus.CodeUnavailable, "no broker answers")
	err := w.bus().Apply(t.Context(), operator, plan, claims(), everything)
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !strings.Contains(err.Error(), "step 1 of") {
		t.Fatalf("%v", err)
	}
	step := w.steps[plan.ID][0]
	if step.State != eventbus.StepFailed || step.Attempts != 1 || !strings.Contains(step.Error, "no broker answers") {
		t.Errorf("step %+v", step)
	}
	if last := w.audit[len(w.audit)-1]; last.Outcome != eventbus.OutcomeFailed || last.Reason == "" {
		t.Errorf("last entry %+v", last)
	}
	if err := w.bus().Resume(t.Context()); err == nil || w.steps[plan.ID][0].Attempts != 2 {
		t.Errorf("resumed without a broker: %v", err)
	}
	w.broken = nil
	if err := w.bus().Resume(t.Context()); err != nil || !finished(w.steps[plan.ID]) {
		t.Errorf("not finished: %v", err)
	}
	if plan := mustPlan(t, w, claims()); !plan.Empty() {
		t.Errorf("after the third try:\n%s", Render(plan))
	}
}

// TestANewPlanTakesTheOldOnesPlace: an unfinished plan is not carried on over
// what a later one made.
func TestANewPlanTakesTheOldOnesPlace(t *testing.T) {
	w := newMemory()
	old := mustPlan(t, w, claims())
	w.broken = errors.New("broken")
	if err := w.bus().Apply(t.Context(), operator, old, claims(), everything); err == nil {
		t.Fatal("it is broken")
	}
	w.broken = nil
	m := claims()
	m.Events[0].Topics[0].Topic.Partitions = 3
	mustApply(t, w, m)
	if err := w.bus().Resume(t.Context()); err != nil || w.topics["dev_claim-filed"].Partitions != 3 || !w.abandoned[old.ID] {
		t.Errorf("%v, topic %+v", err, w.topics["dev_claim-filed"])
	}
	if err := w.bus().Apply(t.Context(), operator, old, claims(), everything); eventbus.CodeOf(err) != eventbus.CodeConflict {
		t.Errorf("an abandoned plan was applied: %v", err)
	}
}

func TestEmptyPlanKeepsWhatIsWanted(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	w.topics["dev_claim-filed"].Configs["segment.ms"] = "1000000"
	m := claims()
	m.Events[0].Topics[0].Topic.Configs["segment.ms"] = "1000000"
	if plan := mustApply(t, w, m); !plan.Empty() {
		t.Fatalf("the config is so already:\n%s", Render(plan))
	}
	// It was named once, so that leaving it out takes it back.
	c := change(t, mustPlan(t, w, claims()), eventbus.ResourceTopicConfig, "dev_claim-filed", "segment.ms")
	if c.Old != "1000000" || c.New != "" {
		t.Errorf("%+v", c)
	}
}
