package onboarding

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func TestNobodyDecidesWhatTheyMayNot(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	multi := person("multi", "claims", eventbus.RoleOwner, eventbus.RoleBusReviewer)
	b.must(b.Decide(ctx, multi, r.ID, eventbus.StageBus, "", eventbus.DecisionApprove, ""))
	for _, c := range []struct {
		name  string
		actor eventbus.Actor
		stage eventbus.Stage
		code  eventbus.Code
	}{
		{"the submitter, though an owner", person("pat", "claims", eventbus.RoleOwner, eventbus.RoleBusReviewer), eventbus.StageOwner, eventbus.CodeForbidden},
		{"the submitter through another account", eventbus.Actor{Person: eventbus.Person{ID: "pat", Roles: []eventbus.Role{eventbus.RoleOwner}, Teams: []string{"claims"}}, Token: "t1", Scopes: []string{"request:approve"}}, eventbus.StageOwner, eventbus.CodeForbidden},
		{"a member", quinn, eventbus.StageOwner, eventbus.CodeForbidden},
		{"an owner of another team", person("o", "health", eventbus.RoleOwner), eventbus.StageOwner, eventbus.CodeNotFound},
		{"a bus reviewer in the owner's place", bill, eventbus.StageOwner, eventbus.CodeForbidden},
		{"who approved another stage", multi, eventbus.StageOwner, eventbus.CodeForbidden},
		{"the bus itself", eventbus.Actor{System: "provision"}, eventbus.StageOwner, eventbus.CodeForbidden},
		{"nobody", eventbus.Actor{}, eventbus.StageOwner, eventbus.CodeNotFound},
		{"a stage that is approved", bill, eventbus.StageBus, eventbus.CodeConflict},
		{"a stage that is not needed", sam, eventbus.StageSecurity, eventbus.CodeInvalid},
		{"production before anybody asked", bill, eventbus.StageProduction, eventbus.CodeInvalid},
	} {
		_, err := b.Decide(ctx, c.actor, r.ID, c.stage, "", eventbus.DecisionApprove, "")
		if eventbus.CodeOf(err) != c.code {
			t.Errorf("%s: code %q (%v), want %q", c.name, eventbus.CodeOf(err), err, c.code)
		}
	}
	_, err := b.Decide(ctx, bill, r.ID, eventbus.StageBus, "", eventbus.DecisionApprove, "")
	if err == nil || !strings.Contains(err.Error(), "already approved by multi") {
		t.Errorf("the second reviewer reads %v", err)
	}
	_, err = b.Decide(ctx, bill, r.ID, eventbus.StageProduction, "production", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeConflict, err)
	_, err = b.Decide(ctx, bea, r.ID, eventbus.StageBus, "", eventbus.DecisionAskChanges, " ")
	b.refused(eventbus.CodeInvalid, err)
	denied, err := b.store.AuditEntries(ctx, eventbus.AuditQuery{Outcome: eventbus.OutcomeDenied})
	if err != nil || len(denied) != 6 {
		t.Errorf("%d denials are on record, want 6 (%v)", len(denied), err)
	}
}

// Whoever edits a request, once, is its author for good.
func TestAnAuthorNeverApproves(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	b.must(b.SaveDraft(ctx, olive, r.ID, 0, example(t, "producer.yaml")))
	b.must(b.Submit(ctx, pat, r.ID))
	_, err := b.Decide(ctx, olive, r.ID, eventbus.StageOwner, "", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeForbidden, err)
}

// An edit voids the approvals of the stages that look at what was edited, and
// no others; taking the edit back brings nothing back.
func TestAnEditRestartsTheStagesConcerned(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(prim, r.ID, eventbus.StagePrivacy, "")
	in := func(r eventbus.Request) string {
		var list []string
		for _, s := range []eventbus.Stage{eventbus.StageBus, eventbus.StageOwner, eventbus.StagePrivacy} {
			if approvedBy(r, s, "") != "" {
				list = append(list, string(s))
			}
		}
		return strings.Join(list, " ")
	}
	edit := func(change func(*ProducerContent)) eventbus.Request {
		sub := example(t, "producer.yaml")
		change(sub.Content.(*ProducerContent))
		return b.must(b.SaveDraft(ctx, pat, r.ID, 0, sub))
	}
	for _, c := range []struct {
		name, want string
		change     func(*ProducerContent)
	}{
		{"nothing", "bus privacy", func(*ProducerContent) {}},
		{"clients", "bus privacy", func(c *ProducerContent) { c.Clients = []string{"node"} }},
		{"partitions", "privacy", func(c *ProducerContent) { c.Topic.Partitions = 12 }},
		{"taking that back", "privacy", func(*ProducerContent) {}},
		{"the description", "", func(c *ProducerContent) { c.Event.Description = "Another thing." }},
	} {
		if got := in(edit(c.change)); got != c.want {
			t.Errorf("after an edit of %s %q stand, want %q", c.name, got, c.want)
		}
	}
	v, err := b.View(ctx, bill, r.ID)
	if err != nil || len(v.Changes["bus bill"]) == 0 || v.Changes["bus bill"][0].Path != "event.description" {
		t.Errorf("the reviewer sees %+v, %v", v.Changes, err)
	}
	_, err = b.Decide(ctx, bill, r.ID, eventbus.StageBus, "", eventbus.DecisionApprove, "")
	b.refused(eventbus.CodeConflict, err) // not submitted again yet
}

