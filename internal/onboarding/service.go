package onboarding

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of a Service; the zero value works: the demo environments, the
// default stages and gates, six months' notice.
type Config struct {
	Environments  func() []eventbus.Environment // in order of promotion; default DemoEnvironments
	Deployment    eventbus.Deployment           // whose account created principals belong to; default DemoDeployment
	Stages        []StageRule                   // default DefaultStages
	Gates         []GateRule                    // default DefaultGates
	Now           func() time.Time              // default time.Now
	Logger        *slog.Logger                  // of requests that cannot be looked after; default none
	NewID         func() string                 // default "req-" and ten random characters
	ExpireAfter   time.Duration                 // without an answer; default 30 days
	RemovalMonths int                           // notice before an event is removed; default 6
	ReadingWindow time.Duration                 // a principal that read within it is a reader; default 7 days
	RetryAfter    time.Duration                 // before a failed environment is offered again; default 30 s
	TickEvery     time.Duration                 // of Run; default 1 minute
}

func (c Config) withDefaults() Config {
	if c.Environments == nil {
		c.Environments = eventbus.DemoEnvironments
	}
	if c.Deployment == (eventbus.Deployment{}) {
		c.Deployment = eventbus.DemoDeployment()
	}
	if c.Stages == nil {
		c.Stages = DefaultStages()
	}
	if c.Gates == nil {
		c.Gates = DefaultGates()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.NewID == nil {
		c.NewID = newID
	}
	if c.ExpireAfter == 0 {
		c.ExpireAfter = 30 * 24 * time.Hour
	}
	if c.RemovalMonths == 0 {
		c.RemovalMonths = 6
	}
	if c.ReadingWindow == 0 {
		c.ReadingWindow = 7 * 24 * time.Hour
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = 30 * time.Second
	}
	if c.TickEvery == 0 {
		c.TickEvery = time.Minute
	}
	return c
}

func newID() string {
	var b [7]byte
	_, _ = rand.Read(b[:]) // never fails, crypto/rand
	return "req-" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:10]
}

// Store keeps requests. SaveRequest writes request, audit entries and
// notifications in one transaction and answers CodeConflict for a stale
// Version; Request answers CodeNotFound.
type Store interface {
	SaveRequest(ctx context.Context, r eventbus.Request, audit []eventbus.AuditEntry, notifications []eventbus.Notification) (eventbus.Request, error)
	Request(ctx context.Context, id string) (eventbus.Request, error)
	Requests(ctx context.Context, q eventbus.RequestQuery) ([]eventbus.Request, error)
	AppendAudit(ctx context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error)
}

// Events tells what is catalogued and what was wanted last.
type Events interface {
	Event(ctx context.Context, name string) (eventbus.Event, error) // CodeNotFound when there is none
	Wanted(ctx context.Context) ([]eventbus.EventManifest, error)
}

// Lineage tells who may use an event, who says so, and who does.
type Lineage interface {
	Grants(ctx context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error)
	Usage(ctx context.Context, q eventbus.UsageQuery) ([]eventbus.UsageBucket, error)
	Systems(ctx context.Context) ([]eventbus.System, error)
}

// Schemas tells the versions of a subject, oldest first; CodeNotFound or none
// when there is no such subject.
type Schemas interface {
	Versions(ctx context.Context, subject string) ([]eventbus.Schema, error)
}

// Sources are what onboarding asks of the rest of the bus. A nil source knows
// nothing: what it would check is not checked, what it would list is empty.
type Sources struct {
	Events  Events
	Lineage Lineage
	Schemas Schemas
}

// Service runs requests. It is safe for concurrent use, by several instances
// on one store too: a decision that lost the race is tried again on the newer
// request, and refused when it was taken meanwhile.
type Service struct {
	cfg     Config
	store   Store
	sources Sources
}

// New makes a Service.
func New(cfg Config, store Store, sources Sources) *Service {
	return &Service{cfg: cfg.withDefaults(), store: store, sources: sources}
}

