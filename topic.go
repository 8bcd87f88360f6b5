package eventbus

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
)

// TopicID is Kafka's 16-byte topic id (KIP-516); zero means unknown.
type TopicID [16]byte

// Topic is a Kafka topic as it is or as it is wanted.
type Topic struct {
	Name              string            `json:"name"`
	ID                TopicID           `json:"-"`
	Partitions        int32             `json:"partitions"`
	ReplicationFactor int16             `json:"replicationFactor"`
	Configs           map[string]string `json:"configs,omitempty"` // only those set on the topic
}

// TopicLimits bound what may be asked of a topic; zero fields mean the default.
type TopicLimits struct {
	MaxPartitions     int32 `json:"maxPartitions,omitempty" yaml:"maxPartitions,omitempty"`         // per topic; default 100
	MaxMessageBytes   int32 `json:"maxMessageBytes,omitempty" yaml:"maxMessageBytes,omitempty"`     // default 8 MiB
	ReplicationFactor int16 `json:"replicationFactor,omitempty" yaml:"replicationFactor,omitempty"` // default 1 (the embedded engine has one node)
	MinInsyncReplicas int16 `json:"minInsyncReplicas,omitempty" yaml:"minInsyncReplicas,omitempty"` // default 1
	MaxRetentionDays  int   `json:"maxRetentionDays,omitempty" yaml:"maxRetentionDays,omitempty"`   // default 365
}

// Default limits and the defaults of Kafka that rules need.
const (
	DefaultMaxPartitions   = 100
	DefaultMaxMessageBytes = 8 << 20
	KafkaMaxMessageBytes   = 1048588 // Kafka's message.max.bytes: 1 MiB plus the batch header
	MaxTopicNameLength     = 249     // Kafka's Topic.MAX_NAME_LENGTH
)

