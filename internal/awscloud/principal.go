package awscloud

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// An Account is what provision asks of a directory.
var (
	_ provision.Access  = (*Account)(nil)
	_ provision.Remover = (*Account)(nil)
)

// Sizes that AWS allows, in characters without white space. Source: "IAM and STS
// quotas" of the IAM User Guide.
const (
	maxRolePolicy = 10_240 // all inline policies of a role together
	maxUserPolicy = 6_144  // a managed policy; inline ones of a user: 2,048
	maxTrust      = 4_096  // with a raised quota; 2,048 without
)

// Principal gives a role or user by its ARN as it is on AWS, CodeNotFound when
// there is none. Of one that is not ours only Foreign is told.
func (a *Account) Principal(ctx context.Context, arn string) (provision.ManagedPrincipal, error) {
	id, err := a.identity(arn)
	if err != nil {
		return provision.ManagedPrincipal{}, err
	}
	if id.Kind == eventbus.PrincipalUser {
		return a.user(ctx, id)
	}
	return a.role(ctx, id)
}

// EnsurePrincipal makes a role or user, or gives one that the bus made the trust
// of p and the tags that were lost; policies and keys stay. CodeConflict, and
// nothing changed, when the name is somebody else's.
func (a *Account) EnsurePrincipal(ctx context.Context, by eventbus.Actor, p provision.ManagedPrincipal) error {
	id, err := a.identity(p.ARN)
	if err != nil {
		return err
	}
	if err := checkSize("the trust policy of "+p.ARN, p.Trust, maxTrust); err != nil {
		return err
	}
	have, err := a.Principal(ctx, p.ARN)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return a.create(ctx, by, id, p)
	}
	if err != nil {
		return err
	}
	if err := refused(have); err != nil {
		return err
	}
	return a.putRight(ctx, by, id, have, p)
}

// create makes what was not there a moment ago. When AWS has it all the same, it
// was made meanwhile, or by a call whose answer was lost: it is looked at again.
func (a *Account) create(ctx context.Context, by eventbus.Actor, id eventbus.Principal, p provision.ManagedPrincipal) error {
	createIt, await := a.createRole, a.awaitRole
	if id.Kind == eventbus.PrincipalUser {
		createIt, await = a.createUser, a.awaitUser
	}
	failure := createIt(ctx, id, p)
	if failure != nil && !exists(failure) {
		return translate("make "+p.ARN, failure)
	}
	if err := await(ctx, id); err != nil {
		return err
	}
	if failure == nil {
		a.log(ctx, by, "made", p.ARN)
		return nil
	}
	have, err := a.Principal(ctx, p.ARN)
	if err != nil {
		return err
	}
	if err := refused(have); err != nil {
		return err
	}
	return a.putRight(ctx, by, id, have, p)
}

// putRight changes what differs from p.
func (a *Account) putRight(ctx context.Context, by eventbus.Actor, id eventbus.Principal, have, p provision.ManagedPrincipal) error {
	if id.Kind == eventbus.PrincipalRole && !sameTrust(have.Trust, p.Trust) {
		if err := a.setTrust(ctx, id, p.Trust); err != nil {
			return translate("change who may take "+p.ARN, err)
		}
		a.log(ctx, by, "changed the trust of", p.ARN)
	}
	if have.Repair == "" {
		return nil
	}
	repair := a.repairRole
	if id.Kind == eventbus.PrincipalUser {
		repair = a.repairUser
	}
	if err := repair(ctx, id, p); err != nil {
		return translate("put the marks of "+p.ARN+" right", err)
	}
	a.log(ctx, by, "put right the marks of", p.ARN)
	return nil
}

