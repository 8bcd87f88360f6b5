package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// ClampDelete gives the offset that a DeleteRecords for offset may really use on
// a partition that starts at start and ends at end (the offset after its last
// record). offset -1 means the end, as in Kafka. The last record always stays,
// because the engine restarts an emptied partition at offset 0. An offset before
// the start becomes the start (Kafka answers success); one after the end, or
// below -1, is given back as it is, for the engine to refuse.
func ClampDelete(offset, start, end int64) int64 {
	if offset == -1 {
		offset = end
	}
	if offset < 0 || offset > end {
		return offset
	}
	return max(min(offset, end-1), start)
}

// guard sets the guards inside the engine, where they hold for every connection.
func (e *Embedded) guard() {
	c := e.engine
	c.ControlKey(kmsg.DeleteRecords.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		r := req.(*kmsg.DeleteRecordsRequest)
		if err := e.guardDelete(r); err != nil {
			e.faults.report("records were not deleted: the log start could not be kept: " + err.Error())
			return refuseDelete(r), nil, true
		}
		return nil, nil, false
	})
	c.ControlKey(kmsg.AlterConfigs.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return refuseAlter(req.(*kmsg.AlterConfigsRequest))
	})
	c.ControlKey(kmsg.IncrementalAlterConfigs.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return refuseIncrementalAlter(req.(*kmsg.IncrementalAlterConfigsRequest))
	})
}

// guardDelete clamps each offset of the request in place and keeps the log starts
// it will lead to, before the engine deletes anything.
func (e *Embedded) guardDelete(req *kmsg.DeleteRecordsRequest) error {
	ctx := context.Background() // an engine's callback carries none
	for i := range req.Topics {
		t := &req.Topics[i]
		var (
			info  *kfake.TopicInfo
			parts []*kfake.PartitionInfo
		)
		if !e.ask(func(c *kfake.Cluster) { info, parts = c.TopicInfo(t.Topic), c.PartitionInfos(t.Topic) }) {
			return errClosed()
		}
		for j := range t.Partitions {
			p := &t.Partitions[j]
			if info == nil || p.Partition < 0 || int(p.Partition) >= len(parts) {
				continue // the engine answers that it does not know it
			}
			at := parts[p.Partition]
			p.Offset = ClampDelete(p.Offset, at.LogStartOffset, at.HighWatermark)
			if p.Offset <= at.LogStartOffset || p.Offset > at.HighWatermark {
				continue
			}
			if err := e.starts.save(ctx, startKey(info), p.Partition, p.Offset); err != nil {
				return err
			}
		}
	}
	return nil
}

func refuseDelete(req *kmsg.DeleteRecordsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewDeleteRecordsResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewDeleteRecordsResponseTopicPartition()
			rp.Partition, rp.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

const brokerConfigsFixed = "the settings of the embedded broker are fixed; nothing was changed"

func refuseAlter(req *kmsg.AlterConfigsRequest) (kmsg.Response, error, bool) {
	refused := false
	resp := req.ResponseKind().(*kmsg.AlterConfigsResponse)
	for _, r := range req.Resources {
		refused = refused || brokerResource(r.ResourceType)
		rr := kmsg.NewAlterConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		rr.ErrorCode, rr.ErrorMessage = kerr.InvalidRequest.Code, kmsg.StringPtr(brokerConfigsFixed)
		resp.Resources = append(resp.Resources, rr)
	}
	return resp, nil, refused
}

func refuseIncrementalAlter(req *kmsg.IncrementalAlterConfigsRequest) (kmsg.Response, error, bool) {
	refused := false
	resp := req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse)
	for _, r := range req.Resources {
		refused = refused || brokerResource(r.ResourceType)
		rr := kmsg.NewIncrementalAlterConfigsResponseResource()
		rr.ResourceType, rr.ResourceName = r.ResourceType, r.ResourceName
		rr.ErrorCode, rr.ErrorMessage = kerr.InvalidRequest.Code, kmsg.StringPtr(brokerConfigsFixed)
		resp.Resources = append(resp.Resources, rr)
	}
	return resp, nil, refused
}

func brokerResource(t kmsg.ConfigResourceType) bool {
	return t == kmsg.ConfigResourceTypeBroker || t == kmsg.ConfigResourceTypeBrokerLogger
}

// logStarts is what the store keeps, and a copy of it, so that a log start is
// written once.
type logStarts struct {
	mu    sync.Mutex
	store LogStarts // nil: in memory only
	kept  map[string]map[int32]int64
}

func loadLogStarts(ctx context.Context, store LogStarts) (*logStarts, error) {
	s := &logStarts{store: store, kept: make(map[string]map[int32]int64)}
	if store == nil {
		return s, nil
	}
	all, err := store.LogStarts(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the kept log starts: %w", err)
	}
	for key, parts := range all {
		for p, offset := range parts {
			s.set(key, p, offset)
		}
	}
	return s, nil
}

// save keeps offset as the log start unless the same or a later one is kept.
func (s *logStarts) save(ctx context.Context, key string, partition int32, offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept, ok := s.kept[key][partition]; ok && kept >= offset {
		return nil
	}
	if s.store != nil {
		if err := s.store.SaveLogStart(ctx, key, partition, offset); err != nil {
			return fmt.Errorf("keep the log start of %s-%d: %w", key, partition, err)
		}
	}
	s.set(key, partition, offset)
	return nil
}

func (s *logStarts) set(key string, partition int32, offset int64) {
	if s.kept[key] == nil {
		s.kept[key] = make(map[int32]int64)
	}
	s.kept[key][partition] = offset
}

func (s *logStarts) of(key string) map[int32]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := make(map[int32]int64, len(s.kept[key]))
	for p, offset := range s.kept[key] {
		parts[p] = offset
	}
	return parts
}

// startKey is the key of a topic's log starts: '#' is not allowed in names, and
// the id tells a topic from an older one of the same name.
func startKey(info *kfake.TopicInfo) string {
	return info.Topic + "#" + hex.EncodeToString(info.TopicID[:])
}

// applyLogStarts deletes again what was deleted before a crash.
func (e *Embedded) applyLogStarts(ctx context.Context) error {
	names, err := e.topicNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		var (
			info  *kfake.TopicInfo
			parts []*kfake.PartitionInfo
		)
		e.ask(func(c *kfake.Cluster) { info, parts = c.TopicInfo(name), c.PartitionInfos(name) })
		if info == nil {
			continue
		}
		kept := e.starts.of(startKey(info))
		for _, p := range parts {
			if start := kept[p.Partition]; start > p.LogStartOffset {
				to := min(start, p.HighWatermark) // the end itself may be gone after a power cut
				if err := e.deleteBefore(ctx, name, p.Partition, to); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// deleteBefore deletes the records of one partition before offset.
func (e *Embedded) deleteBefore(ctx context.Context, topic string, partition int32, offset int64) error {
	rp := kmsg.NewDeleteRecordsRequestTopicPartition()
	rp.Partition, rp.Offset = partition, offset
	rt := kmsg.NewDeleteRecordsRequestTopic()
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = append(req.Topics, rt)
	resp, err := e.request(ctx, req)
	if err == nil {
		for _, t := range resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range t.Partitions {
				err = errors.Join(err, kerr.ErrorForCode(p.ErrorCode))
			}
		}
	}
	if err != nil {
		return eventbus.Errorf(eventbus.CodeUnavailable, "delete the records of %s-%d before offset %d: %w", topic, partition, offset, err)
	}
	return nil
}
