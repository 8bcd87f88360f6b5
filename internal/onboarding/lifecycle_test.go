package onboarding

import (
	"slices"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func TestSchemaChangeWaitsForConsumers(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	c := b.submitted(casey, example(t, "consumer.yaml"))
	b.approve(bill, c.ID, eventbus.StageBus, "")
	b.approve(olive, c.ID, eventbus.StageOwner, "")
	b.provision()

	r := b.submitted(pat, example(t, "change.yaml"))
	if !slices.Equal(r.Consumers, []string{"appointments"}) {
		t.Fatalf("consumers %v", r.Consumers)
	}
	inbox, err := b.store.Inbox(ctx, casey.Person, true, 10)
	if err != nil || !slices.ContainsFunc(inbox, func(n eventbus.Notification) bool { return strings.Contains(n.Subject, "Change letter-ready") }) {
		t.Errorf("the consumer was not told: %+v, %v", inbox, err)
	}
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(olive, r.ID, eventbus.StageOwner, "")
	b.approve(prim, r.ID, eventbus.StagePrivacy, "")
	b.provision()
	b.must(b.Promote(ctx, pat, r.ID, "production"))
	r = b.approve(bill, r.ID, eventbus.StageProduction, "production")
	b.in(r, "production", eventbus.EnvWaiting)
	if w := r.WaitingOn; len(w) != 1 || w[0].Who != "appointments" {
		t.Fatalf("waiting on %+v", w)
	}
	_, err = b.Acknowledge(ctx, stranger, r.ID, "appointments", "")
	b.refused(eventbus.CodeNotFound, err)
	_, err = b.Acknowledge(ctx, pat, r.ID, "appointments", "")
	b.refused(eventbus.CodeForbidden, err)
	r = b.must(b.Acknowledge(ctx, casey, r.ID, "", "fine"))
	b.in(r, "production", eventbus.EnvApproved)
	_, err = b.Acknowledge(ctx, casey, r.ID, "appointments", "")
	b.refused(eventbus.CodeConflict, err)
	b.provision()
	e, err := b.store.Event(ctx, "letter-ready")
	if err != nil || !strings.Contains(e.Schema, `"title"`) || e.RetentionDays != 7 {
		t.Errorf("%v %s", err, e.Schema)
	}
}

func TestRetiringAnEvent(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	c := b.submitted(casey, example(t, "consumer.yaml"))
	b.approve(bill, c.ID, eventbus.StageBus, "")
	b.approve(olive, c.ID, eventbus.StageOwner, "")
	b.provision()

	early := example(t, "offboarding.yaml")
	early.Content.(*OffboardingContent).RemovalDate = "2027-01-15"
	d := b.must(b.Draft(ctx, pat, early))
	_, err := b.Submit(ctx, pat, d.ID)
	b.refused(eventbus.CodeInvalid, err)
	b.must(b.Withdraw(ctx, pat, d.ID, ""))

	sub := example(t, "offboarding.yaml")
	sub.Content.(*OffboardingContent).RemovalDate = "2027-09-01"
	r := b.submitted(pat, sub)
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(olive, r.ID, eventbus.StageOwner, "")
	if n := b.provision(); n != 3 {
		t.Fatalf("%d environments deprecated, want 3", n)
	}
	e, err := b.store.Event(ctx, "letter-ready")
	if err != nil || e.Lifecycle != eventbus.LifecycleDeprecated || e.RemovalDate != "2027-09-01" || e.Successor != "document-ready" {
		t.Fatalf("%+v, %v", e, err)
	}
	b.tickAt("2026-12-02")
	b.tickAt("2027-06-10")
	b.tickAt("2027-06-11")
	b.tickAt("2027-08-26")
	r = b.must(b.store.Request(ctx, r.ID))
	if want := []string{"removal:start", "removal:90:2027-09-01", "removal:7:2027-09-01"}; !slices.Equal(r.Notices, want) {
		t.Errorf("notices %v, want %v", r.Notices, want)
	}

	// The date never moves earlier.
	sooner := example(t, "offboarding.yaml")
	sooner.Content.(*OffboardingContent).RemovalDate = "2027-08-28"
	_, err = b.SaveDraft(ctx, pat, r.ID, 0, sooner)
	b.refused(eventbus.CodeInvalid, err)

	// Somebody still reads: nothing is removed.
	reader := eventbus.UsageBucket{Start: time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC), Width: time.Hour, Usage: eventbus.Usage{Principal: "arn:aws-us-gov:iam::123456789012:role/appointments-dev",
		Topic: "dev_letter-ready", Direction: eventbus.Consumed, Records: 5, FirstSeen: time.Date(2027, 9, 1, 0, 0, 0, 0, time.UTC), LastSeen: time.Date(2027, 9, 1, 0, 30, 0, 0, time.UTC)}}
	if err := b.store.AddUsage(ctx, []eventbus.UsageBucket{reader}); err != nil {
		t.Fatal(err)
	}
	b.tickAt("2027-09-02")
	r = b.must(b.store.Request(ctx, r.ID))
	b.in(r, "development", eventbus.EnvActive)
	b.in(r, "production", eventbus.EnvApproved)
	v, err := b.View(ctx, pat, r.ID)
	if err != nil || len(v.Readers) != 1 {
		t.Errorf("readers %v, %v", v.Readers, err)
	}
	m, err := b.Manifest(ctx, r, "production")
	if err != nil || !slices.Equal(m.Events[0].Remove, []string{"production"}) || len(m.Grants) != 1 || m.Grants[0].Active() {
		t.Fatalf("%+v, %v", m, err)
	}
	b.provision()
	b.tickAt("2027-09-12")
	b.provision()
	r = b.must(b.store.Request(ctx, r.ID))
	b.in(r, "development", eventbus.EnvRemoved)
	b.in(r, "production", eventbus.EnvRemoved)
}

