package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/apiserver"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sts"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
	"github.com/enterprise-event-bus/eventbus/internal/portal"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/registry/rest"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// openDoors builds what answers on each listener.
func (s *Server) openDoors(context.Context) error {
	if err := s.openKafkaDoors(); err != nil {
		return err
	}
	if s.ports.registry != nil {
		handler := rest.New(rest.Config{Forward: s.instances.client, Logger: s.cfg.Logger}, s.registry, s.authorizeRegistry)
		s.serveHTTP(s.ports.registry, handler)
	}
	if err := s.openSTSDoor(); err != nil {
		return err
	}
	if s.ports.http != nil {
		s.serveHTTP(s.ports.http, s.httpHandler())
	}
	if s.ports.admin != nil {
		s.serveHTTP(s.ports.admin, s.adminHandler())
	}
	return nil
}

// serveHTTP adds an HTTP door; with certificates it speaks TLS, except the one for
// metrics on loopback.
func (s *Server) serveHTTP(l net.Listener, handler http.Handler) {
	var config *tls.Config
	if s.files != nil && !(l == s.ports.admin && onLoopback(l)) {
		config = &tls.Config{GetCertificate: s.files.choose, MinVersion: tls.VersionTLS12}
	}
	s.doors = append(s.doors, serveHTTP(l, config, handler, s.cfg.DrainTimeout, s.cfg.Logger))
}

// adminHandler is health and metrics. Whoever is not on this machine needs a token.
func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	s.health.mount(mux)
	metrics := promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if !onLoopback(s.ports.admin) {
			if actor, err := s.bearer(r); err != nil || !actor.Scoped(session.ScopeRead) {
				http.Error(w, "metrics need an API token of scope read", http.StatusUnauthorized)
				return
			}
		}
		metrics.ServeHTTP(w, r)
	})
	return mux
}

func onLoopback(l net.Listener) bool {
	host, _ := hostPort(l)
	return loopbackHost(host)
}

// openSTSDoor serves STS over TLS under AWS's own name, for clients that force
// sts.REGION.amazonaws.com and are told that it is this machine.
func (s *Server) openSTSDoor() error {
	if s.ports.stsTLS == nil {
		return nil
	}
	config, err := s.tlsConfig("sts." + s.cfg.Deployment.Region + ".amazonaws.com")
	if err != nil {
		return err
	}
	handler := sts.New(sts.Config{Logger: s.cfg.Logger}, s.iam)
	s.doors = append(s.doors, serveHTTP(s.ports.stsTLS, config, handler, s.cfg.DrainTimeout, s.cfg.Logger))
	return nil
}

// httpHandler is everything behind the main HTTP address.
func (s *Server) httpHandler() http.Handler {
	mux, at := http.NewServeMux(), s.Addresses()
	s.health.mount(mux)
	if s.cfg.Dev {
		mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}))
	}
	endpoint := sts.New(sts.Config{Logger: s.cfg.Logger}, s.iam)
	mux.Handle("/aws/sts", endpoint)
	mux.Handle("/aws/sts/", endpoint)
	mux.Handle("POST /{$}", endpoint) // AWS's SDK for Java leaves the path of AWS_ENDPOINT_URL_STS out
	api := apiserver.New(s.cfg.Version, apiserver.Parts{
		Bus: s.bus, ClientSet: s, Authorities: s, Sessions: s.session, Requests: s.onboarding, Catalog: s.catalog,
		Provisioner: s.provision, Directory: s.iam, Observer: s.observe, Streams: s.streams,
		AuditLog: s.audit, AuditStore: s.store, AuditHeads: s.auditHead.saved, Grants: s.store, Plans: s.store, Inbox: s.store, Offers: s.offers, Calls: s.store, Fetch: outbound.New(s.cfg.Fetch),
		Administrator: s.administrator(), OpenReading: s.cfg.Dev, Schemas: map[string][]byte{"config.json": ConfigSchema()}, Now: s.cfg.Now, Log: s.cfg.Logger,
	})
	mux.Handle("/api/", api.Handler())
	mux.Handle("/backstage/", api.Backstage())
	if s.idp != nil {
		mux.Handle(devIDPPath+"/", s.idp)
	}
	mux.Handle("/", portal.New(portal.Config{
		Version: s.cfg.Version, Dev: s.cfg.Dev, Personas: s.personas(), Environments: s.environments, Deployment: s.cfg.Deployment,
		BaseURL: at.HTTP, STSEndpoint: at.HTTP + "/aws/sts", CAFile: at.CAFile, Truststore: at.Truststore, Now: s.cfg.Now, Logger: s.cfg.Logger,
	}, portal.Parts{
		Sessions: s.session, Catalog: s.catalog, Onboarding: s.onboarding, Records: s.store, Inbox: s.store,
		Registry: s.registry, Access: s.iam, Observe: s.observe, Audit: s.store, AuditHeads: s.auditHead.saved, Streams: s.streams, Planner: s.provision, Keys: s.offers,
		Status: s.status, Settings: s.shownSettings,
	}).Handler())
	return s.onOwnName(mux)
}

