package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestSixtyFourApprovals: 64 reviewers approve at once while the bus provisions
// what they approve: one decision of each stage counts, and everything that comes
// of it is there once.
func TestSixtyFourApprovals(t *testing.T) { onBothDatabases(t, sixtyFourApprovals) }

func sixtyFourApprovals(t *testing.T, w *world) {
	r := w.submit("producer", "producer.yaml")
	stages := []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner}
	errs := make([]error, 64)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			stage := stages[i%len(stages)]
			reviewer := eventbus.Actor{Person: eventbus.Person{ID: fmt.Sprintf("reviewer-%d", i), Teams: []string{"claims"}, Roles: []eventbus.Role{stage.Reviewer()}}}
			_, errs[i] = w.onboarding.Decide(w.ctx, reviewer, r.ID, stage, "", eventbus.DecisionApprove, "")
		})
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case eventbus.CodeOf(err) != eventbus.CodeConflict:
			t.Error(err)
		}
	}
	w.active(r.ID, "development")
	w.active(r.ID, "staging")
	after := w.must(w.store.Request(w.ctx, r.ID))
	recorded := need[[]eventbus.AuditEntry](w)(w.store.AuditEntries(w.ctx, eventbus.AuditQuery{Action: "request.approve"}))
	if won != len(stages) || len(after.Approvals) != len(stages) || len(recorded) != len(stages) {
		t.Errorf("%d approvals took effect, %d are on the request, %d in the record; want one for each of %v", won, len(after.Approvals), len(recorded), stages)
	}
	made := map[string]int{}
	for _, e := range need[[]eventbus.AuditEntry](w)(w.store.AuditEntries(w.ctx, eventbus.AuditQuery{Action: "provision.*", Outcome: eventbus.OutcomeAllowed, Limit: 1000})) {
		if strings.HasSuffix(e.Action, ".create") && e.Action != "provision.schema-compatibility.create" {
			made[e.Action+" "+e.Resource]++
		}
	}
	for what, times := range made {
		if times != 1 {
			t.Errorf("%s happened %d times", what, times)
		}
	}
	told := 0
	for _, n := range need[[]eventbus.Notification](w)(w.store.Inbox(w.ctx, w.as("producer").Person, false, 1000)) {
		if strings.HasSuffix(n.Subject, "active in development") {
			told++
		}
	}
	if told != 1 || len(made) == 0 {
		t.Errorf("the team was told %d times; made: %v", told, made)
	}
}
