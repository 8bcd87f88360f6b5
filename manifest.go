package eventbus

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
	Events       []EventManifest
	Grants       []Grant
	Environments []Environment
	Source       string // "request ID", or the files it was read from
}

// EventManifest is the wanted state of one event: its catalog entry and, per
// environment, its topic, schema and access.
type EventManifest struct {
	Event  Event           // catalog entry
	Topics []TopicManifest // one per environment where it shall exist
	Remove []string        // environments where it shall no longer exist (offboarding); needs its own permission
}

// TopicManifest is the wanted topic, schema and guard in one environment.
type TopicManifest struct {
	Environment   string
	Topic         Topic
	ValueSchema   string // Avro text; empty: none managed
	KeySchema     string
	Compatibility Compatibility
	Guard         SchemaGuard
	GuardSubjects []string // subjects whose ids are accepted; empty: the topic's own
}
