package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *API) registerUsers() {
	const bad, missing, stale = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodGet, "/iam/users", "list-users", "The users of the directory, by name"), a.listUsers)
	create := operation(http.MethodPost, "/iam/users", "create-user", "Make a user", bad, stale)
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createUser)
	register(a, operation(http.MethodPut, "/iam/users/{name}/state", "set-user", "Stop a user, or let it work again", missing, stale), a.setUser)
	register(a, operation(http.MethodDelete, "/iam/users/{name}", "delete-user", "Delete a user that has no keys", missing, stale), a.deleteUser)
}

type userList struct {
	Users []eventbus.IAMUser `json:"users"`
}

func (a *API) listUsers(ctx context.Context, _ *none) (*body[userList], error) {
	users, err := a.parts.Directory.Users(ctx)
	if err != nil {
		return nil, err
	}
	return &body[userList]{userList{users}}, nil
}

type createUserInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_+=,.@-]+$" patternDescription:"letters, digits and _+=,.@-"`
		Team string `json:"team,omitempty" maxLength:"63"`
	}
}

func (a *API) createUser(ctx context.Context, in *createUserInput) (*created[eventbus.IAMUser], error) {
	user, err := a.parts.Directory.CreateUser(ctx, actorOf(ctx), eventbus.IAMUser{Name: in.Body.Name, Team: in.Body.Team})
	if err != nil {
		return nil, err
	}
	return &created[eventbus.IAMUser]{"/api/v1/iam/users/" + user.Name, user}, nil
}

// IdentityPath names a user or role.
type IdentityPath struct {
	Name string `path:"name" minLength:"1" maxLength:"64"`
}

type setUserInput struct {
	IdentityPath
	Body struct {
		Disabled bool `json:"disabled"`
	}
}

func (a *API) setUser(ctx context.Context, in *setUserInput) (*none, error) {
	return nil, a.parts.Directory.SetUserDisabled(ctx, actorOf(ctx), in.Name, in.Body.Disabled)
}

func (a *API) deleteUser(ctx context.Context, in *IdentityPath) (*none, error) {
	return nil, a.parts.Directory.DeleteUser(ctx, actorOf(ctx), in.Name)
}
