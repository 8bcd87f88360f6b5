package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *API) registerGrants() {
	register(a, operation(http.MethodGet, "/grants", "list-grants", "Who may produce to and consume from what, and why"), a.listGrants)
}

type grantList struct {
	Grants []eventbus.Grant `json:"grants"`
}

type listGrantsInput struct {
	Event       string `query:"event" maxLength:"63"`
	Environment string `query:"environment" maxLength:"31"`
	Topic       string `query:"topic" maxLength:"249"`
	Principal   string `query:"principal" maxLength:"2048" doc:"ARN"`
	Direction   string `query:"direction" enum:"produce,consume"`
	Revoked     bool   `query:"revoked" doc:"those that ended, too"`
}

func (a *API) listGrants(ctx context.Context, in *listGrantsInput) (*body[grantList], error) {
	grants, err := a.parts.Grants.Grants(ctx, eventbus.GrantQuery{Event: in.Event, Environment: in.Environment, Topic: in.Topic,
		Principal: in.Principal, Direction: eventbus.Direction(in.Direction), ActiveOnly: !in.Revoked})
	if err != nil {
		return nil, err
	}
	return &body[grantList]{grantList{grants}}, nil
}
