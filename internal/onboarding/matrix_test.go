package onboarding

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// standing is the example request in one state, and how it came there.
type standing struct {
	name string
	r    eventbus.Request
}

// walked takes a draft of pat through acts; each must be let through.
func walked(t *testing.T, acts ...act) eventbus.Request {
	t.Helper()
	c := example(t, "producer.yaml").Content.(*ProducerContent)
	content, err := encodeContent(c)
	if err != nil {
		t.Fatal(err)
	}
	r := eventbus.Request{ID: "r", Kind: eventbus.ProducerRequest, Title: "Produce", Event: c.Event.Name, Team: c.Team, State: eventbus.RequestDraft,
		Content: content, ContentHash: hashOf(content), Submitter: "pat", Authors: []string{"pat"}, UpdatedAt: today}
	for _, a := range acts {
		if a.verb == verbSubmit {
			a.about = c.subject()
		}
		if r, err = step(r, a, demoWorld(today)); err != nil {
			t.Fatalf("%s: %v", a.verb, err)
		}
	}
	return r
}

func demoWorld(now time.Time) world {
	return world{now: now, environments: eventbus.DemoEnvironments(), stages: DefaultStages(), gates: DefaultGates(), expireAfter: 30 * 24 * time.Hour}
}

func approval(by eventbus.Actor, stage eventbus.Stage, environment string) act {
	return act{verb: verbDecide, by: by, stage: stage, environment: environment, decision: eventbus.DecisionApprove}
}

// standings are the states of a request, and those of its production that
// matter for who may do what.
func standings(t *testing.T) []standing {
	submit := act{verb: verbSubmit, by: pat}
	both := []act{submit, approval(bill, eventbus.StageBus, ""), approval(olive, eventbus.StageOwner, "")}
	provisioned := both
	for _, environment := range []string{"development", "staging"} {
		provisioned = append(slices.Clone(provisioned), act{verb: verbClaim, by: reconciler(), environment: environment},
			act{verb: verbApplied, by: reconciler(), environment: environment, planID: "p"})
	}
	promoted := append(slices.Clone(provisioned), act{verb: verbPromote, by: pat, environment: "production"})
	passed := slices.Clone(promoted)
	for _, g := range walked(t, promoted...).Gates {
		rule, _ := ruleOf(DefaultGates(), g.Kind)
		passed = append(passed, act{verb: verbGate, by: person("gatekeeper", "", rule.Reviewers...), gate: eventbus.Gate{Kind: g.Kind, State: eventbus.GatePassed, Evidence: "e"}})
	}
	passed = append(passed, approval(prim, eventbus.StagePrivacy, ""))
	stale := walked(t, submit)
	expired, err := step(stale, act{verb: verbTick, by: reconciler()}, demoWorld(today.AddDate(0, 0, 31)))
	if err != nil {
		t.Fatal(err)
	}
	return []standing{
		{"draft", walked(t)},
		{"submitted", walked(t, submit)},
		{"changes-asked", walked(t, submit, act{verb: verbDecide, by: bill, stage: eventbus.StageBus, decision: eventbus.DecisionAskChanges, reason: "r"})},
		{"approved", walked(t, both...)},
		{"lower active", walked(t, provisioned...)},
		{"promoted", walked(t, promoted...)},
		{"gates passed", walked(t, passed...)},
		{"production approved", walked(t, append(slices.Clone(passed), approval(bill, eventbus.StageProduction, "production"))...)},
		{"rejected", walked(t, submit, act{verb: verbDecide, by: bill, stage: eventbus.StageBus, decision: eventbus.DecisionReject, reason: "r"})},
		{"withdrawn", walked(t, submit, act{verb: verbWithdraw, by: pat})},
		{"expired", expired},
	}
}

