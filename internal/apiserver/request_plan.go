package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

// registerRequestPlans shows what an approval would change, and did.
func (a *API) registerRequestPlans() {
	const bad, missing = http.StatusUnprocessableEntity, http.StatusNotFound
	register(a, operation(http.MethodGet, "/requests/{id}/plan", "get-request-plan",
		"What approving the request would change in an environment", bad, missing), a.getRequestPlan)
	if a.parts.Plans != nil {
		register(a, operation(http.MethodGet, "/requests/{id}/plans", "list-request-plans",
			"The plans that were applied for a request, step by step", missing), a.listRequestPlans)
	}
}

type requestPlanInput struct {
	RequestPath
	Environment string `query:"environment" required:"true" minLength:"1" maxLength:"31"`
}

func (a *API) getRequestPlan(ctx context.Context, in *requestPlanInput) (*body[planAnswer], error) {
	view, err := a.parts.Requests.View(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	manifest, err := a.parts.Requests.Manifest(ctx, view.Request, in.Environment)
	if err != nil {
		return nil, err
	}
	return a.plan(ctx, manifest)
}

type environmentPlan struct {
	Environment string          `json:"environment"`
	Plan        planAnswer      `json:"plan"`
	Steps       []eventbus.Step `json:"steps"`
}

type environmentPlans struct {
	Plans []environmentPlan `json:"plans"`
}

func (a *API) listRequestPlans(ctx context.Context, in *RequestPath) (*body[environmentPlans], error) {
	view, err := a.parts.Requests.View(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	var out environmentPlans
	for _, e := range view.Request.Environments {
		if e.PlanID == "" {
			continue
		}
		plan, steps, err := a.parts.Plans.Plan(ctx, e.PlanID)
		if eventbus.CodeOf(err) == eventbus.CodeNotFound {
			continue // provisioned with nothing to change
		}
		if err != nil {
			return nil, err
		}
		out.Plans = append(out.Plans, environmentPlan{e.Name, answerPlan(plan), steps})
	}
	return &body[environmentPlans]{out}, nil
}
