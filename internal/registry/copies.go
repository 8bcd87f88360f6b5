package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Copies is a second home of the topic's records. The embedded engine survives
// kill -9 but not every power cut; an id that data already carries must not
// change its meaning because a file was lost. The store implements it.
type Copies interface {
	// AppendRecords keeps records, in the order of their offsets, before they
	// are acted on. An offset that is kept already is kept once.
	AppendRecords(ctx context.Context, records []Record) error
	// LastOffset gives the highest offset that is kept, -1 when none is.
	LastOffset(ctx context.Context) (int64, error)
	// ReadRecords calls each for every record that is kept from an offset on, in
	// the order of offsets, and ends with its first error.
	ReadRecords(ctx context.Context, from int64, each func(Record) error) error
	// ForgetRecords drops all kept records; they are about to be kept again
	// under new offsets.
	ForgetRecords(ctx context.Context) error
}

// restoreCopies writes back what the topic has lost: all kept records whose
// offset the topic does not reach.
//
// It gives the highest offset that the copy holds, -1 if it is to be taken anew.
func (r *Registry) restoreCopies(ctx context.Context) (kept int64, err error) {
	if r.copies == nil {
		return -1, nil
	}
	_, end, err := r.topicBounds(ctx)
	if err != nil {
		return -1, err
	}
	if kept, err = r.copies.LastOffset(ctx); err != nil || kept < end {
		return kept, err
	}
	var lost []Record
	if err := r.copies.ReadRecords(ctx, end, func(rec Record) error {
		lost = append(lost, rec)
		return nil
	}); err != nil {
		return -1, err
	}
	r.cfg.Logger.Warn("the schema topic lost records; writing them back from the copy",
		"topic", r.cfg.Topic, "end", end, "records", len(lost))
	if err := r.writeBack(ctx, lost); err != nil {
		return -1, err
	}
	// The copy is taken anew while the topic is replayed: the offsets differ.
	return -1, r.copies.ForgetRecords(ctx)
}

// writeBack puts records at the end of the topic under a writer's fence.
func (r *Registry) writeBack(ctx context.Context, records []Record) error {
	w, err := r.newWriter()
	if err != nil {
		return err
	}
	defer w.close()
	for chunk := range slices.Chunk(records, 500) {
		if _, err := w.put(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// topicBounds gives the first offset of the topic and the one after the last
// committed record.
func (r *Registry) topicBounds(ctx context.Context) (start, end int64, err error) {
	cl, err := r.client()
	if err != nil {
		return 0, 0, err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := adm.ListCommittedOffsets(ctx, r.cfg.Topic)
	if err != nil {
		return 0, 0, err
	}
	starts, err := adm.ListStartOffsets(ctx, r.cfg.Topic)
	if err != nil {
		return 0, 0, err
	}
	first, ok := starts.Lookup(r.cfg.Topic, 0)
	last, ok2 := ends.Lookup(r.cfg.Topic, 0)
	if !ok || !ok2 {
		return 0, 0, fmt.Errorf("topic %s has no partition 0", r.cfg.Topic)
	}
	if err := ends.Error(); err != nil {
		return 0, 0, err
	}
	return first.Offset, last.Offset, starts.Error()
}

// ensureTopic creates the topic as Confluent does, and refuses one that would
// lose records or reorder them.
func (r *Registry) ensureTopic(ctx context.Context) error {
	cl, err := r.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topics, err := adm.ListTopics(ctx, r.cfg.Topic)
	if err != nil {
		return fmt.Errorf("look for topic %s: %w", r.cfg.Topic, err)
	}
	if detail, ok := topics[r.cfg.Topic]; ok && detail.Err == nil {
		if n := len(detail.Partitions); n != 1 {
			return fmt.Errorf("topic %s has %d partitions; the registry needs exactly one", r.cfg.Topic, n)
		}
		return r.checkPolicy(ctx, adm)
	}
	compact, forever, largest, segment := "compact", "-1", strconv.Itoa(createdBatch), strconv.Itoa(createdSegment)
	resp, err := adm.CreateTopic(ctx, 1, r.cfg.Replication,
		map[string]*string{"cleanup.policy": &compact, "retention.ms": &forever, "max.message.bytes": &largest, "segment.bytes": &segment}, r.cfg.Topic)
	if err == nil {
		err = resp.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", r.cfg.Topic, err)
	}
	return r.checkPolicy(ctx, adm)
}

// createdBatch is max.message.bytes of a topic that we create: a schema of 1 MiB
// whose every character is escaped fits. usualBatch is what any topic takes.
const createdBatch, usualBatch = 4 << 20, 1_000_000

// createdSegment is segment.bytes of a topic that we create: the embedded engine
// reads a segment at a time when it starts, and Kafka compacts only those that are
// full.
const createdSegment = 16 << 20

// checkPolicy refuses a topic whose records expire (Confluent does too), and
// learns how large a record may be.
func (r *Registry) checkPolicy(ctx context.Context, adm *kadm.Client) error {
	r.maxBatch = usualBatch
	configs, err := adm.DescribeTopicConfigs(ctx, r.cfg.Topic)
	if err != nil {
		r.cfg.Logger.Warn("cannot read the settings of the schema topic", "topic", r.cfg.Topic, "error", err)
		return nil
	}
	for _, config := range configs {
		for _, entry := range config.Configs {
			if n, err := strconv.Atoi(entry.MaybeValue()); err == nil && entry.Key == "max.message.bytes" {
				r.maxBatch = int32(min(max(n, 1<<10), 64<<20))
			}
			if entry.Key == "cleanup.policy" && entry.MaybeValue() != "compact" {
				return fmt.Errorf("topic %s has cleanup.policy=%s, so schemas would expire; set it to compact",
					r.cfg.Topic, entry.MaybeValue())
			}
		}
	}
	return nil
}

// toKafka makes the Kafka record of a Record.
func (r *Registry) toKafka(rec Record) *kgo.Record {
	return &kgo.Record{Topic: r.cfg.Topic, Key: rec.Key, Value: rec.Value, Headers: headers(rec)}
}
