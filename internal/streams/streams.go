package streams

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// MaxNames is how many topics or groups one call for lag or sizes may name: a
// page of a list.
const MaxNames = 100

// Config bounds what a Streams does. The zero value works.
type Config struct {
	ReadTimeout time.Duration    // for the records of one call; default 5 s
	LagTimeout  time.Duration    // for the timestamps behind a group's lag in seconds; default 2 s
	IndexFor    time.Duration    // how long the list of groups by topic is reused; default 30 s
	MaxGroups   int              // how many groups that list covers; default 10,000
	Now         func() time.Time // default time.Now
}

func (c Config) withDefaults() Config {
	if c.ReadTimeout <= 0 {
		c.ReadTimeout = 5 * time.Second
	}
	if c.LagTimeout <= 0 {
		c.LagTimeout = 2 * time.Second
	}
	if c.IndexFor <= 0 {
		c.IndexFor = 30 * time.Second
	}
	if c.MaxGroups <= 0 {
		c.MaxGroups = 10_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Schemas looks schemas up, deleted ones too: old records must stay readable.
// An unknown one is CodeNotFound.
type Schemas interface {
	Schema(ctx context.Context, id int) (eventbus.Schema, error)
	SchemaByGUID(ctx context.Context, guid string) (eventbus.Schema, error)
	SchemaVersion(ctx context.Context, subject string, version int) (eventbus.Schema, error)
}

// Auditor keeps the record of who read what; *audit.Log implements it. When it
// fails, nothing is shown.
type Auditor interface {
	Append(ctx context.Context, e eventbus.AuditEntry) error
}

// Streams reads topics, groups and records. It is safe for concurrent use.
type Streams struct {
	cfg     Config
	admin   *kadm.Client
	kafka   *kgo.Client
	schemas Schemas
	audit   Auditor

	mu     sync.Mutex // guards codecs
	codecs map[string]*client.Codec

	consumers consumerIndex

	several *several // when it shows several clusters; nothing else is set then
}

// New makes a Streams that reads topics and groups through an admin client,
// which stays the caller's to close. It knows no lag in seconds and shows no
// records; Open makes one that does.
func New(admin *kadm.Client) *Streams {
	return &Streams{cfg: Config{}.withDefaults(), admin: admin, codecs: map[string]*client.Codec{}}
}

// Open makes a Streams on a Kafka client, which stays the caller's to close.
// Reading records makes short-lived clients of its own with the same options.
func Open(cfg Config, kafka *kgo.Client, schemas Schemas, audit Auditor) *Streams {
	s := New(kadm.NewClient(kafka))
	s.cfg, s.kafka, s.schemas, s.audit = cfg.withDefaults(), kafka, schemas, audit
	return s
}
