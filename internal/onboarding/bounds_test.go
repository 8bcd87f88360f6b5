package onboarding

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// A decision is about what its reviewer read, not about what came after.
func TestDecisionOnWhatWasRead(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	read := b.submitted(pat, example(t, "producer.yaml"))
	edited := example(t, "producer.yaml")
	edited.Content.(*ProducerContent).Event.Purpose = "Something else altogether."
	b.must(b.SaveDraft(ctx, pat, read.ID, 0, edited))
	now := b.must(b.Submit(ctx, pat, read.ID))
	_, err := b.DecideOn(ctx, bill, read.ID, read.ContentHash, eventbus.StageBus, "", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeConflict, err)
	if !strings.Contains(err.Error(), "edited since you read it") {
		t.Errorf("the reviewer reads %v", err)
	}
	if r := b.must(b.store.Request(ctx, read.ID)); len(r.Approvals) != 0 {
		t.Fatalf("approvals %+v", r.Approvals)
	}
	b.must(b.DecideOn(ctx, bill, read.ID, now.ContentHash, eventbus.StageBus, "", eventbus.DecisionApprove, ""))
}

// A promised removal date does not move earlier by being left out.
func TestARemovalDateThatIsLeftOut(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	late := example(t, "offboarding.yaml")
	late.Content.(*OffboardingContent).RemovalDate = "2028-01-01"
	r := b.submitted(pat, late)
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(olive, r.ID, eventbus.StageOwner, "")
	b.provision()
	b.tickAt("2026-12-02")
	_, err := b.SaveDraft(ctx, pat, r.ID, 0, example(t, "offboarding.yaml")) // six months from now
	b.refused(eventbus.CodeInvalid, err)
	later := example(t, "offboarding.yaml")
	later.Content.(*OffboardingContent).RemovalDate = "2028-06-01"
	b.must(b.SaveDraft(ctx, pat, r.ID, 0, later))
	// A second request cannot do it either, unless two people accept why.
	second := example(t, "offboarding.yaml").Content.(*OffboardingContent)
	if faults, err := b.Check(ctx, second, ""); err != nil || len(faults) != 1 || faults[0].Path != "removalDate" {
		t.Errorf("a second request: %v, %v", faults, err)
	}
	second.OverrideNotice = "Nobody reads it."
	if faults, err := b.Check(ctx, second, ""); err != nil || len(faults) != 0 {
		t.Errorf("with a reason: %v, %v", faults, err)
	}
	only := &OffboardingContent{Team: "appointments", Event: "letter-ready", Consumer: "appointments-app", Reason: "The app is switched off."}
	if faults, err := b.Check(ctx, only, ""); err != nil || len(faults) != 0 {
		t.Errorf("one system that leaves promises nothing: %v, %v", faults, err)
	}
}

// Two teams never share a consumer group, not even by a prefix that takes in
// the other's.
func TestConsumerGroupsOfOtherTeams(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"claims*", "claims-api", true}, {"claims-api", "claims*", true}, {"claims*", "claims-api*", true}, {"claims-api*", "claims*", true},
		{"claims", "claims", true}, {"claims", "claims*", true}, {"claims", "claims-api", false}, {"claims-a*", "claims-b*", false}, {"claims-api", "claims-api-2", false},
	} {
		if groupsOverlap(c.a, c.b) != c.want || groupsOverlap(c.b, c.a) != c.want {
			t.Errorf("%s and %s overlap: want %v", c.a, c.b, c.want)
		}
	}
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	b.apply(ctx, eventbus.Manifest{Grants: []eventbus.Grant{{ID: "g1", Event: "other", Environment: "development", Direction: eventbus.Consumed, Team: "appointments-desk",
		Principal: "arn:aws-us-gov:iam::123456789012:role/desk", GroupPrefix: "appointments-desk*", CreatedAt: b.clock()}}})
	check := func(prefix string) []eventbus.Fault {
		c := example(t, "consumer.yaml").Content.(*ConsumerContent)
		c.GroupPrefix = prefix
		faults, err := b.Check(ctx, c, "")
		if err != nil {
			t.Fatal(err)
		}
		return faults
	}
	if faults := check("appointments*"); len(faults) != 1 || faults[0].Path != "groupPrefix" || !strings.Contains(faults[0].Message, "appointments-desk") || faults[0].Fix == "" {
		t.Errorf("a prefix that takes in another team's groups: %v", faults)
	}
	if faults := check("appointments-letters*"); len(faults) != 0 {
		t.Errorf("a prefix of its own: %v", faults)
	}
}