// matrixActors are one person of each kind; all different, save that the token
// is the submitter's.
func matrixActors() []struct {
	name  string
	actor eventbus.Actor
} {
	token := person("pat", "claims", eventbus.RoleOwner, eventbus.RoleBusReviewer)
	token.Token, token.Scopes = "t1", []string{"request:approve"}
	return []struct {
		name  string
		actor eventbus.Actor
	}{
		{"submitter", pat}, {"submitter's token, all roles", token}, {"teammate", quinn}, {"owner of the team", person("oscar", "claims", eventbus.RoleOwner)},
		{"owner of another team", person("hana", "health", eventbus.RoleOwner)}, {"bus-reviewer", bea}, {"bus-reviewer of the team", person("bo", "claims", eventbus.RoleBusReviewer)},
		{"privacy-reviewer", person("pri", "", eventbus.RolePrivacyReviewer)}, {"security-reviewer", sam},
		{"operator", person("otto", "", eventbus.RoleOperator)}, {"auditor", person("ada", "", eventbus.RoleAuditor)}, {"stranger", stranger},
		{"the bus itself", eventbus.Actor{System: "provision"}}, {"nobody", eventbus.Actor{}},
	}
}

func matrixActs(t *testing.T, r eventbus.Request, by eventbus.Actor) []struct {
	name string
	act
} {
	c := example(t, "producer.yaml").Content.(*ProducerContent)
	c.Topic.Partitions = 12
	content, err := encodeContent(c)
	if err != nil {
		t.Fatal(err)
	}
	decide := func(stage eventbus.Stage, environment string, d eventbus.Decision) act {
		return act{verb: verbDecide, by: by, stage: stage, environment: environment, decision: d, reason: "because"}
	}
	return []struct {
		name string
		act
	}{
		{"edit", act{verb: verbEdit, by: by, content: content, about: c.subject()}},
		{"submit", act{verb: verbSubmit, by: by, about: c.subject()}},
		{"approve bus", decide(eventbus.StageBus, "", eventbus.DecisionApprove)},
		{"approve owner", decide(eventbus.StageOwner, "", eventbus.DecisionApprove)},
		{"approve privacy", decide(eventbus.StagePrivacy, "", eventbus.DecisionApprove)},
		{"approve security", decide(eventbus.StageSecurity, "", eventbus.DecisionApprove)}, // which this request does not need
		{"approve production", decide(eventbus.StageProduction, "production", eventbus.DecisionApprove)},
		{"ask for changes, bus", decide(eventbus.StageBus, "", eventbus.DecisionAskChanges)},
		{"reject, owner", decide(eventbus.StageOwner, "", eventbus.DecisionReject)},
		{"reject, production", decide(eventbus.StageProduction, "production", eventbus.DecisionReject)},
		{"gate ATO passed", act{verb: verbGate, by: by, gate: eventbus.Gate{Kind: eventbus.GateATO, State: eventbus.GatePassed, Evidence: "e"}}},
		{"gate PTA failed", act{verb: verbGate, by: by, reason: "because", gate: eventbus.Gate{Kind: eventbus.GatePTA, State: eventbus.GateFailed}}},
		{"promote", act{verb: verbPromote, by: by, environment: "production"}},
		{"acknowledge", act{verb: verbAcknowledge, by: by, team: r.Team}},
		{"withdraw", act{verb: verbWithdraw, by: by, reason: "because"}},
	}
}

// TestWhoMayDoWhatWhen writes down every act by every kind of person in every
// state: testdata/matrix.txt is the specification, to be read when it changes.
// What no change may bring about is asserted besides.
func TestWhoMayDoWhatWhen(t *testing.T) {
	var page strings.Builder
	for _, at := range standings(t) {
		fmt.Fprintf(&page, "# %s\n", at.name)
		for _, who := range matrixActors() {
			for _, a := range matrixActs(t, at.r, who.actor) {
				before := at.r.Version
				next, err := step(at.r, a.act, demoWorld(today))
				code := eventbus.CodeOf(err)
				if code != "" && (next.State != at.r.State || next.ContentHash != at.r.ContentHash || len(next.Approvals) != len(at.r.Approvals) || next.Version != before) {
					t.Errorf("%s: %s by %s was refused and changed the request", at.name, a.name, who.name)
				}
				if fault := neverAllowed(at, who.name, who.actor, a.name, a.act, code); fault != "" {
					t.Errorf("%s: %s by %s: %s (%v)", at.name, a.name, who.name, fault, err)
				}
				if code == "" {
					fmt.Fprintf(&page, "%-30s %s\n", who.name, a.name)
				}
			}
		}
	}
	golden(t, "matrix.txt", []byte(page.String()))
}

