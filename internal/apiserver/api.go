// Package apiserver is the control plane's JSON door: everything that portal and
// command line can do, under /api/v1, with its OpenAPI 3.1 document.
//
// It translates HTTP to the domain and back: who is calling, what they asked
// for, and in one table (problem.go) each error code to its status. It decides
// nothing; the domain packages do. Package server mounts it.
package apiserver

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// Parts are what the API works with.
type Parts struct {
	Bus         func() client.Bus // what and where this bus is
	Streams     *streams.Streams
	ClientSet   ClientSet
	Authorities Callers
	Log         *slog.Logger
}

// ClientSet gives the environment variables of a client.
type ClientSet interface {
	// ClientEnvironment gives the variables for a principal ("" for the local
	// administrator) in an environment ("" for the first).
	ClientEnvironment(ctx context.Context, principal, environment string) (map[string]string, error)
}

// Callers finds out who calls.
type Callers interface {
	// Administrator reports whether the bearer token is the local
	// administrator's.
	Administrator(token string) bool
}

// API is the control plane's door.
type API struct {
	parts Parts
	huma  huma.API
}

// New builds the door; Handler serves /api/.
func New(version string, parts Parts) *API {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Enterprise Event Bus", version)
	config.OpenAPIPath = "/api/openapi"
	config.DocsPath = ""     // huma's page loads scripts from elsewhere
	config.SchemasPath = ""  // our JSON Schemas live under /api/schemas/
	config.CreateHooks = nil // no $schema in answers
	huma.DefaultArrayNullable = false
	a := &API{parts: parts, huma: humago.New(mux, config)}
	a.registerBus()
	a.registerTopics()
	return a
}

// Handler serves every path under /api/; unknown ones answer a problem
// document, too.
func (a *API) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.huma.Adapter().ServeHTTP(w, r)
	})
}
