package gateway

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// maxSASLFrame bounds one SaslAuthenticate request. MSK's tokens stay below
// 8 KiB (AWS: a session token is of no fixed size, 4 KiB at present), and who has
// not signed in may not hold more than this and one TLS record of our memory.
const maxSASLFrame = 16 << 10

// maxLoginFrames bounds what a client may say before it is authenticated:
// ApiVersions (asked again after an unknown version), handshake, authenticate,
// each with room for one repetition.
const maxLoginFrames = 8

// loginState is where a connection stands in the SASL dialogue.
type loginState struct {
	handshook string // mechanism of the last handshake, until it is used
	mechanism string // with which the connection was authenticated
}

// granted is the session of an authenticated connection.
type granted struct {
	*Session
	until   time.Time // re-authentication is due before; zero = never
	revoked <-chan struct{}
}

func (s *granted) gone() bool {
	select {
	case <-s.revoked:
		return true
	default:
		return false
	}
}

// currentSession is the session that requests are decided for (nil: the local
// administrator), or why there is none any more.
func (f *filter) currentSession() (*Session, error) {
	if len(f.door.Mechanisms) == 0 {
		return nil, nil
	}
	s := f.session.Load()
	switch {
	case s == nil:
		return nil, broken(causeLogin, "not authenticated")
	case s.gone():
		return nil, broken(causeRevoked, "the session of %s was revoked", s.Principal)
	case !s.until.IsZero() && f.g.cfg.Now().After(s.until):
		return nil, broken(causeExpired, "the session of %s ended without re-authentication", s.Principal)
	}
	return s.Session, nil
}

// signIn leads the dialogue before authentication: ApiVersions, SaslHandshake,
// SaslAuthenticate, and nothing else (SaslServerAuthenticator in Apache Kafka).
func (f *filter) signIn() error {
	if len(f.door.Mechanisms) == 0 {
		return nil
	}
	for range maxLoginFrames {
		frame, err := f.raw.next(f.ctx, maxSASLFrame)
		if err != nil {
			return err
		}
		r := &reader{src: frame[4:]}
		h := readHeader(r)
		if r.bad {
			err = &fault{causeFrame, errShort}
		} else if h.key != keyAPIVersions && h.key != keySASLHandshake && h.key != keySASLAuthenticate {
			err = broken(causeLogin, "API key %d before authentication", h.key)
		}
		var c *call
		if err == nil {
			c, _, err = f.handMade(h, r)
		}
		f.g.memory.release(frame)
		if err != nil {
			return err
		}
		if err := f.send(c.answer); err != nil {
			return &fault{causeClient, err}
		}
		if c.last != nil {
			return c.last
		}
		if f.session.Load() != nil {
			return nil
		}
	}
	return broken(causeLogin, "%d requests without authentication", maxLoginFrames)
}

// handMade answers the three APIs that are parsed by hand, because they come
// from anybody: ApiVersions, SaslHandshake, SaslAuthenticate. r stands after the
// client id.
func (f *filter) handMade(h header, r *reader) (*call, []byte, error) {
	c := &call{f: f, version: h.version, correlation: h.correlation, client: h.client, done: true}
	var err error
	switch h.key {
	case keyAPIVersions:
		c.answer, err = f.apiVersions(h, r)
	case keySASLHandshake:
		err = f.handshake(c, r)
	default:
		err = f.authenticate(c, r)
	}
	if err != nil {
		return nil, nil, err
	}
	f.g.metrics.requests.WithLabelValues(handMadeNames[h.key], outcomeLocal).Inc()
	return c, nil, nil
}

var handMadeNames = map[int16]string{keyAPIVersions: "ApiVersions", keySASLHandshake: "SASLHandshake", keySASLAuthenticate: "SASLAuthenticate"}

