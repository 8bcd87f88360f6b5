// Package apiserver is the control plane's JSON door: everything that portal and
// command line can do, under /api/v1, with its OpenAPI 3.1 document, the
// published JSON Schemas (/api/schemas/) and the Backstage export (/backstage/).
//
// It translates HTTP to the domain and back: who is calling (access.go, one row
// per route), what they asked for, and in one table (problem.go) each error code
// to its status. It decides nothing; the domain packages do. Package server
// mounts it.
package apiserver

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/session"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// Parts are what the API works with. A nil part takes its routes away: they
// answer 404 and are not in the OpenAPI document.
type Parts struct {
	Bus         func() client.Bus // what and where this bus is
	ClientSet   ClientSet
	Authorities Administrators    // the local administrator of `dev`; may be nil
	Sessions    *session.Sessions // people by token or session cookie
	Requests    *onboarding.Service
	Catalog     *catalog.Catalog
	Provisioner *provision.Provisioner
	Directory   *iam.Directory
	Observer    *observe.Observer
	Streams     *streams.Streams
	AuditLog    *audit.Log                   // records refusals; may be nil
	AuditStore  audit.Store                  // what /audit reads
	AuditHeads  func() ([]audit.Head, error) // heads saved outside the database, which the record must pass; may be nil
	Grants      Grants
	Plans       Plans
	Inbox       Inbox
	Offers      Offers  // new keys that wait for their contact
	Calls       Calls   // nil: an Idempotency-Key is refused
	Fetch       Fetcher // documents by address

	// Administrator is who the local administrator that Authorities knows acts
	// as; the zero value is session.LocalAdministrator.
	Administrator eventbus.Person
	// OpenReading lets anybody on loopback read what `dev` shows without
	// sign-in: bus, topics, catalog, environments.
	OpenReading bool
	// Schemas are further JSON Schemas to publish, by file name ("config.json").
	Schemas map[string][]byte
	Now     func() time.Time // nil is the real clock
	Log     *slog.Logger
}

// ClientSet gives the environment variables of a client.
type ClientSet interface {
	// ClientEnvironment gives the variables for a principal ("" for the local
	// administrator) in an environment ("" for the first).
	ClientEnvironment(ctx context.Context, principal, environment string) (map[string]string, error)
}

// Administrators knows the local administrator.
type Administrators interface {
	// Administrator reports whether the bearer token is the local
	// administrator's.
	Administrator(token string) bool
}

// Grants reads grants.
type Grants interface {
	Grants(ctx context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error)
}

// Plans reads plans and how far their steps have come.
type Plans interface {
	Plan(ctx context.Context, id string) (eventbus.Plan, []eventbus.Step, error)
	UnfinishedPlans(ctx context.Context) ([]eventbus.Plan, error)
}

// Offers holds the keys that provisioning made, each for one look of its
// technical contact.
type Offers interface {
	// Collect gives the key of a user to its contact and forgets it; CodeNotFound
	// when none waits for the actor.
	Collect(ctx context.Context, by eventbus.Actor, user string) (id, secret string, err error)
}

// Inbox is a person's notifications.
type Inbox interface {
	Inbox(ctx context.Context, p eventbus.Person, unreadOnly bool, limit int) ([]eventbus.Notification, error)
	MarkRead(ctx context.Context, personID, notificationID string) error
}

// API is the control plane's door.
type API struct {
	parts    Parts
	version  string
	mux      *http.ServeMux
	huma     huma.API
	flights  flights // of POSTs with an Idempotency-Key
	sameSite *http.CrossOriginProtection
}

// New builds the door; Handler serves /api/, Backstage serves /backstage/.
func New(version string, parts Parts) *API {
	if parts.Now == nil {
		parts.Now = time.Now
	}
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	if parts.Administrator.ID == "" {
		parts.Administrator = session.LocalAdministrator()
	}
	a := &API{parts: parts, version: version, mux: http.NewServeMux(), flights: flights{known: map[string]chan struct{}{}}, sameSite: http.NewCrossOriginProtection()}
	a.huma = humago.New(a.mux, config(version))
	a.registerAll()
	a.mux.HandleFunc("/api/", a.nowhere)
	return a
}

// settleHuma sets what huma keeps in package variables, once.
var settleHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = newProblem
})

func config(version string) huma.Config {
	settleHuma()
	config := huma.DefaultConfig("Enterprise Event Bus", version)
	config.OpenAPIPath = "/api/openapi"
	config.DocsPath = ""     // huma's page loads scripts from elsewhere
	config.SchemasPath = ""  // our JSON Schemas live under /api/schemas/
	config.CreateHooks = nil // no $schema in answers
	config.RejectUnknownQueryParameters = true
	format := huma.Format{
		Marshal:   func(w io.Writer, v any) error { return huma.DefaultJSONFormat.Marshal(w, filled(v)) },
		Unmarshal: unmarshalFilled,
	}
	config.Formats = map[string]huma.Format{"application/json": format, "json": format} // "json": every …+json
	config.Info.Description = "The control plane of the bus: what portal and command line call. " +
		"Errors are problem documents (RFC 9457) that list every fault at once."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "An API token (ebt_…); each operation names the scope it needs."},
	}
	return config
}

// registerAll adds the routes whose part is there.
func (a *API) registerAll() {
	p := a.parts
	a.registerBus()
	a.registerMe()
	for _, part := range []struct {
		there    bool
		register func()
	}{
		{p.Streams != nil, a.registerTopics},
		{p.Streams != nil, a.registerGroups},
		{p.Requests != nil, a.registerRequests},
		{p.Requests != nil, a.registerReviews},
		{p.Requests != nil && p.Provisioner != nil, a.registerRequestPlans},
		{p.Catalog != nil, a.registerEvents},
		{p.Catalog != nil && p.Fetch != nil, a.registerImports},
		{p.Catalog != nil && p.Streams != nil && p.Grants != nil, a.registerRecords},
		{p.Grants != nil, a.registerGrants},
		{p.Provisioner != nil, a.registerPlans},
		{p.Directory != nil, a.registerUsers},
		{p.Directory != nil, a.registerRoles},
		{p.Directory != nil, a.registerPolicies},
		{p.Directory != nil, a.registerKeys},
		{p.AuditStore != nil, a.registerAudit},
		{p.Inbox != nil, a.registerInbox},
		{p.Sessions != nil, a.registerTokens},
		{p.Sessions != nil, a.registerDeviceLogin},
		{p.Observer != nil, a.registerUsage},
	} {
		if part.there {
			part.register()
		}
	}
	a.registerSchemas()
	a.illustrate()
}

// Handler serves every path under /api/; unknown ones answer a problem
// document, too.
func (a *API) Handler() http.Handler { return a.mux }

// OpenAPI gives the OpenAPI 3.1 document, as YAML.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().YAML() }
