package cluster

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// describeAtOnce bounds one DescribeConfigs request.
const describeAtOnce = 500

const maxMessageBytes = "max.message.bytes"

// refresh learns brokers, topic ids and limits. What cannot be learnt stays as it
// was: brokers come and go, and an old answer is better than none.
func (e *External) refresh(ctx context.Context) error {
	err := e.refreshMetadata(ctx)
	if err == nil {
		err = e.refreshLimits(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failure = err; err == nil {
		e.fresh = e.cfg.Now()
	}
	return err
}

func (e *External) refreshMetadata(ctx context.Context) error {
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, e.client)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "ask the Kafka cluster for its brokers: %w", err)
	}
	names := make(map[[16]byte]string, len(resp.Topics))
	for _, t := range resp.Topics {
		if t.Topic != nil && t.TopicID != [16]byte{} {
			names[t.TopicID] = *t.Topic
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.setNodes(resp.Brokers)
	e.names = names
	return nil
}

// setNodes takes over the brokers of an answer. The caller holds e.mu.
func (e *External) setNodes(brokers []kmsg.MetadataResponseBroker) {
	if len(brokers) == 0 {
		return
	}
	nodes := make(map[int32]string, len(brokers))
	for _, b := range brokers {
		nodes[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		if e.nodes[b.NodeID] == "" {
			e.log.Info("a broker joined the Kafka cluster", "node", b.NodeID)
		}
	}
	for id := range e.nodes {
		if nodes[id] == "" {
			e.gone[id] = true
			e.log.Warn("a broker left the Kafka cluster", "node", id)
		}
	}
	e.nodes = nodes
}

// refreshLimits learns max.message.bytes of every topic. A cluster that lets the
// bus describe no configs is left to check sizes by itself.
func (e *External) refreshLimits(ctx context.Context) error {
	e.mu.RLock()
	topics := make([]string, 0, len(e.names))
	for _, name := range e.names {
		topics = append(topics, name)
	}
	e.mu.RUnlock()
	limits := make(map[string]int32, len(topics))
	for some := range slices.Chunk(topics, describeAtOnce) {
		req := kmsg.NewPtrDescribeConfigsRequest()
		for _, name := range some {
			r := kmsg.NewDescribeConfigsRequestResource()
			r.ResourceType, r.ResourceName, r.ConfigNames = kmsg.ConfigResourceTypeTopic, name, []string{maxMessageBytes}
			req.Resources = append(req.Resources, r)
		}
		resp, err := req.RequestWith(ctx, e.client)
		if err != nil {
			return eventbus.Errorf(eventbus.CodeUnavailable, "ask the Kafka cluster for the limits of its topics: %w", err)
		}
		for _, r := range resp.Resources {
			for _, c := range r.Configs {
				if n, err := strconv.ParseInt(deref(c.Value), 10, 32); c.Name == maxMessageBytes && err == nil {
					limits[r.ResourceName] = int32(n)
				}
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limits = limits
	return nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TopicName gives the name of the topic with an id (KIP-516), and whether there
// is one. An id that is not known yet is asked for, since the topic may have been
// made a moment ago, but not too often: a client could name any number of ids, and
// one that is not told the name asks again. An id never changes its name.
func (e *External) TopicName(id [16]byte) (string, bool) {
	e.mu.RLock()
	name, ok := e.names[id]
	e.mu.RUnlock()
	if ok || id == [16]byte{} {
		return name, ok
	}
	if !e.mayAsk() {
		return "", false
	}
	ctx, cancel := context.WithTimeout(e.life, askExternalTimeout)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.TopicID = id
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, e.client)
	if err != nil || len(resp.Topics) != 1 {
		return "", false
	}
	found := resp.Topics[0]
	if kerr.ErrorForCode(found.ErrorCode) != nil || found.TopicID != id || deref(found.Topic) == "" {
		return "", false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.names[id] = strings.Clone(*found.Topic)
	return e.names[id], true
}

// maxLookups bounds the questions about ids that are not known, in a second.
const maxLookups = 200

// lookups counts them.
type lookups struct {
	since time.Time
	count int
}

func (e *External) mayAsk() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.cfg.Now(); now.Sub(e.asked.since).Abs() >= time.Second {
		e.asked = lookups{since: now}
	}
	e.asked.count++
	return e.asked.count <= maxLookups
}

// MaxMessageBytes is the largest batch in bytes that the topic takes, as of the
// last refresh; 0 when it is not known, and then the broker decides alone. It
// never waits: a limit that was raised a moment ago may hold for one refresh more.
func (e *External) MaxMessageBytes(topic string) int32 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.limits[topic]
}
