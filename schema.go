package eventbus

import (
	"strings"
	"time"
)

// Compatibility is a Confluent compatibility level.
type Compatibility string

// The seven levels of the registry.
const (
	CompatibilityNone               Compatibility = "NONE"
	CompatibilityBackward           Compatibility = "BACKWARD"
	CompatibilityBackwardTransitive Compatibility = "BACKWARD_TRANSITIVE"
	CompatibilityForward            Compatibility = "FORWARD"
	CompatibilityForwardTransitive  Compatibility = "FORWARD_TRANSITIVE"
	CompatibilityFull               Compatibility = "FULL"
	CompatibilityFullTransitive     Compatibility = "FULL_TRANSITIVE"
)

// Compatibilities lists the seven levels.
func Compatibilities() []Compatibility {
	return []Compatibility{CompatibilityNone, CompatibilityBackward, CompatibilityBackwardTransitive,
		CompatibilityForward, CompatibilityForwardTransitive, CompatibilityFull, CompatibilityFullTransitive}
}

// ParseCompatibility reads a level in any case.
func ParseCompatibility(s string) (Compatibility, bool) {
	for _, c := range Compatibilities() {
		if strings.EqualFold(s, string(c)) {
			return c, true
		}
	}
	return "", false
}

// Weaker reports whether going from old to c lets changes pass that old would
// have refused; such a change needs a reason and an approval.
func (c Compatibility) Weaker(old Compatibility) bool {
	return c != old && c.demands()&old.demands() != old.demands()
}

// demands is the set of checks a level makes: 1 backward to last, 2 forward to
// last, 4 backward to all, 8 forward to all.
func (c Compatibility) demands() int {
	switch c {
	case CompatibilityBackward:
		return 1
	case CompatibilityForward:
		return 2
	case CompatibilityFull:
		return 1 | 2
	case CompatibilityBackwardTransitive:
		return 1 | 4
	case CompatibilityForwardTransitive:
		return 2 | 8
	case CompatibilityFullTransitive:
		return 1 | 2 | 4 | 8
	default:
		return 0
	}
}

// SchemaReference names a version of another subject whose types a schema uses.
type SchemaReference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// Schema is one version of a subject in the registry.
type Schema struct {
	Subject      string            `json:"subject"`
	Version      int               `json:"version"`
	ID           int               `json:"id"`
	GUID         string            `json:"guid,omitempty"`
	Type         string            `json:"schemaType"` // "AVRO"
	Text         string            `json:"schema"`
	References   []SchemaReference `json:"references,omitempty"`
	Deleted      bool              `json:"deleted,omitempty"`
	RegisteredAt time.Time         `json:"registeredAt,omitzero"`
	RegisteredBy string            `json:"registeredBy,omitempty"` // principal or person who registered it
	RequestID    string            `json:"requestId,omitempty"`    // the call that registered it
}

// SchemaGuard says what the gateway does with records whose schema id is
// missing or does not belong to the topic.
type SchemaGuard string

// The guard's settings.
const (
	SchemaGuardOff     SchemaGuard = "off"
	SchemaGuardWarn    SchemaGuard = "warn"    // let it pass, count and log it
	SchemaGuardEnforce SchemaGuard = "enforce" // refuse the record with INVALID_RECORD
)

// ValueSubject is the subject of a topic's values under Confluent's
// TopicNameStrategy.
func ValueSubject(topic string) string { return topic + "-value" }

// KeySubject is the subject of a topic's keys under TopicNameStrategy.
func KeySubject(topic string) string { return topic + "-key" }
