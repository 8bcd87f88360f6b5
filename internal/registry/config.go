package registry

import (
	"cmp"
	"io"
	"log/slog"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of a Registry; the zero value works for a single node. The names in
// brackets are those of Confluent's settings.
type Config struct {
	Topic         string                 // [kafkastore.topic] "_schemas"
	Group         string                 // [schema.registry.group.id] "schema-registry"; also prefix of the transactional id
	Advertised    string                 // [inter.instance.listener] URL at which other nodes reach this one's REST door; unique per node; "http://localhost:8081"
	Follower      bool                   // [leader.eligibility=false] never lead
	Compatibility eventbus.Compatibility // [schema.compatibility.level] level where none is set: BACKWARD
	ModeFixed     bool                   // [mode.mutability=false] refuse changes of mode

	Replication int16 // replication factor of the topic when it is created; 0 = the cluster's default

	OpenTimeout    time.Duration // [kafkastore.init.timeout.ms] limit of topic creation and replay: 60 s
	WriteTimeout   time.Duration // limit of one write, waiting for a leader included: 5 s
	SessionTimeout time.Duration // of the election group: 10 s (Kafka's minimum is 6 s by default)
	Heartbeat      time.Duration // of the election group: 3 s; a leader that leaves is followed within one

	MaxSchemaBytes int // of one schema text: 1 MiB
	MaxReferences  int // of one schema, transitively: 1,000
	ParsedSchemas  int // [schema.cache.size] parsed schemas kept: 1,000

	Now    func() time.Time // time.Now
	Logger *slog.Logger     // discards
}

// withDefaults fills what is not set.
func (c Config) withDefaults() Config {
	c.Topic = cmp.Or(c.Topic, "_schemas")
	c.Group = cmp.Or(c.Group, "schema-registry")
	c.Advertised = cmp.Or(c.Advertised, "http://localhost:8081")
	c.Compatibility = cmp.Or(c.Compatibility, eventbus.CompatibilityBackward)
	c.OpenTimeout = cmp.Or(c.OpenTimeout, time.Minute)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 5*time.Second)
	c.SessionTimeout = cmp.Or(c.SessionTimeout, 10*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, 3*time.Second)
	c.MaxSchemaBytes = cmp.Or(c.MaxSchemaBytes, 1<<20)
	c.MaxReferences = cmp.Or(c.MaxReferences, 1000)
	c.ParsedSchemas = cmp.Or(c.ParsedSchemas, 1000)
	if c.Replication == 0 {
		c.Replication = -1
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return c
}
