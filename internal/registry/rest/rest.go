// Package rest is the schema registry's HTTP door: the REST API of Confluent's
// Schema Registry 8.0 over registry.Registry, so that every serializer, UI and
// CI plugin made for it works unchanged, plus a few routes that its users ask
// for (restore, search, export, import) and health.
//
// It owns paths, status codes, error codes, media types, paging, ETags, request
// limits and the forwarding of writes to the leader. It decides nothing about
// schemas, and does not know who may do what: it asks the function it is given.
// Called by server.
package rest

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// Config of the door; the zero value works.
type Config struct {
	IncompatibleCode int           // error_code of an incompatible schema: 409 (Confluent up to 8.0.3), or 40901 (from 8.0.4)
	MaxBody          int64         // bytes of a request body: 2 MiB
	MaxImport        int64         // bytes of the body of an import: 256 MiB
	SearchLimit      int           // [schema.search.max.limit] rows of one answer of GET /schemas: 1,000
	CacheBytes       int           // rendered answers kept in memory: 32 MiB
	ClusterID        string        // of Kafka, shown by /v1/metadata/id
	Group            string        // of the registry, shown by /v1/metadata/id
	Version          string        // shown by /v1/metadata/version
	Commit           string        // shown by /v1/metadata/version
	ForwardTimeout   time.Duration // of a write sent on to the leader, waiting for the next one included: 15 s, more than the group takes to notice that one is gone
	Forward          *http.Client  // sends writes on to the leader; nil = a client of its own without proxies
	Logger           *slog.Logger
}

// Action is what a request wants to do.
type Action string

// The actions; everything but ActionRead changes the registry.
const (
	ActionRead     Action = "read"
	ActionRegister Action = "register"
	ActionDelete   Action = "delete"
	ActionConfig   Action = "config"
	ActionMode     Action = "mode"
	ActionImport   Action = "import"
)

// Operation is what Authorize is asked about. Subject is the full name, empty
// when the request is about all of them.
type Operation struct {
	Action  Action
	Subject string
}

// Authorize says on whose behalf a request acts, or refuses it with an
// *eventbus.Error of CodeForbidden or CodeUnauthenticated. Health and metadata
// are not asked about.
type Authorize func(r *http.Request, op Operation) (registry.Caller, error)

// Handler is the door.
type Handler struct {
	cfg       Config
	reg       *registry.Registry
	authorize Authorize
	routes    map[int][]route // by number of segments
	cache     *bodyCache
}

// New makes the door. A nil authorize lets everybody do everything, as the open
// registry of `dev` does on loopback.
func New(cfg Config, reg *registry.Registry, authorize Authorize) *Handler {
	cfg.IncompatibleCode = cmp.Or(cfg.IncompatibleCode, int(registry.ErrIncompatible))
	cfg.MaxBody = cmp.Or(cfg.MaxBody, 2<<20)
	cfg.MaxImport = cmp.Or(cfg.MaxImport, 256<<20)
	cfg.SearchLimit = cmp.Or(cfg.SearchLimit, 1000)
	cfg.CacheBytes = cmp.Or(cfg.CacheBytes, 32<<20)
	cfg.Group = cmp.Or(cfg.Group, "schema-registry")
	cfg.Version = cmp.Or(cfg.Version, "8.0.0")
	cfg.ForwardTimeout = cmp.Or(cfg.ForwardTimeout, 15*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if cfg.Forward == nil {
		cfg.Forward = &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if authorize == nil {
		authorize = everybody
	}
	h := &Handler{cfg: cfg, reg: reg, authorize: authorize, cache: newBodyCache(cfg.CacheBytes)}
	h.routes = byLength(h.table())
	return h
}

// everybody is the local administrator.
func everybody(r *http.Request, _ Operation) (registry.Caller, error) {
	return registry.Caller{Author: "local administrator", RequestID: r.Header.Get(headerRequestID)}, nil
}

// ServeHTTP answers one request. A defect in a handler ends the request with
// 500, never the process.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if fault := recover(); fault != nil {
			h.cfg.Logger.Error("a registry request failed", "method", r.Method, "path", r.URL.Path, "panic", fault)
			writeError(w, r, statusError{http.StatusInternalServerError, 500, "Internal Server Error"})
		}
	}()
	if h.serveCached(w, r) {
		return
	}
	h.dispatch(w, r)
}
