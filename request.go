package eventbus

import (
	"encoding/json"
	"time"
)

// RequestKind says what a request asks for.
type RequestKind string

// The four kinds of requests (contract, "Formats").
const (
	ProducerRequest    RequestKind = "ProducerRequest"
	ConsumerRequest    RequestKind = "ConsumerRequest"
	ChangeRequest      RequestKind = "ChangeRequest"
	OffboardingRequest RequestKind = "OffboardingRequest"
)

// RequestState is where a request as a whole stands; each environment has its
// own EnvironmentState.
type RequestState string

// The states of a request.
const (
	RequestDraft        RequestState = "draft"
	RequestSubmitted    RequestState = "submitted"
	RequestChangesAsked RequestState = "changes-asked"
	RequestApproved     RequestState = "approved" // lower environments approved, provisioning
	RequestActive       RequestState = "active"   // provisioned wherever it was approved
	RequestRejected     RequestState = "rejected"
	RequestWithdrawn    RequestState = "withdrawn"
	RequestExpired      RequestState = "expired"
)

// Final reports whether no further act can change the request.
func (s RequestState) Final() bool {
	return s == RequestRejected || s == RequestWithdrawn || s == RequestExpired
}

// Stage is a review by one kind of reviewer.
type Stage string

// The stages.
const (
	StageBus        Stage = "bus"
	StageOwner      Stage = "owner" // product owner of the event
	StagePrivacy    Stage = "privacy"
	StageSecurity   Stage = "security"
	StageProduction Stage = "production" // promotion to a production environment
)

// Reviewer is the role that decides a stage.
func (s Stage) Reviewer() Role {
	switch s {
	case StageOwner:
		return RoleOwner
	case StagePrivacy:
		return RolePrivacyReviewer
	case StageSecurity:
		return RoleSecurityReviewer
	default:
		return RoleBusReviewer
	}
}

// EnvironmentState is how a request stands in one environment.
type EnvironmentState string

// The states per environment.
const (
	EnvWaiting      EnvironmentState = "waiting"  // approvals or gates are missing
	EnvApproved     EnvironmentState = "approved" // wanted, not yet provisioned
	EnvProvisioning EnvironmentState = "provisioning"
	EnvActive       EnvironmentState = "active"
	EnvFailed       EnvironmentState = "failed"     // a step failed; retried by the reconciler
	EnvLater        EnvironmentState = "later"      // production, lower environments are not active yet
	EnvPromotable   EnvironmentState = "promotable" // production, lower environments are active, not asked yet
	EnvRemoved      EnvironmentState = "removed"
)

// Request is one onboarding request, from draft to active. Content is the
// document of its kind as the submitter wrote it; ContentHash binds approvals
// to exactly that content.
type Request struct {
	ID           string               `json:"id"`
	Kind         RequestKind          `json:"kind"`
	Title        string               `json:"title"`
	Event        string               `json:"event"`
	Team         string               `json:"team"`
	State        RequestState         `json:"state"`
	Content      json.RawMessage      `json:"content"`
	ContentHash  string               `json:"contentHash"` // SHA-256 of Content, hex
	Submitter    string               `json:"submitter"`   // person id
	Authors      []string             `json:"authors"`     // every person who edited the content; none of them may approve
	Environments []RequestEnvironment `json:"environments"`
	Approvals    []Approval           `json:"approvals,omitempty"`
	Gates        []Gate               `json:"gates,omitempty"`
	Comments     []Comment            `json:"comments,omitempty"`
	WaitingOn    []Waiting            `json:"waitingOn,omitempty"`
	Consumers    []string             `json:"consumers,omitempty"` // change, offboarding: consuming teams that are told and acknowledge
	Notices      []string             `json:"notices,omitempty"`   // notices sent once: "removal:90", "ATO:30"

	// Snapshots are the contents that decisions saw, by content hash, so that
	// what changed since an approval can be shown; the newest few only.
	Snapshots map[string]json.RawMessage `json:"snapshots,omitempty"`

	CreatedAt   time.Time `json:"createdAt"`
	SubmittedAt time.Time `json:"submittedAt,omitzero"`
	UpdatedAt   time.Time `json:"updatedAt"`
	Version     int64     `json:"version"`
}

// RequestEnvironment is a request's standing in one environment.
type RequestEnvironment struct {
	Name   string           `json:"name"`
	State  EnvironmentState `json:"state"`
	Stages []Stage          `json:"stages"` // reviews that must approve before it is provisioned
	Since  time.Time        `json:"since"`
	Error  string           `json:"error,omitempty"`
	PlanID string           `json:"planId,omitempty"` // the plan last applied for it
	Remove bool             `json:"remove,omitempty"` // offboarding: the notice is over, the next plan removes
}

// Environment gives the request's standing in one environment.
func (r Request) Environment(name string) (RequestEnvironment, bool) {
	for _, e := range r.Environments {
		if e.Name == name {
			return e, true
		}
	}
	return RequestEnvironment{}, false
}

// Decision is a reviewer's answer.
type Decision string

// The decisions.
const (
	DecisionApprove     Decision = "approve"
	DecisionAskChanges  Decision = "ask-changes"
	DecisionReject      Decision = "reject"
	DecisionAcknowledge Decision = "acknowledge" // a consumer has seen a schema change
)

// Approval is one decision on one stage, bound to the content it saw.
type Approval struct {
	Stage       Stage     `json:"stage"`
	Environment string    `json:"environment,omitempty"` // only for per-environment stages
	Decision    Decision  `json:"decision"`
	By          string    `json:"by"` // person id
	At          time.Time `json:"at"`
	ContentHash string    `json:"contentHash"`        // of the whole content
	SeenHash    string    `json:"seenHash,omitempty"` // of the sections that the stage looks at; the approval counts while it matches
	Void        bool      `json:"void,omitempty"`     // an edit touched what the stage looks at; never counts again
	Team        string    `json:"team,omitempty"`     // acknowledgement: the consuming team that it speaks for
	Reason      string    `json:"reason,omitempty"`
}

// Comment is a remark on a request.
type Comment struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
	Path string    `json:"path,omitempty"` // field it is about
}

// Waiting says whose turn it is, and since when.
type Waiting struct {
	Who         string    `json:"who"` // a role, "submitter", a team, or "bus" while provisioning
	For         string    `json:"for"` // what is awaited, in plain words
	Stage       Stage     `json:"stage,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Since       time.Time `json:"since"`
}

// RequestQuery selects requests, newest first; zero fields do not restrict.
type RequestQuery struct {
	State     RequestState
	Kind      RequestKind
	Event     string
	Team      string
	Submitter string
	OpenOnly  bool      // leave out final and active ones
	Before    time.Time // the page after: CreatedAt of the last one seen …
	BeforeID  string    // … and its id, because several are made in one moment; empty: created before only
	Limit     int       // 1..1000, 0 = 100
}
