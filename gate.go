package eventbus

import "time"

// GateKind names something that must be true before a stage. Gates are data:
// which kinds exist, and which environments they block, is configuration.
type GateKind string

// The gates of a federal team, facts/onboarding.
const (
	GateVASI      GateKind = "VASI"
	GateEMASS     GateKind = "eMASS"
	GateATO       GateKind = "ATO"
	GateFISMA     GateKind = "FISMA"
	GatePTA       GateKind = "PTA"
	GatePIA       GateKind = "PIA"
	GateHIPAA     GateKind = "HIPAA" // security review of systems with health data
	GateESECC     GateKind = "ESECC"
	GateWASA      GateKind = "WASA"
	GateOBI       GateKind = "OBI"
	GateAgreement GateKind = "agreement"
)

// GateState says how a gate stands.
type GateState string

// The states of a gate.
const (
	GateOpen        GateState = "open"         // evidence is missing
	GatePassed      GateState = "passed"       // a reviewer accepted the evidence
	GateNotRequired GateState = "not-required" // a rule or a reviewer said so, with a reason
	GateLapsed      GateState = "lapsed"       // passed once, the evidence has expired
	GateFailed      GateState = "failed"       // a reviewer refused the evidence
)

// Gate is one gate of one request.
type Gate struct {
	Kind     GateKind  `json:"kind"`
	Title    string    `json:"title"`
	State    GateState `json:"state"`
	Reason   string    `json:"reason,omitempty"`   // why it is (not) required
	Evidence string    `json:"evidence,omitempty"` // id or link
	Expires  string    `json:"expires,omitempty"`  // YYYY-MM-DD, empty when it does not expire
	Blocks   []string  `json:"blocks"`             // environments it blocks
	SetBy    string    `json:"setBy,omitempty"`
	SetAt    time.Time `json:"setAt,omitzero"`
	SeenHash string    `json:"seenHash,omitempty"` // of the content sections the decision rests on; an edit of them opens the gate again
}

// Holds reports whether the gate lets an environment through at a day.
func (g Gate) Holds(environment string, today string) bool {
	blocks := false
	for _, e := range g.Blocks {
		blocks = blocks || e == environment
	}
	if !blocks {
		return true
	}
	switch g.State {
	case GateNotRequired:
		return true
	case GatePassed:
		return g.Expires == "" || g.Expires >= today
	default:
		return false
	}
}