func TestStaleEditIsAConflict(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	sub := example(t, "producer.yaml")
	sub.Content.(*ProducerContent).Notes = "n"
	b.must(b.SaveDraft(ctx, quinn, r.ID, r.Version, sub))
	_, err := b.SaveDraft(ctx, pat, r.ID, r.Version, sub)
	b.refused(eventbus.CodeConflict, err)
}

func TestWhoSeesARequest(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	_, err := b.View(ctx, bill, r.ID)
	b.refused(eventbus.CodeNotFound, err) // drafts are the team's own
	b.must(b.Submit(ctx, pat, r.ID))
	for actor, code := range map[*eventbus.Actor]eventbus.Code{&pat: "", &quinn: "", &bill: "", &stranger: eventbus.CodeNotFound} {
		if _, err := b.View(ctx, *actor, r.ID); eventbus.CodeOf(err) != code {
			t.Errorf("%s: code %q, want %q", actor.Person.ID, eventbus.CodeOf(err), code)
		}
	}
	if list, err := b.Requests(ctx, stranger, eventbus.RequestQuery{}); err != nil || len(list) != 0 {
		t.Errorf("a stranger's list: %d, %v", len(list), err)
	}
	for range 3 { // drafts that nobody else sees do not empty a page
		b.must(b.Draft(ctx, pat, example(t, "producer.yaml")))
	}
	if list, err := b.Requests(ctx, bill, eventbus.RequestQuery{Limit: 1}); err != nil || len(list) != 1 || list[0].ID != r.ID {
		t.Errorf("a page of one: %d, %v", len(list), err)
	}
	_, err = b.Draft(ctx, stranger, example(t, "producer.yaml"))
	b.refused(eventbus.CodeForbidden, err)
	_, err = b.Comment(ctx, stranger, r.ID, "hello", "")
	b.refused(eventbus.CodeNotFound, err)
	if r = b.must(b.Comment(ctx, bill, r.ID, "why 6?", "topic.partitions")); len(r.Comments) != 1 {
		t.Error("the comment is lost")
	}
}

func TestSixtyFourApprovalsTakeEffectOnce(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		wg.Go(func() {
			actor, stage := person(fmt.Sprintf("bus-%d", i), "", eventbus.RoleBusReviewer), eventbus.StageBus
			if i%2 == 1 {
				actor, stage = person(fmt.Sprintf("owner-%d", i), "claims", eventbus.RoleOwner), eventbus.StageOwner
			}
			_, errs[i] = b.Decide(ctx, actor, r.ID, stage, "", eventbus.DecisionApprove, "")
		})
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		switch {
		case err == nil:
			done++
		case eventbus.CodeOf(err) != eventbus.CodeConflict || !strings.Contains(err.Error(), "already approved by"):
			t.Errorf("%v", err)
		}
	}
	r = b.must(b.store.Request(ctx, r.ID))
	if done != 2 || len(r.Approvals) != 2 {
		t.Errorf("%d approvals took effect, %d are recorded; want 2", done, len(r.Approvals))
	}
	if b.provision() != 2 {
		t.Error("the two lower environments were not provisioned once each")
	}
	entries, err := b.store.AuditEntries(ctx, eventbus.AuditQuery{Action: "request.approve"})
	if err != nil || len(entries) != 2 {
		t.Errorf("%d audit entries, want 2 (%v)", len(entries), err)
	}
}

