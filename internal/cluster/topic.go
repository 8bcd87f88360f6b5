package cluster

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// topicCacheFor is how long an answer about a topic is reused. The gateway asks
// for each Produce, and every question waits for the engine's only loop.
const (
	topicCacheFor = time.Second
	topicCacheMax = 10_000
)

// TopicName gives the name of the topic with an id (KIP-516), and whether there
// is one. The answer may be a second old.
func (e *Embedded) TopicName(id [16]byte) (string, bool) {
	if t, ok := e.names.byID(id, e.cfg.Now()); ok {
		return t.Topic, true
	}
	var info *kfake.TopicInfo
	e.ask(func(c *kfake.Cluster) { info = c.TopicIDInfo(id) })
	if info == nil {
		return "", false
	}
	e.names.add(info, e.cfg.Now())
	return info.Topic, true
}

// MaxMessageBytes is the largest batch in bytes that the topic takes: its
// max.message.bytes, or Kafka's default. The answer may be a second old.
func (e *Embedded) MaxMessageBytes(topic string) int32 {
	info, ok := e.names.byName(topic, e.cfg.Now())
	if !ok {
		e.ask(func(c *kfake.Cluster) { info = c.TopicInfo(topic) })
		if info == nil {
			return eventbus.KafkaMaxMessageBytes
		}
		e.names.add(info, e.cfg.Now())
	}
	n, err := strconv.ParseInt(configOf(info, "max.message.bytes"), 10, 32)
	if err != nil || n < 0 {
		return eventbus.KafkaMaxMessageBytes
	}
	return int32(n)
}

// configOf gives a config that is set on the topic, "" when it is not.
func configOf(info *kfake.TopicInfo, name string) string {
	if v := info.Configs[name]; v != nil {
		return *v
	}
	return ""
}

// CreateTopic makes a topic of the bus's own. It checks name, partitions and
// configs by the rules of the root package before the engine sees them, since the
// engine accepts anything. A topic that is only compacted gets retention.ms=-1.
// It fails with CodeInvalid, with CodeConflict when the topic exists, and with
// CodeUnavailable when the engine is read-only.
func (e *Embedded) CreateTopic(ctx context.Context, t eventbus.Topic) error {
	if faults := eventbus.CheckTopic(t, e.cfg.Limits); len(faults) > 0 {
		return eventbus.Invalid(fmt.Sprintf("topic %q was not created", t.Name), faults...)
	}
	if err := e.Writable(); err != nil {
		return fmt.Errorf("create topic %q: %w", t.Name, err)
	}
	resp, err := e.request(ctx, createRequest(t))
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "create topic %q: %w", t.Name, err)
	}
	topics := resp.(*kmsg.CreateTopicsResponse).Topics
	if len(topics) != 1 {
		return eventbus.Errorf(eventbus.CodeInternal, "create topic %q: the engine answered for %d topics", t.Name, len(topics))
	}
	return createdError(t, topics[0].ErrorCode, deref(topics[0].ErrorMessage))
}

func createRequest(t eventbus.Topic) *kmsg.CreateTopicsRequest {
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic = t.Name
	rt.NumPartitions = t.Partitions
	rt.ReplicationFactor = 1 // the engine is one node
	configs := make(map[string]string, len(t.Configs)+1)
	if compactOnly(t.Configs["cleanup.policy"]) {
		configs["retention.ms"] = "-1"
	}
	for name, value := range t.Configs {
		configs[name] = value
	}
	names := make([]string, 0, len(configs))
	for name := range configs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = name, kmsg.StringPtr(configs[name])
		rt.Configs = append(rt.Configs, rc)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = append(req.Topics, rt)
	return req
}

// compactOnly reports whether a cleanup.policy keeps the last record of each key
// for ever; "compact,delete" does not.
func compactOnly(policy string) bool {
	compact := false
	for _, part := range strings.Split(policy, ",") {
		switch strings.TrimSpace(part) {
		case "compact":
			compact = true
		case "delete":
			return false
		}
	}
	return compact
}

// topicNames lists every topic.
func (e *Embedded) topicNames(ctx context.Context) ([]string, error) {
	resp, err := e.request(ctx, kmsg.NewPtrMetadataRequest())
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeUnavailable, "list the topics of the embedded engine: %w", err)
	}
	var names []string
	for _, t := range resp.(*kmsg.MetadataResponse).Topics {
		if t.Topic != nil && t.ErrorCode == 0 {
			names = append(names, *t.Topic)
		}
	}
	sort.Strings(names)
	return names, nil
}

// topicCache remembers answers about topics for topicCacheFor.
type topicCache struct {
	mu    sync.Mutex
	until time.Time
	names map[string]*kfake.TopicInfo
	ids   map[[16]byte]*kfake.TopicInfo
}

func (c *topicCache) byID(id [16]byte, now time.Time) (*kfake.TopicInfo, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(c.until) {
		return nil, false
	}
	info, ok := c.ids[id]
	return info, ok
}

func (c *topicCache) byName(name string, now time.Time) (*kfake.TopicInfo, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(c.until) {
		return nil, false
	}
	info, ok := c.names[name]
	return info, ok
}

func (c *topicCache) add(info *kfake.TopicInfo, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.After(c.until) || len(c.names) >= topicCacheMax {
		c.until = now.Add(topicCacheFor)
		c.names = make(map[string]*kfake.TopicInfo)
		c.ids = make(map[[16]byte]*kfake.TopicInfo)
	}
	c.names[info.Topic] = info
	c.ids[info.TopicID] = info
}
