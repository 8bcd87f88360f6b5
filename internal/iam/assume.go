package iam

import (
	"context"
	"regexp"
	"slices"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// AssumeRoleInput is what a caller of STS AssumeRole gives ("AssumeRole" in the
// AWS STS API Reference).
type AssumeRoleInput struct {
	RoleARN     string
	SessionName string        // 2 to 64 characters of [\w+=,.@-]
	Duration    time.Duration // 15 min to the role's maximum; 0 is an hour or that maximum
	ExternalID  string        // 2 to 1224 characters of [\w+=,.@:/-]; optional
	Policy      string        // session policy, JSON, at most 2048 characters; optional
}

// Credentials are temporary; they are not stored and cannot be shown again.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
}

const (
	shortestAssume  = 15 * time.Minute
	longestChained  = time.Hour // "role chaining" limits your session to one hour
	maxChain        = 8         // roles assumed one through the other
	maxPolicyLength = 2048
	longestExternal = 1224 // characters
)

var (
	sessionNameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
	externalIDForm  = regexp.MustCompile(`^[A-Za-z0-9_+=,.@:/-]+$`)
)

// AssumeRole gives a caller temporary credentials of a role that trusts it. What
// they may do is what the role may, limited by the session policy. They end at
// once when the role, its trust, or the caller's key or user is taken away.
//
// Errors: Invalid (CheckPolicy when it is the session policy), Forbidden with
// CheckTrust when the role does not exist or does not trust the caller, which a
// caller cannot tell apart; Unavailable when the record cannot be written.
func (d *Directory) AssumeRole(ctx context.Context, by *Session, in AssumeRoleInput) (Credentials, eventbus.Principal, error) {
	none := eventbus.Principal{}
	if err := checkInput(in); err != nil {
		return Credentials{}, none, err
	}
	role, decision := d.decideAssume(by, in)
	if err := d.audit.DataPlane(ctx, by.identity, policy.AssumeRole, in.RoleARN, decision.Allowed,
		decision.Reason+"; request "+by.RequestID, by.From); err != nil {
		return Credentials{}, none, &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: "the audit record cannot be written, no credentials were given", Next: "try again", Err: &refusal{CheckAudit, by.RequestID}}
	}
	if !decision.Allowed {
		d.cfg.Logger.WarnContext(ctx, "role refused", "request", by.RequestID, "principal", by.Principal.ARN, "role", in.RoleARN,
			"reason", decision.Reason, "from", by.From)
		return Credentials{}, none, &eventbus.Error{Code: eventbus.CodeForbidden,
			Message: "User: " + by.Principal.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + in.RoleARN,
			Err:     &refusal{CheckTrust, by.RequestID}}
	}
	return d.issue(by, role, in)
}

// checkInput refuses what has the wrong form, all faults at once.
func checkInput(in AssumeRoleInput) error {
	var faults []eventbus.Fault
	if p, err := eventbus.ParseIdentityARN(in.RoleARN); err != nil || p.Kind != eventbus.PrincipalRole {
		faults = append(faults, eventbus.Fault{Path: "RoleArn", Message: "is not the ARN of a role"})
	}
	if !sessionNameForm.MatchString(in.SessionName) {
		faults = append(faults, eventbus.Fault{Path: "RoleSessionName", Message: `must be 2 to 64 characters of [\w+=,.@-]`})
	}
	if n := len(in.ExternalID); n > 0 && (n < 2 || n > longestExternal || !externalIDForm.MatchString(in.ExternalID)) {
		faults = append(faults, eventbus.Fault{Path: "ExternalId", Message: `must be 2 to 1224 characters of [\w+=,.@:/-]`})
	}
	if in.Duration != 0 && (in.Duration < shortestAssume || in.Duration > longestMaxSession) {
		faults = append(faults, eventbus.Fault{Path: "DurationSeconds", Message: "must be 900 to 43200"})
	}
	if len(in.Policy) > maxPolicyLength {
		faults = append(faults, eventbus.Fault{Path: "Policy", Message: "must be at most 2048 characters"})
	}
	if len(faults) > 0 {
		return eventbus.Invalid("the role was not assumed", faults...)
	}
	return nil
}

