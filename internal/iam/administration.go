package iam

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// Names as in AWS ("IAM name requirements").
var (
	nameForm       = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`)
	policyNameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,128}$`)
)

// Limits of the directory. AWS: 10,240 characters in all inline policies of a
// role, 2 access keys per user.
const (
	MaxPolicies = 20
	MaxKeys     = 2
)

// act records an act of administration, does it, and takes in its effect at
// once.
func (d *Directory) act(ctx context.Context, by eventbus.Actor, action, resource string, detail map[string]string, do func() error) error {
	intent := eventbus.AuditEntry{Time: d.cfg.Now(), Actor: by.Name(), Action: action, Resource: resource, From: by.From, Detail: detail}
	return d.audit.Around(ctx, intent, func() error {
		if err := do(); err != nil {
			return err
		}
		if err := d.reload(context.WithoutCancel(ctx)); err != nil {
			d.cfg.Logger.ErrorContext(ctx, "a change is saved but not in force here yet; it will be with the next poll", "action", action, "resource", resource, "err", err)
		}
		return nil
	})
}

func checkName(kind, name string) error {
	if !nameForm.MatchString(name) {
		return eventbus.Invalid(kind+" "+quoted(name)+" was not saved",
			eventbus.Fault{Path: "name", Message: `must be 1 to 64 characters of [\w+=,.@-]`})
	}
	return nil
}

// checkPolicies reads documents before they are saved; the text that is kept is
// the one that was given.
func checkPolicies(policies []eventbus.AttachedPolicy) ([]policy.Finding, error) {
	var faults []eventbus.Fault
	var findings []policy.Finding
	if len(policies) > MaxPolicies {
		faults = append(faults, eventbus.Fault{Path: "policies", Message: "are more than " + strconv.Itoa(MaxPolicies)})
	}
	names := map[string]bool{}
	for _, p := range policies {
		if !policyNameForm.MatchString(p.Name) || names[p.Name] {
			faults = append(faults, eventbus.Fault{Path: p.Name, Message: `must be a name of its own, 1 to 128 characters of [\w+=,.@-]`})
		}
		names[p.Name] = true
		doc, err := policy.Parse([]byte(p.Document))
		if err != nil {
			faults = append(faults, policyFaults(err)...)
			continue
		}
		findings = append(findings, policy.Lint(doc)...)
	}
	if len(faults) > 0 {
		return nil, eventbus.Invalid("the policy was refused, nothing was changed", faults...)
	}
	return findings, nil
}

func checkTrust(document string) error {
	if _, err := policy.ParseTrust([]byte(document)); err != nil {
		return eventbus.Invalid("the trust policy was refused, nothing was changed", policyFaults(err)...)
	}
	return nil
}

func policyFaults(err error) []eventbus.Fault {
	var refused *policy.Error
	if !errors.As(err, &refused) {
		return []eventbus.Fault{{Message: err.Error()}}
	}
	faults := make([]eventbus.Fault, len(refused.Faults))
	for i, f := range refused.Faults {
		faults[i] = eventbus.Fault{Path: f.Path, Message: f.Message}
	}
	return faults
}

func notFound(kind, name string) error {
	return &eventbus.Error{Code: eventbus.CodeNotFound, Message: kind + " " + quoted(name) + " does not exist, nothing was changed"}
}

// current is the directory as stored now, by whichever instance.
func (d *Directory) current(ctx context.Context) (*snapshot, error) {
	if err := d.Refresh(ctx); err != nil {
		return nil, err
	}
	return d.view.Load(), nil
}

func (d *Directory) userRecord(ctx context.Context, name string) (eventbus.IAMUser, error) {
	view, err := d.current(ctx)
	if err != nil {
		return eventbus.IAMUser{}, err
	}
	u, ok := view.userRecords[name]
	if !ok {
		return u, notFound("user", name)
	}
	return u, nil
}

func (d *Directory) roleRecord(ctx context.Context, name string) (eventbus.IAMRole, error) {
	view, err := d.current(ctx)
	if err != nil {
		return eventbus.IAMRole{}, err
	}
	r, ok := view.roleRecords[name]
	if !ok {
		return r, notFound("role", name)
	}
	return r, nil
}

func quoted(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strconv.Quote(s)
}
