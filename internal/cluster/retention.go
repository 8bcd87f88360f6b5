package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// SchemasTopic keeps every record whatever its configs say: it is the registry.
const SchemasTopic = "_schemas"

// defaultRetentionMs is Kafka's log.retention.hours of 168.
const defaultRetentionMs = 7 * 24 * 3600 * 1000

// fetchStep is how many bytes of log one look of retention reads at most; the
// engine serves nobody else meanwhile.
const fetchStep = 1 << 20

// retentionRule says what may be deleted from a topic; -1 means no limit.
type retentionRule struct {
	ms    int64 // records older than this many milliseconds
	bytes int64 // the oldest, while the partition keeps at least this many bytes
}

// keepsAll reports that nothing may be deleted.
func (r retentionRule) keepsAll() bool { return r.ms < 0 && r.bytes < 0 }

// retentionOf reads a topic's rule from its configs, by Kafka's meaning of
// cleanup.policy, retention.ms and retention.bytes. A topic that is only
// compacted keeps all, and so does a value that is not a number: never delete on
// a misunderstanding.
func retentionOf(topic string, configs map[string]*string) retentionRule {
	value := func(name string, otherwise int64) int64 {
		v := configs[name]
		if v == nil {
			return otherwise
		}
		n, err := strconv.ParseInt(*v, 10, 64)
		if err != nil || n < 0 {
			return -1
		}
		return n
	}
	if policy := configs["cleanup.policy"]; topic == SchemasTopic || policy != nil && compactOnly(*policy) {
		return retentionRule{ms: -1, bytes: -1}
	}
	return retentionRule{ms: value("retention.ms", defaultRetentionMs), bytes: value("retention.bytes", -1)}
}

type partitionKey struct {
	topic     [16]byte
	partition int32
}

// head is what the last pass saw first in a partition: while it stays first and
// is young enough, there is nothing to read.
type head struct {
	start        int64
	maxTimestamp int64 // of the first batch, Unix milliseconds
}