func (b *bench) tickAt(day string) {
	b.t.Helper()
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		b.t.Fatal(err)
	}
	b.advance(at.Add(9 * time.Hour).Sub(b.clock()))
	if err := b.Expire(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func TestTimePasses(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	unanswered := b.submitted(pat, example(t, "producer.yaml"))
	b.tickAt("2026-12-30")
	if r := b.must(b.store.Request(ctx, unanswered.ID)); r.State != eventbus.RequestSubmitted || r.Version != unanswered.Version {
		t.Fatalf("state %s, version %d: a tick without effect wrote something", r.State, r.Version)
	}
	b.tickAt("2027-01-05")
	if r := b.must(b.store.Request(ctx, unanswered.ID)); r.State != eventbus.RequestExpired || len(r.WaitingOn) != 0 {
		t.Fatalf("state %s, waiting on %v", r.State, r.WaitingOn)
	}
	_, err := b.Submit(ctx, pat, unanswered.ID)
	b.refused(eventbus.CodeConflict, err)

	r := b.submitted(pat, example(t, "producer.yaml"))
	_, err = b.SetGate(ctx, sam, r.ID, eventbus.GateATO, eventbus.GatePassed, "ATO-1", "2026-01-01", "")
	b.refused(eventbus.CodeInvalid, err)
	_, err = b.SetGate(ctx, prim, r.ID, eventbus.GateATO, eventbus.GatePassed, "ATO-1", "2027-02-01", "")
	b.refused(eventbus.CodeForbidden, err)
	_, err = b.SetGate(ctx, sam, r.ID, eventbus.GateESECC, eventbus.GateNotRequired, "", "", "")
	b.refused(eventbus.CodeInvalid, err)
	_, err = b.SetGate(ctx, sam, r.ID, "moon", eventbus.GatePassed, "x", "", "")
	b.refused(eventbus.CodeNotFound, err)
	b.must(b.SetGate(ctx, sam, r.ID, eventbus.GateATO, eventbus.GatePassed, "ATO-1", "2027-02-01", ""))
	b.tickAt("2027-01-10")
	b.tickAt("2027-02-02")
	r = b.must(b.store.Request(ctx, r.ID))
	if g := r.Gates[gateOf(r, eventbus.GateATO)]; g.State != eventbus.GateLapsed {
		t.Errorf("gate %+v", g)
	}
	if !slices.Contains(r.Notices, "ATO:30:2027-02-01") {
		t.Errorf("notices %v", r.Notices)
	}
}

// One system leaves an event: its own access ends, nobody else's.
func TestASystemLeaves(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	c := b.submitted(casey, example(t, "consumer.yaml"))
	b.approve(bill, c.ID, eventbus.StageBus, "")
	b.approve(olive, c.ID, eventbus.StageOwner, "")
	b.provision()
	sub := Submission{Kind: eventbus.OffboardingRequest, Content: &OffboardingContent{Team: "appointments", Event: "letter-ready", Consumer: "appointments-app",
		Environments: []string{"development"}, Reason: "The app is switched off."}}
	r := b.submitted(casey, sub)
	if len(r.Consumers) != 0 {
		t.Errorf("others were told: %v", r.Consumers)
	}
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(olive, r.ID, eventbus.StageOwner, "")
	b.provision()
	r = b.must(b.store.Request(ctx, r.ID))
	b.in(r, "development", eventbus.EnvActive)
	if len(r.WaitingOn) != 0 {
		t.Errorf("waiting on %v", r.WaitingOn)
	}
	for env, want := range map[string]int{"development": 0, "staging": 1} {
		grants, err := b.store.Grants(ctx, eventbus.GrantQuery{Event: "letter-ready", Environment: env, Direction: eventbus.Consumed, ActiveOnly: true})
		if err != nil || len(grants) != want {
			t.Errorf("%s: %d grants, want %d (%v)", env, len(grants), want, err)
		}
	}
	if e, err := b.store.Event(ctx, "letter-ready"); err != nil || e.Lifecycle != eventbus.LifecycleProduction {
		t.Errorf("the event is %s (%v)", e.Lifecycle, err)
	}
}