// neverAllowed says which rule an act that was let through breaks, or "".
func neverAllowed(at standing, who string, actor eventbus.Actor, name string, a act, code eventbus.Code) string {
	switch {
	case code == eventbus.CodeInternal:
		return "a defect"
	case at.r.State.Final() && code != eventbus.CodeConflict:
		return "what has ended is a conflict for everybody"
	case code != "":
		return ""
	case who == "nobody" || who == "stranger" || who == "auditor" || who == "operator" || who == "the bus itself":
		return "has no part in a request"
	case (a.verb == verbDecide || a.verb == verbGate) && slices.Contains(at.r.Authors, actor.Person.ID):
		return "decides on what they wrote"
	case a.verb == verbDecide && !actor.Person.Has(a.stage.Reviewer()):
		return "does not hold the stage's role"
	case a.verb == verbDecide && a.stage == eventbus.StageOwner && !actor.Person.In(at.r.Team):
		return "owns nothing here"
	case (a.verb == verbEdit || a.verb == verbSubmit || a.verb == verbWithdraw || a.verb == verbPromote) && !actor.Person.In(at.r.Team):
		return "is not in the team"
	case a.verb == verbDecide && at.r.State == eventbus.RequestDraft:
		return "nothing was submitted"
	case name == "approve production" && at.name != "gates passed":
		return "gates are missing, or nobody asked"
	case a.verb == verbAcknowledge:
		return "nobody consumes an event that is new"
	}
	return ""
}

// TestGates: which gate each request has, what it blocks, and until when its
// evidence holds.
func TestGates(t *testing.T) {
	const required, not = eventbus.GateOpen, eventbus.GateNotRequired
	base := subject{classes: []eventbus.DataClass{eventbus.DataNone}, network: Network{Location: LocationVAEC}}
	with := func(change func(*subject)) subject {
		s := base
		change(&s)
		return s
	}
	for _, c := range []struct {
		name   string
		kind   eventbus.GateKind
		s      subject
		state  eventbus.GateState
		blocks string
	}{
		{"every system", eventbus.GateVASI, base, required, "production"},
		{"every system", eventbus.GateEMASS, base, required, "production"},
		{"every system", eventbus.GateATO, base, required, "production"},
		{"every system", eventbus.GateFISMA, base, required, "production"},
		{"every payload", eventbus.GatePTA, base, required, "production"},
		{"no personal data", eventbus.GatePIA, base, not, "production"},
		{"personal data", eventbus.GatePIA, with(func(s *subject) { s.classes = []eventbus.DataClass{"PII"} }), required, "production"},
		{"health data", eventbus.GatePIA, with(func(s *subject) { s.classes = []eventbus.DataClass{"PHI"} }), required, "production"},
		{"personal data, not of health", eventbus.GateHIPAA, with(func(s *subject) { s.classes = []eventbus.DataClass{"PII"} }), not, "production"},
		{"health data", eventbus.GateHIPAA, with(func(s *subject) { s.classes = []eventbus.DataClass{"PHI"} }), required, "production"},
		{"inside the VAEC", eventbus.GateESECC, base, not, "production"},
		{"another AWS organisation", eventbus.GateESECC, with(func(s *subject) { s.network.Location = LocationAWS }), required, "production"},
		{"outside AWS", eventbus.GateESECC, with(func(s *subject) { s.network.Location = LocationOutside }), required, "production"},
		{"nobody knows where", eventbus.GateESECC, with(func(s *subject) { s.network.Location = "" }), required, "production"},
		{"no web application", eventbus.GateWASA, base, not, "production"},
		{"a web application", eventbus.GateWASA, with(func(s *subject) { s.system.WebApplication = true }), required, "production"},
		{"the team's own data", eventbus.GateOBI, base, not, "development staging production"},
		{"BIP's data", eventbus.GateOBI, with(func(s *subject) { s.bip = true }), required, "development staging production"},
		{"both parties sign", eventbus.GateAgreement, base, required, "production"},
	} {
		for _, kind := range []eventbus.RequestKind{eventbus.ProducerRequest, eventbus.ConsumerRequest} {
			r := eventbus.Request{Kind: kind, Content: []byte(`{}`)}
			gates := gatesFor(DefaultGates(), r, c.s, eventbus.DemoEnvironments())
			i := slices.IndexFunc(gates, func(g eventbus.Gate) bool { return g.Kind == c.kind })
			if i < 0 {
				t.Errorf("%s: a %s has no gate %s", c.name, kind, c.kind)
				continue
			}
			if g := gates[i]; g.State != c.state || strings.Join(g.Blocks, " ") != c.blocks || g.Reason == "" || g.Title == "" {
				t.Errorf("%s: gate %s of a %s is %+v, want %s, blocking %s", c.name, c.kind, kind, g, c.state, c.blocks)
			}
		}
	}
	for _, kind := range []eventbus.RequestKind{eventbus.ChangeRequest, eventbus.OffboardingRequest} {
		if gates := gatesFor(DefaultGates(), eventbus.Request{Kind: kind, Content: []byte(`{}`)}, base, eventbus.DemoEnvironments()); len(gates) > 0 {
			t.Errorf("a %s has gates: %+v", kind, gates)
		}
	}
}

