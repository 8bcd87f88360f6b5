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
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sts"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
	"github.com/enterprise-event-bus/eventbus/internal/portal"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/registry/rest"
)

// openDoors builds what answers on each listener.
func (s *Server) openDoors(context.Context) error {
	if err := s.openKafkaDoors(); err != nil {
		return err
	}
	if s.ports.registry != nil {
		handler := rest.New(rest.Config{Logger: s.cfg.Logger}, s.registry, s.authorizeRegistry)
		s.doors = append(s.doors, serveHTTP(s.ports.registry, handler, s.cfg.DrainTimeout, s.cfg.Logger))
	}
	if err := s.openSTSDoor(); err != nil {
		return err
	}
	if s.ports.http != nil {
		s.doors = append(s.doors, serveHTTP(s.ports.http, s.httpHandler(), s.cfg.DrainTimeout, s.cfg.Logger))
	}
	return nil
}

// openSTSDoor serves STS over TLS under AWS's own name, for clients that force
// sts.REGION.amazonaws.com and are told that it is this machine.
func (s *Server) openSTSDoor() error {
	if s.ports.stsTLS == nil {
		return nil
	}
	config, err := s.ca.tlsConfig(s.cfg.Now(), "sts."+s.cfg.Deployment.Region+".amazonaws.com")
	if err != nil {
		return err
	}
	handler := sts.New(sts.Config{Logger: s.cfg.Logger}, s.iam)
	s.doors = append(s.doors, serveHTTP(tls.NewListener(s.ports.stsTLS, config), handler, s.cfg.DrainTimeout, s.cfg.Logger))
	return nil
}

// openKafkaDoors makes the gateway and its listeners.
func (s *Server) openKafkaDoors() error {
	cfg := s.cfg.Gateway
	cfg.Deployment, cfg.Limits, cfg.Now = s.cfg.Deployment, s.topicLimits, s.cfg.Now
	s.gateway = gateway.New(cfg, s.engine, authority{s.iam}, gateway.Parts{
		Guard: s.guard, Observer: s.observe, Log: s.cfg.Logger, Metrics: s.metrics,
	})
	var listeners []gateway.Listener
	if l := s.ports.kafka; l != nil {
		listeners = append(listeners, gateway.Listener{Name: "plaintext", Net: l, Advertise: advertise(l)})
	}
	for name, l := range map[string]net.Listener{"iam": s.ports.kafkaIAM, "iam-external": s.ports.kafkaIAMExternal} {
		if l == nil {
			continue
		}
		config, err := s.ca.tlsConfig(s.cfg.Now())
		if err != nil {
			return err
		}
		listeners = append(listeners, gateway.Listener{Name: name, Net: l, TLS: config,
			Mechanisms: []string{gateway.MechanismIAM, gateway.MechanismOAuth}, Advertise: advertise(l)})
	}
	if len(listeners) > 0 {
		s.doors = append(s.doors, func(ctx context.Context) error { return s.gateway.Run(ctx, listeners) })
	}
	return nil
}

// advertise sends clients back to the door they came through: the embedded
// engine is one node.
func advertise(l net.Listener) func(int32) (string, int32) {
	host, port := hostPort(l)
	return func(int32) (string, int32) { return host, port }
}

// httpHandler is everything behind the main HTTP address.
func (s *Server) httpHandler() http.Handler {
	mux, at := http.NewServeMux(), s.Addresses()
	s.health.mount(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}))
	endpoint := sts.New(sts.Config{Logger: s.cfg.Logger}, s.iam)
	mux.Handle("/aws/sts", endpoint)
	mux.Handle("/aws/sts/", endpoint)
	api := apiserver.New(s.cfg.Version, apiserver.Parts{
		Bus: s.bus, ClientSet: s, Authorities: s, Sessions: s.session, Requests: s.onboarding, Catalog: s.catalog,
		Provisioner: s.provision, Directory: s.iam, Observer: s.observe, Streams: s.streams,
		AuditLog: s.audit, AuditStore: s.store, Grants: s.store, Plans: s.store, Inbox: s.store, Offers: s.offers, Calls: s.store, Fetch: outbound.New(s.cfg.Fetch),
		Administrator: s.administrator(), OpenReading: s.cfg.Dev, Now: s.cfg.Now, Log: s.cfg.Logger,
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
		Registry: s.registry, Access: s.iam, Observe: s.observe, Audit: s.store, Topics: s.streams, Groups: portalGroups{s.streams}, Streams: s.streams, Planner: s.provision,
		Status: s.status,
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
// closed; then only a token of scope schema:write may write.
func (s *Server) authorizeRegistry(r *http.Request, op rest.Operation) (registry.Caller, error) {
	caller := registry.Caller{Author: "local administrator", RequestID: r.Header.Get("X-Request-Id")}
	if op.Action == rest.ActionRead || !s.cfg.RegistryWritesClosed {
		return caller, nil
	}
	if s.Administrator(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
		return caller, nil
	}
	return registry.Caller{}, &eventbus.Error{Code: eventbus.CodeForbidden,
		Message: fmt.Sprintf("This registry does not accept %s from clients: schemas are registered by the bus when a request is approved", op.Action),
		Next:    "set auto.register.schemas=false, or use a token of scope schema:write"}
}
