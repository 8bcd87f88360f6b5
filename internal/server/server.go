package server

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
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

// headroom is how many bytes of garbage more than a heap as small as ours would
// bear are let pile up: a tenth of the processor time of a busy gateway.
const headroom = 8 << 20

// Server is a whole bus in one process.
type Server struct {
	cfg     Config
	ports   *bound
	metrics *prometheus.Registry
	ca      *developmentCA    // of `dev`, else nil
	files   *certificateFiles // of `serve`, else nil

	instances *instances
	turn      turn

	store    *store.Store
	envs     atomic.Pointer[[]eventbus.Environment]
	accounts map[string]*awscloud.Account // by environment; those not named are the directory's
	kafkas   *kafkas
	kafka    *kgo.Client // of the first Kafka
	audit    *audit.Log
	iam      *iam.Directory
	observe  *observe.Observer
	registry *registry.Registry
	streams  *streams.Streams
	doors    tier

	catalog    *catalog.Catalog
	provision  *provision.Provisioner
	onboarding *onboarding.Service
	offers     offers
	auditHead  auditHead
	guard      *schemaGuard
	idp        *devidp.Provider // in dev, else nil
	session    *session.Sessions
	signedInBy session.Config // of the identity provider and its groups, what may be shown; no secret
	notify     *notify.Notifier
	senders    map[string]notify.Sender // by channel

	// padding is never touched, so that it takes no memory; the collector counts
	// it as alive, and runs so much later. It is made when everything is read.
	padding []byte

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
	s := &Server{cfg: cfg.withDefaults(), metrics: prometheus.NewRegistry(), health: readiness{}, ready: make(chan struct{}), turn: newTurn()}
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.ports, err = s.cfg.bind(); err != nil {
		return nil, err
	}
	if s.files, err = openCertificates(s.cfg); err != nil {
		return nil, err
	}
	if s.instances, err = s.newInstances(); err != nil {
		return nil, err
	}
	if err := s.openSenders(); err != nil {
		return nil, err
	}
	steps := []func(context.Context) error{
		s.openData, s.openAccounts, s.openCluster, s.openEnvironments, s.openIdentity, s.openRegistry, s.openControl, s.openPeople, s.openDoors,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	s.padding = make([]byte, headroom)
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
	s.store, err = store.Open(ctx, store.Config{Path: path, DSN: s.cfg.Database, Channels: s.channels(), Now: s.cfg.Now, Logger: s.cfg.Logger})
	if err != nil {
		return err
	}
	s.onClose(s.store.Close)
	if s.cfg.Database != "" {
		s.health["database"] = s.databaseAnswers
	}
	return nil
}

// databaseAnswers is nil while the shared database does; one of the instance's own
// is a part of it.
func (s *Server) databaseAnswers() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err := s.store.IAMVersion(ctx)
	return err
}

// openRegistry opens the schema registry on its Kafka. Only the embedded engine
// needs a second copy of the schemas: a cluster keeps its own replicas.
func (s *Server) openRegistry(ctx context.Context) (err error) {
	at, on := s.Addresses(), s.registryKafka()
	cfg := registry.Config{Advertised: cmp.Or(s.cfg.Advertise.Instance, at.Registry), Replication: 1, Now: s.cfg.Now, Logger: s.cfg.Logger}
	var copies registry.Copies = s.store.SchemaCopies()
	if on.external != nil {
		// The shortest that a broker takes by default: when the leading instance
		// dies, another one leads within ten seconds.
		cfg.SessionTimeout, cfg.Heartbeat = 6*time.Second, time.Second
		cfg.Replication, copies = int16(min(len(on.external.Nodes()), 3)), nil
	}
	s.registry, err = registry.Open(ctx, cfg, on.engine.ClientOpts(), copies)
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
	domain := tier{s.registry.Run, s.audit.Run, s.iam.Run, s.observe.Run, s.catalog.Run, s.onboarding.Run, s.provision.Run, s.reconcile, s.guard.follow, s.followEnvironments, s.session.Run, s.notify.Run}
	drivers := s.engines()
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
	// A start reads every topic from its beginning: what that left behind is
	// several times what the bus then holds.
	debug.FreeOSMemory()
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

// Dev reports whether this is the bus of `dev`.
func (s *Server) Dev() bool { return s.cfg.Dev }

// Demo reports whether the demo organisation runs.
func (s *Server) Demo() bool { return s.cfg.Demo }

// AdministratorToken is the local administrator's token of `dev`, or the one of
// the configuration of `serve`, which may be empty.
func (s *Server) AdministratorToken() string { return s.token }

// Addresses gives the real addresses of the doors.
func (s *Server) Addresses() Addresses {
	at := Addresses{
		HTTP:             s.url(s.ports.http, s.cfg.Advertise.HTTP),
		Registry:         s.url(s.ports.registry, s.cfg.Advertise.Registry),
		Kafka:            address(s.ports.kafka),
		KafkaIAM:         s.ports.bootstrap(doorIAM, 0),
		KafkaIAMExternal: s.ports.bootstrap(doorIAMExternal, 0),
		Admin:            address(s.ports.admin),
		CAFile:           s.cfg.CAFile,
		STSTLS:           address(s.ports.stsTLS),
		DataDir:          s.cfg.DataDir,
		Version:          s.cfg.Version,
	}
	if s.ca != nil {
		at.CAFile, at.Truststore = s.ca.caPath, s.ca.trustPath
	}
	return at
}

// url is the address of an HTTP door as others know it.
func (s *Server) url(l net.Listener, advertised string) string {
	switch {
	case l == nil:
		return ""
	case advertised != "":
		return advertised
	case s.files != nil:
		return "https://" + address(l)
	}
	return "http://" + address(l)
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