// Draft makes a new request out of what a team has so far; nothing is required
// but the kind and the team, which the actor must belong to.
func (s *Service) Draft(ctx context.Context, actor eventbus.Actor, sub Submission) (eventbus.Request, error) {
	content, about, err := s.written(sub)
	if err != nil {
		return eventbus.Request{}, err
	}
	if actor.System != "" || !actor.Person.In(about.team) {
		return eventbus.Request{}, eventbus.Errorf(eventbus.CodeForbidden, "you are not in team %q, so no request was made for it", about.team)
	}
	now := s.now()
	r := eventbus.Request{ID: s.cfg.NewID(), Kind: sub.Kind, Title: about.title, Event: about.event, Team: about.team, State: eventbus.RequestDraft,
		Content: content, ContentHash: hashOf(content), Submitter: actor.Person.ID, Authors: []string{actor.Person.ID},
		CreatedAt: now, UpdatedAt: now}
	settle(&r, world{now: now})
	return s.store.SaveRequest(ctx, r, []eventbus.AuditEntry{s.entry(actor, "draft", r, "")}, nil)
}

// written checks the form of a submission and gives its canonical content.
func (s *Service) written(sub Submission) ([]byte, subject, error) {
	if sub.Content == nil || sub.Content.Kind() != sub.Kind {
		return nil, subject{}, eventbus.Invalid("nothing was saved", eventbus.Fault{Path: "kind", Message: "the content does not belong to the kind"})
	}
	content, err := encodeContent(sub.Content)
	return content, sub.Content.subject(), err
}

// SaveDraft replaces the content of a request. After submission that takes the
// request back to its team until it is submitted again, and voids the
// approvals whose sections changed. version is the Version that the editor
// read, 0 for any; CodeConflict tells that somebody else saved meanwhile.
func (s *Service) SaveDraft(ctx context.Context, actor eventbus.Actor, id string, version int64, sub Submission) (eventbus.Request, error) {
	content, about, err := s.written(sub)
	if err != nil {
		return eventbus.Request{}, err
	}
	a := act{verb: verbEdit, by: actor, content: content, about: about}
	if c, ok := sub.Content.(*OffboardingContent); ok && c.Consumer == "" {
		a.removal = s.removalFrom(c.RemovalDate, s.now())
	}
	return s.do(ctx, id, a, func(r eventbus.Request) error {
		if r.Kind != sub.Kind {
			return eventbus.Errorf(eventbus.CodeInvalid, "request %s is a %s; nothing was saved", id, r.Kind)
		}
		if version != 0 && version != r.Version {
			return eventbus.Errorf(eventbus.CodeConflict, "somebody else saved request %s meanwhile; nothing was saved", id)
		}
		return nil
	})
}

// Submit hands a draft, or a request whose changes were asked, to its
// reviewers. The content must be valid now; CodeInvalid lists every fault.
func (s *Service) Submit(ctx context.Context, actor eventbus.Actor, id string) (eventbus.Request, error) {
	r, err := s.visible(ctx, actor, id)
	if err != nil {
		return eventbus.Request{}, err
	}
	content, err := DecodeContent(r.Kind, r.Content)
	if err != nil {
		return eventbus.Request{}, err
	}
	faults, err := s.Check(ctx, content, id)
	if err != nil {
		return eventbus.Request{}, err
	}
	if len(faults) > 0 {
		return eventbus.Request{}, eventbus.Invalid("request "+id+" was not submitted", faults...)
	}
	about, err := s.about(ctx, content)
	if err != nil {
		return eventbus.Request{}, err
	}
	return s.do(ctx, id, act{verb: verbSubmit, by: actor, about: about}, func(now eventbus.Request) error {
		if now.ContentHash != r.ContentHash {
			return eventbus.Errorf(eventbus.CodeConflict, "request %s was edited meanwhile; it was not submitted", id)
		}
		return nil
	})
}

// Decide records a reviewer's decision on a stage. environment is needed for
// the stage production only. A reason is needed to ask for changes or reject.
// CodeConflict tells that the stage is decided already, and by whom.
func (s *Service) Decide(ctx context.Context, actor eventbus.Actor, id string, stage eventbus.Stage, environment string, decision eventbus.Decision, reason string) (eventbus.Request, error) {
	return s.DecideOn(ctx, actor, id, "", stage, environment, decision, reason)
}

