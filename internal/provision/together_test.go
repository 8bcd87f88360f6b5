package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestStepsOfOneKindAreDoneTogether: what steps cost beside their effects does not
// grow with each of them, and every one keeps its two entries.
func TestStepsOfOneKindAreDoneTogether(t *testing.T) {
	w := newMemory()
	const n = 250
	plan := mustApply(t, w, many(n))
	if kinds := 8; w.saves > 2*kinds*(n/stepsAtOnce+1) {
		t.Errorf("%d saves for %d changes", w.saves, len(plan.Changes))
	}
	if len(w.topics) != n || len(w.wanted) != n || !finished(w.steps[plan.ID]) {
		t.Fatalf("%d topics, %d wanted", len(w.topics), len(w.wanted))
	}
	for i, s := range w.steps[plan.ID] {
		if s.Index != i || s.Attempts != 1 || s.At.IsZero() || !sameChange(s.Change, plan.Changes[i]) {
			t.Fatalf("step %d is %+v", i, s)
		}
	}
}

// TestOneOfManyFails: what was done is recorded as done, what failed as failed and
// with its cause, what was not begun waits; carrying on does the rest once.
func TestOneOfManyFails(t *testing.T) {
	w := newMemory()
	m := many(120)
	plan := mustPlan(t, w, m)
	w.broken, w.brokenFor = eventbus.Errorf(eventbus.CodeUnavailable, "no broker answers"), "dev_event-00007"
	err := w.bus().Apply(t.Context(), operator, plan, m, everything)
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !strings.Contains(err.Error(), "step 8 of") {
		t.Fatalf("%v", err)
	}
	states := map[eventbus.StepState]int{}
	for _, s := range w.steps[plan.ID] {
		states[s.State]++
	}
	if states[eventbus.StepDone] != stepsAtOnce-1 || states[eventbus.StepFailed] != 1 || states[eventbus.StepRunning] != 0 {
		t.Errorf("states %v", states)
	}
	w.broken = nil
	if err := w.bus().Resume(t.Context()); err != nil || !finished(w.steps[plan.ID]) {
		t.Fatalf("%v", err)
	}
	for name, times := range w.created {
		if times != 1 {
			t.Errorf("%s was made %d times", name, times)
		}
	}
	if s := w.steps[plan.ID]; s[7].Attempts != 2 || s[0].Attempts != 1 || s[110].Attempts != 1 {
		t.Errorf("attempts %d, %d, %d", s[7].Attempts, s[0].Attempts, s[110].Attempts)
	}
}

// TestStepsBehindAFailedOneWait: kinds that are done one after the other stop at
// the first that fails, and the record says of the others that they were not begun.
func TestStepsBehindAFailedOneWait(t *testing.T) {
	w := newMemory()
	m := many(5)
	plan := mustPlan(t, w, m)
	passed := 0
	w.failing = func(arn string) error {
		if passed++; passed == 3 {
			return eventbus.Errorf(eventbus.CodeUnavailable, "the directory does not answer")
		}
		return nil
	}
	err := w.bus().Apply(t.Context(), operator, plan, m, everything)
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Fatalf("%v", err)
	}
	var got []string
	for _, s := range w.steps[plan.ID] {
		if s.Change.Resource == eventbus.ResourcePrincipal {
			got = append(got, fmt.Sprintf("%s/%d", s.State, s.Attempts))
		}
	}
	if want := "done/1 done/1 failed/1 waiting/0 waiting/0"; strings.Join(got, " ") != want {
		t.Errorf("principals are %v, want %s", got, want)
	}
	outcomes := map[eventbus.Outcome]int{}
	for _, e := range w.audit {
		if e.Action == "provision.principal.create" {
			outcomes[e.Outcome]++
			if e.Outcome == eventbus.OutcomeFailed && e.Reason == "" {
				t.Errorf("a failure without a reason: %+v", e)
			}
		}
	}
	if outcomes[eventbus.OutcomeIntent] != 5 || outcomes[eventbus.OutcomeAllowed] != 2 || outcomes[eventbus.OutcomeFailed] != 3 {
		t.Errorf("entries %v", outcomes)
	}
	w.failing = nil
	if err := w.bus().Resume(t.Context()); err != nil || !finished(w.steps[plan.ID]) {
		t.Errorf("%v", err)
	}
}

