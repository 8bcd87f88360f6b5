package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// Bounds of one CreateTopics request. The embedded engine writes its whole list
// of topics once for each request, so that 10,000 topics made one by one take
// minutes and a hundred at once a second; it answers nobody else meanwhile, so a
// request must not be without bounds either. Kafka takes 10,000 partitions in one
// (ReplicationControlManager, MAX_PARTITIONS_PER_BATCH).
const (
	topicsAtOnce     = 100
	partitionsAtOnce = 5_000
)

// CreateTopic makes one topic of the bus's own; see CreateTopics.
func (e *Embedded) CreateTopic(ctx context.Context, t eventbus.Topic) error {
	return e.CreateTopics(ctx, []eventbus.Topic{t})[0]
}

// CreateTopics makes topics of the bus's own, many in one request, and gives the
// error of each in their order, nil for those that were made. It checks name,
// partitions and configs by the rules of the root package before the engine sees
// them, since the engine accepts anything. A topic that is only compacted gets
// retention.ms=-1. A topic fails with CodeInvalid, with CodeConflict when it
// exists, and with CodeUnavailable when the engine is read-only or ctx ends; the
// others do not depend on it.
func (e *Embedded) CreateTopics(ctx context.Context, topics []eventbus.Topic) []error {
	return createTopics(topics, e.cfg.Limits, func(req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
		if err := e.Writable(); err != nil {
			return nil, err
		}
		for i := range req.Topics {
			req.Topics[i].ReplicationFactor = 1 // the engine is one node
		}
		resp, err := e.request(ctx, req)
		if err != nil {
			return nil, eventbus.Errorf(eventbus.CodeUnavailable, "ask the embedded engine: %w", err)
		}
		return resp.(*kmsg.CreateTopicsResponse), nil
	})
}

// CreateTopic makes one topic of the bus's own; see CreateTopics.
func (e *External) CreateTopic(ctx context.Context, t eventbus.Topic) error {
	return e.CreateTopics(ctx, []eventbus.Topic{t})[0]
}

// CreateTopics makes topics of the bus's own, many in one request, and gives the
// error of each in their order, nil for those that were made. Each gets as many
// copies of a record as it asks for (0: the cluster's default). Name, partitions
// and configs are held against the rules of the root package first. A topic fails
// with CodeInvalid, also when the cluster has too few brokers for the copies, with
// CodeConflict when it exists, and with CodeUnavailable when the cluster does not
// answer; it may have been made then.
func (e *External) CreateTopics(ctx context.Context, topics []eventbus.Topic) []error {
	return createTopics(topics, e.cfg.Limits, func(req *kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error) {
		resp, err := req.RequestWith(ctx, e.client)
		if err != nil {
			return nil, eventbus.Errorf(eventbus.CodeUnavailable, "ask the Kafka cluster: %w", err)
		}
		return resp, nil
	})
}

// createTopics checks the topics, asks in requests of a bounded size, and gives
// the error of each. After a request that was not answered it asks no more.
func createTopics(topics []eventbus.Topic, limits eventbus.TopicLimits, ask func(*kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error)) []error {
	errs := make([]error, len(topics))
	named := make(map[string]bool, len(topics))
	var some []int // of topics, for the next request
	var partitions int32
	var broken error
	flush := func() {
		if len(some) > 0 && broken == nil {
			broken = createSome(topics, some, errs, ask)
		}
		for _, i := range some {
			if broken != nil {
				errs[i] = fmt.Errorf("create topic %q: %w", topics[i].Name, broken)
			}
		}
		some, partitions = some[:0], 0
	}
	for i, t := range topics {
		if faults := eventbus.CheckTopic(t, limits); len(faults) > 0 {
			errs[i] = eventbus.Invalid(fmt.Sprintf("topic %q was not created", t.Name), faults...)
			continue
		}
		if named[t.Name] {
			errs[i] = eventbus.Errorf(eventbus.CodeConflict, "topic %q is named twice", t.Name)
			continue
		}
		named[t.Name] = true
		if len(some) == topicsAtOnce || partitions+t.Partitions > partitionsAtOnce {
			flush()
		}
		some, partitions = append(some, i), partitions+t.Partitions
	}
	flush()
	return errs
}

// createSome makes the topics with these indexes in one request. Its own error
// stands for all of them.
func createSome(topics []eventbus.Topic, some []int, errs []error, ask func(*kmsg.CreateTopicsRequest) (*kmsg.CreateTopicsResponse, error)) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	for _, i := range some {
		req.Topics = append(req.Topics, createRequest(topics[i]))
	}
	resp, err := ask(req)
	if err != nil {
		return err
	}
	answers := make(map[string]kmsg.CreateTopicsResponseTopic, len(resp.Topics))
	for _, answer := range resp.Topics {
		answers[answer.Topic] = answer
	}
	for _, i := range some {
		answer, ok := answers[topics[i].Name]
		if !ok {
			errs[i] = eventbus.Errorf(eventbus.CodeInternal, "create topic %q: the cluster said nothing of it", topics[i].Name)
			continue
		}
		errs[i] = createdError(topics[i], answer.ErrorCode, deref(answer.ErrorMessage))
	}
	return nil
}

func createRequest(t eventbus.Topic) kmsg.CreateTopicsRequestTopic {
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic = t.Name
	rt.NumPartitions = t.Partitions
	if rt.ReplicationFactor = t.ReplicationFactor; t.ReplicationFactor == 0 {
		rt.ReplicationFactor = -1 // the cluster's default (KIP-464)
	}
	configs := make(map[string]string, len(t.Configs)+1)
	if compactOnly(t.Configs["cleanup.policy"]) {
		configs["retention.ms"] = "-1"
	}
	maps.Copy(configs, t.Configs)
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = name, kmsg.StringPtr(configs[name])
		rt.Configs = append(rt.Configs, rc)
	}
	return rt
}

// compactOnly reports whether a cleanup.policy keeps the last record of each key
// for ever; "compact,delete" does not.
func compactOnly(policy string) bool {
	compact := false
	for part := range strings.SplitSeq(policy, ",") {
		switch strings.TrimSpace(part) {
		case "compact":
			compact = true
		case "delete":
			return false
		}
	}
	return compact
}

// createdError translates what a cluster says of a topic that was to be made.
func createdError(t eventbus.Topic, code int16, message string) error {
	switch err := kerr.ErrorForCode(code); {
	case err == nil:
		return nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return eventbus.Errorf(eventbus.CodeConflict, "topic %q exists already", t.Name)
	case errors.Is(err, kerr.InvalidTopicException):
		return eventbus.Errorf(eventbus.CodeConflict, "topic %q: another topic has the same name but for '.' and '_'", t.Name)
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return &eventbus.Error{Code: eventbus.CodeInvalid, Message: fmt.Sprintf("topic %q was not created: %d copies of each record were asked for (%s)", t.Name, t.ReplicationFactor, message),
			Next: "ask for no more copies than there are brokers (replication of the environment)", Err: err}
	default:
		return eventbus.Errorf(eventbus.CodeUnavailable, "create topic %q: %s: %w", t.Name, message, err)
	}
}
