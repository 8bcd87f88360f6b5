package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
)

func (a *API) registerKeys() {
	const missing, stale = http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodGet, "/iam/keys", "list-keys", "Access keys without their secrets, oldest first", missing), a.listKeys)
	create := operation(http.MethodPost, "/iam/users/{name}/keys", "create-key", "Make an access key; the secret is shown this once", missing, stale)
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createKey)
	rotate := operation(http.MethodPost, "/iam/keys/{id}/rotate", "rotate-key", "Make a second key next to this one; the secret is shown this once", missing, stale)
	rotate.DefaultStatus = http.StatusCreated
	register(a, rotate, a.rotateKey)
	register(a, operation(http.MethodPost, "/iam/keys/{id}/disable", "disable-key", "End everything that stands on a key", missing, stale), a.disableKey)
	if a.parts.Offers != nil {
		register(a, operation(http.MethodPost, "/iam/users/{name}/keys/collect", "collect-key",
			"Take the key that provisioning made for you; its secret is shown this once", missing), a.collectKey)
	}
	register(a, operation(http.MethodDelete, "/iam/keys/{id}", "delete-key", "Delete a key; everything that stands on it ends", missing), a.deleteKey)
}

type keyList struct {
	Keys []eventbus.AccessKey `json:"keys"`
}

type listKeysInput struct {
	User string `query:"user" maxLength:"64" doc:"of this user only"`
}

func (a *API) listKeys(ctx context.Context, in *listKeysInput) (*body[keyList], error) {
	keys, err := a.parts.Directory.AccessKeys(ctx, in.User)
	if err != nil {
		return nil, err
	}
	return &body[keyList]{keyList{keys}}, nil
}

type newKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret" doc:"shown this once"`
}

func (a *API) createKey(ctx context.Context, in *IdentityPath) (*created[newKey], error) {
	return answerKey(a.parts.Directory.CreateAccessKey(ctx, actorOf(ctx), in.Name))
}

// KeyOwnerPath names a user of the bus's own directory, or by its ARN one that AWS
// keeps, its slashes escaped.
type KeyOwnerPath struct {
	Name string `path:"name" minLength:"1" maxLength:"640"`
}

func (a *API) collectKey(ctx context.Context, in *KeyOwnerPath) (*body[newKey], error) {
	id, secret, err := a.parts.Offers.Collect(ctx, actorOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	return &body[newKey]{newKey{id, secret}}, nil
}

func answerKey(secret iam.Secret, err error) (*created[newKey], error) {
	if err != nil {
		return nil, err
	}
	return &created[newKey]{"/api/v1/iam/keys/" + secret.ID, newKey{secret.ID, secret.Secret}}, nil
}

// KeyPath names an access key.
type KeyPath struct {
	ID string `path:"id" minLength:"1" maxLength:"128"`
}

func (a *API) rotateKey(ctx context.Context, in *KeyPath) (*created[newKey], error) {
	return answerKey(a.parts.Directory.RotateAccessKey(ctx, actorOf(ctx), in.ID))
}

func (a *API) disableKey(ctx context.Context, in *KeyPath) (*none, error) {
	return nil, a.parts.Directory.DisableAccessKey(ctx, actorOf(ctx), in.ID)
}

func (a *API) deleteKey(ctx context.Context, in *KeyPath) (*none, error) {
	return nil, a.parts.Directory.DeleteAccessKey(ctx, actorOf(ctx), in.ID)
}