// The name of an event is unique while it is reviewed, too: the second request
// for it is refused, and one that was approved in part never takes over the
// event that another team made meanwhile.
func TestTwoRequestsForOneEvent(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	mine := b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	again := b.must(b.Draft(ctx, quinn, example(t, "producer.yaml"))) // drafts may compete
	b.must(b.Submit(ctx, pat, mine.ID))
	_, err := b.Submit(ctx, quinn, again.ID)
	b.refused(eventbus.CodeInvalid, err)
	if faults := eventbus.FaultsOf(err); len(faults) != 1 || faults[0].Path != "event.name" || !strings.Contains(faults[0].Message, mine.ID) {
		t.Errorf("faults %v", faults)
	}
	b.must(b.Withdraw(ctx, pat, mine.ID, ""))
	b.must(b.Submit(ctx, quinn, again.ID)) // the name is free again

	// Its owner has approved; then another team makes the event by GitOps.
	b.approve(olive, again.ID, eventbus.StageOwner, "")
	if _, err := b.store.SaveEvent(ctx, eventbus.Event{Name: "letter-ready", Title: "Taken", Owner: "health", Type: "event", Lifecycle: eventbus.LifecycleDevelopment, Domain: "health"}); err != nil {
		t.Fatal(err)
	}
	_, err = b.Decide(ctx, bill, again.ID, eventbus.StageBus, "", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeConflict, err)
	if !strings.Contains(err.Error(), "team health") {
		t.Errorf("the reviewer reads %v", err)
	}
	if b.provision() != 0 {
		t.Error("the event of another team was provisioned over")
	}
	b.must(b.Decide(ctx, bill, again.ID, eventbus.StageBus, "", eventbus.DecisionReject, "The name is taken."))
}

// The same when the last approval was there before the other team was: nothing
// is begun, though everybody agreed.
func TestAnEventTakenBeforeItIsReady(t *testing.T) {
	r := walked(t, act{verb: verbSubmit, by: pat}, approval(olive, eventbus.StageOwner, ""))
	w := demoWorld(today)
	w.owner, w.taken = "health", true
	r.Approvals = append(r.Approvals, eventbus.Approval{Stage: eventbus.StageBus, Decision: eventbus.DecisionApprove, By: "bill", SeenHash: seenHash(r.Content, eventbus.StageBus)})
	next, err := step(r, act{verb: verbTick, by: reconciler()}, w)
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := next.Environment("development"); e.State != eventbus.EnvWaiting {
		t.Errorf("development is %s", e.State)
	}
}