// SetPolicy gives a role or user of ours the document, and takes it off when the
// document is empty. CodeTooLarge, and nothing changed, when it is longer than
// AWS allows; CodeConflict when the principal is somebody else's.
func (a *Account) SetPolicy(ctx context.Context, by eventbus.Actor, arn, document string) error {
	id, err := a.identity(arn)
	if err != nil {
		return err
	}
	limit, set := maxRolePolicy, a.setRolePolicy
	if id.Kind == eventbus.PrincipalUser {
		limit, set = maxUserPolicy, a.setUserPolicy
	}
	if err := checkSize("the policy of "+arn, document, limit); err != nil {
		return err
	}
	have, err := a.Principal(ctx, arn)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound && document == "" {
		return nil
	}
	if err != nil {
		return err
	}
	if err := refused(have); err != nil {
		return err
	}
	if err := set(ctx, id, have, document); err != nil {
		return err
	}
	a.log(ctx, by, "set the policy of", arn)
	return nil
}

// RemovePrincipal deletes a role or user of ours: first what hangs on it (policies
// attached to it are let go, keys and its own policies deleted), then itself. One
// that is not there is no error; somebody else's is CodeConflict, as is one on
// which something hangs that the bus does not know, and then the rest of it stays.
func (a *Account) RemovePrincipal(ctx context.Context, by eventbus.Actor, arn string) error {
	id, err := a.identity(arn)
	if err != nil {
		return err
	}
	have, err := a.Principal(ctx, arn)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := refused(have); err != nil {
		return err
	}
	remove := a.removeRole
	if id.Kind == eventbus.PrincipalUser {
		remove = a.removeUser
	}
	if err := remove(ctx, id); err != nil {
		return err
	}
	a.log(ctx, by, "deleted", arn)
	return nil
}

// refused is the error of touching somebody else's principal.
func refused(p provision.ManagedPrincipal) error {
	if p.Foreign == "" {
		return nil
	}
	return &eventbus.Error{Code: eventbus.CodeConflict, Message: "nothing was changed: " + p.Foreign,
		Next: "choose another name, or set those tags when it is meant to be the bus's"}
}

// log says what was done for whom. It is never given a document or a key.
func (a *Account) log(ctx context.Context, by eventbus.Actor, did, arn string) {
	a.cfg.Logger.InfoContext(ctx, did+" a principal on AWS", "arn", arn, "environment", a.cfg.Environment, "by", by.Name())
}

// checkSize counts as AWS does: without white space.
func checkSize(what, document string, limit int) error {
	n := len(document) - strings.Count(document, " ") - strings.Count(document, "\n") - strings.Count(document, "\r") - strings.Count(document, "\t")
	if n <= limit {
		return nil
	}
	return &eventbus.Error{Code: eventbus.CodeTooLarge, Message: "nothing was changed: " + what + " has " + strconv.Itoa(n) + " characters, AWS allows " + strconv.Itoa(limit),
		Next: "give the further access to another principal"}
}

// decoded reads a document as IAM answers it, URL-encoded (RFC 3986). One that
// does not decode is given as it is: it differs from every wanted one.
func decoded(document string) string {
	if text, err := url.PathUnescape(document); err == nil {
		return text
	}
	return document
}

func sameTrust(a, b string) bool { return same(a, b, policy.ParseTrust) }

func samePolicy(a, b string) bool { return same(a, b, policy.Parse) }

// same compares what documents say. One that the bus cannot read says something
// else.
func same(a, b string, parse func([]byte) (*policy.Document, error)) bool {
	if a == b {
		return true
	}
	x, errX := parse([]byte(a))
	y, errY := parse([]byte(b))
	return errX == nil && errY == nil && x.String() == y.String()
}

// marks says in words what EnsurePrincipal would put right.
func marks(lost []string, boundary bool) string {
	var parts []string
	if len(lost) > 0 {
		slices.Sort(lost)
		parts = append(parts, "tags "+strings.Join(slices.Compact(lost), ", "))
	}
	if boundary {
		parts = append(parts, "permissions boundary")
	}
	return strings.Join(parts, "; ")
}