// handshake answers SaslHandshake v1; v0 (bare tokens) is not spoken.
func (f *filter) handshake(c *call, r *reader) error {
	mechanism := f.door.mechanism(r.sized(false, 2))
	if r.bad || len(r.src) > 0 {
		return &fault{causeFrame, errShort}
	}
	code := int16(0)
	switch {
	case c.version != 1:
		code = errUnsupportedVersion
	case len(f.door.Mechanisms) == 0:
		code = errIllegalSASLState
	case !slices.Contains(f.door.Mechanisms, mechanism):
		code = errUnsupportedMech
	default:
		f.login.handshook = mechanism
	}
	b := appendInt16(begin(c.correlation), code)
	b = appendInt32(b, int32(len(f.door.Mechanisms)))
	for _, m := range f.door.Mechanisms {
		b = appendString(b, m)
	}
	c.answer = finish(b)
	if code != 0 {
		c.last = broken(causeLogin, "SASL handshake version %d for mechanism %.40q: error %d", c.version, mechanism, code)
	}
	return nil
}

// mechanism is the door's own name of a mechanism, which costs a connection
// nothing to remember; a foreign name is given as it came.
func (d *door) mechanism(name []byte) string {
	for _, m := range d.Mechanisms {
		if m == string(name) {
			return m
		}
	}
	return string(name)
}

// authenticate answers SaslAuthenticate, at login and at re-authentication
// (KIP-368): then mechanism and identity must stay what they were. Identity is
// the role, whatever the session is called, because SDKs invent a new session
// name at each refresh; MSK refuses that, and it is the most reported complaint.
func (f *filter) authenticate(c *call, r *reader) error {
	flexible := c.version >= 2
	if c.version < 0 || c.version > 2 {
		return broken(causeFrame, "SaslAuthenticate version %d", c.version)
	}
	if flexible {
		r.tags()
	}
	message := r.sized(flexible, 4)
	if flexible {
		r.tags()
	}
	if r.bad || len(r.src) > 0 {
		return &fault{causeFrame, errShort}
	}
	mechanism := f.login.handshook
	f.login.handshook = ""
	if mechanism == "" {
		c.answer = saslAnswer(c, errIllegalSASLState, "SaslAuthenticate without a handshake before it", nil, 0)
		c.last = broken(causeLogin, "SaslAuthenticate without a handshake")
		return nil
	}
	session, answer, err := f.check(mechanism, message)
	if err != nil {
		f.g.metrics.logins.WithLabelValues(mechanism, "refused").Inc()
		c.answer = saslAnswer(c, errSASLFailed, shown(err), nil, 0)
		c.last = &fault{causeLogin, err}
		return nil
	}
	f.g.metrics.logins.WithLabelValues(mechanism, "accepted").Inc()
	f.login.mechanism = mechanism
	until, lifetime := f.lifetime(session)
	f.session.Store(&granted{Session: session, until: until, revoked: f.g.auth.Revoked(session)})
	c.answer = saslAnswer(c, 0, "", answer, lifetime)
	return nil
}

// shown is what the client learns of a refusal, MSK's texts (aws-msk-iam-auth,
// README): the reason is for log and audit.
func shown(err error) string {
	var e *eventbus.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "[" + newRequestID() + "]: Access denied"
}

// tooMany refuses a login over the rate.
func (f *filter) tooMany() error {
	if recorder, ok := f.g.auth.(Recorder); ok {
		return recorder.TooManyConnects(f.ctx, f.from, f.door.Name)
	}
	return f.refuse(eventbus.CodeLimited, "Too many connects", fmt.Sprintf("more than %d logins a second", f.g.cfg.LoginsPerSecond))
}

// changed refuses a re-authentication that is not the login's own.
func (f *filter) changed(before *granted, a Attempt, reason string) error {
	if recorder, ok := f.g.auth.(Recorder); ok {
		return recorder.ChangedIdentity(f.ctx, before.Session, a, reason)
	}
	return f.refuse(eventbus.CodeForbidden, "Access denied", reason)
}

