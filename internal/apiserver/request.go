package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
)

const requestDocument = "A request document: `apiVersion: eventbus/v1`, `kind: ProducerRequest`, `ConsumerRequest`, `ChangeRequest` or " +
	"`OffboardingRequest`; /api/schemas/ describes each kind. YAML or JSON, at most 256 KiB."

// registerRequests adds what a team does with its requests.
func (a *API) registerRequests() {
	const bad, missing, stale = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodGet, "/requests", "list-requests", "List the requests that you may see, newest first"), a.listRequests)
	register(a, operation(http.MethodGet, "/requests/{id}", "get-request", "Show a request, what you may do with it, and what is missing", missing), a.getRequest)

	create := operation(http.MethodPost, "/requests", "create-request", "Submit a request, or save it as a draft", bad, stale)
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createRequest)
	a.document("/requests", http.MethodPost, requestDocument)

	register(a, operation(http.MethodPost, "/requests/check", "check-request", "Say what is wrong with a request without saving it", bad), a.checkRequest)
	a.document("/requests/check", http.MethodPost, requestDocument)

	register(a, operation(http.MethodPut, "/requests/{id}", "save-request", "Replace the content of a request", bad, missing, stale), a.saveRequest)
	a.document("/requests/{id}", http.MethodPut, requestDocument)

	register(a, operation(http.MethodPost, "/requests/{id}/submit", "submit-request", "Hand a draft, or a changed request, to its reviewers", bad, missing, stale), a.submitRequest)
	register(a, operation(http.MethodPost, "/requests/{id}/comments", "comment-request", "Add a comment", bad, missing), a.commentRequest)
	register(a, operation(http.MethodPost, "/requests/{id}/withdraw", "withdraw-request", "Withdraw a request", missing, stale), a.withdrawRequest)
	register(a, operation(http.MethodPost, "/requests/{id}/promote", "promote-request", "Ask for production", bad, missing, stale), a.promoteRequest)
	register(a, operation(http.MethodPost, "/requests/{id}/acknowledge", "acknowledge-request", "Say that a consuming team has seen a change", missing, stale), a.acknowledgeRequest)
}

type requestList struct {
	Requests []eventbus.Request `json:"requests"`
}

