package iam

import (
	"context"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// HandOverKey shows the secret of a key that was made for a user to the one whom
// claim lets through. claim names the key; whatever it does to make sure that a
// secret is shown once is durable when it returns, and after it nothing but a
// damaged secret can fail. The intent is recorded before, the outcome after.
func (d *Directory) HandOverKey(ctx context.Context, by eventbus.Actor, user string, claim func() (keyID string, err error)) (Secret, error) {
	arn := eventbus.UserARN(d.cfg.Deployment.Partition, d.cfg.Deployment.Account, user)
	intent := eventbus.AuditEntry{Time: d.cfg.Now(), Actor: by.Name(), Action: "iam.key.collect", Resource: arn, From: by.From}
	var shown Secret
	err := d.audit.Around(ctx, intent, func() error {
		view, err := d.current(ctx)
		if err != nil {
			return err
		}
		id, err := claim()
		if err != nil {
			return err
		}
		key := view.keys[id]
		if key == nil || key.user != user || key.disabled {
			return notFound("an active access key "+quoted(id)+" of", user)
		}
		secret, err := d.vault.openSecret(key.id, key.user, key.sealed)
		if err != nil {
			return eventbus.Errorf(eventbus.CodeCorrupt, "the secret of %s: %w", key.id, err)
		}
		shown = Secret{ID: key.id, Secret: secret}
		return nil
	})
	return shown, err
}
