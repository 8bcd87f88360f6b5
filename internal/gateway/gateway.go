// Package gateway is the Kafka door of the bus: it accepts connections, speaks
// TLS and SASL, decides every request against IAM, rewrites broker addresses,
// checks sizes, topic rules and schema ids, and hands what is left to the
// cluster behind. It owns the wire protocol between clients and the bus.
//
// It does not own identities and policies (package iam decides), the log
// (package cluster keeps it), nor what a record's payload means (it only looks
// for the schema id). Package server makes a Gateway and runs it.
//
// # One road
//
// Each connection is one filter, a net.Conn that the engine reads requests from
// and writes responses to. Its Read delivers only whole, bounded, known and
// authorised frames; its Write puts each response in its place in the queue of
// calls, with addresses rewritten and denied entries merged. What is particular
// to an API key is a row of the table in table.go: the versions spoken, the
// shape of the request, a request hook and a response hook. There is no second
// path: a PLAINTEXT door is the same filter with the local administrator as its
// session.
//
// # Reserved topics
//
// `_schemas` and Kafka's own `__…` topics are never written, altered or deleted
// through any door, by anybody; only the bus itself does. Other topics that
// begin with "_" may be written by the local administrator alone.
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/enterprise-event-bus/eventbus"
)

// Upstream is the cluster behind the gateway.
type Upstream interface {
	// Serve reads requests from conn and writes responses to it until either
	// side closes it or ctx ends, and closes it. It answers in order. CodeUnavailable
	// means that the cluster cannot be reached; when it is back, it is asked again
	// which versions it speaks.
	Serve(ctx context.Context, conn net.Conn) error
	// TopicName resolves a topic id (KIP-516).
	TopicName(id [16]byte) (string, bool)
	// MaxMessageBytes is max.message.bytes of a topic; 0 means not known.
	MaxMessageBytes(topic string) int32
	// Writable is nil, or says why produces and creates are refused now.
	Writable() error
}

// Adopter is an Upstream in the same process that can do without a goroutine
// which waits for a connection's end: thousands of idle ones cost their stacks.
type Adopter interface {
	// Adopt is Serve, but returns as soon as the connection has been taken. The
	// upstream closes it when it has done with it, for whatever reason, and after
	// an error too.
	Adopt(ctx context.Context, conn net.Conn) error
}

// Session is who an authenticated connection acts for.
type Session struct {
	Principal eventbus.Principal
	Expires   time.Time // when the credential ends; zero = never
	Identity  any       // what the Authority keeps for itself
}

// Attempt is one SASL login or re-authentication.
type Attempt struct {
	Mechanism string // AWS_MSK_IAM or OAUTHBEARER
	Message   []byte // the client's first message; must not be logged
	From      string // remote address
	Listener  string // name of the door
}

// Authority decides who a client is and what it may do; package iam is behind
// it. Its methods are called concurrently and must not block on the client.
type Authority interface {
	// Login verifies the message, decides kafka-cluster:Connect, and gives the
	// session and the bytes of the successful answer (for OAUTHBEARER: none).
	// It logs and audits success and failure. The text of an *eventbus.Error is
	// shown to the client, so it must be MSK's, "[request id]: Access denied".
	Login(ctx context.Context, a Attempt) (*Session, []byte, error)
	// Decide says whether the session may do action ("kafka-cluster:WriteData")
	// on resource (an ARN), and records the decision.
	Decide(ctx context.Context, s *Session, action, resource string) (allowed bool, reason string)
	// Allowed is Decide without a record: for leaving entries out of lists and
	// for operation bits, where the client did not ask for the resource.
	Allowed(s *Session, action, resource string) bool
	// Revoked is closed when the session must end: its key was disabled or a
	// policy of its principal changed. The client then signs in again.
	Revoked(s *Session) <-chan struct{}
}

// Recorder is an Authority that also records the logins which the gateway
// refuses by itself. Its methods give the error for the client, as Login does.
type Recorder interface {
	// TooManyConnects refuses a login above Config.LoginsPerSecond.
	TooManyConnects(ctx context.Context, from, listener string) error
	// ChangedIdentity refuses a re-authentication of s by another mechanism or
	// as another principal; reason says which.
	ChangedIdentity(ctx context.Context, s *Session, a Attempt, reason string) error
}

