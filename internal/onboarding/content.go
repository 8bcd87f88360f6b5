package onboarding

import (
	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Content is what a team writes in a request: *ProducerContent,
// *ConsumerContent, *ChangeContent or *OffboardingContent. Its top-level fields
// are the sections that approvals are bound to.
type Content interface {
	// Kind is the kind of request the content belongs to.
	Kind() eventbus.RequestKind
	subject() subject
}

// subject is what every content says about itself.
type subject struct {
	team, event, title string
	environments       []string // as asked; empty: all
	classes            []eventbus.DataClass
	network            Network
	system             SystemFacts
	privacy            Privacy
	bip                bool
	agreements         Agreements
}

// ProducerContent asks for a new event. YAML:
//
//	apiVersion: eventbus/v1
//	kind: ProducerRequest
//	team: claims                       # required
//	contacts: {productOwner: …, technicalContact: …}   # both required
//	event:                             # name, title, description, domain, purpose required
//	  name: decision-letter-availability
//	privacy: {dataClasses: [PII]}      # required: none, PII, PHI
//	schema: {value: '{"type": "record", …}'}           # required
//
// Everything else is optional and becomes due with the stage that needs it;
// examples/gitops/requests/producer.yaml shows every section.
type ProducerContent struct {
	Team         string            `json:"team" yaml:"team"`
	Environments []string          `json:"environments,omitempty" yaml:"environments,omitempty"` // default: all
	Contacts     Contacts          `json:"contacts,omitzero" yaml:"contacts,omitempty"`
	Fit          FitAnswers        `json:"fit,omitzero" yaml:"fit,omitempty"`
	Event        EventFacts        `json:"event" yaml:"event"`
	System       SystemFacts       `json:"system,omitzero" yaml:"system,omitempty"`
	Privacy      Privacy           `json:"privacy,omitzero" yaml:"privacy,omitempty"`
	Agreements   Agreements        `json:"agreements,omitzero" yaml:"agreements,omitempty"`
	Network      Network           `json:"network,omitzero" yaml:"network,omitempty"`
	Topic        TopicFacts        `json:"topic,omitzero" yaml:"topic,omitempty"`
	Schema       SchemaFacts       `json:"schema" yaml:"schema"`
	Access       map[string]Access `json:"access,omitempty" yaml:"access,omitempty"` // by environment
	Producer     ProducerOptions   `json:"producer,omitzero" yaml:"producer,omitempty"`
	Clients      []string          `json:"clients,omitempty" yaml:"clients,omitempty"` // languages: java, go, python, node, ruby, other
	Notes        string            `json:"notes,omitempty" yaml:"notes,omitempty"`
}

// ConsumerContent asks for access to one event. A new purpose is a new
// request. Required: team, event, purpose (≥ 50 characters), consumer.name,
// groupPrefix, and access for at least one environment.
type ConsumerContent struct {
	Team            string            `json:"team" yaml:"team"`
	Environments    []string          `json:"environments,omitempty" yaml:"environments,omitempty"` // default: those under access
	Contacts        Contacts          `json:"contacts,omitzero" yaml:"contacts,omitempty"`
	Fit             FitAnswers        `json:"fit,omitzero" yaml:"fit,omitempty"`
	Event           string            `json:"event" yaml:"event"`
	Purpose         string            `json:"purpose" yaml:"purpose"`
	FieldsUsed      []string          `json:"fieldsUsed,omitempty" yaml:"fieldsUsed,omitempty"` // of the schema, dotted
	DisplaysToStaff bool              `json:"displaysToStaff,omitempty" yaml:"displaysToStaff,omitempty"`
	FilteringPlan   string            `json:"filteringPlan,omitempty" yaml:"filteringPlan,omitempty"` // required when displayed to staff
	Consumer        ConsumingSystem   `json:"consumer" yaml:"consumer"`
	System          SystemFacts       `json:"system,omitzero" yaml:"system,omitempty"`
	Privacy         Privacy           `json:"privacy,omitzero" yaml:"privacy,omitempty"`
	Agreements      Agreements        `json:"agreements,omitzero" yaml:"agreements,omitempty"`
	Network         Network           `json:"network,omitzero" yaml:"network,omitempty"`
	GroupPrefix     string            `json:"groupPrefix" yaml:"groupPrefix"`             // group id, or prefix when it ends in "*"
	StartAt         string            `json:"startAt,omitempty" yaml:"startAt,omitempty"` // earliest or latest (default)
	Until           string            `json:"until,omitempty" yaml:"until,omitempty"`     // review date, YYYY-MM-DD, at most a year ahead; default: a year after the request was submitted
	Access          map[string]Access `json:"access" yaml:"access"`                       // by environment
	Clients         []string          `json:"clients,omitempty" yaml:"clients,omitempty"`
	Notes           string            `json:"notes,omitempty" yaml:"notes,omitempty"`
}

// ChangeContent changes an event that exists: a new schema version, topic
// settings, principals, or its catalog text. Required: team, event, reason and
// at least one change.
type ChangeContent struct {
	Team          string            `json:"team" yaml:"team"`
	Environments  []string          `json:"environments,omitempty" yaml:"environments,omitempty"` // default: where the event has topics
	Event         string            `json:"event" yaml:"event"`
	Reason        string            `json:"reason" yaml:"reason"`
	Schema        SchemaFacts       `json:"schema,omitzero" yaml:"schema,omitempty"`
	Topic         TopicFacts        `json:"topic,omitzero" yaml:"topic,omitempty"`
	ConfirmKeys   bool              `json:"confirmKeyOrder,omitempty" yaml:"confirmKeyOrder,omitempty"` // more partitions move keys
	Catalog       CatalogText       `json:"catalog,omitzero" yaml:"catalog,omitempty"`
	Privacy       Privacy           `json:"privacy,omitzero" yaml:"privacy,omitempty"` // data classes when they change
	Access        map[string]Access `json:"access,omitempty" yaml:"access,omitempty"`  // producers to add
	Revoke        map[string]Access `json:"revoke,omitempty" yaml:"revoke,omitempty"`  // producers or consumers to take away
	Producer      ProducerOptions   `json:"producer,omitzero" yaml:"producer,omitempty"`
	Emergency     string            `json:"emergency,omitempty" yaml:"emergency,omitempty"` // why consumers' acknowledgements cannot be awaited
	MigrationNote string            `json:"migrationNote,omitempty" yaml:"migrationNote,omitempty"`
	Notes         string            `json:"notes,omitempty" yaml:"notes,omitempty"`
}

// OffboardingContent retires an event (all environments unless named) or, with
// consumer, a system's own access to it. Required: team, event, reason.
type OffboardingContent struct {
	Team           string   `json:"team" yaml:"team"`
	Environments   []string `json:"environments,omitempty" yaml:"environments,omitempty"`
	Event          string   `json:"event" yaml:"event"`
	Consumer       string   `json:"consumer,omitempty" yaml:"consumer,omitempty"` // only this system's access ends
	Reason         string   `json:"reason" yaml:"reason"`
	RemovalDate    string   `json:"removalDate,omitempty" yaml:"removalDate,omitempty"`       // YYYY-MM-DD; default: the notice from today
	OverrideNotice string   `json:"overrideNotice,omitempty" yaml:"overrideNotice,omitempty"` // why removal may come before the notice is over
	Successor      string   `json:"successor,omitempty" yaml:"successor,omitempty"`           // event that replaces it
	Link           string   `json:"link,omitempty" yaml:"link,omitempty"`
	Notes          string   `json:"notes,omitempty" yaml:"notes,omitempty"`
}

// Contacts are the people behind a request.
type Contacts struct {
	ProductOwner     string `json:"productOwner,omitempty" yaml:"productOwner,omitempty"`         // name or mail
	TechnicalContact string `json:"technicalContact,omitempty" yaml:"technicalContact,omitempty"` // sees a created secret, once
	Email            string `json:"email,omitempty" yaml:"email,omitempty"`                       // the group's
	Slack            string `json:"slack,omitempty" yaml:"slack,omitempty"`
	OnCall           string `json:"onCall,omitempty" yaml:"onCall,omitempty"`
}

// EventFacts is the event as it will stand in the catalog.
type EventFacts struct {
	Name            string                  `json:"name" yaml:"name"`               // URL slug, unique
	Title           string                  `json:"title" yaml:"title"`             // ≤ 80 characters
	Description     string                  `json:"description" yaml:"description"` // one line, ≤ 300
	Context         string                  `json:"context,omitempty" yaml:"context,omitempty"`
	Purpose         string                  `json:"purpose" yaml:"purpose"`
	Domain          string                  `json:"domain" yaml:"domain"`
	Lifecycle       eventbus.Lifecycle      `json:"lifecycle,omitempty" yaml:"lifecycle,omitempty"` // default development
	System          string                  `json:"system,omitempty" yaml:"system,omitempty"`
	SourceSystems   []eventbus.SourceSystem `json:"sourceSystems,omitempty" yaml:"sourceSystems,omitempty"`
	Forwarders      []eventbus.SourceSystem `json:"forwarders,omitempty" yaml:"forwarders,omitempty"`
	Links           []eventbus.Link         `json:"links,omitempty" yaml:"links,omitempty"`
	Tags            []string                `json:"tags,omitempty" yaml:"tags,omitempty"`
	LikelyConsumers []string                `json:"likelyConsumers,omitempty" yaml:"likelyConsumers,omitempty"`
	PerDay          int64                   `json:"perDay,omitempty" yaml:"perDay,omitempty"`
	PeakPerSecond   int64                   `json:"peakPerSecond,omitempty" yaml:"peakPerSecond,omitempty"`
	AverageBytes    int64                   `json:"averageBytes,omitempty" yaml:"averageBytes,omitempty"`
	MaxBytes        int64                   `json:"maxBytes,omitempty" yaml:"maxBytes,omitempty"`
	BIPSourced      bool                    `json:"bipSourced,omitempty" yaml:"bipSourced,omitempty"` // data of BIP or another authoritative source
}

// ConsumingSystem is exported as a Backstage entity with subscribesToEvent.
type ConsumingSystem struct {
	Name      string `json:"name" yaml:"name"`
	Kind      string `json:"kind,omitempty" yaml:"kind,omitempty"` // Component (default) or System
	Type      string `json:"type,omitempty" yaml:"type,omitempty"` // service (default), website, library, …
	Title     string `json:"title,omitempty" yaml:"title,omitempty"`
	Lifecycle string `json:"lifecycle,omitempty" yaml:"lifecycle,omitempty"`
	Owner     string `json:"owner,omitempty" yaml:"owner,omitempty"` // default: the team
	Domain    string `json:"domain,omitempty" yaml:"domain,omitempty"`
}

// SystemFacts are what a federal system is known by.
type SystemFacts struct {
	VASI           string `json:"vasi,omitempty" yaml:"vasi,omitempty"`             // digits, or "in process"
	EMASS          string `json:"emass,omitempty" yaml:"emass,omitempty"`           // digits, or "in process"
	LEAF           string `json:"leaf,omitempty" yaml:"leaf,omitempty"`             // reference while in process
	ATO            string `json:"ato,omitempty" yaml:"ato,omitempty"`               // active, cATO, in process, none
	ATOExpires     string `json:"atoExpires,omitempty" yaml:"atoExpires,omitempty"` // YYYY-MM-DD
	ATOEvidence    string `json:"atoEvidence,omitempty" yaml:"atoEvidence,omitempty"`
	FISMA          string `json:"fisma,omitempty" yaml:"fisma,omitempty"` // Low or Moderate
	LHDI           bool   `json:"lhdi,omitempty" yaml:"lhdi,omitempty"`   // tenant of Lighthouse Delivery Infrastructure
	LHDILiaison    string `json:"lhdiLiaison,omitempty" yaml:"lhdiLiaison,omitempty"`
	WebApplication bool   `json:"webApplication,omitempty" yaml:"webApplication,omitempty"`
	WASADate       string `json:"wasaDate,omitempty" yaml:"wasaDate,omitempty"` // YYYY-MM-DD, ≥ 30 days ahead
}

// Privacy says what personal data flows and who has looked at it.
type Privacy struct {
	DataClasses   []eventbus.DataClass          `json:"dataClasses,omitempty" yaml:"dataClasses,omitempty"`
	Fields        map[string]eventbus.DataClass `json:"fields,omitempty" yaml:"fields,omitempty"`               // by dotted field path
	SyntheticData bool                          `json:"syntheticData,omitempty" yaml:"syntheticData,omitempty"` // lower environments get made-up data only
	PTA           string                        `json:"pta,omitempty" yaml:"pta,omitempty"`                     // date, ≤ 1 year old
	PIA           string                        `json:"pia,omitempty" yaml:"pia,omitempty"`                     // date, ≤ 3 years old
	HIPAAReview   string                        `json:"hipaaReview,omitempty" yaml:"hipaaReview,omitempty"`     // reference; PHI needs it
	OBIApproval   string                        `json:"obiApproval,omitempty" yaml:"obiApproval,omitempty"`     // id of the OBI Data Access approval
	OBIScope      string                        `json:"obiScope,omitempty" yaml:"obiScope,omitempty"`           // dev or dev+prod
}

// Agreements are the papers that both parties sign before production.
type Agreements struct {
	Working     Signature `json:"working,omitzero" yaml:"working,omitempty"`
	DataSharing Signature `json:"dataSharing,omitzero" yaml:"dataSharing,omitempty"`
}

// Signature says who signed which document when.
type Signature struct {
	By       string `json:"by,omitempty" yaml:"by,omitempty"`
	Date     string `json:"date,omitempty" yaml:"date,omitempty"` // YYYY-MM-DD
	Document string `json:"document,omitempty" yaml:"document,omitempty"`
}

// Network says where the system runs and whether it reaches the bus.
type Network struct {
	Location     Location       `json:"location,omitempty" yaml:"location,omitempty"`
	Region       string         `json:"region,omitempty" yaml:"region,omitempty"`
	ZoneID       string         `json:"zoneId,omitempty" yaml:"zoneId,omitempty"`
	Test         ConnectionTest `json:"test,omitzero" yaml:"test,omitempty"`
	CIDRs        []string       `json:"cidrs,omitempty" yaml:"cidrs,omitempty"`               // addresses it calls from
	ConnectionID string         `json:"connectionId,omitempty" yaml:"connectionId,omitempty"` // NSOC's
	ESECC        string         `json:"esecc,omitempty" yaml:"esecc,omitempty"`               // number
	ESECCState   string         `json:"eseccState,omitempty" yaml:"eseccState,omitempty"`     // draft, submitted, approved, rejected
}

// ConnectionTest is the outcome of a try to reach the bus.
type ConnectionTest struct {
	At      string `json:"at,omitempty" yaml:"at,omitempty"`
	Target  string `json:"target,omitempty" yaml:"target,omitempty"`   // host:port
	Outcome string `json:"outcome,omitempty" yaml:"outcome,omitempty"` // reached or blocked
}

// TopicFacts are the wanted settings of the event's topics.
type TopicFacts struct {
	Name              string            `json:"name,omitempty" yaml:"name,omitempty"`             // without the environment's prefix; default: the event's name
	Names             map[string]string `json:"names,omitempty" yaml:"names,omitempty"`           // full name by environment
	Partitions        int32             `json:"partitions,omitempty" yaml:"partitions,omitempty"` // default: the advice
	RetentionDays     int               `json:"retentionDays,omitempty" yaml:"retentionDays,omitempty"`
	Cleanup           string            `json:"cleanup,omitempty" yaml:"cleanup,omitempty"` // delete (default), compact, compact,delete
	KeyField          string            `json:"keyField,omitempty" yaml:"keyField,omitempty"`
	Ordering          string            `json:"ordering,omitempty" yaml:"ordering,omitempty"`                   // none, per key, total
	LongestOutageDays int               `json:"longestOutageDays,omitempty" yaml:"longestOutageDays,omitempty"` // of any consumer
}

// SchemaFacts are the wanted schemas.
type SchemaFacts struct {
	Value               string                 `json:"value,omitempty" yaml:"value,omitempty"` // Avro text
	Key                 string                 `json:"key,omitempty" yaml:"key,omitempty"`
	Compatibility       eventbus.Compatibility `json:"compatibility,omitempty" yaml:"compatibility,omitempty"`             // default BACKWARD
	CompatibilityReason string                 `json:"compatibilityReason,omitempty" yaml:"compatibilityReason,omitempty"` // for NONE
	Guard               eventbus.SchemaGuard   `json:"guard,omitempty" yaml:"guard,omitempty"`                             // default: the environment's
	SubjectNaming       string                 `json:"subjectNaming,omitempty" yaml:"subjectNaming,omitempty"`             // TopicNameStrategy (default)
	VersioningNote      string                 `json:"versioningNote,omitempty" yaml:"versioningNote,omitempty"`
	Sample              string                 `json:"sample,omitempty" yaml:"sample,omitempty"` // synthetic record, JSON
}

// Access names who signs in, in one environment: principals that exist, or one
// that the bus shall create.
type Access struct {
	Principals []string `json:"principals,omitempty" yaml:"principals,omitempty"` // ARNs of IAM roles or users
	Role       string   `json:"role,omitempty" yaml:"role,omitempty"`             // a role that the bus creates
	TrustedBy  []string `json:"trustedBy,omitempty" yaml:"trustedBy,omitempty"`   // ARNs that may assume it
	User       string   `json:"user,omitempty" yaml:"user,omitempty"`             // a user with an access key that the bus creates
}

// ProducerOptions ask for more than plain writing.
type ProducerOptions struct {
	Idempotent      bool   `json:"idempotent,omitempty" yaml:"idempotent,omitempty"`
	TransactionalID string `json:"transactionalId,omitempty" yaml:"transactionalId,omitempty"`
}

// CatalogText changes how an event reads in the catalog; empty fields stay.
type CatalogText struct {
	Title       string             `json:"title,omitempty" yaml:"title,omitempty"`
	Description string             `json:"description,omitempty" yaml:"description,omitempty"`
	Domain      string             `json:"domain,omitempty" yaml:"domain,omitempty"`
	Lifecycle   eventbus.Lifecycle `json:"lifecycle,omitempty" yaml:"lifecycle,omitempty"`
	Links       []eventbus.Link    `json:"links,omitempty" yaml:"links,omitempty"`
}

// Kind is eventbus.ProducerRequest.
func (*ProducerContent) Kind() eventbus.RequestKind { return eventbus.ProducerRequest }

// Kind is eventbus.ConsumerRequest.
func (*ConsumerContent) Kind() eventbus.RequestKind { return eventbus.ConsumerRequest }

// Kind is eventbus.ChangeRequest.
func (*ChangeContent) Kind() eventbus.RequestKind { return eventbus.ChangeRequest }

// Kind is eventbus.OffboardingRequest.
func (*OffboardingContent) Kind() eventbus.RequestKind { return eventbus.OffboardingRequest }

func (c *ProducerContent) subject() subject {
	title := c.Event.Title
	if title == "" {
		title = c.Event.Name
	}
	return subject{team: c.Team, event: c.Event.Name, title: "Produce " + title, environments: c.Environments,
		classes: c.Privacy.DataClasses, network: c.Network, system: c.System, privacy: c.Privacy, bip: c.Event.BIPSourced, agreements: c.Agreements}
}

func (c *ConsumerContent) subject() subject {
	return subject{team: c.Team, event: c.Event, title: "Consume " + c.Event + " in " + c.Consumer.Name, environments: c.Environments,
		classes: c.Privacy.DataClasses, network: c.Network, system: c.System, privacy: c.Privacy, agreements: c.Agreements}
}

func (c *ChangeContent) subject() subject {
	return subject{team: c.Team, event: c.Event, title: "Change " + c.Event, environments: c.Environments,
		classes: c.Privacy.DataClasses, privacy: c.Privacy,
		network: Network{Location: LocationVAEC}} // a change moves no system: where it runs was decided at onboarding
}

func (c *OffboardingContent) subject() subject {
	title := "Retire " + c.Event
	if c.Consumer != "" {
		title = "End " + c.Consumer + "'s access to " + c.Event
	}
	return subject{team: c.Team, event: c.Event, title: title, environments: c.Environments}
}
