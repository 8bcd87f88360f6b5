package observe

import (
	"context"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of an Observer; the zero value works.
type Config struct {
	Now     func() time.Time // nil is the real clock
	Flush   time.Duration    // how often counts are saved, at most 10 s; 5 s when zero
	MaxKeys int              // distinct keys counted in memory; 100 000 when zero
	Logger  *slog.Logger     // nil logs nothing
}

// Store keeps usage.
type Store interface {
	// AddUsage adds records and bytes to the buckets of the same start, width and
	// key, keeps the earlier FirstSeen and the later LastSeen, and makes buckets
	// that are missing.
	AddUsage(ctx context.Context, buckets []eventbus.UsageBucket) error
	Usage(ctx context.Context, q eventbus.UsageQuery) ([]eventbus.UsageBucket, error)
	// PruneUsage drops hours and days that began before the given times.
	PruneUsage(ctx context.Context, hourBefore, dayBefore time.Time) error
}

const (
	hour = time.Hour
	day  = 24 * time.Hour

	// KeepHours and KeepDays are how long usage is kept.
	KeepHours = 48 * hour
	KeepDays  = 90 * day

	// Other stands for every principal and topic that found no room in memory.
	Other = "other"

	shards       = 64
	longestFlush = 10 * time.Second
)

// Observer counts what principals produce and consume. Counting is safe from
// many goroutines and never waits for the Store.
type Observer struct {
	cfg   Config
	store Store
	seed  maphash.Seed
	parts [shards]shard

	saving  sync.Mutex // guards unsaved
	unsaved map[bucketKey]eventbus.Usage
	pruned  time.Time // only Run's goroutine, or a test in its place, touches it
}

// key is what is counted apart.
type key struct {
	principal, topic, group string
	direction               eventbus.Direction
	schema                  int
}

type bucketKey struct {
	key
	start int64 // Unix seconds of the hour
}

// count is one key since it was last collected; first is 0 when there was
// nothing. Times are Unix nanoseconds.
type count struct {
	first, last    int64
	records, bytes int64
}

type shard struct {
	sync.Mutex
	counts map[key]*count
	closed []closedCount // hours that ended since the last flush
}

type closedCount struct {
	key
	count
}

// New makes an Observer; it counts from then on and saves while Run runs.
func New(cfg Config, store Store) *Observer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Flush <= 0 {
		cfg.Flush = 5 * time.Second
	}
	cfg.Flush = min(cfg.Flush, longestFlush)
	if cfg.MaxKeys <= 0 {
		cfg.MaxKeys = 100_000
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	o := &Observer{cfg: cfg, store: store, seed: maphash.MakeSeed(), unsaved: map[bucketKey]eventbus.Usage{}}
	for i := range o.parts {
		o.parts[i].counts = map[key]*count{}
	}
	return o
}

// Produced counts records that a principal (Principal.Identity) wrote to a topic
// with one schema id; 0 when the id is not known. Bytes are those on the wire.
func (o *Observer) Produced(principal, topic string, schemaID int, records, bytes int64) {
	o.count(key{principal: principal, topic: topic, direction: eventbus.Produced, schema: schemaID}, records, bytes)
}

// Consumed counts records that a principal read from a topic, in a group when
// that is known.
func (o *Observer) Consumed(principal, topic, group string, schemaID int, records, bytes int64) {
	o.count(key{principal: principal, topic: topic, group: group, direction: eventbus.Consumed, schema: schemaID}, records, bytes)
}

func (o *Observer) count(k key, records, bytes int64) {
	if records <= 0 {
		return
	}
	now := o.cfg.Now().UnixNano()
	s := &o.parts[maphash.Comparable(o.seed, k)%shards]
	s.Lock()
	c := s.counts[k]
	if c == nil {
		k, c = s.add(k, max(1, o.cfg.MaxKeys/shards))
	}
	if c.first != 0 && c.first/int64(hour) != now/int64(hour) {
		s.closed = append(s.closed, closedCount{k, *c})
		*c = count{}
	}
	if c.first == 0 {
		c.first = now
	}
	c.last = now
	c.records += records
	c.bytes += bytes
	s.Unlock()
}

// maxName is the longest name kept whole; Kafka allows groups of 32 KiB.
const maxName = 512

// clean makes a name fit for the Store; the caller's may be part of a large
// request, and a group may be called anything.
func clean(name string) string {
	name = strings.ToValidUTF8(name[:min(len(name), maxName)], "?")
	return strings.Clone(strings.ReplaceAll(name, "\x00", "?"))
}

// add makes room for a key, or gives the one that stands for the rest.
func (s *shard) add(k key, limit int) (key, *count) {
	k.principal, k.topic, k.group = clean(k.principal), clean(k.topic), clean(k.group)
	if c := s.counts[k]; c != nil {
		return k, c
	}
	if len(s.counts) >= limit {
		k = key{principal: Other, topic: Other, direction: k.direction}
		if c := s.counts[k]; c != nil {
			return k, c
		}
	}
	c := &count{}
	s.counts[k] = c
	return k, c
}

// collect moves what was counted since the last time into unsaved, and forgets
// keys that have been silent since the given time (Unix nanoseconds).
func (o *Observer) collect(silentSince int64) {
	for i := range o.parts {
		s := &o.parts[i]
		s.Lock()
		moved := s.closed
		s.closed = nil
		for k, c := range s.counts {
			switch {
			case c.first != 0:
				moved = append(moved, closedCount{k, *c})
				*c = count{last: c.last}
			case c.last < silentSince:
				delete(s.counts, k)
			}
		}
		s.Unlock()
		for _, m := range moved {
			o.keep(m)
		}
	}
}

// keep merges a count into what waits to be saved. While the Store fails this
// grows by the hour, so it is bounded too.
func (o *Observer) keep(m closedCount) {
	k := bucketKey{key: m.key, start: m.first / int64(hour) * int64(hour/time.Second)}
	if _, known := o.unsaved[k]; !known && len(o.unsaved) >= 2*o.cfg.MaxKeys {
		k.key = key{principal: Other, topic: Other, direction: m.direction}
	}
	u := eventbus.Usage{Principal: k.principal, Topic: k.topic, Group: k.group, Direction: k.direction, SchemaID: k.schema,
		FirstSeen: time.Unix(0, m.first).UTC(), LastSeen: time.Unix(0, m.last).UTC(), Records: m.records, Bytes: m.bytes}
	if before, ok := o.unsaved[k]; ok {
		u = merged(before, u)
	}
	o.unsaved[k] = u
}

// merged adds b's traffic to a.
func merged(a, b eventbus.Usage) eventbus.Usage {
	a.Records += b.Records
	a.Bytes += b.Bytes
	if b.FirstSeen.Before(a.FirstSeen) {
		a.FirstSeen = b.FirstSeen
	}
	if b.LastSeen.After(a.LastSeen) {
		a.LastSeen = b.LastSeen
	}
	return a
}
