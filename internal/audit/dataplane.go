package audit

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Others stands for the principals or resources that are summed up because
// there were too many different ones in one window.
const Others = "(others)"

// maxName is the longest principal, action or resource kept whole, in bytes.
// Kafka allows group and transactional ids of 32 KiB.
const maxName = 1024

// call is what the data plane sums up by.
type call struct {
	principal, action, resource string
	allowed                     bool
}

// window is one call within one window of time.
type window struct {
	number  int64 // the window: time since 1970 divided by its width
	reason  string
	from    string
	repeats atomic.Int64 // calls after the first

	durable atomic.Bool   // the first entry is written
	settled chan struct{} // closed when durable or failed
	err     error         // why it failed; set before settled is closed
}

// shard holds a part of the calls. A window is counted up only under the lock,
// at least for reading: whoever has taken it out of the map owns its count.
type shard struct {
	mu      sync.RWMutex
	windows map[call]*window
}

// DataPlane records one decision on the data plane. The first allow and the
// first deny per (principal, action, resource) and window are durable before it
// returns; repeats are counted in memory, cost well under a microsecond, and
// become one entry at the window's end. The sum of Count over all entries is
// the number of calls. reason and from are those of the first call.
//
// An error (CodeUnavailable) means that the call must not be let through.
func (l *Log) DataPlane(ctx context.Context, principal, action, resource string, allowed bool, reason, from string) error {
	now := l.cfg.Now()
	number := l.windowOf(now)
	k := call{principal: cut(principal), action: cut(action), resource: cut(resource), allowed: allowed}
	if w := l.shard(k).count(k, number); w != nil {
		return w.wait(ctx)
	}
	return l.first(ctx, l.place(k, number), now, reason, from)
}

func (l *Log) windowOf(t time.Time) int64 { return t.UnixNano() / int64(l.cfg.Window) }

func (l *Log) shard(k call) *shard {
	return &l.shards[maphash.String(l.seed, k.resource)%uint64(len(l.shards))]
}

// count adds one to a call that is known in this window, or gives nil. A clock
// that steps back counts into the later window.
func (s *shard) count(k call, number int64) *window {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w := s.windows[k]
	if w == nil || w.number < number {
		return nil
	}
	w.repeats.Add(1)
	return w
}

// wait returns when the window's first entry is durable.
func (w *window) wait(ctx context.Context) error {
	if w.durable.Load() {
		return nil
	}
	select {
	case <-w.settled:
		return w.err
	case <-ctx.Done():
		return eventbus.Errorf(eventbus.CodeUnavailable, "wait for the audit record: %w", ctx.Err())
	}
}

// place gives the name under which a call that is new in this window is kept:
// its own, or Others when there are too many.
func (l *Log) place(k call, number int64) call {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number > l.number {
		l.number = number
		clear(l.refused)
	}
	if l.live.Load() >= int64(l.cfg.MaxCalls) {
		return call{principal: Others, action: k.action, resource: Others, allowed: k.allowed}
	}
	if k.allowed {
		return k
	}
	group := k
	group.resource = ""
	if l.refused[group] >= l.cfg.MaxRefused {
		k.resource = Others
		return k
	}
	l.refused[group]++
	return k
}

// first writes the first entry of a call in its window, together with the count
// of the window before if that is still there.
func (l *Log) first(ctx context.Context, k call, now time.Time, reason, from string) error {
	// The names may be parts of a network buffer that must not be held.
	k = call{strings.Clone(k.principal), strings.Clone(k.action), strings.Clone(k.resource), k.allowed}
	fresh := &window{number: l.windowOf(now), reason: reason, from: from, settled: make(chan struct{})}
	s := l.shard(k)
	var old *window
	for {
		current, started := s.start(k, fresh)
		if started {
			old = current
			break
		}
		err := current.wait(ctx)
		if current.number >= fresh.number || err != nil {
			return err
		}
	}
	if old == nil {
		l.live.Add(1)
	}
	entries := make([]eventbus.AuditEntry, 0, 2)
	if old != nil && old.repeats.Load() > 0 {
		entries = append(entries, l.summary(k, old, now))
	}
	err := l.append(ctx, append(entries, entryOf(k, fresh, now, 1))...)
	if err != nil {
		if s.undo(k, old) {
			l.live.Add(-1)
		}
		fresh.err = err
	} else {
		fresh.durable.Store(true)
	}
	close(fresh.settled)
	return err
}

