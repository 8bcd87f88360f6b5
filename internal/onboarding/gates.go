package onboarding

import (
	"slices"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// GateRule says which requests have a gate, whom it blocks and who sets it.
type GateRule struct {
	Kind            eventbus.GateKind
	Title           string
	Kinds           []eventbus.RequestKind // empty: every kind
	When            Condition              // otherwise the gate is there, but not required
	Everywhere      bool                   // blocks every environment, not production only
	Environments    []string               // blocks exactly these, when named
	Reviewers       []eventbus.Role        // who may set it
	Sections        []string               // of the content that it rests on
	EvidenceExpires int                    // years after the date given as evidence; 0: as the content or the reviewer says
}

// DefaultGates are the gates of a federal team (VASI, eMASS, ATO, FISMA, PTA,
// PIA, HIPAA, ESECC, WASA, OBI, agreements). All block production; data of an
// authoritative source blocks every environment until OBI has approved.
func DefaultGates() []GateRule {
	onboarding := []eventbus.RequestKind{eventbus.ProducerRequest, eventbus.ConsumerRequest}
	bus := []eventbus.Role{eventbus.RoleBusReviewer}
	security := []eventbus.Role{eventbus.RoleSecurityReviewer}
	privacy := []eventbus.Role{eventbus.RolePrivacyReviewer}
	system, data := []string{"system"}, []string{"privacy", "schema", "event", "fieldsUsed", "displaysToStaff", "filteringPlan"}
	return []GateRule{
		{Kind: eventbus.GateVASI, Title: "System is registered in VASI", Kinds: onboarding, Reviewers: append(bus, security...), Sections: system},
		{Kind: eventbus.GateEMASS, Title: "System is registered in eMASS", Kinds: onboarding, Reviewers: append(bus, security...), Sections: system},
		{Kind: eventbus.GateATO, Title: "Authority to operate is active", Kinds: onboarding, Reviewers: security, Sections: system},
		{Kind: eventbus.GateFISMA, Title: "FISMA level is Low or Moderate", Kinds: onboarding, Reviewers: security, Sections: system},
		{Kind: eventbus.GatePTA, Title: "Privacy threshold analysis, at most a year old", Kinds: onboarding, Reviewers: privacy, Sections: data, EvidenceExpires: 1},
		{Kind: eventbus.GatePIA, Title: "Privacy impact assessment, at most three years old", Kinds: onboarding, When: PersonalData, Reviewers: privacy, Sections: data, EvidenceExpires: 3},
		{Kind: eventbus.GateHIPAA, Title: "HIPAA security review is done", Kinds: onboarding, When: HealthData, Reviewers: append(security, privacy...), Sections: data},
		{Kind: eventbus.GateESECC, Title: "ESECC request is approved", Kinds: onboarding, When: OutsideVAEC, Reviewers: append(security, bus...), Sections: []string{"network"}},
		{Kind: eventbus.GateWASA, Title: "Web application security assessment", Kinds: onboarding, When: WebApplication, Reviewers: security, Sections: system},
		{Kind: eventbus.GateOBI, Title: "OBI data access is approved", Kinds: onboarding, When: BIPSourced, Everywhere: true, Reviewers: privacy, Sections: data},
		{Kind: eventbus.GateAgreement, Title: "Working and data sharing agreements are signed", Kinds: onboarding, Reviewers: append(bus, privacy...), Sections: []string{"agreements"}},
	}
}

// evidence gives what the content itself says about a gate: an id or link, and
// the day on which it expires.
func (g GateRule) evidence(s subject) (evidence, expires string) {
	switch g.Kind {
	case eventbus.GateVASI:
		return idOf(s.system.VASI), ""
	case eventbus.GateEMASS:
		return idOf(s.system.EMASS), ""
	case eventbus.GateATO:
		return s.system.ATOEvidence, s.system.ATOExpires
	case eventbus.GateFISMA:
		return s.system.FISMA, ""
	case eventbus.GatePTA:
		return s.privacy.PTA, g.expiry(s.privacy.PTA)
	case eventbus.GatePIA:
		return s.privacy.PIA, g.expiry(s.privacy.PIA)
	case eventbus.GateHIPAA:
		return s.privacy.HIPAAReview, ""
	case eventbus.GateESECC:
		return s.network.ESECC, ""
	case eventbus.GateWASA:
		return s.system.WASADate, ""
	case eventbus.GateOBI:
		return s.privacy.OBIApproval, ""
	case eventbus.GateAgreement:
		return s.agreements.Working.Document, ""
	default:
		return "", ""
	}
}

// idOf is the id of a registered system; one that is still in process has none.
func idOf(registered string) string {
	if registered == inProcess {
		return ""
	}
	return registered
}

// inProcess stands for the id of a system whose registration is under way: the
// environments below production need no more.
const inProcess = "in process"

func (g GateRule) expiry(date string) string {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil || g.EvidenceExpires == 0 {
		return ""
	}
	return day.AddDate(g.EvidenceExpires, 0, 0).Format(time.DateOnly)
}

// blocks names the environments that the gate blocks among those asked for.
func (g GateRule) blocks(environments []eventbus.Environment) []string {
	names := []string{}
	for _, e := range environments {
		if slices.Contains(g.Environments, e.Name) || len(g.Environments) == 0 && (e.Production || g.Everywhere) {
			names = append(names, e.Name)
		}
	}
	return names
}

// seen is the hash of the sections that a decision on the gate rests on.
func (g GateRule) seen(r eventbus.Request) string {
	return hashSections(r.Content, func(name string) bool { return slices.Contains(g.Sections, name) || name == "team" })
}

// gatesFor makes the gates of a request. What a reviewer decided is kept while
// the sections that it rests on are unchanged; else the gate opens again.
func gatesFor(rules []GateRule, r eventbus.Request, s subject, environments []eventbus.Environment) []eventbus.Gate {
	var gates []eventbus.Gate
	for _, rule := range rules {
		if len(rule.Kinds) > 0 && !slices.Contains(rule.Kinds, r.Kind) {
			continue
		}
		gate := eventbus.Gate{Kind: rule.Kind, Title: rule.Title, State: eventbus.GateNotRequired, Blocks: rule.blocks(environments), SeenHash: rule.seen(r)}
		var needed bool
		if needed, gate.Reason = rule.When.holds(s); needed {
			gate.State = eventbus.GateOpen
		}
		gate.Evidence, gate.Expires = rule.evidence(s)
		if i := gateOf(r, rule.Kind); i >= 0 && r.Gates[i].SetBy != "" && r.Gates[i].SeenHash == gate.SeenHash {
			blocks := gate.Blocks
			gate = r.Gates[i]
			gate.Blocks = blocks
		}
		gates = append(gates, gate)
	}
	return gates
}

func gateOf(r eventbus.Request, kind eventbus.GateKind) int {
	return slices.IndexFunc(r.Gates, func(g eventbus.Gate) bool { return g.Kind == kind })
}

func ruleOf(rules []GateRule, kind eventbus.GateKind) (GateRule, bool) {
	i := slices.IndexFunc(rules, func(g GateRule) bool { return g.Kind == kind })
	if i < 0 {
		return GateRule{}, false
	}
	return rules[i], true
}

// missingGates lists the gates that do not let an environment through.
func missingGates(r eventbus.Request, environment, today string) []eventbus.Gate {
	var missing []eventbus.Gate
	for _, g := range r.Gates {
		if !g.Holds(environment, today) {
			missing = append(missing, g)
		}
	}
	return missing
}