// What people write into an act is bounded, whatever door it comes through.
func TestReasonsAreBounded(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	long := strings.Repeat("x", longestText+1)
	for name, do := range map[string]func() (eventbus.Request, error){
		"decide": func() (eventbus.Request, error) {
			return b.Decide(ctx, bill, r.ID, eventbus.StageBus, "", eventbus.DecisionAskChanges, long)
		},
		"withdraw":    func() (eventbus.Request, error) { return b.Withdraw(ctx, pat, r.ID, long) },
		"acknowledge": func() (eventbus.Request, error) { return b.Acknowledge(ctx, pat, r.ID, "claims", long) },
		"gate": func() (eventbus.Request, error) {
			return b.SetGate(ctx, sam, r.ID, eventbus.GateATO, eventbus.GateFailed, "", "", long)
		},
		"comment": func() (eventbus.Request, error) { return b.Comment(ctx, pat, r.ID, "x", long) },
	} {
		if _, err := do(); eventbus.CodeOf(err) != eventbus.CodeInvalid || len(eventbus.FaultsOf(err)) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now := b.must(b.store.Request(ctx, r.ID)); now.Version != r.Version {
		t.Error("something was saved")
	}
}

// Who belongs to several consuming teams says for which one they speak.
func TestAcknowledgementOfSeveralTeams(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	for i, team := range []string{"appointments", "benefits"} {
		b.apply(ctx, eventbus.Manifest{Grants: []eventbus.Grant{{ID: "g" + team, Event: "letter-ready", Environment: "development", Direction: eventbus.Consumed, Team: team,
			Principal: "arn:aws-us-gov:iam::123456789012:role/" + team, GroupPrefix: team, CreatedAt: today.Add(time.Duration(i) * time.Hour)}}})
	}
	r := b.submitted(pat, example(t, "change.yaml"))
	both := eventbus.Actor{Person: eventbus.Person{ID: "both", Roles: []eventbus.Role{eventbus.RoleMember}, Teams: []string{"appointments", "benefits"}}}
	_, err := b.Acknowledge(ctx, both, r.ID, "", "")
	b.refused(eventbus.CodeInvalid, err)
	b.must(b.Acknowledge(ctx, both, r.ID, "benefits", ""))
	r = b.must(b.Acknowledge(ctx, both, r.ID, "", "")) // one is left
	if !acknowledged(r, "appointments") || !acknowledged(r, "benefits") {
		t.Errorf("approvals %+v", r.Approvals)
	}
	_, err = b.Acknowledge(ctx, stranger, r.ID, "", "")
	b.refused(eventbus.CodeNotFound, err)
}

// counting counts how often the store is asked for a page of requests.
type counting struct {
	Store
	pages, reads int
}

func (c *counting) Request(ctx context.Context, id string) (eventbus.Request, error) {
	c.reads++
	return c.Store.Request(ctx, id)
}

func (c *counting) Requests(ctx context.Context, q eventbus.RequestQuery) ([]eventbus.Request, error) {
	c.pages++
	return c.Store.Requests(ctx, q)
}

// A short page is not paid for with a question per hidden request.
func TestAShortPageAsksSeldom(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	shown := b.submitted(pat, example(t, "producer.yaml"))
	for range 150 {
		b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	}
	store := &counting{Store: b.store}
	b.Service.store = store
	list, err := b.Requests(ctx, bill, eventbus.RequestQuery{Limit: 1})
	if err != nil || len(list) != 1 || list[0].ID != shown.ID {
		t.Fatalf("%d, %v", len(list), err)
	}
	if store.pages > 2 {
		t.Errorf("%d questions for one request behind 150 drafts", store.pages)
	}
}

// The clock looks closely only at requests that it may change: not at those that
// are active and complete, until evidence of theirs is about to lapse.
func TestTheClockPassesOverWhatIsDone(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.liveEvent()
	store := &counting{Store: b.store}
	b.Service.store = store
	b.tickAt("2026-12-20")
	if store.reads != 0 {
		t.Errorf("%d looks at a request that is done", store.reads)
	}
	b.must(b.SetGate(ctx, sam, r.ID, eventbus.GateATO, eventbus.GatePassed, "ATO-2", "2027-06-01", ""))
	store.reads = 0
	b.tickAt("2026-12-21")
	if store.reads != 0 {
		t.Errorf("%d looks while the evidence is good for months", store.reads)
	}
	for _, c := range []struct {
		day   string
		looks bool
	}{{"2027-03-02", false}, {"2027-03-03", true}, {"2027-03-04", false}, {"2027-05-02", true}, {"2027-05-25", true}, {"2027-05-26", false}, {"2027-06-01", false}, {"2027-06-02", true}, {"2027-06-03", false}} {
		store.reads = 0
		b.tickAt(c.day)
		if (store.reads > 0) != c.looks {
			t.Errorf("%s: %d looks, want any: %v", c.day, store.reads, c.looks)
		}
	}
	r = b.must(b.store.Request(ctx, r.ID))
	if g := r.Gates[gateOf(r, eventbus.GateATO)]; g.State != eventbus.GateLapsed {
		t.Errorf("gate %+v", g)
	}
}

// A request that this version cannot read does not stop the clock of the others.
func TestAnUnreadableRequestStopsNobody(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	var said strings.Builder
	b.Service.cfg.Logger = slog.New(slog.NewTextHandler(&said, nil))
	other := example(t, "producer.yaml")
	other.Content.(*ProducerContent).Event.Name = "letter-lost"
	stale := b.submitted(pat, other)
	b.liveEvent()
	odd := b.submitted(pat, example(t, "offboarding.yaml"))
	odd.Content = json.RawMessage(`{"team":"claims","event":"letter-ready","colour":"blue"}`)
	b.must(b.store.SaveRequest(ctx, odd, nil, nil))
	b.tickAt("2027-02-01")
	if r := b.must(b.store.Request(ctx, stale.ID)); r.State != eventbus.RequestExpired {
		t.Errorf("the other request is %s", r.State)
	}
	if !strings.Contains(said.String(), odd.ID) || strings.Contains(said.String(), "blue") {
		t.Errorf("the log says %q", said.String())
	}
}