// Guard knows which schemas a topic's records may carry.
type Guard interface {
	// Mode says whether records of a topic are checked at all.
	Mode(topic string) eventbus.SchemaGuard
	// Check is nil when a schema (by id, or by GUID when id is 0) is registered
	// under a subject that the topic allows; the error's text goes to the client.
	Check(topic string, id int32, guid string) error
}

// Observer is told what went through, once per request and topic, after the
// engine has acknowledged it. principal is Principal.Identity; schemaID is 0 and
// group empty when not known. It must not block.
type Observer interface {
	Produced(principal, topic string, schemaID int, records, bytes int64)
	Consumed(principal, topic, group string, schemaID int, records, bytes int64)
}

// The SASL mechanisms of the doors.
const (
	MechanismIAM   = "AWS_MSK_IAM"
	MechanismOAuth = "OAUTHBEARER"
)

// Listener is one door.
type Listener struct {
	Name       string       // "plaintext", "iam", "iam-external": a metric label
	Net        net.Listener // already bound
	TLS        *tls.Config  // nil = PLAINTEXT
	Mechanisms []string     // nil = none: every caller is the local administrator
	// Advertise gives the address under which clients reach a node through this
	// door; nil advertises the bound address for every node.
	Advertise func(node int32) (host string, port int32)
	// Serve carries the connections of this door in place of Upstream.Serve, so
	// that a door may lead to one broker of several: serverName is the TLS server
	// name (SNI) that the client asked for, "" when it gave none. nil is
	// Upstream.Serve.
	Serve func(ctx context.Context, serverName string, conn net.Conn) error
}

// Config bounds the gateway. The zero value works.
type Config struct {
	Deployment eventbus.Deployment                     // names resources in ARNs; zero = DemoDeployment
	ClusterID  string                                  // shown instead of the engine's; empty = the engine's
	Limits     func(topic string) eventbus.TopicLimits // of topics created or altered through a door; nil = defaults

	MaxFrame        int32 // bytes of one request; 0 = 100 MiB, Kafka's socket.request.max.bytes
	MaxPreAuthFrame int32 // bytes of one request before login; 0 = 16 KiB
	MaxAdminFrame   int32 // bytes of one request other than Produce; 0 = 8 MiB
	InFlightBytes   int64 // all requests being held, over all connections; 0 = 256 MiB, at least twice MaxFrame

	// RecordsChecked says that the cluster behind reads every record of a batch
	// before it keeps it, as Apache Kafka does. Else the gateway does, because the
	// embedded engine believes what a batch says of itself, and a false word of one
	// ends the whole process when somebody looks for a time in it.
	RecordsChecked bool

	MaxConnections      int           // over all doors; 0 = 20,000
	MaxConnectionsPerIP int           // 0 = 15,000
	LoginsPerSecond     int           // new logins, with a burst of twice as many; 0 = 100, as MSK
	HandshakeTimeout    time.Duration // from accept to authenticated; 0 = 10 s
	IdleTimeout         time.Duration // without a request; 0 = 10 min
	FrameTimeout        time.Duration // for each 64 KiB of a request and each 1 MiB of a response; 0 = 30 s
	MaxSession          time.Duration // re-authentication is asked for after it; 0 = 1 h
	DrainTimeout        time.Duration // for requests in flight when Run is told to stop; 0 = 5 s

	Now func() time.Time // the clock; nil = time.Now
}

// Defaults of Config.
const (
	defaultMaxFrame        = 100 << 20
	defaultMaxPreAuthFrame = 16 << 10
	defaultMaxAdminFrame   = 8 << 20
	defaultInFlightBytes   = 256 << 20
	minSession             = time.Minute // clients loop on shorter ones (KIP-368)
)

// WithDefaults gives the configuration that a Gateway works with: every limit is
// set.
func (c Config) WithDefaults() Config { return c.withDefaults() }

