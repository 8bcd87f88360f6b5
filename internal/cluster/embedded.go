package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus"
)

// engineConfigs are the settings of the engine that our promises rest on. They
// win over what an earlier run saved and cannot be changed over the wire.
var engineConfigs = map[string]string{
	"log.cleaner.backoff.ms": "315360000000", // ten years: the engine's cleaner never runs
}

// Embedded is the embedded engine behind our guards.
type Embedded struct {
	cfg    Config
	log    *slog.Logger
	starts *logStarts
	faults *faults
	disk   disk
	lock   *dirLock // nil in memory
	ln     *handover
	client *kgo.Client // for retention and topics, closed with the engine
	names  topicCache
	counts counters
	heads  map[partitionKey]head // retention's memory, used by one pass at a time
	passMu sync.Mutex

	// mu lets the engine be asked only while it lives: a question to a closed
	// engine would wait for ever.
	mu     sync.RWMutex
	engine *kfake.Cluster // nil when closed
}

// OpenEmbedded takes the data directory, verifies what is stored, starts the
// engine and applies the kept log starts, so that nothing deleted can be read
// when it returns. A nil starts keeps them in memory only (tests). It refuses a
// directory that is in use, not ours, not writable or over the budget.
func OpenEmbedded(ctx context.Context, cfg Config, starts LogStarts) (*Embedded, error) {
	cfg = cfg.withDefaults()
	kept, err := loadLogStarts(ctx, starts)
	if err != nil {
		return nil, err
	}
	e := &Embedded{
		cfg: cfg, log: cfg.Logger, starts: kept,
		faults: newFaults(cfg.Logger, cfg.Now),
		ln:     newHandover(),
		heads:  make(map[partitionKey]head),
	}
	if cfg.DataDir != "" {
		if err := e.prepareDir(ctx); err != nil {
			return nil, errors.Join(err, e.lock.Close())
		}
	}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(err, e.stop(), e.lock.Close())
	}
	return e, nil
}

// prepareDir takes the data directory and makes what is in it fit to be read.
func (e *Embedded) prepareDir(ctx context.Context) error {
	lock, err := lockDir(e.cfg.DataDir)
	if err != nil {
		return err
	}
	e.lock = lock
	size, err := dirSize(e.engineDir())
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "measure the data directory %s: %w", e.cfg.DataDir, err)
	}
	if budget := e.cfg.DiskBudget; budget > 0 && size > budget {
		return &eventbus.Error{
			Code:    eventbus.CodeUnavailable,
			Message: fmt.Sprintf("data directory %s holds %d bytes, the disk budget is %d; nothing was changed", e.cfg.DataDir, size, budget),
			Next:    "raise the disk budget (the engine needs about 1.4 times the data as memory at start), or start with another data directory",
		}
	}
	return e.recover(ctx)
}

func (e *Embedded) engineDir() string { return filepath.Join(e.cfg.DataDir, "engine") }

// start starts the engine, its guards and our client to it.
func (e *Embedded) start(ctx context.Context) error {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("eventbus"),
		kfake.DefaultNumPartitions(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return e.ln, nil }),
		kfake.WithLogger(e.faults),
		kfake.BrokerConfigs(engineConfigs),
	}
	if e.cfg.DataDir != "" {
		opts = append(opts, kfake.DataDir(e.engineDir()))
	}
	if e.cfg.SyncWrites {
		opts = append(opts, kfake.SyncWrites())
	}
	engine, err := kfake.NewCluster(opts...)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeCorrupt, "start the embedded engine in %s: %w", e.cfg.DataDir, err)
	}
	e.engine = engine
	e.guard()
	if e.client, err = kgo.NewClient(append(e.ClientOpts(),
		kgo.ClientID("eventbus-cluster"),
		kgo.ConnIdleTimeout(15*time.Minute), // the most allowed: the engine never forgets a connection that deleted records
	)...); err != nil {
		return eventbus.Errorf(eventbus.CodeInternal, "make the client of the embedded engine: %w", err)
	}
	if err := e.applyLogStarts(ctx); err != nil {
		return err
	}
	return e.checkDisk(ctx)
}

