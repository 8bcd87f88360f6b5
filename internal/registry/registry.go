package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Caller is on whose behalf something is written; it is kept with the version.
type Caller struct {
	Author    string // principal ARN, person id or "local administrator"
	RequestID string
}

// Registry is one node of the schema registry. All methods are safe for
// concurrent use; returned values are copies or immutable.
type Registry struct {
	cfg    Config
	opts   []kgo.Opt
	copies Copies

	maxBatch int32 // max.message.bytes of the topic

	state  *state
	parsed *parseCache
	fields fieldIndex
	topic  *topicReader

	writes sync.Mutex // one write at a time: each must see the one before it
	seat   *seat      // who leads
}

// Open creates the topic if it is absent, reads it to its end and gives a
// registry that answers reads. Run must be called for it to follow the topic and
// to accept writes. opts say where Kafka is and how to reach it; copies may be
// nil (on a Kafka that keeps its own replicas).
func Open(ctx context.Context, cfg Config, opts []kgo.Opt, copies Copies) (*Registry, error) {
	cfg = cfg.withDefaults()
	r := &Registry{cfg: cfg, opts: opts, copies: copies, state: newState(), seat: newSeat()}
	r.parsed = newParseCache(cfg.ParsedSchemas)
	ctx, cancel := context.WithTimeout(ctx, cfg.OpenTimeout)
	defer cancel()
	if err := r.ensureTopic(ctx); err != nil {
		return nil, fmt.Errorf("open schema registry: %w", err)
	}
	kept, err := r.restoreCopies(ctx)
	if err != nil {
		return nil, fmt.Errorf("open schema registry: restore topic %s from its copy: %w", cfg.Topic, err)
	}
	reader, err := r.newTopicReader()
	if err != nil {
		return nil, fmt.Errorf("open schema registry: %w", err)
	}
	r.topic, reader.kept = reader, kept
	if err := reader.replay(ctx); err != nil {
		reader.close()
		return nil, fmt.Errorf("open schema registry: read topic %s: %w", cfg.Topic, err)
	}
	return r, nil
}

// Run follows the topic and takes part in the election until ctx ends; it
// returns nil then. Loss of Kafka or of the leadership is waited out, not
// returned.
func (r *Registry) Run(ctx context.Context) error {
	// The reader outlives the election: a write under way is answered only when
	// it has been read back.
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wait sync.WaitGroup
	wait.Go(func() { r.topic.follow(following) })
	err := r.runElection(ctx)
	stop()
	wait.Wait()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run schema registry: %w", err)
	}
	return nil
}

// Close releases the connections. Run must have returned, or never been called.
func (r *Registry) Close() {
	r.stepDown(nil)
	r.topic.close()
}

// Ready says why the registry cannot serve, nil when it can: it has read the
// topic, follows it, and knows who leads.
func (r *Registry) Ready() error {
	if err := r.topic.healthy(); err != nil {
		return err
	}
	if url, self := r.Leader(); url == "" && !self {
		return fail(ErrUnknownLeader, "no leader is elected yet; writes wait")
	}
	return nil
}

// Leader gives the URL of the node that writes and whether that is this one;
// the URL is empty while nobody is elected.
func (r *Registry) Leader() (url string, self bool) {
	seat := r.seat.now()
	return seat.url, seat.writer != nil
}

// lead waits until this node may write. Errors: 50004 when nobody leads in time
// or another node does.
func (r *Registry) lead(ctx context.Context) (*writer, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.WriteTimeout)
	defer cancel()
	for {
		seat, changed := r.seat.watch()
		if seat.writer != nil {
			return seat.writer, nil
		}
		if seat.url != "" {
			return nil, fail(ErrUnknownLeader, "This node does not lead (%s does); nothing was written.", seat.url)
		}
		if seat.over {
			return nil, fail(ErrUnknownLeader, "This node is stopping; nothing was written.")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fail(ErrUnknownLeader, "No leader is known; nothing was written. Try again.")
		}
	}
}

// AwaitLeader waits until somebody leads, at most for the write timeout, and
// gives what Leader gives.
func (r *Registry) AwaitLeader(ctx context.Context) (url string, self bool) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.WriteTimeout)
	defer cancel()
	return r.AwaitAnotherLeader(ctx, "")
}

// AwaitAnotherLeader waits until somebody leads who is not the node at the URL
// gone, and gives what Leader gives; "" and false when ctx ends first or this node
// stops.
func (r *Registry) AwaitAnotherLeader(ctx context.Context, gone string) (url string, self bool) {
	for {
		seat, changed := r.seat.watch()
		if seat.url != gone && seat.url != "" || seat.writer != nil {
			return seat.url, seat.writer != nil
		}
		if seat.over {
			return "", false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false
		}
	}
}

// client makes a Kafka client of the given options and ours.
func (r *Registry) client(own ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(slices.Concat(r.opts, own)...)
}
