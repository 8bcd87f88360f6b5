package eventbus

import (
	"regexp"
	"time"
)

// Lifecycle is where a catalogued event stands.
type Lifecycle string

// The lifecycles, in their order.
const (
	LifecycleExperimental Lifecycle = "experimental"
	LifecycleDevelopment  Lifecycle = "development"
	LifecycleProduction   Lifecycle = "production"
	LifecycleDeprecated   Lifecycle = "deprecated"
)

// Lifecycles lists the four.
func Lifecycles() []Lifecycle {
	return []Lifecycle{LifecycleExperimental, LifecycleDevelopment, LifecycleProduction, LifecycleDeprecated}
}

// DataClass says what kind of personal data a payload holds.
type DataClass string

// The data classes; a field's `confluent:tags` use the same words.
const (
	DataNone DataClass = "none"
	DataPII  DataClass = "PII"
	DataPHI  DataClass = "PHI"
)

// Event is a kind of business action in the catalog.
type Event struct {
	Name        string    `json:"name" yaml:"name"` // URL slug, unique
	Title       string    `json:"title" yaml:"title"`
	Description string    `json:"description" yaml:"description"` // one line
	Domain      string    `json:"domain" yaml:"domain"`
	Type        string    `json:"type" yaml:"type"` // always "event"
	Lifecycle   Lifecycle `json:"lifecycle" yaml:"lifecycle"`
	Owner       string    `json:"owner" yaml:"owner"`               // team (Group entity)
	Contact     string    `json:"contact,omitempty" yaml:"contact"` // product owner, person or mail
	System      string    `json:"system,omitempty" yaml:"system,omitempty"`
	Tags        []string  `json:"tags,omitempty" yaml:"tags,omitempty"`
	Links       []Link    `json:"links,omitempty" yaml:"links,omitempty"`

	SourceSystems []SourceSystem `json:"sourceSystems,omitempty" yaml:"sourceSystems,omitempty"`
	Forwarders    []SourceSystem `json:"forwarders,omitempty" yaml:"forwarders,omitempty"`
	DataClasses   []DataClass    `json:"dataClasses,omitempty" yaml:"dataClasses,omitempty"`
	Topics        []EventTopic   `json:"topics,omitempty" yaml:"topics,omitempty"`

	Schema             string        `json:"schema,omitempty" yaml:"schema,omitempty"` // Avro text
	Compatibility      Compatibility `json:"schemaCompatibilityMode,omitempty" yaml:"schemaCompatibilityMode,omitempty"`
	Payload            string        `json:"payload,omitempty" yaml:"payload,omitempty"` // the flat shape's free text
	RetentionDays      int           `json:"retentionDays,omitempty" yaml:"retentionDays,omitempty"`
	ExpectedPerDay     int64         `json:"expectedPerDay,omitempty" yaml:"expectedPerDay,omitempty"`
	AverageDailyEvents int64         `json:"averageDailyEvents,omitempty" yaml:"averageDailyEvents,omitempty"` // measured
	OnePager           string        `json:"onePager,omitempty" yaml:"onePager,omitempty"`                     // Markdown
	RemovalDate        string        `json:"removalDate,omitempty" yaml:"removalDate,omitempty"`               // YYYY-MM-DD; only when deprecated
	Successor          string        `json:"successor,omitempty" yaml:"successor,omitempty"`                   // event that replaces it

	Source    string    `json:"source,omitempty" yaml:"-"`   // where the entry came from: "request ID", a file, a URL
	Problems  []Fault   `json:"problems,omitempty" yaml:"-"` // faults of the last import; the last good content stays shown
	UpdatedAt time.Time `json:"updatedAt" yaml:"-"`
	Version   int64     `json:"version" yaml:"-"`
}

// Link is a titled URL.
type Link struct {
	URL   string `json:"url" yaml:"url"`
	Title string `json:"title,omitempty" yaml:"title,omitempty"`
}

// SourceSystem names the system of record (or a forwarder) of an event.
type SourceSystem struct {
	SystemName   string `json:"systemName" yaml:"systemName"`
	TeamName     string `json:"teamName,omitempty" yaml:"teamName,omitempty"`
	ProductOwner string `json:"productOwner,omitempty" yaml:"productOwner,omitempty"`
}

// EventTopic is an event's topic in one environment.
type EventTopic struct {
	Environment     string   `json:"environment" yaml:"environment"`
	Name            string   `json:"name" yaml:"name"`
	BrokerAddresses []string `json:"brokerAddresses,omitempty" yaml:"brokerAddresses,omitempty"`
	SchemaVersion   int      `json:"schemaVersion,omitempty" yaml:"schemaVersion,omitempty"`
	SchemaID        int      `json:"schemaId,omitempty" yaml:"schemaId,omitempty"`
}

// TopicIn gives the event's topic of an environment.
func (e Event) TopicIn(environment string) (EventTopic, bool) {
	for _, t := range e.Topics {
		if t.Environment == environment {
			return t, true
		}
	}
	return EventTopic{}, false
}

// System is a Backstage Component or System that consumes events.
type System struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"` // Component or System
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type,omitempty"`
	Lifecycle   string   `json:"lifecycle,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	Domain      string   `json:"domain,omitempty"`
	Subscribes  []string `json:"subscribesToEvent,omitempty"` // event names
	Source      string   `json:"source,omitempty"`
	Version     int64    `json:"version"`
}

var (
	entityName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
	entityTag  = regexp.MustCompile(`^[a-z0-9:+#]+(-[a-z0-9:+#]+)*$`)
)

// LegalEntityName reports whether Backstage takes a text as the name of an
// entity: at most 63 letters, digits, '-', '_' and '.', with a letter or digit
// at both ends (catalog-model, KubernetesValidatorFunctions.isValidObjectName).
func LegalEntityName(s string) bool { return entityName.MatchString(s) }

// LegalTag reports whether Backstage takes a text as a tag: lower-case words
// joined by '-', at most 63 characters (catalog-model,
// CommonValidatorFunctions.isValidTag).
func LegalTag(s string) bool { return len(s) <= 63 && entityTag.MatchString(s) }