func (c Config) withDefaults() Config {
	if c.Deployment == (eventbus.Deployment{}) {
		c.Deployment = eventbus.DemoDeployment()
	}
	if c.Limits == nil {
		c.Limits = func(string) eventbus.TopicLimits { return eventbus.TopicLimits{} }
	}
	c.MaxFrame = cmp.Or(c.MaxFrame, defaultMaxFrame)
	c.MaxPreAuthFrame = cmp.Or(c.MaxPreAuthFrame, defaultMaxPreAuthFrame)
	c.MaxAdminFrame = min(cmp.Or(c.MaxAdminFrame, defaultMaxAdminFrame), c.MaxFrame)
	// The largest frame fits while it moves from one buffer to a larger one.
	c.InFlightBytes = max(cmp.Or(c.InFlightBytes, defaultInFlightBytes), 2*int64(c.MaxFrame)+lastRoom)
	c.MaxConnections = cmp.Or(c.MaxConnections, 20_000)
	c.MaxConnectionsPerIP = cmp.Or(c.MaxConnectionsPerIP, 15_000)
	c.LoginsPerSecond = cmp.Or(c.LoginsPerSecond, 100)
	c.HandshakeTimeout = cmp.Or(c.HandshakeTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Minute)
	c.FrameTimeout = cmp.Or(c.FrameTimeout, 30*time.Second)
	c.MaxSession = max(cmp.Or(c.MaxSession, time.Hour), minSession)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Parts are what a Gateway works with; every field may be nil.
type Parts struct {
	Guard    Guard
	Observer Observer
	Log      *slog.Logger
	Metrics  prometheus.Registerer
}

// Gateway serves Kafka's protocol on any number of doors.
type Gateway struct {
	cfg      Config
	up       Upstream
	auth     Authority
	guard    Guard
	observe  Observer
	log      *slog.Logger
	metrics  *metrics
	apis     map[int16]*api
	memory   memory
	logins   *bucket
	groups   *groupMemory
	verdicts verdicts
	engine   engineVersions
	decoders decoders
	bound    func(key int16) int32 // frameBound, made once

	mu       sync.Mutex
	filters  map[*filter]struct{} // connections that are past the accept limit
	perIP    map[string]int
	draining bool
}

// New makes a gateway before up. auth may be nil when no listener names a SASL
// mechanism.
func New(cfg Config, up Upstream, auth Authority, parts Parts) *Gateway {
	cfg = cfg.withDefaults()
	if parts.Log == nil {
		parts.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{
		cfg: cfg, up: up, auth: auth,
		guard: parts.Guard, observe: parts.Observer, log: parts.Log,
		metrics: newMetrics(parts.Metrics),
		apis:    table(),
		memory:  memory{budget: semaphore.NewWeighted(cfg.InFlightBytes)},
		logins:  newBucket(cfg.LoginsPerSecond, cfg.Now),
		engine:  engineVersions{doubt: make(chan struct{}, 1)},
		groups:  newGroupMemory(),
		filters: map[*filter]struct{}{},
		perIP:   map[string]int{},
	}
	g.bound = g.frameBound
	return g
}

// Run serves the listeners until ctx ends. It then stops accepting, lets
// requests in flight finish within Config.DrainTimeout, closes every connection
// and returns nil. It closes the listeners in every case.
func (g *Gateway) Run(ctx context.Context, listeners []Listener) error {
	defer func() {
		for _, l := range listeners {
			_ = l.Net.Close() // a second close only repeats the first one's answer
		}
	}()
	for _, l := range listeners {
		if len(l.Mechanisms) > 0 && g.auth == nil {
			return eventbus.Errorf(eventbus.CodeInvalid, "listener %s asks for a login but there is no authority to check it", l.Name)
		}
	}
	if err := g.engine.learn(ctx, g); err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "ask the cluster which versions it speaks: %w", err)
	}
	var accepting, serving sync.WaitGroup
	life := context.WithoutCancel(ctx) // a connection outlives ctx by the drain
	for _, l := range listeners {
		accepting.Go(func() { g.accept(ctx, life, l, &serving) })
	}
	stopSweep := make(chan struct{})
	var tending sync.WaitGroup
	tending.Go(func() { g.sweep(stopSweep) })
	tending.Go(func() { g.engine.follow(ctx, g) })

	<-ctx.Done()
	for _, l := range listeners {
		if err := l.Net.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			g.log.Warn("close listener", "listener", l.Name, "error", err)
		}
	}
	accepting.Wait()
	g.drain()
	serving.Wait()
	close(stopSweep)
	tending.Wait()
	return nil
}