// Serve hands conn to the engine in process and returns when the connection has
// ended. It owns conn from then on. It returns ctx's error when ctx ended first,
// and CodeUnavailable when the engine is closed.
func (e *Embedded) Serve(ctx context.Context, conn net.Conn) error {
	ended := make(chan struct{})
	s, err := e.ln.give(ctx, conn, ended)
	if errors.Is(err, net.ErrClosed) {
		return errClosed()
	}
	if err != nil {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// Adopt hands conn to the engine in process and returns at once. The engine
// closes conn when the connection has ended, and whoever closes conn ends it. It
// returns ctx's error when ctx ended before the engine took it, and
// CodeUnavailable when the engine is closed; conn is closed then.
func (e *Embedded) Adopt(ctx context.Context, conn net.Conn) error {
	_, err := e.ln.give(ctx, conn, nil)
	if errors.Is(err, net.ErrClosed) {
		return errClosed()
	}
	return err
}

// ClientOpts are the options of a client that reaches the engine in process, past
// the gateway and its rights. Callers make their own kgo and kadm clients with
// them, and close those before the engine.
func (e *Embedded) ClientOpts() []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(engineAddr),
		kgo.Dialer(func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			if _, err := e.ln.give(ctx, theirs, nil); err != nil {
				return nil, errors.Join(err, ours.Close())
			}
			return ours, nil
		}),
	}
}

// Node is the one broker the engine advertises, in every answer that carries
// broker addresses.
func (e *Embedded) Node() (id int32, host string, port int32) {
	return engineNode, engineHost, enginePort
}

// Run watches the disk and applies retention until ctx ends; then it returns nil.
func (e *Embedded) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		every(ctx, e.cfg.CheckEvery, func() {
			if err := e.checkDisk(ctx); err != nil && ctx.Err() == nil {
				e.log.Error("the disk could not be looked at", "err", err)
			}
		})
		return nil
	})
	g.Go(func() error {
		every(ctx, e.cfg.RetentionEvery, func() {
			if err := e.Retain(ctx); err != nil && ctx.Err() == nil {
				e.counts.retentionErrors.Add(1)
				e.log.Error("retention could not finish; it is tried again", "err", err)
			}
		})
		return nil
	})
	return g.Wait()
}

func every(ctx context.Context, pause time.Duration, do func()) {
	t := time.NewTicker(pause)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			do()
		}
	}
}

// Ready is nil, or says why the engine must not be trusted with new work: damage
// that was found in stored data, or a failure to store.
func (e *Embedded) Ready() error {
	if e.closed() {
		return errClosed()
	}
	return e.faults.err()
}

// Writable is nil, or says why records must be refused now: the disk is nearly
// full, the budget is nearly used, or damaged data waits for a person. It costs
// nothing, so the gateway asks for every Produce.
func (e *Embedded) Writable() error {
	if why := e.disk.readOnly.Load(); why != nil {
		return *why
	}
	return nil
}

// Close ends every connection, saves the state of the engine and gives the data
// directory back. Clients made with ClientOpts should be closed before.
func (e *Embedded) Close() error {
	if e.closed() {
		return nil
	}
	err := e.stop()
	if err == nil && e.lock != nil {
		err = e.markClean()
	}
	return errors.Join(err, e.lock.Close())
}

func (e *Embedded) stop() error {
	if e.client != nil {
		e.client.Close()
	}
	e.ln.Close()
	e.mu.Lock()
	engine := e.engine
	e.engine = nil
	if engine != nil {
		engine.Close()
	}
	e.mu.Unlock()
	if engine != nil {
		e.ln.open.Wait()
	}
	return e.faults.saveError()
}

func (e *Embedded) closed() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.engine == nil
}

// ask asks the living engine something; it reports false when the engine is
// closed. ask must not be called inside ask.
func (e *Embedded) ask(question func(*kfake.Cluster)) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.engine == nil {
		return false
	}
	question(e.engine)
	return true
}

// request sends one request to the engine's only broker.
func (e *Embedded) request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return e.client.Broker(engineNode).RetriableRequest(ctx, req)
}

func errClosed() error {
	return eventbus.Errorf(eventbus.CodeUnavailable, "the embedded engine is closed")
}
