package eventbus

import "time"

// ChangeAction is what a plan does to one thing.
type ChangeAction string

// The actions, shown as +, ~, - and !.
const (
	ActionCreate     ChangeAction = "create"
	ActionUpdate     ChangeAction = "update"
	ActionQuarantine ChangeAction = "quarantine" // access gone, data kept; before delete
	ActionDelete     ChangeAction = "delete"
)

// ResourceKind is what a change touches.
type ResourceKind string

// The kinds of things that a plan creates or changes, in the order in which
// they are applied; destructive changes come last, in reverse order.
const (
	ResourceEnvironment   ResourceKind = "environment"
	ResourceTopic         ResourceKind = "topic"
	ResourceTopicConfig   ResourceKind = "topic-config"
	ResourcePartitions    ResourceKind = "partitions"
	ResourceCompatibility ResourceKind = "compatibility"
	ResourceSchema        ResourceKind = "schema"
	ResourceGuard         ResourceKind = "schema-guard"
	ResourcePrincipal     ResourceKind = "principal"
	ResourcePolicy        ResourceKind = "policy"
	ResourceGrant         ResourceKind = "grant"
	ResourceCatalog       ResourceKind = "catalog"
)

// ResourceKinds lists the kinds in the order in which they are applied.
func ResourceKinds() []ResourceKind {
	return []ResourceKind{ResourceEnvironment, ResourceTopic, ResourceTopicConfig, ResourcePartitions, ResourceCompatibility,
		ResourceSchema, ResourceGuard, ResourcePrincipal, ResourcePolicy, ResourceGrant, ResourceCatalog}
}

// Change is one step from what is to what is wanted.
type Change struct {
	Action        ChangeAction `json:"action"`
	Resource      ResourceKind `json:"resource"`
	Environment   string       `json:"environment,omitempty"`
	Event         string       `json:"event,omitempty"`
	Name          string       `json:"name"` // topic, subject, ARN, grant id, …
	Field         string       `json:"field,omitempty"`
	Old           string       `json:"old,omitempty"`
	New           string       `json:"new,omitempty"`
	Note          string       `json:"note,omitempty"` // what it means: "partitions 6 → 12: key order changes"
	NeedsApproval bool         `json:"needsApproval,omitempty"`
}

// Destructive reports whether the change can lose data or access.
func (c Change) Destructive() bool {
	return c.Action == ActionDelete || c.Action == ActionQuarantine
}

// Plan is the exact difference between a manifest and the world.
type Plan struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Changes   []Change  `json:"changes"`
	WorldHash string    `json:"worldHash"` // of everything the plan looked at; apply refuses when it moved
	MadeAt    time.Time `json:"madeAt"`
	Manifest  Manifest  `json:"manifest,omitzero"` // what it was made of, kept so that a begun plan can be carried on
}

// Empty reports whether there is nothing to change.
func (p Plan) Empty() bool { return len(p.Changes) == 0 }

// Destructive reports whether any change can lose data or access.
func (p Plan) Destructive() bool {
	for _, c := range p.Changes {
		if c.Destructive() {
			return true
		}
	}
	return false
}

// Counts gives the numbers of the summary line.
func (p Plan) Counts() (add, change, remove, needApproval int) {
	for _, c := range p.Changes {
		switch c.Action {
		case ActionCreate:
			add++
		case ActionUpdate:
			change++
		default:
			remove++
		}
		if c.NeedsApproval {
			needApproval++
		}
	}
	return add, change, remove, needApproval
}

// StepState is how far one change of a plan has come.
type StepState string

// The states of a step.
const (
	StepWaiting StepState = "waiting"
	StepRunning StepState = "running"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
)

// Step is the record of one change being applied.
type Step struct {
	PlanID   string    `json:"planId"`
	Index    int       `json:"index"`
	Change   Change    `json:"change"`
	State    StepState `json:"state"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty"`
	At       time.Time `json:"at"`
}
