package onboarding

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// The persons of the tests; all different.
func person(id string, team string, roles ...eventbus.Role) eventbus.Actor {
	p := eventbus.Person{ID: id, Name: id, Roles: append(roles, eventbus.RoleMember)}
	if team != "" {
		p.Teams = []string{team}
	}
	return eventbus.Actor{Person: p}
}

var (
	pat      = person("pat", "claims")
	quinn    = person("quinn", "claims")
	olive    = person("olive", "claims", eventbus.RoleOwner)
	casey    = person("casey", "appointments")
	bill     = person("bill", "", eventbus.RoleBusReviewer)
	bea      = person("bea", "", eventbus.RoleBusReviewer)
	prim     = person("prim", "", eventbus.RolePrivacyReviewer)
	sam      = person("sam", "", eventbus.RoleSecurityReviewer)
	stranger = person("stranger", "health")
)

// bench is a Service on a real store with a clock that tests move.
type bench struct {
	*Service
	t     testing.TB
	store *store.Store
	mu    sync.Mutex
	now   time.Time
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	b.store = st
	b.Service = New(Config{Now: b.clock}, st, Sources{Events: st, Lineage: st})
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(time.Millisecond)
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func example(t testing.TB, name string) Submission {
	t.Helper()
	file := filepath.Join("..", "..", "examples", "gitops", "requests", name)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := ParseRequest(text, file)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// must fails the test unless err is nil, and passes the request on.
func (b *bench) must(r eventbus.Request, err error) eventbus.Request {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// refused asserts the code of a denial.
func (b *bench) refused(code eventbus.Code, err error) {
	b.t.Helper()
	if eventbus.CodeOf(err) != code {
		b.t.Fatalf("code %q (%v), want %q", eventbus.CodeOf(err), err, code)
	}
}

func (b *bench) submitted(actor eventbus.Actor, sub Submission) eventbus.Request {
	b.t.Helper()
	r := b.must(b.Draft(b.t.Context(), actor, sub))
	return b.must(b.Submit(b.t.Context(), actor, r.ID))
}

func (b *bench) approve(actor eventbus.Actor, id string, stage eventbus.Stage, environment string) eventbus.Request {
	b.t.Helper()
	return b.must(b.Decide(b.t.Context(), actor, id, stage, environment, eventbus.DecisionApprove, ""))
}

// provision does what the reconciler does: every piece of work is applied, its
// manifest becomes the wanted state and the catalog.
func (b *bench) provision() int {
	b.t.Helper()
	ctx := b.t.Context()
	work, err := b.NextWork(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, w := range work {
		r := b.must(b.store.Request(ctx, w.RequestID))
		m, err := b.Manifest(ctx, r, w.Environment)
		if err != nil {
			b.t.Fatal(err)
		}
		b.apply(ctx, m)
		b.must(b.EnvironmentApplied(ctx, w.RequestID, w.Environment, "plan-"+w.Environment, nil))
	}
	return len(work)
}

func (b *bench) apply(ctx context.Context, m eventbus.Manifest) {
	b.t.Helper()
	for _, e := range m.Events {
		if err := b.store.SaveWanted(ctx, []eventbus.EventManifest{e}); err != nil {
			b.t.Fatal(err)
		}
		if old, err := b.store.Event(ctx, e.Event.Name); err == nil {
			e.Event.Version = old.Version
		}
		if _, err := b.store.SaveEvent(ctx, e.Event); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, g := range m.Grants {
		if old, err := b.store.Grant(ctx, g.ID); err == nil {
			g.Version = old.Version
		}
		if _, err := b.store.SaveGrant(ctx, g); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) in(r eventbus.Request, environment string, want eventbus.EnvironmentState) {
	b.t.Helper()
	if e, _ := r.Environment(environment); e.State != want {
		b.t.Fatalf("%s is %q, want %q", environment, e.State, want)
	}
}

// passGates lets a reviewer pass every gate that blocks an environment.
func (b *bench) passGates(id, environment string) {
	b.t.Helper()
	r := b.must(b.store.Request(b.t.Context(), id))
	for _, g := range missingGates(r, environment, "2026-12-01") {
		rule, _ := ruleOf(DefaultGates(), g.Kind)
		actor := sam
		switch rule.Reviewers[0] {
		case eventbus.RolePrivacyReviewer:
			actor = prim
		case eventbus.RoleBusReviewer:
			actor = bill
		}
		b.must(b.SetGate(b.t.Context(), actor, id, g.Kind, eventbus.GatePassed, "evidence-1", "", "seen"))
	}
}

// liveEvent brings the example event into all environments.
func (b *bench) liveEvent() eventbus.Request {
	b.t.Helper()
	r := b.submitted(pat, example(b.t, "producer.yaml"))
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(olive, r.ID, eventbus.StageOwner, "")
	b.approve(prim, r.ID, eventbus.StagePrivacy, "")
	b.provision()
	b.must(b.Promote(b.t.Context(), pat, r.ID, "production"))
	b.passGates(r.ID, "production")
	b.approve(bill, r.ID, eventbus.StageProduction, "production")
	b.provision()
	return b.must(b.store.Request(b.t.Context(), r.ID))
}

func TestFromIdeaToActiveEvent(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	if r.State != eventbus.RequestSubmitted || len(r.WaitingOn) == 0 {
		t.Fatalf("state %s, waiting on %v", r.State, r.WaitingOn)
	}

	// A reviewer asks for a change; the team answers and submits again.
	r = b.must(b.Decide(ctx, bill, r.ID, eventbus.StageBus, "", eventbus.DecisionAskChanges, "please use 3 partitions"))
	if r.State != eventbus.RequestChangesAsked {
		t.Fatal(r.State)
	}
	sub := example(t, "producer.yaml")
	sub.Content.(*ProducerContent).Topic.Partitions = 3
	b.must(b.SaveDraft(ctx, pat, r.ID, 0, sub))
	b.must(b.Submit(ctx, pat, r.ID))

	b.approve(bill, r.ID, eventbus.StageBus, "")
	r = b.approve(olive, r.ID, eventbus.StageOwner, "")
	b.in(r, "development", eventbus.EnvApproved)
	b.in(r, "staging", eventbus.EnvApproved)
	b.in(r, "production", eventbus.EnvLater)
	if n := b.provision(); n != 2 {
		t.Fatalf("%d pieces of work, want 2", n)
	}
	if n := b.provision(); n != 0 {
		t.Fatalf("%d pieces of work after all was done", n)
	}
	r = b.must(b.store.Request(ctx, r.ID))
	b.in(r, "development", eventbus.EnvActive)
	b.in(r, "production", eventbus.EnvPromotable)

	// Promotion is blocked by missing gates, then passes.
	b.must(b.Promote(ctx, pat, r.ID, "production"))
	_, err := b.Decide(ctx, bill, r.ID, eventbus.StageProduction, "production", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeConflict, err)
	if len(eventbus.FaultsOf(err)) == 0 {
		t.Fatal("the refusal does not name the gates")
	}
	b.passGates(r.ID, "production")
	b.approve(prim, r.ID, eventbus.StagePrivacy, "")
	r = b.approve(bill, r.ID, eventbus.StageProduction, "production")
	b.in(r, "production", eventbus.EnvApproved)
	b.provision()
	r = b.must(b.store.Request(ctx, r.ID))
	b.in(r, "production", eventbus.EnvActive)
	if r.State != eventbus.RequestActive || len(r.WaitingOn) != 0 {
		t.Fatalf("state %s, waiting on %v", r.State, r.WaitingOn)
	}
	event, err := b.store.Event(ctx, "letter-ready")
	if err != nil || event.Lifecycle != eventbus.LifecycleProduction || len(event.Topics) != 3 || event.OnePager == "" {
		t.Fatalf("catalog: %v, %s, %d topics", err, event.Lifecycle, len(event.Topics))
	}

	// A consumer: the event's owner and the bus agree, then the grant exists.
	c := b.submitted(casey, example(t, "consumer.yaml"))
	b.approve(bill, c.ID, eventbus.StageBus, "")
	_, err = b.Decide(ctx, person("o2", "appointments", eventbus.RoleOwner), c.ID, eventbus.StageOwner, "", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeForbidden, err)
	b.approve(olive, c.ID, eventbus.StageOwner, "")
	b.provision()
	grants, err := b.store.Grants(ctx, eventbus.GrantQuery{Event: "letter-ready", Environment: "development", Direction: eventbus.Consumed})
	if err != nil || len(grants) != 1 || grants[0].Purpose == "" || grants[0].Topic != "dev_letter-ready" || len(grants[0].ApprovedBy) != 2 {
		t.Fatalf("grants %+v, %v", grants, err)
	}
}
