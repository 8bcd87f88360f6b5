package apiserver

import (
	"context"
	"net/http"
	"slices"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

func (a *API) registerBus() {
	register(a, operation(http.MethodGet, "/bus", "get-bus", "What this bus is and where its doors are"), a.getBus)
	register(a, operation(http.MethodGet, "/environments", "list-environments", "The environments, in order of promotion"), a.listEnvironments)
	register(a, operation(http.MethodGet, "/client-environment", "get-client-environment",
		"The environment variables that configure a client", http.StatusNotFound), a.clientEnvironment)
}

func (a *API) registerMe() {
	register(a, operation(http.MethodGet, "/me", "get-me", "Who I am, and what my token may"), a.getMe)
}

func (a *API) getBus(context.Context, *none) (*body[client.Bus], error) {
	return &body[client.Bus]{a.parts.Bus()}, nil
}

type environmentList struct {
	Environments []place `json:"environments"`
}

// place is an environment with what a reader must know of it.
type place struct {
	eventbus.Environment
	Lacks []string `json:"lacks,omitempty" doc:"What the bus cannot do there, a sentence each: in an environment on AWS clients speak to Amazon MSK itself."`
}

func (a *API) listEnvironments(context.Context, *none) (*body[environmentList], error) {
	list := environmentList{Environments: []place{}}
	for _, e := range a.parts.Bus().Environments {
		list.Environments = append(list.Environments, place{e, e.Lacks()})
	}
	return &body[environmentList]{list}, nil
}

// onAWS reports whether AWS keeps the principals of an environment.
func (a *API) onAWS(environment string) bool {
	return slices.ContainsFunc(a.parts.Bus().Environments, func(e eventbus.Environment) bool { return e.Name == environment && e.OnAWS() })
}

type clientEnvironmentInput struct {
	Principal   string `query:"principal" maxLength:"64" doc:"IAM principal to sign in as; empty for the PLAINTEXT set"`
	Environment string `query:"environment" maxLength:"31" doc:"environment whose addresses are given"`
}

// clientEnvironment: keys of the test principals only for whom the directory
// of `dev` belongs to. On AWS there are none to give, only names.
func (a *API) clientEnvironment(ctx context.Context, in *clientEnvironmentInput) (*body[map[string]string], error) {
	if in.Principal != "" && !a.onAWS(in.Environment) && actorOf(ctx).Person.ID != a.parts.Administrator.ID {
		return nil, &eventbus.Error{Code: eventbus.CodeForbidden,
			Message: "only the local administrator of `dev` may read the keys of a test principal again",
			Next:    "run the command as the user who started `eventbus dev`, without EVENTBUS_TOKEN and `eventbus login`"}
	}
	set, err := a.parts.ClientSet.ClientEnvironment(ctx, in.Principal, in.Environment)
	if err != nil {
		return nil, err
	}
	return &body[map[string]string]{set}, nil
}

type me struct {
	Person eventbus.Person `json:"person"`
	Token  string          `json:"token,omitempty" doc:"id of the API token used"`
	Scopes []string        `json:"scopes" doc:"what the token may; all when there is none"`
}

func (a *API) getMe(ctx context.Context, _ *none) (*body[me], error) {
	actor := actorOf(ctx)
	scopes := actor.Scopes
	if actor.Token == "" {
		scopes = session.ScopeNames()
	}
	return &body[me]{me{Person: actor.Person, Token: actor.Token, Scopes: scopes}}, nil
}
