package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// SubmitRequest hands in a request document (YAML or JSON); as a draft it is
// only saved.
func (a *API) SubmitRequest(ctx context.Context, document []byte, draft bool) (eventbus.Request, error) {
	var r eventbus.Request
	err := a.Do(ctx, http.MethodPost, "/api/v1/requests?draft="+strconv.FormatBool(draft), document, &r)
	return r, err
}

// SaveRequest replaces the content of a request; with submit it goes to the
// reviewers, too.
func (a *API) SaveRequest(ctx context.Context, id string, document []byte, submit bool) (eventbus.Request, error) {
	var r eventbus.Request
	err := a.Do(ctx, http.MethodPut, requestPath(id)+"?submit="+strconv.FormatBool(submit), document, &r)
	return r, err
}

// Request gives one request.
func (a *API) Request(ctx context.Context, id string) (eventbus.Request, error) {
	var view struct {
		Request eventbus.Request `json:"request"`
	}
	err := a.Get(ctx, requestPath(id), &view)
	return view.Request, err
}

// Requests lists the requests that the caller may see, newest first; of q the
// State, Kind, Event, Team, OpenOnly, Before, BeforeID and Limit count.
func (a *API) Requests(ctx context.Context, q eventbus.RequestQuery) ([]eventbus.Request, error) {
	values := url.Values{}
	for name, value := range map[string]string{"state": string(q.State), "kind": string(q.Kind), "event": q.Event, "team": q.Team, "beforeId": q.BeforeID} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if q.OpenOnly {
		values.Set("open", "true")
	}
	if !q.Before.IsZero() {
		values.Set("before", q.Before.Format(time.RFC3339Nano))
	}
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	var page struct {
		Requests []eventbus.Request `json:"requests"`
	}
	err := a.Get(ctx, "/api/v1/requests?"+values.Encode(), &page)
	return page.Requests, err
}

// Decide records a reviewer's decision on a stage; environment is for the stage
// production.
func (a *API) Decide(ctx context.Context, id string, stage eventbus.Stage, environment string, decision eventbus.Decision, reason string) (eventbus.Request, error) {
	return a.act(ctx, http.MethodPost, id, "decisions", map[string]string{"stage": string(stage), "environment": environment,
		"decision": string(decision), "reason": reason})
}

// Comment adds a remark, about a field or (path empty) the whole.
func (a *API) Comment(ctx context.Context, id, text, path string) (eventbus.Request, error) {
	return a.act(ctx, http.MethodPost, id, "comments", map[string]string{"text": text, "path": path})
}

// Withdraw ends a request that nothing was provisioned for.
func (a *API) Withdraw(ctx context.Context, id, reason string) (eventbus.Request, error) {
	return a.act(ctx, http.MethodPost, id, "withdraw", map[string]string{"reason": reason})
}

// Promote asks for a production environment.
func (a *API) Promote(ctx context.Context, id, environment string) (eventbus.Request, error) {
	return a.act(ctx, http.MethodPost, id, "promote", map[string]string{"environment": environment})
}

// Acknowledge says that a consuming team has seen a change.
func (a *API) Acknowledge(ctx context.Context, id, team, reason string) (eventbus.Request, error) {
	return a.act(ctx, http.MethodPost, id, "acknowledge", map[string]string{"team": team, "reason": reason})
}

// SetGate records what a reviewer found about a gate; of g the Kind, State,
// Evidence, Expires and Reason count.
func (a *API) SetGate(ctx context.Context, id string, g eventbus.Gate) (eventbus.Request, error) {
	return a.act(ctx, http.MethodPut, id, "gates/"+url.PathEscape(string(g.Kind)), map[string]string{"state": string(g.State),
		"evidence": g.Evidence, "expires": g.Expires, "reason": g.Reason})
}

func requestPath(id string) string { return "/api/v1/requests/" + url.PathEscape(id) }

// act sends the fields that are not empty.
func (a *API) act(ctx context.Context, method, id, verb string, fields map[string]string) (eventbus.Request, error) {
	for name, value := range fields {
		if value == "" {
			delete(fields, name)
		}
	}
	var r eventbus.Request
	err := a.Do(ctx, method, requestPath(id)+"/"+verb, fields, &r)
	return r, err
}

// Plan is what the bus would change to make manifests true.
type Plan struct {
	ID           string            `json:"id"`
	Source       string            `json:"source"`
	Changes      []eventbus.Change `json:"changes"`
	WorldHash    string            `json:"worldHash"`
	MadeAt       time.Time         `json:"madeAt"`
	Add          int               `json:"add"`
	Change       int               `json:"change"`
	Remove       int               `json:"remove"`
	NeedApproval int               `json:"needApproval"`
	Text         string            `json:"text"` // for people
}

// Plan compares manifests with the world; nothing is changed. files are the
// texts by path: the manifests and the schema files that they name.
func (a *API) Plan(ctx context.Context, files map[string]string) (Plan, error) {
	var p Plan
	err := a.Do(ctx, http.MethodPost, "/api/v1/plans", map[string]any{"files": files}, &p)
	return p, err
}

// Apply makes the manifests true exactly as the plan says; CodeConflict when
// the world moved since. allowDestructive lets access end and topics go;
// approved says that what needs approval was agreed to.
func (a *API) Apply(ctx context.Context, files map[string]string, p Plan, allowDestructive, approved bool) error {
	return a.Do(ctx, http.MethodPost, "/api/v1/plans/apply", map[string]any{"files": files, "id": p.ID, "worldHash": p.WorldHash,
		"changes": p.Changes, "allowDestructive": allowDestructive, "approved": approved}, nil)
}

// Drift lists what differs from what is wanted.
func (a *API) Drift(ctx context.Context) ([]eventbus.Change, error) {
	var list struct {
		Changes []eventbus.Change `json:"changes"`
	}
	err := a.Get(ctx, "/api/v1/drift", &list)
	return list.Changes, err
}

// CreateToken makes an API token of the caller; secret is shown this once. No
// scopes means all that the caller may give; zero days means the default.
func (a *API) CreateToken(ctx context.Context, name string, scopes []string, days int) (secret string, token eventbus.APIToken, err error) {
	in := map[string]any{"name": name}
	if len(scopes) > 0 {
		in["scopes"] = scopes
	}
	if days > 0 {
		in["days"] = days
	}
	var out struct {
		Secret string            `json:"secret"`
		Token  eventbus.APIToken `json:"token"`
	}
	err = a.Do(ctx, http.MethodPost, "/api/v1/tokens", in, &out)
	return out.Secret, out.Token, err
}

// Me tells who the caller is.
func (a *API) Me(ctx context.Context) (eventbus.Person, error) {
	var out struct {
		Person eventbus.Person `json:"person"`
	}
	err := a.Get(ctx, "/api/v1/me", &out)
	return out.Person, err
}
