package iam

import (
	"context"
	"runtime"
	"sync"
	"time"
	"weak"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Session is a caller that has signed in: of the Kafka gateway, or of STS for
// one request. It belongs to its connection; nothing has to be closed.
type Session struct {
	*bearer
	Expires   time.Time // when the client must have signed in again; zero for the local administrator
	RequestID string    // of the login, as the client, log and audit saw it
	From      string    // remote address
}

// bearer is what the sessions of one credential from one address have in common.
// Clients open many connections with the same credential, so that who they are
// and what was decided for them is kept once.
type bearer struct {
	Principal   eventbus.Principal
	AccessKeyID string // with which it signed in
	UserID      string // AWS's unique id; "AROA…:session" for a role

	identity   string
	credential credential
	address    string           // IP address, empty when it is none
	policy     *policy.Document // session policy; nil when there is none
	tie        *tie

	mu    sync.RWMutex
	seen  *snapshot // that what follows was taken from
	who   *identity // nil when the credential does not stand any more
	gone  string    // why, then
	fixed map[string][]string
	known map[question]policy.Decision // nil when decisions depend on the time
}

type question struct{ action, resource string }

// maxKnown bounds the decisions kept per bearer; it starts again when full.
const maxKnown = 4096

func localSession() *Session {
	p := eventbus.LocalAdministrator()
	return &Session{bearer: &bearer{Principal: p, identity: p.ARN}}
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
	now, b, q := d.view.Load(), s.bearer, question{action, resource}
	if decision, ok := b.remembered(now, q); ok {
		return decision
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen != now {
		d.look(b, now)
	}
	if b.who == nil {
		return policy.Decision{Index: -1, Reason: b.gone}
	}
	req := policy.Request{Principal: b.Principal.ARN, Action: action, Resource: resource, Context: b.fixed}
	if b.known == nil {
		req.Context = cloneContext(b.fixed)
		addTime(req.Context, d.cfg.Now())
	}
	decision := policy.Evaluate(req, b.who.docs, b.policy)
	if b.known != nil {
		if len(b.known) >= maxKnown {
			clear(b.known)
		}
		b.known[question{cloneText(action), cloneText(resource)}] = decision
	}
	return decision
}

// remembered gives what was decided before under the same policies.
func (b *bearer) remembered(now *snapshot, q question) (policy.Decision, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.seen != now {
		return policy.Decision{}, false
	}
	decision, ok := b.known[q]
	return decision, ok
}

// look takes in a newer snapshot. Decisions stay when nothing that the bearer
// stands on has changed.
func (d *Directory) look(b *bearer, now *snapshot) {
	b.seen = now
	if g, p := now.find(b.credential); p == nil && b.who != nil && b.tie != nil && g.equal(b.tie.ground) {
		return
	}
	g, p := d.stands(now, b.credential)
	if p != nil {
		b.who, b.known, b.gone = nil, nil, "denied: "+p.reason
		return
	}
	b.who = g.actor()
	var issued int64
	if b.credential.claims != nil {
		issued = b.credential.claims.Issued
	}
	b.fixed = d.context(b.who, b.Principal.ARN, b.address, issued)
	b.known = map[question]policy.Decision{}
	if changing(policy.ContextKeys(b.who.docs, b.policy)) {
		b.known = nil
	}
}

// bearerKey tells bearers apart: the id of a temporary key is as good as its
// token, which is sealed together with it.
type bearerKey struct{ accessKeyID, address string }

// bearers finds the bearers of living sessions. The zero value works.
type bearers struct {
	mu    sync.Mutex
	known map[bearerKey]weak.Pointer[bearer]
}

// share gives the bearer that sessions like the one of fresh have already, or
// else fresh itself, which the next ones will have. What stands on other ground
// is not shared with.
func (l *bearers) share(fresh *bearer) *bearer {
	k := bearerKey{fresh.AccessKeyID, fresh.address}
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.known[k].Value(); b != nil && b.tie == fresh.tie {
		return b
	}
	if l.known == nil {
		l.known = map[bearerKey]weak.Pointer[bearer]{}
	}
	l.known[k] = weak.Make(fresh)
	runtime.AddCleanup(fresh, l.forget, k)
	return fresh
}

// forget removes a bearer whose last session is gone.
func (l *bearers) forget(k bearerKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known[k].Value() == nil {
		delete(l.known, k)
	}
}
