package apiserver

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// body is an answer with a JSON body and nothing else.
type body[T any] struct{ Body T }

func (a *API) registerBus() {
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-bus", Method: http.MethodGet, Path: "/api/v1/bus", Tags: []string{"bus"},
		Summary: "What this bus is and where its doors are",
	}, func(context.Context, *struct{}) (*body[client.Bus], error) {
		return &body[client.Bus]{a.parts.Bus()}, nil
	})
	huma.Register(a.huma, huma.Operation{
		OperationID: "get-client-environment", Method: http.MethodGet, Path: "/api/v1/client-environment", Tags: []string{"bus"},
		Summary: "The environment variables that configure a client", Errors: []int{403, 404},
	}, a.clientEnvironment)
}

type clientEnvironmentInput struct {
	Principal     string `query:"principal" maxLength:"64" doc:"IAM principal to sign in as; empty for the PLAINTEXT set"`
	Environment   string `query:"environment" maxLength:"31" doc:"environment whose addresses are given"`
	Authorization string `header:"Authorization"`
}

func (a *API) clientEnvironment(ctx context.Context, in *clientEnvironmentInput) (*body[map[string]string], error) {
	token := strings.TrimPrefix(in.Authorization, "Bearer ")
	if in.Principal != "" && !a.parts.Authorities.Administrator(token) {
		return nil, a.problem(&eventbus.Error{Code: eventbus.CodeForbidden,
			Message: "only the local administrator of `dev` may read the keys of a test principal again",
			Next:    "run the command as the user who started `eventbus dev`"})
	}
	set, err := a.parts.ClientSet.ClientEnvironment(ctx, in.Principal, in.Environment)
	if err != nil {
		return nil, a.problem(err)
	}
	return &body[map[string]string]{set}, nil
}