// start puts fresh in place and gives the ended window it replaces, if any. It
// does not when another caller is first: that one's window is counted up, or,
// when it is of an earlier time and still being written, must be waited for.
func (s *shard) start(k call, fresh *window) (*window, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.windows[k]
	switch {
	case w == nil || w.number < fresh.number && w.durable.Load():
		s.windows[k] = fresh
		return w, true
	case w.number >= fresh.number:
		w.repeats.Add(1)
	}
	return w, false
}

// undo takes a window that could not be written out again and reports whether
// the call is gone altogether.
func (s *shard) undo(k call, old *window) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old != nil {
		s.windows[k] = old
		return false
	}
	delete(s.windows, k)
	return true
}

// flushBatch is how many counts are written in one transaction.
const flushBatch = 500

// flush writes the counts of all windows before a number and forgets them. At
// the first error it keeps what is not written.
func (l *Log) flush(ctx context.Context, before int64) error {
	now := l.cfg.Now()
	var failed error
	for i := range l.shards {
		for batch := range slices.Chunk(l.shards[i].take(before), flushBatch) {
			l.live.Add(-int64(len(batch)))
			if failed == nil {
				failed = l.writeCounts(ctx, batch, now)
			}
			if failed != nil {
				l.giveBack(batch)
			}
		}
	}
	return failed
}

// ended is a window that was taken out of its shard.
type ended struct {
	call
	*window
}

func (l *Log) writeCounts(ctx context.Context, batch []ended, now time.Time) error {
	var entries []eventbus.AuditEntry
	for _, e := range batch {
		if e.repeats.Load() > 0 {
			entries = append(entries, l.summary(e.call, e.window, now))
		}
	}
	if len(entries) == 0 {
		return nil
	}
	return l.append(ctx, entries...)
}

// take removes and gives the shard's written windows before a number.
func (s *shard) take(before int64) []ended {
	s.mu.Lock()
	defer s.mu.Unlock()
	var taken []ended
	for k, w := range s.windows {
		if w.number < before && w.durable.Load() {
			taken = append(taken, ended{k, w})
			delete(s.windows, k)
		}
	}
	return taken
}

// giveBack returns counts that could not be written, to the calls' present
// windows where there are some.
func (l *Log) giveBack(batch []ended) {
	for _, e := range batch {
		l.shard(e.call).giveBack(e, &l.live)
	}
}

func (s *shard) giveBack(e ended, live *atomic.Int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current := s.windows[e.call]; current != nil {
		current.repeats.Add(e.repeats.Load())
		return
	}
	s.windows[e.call] = e.window
	live.Add(1)
}

// summary is the entry at the end of a window.
func (l *Log) summary(k call, w *window, now time.Time) eventbus.AuditEntry {
	e := entryOf(k, w, now, w.repeats.Load())
	start := time.Unix(0, w.number*int64(l.cfg.Window)).UTC()
	e.Detail = map[string]string{
		"since": start.Format(time.RFC3339),
		"until": start.Add(l.cfg.Window).Format(time.RFC3339),
	}
	return e
}

func entryOf(k call, w *window, now time.Time, count int64) eventbus.AuditEntry {
	e := eventbus.AuditEntry{Time: now, Actor: k.principal, Action: k.action, Resource: k.resource,
		Outcome: eventbus.OutcomeDenied, Reason: w.reason, From: w.from, Count: count}
	if k.allowed {
		e.Outcome = eventbus.OutcomeAllowed
	}
	return e
}

// cut shortens a name that is too long to be kept; its length tells two such
// names apart in most cases.
func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	return fmt.Sprintf("%s… (%d bytes)", name[:maxName-32], len(name))
}