// DecideOn is Decide about the content that the reviewer read: seen is its
// ContentHash, and CodeConflict tells that the request was edited since. An
// empty seen stands for the content as it is.
func (s *Service) DecideOn(ctx context.Context, actor eventbus.Actor, id, seen string, stage eventbus.Stage, environment string, decision eventbus.Decision, reason string) (eventbus.Request, error) {
	if err := short("reason", reason, longestText); err != nil {
		return eventbus.Request{}, err
	}
	return s.do(ctx, id, act{verb: verbDecide, by: actor, stage: stage, environment: environment, decision: decision, reason: reason}, func(r eventbus.Request) error {
		if seen != "" && seen != r.ContentHash {
			return &eventbus.Error{Code: eventbus.CodeConflict, Message: "request " + id + " was edited since you read it; nothing was decided", Next: "read it again, then decide"}
		}
		return nil
	})
}

// Comment adds a remark, at most 4000 characters, about a field or the whole.
func (s *Service) Comment(ctx context.Context, actor eventbus.Actor, id, text, path string) (eventbus.Request, error) {
	if strings.TrimSpace(text) == "" {
		return eventbus.Request{}, eventbus.Invalid("no comment was added", eventbus.Fault{Path: "text", Message: "is empty", Fix: "write what you want to say"})
	}
	if err := short("text", text+path, longestText); err != nil {
		return eventbus.Request{}, err
	}
	return s.do(ctx, id, act{verb: verbComment, by: actor, text: text, path: path}, func(r eventbus.Request) error {
		if len(r.Comments) >= 500 {
			return eventbus.Errorf(eventbus.CodeTooLarge, "request %s has 500 comments; none was added", id)
		}
		return nil
	})
}

// Withdraw ends a request that nothing was provisioned for.
func (s *Service) Withdraw(ctx context.Context, actor eventbus.Actor, id, reason string) (eventbus.Request, error) {
	if err := short("reason", reason, longestText); err != nil {
		return eventbus.Request{}, err
	}
	return s.do(ctx, id, act{verb: verbWithdraw, by: actor, reason: reason}, nil)
}

// SetGate records what a reviewer found about a gate: its state, evidence (an
// id or link), the day on which it expires (YYYY-MM-DD, may be empty), and the
// reason, which not-required and failed need.
func (s *Service) SetGate(ctx context.Context, actor eventbus.Actor, id string, kind eventbus.GateKind, state eventbus.GateState, evidence, expires, reason string) (eventbus.Request, error) {
	if err := short("evidence", evidence+reason, longestText); err != nil {
		return eventbus.Request{}, err
	}
	return s.do(ctx, id, act{verb: verbGate, by: actor, reason: reason,
		gate: eventbus.Gate{Kind: kind, State: state, Evidence: evidence, Expires: expires}}, nil)
}

// Promote asks for production once the lower environments are active.
func (s *Service) Promote(ctx context.Context, actor eventbus.Actor, id, environment string) (eventbus.Request, error) {
	return s.do(ctx, id, act{verb: verbPromote, by: actor, environment: environment}, nil)
}

// Acknowledge records that a consuming team has seen a change or a removal.
// team may be empty when only one team that the actor belongs to is awaited.
func (s *Service) Acknowledge(ctx context.Context, actor eventbus.Actor, id, team, reason string) (eventbus.Request, error) {
	if err := short("reason", reason, longestText); err != nil {
		return eventbus.Request{}, err
	}
	if team == "" {
		r, err := s.visible(ctx, actor, id)
		if err != nil {
			return eventbus.Request{}, err
		}
		awaited := slices.DeleteFunc(slices.Clone(r.Consumers), func(t string) bool { return !actor.Person.In(t) || acknowledged(r, t) })
		if len(awaited) > 1 {
			return eventbus.Request{}, eventbus.Invalid("nothing was acknowledged", eventbus.Fault{Path: "team", Message: "is missing: several of your teams are awaited",
				Fix: "name one of " + strings.Join(awaited, ", ")})
		}
		team = strings.Join(awaited, "")
	}
	return s.do(ctx, id, act{verb: verbAcknowledge, by: actor, team: team, reason: reason}, nil)
}

// longestText of a reason, a comment or evidence, in bytes.
const longestText = 4000

func short(path, text string, limit int) error {
	if len(text) > limit {
		return eventbus.Invalid("nothing was changed", eventbus.Fault{Path: path, Message: fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), limit),
			Fix: "shorten it, and link to the rest"})
	}
	return nil
}

// tries bounds how often an act is repeated on a request that others change.
const tries = 100

