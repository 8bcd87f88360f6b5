package eventbus

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// ManifestKind is the kind of a wanted-state document.
type ManifestKind string

// The kinds of manifests (contract, "Formats").
const (
	ManifestEvent       ManifestKind = "Event"
	ManifestGrant       ManifestKind = "Grant"
	ManifestEnvironment ManifestKind = "Environment"
)

// APIVersion is the version of manifests and requests.
const APIVersion = "eventbus/v1"

// Manifest is the wanted state of events, grants and environments: what
// approvals produce and GitOps writes. Events not named are left alone.
type Manifest struct {
	Events       []EventManifest `json:"events,omitempty"`
	Grants       []Grant         `json:"grants,omitempty"`
	Environments []Environment   `json:"environments,omitempty"`
	Source       string          `json:"source,omitempty"` // "request ID", or the files it was read from
}

// EventManifest is the wanted state of one event: its catalog entry and, per
// environment, its topic, schema and access.
type EventManifest struct {
	Event       Event           `json:"event"`                 // catalog entry
	Topics      []TopicManifest `json:"topics,omitempty"`      // one per environment where it shall exist
	Remove      []string        `json:"remove,omitempty"`      // environments where it shall no longer exist (offboarding); needs its own permission
	Quarantined []Quarantine    `json:"quarantined,omitempty"` // kept by package provision: removed, data still there
}

// Topic gives the wanted topic of an environment.
func (m EventManifest) Topic(environment string) (TopicManifest, bool) {
	for _, t := range m.Topics {
		if t.Environment == environment {
			return t, true
		}
	}
	return TopicManifest{}, false
}

// TopicManifest is the wanted topic, schema and guard in one environment.
type TopicManifest struct {
	Environment   string        `json:"environment"`
	Topic         Topic         `json:"topic"`
	ValueSchema   string        `json:"valueSchema,omitempty"` // Avro text; empty: none managed
	KeySchema     string        `json:"keySchema,omitempty"`
	Compatibility Compatibility `json:"compatibility,omitempty"`
	Guard         SchemaGuard   `json:"schemaGuard,omitempty"`
	GuardSubjects []string      `json:"guardSubjects,omitempty"` // subjects whose ids are accepted; empty: the topic's own
	Synthetic     bool          `json:"syntheticData,omitempty"` // records are made up: PII and PHI schemas may be here whatever the environment
}

// Quarantine is a topic that nobody may use any more and whose data is kept for
// a while before it may be deleted.
type Quarantine struct {
	Environment string    `json:"environment"`
	Topic       string    `json:"topic"`
	Since       time.Time `json:"since"`
}

// GrantID is the id of a grant that was not given one: the same for the same
// access, so that granting twice grants once.
func GrantID(event, environment string, direction Direction, principal, groupPrefix string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{event, environment, string(direction), principal, groupPrefix}, "\x00")))
	return "grant-" + hex.EncodeToString(sum[:])[:16]
}
