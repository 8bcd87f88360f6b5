package provision

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestDriftAndRevert changes one thing by hand, finds exactly that, and takes it
// back.
func TestDriftAndRevert(t *testing.T) {
	for _, c := range []struct {
		name  string
		drift func(w *memory)
		want  eventbus.Change // Resource, Name, Field, Old, New
	}{
		{"config changed", func(w *memory) { w.topics["dev_claim-filed"].Configs["retention.ms"] = "5" },
			eventbus.Change{Resource: eventbus.ResourceTopicConfig, Name: "dev_claim-filed", Field: "retention.ms", Old: "5", New: "604800000"}},
		{"config taken off", func(w *memory) { delete(w.topics["dev_claim-filed"].Configs, "retention.ms") },
			eventbus.Change{Resource: eventbus.ResourceTopicConfig, Name: "dev_claim-filed", Field: "retention.ms", New: "604800000"}},
		{"config besides", func(w *memory) { w.topics["dev_claim-filed"].Configs["retention.bytes"] = "1" },
			eventbus.Change{Resource: eventbus.ResourceTopicConfig, Name: "dev_claim-filed", Field: "retention.bytes", Old: "1"}},
		{"topic gone", func(w *memory) { delete(w.topics, "dev_claim-filed") },
			eventbus.Change{Resource: eventbus.ResourceTopic, Name: "dev_claim-filed", New: "6 partitions, replication 1, retention.ms=604800000 (7 days)"}},
		{"level", func(w *memory) { w.levels["dev_claim-filed-value"] = eventbus.CompatibilityNone },
			eventbus.Change{Resource: eventbus.ResourceCompatibility, Name: "dev_claim-filed-value", Old: "NONE", New: "BACKWARD"}},
		{"policy taken off", func(w *memory) { _ = w.SetPolicy(context.Background(), operator, producerRole, "") },
			eventbus.Change{Resource: eventbus.ResourcePolicy, Name: producerRole, New: "Connect on cluster; WriteDataIdempotently on cluster; DescribeTopic,WriteData on topic dev_claim-filed"}},
		{"policy widened", func(w *memory) {
			wide := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}`
			_ = w.SetPolicy(context.Background(), operator, producerRole, wide)
		}, eventbus.Change{Resource: eventbus.ResourcePolicy, Name: producerRole, Old: "* on *",
			New: "Connect on cluster; WriteDataIdempotently on cluster; DescribeTopic,WriteData on topic dev_claim-filed"}},
		{"trust", func(w *memory) {
			p := w.principals[producerRole]
			p.Trust = trustDocument([]string{consumerRole})
			w.principals[producerRole] = p
		}, eventbus.Change{Resource: eventbus.ResourcePrincipal, Name: producerRole, Field: "trust", Old: consumerRole, New: producerTrust}},
		{"catalog", func(w *memory) {
			e := w.events["claim-filed"]
			e.Owner = "nobody"
			w.events["claim-filed"] = e
		}, eventbus.Change{Resource: eventbus.ResourceCatalog, Name: "claim-filed", Field: "owner", Old: "nobody", New: "claims"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newMemory()
			mustApply(t, w, claims())
			c.drift(w)
			drift, err := w.bus().Drift(t.Context())
			if err != nil || len(drift) != 1 {
				t.Fatalf("drift %+v, %v", drift, err)
			}
			got := drift[0]
			c.want.Action, c.want.Environment, c.want.Event, c.want.Note, c.want.NeedsApproval = got.Action, got.Environment, got.Event, got.Note, got.NeedsApproval
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if err := w.bus().Revert(t.Context(), operator, got); err != nil {
				t.Fatal(err)
			}
			if drift, err := w.bus().Drift(t.Context()); err != nil || len(drift) > 0 {
				t.Errorf("after the revert: %+v, %v", drift, err)
			}
			if err := w.bus().Revert(t.Context(), operator, got); eventbus.CodeOf(err) != eventbus.CodeNotFound {
				t.Errorf("reverted twice: %v", err)
			}
		})
	}
}

// TestDriftThatCannotBeUndone is shown all the same.
func TestDriftThatCannotBeUndone(t *testing.T) {
	for name, drift := range map[string]func(w *memory){
		"more partitions":           func(w *memory) { _ = w.AddPartitions(context.Background(), "dev_claim-filed", 12) },
		"a newer schema":            func(w *memory) { _, _ = w.Register(context.Background(), "dev_claim-filed-value", claimSchema2) },
		"a role made by hand":       func(w *memory) { p := w.principals[producerRole]; p.Managed = false; w.principals[producerRole] = p },
		"an environment is no more": func(w *memory) { w.envs = w.envs[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			w := newMemory()
			mustApply(t, w, claims())
			drift(w)
			found, err := w.bus().Drift(t.Context())
			if err != nil || len(found) == 0 {
				t.Fatalf("%+v, %v", found, err)
			}
			last := found[len(found)-1]
			if last.Note == "" {
				t.Errorf("%+v does not say why", last)
			}
			if err := w.bus().Revert(t.Context(), operator, last); eventbus.CodeOf(err) != eventbus.CodeInvalid {
				t.Errorf("reverted: %v", err)
			}
		})
	}
}

// TestQuarantine follows a topic out: access first, data much later, and never
// without permission.
func TestQuarantine(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	remove := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed"}, Remove: []string{"development"}}}}
	mustApply(t, w, remove)
	if w.principals[producerRole].Policy != "" || w.principals[outsideUser].Policy != "" {
		t.Error("access outlived the topic")
	}
	for _, g := range w.grants {
		if g.Active() {
			t.Errorf("grant %+v is in force", g)
		}
	}
	if _, there := w.topics["dev_claim-filed"]; !there {
		t.Fatal("the data is gone")
	}
	if guards, _ := w.bus().Guards(t.Context()); len(guards) > 0 {
		t.Errorf("guards %v", guards)
	}
	w.now = w.now.Add(DefaultQuarantine - time.Second)
	if due, err := w.bus().Due(t.Context()); err != nil || len(due.Events) > 0 || !mustPlan(t, w, remove).Empty() {
		t.Errorf("due too early: %+v, %v", due, err)
	}
	w.now = w.now.Add(time.Second)
	due, err := w.bus().Due(t.Context())
	if err != nil || len(due.Events) != 1 {
		t.Fatalf("not due: %+v, %v", due, err)
	}
	plan := mustPlan(t, w, due)
	if err := w.bus().Apply(t.Context(), operator, plan, due, ApplyOptions{Approved: true}); eventbus.CodeOf(err) != eventbus.CodeForbidden || len(w.topics) != 1 {
		t.Fatalf("deleted without permission: %v", err)
	}
	mustApply(t, w, due)
	if len(w.topics) > 0 {
		t.Error("the topic is still there")
	}
	if due, err := w.bus().Due(t.Context()); err != nil || len(due.Events) > 0 || w.wanted["claim-filed"].Quarantined != nil {
		t.Errorf("still due: %+v, %v", due, err)
	}
	// Access does not come back with a new topic of the same name.
	m := claims()
	m.Grants = nil
	mustApply(t, w, m)
	if w.principals[producerRole].Policy != "" {
		t.Error("access came back")
	}
}

func TestBackFromQuarantine(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	mustApply(t, w, eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed"}, Remove: []string{"development"}}}})
	plan := mustApply(t, w, claims())
	if c := change(t, plan, eventbus.ResourceTopic, "dev_claim-filed", ""); c.Action != eventbus.ActionUpdate || c.Old != "quarantined" {
		t.Errorf("%+v", c)
	}
	if w.created["dev_claim-filed"] != 1 || w.principals[producerRole].Policy == "" || w.wanted["claim-filed"].Quarantined != nil {
		t.Errorf("%+v", w.wanted["claim-filed"])
	}
	w.now = w.now.Add(2 * DefaultQuarantine)
	if due, err := w.bus().Due(t.Context()); err != nil || len(due.Events) > 0 {
		t.Errorf("a topic in use is due: %+v %v", due, err)
	}
}

// TestAgeOfQuarantineIsNotTakenFromThePlan: a plan file may say anything.
func TestAgeOfQuarantineIsNotTakenFromThePlan(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	remove := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed"}, Remove: []string{"development"}}}}
	plan := mustPlan(t, w, remove)
	plan.MadeAt = w.now.AddDate(-1, 0, 0)
	if err := w.bus().Apply(t.Context(), operator, plan, remove, everything); err != nil {
		t.Fatal(err)
	}
	if since := w.wanted["claim-filed"].Quarantined[0].Since; !since.Equal(w.now) {
		t.Errorf("quarantined since %s", since)
	}
}

func TestTopicThatIsGoneAlready(t *testing.T) {
	w := newMemory()
	mustApply(t, w, claims())
	delete(w.topics, "dev_claim-filed")
	remove := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed"}, Remove: []string{"development"}}}}
	mustApply(t, w, remove)
	if m := w.wanted["claim-filed"]; len(m.Topics) > 0 || len(m.Quarantined) > 0 || !mustPlan(t, w, remove).Empty() {
		t.Errorf("%+v", m)
	}
}

// TestRun resumes at once and measures.
func TestRun(t *testing.T) {
	w := newMemory()
	plan := mustPlan(t, w, claims())
	w.fail = func(point string) error {
		if point == "schema/create/after" {
			return errors.New("killed")
		}
		return nil
	}
	if err := w.bus().Apply(t.Context(), operator, plan, claims(), everything); err == nil {
		t.Fatal("not killed")
	}
	w.fail, w.holder = nil, ""
	bus := w.bus()
	reg := prometheus.NewPedanticRegistry()
	if err := bus.Register(reg); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	_ = bus.Run(ended) // one round; the world in memory does not look at contexts
	for range 100 {    // the turn may lose against the context that has ended
		if finished(w.steps[plan.ID]) {
			break
		}
		_ = bus.Run(ended)
	}
	if !finished(w.steps[plan.ID]) {
		t.Fatal("the plan was not carried on")
	}
	w.topics["dev_claim-filed"].Configs["retention.ms"] = "1"
	_ = bus.Run(ended)
	if got := gauge(t, reg, "eventbus_provision_drift"); got != 1 {
		t.Errorf("drift %v", got)
	}
	if last := w.audit[len(w.audit)-1]; last.Actor != "system:provision" {
		t.Errorf("resumed by %s", last.Actor)
	}
}

// gauge reads one metric of a registry.
func gauge(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s (%v)", name, err)
	return 0
}

// TestFailingPlansAreTriedLessAndLess.
func TestFailingPlansAreTriedLessAndLess(t *testing.T) {
	w := newMemory()
	bus := w.bus()
	for _, c := range []struct {
		attempts int
		passed   time.Duration
		due      bool
	}{{1, time.Minute, false}, {1, 2 * time.Minute, true}, {3, 7 * time.Minute, false}, {3, 8 * time.Minute, true}, {50, 59 * time.Minute, false}, {50, time.Hour, true}} {
		steps := []eventbus.Step{{State: eventbus.StepDone}, {State: eventbus.StepFailed, Attempts: c.attempts, At: w.now.Add(-c.passed)}}
		if bus.due(steps) != c.due {
			t.Errorf("%d attempts, %s ago: want due %v", c.attempts, c.passed, c.due)
		}
	}
	if !bus.due([]eventbus.Step{{State: eventbus.StepRunning, At: w.now}}) {
		t.Error("a plan that a crash cut short waits")
	}
}
