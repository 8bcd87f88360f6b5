package iam

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// Check names what a caller failed at. Failures of sigv4 keep the names they
// have there; these are the directory's own, in the order in which they are
// made.
type Check string

// The checks of the directory.
const (
	CheckMechanism    Check = "mechanism"       // neither AWS_MSK_IAM nor OAUTHBEARER
	CheckToken        Check = "session-token"   // missing, altered, of another key, or where none belongs
	CheckExpired      Check = "session-expired" // the temporary credentials have ended
	CheckKey          Check = "access-key"      // not known
	CheckUser         Check = "user"            // the key's user is gone
	CheckKeyDisabled  Check = "access-key-disabled"
	CheckUserDisabled Check = "user-disabled"
	CheckRole         Check = "role" // gone, or made anew since
	CheckSignature    Check = sigv4.CheckSignature
	CheckTrust        Check = "trust"            // the role does not trust the caller
	CheckPolicy       Check = "session-policy"   // cannot be read
	CheckAuthzID      Check = "authzid"          // OAUTHBEARER asks for another identity
	CheckReplay       Check = "replay"           // the signature came from another address before
	CheckConnect      Check = "connect"          // kafka-cluster:Connect is not allowed
	CheckAudit        Check = "audit"            // the record cannot be written
	CheckLimit        Check = "limit"            // too many connections or logins
	CheckChanged      Check = "reauthentication" // by another mechanism or as another principal
)

// CheckOf gives the check that refused, empty when err is no refusal. It is for
// doors whose protocol tells some of them apart.
func CheckOf(err error) Check {
	var r *refusal
	if errors.As(err, &r) {
		return r.check
	}
	return ""
}

// RequestIDOf gives the id under which log and audit know a refusal.
func RequestIDOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.id
	}
	return ""
}

// refusal is the silent cause of an error for a client: the reason is in log and
// audit only.
type refusal struct {
	check Check
	id    string
}

// Error is empty so that no text of the error tells the check.
func (r *refusal) Error() string { return "" }

// problem is a failed check with what log and audit say about it.
type problem struct {
	check  Check
	reason string
	advice string
}

func failed(check Check, format string, args ...any) *problem {
	return &problem{check: check, reason: fmt.Sprintf(format, args...)}
}

func (p *problem) next(advice string) *problem {
	p.advice = advice
	return p
}

// problemOf turns a failure of sigv4 into a problem.
func problemOf(err error) *problem {
	var f *sigv4.Failure
	if errors.As(err, &f) {
		return failed(Check(f.Check), "%s", f.Detail).next(adviceFor[Check(f.Check)])
	}
	return failed(sigv4.CheckSyntax, "%v", err)
}

// adviceFor says what to do about the failures of sigv4 that people meet.
var adviceFor = map[Check]string{
	sigv4.CheckAlgorithm: "sign with Signature Version 4; SigV4A is not supported",
	sigv4.CheckRegion:    "set the client's region (AWS_REGION) to that of the bus",
	sigv4.CheckExpired:   "set the client's clock; sign anew for each connection",
	sigv4.CheckNotYet:    "set the client's clock",
	sigv4.CheckHost:      "connect to an advertised name of the bus",
	sigv4.CheckService:   "sign for " + sigv4.KafkaService + ", or sts at STS",
	CheckSignature:       "compare the secret access key with the one that was shown when the key was made",
}

// Anonymous is the actor of audit entries about callers that could not be told.
const Anonymous = "anonymous"

// attempt is one try to get in.
type attempt struct {
	id                   string // request id, shown to the client
	actor                string // who tries, once that is proven
	claimed              string // ARN of whom they claim to be, when there is one
	keyID                string
	from, door, listener string
}

func (d *Directory) newAttempt(from, door, listener string) *attempt {
	a := &attempt{actor: Anonymous, from: from, door: door, listener: listener}
	b, err := d.vault.bytes(16)
	if err != nil {
		b = make([]byte, 16) // the id is no secret; the attempt is refused elsewhere if it needs randomness
	}
	id, _ := uuid.FromBytes(b)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	a.id = id.String()
	return a
}

var keyIDForm = regexp.MustCompile(`^(AKIA|ASIA)[A-Z2-7]{16}$`)

// shownKey is a key id fit for log and audit: clients may send anything.
func shownKey(id string) string {
	if keyIDForm.MatchString(id) {
		return id
	}
	return "(not an access key id)"
}

// refuse writes the reason to log and audit and gives the client's error, whose
// text is MSK's.
func (d *Directory) refuse(ctx context.Context, a *attempt, p *problem) error {
	p.reason = recordable(p.reason)
	reason := fmt.Sprintf("%s: %s; %s on %s, request %s", p.check, p.reason, a.door, a.listener, a.id)
	if p.advice != "" {
		reason += "; next: " + p.advice
	}
	resource := a.claimed // so that attempts on one principal are found together
	if resource == "" {
		resource = d.cfg.Deployment.ClusterARN()
	}
	if err := d.audit.DataPlane(ctx, a.actor, "login."+string(p.check), resource, false, reason, a.from); err != nil {
		d.cfg.Logger.ErrorContext(ctx, "a refused login could not be recorded", "request", a.id, "err", err)
	}
	d.cfg.Logger.WarnContext(ctx, "login refused", "request", a.id, "check", p.check, "reason", p.reason, "next", p.advice,
		"principal", a.actor, "claimed", a.claimed, "key", a.keyID, "mechanism", a.door, "listener", a.listener, "from", a.from)
	code, text := eventbus.CodeUnauthenticated, "Access denied"
	switch p.check {
	case CheckConnect:
		code = eventbus.CodeForbidden
	case CheckAudit:
		code = eventbus.CodeUnavailable
	case CheckLimit:
		code, text = eventbus.CodeLimited, "Too many connects"
	}
	return &eventbus.Error{Code: code, Message: "[" + a.id + "]: " + text, Err: &refusal{p.check, a.id}}
}

// recordable bounds a text that may quote a client, and leaves out what the
// audit record cannot hold.
func recordable(s string) string {
	const most = 1000
	return strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), most)], "?"), "\x00", "?")
}

// RefuseRequest records that a request to STS was refused before it could be
// authenticated, for a failure of sigv4, and gives the error for the client.
func (d *Directory) RefuseRequest(ctx context.Context, cause error, from string) error {
	return d.refuse(ctx, d.newAttempt(from, "request", "sts"), problemOf(cause))
}

// TooManyConnects refuses a client because of a limit of its door, with MSK's
// text "[request id]: Too many connects" (README of aws-msk-iam-auth).
func (d *Directory) TooManyConnects(ctx context.Context, from, listener string) error {
	a := d.newAttempt(from, "connection", listener)
	return d.refuse(ctx, a, failed(CheckLimit, "too many connections or logins").next("let clients keep their connections, or raise the limit"))
}

// ChangedIdentity refuses a client that signed in again by another mechanism, or
// as another principal, than its connection began with; reason says which. The
// attempt is recorded under the identity that the connection had.
func (d *Directory) ChangedIdentity(ctx context.Context, s *Session, mechanism, listener, reason string) error {
	a := d.newAttempt(s.From, mechanism, listener)
	a.actor, a.claimed = s.identity, s.identity
	return d.refuse(ctx, a, failed(CheckChanged, "%s", reason).next("open a new connection for other credentials"))
}
