package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

// registerReviews adds what reviewers do with requests.
func (a *API) registerReviews() {
	const bad, missing, stale = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodPost, "/requests/{id}/decisions", "decide-request",
		"Decide a stage: approve, ask for changes, or reject", bad, missing, stale), a.decideRequest)
	register(a, operation(http.MethodPut, "/requests/{id}/gates/{kind}", "set-request-gate",
		"Record what a reviewer found about a gate", bad, missing, stale), a.setGate)
}

type decideInput struct {
	RequestPath
	Body struct {
		Stage       string `json:"stage" enum:"bus,owner,privacy,security,production"`
		Environment string `json:"environment,omitempty" maxLength:"31" doc:"for the stage production only"`
		Decision    string `json:"decision" enum:"approve,ask-changes,reject"`
		Reason      string `json:"reason,omitempty" maxLength:"4000" doc:"needed to ask for changes or reject"`
		ContentHash string `json:"contentHash,omitempty" maxLength:"64" doc:"of the content that you read; 409 when it was edited since"`
	}
}

func (a *API) decideRequest(ctx context.Context, in *decideInput) (*body[eventbus.Request], error) {
	return answerRequest(a.parts.Requests.DecideOn(ctx, actorOf(ctx), in.ID, in.Body.ContentHash, eventbus.Stage(in.Body.Stage), in.Body.Environment,
		eventbus.Decision(in.Body.Decision), in.Body.Reason))
}

type gateInput struct {
	RequestPath
	Kind string `path:"kind" minLength:"1" maxLength:"32" doc:"ATO, PTA, ESECC, …"`
	Body struct {
		State    string `json:"state" enum:"open,passed,not-required,lapsed,failed"`
		Evidence string `json:"evidence,omitempty" maxLength:"2000" doc:"id or link"`
		Expires  string `json:"expires,omitempty" pattern:"^\\d{4}-\\d{2}-\\d{2}$" doc:"YYYY-MM-DD"`
		Reason   string `json:"reason,omitempty" maxLength:"2000" doc:"needed for not-required and failed"`
	}
}

func (a *API) setGate(ctx context.Context, in *gateInput) (*body[eventbus.Request], error) {
	b := in.Body
	return answerRequest(a.parts.Requests.SetGate(ctx, actorOf(ctx), in.ID, eventbus.GateKind(in.Kind), eventbus.GateState(b.State),
		b.Evidence, b.Expires, b.Reason))
}