type listRequestsInput struct {
	State     string    `query:"state" enum:"draft,submitted,changes-asked,approved,active,rejected,withdrawn,expired"`
	Kind      string    `query:"kind" enum:"ProducerRequest,ConsumerRequest,ChangeRequest,OffboardingRequest"`
	Event     string    `query:"event" maxLength:"63"`
	Team      string    `query:"team" maxLength:"63"`
	Submitter string    `query:"submitter" maxLength:"120" doc:"person id"`
	Open      bool      `query:"open" doc:"leave out what is final or active"`
	Before    time.Time `query:"before" doc:"createdAt of the last one seen, for the next page"`
	BeforeID  string    `query:"beforeId" maxLength:"64" doc:"its id, because several may be made in one moment"`
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (a *API) listRequests(ctx context.Context, in *listRequestsInput) (*body[requestList], error) {
	list, err := a.parts.Requests.Requests(ctx, actorOf(ctx), eventbus.RequestQuery{
		State: eventbus.RequestState(in.State), Kind: eventbus.RequestKind(in.Kind), Event: in.Event, Team: in.Team,
		Submitter: in.Submitter, OpenOnly: in.Open, Before: in.Before, BeforeID: in.BeforeID, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Snapshots = nil // the view of one request shows what changed
	}
	return &body[requestList]{requestList{list}}, nil
}

// RequestPath names a request; exported, as every part that inputs share, because huma
// reads exported fields only.
type RequestPath struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

func (a *API) getRequest(ctx context.Context, in *RequestPath) (*body[onboarding.View], error) {
	view, err := a.parts.Requests.View(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	view.Request.Snapshots = nil
	return &body[onboarding.View]{view}, nil
}

type createRequestInput struct {
	Draft   bool `query:"draft" doc:"save it only; nothing is required but kind and team"`
	RawBody []byte
}

func (a *API) createRequest(ctx context.Context, in *createRequestInput) (*created[eventbus.Request], error) {
	submission, err := onboarding.ParseRequest(in.RawBody, "")
	if err != nil {
		return nil, err
	}
	if !in.Draft {
		if err := a.fit(ctx, submission, ""); err != nil {
			return nil, err
		}
	}
	saved, err := a.parts.Requests.Draft(ctx, actorOf(ctx), submission)
	if err == nil && !in.Draft {
		saved, err = a.parts.Requests.Submit(ctx, actorOf(ctx), saved.ID)
	}
	if err != nil {
		return nil, err
	}
	return &created[eventbus.Request]{"/api/v1/requests/" + saved.ID, saved}, nil
}

// fit refuses a submission that has faults before anything is saved, with the
// line and column of each.
func (a *API) fit(ctx context.Context, submission onboarding.Submission, id string) error {
	faults, err := a.parts.Requests.Check(ctx, submission.Content, id)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return eventbus.Invalid("nothing was submitted", submission.Locate(faults)...)
	}
	return nil
}

type checkRequestInput struct{ RawBody []byte }

type requestCheck struct {
	Kind     eventbus.RequestKind `json:"kind"`
	Faults   []eventbus.Fault     `json:"faults"`
	Warnings []string             `json:"warnings"`
}

func (a *API) checkRequest(ctx context.Context, in *checkRequestInput) (*body[requestCheck], error) {
	submission, err := onboarding.ParseRequest(in.RawBody, "")
	if err != nil {
		return nil, err
	}
	faults, err := a.parts.Requests.Check(ctx, submission.Content, "")
	if err != nil {
		return nil, err
	}
	return &body[requestCheck]{requestCheck{submission.Kind, submission.Locate(faults), onboarding.Warnings(submission.Content)}}, nil
}

type saveRequestInput struct {
	RequestPath
	Version int64 `query:"version" minimum:"0" doc:"the version that you edited; 0 for any"`
	Submit  bool  `query:"submit" doc:"hand it to the reviewers, too; it must then be valid"`
	RawBody []byte
}

func (a *API) saveRequest(ctx context.Context, in *saveRequestInput) (*body[eventbus.Request], error) {
	submission, err := onboarding.ParseRequest(in.RawBody, "")
	if err != nil {
		return nil, err
	}
	if in.Submit {
		if err := a.fit(ctx, submission, in.ID); err != nil {
			return nil, err
		}
	}
	saved, err := a.parts.Requests.SaveDraft(ctx, actorOf(ctx), in.ID, in.Version, submission)
	if err == nil && in.Submit {
		saved, err = a.parts.Requests.Submit(ctx, actorOf(ctx), in.ID)
	}
	return answerRequest(saved, err)
}

func answerRequest(r eventbus.Request, err error) (*body[eventbus.Request], error) {
	if err != nil {
		return nil, err
	}
	r.Snapshots = nil
	return &body[eventbus.Request]{r}, nil
}

func (a *API) submitRequest(ctx context.Context, in *RequestPath) (*body[eventbus.Request], error) {
	return answerRequest(a.parts.Requests.Submit(ctx, actorOf(ctx), in.ID))
}

type commentInput struct {
	RequestPath
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"4000"`
		Path string `json:"path,omitempty" maxLength:"200" doc:"field it is about"`
	}
}

func (a *API) commentRequest(ctx context.Context, in *commentInput) (*body[eventbus.Request], error) {
	return answerRequest(a.parts.Requests.Comment(ctx, actorOf(ctx), in.ID, in.Body.Text, in.Body.Path))
}

type withdrawInput struct {
	RequestPath
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"4000"`
	}
}

func (a *API) withdrawRequest(ctx context.Context, in *withdrawInput) (*body[eventbus.Request], error) {
	return answerRequest(a.parts.Requests.Withdraw(ctx, actorOf(ctx), in.ID, in.Body.Reason))
}

type promoteInput struct {
	RequestPath
	Body struct {
		Environment string `json:"environment" minLength:"1" maxLength:"31"`
	}
}

func (a *API) promoteRequest(ctx context.Context, in *promoteInput) (*body[eventbus.Request], error) {
	return answerRequest(a.parts.Requests.Promote(ctx, actorOf(ctx), in.ID, in.Body.Environment))
}

type acknowledgeInput struct {
	RequestPath
	Body struct {
		Team   string `json:"team,omitempty" maxLength:"63" doc:"the consuming team; may be left out when you belong to one only"`
		Reason string `json:"reason,omitempty" maxLength:"4000"`
	}
}

func (a *API) acknowledgeRequest(ctx context.Context, in *acknowledgeInput) (*body[eventbus.Request], error) {
	return answerRequest(a.parts.Requests.Acknowledge(ctx, actorOf(ctx), in.ID, in.Body.Team, in.Body.Reason))
}
