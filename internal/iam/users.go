package iam

import (
	"context"
	"fmt"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Users lists all users, by name.
func (d *Directory) Users(ctx context.Context) ([]eventbus.IAMUser, error) {
	users, err := d.store.Users(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	slices.SortFunc(users, func(a, b eventbus.IAMUser) int { return compare(a.Name, b.Name) })
	return users, nil
}

// User gives one user as stored now, at a cost that does not grow with the users.
// Errors: NotFound.
func (d *Directory) User(ctx context.Context, name string) (eventbus.IAMUser, error) {
	return d.userRecord(ctx, name)
}

// CreateUser makes a user; of u the Name, Team, ManagedBy and Policies count.
// Errors: Invalid, Conflict when it exists.
func (d *Directory) CreateUser(ctx context.Context, by eventbus.Actor, u eventbus.IAMUser) (eventbus.IAMUser, error) {
	if err := checkName("user", u.Name); err != nil {
		return u, err
	}
	if _, err := checkPolicies(u.Policies); err != nil {
		return u, err
	}
	u.ARN = eventbus.UserARN(d.cfg.Deployment.Partition, d.cfg.Deployment.Account, u.Name)
	u.CreatedAt, u.Version, u.Disabled = stamp(d.cfg.Now()), 0, false
	err := d.act(ctx, by, "iam.user.create", u.ARN, nil, func() (err error) {
		u, err = d.store.SaveUser(ctx, u)
		return err
	})
	return u, err
}

// SetUserDisabled stops a user, with everything obtained through its keys, or
// lets it work again.
func (d *Directory) SetUserDisabled(ctx context.Context, by eventbus.Actor, name string, disabled bool) error {
	u, err := d.userRecord(ctx, name)
	if err != nil {
		return err
	}
	if u.Disabled == disabled {
		return nil
	}
	u.Disabled = disabled
	action := "iam.user.enable"
	if disabled {
		action = "iam.user.disable"
	}
	return d.act(ctx, by, action, u.ARN, nil, func() error {
		_, err := d.store.SaveUser(ctx, u)
		return err
	})
}

// DeleteUser deletes a user that has no access keys any more (Conflict
// otherwise, as in AWS).
func (d *Directory) DeleteUser(ctx context.Context, by eventbus.Actor, name string) error {
	u, err := d.userRecord(ctx, name)
	if err != nil {
		return err
	}
	keys, err := d.store.AccessKeys(ctx, name)
	if err != nil {
		return fmt.Errorf("list access keys of %s: %w", name, err)
	}
	if len(keys) > 0 {
		return &eventbus.Error{Code: eventbus.CodeConflict,
			Message: fmt.Sprintf("user %q was not deleted: it has %d access keys", name, len(keys)), Next: "delete its access keys first"}
	}
	return d.act(ctx, by, "iam.user.delete", u.ARN, nil, func() error { return d.store.DeleteUser(ctx, name) })
}
