package eventbus

import (
	"testing"
	"time"
)

// TestGateHolds: a gate lets through what it does not block, and what it was passed
// or found needless for, until the last day of its evidence.
func TestGateHolds(t *testing.T) {
	const today = "2026-03-01"
	blocks := []string{"staging", "production"}
	for _, c := range []struct {
		name        string
		gate        Gate
		environment string
		holds       bool
	}{
		{"open", Gate{State: GateOpen, Blocks: blocks}, "production", false},
		{"open, elsewhere", Gate{State: GateOpen, Blocks: blocks}, "development", true},
		{"blocks nothing", Gate{State: GateFailed}, "production", true},
		{"passed", Gate{State: GatePassed, Blocks: blocks}, "staging", true},
		{"passed until today", Gate{State: GatePassed, Expires: today, Blocks: blocks}, "staging", true},
		{"passed until yesterday", Gate{State: GatePassed, Expires: "2026-02-28", Blocks: blocks}, "staging", false},
		{"passed until next year", Gate{State: GatePassed, Expires: "2027-01-01", Blocks: blocks}, "staging", true},
		{"not required", Gate{State: GateNotRequired, Blocks: blocks}, "production", true},
		{"not required, with an old date", Gate{State: GateNotRequired, Expires: "2020-01-01", Blocks: blocks}, "production", true},
		{"lapsed", Gate{State: GateLapsed, Expires: "2027-01-01", Blocks: blocks}, "production", false},
		{"failed", Gate{State: GateFailed, Blocks: blocks}, "production", false},
		{"no state", Gate{Blocks: blocks}, "production", false},
	} {
		if got := c.gate.Holds(c.environment, today); got != c.holds {
			t.Errorf("%s: holds %v", c.name, got)
		}
	}
}

func TestStageReviewer(t *testing.T) {
	for stage, want := range map[Stage]Role{StageBus: RoleBusReviewer, StageOwner: RoleOwner, StagePrivacy: RolePrivacyReviewer,
		StageSecurity: RoleSecurityReviewer, StageProduction: RoleBusReviewer, "unknown": RoleBusReviewer} {
		if got := stage.Reviewer(); got != want {
			t.Errorf("%s is decided by %s, want %s", stage, got, want)
		}
	}
	final := map[RequestState]bool{RequestRejected: true, RequestWithdrawn: true, RequestExpired: true}
	for _, state := range []RequestState{RequestDraft, RequestSubmitted, RequestChangesAsked, RequestApproved, RequestActive, RequestRejected, RequestWithdrawn, RequestExpired} {
		if state.Final() != final[state] {
			t.Errorf("%s is final: %v", state, state.Final())
		}
	}
	r := Request{Environments: []RequestEnvironment{{Name: "a", State: EnvActive}, {Name: "b"}}}
	if e, found := r.Environment("a"); !found || e.State != EnvActive {
		t.Errorf("%+v %v", e, found)
	}
	if _, found := r.Environment("c"); found {
		t.Error("found what is not there")
	}
}

func TestActor(t *testing.T) {
	pat := Person{ID: "pat", Roles: []Role{RoleOwner}, Teams: []string{"claims"}}
	session, token, bus := Actor{Person: pat}, Actor{Person: pat, Token: "t1", Scopes: []string{"read"}}, Actor{System: "provision"}
	if session.Name() != "pat" || token.Name() != "pat" || bus.Name() != "system:provision" {
		t.Errorf("%s %s %s", session.Name(), token.Name(), bus.Name())
	}
	if !session.Scoped("schema:write") || !token.Scoped("read") || token.Scoped("schema:write") || (Actor{Person: pat, Token: "t2"}).Scoped("read") {
		t.Error("a token may what its scopes say, a session all that the person may")
	}
	if !pat.Has(RoleOwner) || pat.Has(RoleOperator) || !pat.In("claims") || pat.In("") || (Person{}).In("claims") {
		t.Error("roles and teams")
	}
}

// TestGrantID: the same access has one id, any other access another; fields cannot
// flow into each other.
func TestGrantID(t *testing.T) {
	id := GrantID("e", "dev", Produced, "arn", "")
	if id != GrantID("e", "dev", Produced, "arn", "") || len(id) != len("grant-")+16 {
		t.Errorf("%s", id)
	}
	seen := map[string]bool{id: true}
	for _, other := range []string{GrantID("e2", "dev", Produced, "arn", ""), GrantID("e", "prod", Produced, "arn", ""), GrantID("e", "dev", Consumed, "arn", ""),
		GrantID("e", "dev", Produced, "arn2", ""), GrantID("e", "dev", Produced, "arn", "g"), GrantID("ed", "ev", Produced, "arn", ""), GrantID("e", "dev", Produced, "ar", "n")} {
		if seen[other] {
			t.Errorf("%s stands for two grants", other)
		}
		seen[other] = true
	}
	if !(Grant{}).Active() || (Grant{RevokedAt: time.Unix(1, 0)}).Active() {
		t.Error("a grant is in force until it is revoked")
	}
}

func TestPlanCounts(t *testing.T) {
	plan := Plan{Changes: []Change{{Action: ActionCreate}, {Action: ActionCreate, NeedsApproval: true}, {Action: ActionUpdate}, {Action: ActionQuarantine, NeedsApproval: true}, {Action: ActionDelete}}}
	if add, change, remove, approval := plan.Counts(); add != 2 || change != 1 || remove != 2 || approval != 2 {
		t.Errorf("%d %d %d %d", add, change, remove, approval)
	}
	if !plan.Destructive() || (Plan{Changes: plan.Changes[:3]}).Destructive() || plan.Empty() || !(Plan{}).Empty() {
		t.Error("what a plan takes away")
	}
	m := EventManifest{Topics: []TopicManifest{{Environment: "dev", Topic: Topic{Name: "dev_x"}}}}
	if topic, found := m.Topic("dev"); !found || topic.Topic.Name != "dev_x" {
		t.Errorf("%+v", topic)
	}
	if _, found := m.Topic("prod"); found {
		t.Error("found what is not there")
	}
	e := Event{Topics: []EventTopic{{Environment: "dev", Name: "dev_x"}}}
	if topic, found := e.TopicIn("dev"); !found || topic.Name != "dev_x" {
		t.Errorf("%+v", topic)
	}
	if _, found := e.TopicIn("prod"); found {
		t.Error("found what is not there")
	}
}
