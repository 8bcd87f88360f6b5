package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/notify"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/session"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// Server is a whole bus in one process.
type Server struct {
	cfg     Config
	ports   *bound
	metrics *prometheus.Registry
	ca      *developmentCA

	store    *store.Store
	envs     atomic.Pointer[[]eventbus.Environment]
	engine   *cluster.Embedded
	kafka    *kgo.Client // in process, for the domain
	audit    *audit.Log
	iam      *iam.Directory
	observe  *observe.Observer
	registry *registry.Registry
	streams  *streams.Streams
	gateway  *gateway.Gateway
	doors    tier

	catalog    *catalog.Catalog
	provision  *provision.Provisioner
	onboarding *onboarding.Service
	offers     keyOffers
	guard      *schemaGuard
	idp        *devidp.Provider // in dev, else nil
	session    *session.Sessions
	notify     *notify.Notifier

	health  readiness
	token   string // of the local administrator, in dev
	ready   chan struct{}
	closers []func() error // in the order of opening
	once    sync.Once
}

// Open binds every door and opens every part; nothing is accepted before Run.
// An error says which port, folder or setting is at fault and what to do, and
// leaves nothing open. ctx bounds opening only.
func Open(ctx context.Context, cfg Config) (_ *Server, err error) {
	s := &Server{cfg: cfg.withDefaults(), metrics: prometheus.NewRegistry(), health: readiness{}, ready: make(chan struct{})}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.ports, err = bind(s.cfg.Listeners); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{
		s.openData, s.openCluster, s.openIdentity, s.openRegistry, s.openControl, s.openPeople, s.openDoors,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// onClose remembers what Close must stop.
func (s *Server) onClose(stop func() error) { s.closers = append(s.closers, stop) }

// openData makes the data folder and opens the database in it.
func (s *Server) openData(ctx context.Context) (err error) {
	path := ""
	if s.cfg.DataDir != "" {
		if err := os.MkdirAll(s.cfg.DataDir, 0o700); err != nil {
			return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "cannot make the data folder " + s.cfg.DataDir,
				Next: "choose another with --data-dir", Err: err}
		}
		path = filepath.Join(s.cfg.DataDir, "eventbus.db")
	}
	s.store, err = store.Open(ctx, store.Config{Path: path, DSN: s.cfg.Database, Now: s.cfg.Now, Logger: s.cfg.Logger})
	if err != nil {
		return err
	}
	s.onClose(s.store.Close)
	return s.openEnvironments(ctx)
}

// kafkaWrites is the part of readiness that fails while the engine is read-only.
const kafkaWrites = "kafka writes"

// openCluster opens the embedded Kafka engine and the bus's own client of it.
func (s *Server) openCluster(ctx context.Context) (err error) {
	cfg := s.cfg.Cluster
	cfg.DataDir, cfg.Logger, cfg.Now = s.cfg.DataDir, s.cfg.Logger, s.cfg.Now
	if s.engine, err = cluster.OpenEmbedded(ctx, cfg, s.store); err != nil {
		return err
	}
	s.onClose(s.engine.Close)
	s.health["kafka"] = s.engine.Ready
	s.health[kafkaWrites] = s.engine.Writable
	if err := s.engine.Register(s.metrics); err != nil {
		return err
	}
	if s.kafka, err = kgo.NewClient(s.engine.ClientOpts()...); err != nil {
		return err
	}
	s.onClose(func() error { s.kafka.Close(); return nil })
	return nil
}

// openRegistry opens the schema registry on the engine.
func (s *Server) openRegistry(ctx context.Context) (err error) {
	s.registry, err = registry.Open(ctx, registry.Config{
		Advertised: s.Addresses().Registry, Replication: 1, Now: s.cfg.Now, Logger: s.cfg.Logger,
	}, s.engine.ClientOpts(), s.store.SchemaCopies())
	if err != nil {
		return err
	}
	s.onClose(func() error { s.registry.Close(); return nil })
	s.health["schema registry"] = s.registry.Ready
	return nil
}

// Run accepts on every door until ctx ends, then drains: doors first, then
// domain loops, then drivers. It returns the first failure of a part.
func (s *Server) Run(ctx context.Context) error {
	domain := tier{s.registry.Run, s.audit.Run, s.iam.Run, s.observe.Run, s.catalog.Run, s.onboarding.Run, s.provision.Run, s.reconcile, s.guard.follow, s.session.Run, s.notify.Run}
	drivers := tier{s.engine.Run}
	first := tier{s.becomeReady}
	if s.cfg.Demo {
		first = append(first, s.runDemo)
	}
	return runTiers(ctx, append(first, s.doors...), domain, drivers)
}

// becomeReady seeds what every bus has, waits until every part can serve, and
// then says so. A bus whose disk is full serves too: it lets people read.
func (s *Server) becomeReady(ctx context.Context) error {
	if err := s.seed(ctx); err != nil {
		return err
	}
	for s.starting() {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(2 * time.Millisecond):
		}
	}
	close(s.ready)
	<-ctx.Done()
	return nil
}

// starting reports whether a part cannot serve yet; being read-only is not that.
func (s *Server) starting() bool {
	faults := s.health.faults()
	delete(faults, kafkaWrites)
	return len(faults) > 0
}

// Ready is closed once everything answers.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Demo reports whether the demo organisation runs.
func (s *Server) Demo() bool { return s.cfg.Demo }

// AdministratorToken is the local administrator's token of `dev`, else empty.
func (s *Server) AdministratorToken() string { return s.token }

// Addresses gives the real addresses of the doors.
func (s *Server) Addresses() Addresses {
	at := Addresses{
		Kafka:            address(s.ports.kafka),
		KafkaIAM:         address(s.ports.kafkaIAM),
		KafkaIAMExternal: address(s.ports.kafkaIAMExternal),
		STSTLS:           address(s.ports.stsTLS),
		DataDir:          s.cfg.DataDir,
		Version:          s.cfg.Version,
	}
	if s.ports.http != nil {
		at.HTTP = "http://" + address(s.ports.http)
	}
	if s.ports.registry != nil {
		at.Registry = "http://" + address(s.ports.registry)
	}
	if s.ca != nil {
		at.CAFile, at.Truststore = s.ca.caPath, s.ca.trustPath
	}
	return at
}

// Close stops what Open opened, in reverse order. It may be called again.
func (s *Server) Close() error {
	var errs []error
	s.once.Do(func() {
		if s.ports != nil {
			s.ports.close()
		}
		for i := len(s.closers) - 1; i >= 0; i-- {
			errs = append(errs, s.closers[i]())
		}
	})
	return errors.Join(errs...)
}