func TestProvisioningFailsAndIsTriedAgain(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	b.approve(bill, r.ID, eventbus.StageBus, "")
	b.approve(olive, r.ID, eventbus.StageOwner, "")
	work, err := b.NextWork(ctx)
	if err != nil || len(work) != 2 {
		t.Fatalf("%v, %v", work, err)
	}
	if again, err := b.NextWork(ctx); err != nil || len(again) != 2 { // a crash before the report loses nothing
		t.Fatalf("%v, %v", again, err)
	}
	_, err = b.SaveDraft(ctx, pat, r.ID, 0, example(t, "producer.yaml"))
	b.refused(eventbus.CodeConflict, err)
	_, err = b.Withdraw(ctx, pat, r.ID, "")
	b.refused(eventbus.CodeConflict, err)
	r = b.must(b.EnvironmentApplied(ctx, r.ID, "development", "p1", errors.New("no leader")))
	b.in(r, "development", eventbus.EnvFailed)
	if e, _ := r.Environment("development"); e.Error != "no leader" {
		t.Error(e.Error)
	}
	b.must(b.EnvironmentApplied(ctx, r.ID, "staging", "p2", nil))
	if work, err := b.NextWork(ctx); err != nil || len(work) != 0 {
		t.Errorf("tried again at once: %v, %v", work, err)
	}
	b.advance(time.Minute)
	if b.provision() != 1 {
		t.Error("not tried again")
	}
	_, err = b.EnvironmentApplied(ctx, r.ID, "development", "p1", nil)
	b.refused(eventbus.CodeConflict, err)
	b.in(b.must(b.store.Request(ctx, r.ID)), "production", eventbus.EnvPromotable)
}

func TestManifestOfAProducer(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	m, err := b.Manifest(ctx, r, "production")
	if err != nil {
		t.Fatal(err)
	}
	topic := m.Events[0].Topics[0]
	if topic.Topic.Name != "prod_letter-ready" || topic.Topic.Partitions != 6 || topic.Topic.Configs["retention.ms"] != "604800000" ||
		topic.Guard != eventbus.SchemaGuardEnforce || topic.Compatibility != eventbus.CompatibilityBackward || topic.ValueSchema == "" {
		t.Errorf("topic %+v", topic)
	}
	g := m.Grants[0]
	if g.Principal != "arn:aws-us-gov:iam::123456789012:role/claims-letters" || len(g.TrustedBy) != 1 || !g.Idempotent || g.Direction != eventbus.Produced || g.Contact != "Pat Producer" {
		t.Errorf("grant %+v", g)
	}
	again, err := b.Manifest(ctx, r, "production")
	if err != nil || again.Grants[0].ID != g.ID {
		t.Error("the grant's id is not stable")
	}
	_, err = b.Manifest(ctx, r, "moon")
	b.refused(eventbus.CodeNotFound, err)
}

func TestManifestKeepsOtherEnvironments(t *testing.T) {
	b := newBench(t)
	b.liveEvent()
	wanted, err := b.store.Wanted(t.Context())
	if err != nil || len(wanted) != 1 || len(wanted[0].Topics) != 3 {
		t.Fatalf("%+v, %v", wanted, err)
	}
}

func TestViewOffersWhatMayBeDone(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.submitted(pat, example(t, "producer.yaml"))
	offered := func(actor eventbus.Actor) string {
		v, err := b.View(ctx, actor, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, a := range v.Acts {
			list = append(list, strings.Trim(a.Do+":"+string(a.Stage)+string(a.Gate), ":"))
		}
		return strings.Join(slices.Compact(list), " ")
	}
	for _, c := range []struct {
		actor eventbus.Actor
		want  string
	}{
		{pat, "edit withdraw comment"},
		{olive, "edit approve:owner ask-changes:owner reject:owner withdraw comment"},
		{bill, "approve:bus ask-changes:bus reject:bus gate:VASI gate:eMASS gate:ESECC gate:agreement comment"},
		{prim, "approve:privacy ask-changes:privacy reject:privacy gate:PTA gate:PIA gate:HIPAA gate:OBI gate:agreement comment"},
		{person("auditor", "", eventbus.RoleAuditor), "comment"},
	} {
		if got := offered(c.actor); got != c.want {
			t.Errorf("%s is offered %q, want %q", c.actor.Person.ID, got, c.want)
		}
	}
}

func TestEveryActIsOnRecordAndTold(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	r := b.liveEvent()
	entries, err := b.store.AuditEntries(ctx, eventbus.AuditQuery{Resource: r.ID, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range entries {
		seen[e.Action]++
	}
	for action, n := range map[string]int{"request.draft": 1, "request.submit": 1, "request.approve": 4, "request.promote": 1, "request.provision": 3, "request.applied": 3} {
		if seen[action] != n {
			t.Errorf("%d entries %s, want %d", seen[action], action, n)
		}
	}
	for actor, want := range map[*eventbus.Actor]string{&bill: "Your turn", &olive: "Your turn", &prim: "Your turn", &pat: "active in production"} {
		inbox, err := b.store.Inbox(ctx, actor.Person, false, 100)
		if err != nil || !slices.ContainsFunc(inbox, func(n eventbus.Notification) bool { return strings.Contains(n.Subject, want) }) {
			t.Errorf("%s was not told %q (%v)", actor.Person.ID, want, err)
		}
	}
}
