package cluster

import (
	"context"
	"sort"
	"strconv"
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
