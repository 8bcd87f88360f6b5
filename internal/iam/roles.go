package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Roles lists all roles, by name.
func (d *Directory) Roles(ctx context.Context) ([]eventbus.IAMRole, error) {
	roles, err := d.store.Roles(ctx)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	slices.SortFunc(roles, func(a, b eventbus.IAMRole) int { return compare(a.Name, b.Name) })
	return roles, nil
}

// Role gives one role as stored now, at a cost that does not grow with the roles.
// Errors: NotFound.
func (d *Directory) Role(ctx context.Context, name string) (eventbus.IAMRole, error) {
	return d.roleRecord(ctx, name)
}

// CreateRole makes a role; of r the Name, Trust, MaxSession, Team, ManagedBy and
// Policies count. Errors: Invalid, Conflict when it exists.
func (d *Directory) CreateRole(ctx context.Context, by eventbus.Actor, r eventbus.IAMRole) (eventbus.IAMRole, error) {
	if err := checkRole(r); err != nil {
		return r, err
	}
	r.ARN = eventbus.RoleARN(d.cfg.Deployment.Partition, d.cfg.Deployment.Account, r.Name)
	r.CreatedAt, r.Version = stamp(d.cfg.Now()), 0
	err := d.act(ctx, by, "iam.role.create", r.ARN, map[string]string{"trust": r.Trust}, func() (err error) {
		r, err = d.store.SaveRole(ctx, r)
		return err
	})
	return r, err
}

func checkRole(r eventbus.IAMRole) error {
	if err := checkName("role", r.Name); err != nil {
		return err
	}
	if err := checkTrust(r.Trust); err != nil {
		return err
	}
	if r.MaxSession != 0 && (r.MaxSession < shortestMaxSession || r.MaxSession > longestMaxSession) {
		return eventbus.Invalid("role "+quoted(r.Name)+" was not saved",
			eventbus.Fault{Path: "maxSession", Message: "must be 15 minutes to 12 hours"})
	}
	_, err := checkPolicies(r.Policies)
	return err
}

// SetTrust says anew who may assume a role. Sessions of the role end; those who
// are still trusted sign in again.
func (d *Directory) SetTrust(ctx context.Context, by eventbus.Actor, role, document string) error {
	if err := checkTrust(document); err != nil {
		return err
	}
	r, err := d.roleRecord(ctx, role)
	if err != nil {
		return err
	}
	detail := map[string]string{"before": r.Trust, "after": document}
	r.Trust = document
	return d.act(ctx, by, "iam.role.trust", r.ARN, detail, func() error {
		_, err := d.store.SaveRole(ctx, r)
		return err
	})
}

// DeleteRole deletes a role; its sessions end.
func (d *Directory) DeleteRole(ctx context.Context, by eventbus.Actor, name string) error {
	r, err := d.roleRecord(ctx, name)
	if err != nil {
		return err
	}
	return d.act(ctx, by, "iam.role.delete", r.ARN, nil, func() error { return d.store.DeleteRole(ctx, name) })
}

func compare(a, b string) int { return strings.Compare(a, b) }

// stamp is a time as the store keeps it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
