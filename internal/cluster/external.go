package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/enterprise-event-bus/eventbus"
)

// Defaults of ExternalConfig.
const (
	DefaultRefreshEvery = 10 * time.Second // between two looks at brokers and topics
	DefaultDialTimeout  = 10 * time.Second // to connect and to sign in to a broker
	askExternalTimeout  = 5 * time.Second  // for a question that a request waits for
)

// ExternalConfig says where an Apache Kafka (3.1 or later) or an AWS MSK cluster
// is and how the bus signs in to it. Bootstrap must be set; the rest may be zero.
type ExternalConfig struct {
	Bootstrap []string       // host:port of some brokers
	TLS       *tls.Config    // nil speaks PLAINTEXT; an empty ServerName follows the broker's host
	SASL      sasl.Mechanism // of the bus itself (SASL.Mechanism makes one); nil signs in with TLS alone, or not at all

	Limits eventbus.TopicLimits // bound topics made through CreateTopic

	RefreshEvery time.Duration // 0 means DefaultRefreshEvery
	DialTimeout  time.Duration // 0 means DefaultDialTimeout
	Logger       *slog.Logger  // nil means no log
	Now          func() time.Time
}

func (c ExternalConfig) withDefaults() ExternalConfig {
	if c.RefreshEvery <= 0 {
		c.RefreshEvery = DefaultRefreshEvery
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = DefaultDialTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// check finds every fault of the configuration at once.
func (c ExternalConfig) check() error {
	var faults []eventbus.Fault
	if len(c.Bootstrap) == 0 {
		faults = append(faults, eventbus.Fault{Path: "bootstrap", Message: "no broker is named", Fix: "give at least one host:port"})
	}
	for i, address := range c.Bootstrap {
		_, port, err := net.SplitHostPort(address)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 {
			faults = append(faults, eventbus.Fault{Path: fmt.Sprintf("bootstrap[%d]", i),
				Message: strconv.Quote(address) + " is not an address", Fix: "write host:port"})
		}
	}
	if len(faults) > 0 {
		return eventbus.Invalid("the external cluster was not opened", faults...)
	}
	return nil
}

// External is an Apache Kafka or MSK cluster of one or many brokers. It gives the
// gateway one Upstream for each node and one for whoever has just arrived; none
// of them ever tells a client where the brokers really are.
type External struct {
	cfg    ExternalConfig
	log    *slog.Logger
	client *kgo.Client // the bus's own questions

	mu      sync.RWMutex
	nodes   map[int32]string      // node id to host:port
	names   map[[16]byte]string   // topic id to name
	limits  map[string]int32      // topic name to max.message.bytes
	fresh   time.Time             // when the brokers were last asked with success
	failure error                 // of the last refresh
	asked   lookups               // of topic ids that were not known
	conns   map[net.Conn]struct{} // to brokers, on behalf of clients
	gone    map[int32]bool        // nodes that were there once
	// absences are the brokers that could not be reached; each channel is closed
	// when its broker is back.
	absences map[int32]chan struct{}
	serving  sync.WaitGroup
	closed   bool

	responses sync.Pool // of *[]byte: buffers of large responses

	life context.Context // ends at Close; for questions that come without a context
	end  context.CancelFunc
}

// OpenExternal connects to the cluster and learns its brokers and topics, so that
// a wrong address, certificate or password shows at once. ctx bounds opening
// only. It fails with CodeInvalid for a wrong configuration and with
// CodeUnavailable when no broker answers.
func OpenExternal(ctx context.Context, cfg ExternalConfig) (*External, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	e := &External{
		cfg: cfg, log: cfg.Logger,
		nodes:  map[int32]string{},
		names:  map[[16]byte]string{},
		limits: map[string]int32{},
		conns:  map[net.Conn]struct{}{},
		gone:   map[int32]bool{}, absences: map[int32]chan struct{}{},
	}
	var err error
	if e.client, err = kgo.NewClient(append(e.ClientOpts(), kgo.ClientID("eventbus-cluster"))...); err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "make the client of the external cluster: %w", err)
	}
	e.life, e.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.refresh(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// ClientOpts are the options of a client that reaches the brokers themselves,
// past the gateway and its rights, as the bus. Callers make their own kgo and kadm
// clients with them.
func (e *External) ClientOpts() []kgo.Opt {
	opts := []kgo.Opt{kgo.SeedBrokers(e.cfg.Bootstrap...), kgo.DialTimeout(e.cfg.DialTimeout)}
	if e.cfg.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(e.cfg.TLS.Clone()))
	}
	if e.cfg.SASL != nil {
		opts = append(opts, kgo.SASL(e.cfg.SASL))
	}
	return opts
}

// Nodes lists the node ids of the brokers that are known now, in order.
func (e *External) Nodes() []int32 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	ids := make([]int32, 0, len(e.nodes))
	for id := range e.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Node gives the real address of a broker, and whether it is known. It is for
// operators; a client must never see it.
func (e *External) Node(id int32) (address string, ok bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	address, ok = e.nodes[id]
	return address, ok
}

// Writable is nil: a broker refuses for itself what it cannot store.
func (e *External) Writable() error { return nil }

// Ready is nil, or says why the cluster must not be trusted with new work: it is
// closed, or has not answered for three refreshes.
func (e *External) Ready() error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	switch age := e.cfg.Now().Sub(e.fresh); {
	case e.closed:
		return errExternalClosed()
	case e.failure != nil && age > 3*e.cfg.RefreshEvery:
		return &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: fmt.Sprintf("the Kafka cluster has not answered for %s", age.Round(time.Second)),
			Next:    "see that its brokers run and that the bus may sign in", Err: e.failure}
	}
	return nil
}

// Run looks at brokers, topics and their limits until ctx ends; then it returns
// nil. A cluster that does not answer is tried again.
func (e *External) Run(ctx context.Context) error {
	every(ctx, e.cfg.RefreshEvery, func() {
		if err := e.refresh(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("the Kafka cluster did not answer; it is asked again", "pause", e.cfg.RefreshEvery, "err", err)
		}
	})
	return nil
}

// Close ends every connection to a broker. It may be called again.
func (e *External) Close() error {
	e.mu.Lock()
	e.closed = true
	for conn := range e.conns {
		_ = conn.Close() // it ends either way
	}
	e.mu.Unlock()
	e.end()
	e.serving.Wait()
	e.client.Close()
	return nil
}

func errExternalClosed() error {
	return eventbus.Errorf(eventbus.CodeUnavailable, "the connection to the Kafka cluster is closed")
}
