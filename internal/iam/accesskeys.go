package iam

import (
	"context"
	"fmt"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Secret is an access key with its secret, which is shown this once.
type Secret struct {
	ID     string
	Secret string
}

// String hides the secret from logs and formatted errors.
func (s Secret) String() string { return s.ID + " (secret hidden)" }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// AccessKeys lists the keys of a user, or of all users when user is empty,
// without their secrets, oldest first.
func (d *Directory) AccessKeys(ctx context.Context, user string) ([]eventbus.AccessKey, error) {
	keys, err := d.store.AccessKeys(ctx, user)
	if err != nil {
		return nil, fmt.Errorf("list access keys: %w", err)
	}
	for i := range keys {
		keys[i].Sealed = nil
	}
	slices.SortFunc(keys, func(a, b eventbus.AccessKey) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return compare(a.ID, b.ID)
	})
	return keys, nil
}

// CreateAccessKey makes a key for a user; the secret is not shown again. A user
// has at most two keys (Conflict).
func (d *Directory) CreateAccessKey(ctx context.Context, by eventbus.Actor, user string) (Secret, error) {
	u, err := d.userRecord(ctx, user)
	if err != nil {
		return Secret{}, err
	}
	keys, err := d.store.AccessKeys(ctx, user)
	if err != nil {
		return Secret{}, fmt.Errorf("list access keys of %s: %w", user, err)
	}
	if len(keys) >= MaxKeys {
		return Secret{}, &eventbus.Error{Code: eventbus.CodeConflict,
			Message: fmt.Sprintf("no access key was made: user %q has %d", user, len(keys)), Next: "delete one that is not used any more"}
	}
	return d.makeKey(ctx, by, "iam.key.create", u, nil)
}

func (d *Directory) makeKey(ctx context.Context, by eventbus.Actor, action string, u eventbus.IAMUser, detail map[string]string) (Secret, error) {
	id, err := d.vault.keyID(longLived)
	if err != nil {
		return Secret{}, err
	}
	secret, err := d.vault.secret()
	if err != nil {
		return Secret{}, err
	}
	box, err := d.vault.sealSecret(id, u.Name, secret)
	if err != nil {
		return Secret{}, err
	}
	if detail == nil {
		detail = map[string]string{}
	}
	detail["key"] = id
	err = d.act(ctx, by, action, u.ARN, detail, func() error {
		_, err := d.store.SaveAccessKey(ctx, eventbus.AccessKey{ID: id, User: u.Name, Sealed: box, CreatedAt: stamp(d.cfg.Now())})
		return err
	})
	if err != nil {
		return Secret{}, err
	}
	return Secret{ID: id, Secret: secret}, nil
}

// RotateAccessKey makes a second key next to the given one, which goes on
// working: put the new one into the client, see that the old one is not used any
// more (AccessKey.LastUsed), and disable it. A disabled second key makes room; an
// active one is a Conflict.
func (d *Directory) RotateAccessKey(ctx context.Context, by eventbus.Actor, id string) (Secret, error) {
	key, u, err := d.keyRecord(ctx, id)
	if err != nil {
		return Secret{}, err
	}
	keys, err := d.store.AccessKeys(ctx, key.User)
	if err != nil {
		return Secret{}, fmt.Errorf("list access keys of %s: %w", key.User, err)
	}
	for _, k := range keys {
		switch {
		case len(keys) < MaxKeys || k.ID == id:
		case !k.Disabled:
			return Secret{}, &eventbus.Error{Code: eventbus.CodeConflict,
				Message: fmt.Sprintf("access key %s was not rotated: user %q has the active key %s besides", id, key.User, k.ID),
				Next:    "disable the one that is not used any more"}
		default:
			if err := d.DeleteAccessKey(ctx, by, k.ID); err != nil {
				return Secret{}, err
			}
		}
	}
	return d.makeKey(ctx, by, "iam.key.rotate", u, map[string]string{"replaces": id})
}

// DisableAccessKey ends everything that stands on a key: its connections and
// those of roles assumed with it.
func (d *Directory) DisableAccessKey(ctx context.Context, by eventbus.Actor, id string) error {
	key, u, err := d.keyRecord(ctx, id)
	if err != nil || key.Disabled {
		return err
	}
	key.Disabled = true
	return d.act(ctx, by, "iam.key.disable", u.ARN, map[string]string{"key": id}, func() error {
		_, err := d.store.SaveAccessKey(ctx, key)
		return err
	})
}

// DeleteAccessKey is DisableAccessKey for good.
func (d *Directory) DeleteAccessKey(ctx context.Context, by eventbus.Actor, id string) error {
	_, u, err := d.keyRecord(ctx, id)
	if err != nil {
		return err
	}
	return d.act(ctx, by, "iam.key.delete", u.ARN, map[string]string{"key": id}, func() error { return d.store.DeleteAccessKey(ctx, id) })
}

// RevealKey shows the oldest active key of a user with its secret again. It is
// Forbidden unless Config.DevReveal is set, which only `dev` does for its test
// principals, and it is audited.
func (d *Directory) RevealKey(ctx context.Context, by eventbus.Actor, user string) (Secret, error) {
	if !d.cfg.DevReveal {
		return Secret{}, &eventbus.Error{Code: eventbus.CodeForbidden,
			Message: "a secret is shown once, when its key is made", Next: "rotate the key if its secret is lost"}
	}
	u, err := d.userRecord(ctx, user)
	if err != nil {
		return Secret{}, err
	}
	keys, err := d.AccessKeys(ctx, user)
	if err != nil {
		return Secret{}, err
	}
	i := slices.IndexFunc(keys, func(k eventbus.AccessKey) bool { return !k.Disabled })
	if i < 0 {
		return Secret{}, notFound("an active access key of", user)
	}
	key := d.view.Load().keys[keys[i].ID]
	if key == nil {
		return Secret{}, notFound("access key", keys[i].ID)
	}
	shown := Secret{ID: key.id}
	err = d.audit.Around(ctx, eventbus.AuditEntry{Time: d.cfg.Now(), Actor: by.Name(), Action: "iam.key.reveal", Resource: u.ARN,
		From: by.From, Detail: map[string]string{"key": key.id}}, func() (err error) {
		shown.Secret, err = d.vault.openSecret(key.id, key.user, key.sealed)
		if err != nil {
			return eventbus.Errorf(eventbus.CodeCorrupt, "the secret of %s: %w", key.id, err)
		}
		return nil
	})
	if err != nil {
		return Secret{}, err
	}
	return shown, nil
}

func (d *Directory) keyRecord(ctx context.Context, id string) (eventbus.AccessKey, eventbus.IAMUser, error) {
	view, err := d.current(ctx)
	if err != nil {
		return eventbus.AccessKey{}, eventbus.IAMUser{}, err
	}
	key, ok := view.keyRecords[id]
	if !ok {
		return key, eventbus.IAMUser{}, notFound("access key", id)
	}
	u, ok := view.userRecords[key.User]
	if !ok { // the key may go even so
		u = eventbus.IAMUser{Name: key.User, ARN: eventbus.UserARN(d.cfg.Deployment.Partition, d.cfg.Deployment.Account, key.User)}
	}
	return key, u, nil
}