// WithDefaults fills the zero fields.
func (l TopicLimits) WithDefaults() TopicLimits {
	if l.MaxPartitions == 0 {
		l.MaxPartitions = DefaultMaxPartitions
	}
	if l.MaxMessageBytes == 0 {
		l.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if l.ReplicationFactor == 0 {
		l.ReplicationFactor = 1
	}
	if l.MinInsyncReplicas == 0 {
		l.MinInsyncReplicas = 1
	}
	if l.MaxRetentionDays == 0 {
		l.MaxRetentionDays = 365
	}
	return l
}

// CheckTopicName says why a name is not legal for Kafka, or nil. Rule: Kafka's
// org.apache.kafka.common.internals.Topic.validate: 1 to 249 of
// [A-Za-z0-9._-], neither "." nor "..".
func CheckTopicName(name string) error {
	switch {
	case name == "":
		return Errorf(CodeInvalid, "the topic name is empty")
	case name == "." || name == "..":
		return Errorf(CodeInvalid, "topic name %q is not allowed", name)
	case len(name) > MaxTopicNameLength:
		return Errorf(CodeInvalid, "the topic name has %d characters, Kafka allows %d", len(name), MaxTopicNameLength)
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return Errorf(CodeInvalid, "topic name %q: only letters, digits, '.', '_' and '-' are allowed", name)
	}
	return nil
}

// TopicNamesCollide reports whether two different names become the same metric
// name in Kafka, where '.' and '_' are one character.
func TopicNamesCollide(a, b string) bool {
	return a != b && strings.ReplaceAll(a, ".", "_") == strings.ReplaceAll(b, ".", "_")
}

// InternalTopic reports whether a topic belongs to Kafka or the bus itself
// (it begins with "_"); such topics are never shown as events.
func InternalTopic(name string) bool { return strings.HasPrefix(name, "_") }

// CheckPartitions refuses a partition count outside 1..limit.
func CheckPartitions(n int32, l TopicLimits) error {
	if limit := l.WithDefaults().MaxPartitions; n < 1 || n > limit {
		return Errorf(CodeInvalid, "%d partitions: between 1 and %d are allowed", n, limit)
	}
	return nil
}

// configRule validates the value of one topic config.
type configRule func(value string) error

var topicConfigs = map[string]configRule{
	"cleanup.policy":                          listOf("delete", "compact"),
	"compression.type":                        oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
	"compression.gzip.level":                  gzipLevel,
	"compression.lz4.level":                   int64In(1, 17),
	"compression.zstd.level":                  int64In(-131072, 22),
	"delete.retention.ms":                     int64In(0, math.MaxInt64),
	"file.delete.delay.ms":                    int64In(0, math.MaxInt64),
	"flush.messages":                          int64In(1, math.MaxInt64),
	"flush.ms":                                int64In(0, math.MaxInt64),
	"follower.replication.throttled.replicas": anyText(4096),
	"index.interval.bytes":                    int64In(0, math.MaxInt32),
	"leader.replication.throttled.replicas":   anyText(4096),
	"local.retention.bytes":                   int64In(-2, math.MaxInt64),
	"local.retention.ms":                      int64In(-2, math.MaxInt64),
	"max.compaction.lag.ms":                   int64In(1, math.MaxInt64),
	"max.message.bytes":                       int64In(0, math.MaxInt32),
	"message.timestamp.after.max.ms":          int64In(0, math.MaxInt64),
	"message.timestamp.before.max.ms":         int64In(0, math.MaxInt64),
	"message.timestamp.type":                  oneOf("CreateTime", "LogAppendTime"),
	"min.cleanable.dirty.ratio":               floatIn(0, 1),
	"min.compaction.lag.ms":                   int64In(0, math.MaxInt64),
	"min.insync.replicas":                     int64In(1, math.MaxInt32),
	"preallocate":                             oneOf("true", "false"),
	"remote.storage.enable":                   oneOf("true", "false"),
	"retention.bytes":                         int64In(-1, math.MaxInt64),
	"retention.ms":                            int64In(-1, math.MaxInt64),
	"segment.bytes":                           int64In(14, math.MaxInt32),
	"segment.index.bytes":                     int64In(4, math.MaxInt32),
	"segment.jitter.ms":                       int64In(0, math.MaxInt64),
	"segment.ms":                              int64In(1, math.MaxInt64),
	"unclean.leader.election.enable":          oneOf("true", "false"),
}

// CheckTopicConfig says why a topic config is not legal, or nil. Source: Apache
// Kafka's TopicConfig and LogConfig validators. Unknown names are refused.
func CheckTopicConfig(name, value string) error {
	rule, ok := topicConfigs[name]
	if !ok {
		return Errorf(CodeInvalid, "unknown topic config %q", name)
	}
	if err := rule(value); err != nil {
		return Errorf(CodeInvalid, "topic config %s=%q: %w", name, value, err)
	}
	return nil
}

// CheckTopic validates name, partition count, replication factor and configs
// of a wanted topic and reports every fault at once.
func CheckTopic(t Topic, l TopicLimits) []Fault {
	var faults []Fault
	add := func(path string, err error) {
		if err != nil {
			faults = append(faults, Fault{Path: path, Message: err.Error()})
		}
	}
	l = l.WithDefaults()
	add("name", CheckTopicName(t.Name))
	add("partitions", CheckPartitions(t.Partitions, l))
	if t.ReplicationFactor < -1 { // -1 and 0: as many copies as the cluster makes by itself
		add("replicationFactor", fmt.Errorf("%d copies: a topic has at least one", t.ReplicationFactor))
	}
	names := make([]string, 0, len(t.Configs))
	for name := range t.Configs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		add("configs."+name, CheckTopicConfig(name, t.Configs[name]))
	}
	if v, err := strconv.ParseInt(t.Configs["max.message.bytes"], 10, 64); err == nil && v > int64(l.MaxMessageBytes) {
		add("configs.max.message.bytes", fmt.Errorf("%d is over the limit of %d bytes", v, l.MaxMessageBytes))
	}
	least, errLeast := strconv.ParseInt(t.Configs["min.compaction.lag.ms"], 10, 64)
	most, errMost := strconv.ParseInt(t.Configs["max.compaction.lag.ms"], 10, 64)
	if errLeast == nil && errMost == nil && least > most {
		add("configs.min.compaction.lag.ms", fmt.Errorf("%d is over max.compaction.lag.ms, which is %d", least, most))
	}
	return faults
}

// gzipLevel is -1, gzip's own default, or 1 to 9.
func gzipLevel(v string) error {
	if v == "0" {
		return fmt.Errorf("must be -1, or lie between 1 and 9")
	}
	return int64In(-1, 9)(v)
}

func int64In(low, high int64) configRule {
	return func(v string) error {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return fmt.Errorf("not a whole number")
		}
		if n < low || n > high {
			return fmt.Errorf("must lie between %d and %d", low, high)
		}
		return nil
	}
}

func floatIn(low, high float64) configRule {
	return func(v string) error {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(f) || f < low || f > high {
			return fmt.Errorf("must be a number between %g and %g", low, high)
		}
		return nil
	}
}

func oneOf(allowed ...string) configRule {
	return func(v string) error {
		for _, a := range allowed {
			if v == a {
				return nil
			}
		}
		return fmt.Errorf("must be one of %s", strings.Join(allowed, ", "))
	}
}

func listOf(allowed ...string) configRule {
	one := oneOf(allowed...)
	return func(v string) error {
		for _, part := range strings.Split(v, ",") {
			if err := one(strings.TrimSpace(part)); err != nil {
				return err
			}
		}
		return nil
	}
}

func anyText(limit int) configRule {
	return func(v string) error {
		if len(v) > limit {
			return fmt.Errorf("longer than %d characters", limit)
		}
		return nil
	}
}
