package iam

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Managed is a user or role as a manifest wants it.
type Managed struct {
	Kind       eventbus.PrincipalKind // PrincipalUser or PrincipalRole
	Name       string
	Team       string
	ManagedBy  string // who wants it; not empty
	Trust      string // roles only
	MaxSession time.Duration
	Policies   []eventbus.AttachedPolicy // exactly these
}

// EnsureManaged makes a user or role exactly as wanted, and does nothing when it
// is so already. One that exists under another ManagedBy, or was made by hand,
// is left alone (Conflict).
func (d *Directory) EnsureManaged(ctx context.Context, by eventbus.Actor, m Managed) error {
	if m.ManagedBy == "" {
		return eventbus.Errorf(eventbus.CodeInvalid, "%s %s was not saved: it does not say who manages it", m.Kind, quoted(m.Name))
	}
	switch m.Kind {
	case eventbus.PrincipalUser:
		return d.ensureUser(ctx, by, m)
	case eventbus.PrincipalRole:
		return d.ensureRole(ctx, by, m)
	}
	return eventbus.Errorf(eventbus.CodeInvalid, "%s %s was not saved: only users and roles can be managed", m.Kind, quoted(m.Name))
}

func (d *Directory) ensureUser(ctx context.Context, by eventbus.Actor, m Managed) error {
	u, err := d.userRecord(ctx, m.Name)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		_, err = d.CreateUser(ctx, by, eventbus.IAMUser{Name: m.Name, Team: m.Team, ManagedBy: m.ManagedBy, Policies: m.Policies})
		return err
	}
	if err != nil {
		return err
	}
	if err := m.owns(u.ManagedBy); err != nil {
		return err
	}
	if u.Team == m.Team && samePolicies(u.Policies, m.Policies) {
		return nil
	}
	if _, err := checkPolicies(m.Policies); err != nil {
		return err
	}
	u.Team, u.Policies = m.Team, m.Policies
	return d.act(ctx, by, "iam.user.update", u.ARN, policyDetail(m.Policies), func() error {
		_, err := d.store.SaveUser(ctx, u)
		return err
	})
}

func (d *Directory) ensureRole(ctx context.Context, by eventbus.Actor, m Managed) error {
	wanted := eventbus.IAMRole{Name: m.Name, Trust: m.Trust, MaxSession: m.MaxSession, Team: m.Team, ManagedBy: m.ManagedBy, Policies: m.Policies}
	r, err := d.roleRecord(ctx, m.Name)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		_, err = d.CreateRole(ctx, by, wanted)
		return err
	}
	if err != nil {
		return err
	}
	if err := m.owns(r.ManagedBy); err != nil {
		return err
	}
	if r.Team == m.Team && r.MaxSession == m.MaxSession && sameDocument(r.Trust, m.Trust, policy.ParseTrust) && samePolicies(r.Policies, m.Policies) {
		return nil
	}
	if err := checkRole(wanted); err != nil {
		return err
	}
	r.Team, r.MaxSession, r.Trust, r.Policies = m.Team, m.MaxSession, m.Trust, m.Policies
	return d.act(ctx, by, "iam.role.update", r.ARN, policyDetail(m.Policies), func() error {
		_, err := d.store.SaveRole(ctx, r)
		return err
	})
}

func (m Managed) owns(managedBy string) error {
	if managedBy == m.ManagedBy {
		return nil
	}
	if managedBy == "" {
		managedBy = "hand"
	}
	return &eventbus.Error{Code: eventbus.CodeConflict,
		Message: string(m.Kind) + " " + quoted(m.Name) + " was not changed: it is managed by " + managedBy,
		Next:    "choose another name, or delete it first"}
}

func policyDetail(policies []eventbus.AttachedPolicy) map[string]string {
	detail := map[string]string{}
	for _, p := range policies {
		detail[p.Name] = p.Document
	}
	return detail
}

func samePolicies(a, b []eventbus.AttachedPolicy) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(p eventbus.AttachedPolicy) bool {
		i := policyIndex(b, p.Name)
		return i < 0 || !sameDocument(p.Document, b[i].Document, policy.Parse)
	})
}

// sameDocument compares what documents say, not how they are written.
func sameDocument(a, b string, parse func([]byte) (*policy.Document, error)) bool {
	if a == b {
		return true
	}
	x, errX := parse([]byte(a))
	y, errY := parse([]byte(b))
	return errX == nil && errY == nil && x.String() == y.String()
}

// TrustOf is the trust policy that lets exactly the given users and roles (ARNs)
// assume a role.
func TrustOf(arns ...string) string {
	text, _ := json.Marshal(map[string]any{"Version": policy.Version, "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": arns}, "Action": policy.AssumeRole}}})
	return string(text)
}

// The principals that exist in every `dev`, for samples and scripts.
const (
	TestProducer = "test-producer" // may produce to TestTopic, idempotently too
	TestConsumer = "test-consumer" // may consume TestTopic in groups named test-consumer*
	TestNobody   = "test-nobody"   // may only connect
	TestTopic    = "test"
)

// EnsureTestPrincipals makes the three test principals if they are not there:
// each a user with one access key that may assume the role of the same name.
// Keys that are there stay.
//
// User and role may do the same. With sts:AssumeRole alone for the user, a client
// that was refused its role and fell back to the default credentials would fail,
// as it should (aws-msk-iam-auth does so unless awsAddDefaultProviders="false");
// but so would every stock client that cannot assume roles and signs with what
// `eventbus env` gives, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as kcat and
// the MSK signers do. The record tells the two apart: its actor is the user or
// the role.
func (d *Directory) EnsureTestPrincipals(ctx context.Context) error {
	by := eventbus.Actor{System: "dev"}
	arns := d.cfg.arns()
	for _, p := range []struct {
		name string
		doc  *policy.Document
	}{
		{TestProducer, policy.ProduceIdempotent(arns, TestTopic)},
		{TestConsumer, policy.ConsumePrefix(arns, TestTopic, TestConsumer)},
		{TestNobody, policy.MayOnlyConnect(arns)},
	} {
		attached := []eventbus.AttachedPolicy{{Name: p.name, Document: p.doc.String()}}
		user := Managed{Kind: eventbus.PrincipalUser, Name: p.name, ManagedBy: "dev", Policies: attached}
		if err := d.EnsureManaged(ctx, by, user); err != nil {
			return err
		}
		role := user
		role.Kind = eventbus.PrincipalRole
		role.Trust = TrustOf(eventbus.UserARN(d.cfg.Deployment.Partition, d.cfg.Deployment.Account, p.name))
		if err := d.EnsureManaged(ctx, by, role); err != nil {
			return err
		}
		if err := d.ensureKey(ctx, by, p.name); err != nil {
			return err
		}
	}
	return nil
}

// ensureKey makes a key for a user that has no active one.
func (d *Directory) ensureKey(ctx context.Context, by eventbus.Actor, user string) error {
	keys, err := d.AccessKeys(ctx, user)
	if err != nil || slices.ContainsFunc(keys, func(k eventbus.AccessKey) bool { return !k.Disabled }) {
		return err
	}
	for _, k := range keys {
		if err := d.DeleteAccessKey(ctx, by, k.ID); err != nil {
			return err
		}
	}
	_, err = d.CreateAccessKey(ctx, by, user)
	return err
}