// refuse makes a refusal of a login that the authority does not record, and logs
// the reason under the id that the client is shown.
func (f *filter) refuse(code eventbus.Code, text, reason string) error {
	id := newRequestID()
	f.g.log.Warn("login refused", "request", id, "reason", reason, "listener", f.door.Name, "from", f.from)
	return eventbus.Errorf(code, "[%s]: %s", id, text)
}

// check makes the gateway's own checks around the authority's.
func (f *filter) check(mechanism string, message []byte) (*Session, []byte, error) {
	before := f.session.Load()
	attempt := Attempt{Mechanism: mechanism, Message: message, From: f.from, Listener: f.door.Name}
	if before == nil && !f.g.logins.take(f.ctx.Done()) {
		return nil, nil, f.tooMany()
	}
	if before != nil && mechanism != f.login.mechanism {
		return nil, nil, f.changed(before, attempt, "re-authentication with "+mechanism+", but the connection began with "+f.login.mechanism)
	}
	session, answer, err := f.g.auth.Login(f.ctx, attempt)
	if err != nil {
		return nil, nil, err
	}
	if before != nil && session.Principal.Identity() != before.Principal.Identity() {
		return nil, nil, f.changed(before, attempt, "re-authentication as "+session.Principal.ARN+", but the connection began as "+before.Principal.ARN)
	}
	return session, answer, nil
}

// lifetime is until when the connection may be used without re-authentication:
// as long as the credential, at most Config.MaxSession. What the client is told
// is never below a minute, because clients treat about a second as their floor
// and would loop; the connection ends at until all the same.
func (f *filter) lifetime(s *Session) (until time.Time, told time.Duration) {
	now := f.g.cfg.Now()
	until = now.Add(f.g.cfg.MaxSession)
	if !s.Expires.IsZero() && s.Expires.Before(until) {
		until = s.Expires
	}
	return until, max(until.Sub(now), minSession)
}

func saslAnswer(c *call, code int16, message string, answer []byte, lifetime time.Duration) []byte {
	b := begin(c.correlation)
	if c.version >= 2 {
		b = append(b, 0) // tags of the header
	}
	b = appendInt16(b, code)
	if c.version >= 2 {
		if code == 0 {
			b = append(b, 0) // no message
		} else {
			b = appendCompact(b, message)
		}
		b = append(binary.AppendUvarint(b, uint64(len(answer))+1), answer...)
		b = append(appendInt64(b, lifetime.Milliseconds()), 0)
		return finish(b)
	}
	if code == 0 {
		b = appendInt16(b, -1)
	} else {
		b = appendString(b, message)
	}
	b = append(appendInt32(b, int32(len(answer))), answer...)
	if c.version == 1 {
		b = appendInt64(b, lifetime.Milliseconds())
	}
	return finish(b)
}

// newRequestID gives a random UUID (RFC 9562, version 4).
func newRequestID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails, by its documentation
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// bucket limits logins: a token bucket that holds two seconds' worth, and lets a
// client wait for at most one second.
type bucket struct {
	rate float64
	now  func() time.Time

	mu     sync.Mutex
	tokens float64 // below zero: clients are waiting
	at     time.Time
}

func newBucket(rate int, now func() time.Time) *bucket {
	return &bucket{rate: float64(rate), now: now, tokens: 2 * float64(rate), at: now()}
}

// take waits for a token, and reports false when the wait would be too long or
// done closes.
func (b *bucket) take(done <-chan struct{}) bool {
	wait, ok := b.reserve()
	if !ok {
		return false
	}
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-done:
		return false
	case <-timer.C:
		return true
	}
}

func (b *bucket) reserve() (time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	elapsed := max(now.Sub(b.at), 0) // a clock that is set back takes no tokens away
	b.tokens = min(b.tokens+elapsed.Seconds()*b.rate, 2*b.rate)
	b.at = now
	if b.tokens-1 < -b.rate {
		return 0, false
	}
	b.tokens--
	return time.Duration(-b.tokens / b.rate * float64(time.Second)), true
}
