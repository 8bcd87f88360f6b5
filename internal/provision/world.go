package provision

import (
	"context"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// World is all that provisioning looks at and changes.
type World struct {
	Topics       Topics
	Schemas      Schemas
	Access       Access                       // the bus's own directory
	AccessOf     map[string]EnvironmentAccess // by environment; those not named use Access
	Offers       Offers
	Catalog      Catalog
	Plans        Plans
	Wanted       Wanted
	Grants       Grants
	Environments Environments
	Leases       Leases // may be nil: one instance only
	Audit        Audit  // may be nil: refusals are recorded elsewhere
}

// Topics is the Kafka behind the bus.
type Topics interface {
	// Topics gives every topic with the configs that are set on it (not the
	// defaults), in a number of calls that does not grow with the topics.
	Topics(ctx context.Context) ([]eventbus.Topic, error)
	// CreateTopics makes topics at the cost of few and gives the error of each,
	// in their order: nil, or CodeConflict when the topic is there.
	CreateTopics(ctx context.Context, topics []eventbus.Topic) []error
	// SetTopicConfigs sets some configs and takes others off, so that the
	// default holds; configs not named stay.
	SetTopicConfigs(ctx context.Context, topic string, set map[string]string, remove []string) error
	// AddPartitions makes the topic have total partitions.
	AddPartitions(ctx context.Context, topic string, total int32) error
	// DeleteTopic fails with CodeNotFound when there is none.
	DeleteTopic(ctx context.Context, topic string) error
}

// Schemas is the schema registry.
type Schemas interface {
	// Latest gives the latest live version of a subject.
	Latest(ctx context.Context, subject string) (s eventbus.Schema, found bool, err error)
	// Versions gives the live versions of a subject, oldest first; none when
	// there is no such subject.
	Versions(ctx context.Context, subject string) ([]eventbus.Schema, error)
	// Compatibility gives the level set on the subject itself.
	Compatibility(ctx context.Context, subject string) (level eventbus.Compatibility, set bool, err error)
	SetCompatibility(ctx context.Context, subject string, level eventbus.Compatibility) error
	// Register gives the version that is there when the text is registered
	// under the subject already.
	Register(ctx context.Context, subject, text string) (eventbus.Schema, error)
}

// PolicyName is the name under which the policy that grants come to is attached
// to a principal. Other policies of the principal are not touched.
const PolicyName = "eventbus-grants"

// ManagedPrincipal is a role or user as provisioning sees it.
type ManagedPrincipal struct {
	ARN     string                 `json:"arn"`
	Kind    eventbus.PrincipalKind `json:"kind"` // PrincipalRole or PrincipalUser
	Name    string                 `json:"name"`
	Team    string                 `json:"team,omitempty"`
	Trust   string                 `json:"trust,omitempty"`  // roles: trust policy document
	Policy  string                 `json:"policy,omitempty"` // document attached under PolicyName; empty when none is
	Managed bool                   `json:"managed"`          // made by provisioning, not by hand

	Event   string `json:"event,omitempty"`   // the event that it was made for; empty where the directory does not keep it
	Repair  string `json:"repair,omitempty"`  // what EnsurePrincipal would put right besides the trust: "tags eventbus:team"
	Foreign string `json:"foreign,omitempty"` // why nothing of it may be changed, its policy neither; empty when it may
}

// Access is the directory of principals.
type Access interface {
	// Principal gives a role or user by its ARN, CodeNotFound when there is none.
	Principal(ctx context.Context, arn string) (ManagedPrincipal, error)
	// EnsurePrincipal makes a role or user, or gives one that provisioning made
	// this team and trust. It leaves policies and keys as they are.
	EnsurePrincipal(ctx context.Context, by eventbus.Actor, p ManagedPrincipal) error
	// SetPolicy attaches a document under PolicyName; an empty document takes it
	// off, and is no error when there is none.
	SetPolicy(ctx context.Context, by eventbus.Actor, arn, document string) error
	// NewKey makes an access key of a user and keeps its secret sealed. Keys that
	// the user had before are gone afterwards: it is called only while nobody
	// was offered a key that is of use.
	NewKey(ctx context.Context, by eventbus.Actor, arn string) (id string, err error)
}

// Remover is an Access that also deletes the principals that provisioning made,
// once their last grant has ended. Where Access is none, they stay, without a
// policy.
type Remover interface {
	// RemovePrincipal deletes a role or user with its keys and policies. One
	// that is not there is no error; one that provisioning did not make is
	// CodeConflict, and nothing is changed.
	RemovePrincipal(ctx context.Context, by eventbus.Actor, arn string) error
}

// OfferTime is for how long a new key waits for its contact.
const OfferTime = 7 * 24 * time.Hour

// Offers keeps, for each user that provisioning made, the key that its contact
// may collect once.
type Offers interface {
	// Offered reports whether the user needs no new key: one waits to be
	// collected, was collected, or an operator has given out another.
	Offered(ctx context.Context, user string) (bool, error)
	// Withdraw takes back an offer that nobody took, before another key is made:
	// were it still there after a crash in between, it would stand for that key.
	Withdraw(ctx context.Context, user string) error
	// Offer replaces an offer to the same user, and tells its team.
	Offer(ctx context.Context, o eventbus.KeyOffer) error
}

// Catalog keeps the entries of events.
type Catalog interface {
	// Event gives an entry by name, CodeNotFound when there is none.
	Event(ctx context.Context, name string) (eventbus.Event, error)
	// SaveEvent fails with CodeConflict when the Version is not that of the
	// entry; 0 inserts.
	SaveEvent(ctx context.Context, e eventbus.Event, audit ...eventbus.AuditEntry) (eventbus.Event, error)
}

// Plans keeps plans and how far each change has come.
type Plans interface {
	SavePlan(ctx context.Context, p eventbus.Plan, audit ...eventbus.AuditEntry) error
	// SaveSteps saves steps of one plan, all or none.
	SaveSteps(ctx context.Context, steps []eventbus.Step, audit ...eventbus.AuditEntry) error
	// Plan gives a plan with one step per change, CodeNotFound when there is none.
	Plan(ctx context.Context, id string) (eventbus.Plan, []eventbus.Step, error)
	// UnfinishedPlans gives the plans that were begun, are not done and were not
	// abandoned, oldest first.
	UnfinishedPlans(ctx context.Context) ([]eventbus.Plan, error)
	AbandonPlan(ctx context.Context, id string, audit ...eventbus.AuditEntry) error
}

// Wanted keeps the wanted state of each event that is looked after; none is ever
// removed.
type Wanted interface {
	// WantedSince gives the wanted states saved after a version, and the newest
	// version; -1 gets all.
	WantedSince(ctx context.Context, version int64) ([]eventbus.EventManifest, int64, error)
	// SaveWanted saves some, all or none.
	SaveWanted(ctx context.Context, manifests []eventbus.EventManifest, audit ...eventbus.AuditEntry) error
}

// Grants keeps who may do what; a revoked grant stays.
type Grants interface {
	Grants(ctx context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error)
	SaveGrant(ctx context.Context, g eventbus.Grant, audit ...eventbus.AuditEntry) (eventbus.Grant, error)
}

// Environments keeps the environments; Config.Environments reads them.
type Environments interface {
	SaveEnvironments(ctx context.Context, envs []eventbus.Environment) error
}

// Leases makes sure that one instance of several applies.
type Leases interface {
	// HoldLease takes and keeps a lease until stop is called; ok is false while
	// another has it. held ends, with CodeUnavailable as its cause, when the
	// lease is lost, and writes under it are refused then.
	HoldLease(ctx context.Context, name, holder string, ttl time.Duration) (held context.Context, stop func(), ok bool, err error)
	ReleaseLease(ctx context.Context, name, holder string) error
}

// Audit is the append-only record.
type Audit interface {
	AppendAudit(ctx context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error)
}
