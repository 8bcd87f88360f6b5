package iam

import (
	"context"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Session is a caller that has signed in: of the Kafka gateway, or of STS for
// one request. It belongs to its connection; nothing has to be closed.
type Session struct {
	Principal   eventbus.Principal
	Expires     time.Time // when the client must have signed in again; zero for the local administrator
	AccessKeyID string    // with which it signed in
	UserID      string    // AWS's unique id; "AROA…:session" for a role
	RequestID   string    // of the login, as the client, log and audit saw it
	From        string    // remote address

	identity   string
	credential credential
	policy     *policy.Document // session policy; nil when there is none
	tie        *tie

	mu    sync.Mutex
	seen  *snapshot // that what follows was taken from
	who   *identity // nil when the credential does not stand any more
	gone  string    // why, then
	fixed map[string][]string
	known map[question]policy.Decision // nil when decisions depend on the time
}

type question struct{ action, resource string }

// maxKnown bounds the decisions kept per session; it starts again when full.
const maxKnown = 4096

func localSession() *Session {
	p := eventbus.LocalAdministrator()
	return &Session{Principal: p, identity: p.ARN}
}

// Local is the session of the local administrator: whoever calls the PLAINTEXT
// listener on loopback. It may do everything, never ends, and is audited.
func (d *Directory) Local() *Session { return d.local }

// Identity is what stays the same when a client signs in again: the ARN of the
// user or role, whatever its session is called. Re-authentication compares it.
func (s *Session) Identity() string { return s.identity }

// Lifetime is what the client is told (KIP-368 session_lifetime_ms): the time
// left until Expires, never less than a minute, and 0, meaning without end, for
// the local administrator. The connection ends at Expires all the same.
func (s *Session) Lifetime(now time.Time) time.Duration {
	if s.Expires.IsZero() {
		return 0
	}
	return max(s.Expires.Sub(now), shortestLifetime)
}

// Done is closed when what the session stands on has changed: its key disabled
// or deleted, its user disabled, its role deleted, a policy or trust edited.
// The connection then closes; the client signs in again and is judged anew. It
// is nil, which never is ready, for the local administrator.
func (s *Session) Done() <-chan struct{} {
	if s.tie == nil {
		return nil
	}
	return s.tie.done
}

// Decide says whether the session may do an action on a resource (full ARN), and
// records the answer. Repeats are answered from memory while the policies stay
// the same. When the record cannot be written the answer is no. Expiry is not
// looked at: the connection ends by itself.
func (d *Directory) Decide(ctx context.Context, s *Session, action, resource string) policy.Decision {
	decision := d.decide(s, action, resource)
	if !decision.Allowed {
		d.logDenial(ctx, s, action, resource, decision.Reason)
	}
	err := d.audit.DataPlane(ctx, s.identity, action, resource, decision.Allowed, decision.Reason, s.From)
	if err != nil && decision.Allowed {
		return policy.Decision{Index: -1, Reason: "denied: the audit record cannot be written"}
	}
	return decision
}

// Allowed is Decide without a record: for leaving entries out of lists and for
// operation bits, where the caller did not ask for the resource.
func (d *Directory) Allowed(s *Session, action, resource string) bool {
	return d.decide(s, action, resource).Allowed
}

func (d *Directory) decide(s *Session, action, resource string) policy.Decision {
	if s == d.local {
		return policy.Decision{Allowed: true, Index: -1, Reason: "the local administrator may do everything"}
	}
	now := d.view.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen != now {
		d.look(s, now)
	}
	if s.who == nil {
		return policy.Decision{Index: -1, Reason: s.gone}
	}
	q := question{action, resource}
	if decision, ok := s.known[q]; ok {
		return decision
	}
	req := policy.Request{Principal: s.Principal.ARN, Action: action, Resource: resource, Context: s.fixed}
	if s.known == nil {
		req.Context = cloneContext(s.fixed)
		addTime(req.Context, d.cfg.Now())
	}
	decision := policy.Evaluate(req, s.who.docs, s.policy)
	if s.known != nil {
		if len(s.known) >= maxKnown {
			clear(s.known)
		}
		s.known[question{cloneText(action), cloneText(resource)}] = decision
	}
	return decision
}

// look takes in a newer snapshot. Decisions stay when nothing that the session
// stands on has changed.
func (d *Directory) look(s *Session, now *snapshot) {
	s.seen = now
	if g, p := now.find(s.credential); p == nil && s.who != nil && s.tie != nil && g.equal(s.tie.ground) {
		return
	}
	g, p := d.stands(now, s.credential)
	if p != nil {
		s.who, s.known, s.gone = nil, nil, "denied: "+p.reason
		return
	}
	s.who = g.actor()
	var issued int64
	if s.credential.claims != nil {
		issued = s.credential.claims.Issued
	}
	s.fixed = d.context(s.who, s.Principal.ARN, s.From, issued)
	s.known = map[question]policy.Decision{}
	if changing(policy.ContextKeys(s.who.docs, s.policy)) {
		s.known = nil
	}
}
