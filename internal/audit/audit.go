// Package audit keeps the append-only, hash-chained record of who did what, and
// whether it was allowed. It owns three rules: an act without an entry does not
// happen (fail closed), the data plane cannot flood the record, and anybody can
// check that no entry was edited, removed, swapped or cut off.
//
// It does not own the chain's bytes: the store gives every entry its place
// (eventbus.AuditEntry.Chained) inside the transaction that appends it. Nor does
// it decide anything; iam, onboarding, provision, registry and the gateway do,
// and call it before and after.
package audit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Defaults of Config.
const (
	DefaultWindow     = time.Minute
	DefaultMaxCalls   = 1 << 16
	DefaultMaxRefused = 100
)

// appendLimit bounds a write that must not be given up with its caller's
// context: the outcome of an act that has happened, the last counts at the end.
const appendLimit = 10 * time.Second

// Store is what the log needs of the database. AppendAudit is durable when it
// returns and chains the entries in the order given, without a gap.
type Store interface {
	AppendAudit(ctx context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error)
	AuditEntries(ctx context.Context, q eventbus.AuditQuery) ([]eventbus.AuditEntry, error)
	AuditHead(ctx context.Context) (seq int64, hash string, err error)
}

// Config configures a Log; the zero value works.
type Config struct {
	Now    func() time.Time // time.Now when nil
	Logger *slog.Logger     // discards when nil

	// Window is how long repeats of one data-plane call are summed; a minute
	// when zero.
	Window time.Duration
	// MaxCalls bounds the distinct data-plane calls of one window in memory
	// (65,536 when zero). Above it, calls are summed under the name Others.
	MaxCalls int
	// MaxRefused bounds the distinct resources that one principal is refused
	// per action and window before further ones are summed under Others (100
	// when zero): a principal that guesses names must not fill the record.
	MaxRefused int

	// HeadKey and SaveHead, when both are set, make Run hand out the signed
	// head of the chain once per Window and at its end, to be kept where
	// whoever can change the database cannot change it.
	HeadKey  []byte
	SaveHead func(context.Context, Head) error
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if c.Window <= 0 {
		c.Window = DefaultWindow
	}
	if c.MaxCalls <= 0 {
		c.MaxCalls = DefaultMaxCalls
	}
	if c.MaxRefused <= 0 {
		c.MaxRefused = DefaultMaxRefused
	}
	return c
}

// Log writes the record. All methods may be called concurrently.
type Log struct {
	cfg   Config
	store Store
	fails atomic.Int64

	seed   maphash.Seed
	shards [16]shard
	live   atomic.Int64 // calls held in all shards

	mu      sync.Mutex
	number  int64        // the window that refused belongs to
	refused map[call]int // distinct resources refused, per call without its resource
}

// New makes a log on a store. Run must run for counts to be written.
func New(cfg Config, s Store) *Log {
	l := &Log{cfg: cfg.withDefaults(), store: s, seed: maphash.MakeSeed(), refused: map[call]int{}}
	for i := range l.shards {
		l.shards[i].windows = map[call]*window{}
	}
	return l
}

// Append writes one entry; it is durable when Append returns nil. An empty Time
// is now. When the store fails, the error has CodeUnavailable and the caller
// must not do what the entry is about.
func (l *Log) Append(ctx context.Context, e eventbus.AuditEntry) error {
	return l.append(ctx, e)
}

func (l *Log) append(ctx context.Context, entries ...eventbus.AuditEntry) error {
	for i := range entries {
		if entries[i].Time.IsZero() {
			entries[i].Time = l.cfg.Now()
		}
	}
	if _, err := l.store.AppendAudit(ctx, entries...); err != nil {
		l.fails.Add(1)
		return &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: fmt.Sprintf("the audit record could not be written, so %q was not done", entries[0].Action),
			Next:    "try again; if it goes on, ask the bus team to look at the database", Err: err}
	}
	return nil
}

// Around writes the intent, does the act, and writes its outcome: allowed, or
// denied (CodeForbidden, CodeUnauthenticated), or failed. No entry, no effect:
// when the intent cannot be written, do is not called. The outcome is written
// even if ctx has ended meanwhile. When only the outcome cannot be written,
// Around returns an error although the act was done: the record then holds an
// intent without an outcome.
func (l *Log) Around(ctx context.Context, intent eventbus.AuditEntry, do func() error) error {
	intent.Outcome = eventbus.OutcomeIntent
	if err := l.Append(ctx, intent); err != nil {
		return err
	}
	acted := do()
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendLimit)
	defer cancel()
	if err := l.Append(after, outcomeOf(intent, acted)); err != nil {
		if acted != nil {
			return errors.Join(acted, err)
		}
		return &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: fmt.Sprintf("%q was done, but its outcome could not be written to the audit record", intent.Action),
			Next:    "check the state before trying again", Err: err}
	}
	return acted
}

// outcomeOf is the entry after the act. Only the message of an eventbus.Error
// is kept: the text of any other error may carry what the record must not.
func outcomeOf(intent eventbus.AuditEntry, acted error) eventbus.AuditEntry {
	e := intent
	e.Time = time.Time{}
	e.Outcome = eventbus.OutcomeAllowed
	if acted == nil {
		return e
	}
	e.Outcome = eventbus.OutcomeFailed
	code := eventbus.CodeOf(acted)
	if code == eventbus.CodeForbidden || code == eventbus.CodeUnauthenticated {
		e.Outcome = eventbus.OutcomeDenied
	}
	e.Reason = string(code)
	var known *eventbus.Error
	if errors.As(acted, &known) {
		e.Reason += ": " + known.Message
	}
	return e
}

// Failures is how many writes of the record have failed since the start.
func (l *Log) Failures() int64 { return l.fails.Load() }

// Run writes the counts of each window when it ends, and the signed head, until
// ctx is done; then it writes what is left and returns. A count that cannot be
// written is kept and tried again a window later.
func (l *Log) Run(ctx context.Context) error {
	for {
		now := l.cfg.Now()
		end := time.Unix(0, (l.windowOf(now)+1)*int64(l.cfg.Window))
		timer := time.NewTimer(end.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendLimit)
			defer cancel()
			return errors.Join(l.flush(last, l.windowOf(l.cfg.Now())+1), l.saveHead(last))
		case <-timer.C:
		}
		if err := errors.Join(l.flush(ctx, l.windowOf(l.cfg.Now())), l.saveHead(ctx)); err != nil {
			l.cfg.Logger.Error("audit counts or head not written, trying again at the end of the next window", "error", err)
		}
	}
}

func (l *Log) saveHead(ctx context.Context) error {
	if l.cfg.SaveHead == nil || len(l.cfg.HeadKey) == 0 {
		return nil
	}
	seq, hash, err := l.store.AuditHead(ctx)
	if err != nil {
		return fmt.Errorf("read the head of the audit chain: %w", err)
	}
	if err := l.cfg.SaveHead(ctx, SignHead(l.cfg.HeadKey, seq, hash, l.cfg.Now())); err != nil {
		return fmt.Errorf("save the signed head of the audit chain: %w", err)
	}
	return nil
}