// status tells the portal how each part is.
func (s *Server) status(context.Context) []portal.Component {
	faults := s.health.faults()
	var components []portal.Component
	for part := range s.health {
		components = append(components, portal.Component{Name: part, Healthy: faults[part] == "", Detail: faults[part]})
	}
	slices.SortFunc(components, func(a, b portal.Component) int { return strings.Compare(a.Name, b.Name) })
	return components
}

// bus describes this bus to its clients.
func (s *Server) bus() client.Bus {
	at := s.Addresses()
	return client.Bus{
		Version: at.Version, Kafka: at.Kafka, KafkaIAM: at.KafkaIAM, KafkaExt: at.KafkaIAMExternal, Registry: at.Registry,
		STS: at.HTTP + "/aws/sts", CAFile: at.CAFile, Truststore: at.Truststore,
		Environments: s.environments(), Deployment: s.cfg.Deployment,
	}
}

// authorizeRegistry says who may use the registry (contract, "Who is trusted"):
// in `dev` everyone on loopback is the local administrator, unless writes are
// closed. Then, and in every `serve`, reading is open and writing needs a token of
// scope schema:write of an operator, or of another instance of this bus.
func (s *Server) authorizeRegistry(r *http.Request, op rest.Operation) (registry.Caller, error) {
	caller := registry.Caller{Author: "local administrator", RequestID: r.Header.Get("X-Request-Id")}
	if op.Action == rest.ActionRead || !s.cfg.RegistryWritesClosed {
		return caller, nil
	}
	if s.instances.is(bearerOf(r)) {
		caller.Author = provisionAuthor
		return caller, nil
	}
	actor, err := s.bearer(r)
	if code := eventbus.CodeOf(err); code == eventbus.CodeLimited || code == eventbus.CodeUnavailable {
		return registry.Caller{}, err
	}
	if err == nil && actor.Person.Has(eventbus.RoleOperator) && actor.Scoped(session.ScopeSchemaWrite) {
		caller.Author = actor.Name()
		return caller, nil
	}
	return registry.Caller{}, &eventbus.Error{Code: eventbus.CodeForbidden,
		Message: fmt.Sprintf("This registry does not accept %s from clients: schemas are registered by the bus when a request is approved", op.Action),
		Next:    "set auto.register.schemas=false, or use an operator's token of scope schema:write"}
}

// bearer finds out whom the token of a request speaks for.
func (s *Server) bearer(r *http.Request) (eventbus.Actor, error) {
	token := bearerOf(r)
	if token == "" {
		return eventbus.Actor{}, eventbus.Errorf(eventbus.CodeUnauthenticated, "no token was sent")
	}
	return s.session.Token(r.Context(), token, r.RemoteAddr)
}

// bearerOf gives the token of a request: as a bearer token, or as the password of
// basic authentication, which is what Confluent's clients can send
// (basic.auth.user.info).
func bearerOf(r *http.Request) string {
	header := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok {
		return strings.TrimSpace(token)
	}
	_, password, _ := r.BasicAuth()
	return password
}
