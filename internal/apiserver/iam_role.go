package apiserver

import (
	"context"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
)

func (a *API) registerRoles() {
	const bad, missing, stale = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict
	register(a, operation(http.MethodGet, "/iam/roles", "list-roles", "The roles of the directory, by name"), a.listRoles)
	create := operation(http.MethodPost, "/iam/roles", "create-role", "Make a role", bad, stale)
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createRole)
	register(a, operation(http.MethodPut, "/iam/roles/{name}/trust", "set-trust", "Say who may assume a role; its sessions end", bad, missing, stale), a.setTrust)
	register(a, operation(http.MethodDelete, "/iam/roles/{name}", "delete-role", "Delete a role; its sessions end", missing), a.deleteRole)
}

type roleList struct {
	Roles []eventbus.IAMRole `json:"roles"`
}

func (a *API) listRoles(ctx context.Context, _ *none) (*body[roleList], error) {
	roles, err := a.parts.Directory.Roles(ctx)
	if err != nil {
		return nil, err
	}
	return &body[roleList]{roleList{roles}}, nil
}

// Trust says who may assume a role: principals, or a whole document.
type Trust struct {
	TrustedBy []string `json:"trustedBy,omitempty" maxItems:"100" doc:"ARNs of users and roles that may assume it"`
	Document  string   `json:"trust,omitempty" maxLength:"4096" doc:"trust policy document instead"`
}

func (t Trust) text() (string, error) {
	if (t.Document == "") == (len(t.TrustedBy) == 0) {
		return "", eventbus.Invalid("nothing was changed", eventbus.Fault{Path: "trustedBy",
			Message: "nobody, or two answers", Fix: "give trustedBy (ARNs) or trust (a document)"})
	}
	if t.Document != "" {
		return t.Document, nil
	}
	return iam.TrustOf(t.TrustedBy...), nil
}

type createRoleInput struct {
	Body struct {
		Trust
		Name              string `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9_+=,.@-]+$" patternDescription:"letters, digits and _+=,.@-"`
		Team              string `json:"team,omitempty" maxLength:"63"`
		MaxSessionSeconds int    `json:"maxSessionSeconds,omitempty" minimum:"900" maximum:"43200" doc:"default an hour"`
	}
}

func (a *API) createRole(ctx context.Context, in *createRoleInput) (*created[eventbus.IAMRole], error) {
	document, err := in.Body.text()
	if err != nil {
		return nil, err
	}
	role, err := a.parts.Directory.CreateRole(ctx, actorOf(ctx), eventbus.IAMRole{Name: in.Body.Name, Team: in.Body.Team,
		Trust: document, MaxSession: time.Duration(in.Body.MaxSessionSeconds) * time.Second})
	if err != nil {
		return nil, err
	}
	return &created[eventbus.IAMRole]{"/api/v1/iam/roles/" + role.Name, role}, nil
}

type setTrustInput struct {
	IdentityPath
	Body Trust
}

func (a *API) setTrust(ctx context.Context, in *setTrustInput) (*none, error) {
	document, err := in.Body.text()
	if err != nil {
		return nil, err
	}
	return nil, a.parts.Directory.SetTrust(ctx, actorOf(ctx), in.Name, document)
}

func (a *API) deleteRole(ctx context.Context, in *IdentityPath) (*none, error) {
	return nil, a.parts.Directory.DeleteRole(ctx, actorOf(ctx), in.Name)
}
