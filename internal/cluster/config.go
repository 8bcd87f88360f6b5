package cluster

import (
	"context"
	"log/slog"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// Defaults of Config.
const (
	DefaultMinFree        = 256 << 20        // bytes free on the disk below which the engine is read-only
	DefaultRetentionEvery = 30 * time.Second // between two passes of retention
	DefaultCheckEvery     = time.Second      // between two looks at the disk
	fallbackBudget        = 2 << 30          // when the size of the memory is not known
)

// Config says where the embedded engine keeps its data and how much of it. The
// zero value is an engine in memory.
type Config struct {
	// DataDir is the directory of the engine's data, made with mode 0700 when
	// missing; "" keeps everything in memory and loses it at Close.
	DataDir string
	// DiskBudget is the most bytes of data the engine may hold, because it reads
	// all of it at start (about 1.4 bytes of memory for each byte on disk).
	// Writes are refused from 90 % on, and a start above it is refused. 0 means
	// a quarter of the machine's memory; negative means no limit.
	DiskBudget int64
	// MinFree is the number of free bytes on the disk below which writes are
	// refused; they are allowed again at 125 % of it. 0 means DefaultMinFree;
	// negative means no limit. Not used in memory.
	MinFree int64
	// RetentionEvery and CheckEvery are the pauses between two passes; zero
	// means the default.
	RetentionEvery time.Duration
	CheckEvery     time.Duration
	// SyncWrites flushes each batch to the disk before it is acknowledged.
	SyncWrites bool
	// Limits bound topics made through CreateTopic.
	Limits eventbus.TopicLimits
	Logger *slog.Logger     // nil means no log
	Now    func() time.Time // nil means time.Now
}

func (c Config) withDefaults() Config {
	if c.DiskBudget == 0 {
		c.DiskBudget = fallbackBudget
		if ram := memorySize(); ram > 0 {
			c.DiskBudget = ram / 4
		}
	}
	if c.MinFree == 0 {
		c.MinFree = DefaultMinFree
	}
	if c.RetentionEvery <= 0 {
		c.RetentionEvery = DefaultRetentionEvery
	}
	if c.CheckEvery <= 0 {
		c.CheckEvery = DefaultCheckEvery
	}
	c.Limits = c.Limits.WithDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// LogStarts keeps where the log of each partition starts, outside the engine,
// which forgets it in a crash. The topic is an opaque key of at most 300
// characters: the name and the id of the topic, so that a topic made again under
// an old name starts afresh.
type LogStarts interface {
	// SaveLogStart keeps offset durably before it returns; it replaces what is
	// there. It is called while the engine waits, so it must be quick.
	SaveLogStart(ctx context.Context, topic string, partition int32, offset int64) error
	// LogStarts gives everything saved, by topic key and partition.
	LogStarts(ctx context.Context) (map[string]map[int32]int64, error)
}