func (d *Directory) decideAssume(by *Session, in AssumeRoleInput) (*identity, policy.Decision) {
	view := d.view.Load()
	g, p := view.find(by.credential)
	if p != nil {
		return nil, policy.Decision{Index: -1, Reason: "denied: " + p.reason}
	}
	role := view.role(in.RoleARN)
	if role == nil {
		return nil, policy.Decision{Index: -1, Reason: "denied: the role does not exist"}
	}
	who := caller{who: g.actor(), arn: by.Principal.ARN, session: by.policy, from: by.From}
	if by.credential.claims != nil {
		who.issued = by.credential.claims.Issued
	}
	return role, d.mayAssume(who, role, in.SessionName, in.ExternalID)
}

// issue makes the credentials.
func (d *Directory) issue(by *Session, role *identity, in AssumeRoleInput) (Credentials, eventbus.Principal, error) {
	none := eventbus.Principal{}
	now := d.cfg.Now()
	duration, err := durationOf(by, role, in)
	if err != nil {
		return Credentials{}, none, err
	}
	if in.Policy != "" {
		doc, err := policy.Parse([]byte(in.Policy))
		if err != nil {
			return Credentials{}, none, &eventbus.Error{Code: eventbus.CodeInvalid, Message: "the session policy was refused",
				Faults: policyFaults(err), Err: &refusal{CheckPolicy, by.RequestID}}
		}
		in.Policy = doc.String()
	}
	c := claims{KeyID: by.credential.keyID, Role: role.principal.Name, Session: in.SessionName, Issued: now.UnixMicro(),
		Expires: now.Add(duration).UnixMicro(), Policy: in.Policy, Caller: by.Principal.ARN, ExternalID: in.ExternalID, From: addressOf(by.From)}
	if before := by.credential.claims; before != nil {
		if c.Via = append(slices.Clone(before.Via), before.Role); len(c.Via) > maxChain {
			return Credentials{}, none, eventbus.Errorf(eventbus.CodeInvalid, "more than %d roles in one chain; the role was not assumed", maxChain)
		}
	}
	id, err := d.vault.keyID(temporary)
	if err != nil {
		return Credentials{}, none, err
	}
	token, err := d.vault.sealClaims(id, c)
	if err != nil {
		return Credentials{}, none, err
	}
	taken := role.principal
	taken.Kind, taken.Session = eventbus.PrincipalTaken, in.SessionName
	taken.ARN = eventbus.AssumedRoleARN(d.cfg.Deployment.Partition, taken.Account, taken.Name, in.SessionName)
	return Credentials{AccessKeyID: id, SecretAccessKey: d.vault.temporarySecret(id, token), SessionToken: token,
		Expiration: time.UnixMicro(c.Expires).UTC()}, taken, nil
}

func durationOf(by *Session, role *identity, in AssumeRoleInput) (time.Duration, error) {
	duration, longest := in.Duration, role.maxSession
	if duration == 0 {
		duration = min(time.Hour, longest)
	}
	why := "the maximum of the role"
	if by.credential.claims != nil && longest > longestChained {
		longest, why = longestChained, "the 1 hour session limit for roles assumed by role chaining"
	}
	if duration > longest {
		return 0, eventbus.Invalid("the role was not assumed", eventbus.Fault{Path: "DurationSeconds",
			Message: "exceeds " + why + ", " + longest.String()})
	}
	return duration, nil
}

// RoleID gives AWS's unique id of a role, empty when it does not exist.
func (d *Directory) RoleID(name string) string {
	if r := d.view.Load().roles[name]; r != nil {
		return r.id
	}
	return ""
}
