package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// registerPlans adds the road of GitOps: manifests, plan, apply, drift.
func (a *API) registerPlans() {
	const bad, stale = http.StatusUnprocessableEntity, http.StatusConflict
	plan := operation(http.MethodPost, "/plans", "make-plan", "The exact difference between manifests and the world; nothing is changed or recorded", bad)
	plan.MaxBodyBytes, plan.BodyReadTimeout = maxFiles, time.Minute
	register(a, plan, a.makePlan)
	apply := operation(http.MethodPost, "/plans/apply", "apply-plan", "Apply a plan; refused when the world moved since it was made", bad, stale)
	apply.MaxBodyBytes, apply.BodyReadTimeout = maxFiles, time.Minute
	register(a, apply, a.applyPlan)
	if a.parts.Plans != nil {
		register(a, operation(http.MethodGet, "/plans", "list-plans", "Plans that were begun and are not finished"), a.listPlans)
		register(a, operation(http.MethodGet, "/plans/{id}", "get-plan", "A plan that was applied, step by step", http.StatusNotFound), a.getPlan)
	}
	register(a, operation(http.MethodGet, "/drift", "list-drift", "What differs from what is wanted, as the changes that would undo it"), a.listDrift)
	register(a, operation(http.MethodPost, "/drift/revert", "revert-drift", "Undo one difference", http.StatusNotFound, bad, stale), a.revertDrift)
}

// planAnswer is a plan without the manifest that it was made of.
type planAnswer struct {
	ID           string            `json:"id"`
	Source       string            `json:"source"`
	Changes      []eventbus.Change `json:"changes"`
	WorldHash    string            `json:"worldHash" doc:"of everything that the plan looked at"`
	MadeAt       time.Time         `json:"madeAt"`
	Add          int               `json:"add"`
	Change       int               `json:"change"`
	Remove       int               `json:"remove"`
	NeedApproval int               `json:"needApproval"`
	Text         string            `json:"text" doc:"the plan for people"`
}

func answerPlan(p eventbus.Plan) planAnswer {
	out := planAnswer{ID: p.ID, Source: p.Source, Changes: p.Changes, WorldHash: p.WorldHash, MadeAt: p.MadeAt, Text: provision.Render(p)}
	out.Add, out.Change, out.Remove, out.NeedApproval = p.Counts()
	return out
}

// ManifestFiles are manifests and the schema files that they name.
type ManifestFiles struct {
	Files map[string]string `json:"files" doc:"text by path: manifests (kind Event, Grant, Environment) and the schema files that they name"`
}

func (f ManifestFiles) read() (eventbus.Manifest, error) {
	files := make(map[string][]byte, len(f.Files))
	for name, text := range f.Files {
		files[name] = []byte(text)
	}
	return provision.ReadManifests(files)
}

type makePlanInput struct{ Body ManifestFiles }

func (a *API) makePlan(ctx context.Context, in *makePlanInput) (*body[planAnswer], error) {
	manifest, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	return a.plan(ctx, manifest)
}

func (a *API) plan(ctx context.Context, manifest eventbus.Manifest) (*body[planAnswer], error) {
	plan, err := a.parts.Provisioner.Plan(ctx, manifest)
	if err != nil {
		return nil, err
	}
	return &body[planAnswer]{answerPlan(plan)}, nil
}

type applyPlanInput struct {
	Body struct {
		ManifestFiles
		ID               string            `json:"id" minLength:"1" maxLength:"64" doc:"of the plan"`
		WorldHash        string            `json:"worldHash" minLength:"1" maxLength:"128" doc:"of the plan"`
		Changes          []eventbus.Change `json:"changes" doc:"of the plan: exactly what was looked at"`
		AllowDestructive bool              `json:"allowDestructive,omitempty" doc:"access may end and topics may go"`
		Approved         bool              `json:"approved,omitempty" doc:"changes that need approval were agreed to; a bus-reviewer may say so"`
	}
}

// applyPlan: the caller sends back what it looked at; the provisioner plans anew
// and refuses when the two differ.
func (a *API) applyPlan(ctx context.Context, in *applyPlanInput) (*body[appliedPlan], error) {
	actor := actorOf(ctx)
	if in.Body.Approved && !actor.Person.Has(eventbus.RoleBusReviewer) {
		return nil, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "nothing was changed: only a bus-reviewer may say that changes are approved",
			Next: "make a change request, or let a bus-reviewer apply the plan"}
	}
	manifest, err := in.Body.read()
	if err != nil {
		return nil, err
	}
	plan := eventbus.Plan{ID: in.Body.ID, Source: manifest.Source, WorldHash: in.Body.WorldHash, Changes: in.Body.Changes}
	err = a.parts.Provisioner.Apply(ctx, actor, plan, manifest, provision.ApplyOptions{
		AllowDestructive: in.Body.AllowDestructive, Approved: in.Body.Approved})
	if err != nil {
		return nil, err
	}
	return &body[appliedPlan]{appliedPlan{ID: plan.ID, Applied: len(plan.Changes)}}, nil
}

type appliedPlan struct {
	ID      string `json:"id"`
	Applied int    `json:"applied" doc:"number of changes"`
}

type planList struct {
	Plans []planAnswer `json:"plans"`
}

func (a *API) listPlans(ctx context.Context, _ *none) (*body[planList], error) {
	plans, err := a.parts.Plans.UnfinishedPlans(ctx)
	if err != nil {
		return nil, err
	}
	var out planList
	for _, p := range plans {
		out.Plans = append(out.Plans, answerPlan(p))
	}
	return &body[planList]{out}, nil
}

type planInput struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

type planSteps struct {
	Plan  planAnswer      `json:"plan"`
	Steps []eventbus.Step `json:"steps"`
}

func (a *API) getPlan(ctx context.Context, in *planInput) (*body[planSteps], error) {
	plan, steps, err := a.parts.Plans.Plan(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[planSteps]{planSteps{answerPlan(plan), steps}}, nil
}

type driftList struct {
	Changes []eventbus.Change `json:"changes"`
}

func (a *API) listDrift(ctx context.Context, _ *none) (*body[driftList], error) {
	changes, err := a.parts.Provisioner.Drift(ctx)
	if err != nil {
		return nil, err
	}
	return &body[driftList]{driftList{changes}}, nil
}

type revertInput struct {
	Body eventbus.Change
}

func (a *API) revertDrift(ctx context.Context, in *revertInput) (*none, error) {
	return nil, a.parts.Provisioner.Revert(ctx, actorOf(ctx), in.Body)
}