// TestTopicsMadeBySomebodyElse: among many, one that is there as wanted counts as
// made, one with other settings is a conflict.
func TestTopicsMadeBySomebodyElse(t *testing.T) {
	w := newMemory()
	m := many(4)
	plan := mustPlan(t, w, m)
	crash := func(point string) func(string) error {
		return func(here string) error {
			if here == point {
				return errors.New("killed")
			}
			return nil
		}
	}
	w.fail = crash("topic/create/after")
	if err := w.bus().Apply(t.Context(), operator, plan, m, everything); err == nil {
		t.Fatal("it was not killed")
	}
	w.fail, w.holder = nil, ""
	other := w.topics["dev_event-00002"]
	other.Configs = map[string]string{"retention.ms": "1"}
	w.topics["dev_event-00002"] = other
	reads := w.reads
	err := w.bus().Resume(t.Context())
	if eventbus.CodeOf(err) != eventbus.CodeConflict || !strings.Contains(err.Error(), "dev_event-00002") || w.reads != reads+1 {
		t.Fatalf("%v after %d looks at the topics", err, w.reads-reads)
	}
	delete(w.topics, "dev_event-00002")
	if err := w.bus().Resume(t.Context()); err != nil || !mustPlan(t, w, m).Empty() {
		t.Errorf("%v", err)
	}
}

// TestLeaseLostInTheMiddle: who has lost the lease records nothing more, and says
// that another has it; the plan can be carried on.
func TestLeaseLostInTheMiddle(t *testing.T) {
	w := newMemory()
	m := many(3)
	plan := mustPlan(t, w, m)
	w.failing = func(string) error {
		w.lose(eventbus.Errorf(eventbus.CodeUnavailable, "another instance took over"))
		return nil
	}
	err := w.bus().Apply(t.Context(), operator, plan, m, everything)
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !strings.Contains(err.Error(), "another instance") {
		t.Fatalf("%v", err)
	}
	w.failing = nil
	for _, s := range w.steps[plan.ID] {
		if s.Change.Resource == eventbus.ResourcePrincipal && s.State != eventbus.StepRunning {
			t.Errorf("%s is recorded as %s", s.Change.Name, s.State)
		}
	}
	if err := w.bus().Resume(t.Context()); err != nil || !finished(w.steps[plan.ID]) {
		t.Errorf("%v", err)
	}
}

func TestLeaseWait(t *testing.T) {
	w := newMemory()
	plan := mustPlan(t, w, claims())
	w.holder = "another instance"
	bus := w.bus()
	bus.cfg.LeaseWait = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := bus.Apply(ctx, operator, plan, claims(), everything); err == nil {
		t.Error("applied for a caller who has gone")
	}
	released := make(chan error)
	go func() { released <- bus.Apply(context.Background(), operator, plan, claims(), everything) }()
	w.release()
	if err := <-released; err != nil {
		t.Errorf("after the other gave it back: %v", err)
	}
}

// TestGuardsFollowWhatIsWanted: the same map while nothing changes, another after.
func TestGuardsFollowWhatIsWanted(t *testing.T) {
	w := newMemory()
	bus := w.bus()
	mustApply(t, w, claims())
	first, err := bus.Guards(t.Context())
	if err != nil || first["dev_claim-filed"].Mode != eventbus.SchemaGuardWarn {
		t.Fatalf("%v %v", first, err)
	}
	m := claims()
	m.Events[0].Topics[0].Guard, m.Events[0].Topics[0].GuardSubjects = eventbus.SchemaGuardEnforce, []string{"other-value"}
	mustApply(t, w, m)
	second, err := bus.Guards(t.Context())
	if got := second["dev_claim-filed"]; err != nil || got.Mode != eventbus.SchemaGuardEnforce || len(got.Subjects) != 1 {
		t.Errorf("%v %v", second, err)
	}
	if first["dev_claim-filed"].Mode != eventbus.SchemaGuardWarn {
		t.Error("what was given out before changed")
	}
}