// do reads, steps and saves until the save is not stale. guard may refuse.
func (s *Service) do(ctx context.Context, id string, a act, guard func(eventbus.Request) error) (eventbus.Request, error) {
	for range tries {
		r, err := s.visible(ctx, a.by, id)
		if err != nil {
			return eventbus.Request{}, err
		}
		if guard != nil {
			if err := guard(r); err != nil {
				return eventbus.Request{}, err
			}
		}
		saved, err := s.attempt(ctx, r, a)
		if err != errStale {
			return saved, err
		}
	}
	return eventbus.Request{}, eventbus.Errorf(eventbus.CodeConflict, "request %s is changed by many at once; nothing was changed, try again", id)
}

// errStale says that the request was changed between reading and saving.
var errStale = eventbus.Errorf(eventbus.CodeConflict, "the request was changed meanwhile")

func (s *Service) attempt(ctx context.Context, r eventbus.Request, a act) (eventbus.Request, error) {
	w, err := s.world(ctx, r)
	if err != nil {
		return eventbus.Request{}, err
	}
	next, err := step(r, a, w)
	if err != nil {
		return eventbus.Request{}, s.denied(ctx, r, a, err)
	}
	if a.verb == verbTick && !s.moved(&next, r, w) {
		return r, nil
	}
	if a.verb == verbEdit && next.ContentHash == r.ContentHash && len(next.Authors) == len(r.Authors) {
		return r, nil // an autosave of nothing new
	}
	saved, err := s.store.SaveRequest(ctx, next, s.entries(r, next, a), news(r, next, a, w))
	if eventbus.CodeOf(err) == eventbus.CodeConflict {
		return eventbus.Request{}, errStale
	}
	return saved, err
}

// denied leaves a trace of an act that its actor may not do.
func (s *Service) denied(ctx context.Context, r eventbus.Request, a act, cause error) error {
	if eventbus.CodeOf(cause) != eventbus.CodeForbidden {
		return cause
	}
	entry := s.entry(a.by, actionName(a), r, "")
	entry.Outcome, entry.Reason = eventbus.OutcomeDenied, cause.Error()
	if _, err := s.store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	return cause
}

func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// visible reads a request that the actor may see; another's is not found.
func (s *Service) visible(ctx context.Context, actor eventbus.Actor, id string) (eventbus.Request, error) {
	r, err := s.store.Request(ctx, id)
	if err != nil {
		return eventbus.Request{}, err
	}
	ok, err := s.maySee(ctx, actor, r)
	if err != nil {
		return eventbus.Request{}, err
	}
	if !ok {
		return eventbus.Request{}, eventbus.Errorf(eventbus.CodeNotFound, "there is no request %q that you may see", id)
	}
	return r, nil
}

// maySee: its team, its submitter, reviewers, operators and auditors; product
// owners and consumers of the event.
func (s *Service) maySee(ctx context.Context, actor eventbus.Actor, r eventbus.Request) (bool, error) {
	p := actor.Person
	if actor.System != "" || p.In(r.Team) || p.ID != "" && p.ID == r.Submitter {
		return true, nil
	}
	if r.State == eventbus.RequestDraft {
		return false, nil
	}
	for _, role := range []eventbus.Role{eventbus.RoleBusReviewer, eventbus.RolePrivacyReviewer, eventbus.RoleSecurityReviewer, eventbus.RoleOperator, eventbus.RoleAuditor} {
		if p.Has(role) {
			return true, nil
		}
	}
	for _, team := range r.Consumers {
		if p.In(team) {
			return true, nil
		}
	}
	owner, err := s.eventOwner(ctx, r.Event)
	return owner != "" && p.In(owner), err
}

// Requests lists, newest first, those requests that the actor may see: a page
// that is not full is the last.
func (s *Service) Requests(ctx context.Context, actor eventbus.Actor, q eventbus.RequestQuery) ([]eventbus.Request, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	wanted := min(q.Limit, 1000)
	q.Limit = max(wanted, 100) // of one look into the store: most of what it gives may be hidden from the actor
	seen := make([]eventbus.Request, 0, wanted)
	for {
		page, err := s.store.Requests(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page {
			ok, err := s.maySee(ctx, actor, r)
			if err != nil {
				return nil, err
			}
			if ok {
				seen = append(seen, r)
			}
			if len(seen) == wanted {
				return seen, nil
			}
			q.Before, q.BeforeID = r.CreatedAt, r.ID
		}
		if len(page) < q.Limit {
			return seen, nil
		}
	}
}