// TestEvidenceOfTheContent: what the form says is offered as evidence, with the
// day on which it lapses; a registration in process is none.
func TestEvidenceOfTheContent(t *testing.T) {
	s := subject{
		system:  SystemFacts{VASI: "3325", EMASS: inProcess, ATOEvidence: "ATO-1", ATOExpires: "2027-01-31", FISMA: "Low", WASADate: "2026-12-31"},
		privacy: Privacy{PTA: "2026-02-28", PIA: "2024-02-29", HIPAAReview: "H-1", OBIApproval: "OBI-1"},
		network: Network{ESECC: "E-1"}, agreements: Agreements{Working: Signature{Document: "WA-1"}},
	}
	want := map[eventbus.GateKind][2]string{
		eventbus.GateVASI: {"3325"}, eventbus.GateEMASS: {""}, eventbus.GateATO: {"ATO-1", "2027-01-31"}, eventbus.GateFISMA: {"Low"},
		eventbus.GatePTA: {"2026-02-28", "2027-02-28"}, eventbus.GatePIA: {"2024-02-29", "2027-03-01"}, eventbus.GateHIPAA: {"H-1"},
		eventbus.GateESECC: {"E-1"}, eventbus.GateWASA: {"2026-12-31"}, eventbus.GateOBI: {"OBI-1"}, eventbus.GateAgreement: {"WA-1"},
	}
	for _, rule := range DefaultGates() {
		evidence, expires := rule.evidence(s)
		if got := [2]string{evidence, expires}; got != want[rule.Kind] {
			t.Errorf("%s: %q, want %q", rule.Kind, got, want[rule.Kind])
		}
		delete(want, rule.Kind)
	}
	if len(want) > 0 {
		t.Errorf("no rule for %v", want)
	}
}

// TestStages: which stages each environment needs, by kind and data class.
func TestStages(t *testing.T) {
	none, pii, phi := []eventbus.DataClass{"none"}, []eventbus.DataClass{"PII"}, []eventbus.DataClass{"PHI"}
	for _, c := range []struct {
		kind        eventbus.RequestKind
		classes     []eventbus.DataClass
		location    Location
		environment int // of the demo's
		want        string
	}{
		{eventbus.ProducerRequest, none, LocationVAEC, 0, "bus owner"},
		{eventbus.ProducerRequest, none, LocationOutside, 2, "bus owner production"},
		{eventbus.ProducerRequest, pii, LocationVAEC, 0, "bus owner"}, // made-up data only
		{eventbus.ProducerRequest, pii, LocationVAEC, 2, "bus owner privacy production"},
		{eventbus.ProducerRequest, pii, LocationOutside, 2, "bus owner privacy security production"},
		{eventbus.ProducerRequest, phi, LocationVAEC, 2, "bus owner privacy security production"},
		{eventbus.ConsumerRequest, phi, LocationVAEC, 1, "bus owner"},
		{eventbus.ConsumerRequest, phi, LocationVAEC, 2, "bus owner privacy security production"},
		{eventbus.ChangeRequest, pii, LocationVAEC, 2, "bus owner privacy production"},
		{eventbus.OffboardingRequest, phi, LocationOutside, 2, "bus owner"},
	} {
		s := subject{classes: c.classes, network: Network{Location: c.location}}
		if got := joined(stagesFor(DefaultStages(), c.kind, s, eventbus.DemoEnvironments()[c.environment])); strings.ReplaceAll(got, ", ", " ") != c.want {
			t.Errorf("%s of %v from %s in %s: %s, want %s", c.kind, c.classes, c.location, eventbus.DemoEnvironments()[c.environment].Name, got, c.want)
		}
	}
}