// Retain makes one pass over all topics and deletes what their retention.ms and
// retention.bytes ask for, batch by batch and never the last record. It reads the
// log only where something is due. Passes do not overlap. It goes on after an
// error in one partition and returns all of them.
func (e *Embedded) Retain(ctx context.Context) error {
	e.passMu.Lock()
	defer e.passMu.Unlock()
	names, err := e.topicNames(ctx)
	if err != nil {
		return err
	}
	var errs []error
	heads := make(map[partitionKey]head, len(e.heads))
	for _, name := range names {
		var (
			info  *kfake.TopicInfo
			parts []*kfake.PartitionInfo
		)
		if !e.ask(func(c *kfake.Cluster) { info, parts = c.TopicInfo(name), c.PartitionInfos(name) }) {
			return errClosed()
		}
		if info == nil {
			continue
		}
		rule := retentionOf(name, info.Configs)
		for _, p := range parts {
			if rule.keepsAll() || p.HighWatermark-p.LogStartOffset <= 1 {
				continue
			}
			key := partitionKey{info.TopicID, p.Partition}
			h, err := e.retainPartition(ctx, info, p, rule, e.heads[key])
			if err != nil {
				errs = append(errs, fmt.Errorf("retention of %s-%d: %w", name, p.Partition, err))
			}
			heads[key] = h
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	e.heads = heads
	e.counts.retentionPasses.Add(1)
	return errors.Join(errs...)
}

func (e *Embedded) retainPartition(ctx context.Context, t *kfake.TopicInfo, p *kfake.PartitionInfo, rule retentionRule, seen head) (head, error) {
	now := e.cfg.Now().UnixMilli()
	tooBig := rule.bytes >= 0 && p.NumBytes > rule.bytes
	tooOld := rule.ms >= 0 && (seen.start != p.LogStartOffset || seen.maxTimestamp == 0 || now-seen.maxTimestamp >= rule.ms)
	if !tooBig && !tooOld {
		return seen, nil
	}
	to, first, err := e.due(ctx, t, p, rule, now)
	if err != nil || to <= p.LogStartOffset {
		return head{p.LogStartOffset, first}, err
	}
	// The start is kept before anything is deleted, so that a crash in between
	// cannot bring back what was due.
	if err := e.starts.save(ctx, startKey(t), p.Partition, to); err != nil {
		return head{}, err
	}
	if err := e.deleteBefore(ctx, t.Topic, p.Partition, to); err != nil {
		return head{}, err
	}
	e.counts.retentionRecords.Add(to - p.LogStartOffset)
	return head{to, first}, nil
}

// due gives the offset before which records are due, and the largest timestamp
// of the first batch that is not. It reads batch headers through a Fetch, which
// works alike on disk and in memory and decompresses nothing.
func (e *Embedded) due(ctx context.Context, t *kfake.TopicInfo, p *kfake.PartitionInfo, rule retentionRule, now int64) (to, first int64, err error) {
	// Never the last record, never into an open transaction.
	limit := min(p.HighWatermark-1, p.LastStableOffset)
	to = p.LogStartOffset
	left := p.NumBytes
	for at := p.LogStartOffset; at < limit; {
		batches, err := e.fetchBatches(ctx, t, p.Partition, at)
		if err != nil {
			return to, 0, err
		}
		if len(batches) == 0 {
			return to, 0, nil
		}
		for _, b := range batches {
			if b.end <= at {
				continue
			}
			old := rule.ms >= 0 && now-b.maxTimestamp >= rule.ms
			big := rule.bytes >= 0 && left-b.size >= rule.bytes
			if !old && !big {
				return to, b.maxTimestamp, nil
			}
			if b.end >= limit {
				return limit, b.maxTimestamp, nil
			}
			to, at = b.end, b.end
			left -= b.size
		}
	}
	return to, 0, nil
}

// batch is what the header of a record batch says (Kafka's format v2).
type batch struct {
	end          int64 // the offset after its last record
	size         int64 // bytes
	maxTimestamp int64 // Unix milliseconds
}

func (e *Embedded) fetchBatches(ctx context.Context, t *kfake.TopicInfo, partition int32, offset int64) ([]batch, error) {
	fp := kmsg.NewFetchRequestTopicPartition()
	fp.Partition, fp.FetchOffset, fp.PartitionMaxBytes = partition, offset, fetchStep
	ft := kmsg.NewFetchRequestTopic()
	ft.Topic, ft.TopicID, ft.Partitions = t.Topic, t.TopicID, append(ft.Partitions, fp)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 0, 0, fetchStep, -1
	req.Topics = append(req.Topics, ft)
	resp, err := e.request(ctx, req)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeUnavailable, "read the log: %w", err)
	}
	for _, rt := range resp.(*kmsg.FetchResponse).Topics {
		for _, rp := range rt.Partitions {
			switch err := kerr.ErrorForCode(rp.ErrorCode); {
			case err == nil:
				return parseBatches(rp.RecordBatches), nil
			case errors.Is(err, kerr.OffsetOutOfRange), errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
				return nil, nil // deleted by someone since; the next pass looks again
			default:
				return nil, eventbus.Errorf(eventbus.CodeUnavailable, "read the log: %w", err)
			}
		}
	}
	return nil, nil
}

// parseBatches reads the headers of whole batches; a cut one at the end is left
// out.
func parseBatches(raw []byte) []batch {
	var batches []batch
	for len(raw) >= batchHeader {
		size := batchPrefix + int64(int32(binary.BigEndian.Uint32(raw[8:])))
		if size < batchHeader || size > int64(len(raw)) {
			break
		}
		batches = append(batches, batch{
			end:          int64(binary.BigEndian.Uint64(raw)) + int64(int32(binary.BigEndian.Uint32(raw[23:]))) + 1,
			size:         size,
			maxTimestamp: int64(binary.BigEndian.Uint64(raw[35:])),
		})
		raw = raw[size:]
	}
	return batches
}
