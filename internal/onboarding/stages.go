package onboarding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"sort"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Condition says when a stage or gate is needed. Conditions are named so that
// rules stay data.
type Condition string

// The conditions.
const (
	Always         Condition = ""                // without exception
	PersonalData   Condition = "personal-data"   // PII or PHI
	HealthData     Condition = "health-data"     // PHI
	OutsideVAEC    Condition = "outside-vaec"    // the system runs elsewhere, or nobody knows where
	Sensitive      Condition = "sensitive"       // PHI, or outside the VAEC with personal data
	WebApplication Condition = "web-application" // people use it through a browser
	BIPSourced     Condition = "bip-sourced"     // data of BIP or another authoritative source
)

// holds decides a condition for a content; reason says why in plain words.
func (c Condition) holds(s subject) (needed bool, reason string) {
	pii, phi := slices.Contains(s.classes, eventbus.DataPII), slices.Contains(s.classes, eventbus.DataPHI)
	outside := s.network.Location != LocationVAEC
	switch c {
	case PersonalData:
		return pii || phi, either(pii || phi, "the payload holds personal data", "no personal data in the payload")
	case HealthData:
		return phi, either(phi, "the payload holds health data", "no health data in the payload")
	case OutsideVAEC:
		return outside, either(outside, "the system does not run inside the VAEC AWS organisation, or its place is not known", "the system runs inside the VAEC AWS organisation")
	case Sensitive:
		yes := phi || pii && outside
		return yes, either(yes, "health data, or personal data that leaves the VAEC", "no health data, and no personal data that leaves the VAEC")
	case WebApplication:
		return s.system.WebApplication, either(s.system.WebApplication, "the system is a web application", "the system is not a web application")
	case BIPSourced:
		return s.bip, either(s.bip, "the data comes from BIP or another authoritative source", "the data does not come from BIP")
	default:
		return true, "always needed"
	}
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// StageRule says that a stage is needed; all of its restrictions must match.
type StageRule struct {
	Stage          eventbus.Stage
	Kinds          []eventbus.RequestKind // empty: every kind
	ProductionOnly bool                   // in production environments only
	PersonalOnly   bool                   // only where personal data is allowed (Environment.PHI) or in production
	When           Condition
}

// DefaultStages are the stages of product.md: bus and owner everywhere,
// privacy and security where data classes apply, and production as a stage of
// its own. Retiring needs two approvers and no promotion.
func DefaultStages() []StageRule {
	promoted := []eventbus.RequestKind{eventbus.ProducerRequest, eventbus.ConsumerRequest, eventbus.ChangeRequest}
	return []StageRule{
		{Stage: eventbus.StageBus},
		{Stage: eventbus.StageOwner},
		{Stage: eventbus.StagePrivacy, Kinds: promoted, PersonalOnly: true, When: PersonalData},
		{Stage: eventbus.StageSecurity, Kinds: promoted, PersonalOnly: true, When: Sensitive},
		{Stage: eventbus.StageProduction, Kinds: promoted, ProductionOnly: true},
	}
}

// stagesFor lists the stages that an environment needs, in the rules' order.
func stagesFor(rules []StageRule, kind eventbus.RequestKind, s subject, e eventbus.Environment) []eventbus.Stage {
	var stages []eventbus.Stage
	for _, rule := range rules {
		if len(rule.Kinds) > 0 && !slices.Contains(rule.Kinds, kind) ||
			rule.ProductionOnly && !e.Production ||
			rule.PersonalOnly && !e.PHI && !e.Production {
			continue
		}
		if needed, _ := rule.When.holds(s); needed && !slices.Contains(stages, rule.Stage) {
			stages = append(stages, rule.Stage)
		}
	}
	return stages
}

// unseen lists, per stage, the sections of a content that the stage does not
// look at. Whatever is not listed concerns the stage: a section that is added
// to a content one day voids every approval until somebody decides otherwise.
func unseen(stage eventbus.Stage) []string {
	switch stage {
	case eventbus.StageOwner:
		return []string{"network", "agreements", "clients", "system", "fit", "notes"}
	case eventbus.StagePrivacy:
		return []string{"network", "clients", "topic", "fit", "notes"}
	case eventbus.StageSecurity:
		return []string{"clients", "fit", "notes"}
	case eventbus.StageBus, eventbus.StageProduction:
		return []string{"clients", "notes"}
	default: // acknowledgements of consumers
		return []string{"network", "agreements", "clients", "system", "fit", "notes", "access", "producer", "contacts"}
	}
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// sections splits a content into its top-level fields.
func sections(content json.RawMessage) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(content, &fields) != nil {
		return map[string]json.RawMessage{"": content}
	}
	return fields
}

// seenHash is the hash of what a stage looks at.
func seenHash(content json.RawMessage, stage eventbus.Stage) string {
	skip := unseen(stage)
	return hashSections(content, func(name string) bool { return !slices.Contains(skip, name) })
}

func hashSections(content json.RawMessage, looks func(name string) bool) string {
	fields := sections(content)
	names := make([]string, 0, len(fields))
	for name := range fields {
		if looks(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		sum := sha256.Sum256(fields[name])
		h.Write([]byte(name))
		h.Write([]byte{0})
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
