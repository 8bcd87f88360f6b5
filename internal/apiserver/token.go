package apiserver

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

func (a *API) registerTokens() {
	const bad, missing = http.StatusUnprocessableEntity, http.StatusNotFound
	register(a, operation(http.MethodGet, "/tokens", "list-tokens", "Your API tokens, without their secrets"), a.listTokens)
	create := operation(http.MethodPost, "/tokens", "create-token", "Make an API token; it is shown this once", bad)
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createToken)
	register(a, operation(http.MethodDelete, "/tokens/{id}", "revoke-token", "Take an API token back", missing), a.revokeToken)
}

type tokenList struct {
	Tokens []eventbus.APIToken `json:"tokens"`
}

func (a *API) listTokens(ctx context.Context, _ *none) (*body[tokenList], error) {
	tokens, err := a.parts.Sessions.Tokens(ctx, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return &body[tokenList]{tokenList{tokens}}, nil
}

type createTokenInput struct {
	Body struct {
		Name   string   `json:"name" minLength:"1" maxLength:"80" doc:"what it is for"`
		Scopes []string `json:"scopes,omitempty" maxItems:"32" doc:"what it may; empty: all that you may give"`
		Days   int      `json:"days,omitempty" minimum:"1" maximum:"365" doc:"until it expires; default 30"`
	}
}

type newToken struct {
	Secret string            `json:"secret" doc:"ebt_…, shown this once"`
	Token  eventbus.APIToken `json:"token"`
}

func (a *API) createToken(ctx context.Context, in *createTokenInput) (*created[newToken], error) {
	scopes := in.Body.Scopes
	if len(scopes) == 0 {
		scopes = slices.DeleteFunc(session.ScopeNames(), func(s string) bool { return !actorOf(ctx).Scoped(s) })
	}
	secret, token, err := a.parts.Sessions.CreateToken(ctx, actorOf(ctx), in.Body.Name, scopes, time.Duration(in.Body.Days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	return &created[newToken]{"/api/v1/tokens/" + token.ID, newToken{secret, token}}, nil
}

type tokenInput struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

func (a *API) revokeToken(ctx context.Context, in *tokenInput) (*none, error) {
	return nil, a.parts.Sessions.RevokeToken(ctx, actorOf(ctx), in.ID)
}
