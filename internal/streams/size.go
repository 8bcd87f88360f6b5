package streams

import (
	"context"
	"errors"
	"sort"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/enterprise-event-bus/eventbus"
)

// TopicSize is how much a topic holds.
type TopicSize struct {
	Topic      string    `json:"topic"`
	Records    int64     `json:"records"`             // an estimate: offsets kept, of which compaction and transactions use some up; -1 when not known
	Bytes      int64     `json:"bytes"`               // on the disks of all replicas; -1 when the cluster does not tell
	LastRecord time.Time `json:"lastRecord,omitzero"` // greatest record timestamp, when the cluster tells (KIP-734)
}

// PartitionOffsets is what one partition holds.
type PartitionOffsets struct {
	Partition int32 `json:"partition"`
	Leader    int32 `json:"leader"` // broker id; -1 when there is none
	Replicas  int   `json:"replicas"`
	InSync    int   `json:"inSync"`
	Start     int64 `json:"start"` // first offset kept
	End       int64 `json:"end"`   // offset after the last record
}

// bounds are where partitions begin and end.
type bounds struct{ starts, ends kadm.ListedOffsets }

// TopicSizes measures at most MaxNames topics, for a page of a list, by name:
// four requests per broker, whatever the number of topics. Topics that do not
// exist are left out.
func (s *Streams) TopicSizes(ctx context.Context, topics []string) ([]TopicSize, error) {
	if s.several != nil {
		return s.several.topicSizes(ctx, topics)
	}
	if err := checkNames("topics", len(topics)); err != nil || len(topics) == 0 {
		return nil, err
	}
	at, err := s.bounds(ctx, topics)
	if err != nil {
		return nil, err
	}
	bytes := s.bytes(ctx, at.ends)
	newest, _ := s.admin.ListMaxTimestampOffsets(ctx, topics...) // a nicety: older brokers refuse
	sizes := []TopicSize{}
	for _, topic := range topics {
		if eventbus.InternalTopic(topic) || !exists(at.ends[topic]) {
			continue
		}
		size := TopicSize{Topic: topic, Records: at.records(topic), Bytes: -1}
		if n, ok := bytes[topic]; ok {
			size.Bytes = n
		}
		for _, o := range newest[topic] {
			if t := time.UnixMilli(o.Timestamp); o.Err == nil && o.Timestamp > 0 && t.After(size.LastRecord) {
				size.LastRecord = t.UTC()
			}
		}
		sizes = append(sizes, size)
	}
	sort.Slice(sizes, func(i, j int) bool { return sizes[i].Topic < sizes[j].Topic })
	return sizes, nil
}

// Partitions gives the partitions of a topic with their offsets, by number;
// CodeNotFound when there is no such topic.
func (s *Streams) Partitions(ctx context.Context, topic string) ([]PartitionOffsets, error) {
	if s.several != nil {
		return s.several.of(topic).Partitions(ctx, topic)
	}
	details, err := s.admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, unavailable(err, "read topic "+topic)
	}
	detail, ok := details[topic]
	if !ok || detail.Err != nil || eventbus.InternalTopic(topic) {
		return nil, noTopic(topic)
	}
	at, err := s.bounds(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	list := []PartitionOffsets{}
	for _, p := range detail.Partitions.Sorted() {
		one := PartitionOffsets{Partition: p.Partition, Leader: p.Leader, Replicas: len(p.Replicas), InSync: len(p.ISR), Start: -1, End: -1}
		if start, end, ok := at.of(topic, p.Partition); ok {
			one.Start, one.End = start, end
		}
		list = append(list, one)
	}
	return list, nil
}

// bounds asks for the first and last offsets of all partitions of some topics.
// What a broker did not answer is missing from the result.
func (s *Streams) bounds(ctx context.Context, topics []string) (bounds, error) {
	if len(topics) == 0 {
		return bounds{}, nil // no name would mean all topics
	}
	starts, err := s.admin.ListStartOffsets(ctx, topics...)
	if err = partly(err); err != nil {
		return bounds{}, unavailable(err, "read the first offsets")
	}
	ends, err := s.admin.ListEndOffsets(ctx, topics...)
	if err = partly(err); err != nil {
		return bounds{}, unavailable(err, "read the last offsets")
	}
	return bounds{starts, ends}, nil
}

// partly forgives that some brokers of many did not answer.
func partly(err error) error {
	if shards, ok := errors.AsType[*kadm.ShardErrors](err); ok && !shards.AllFailed {
		return nil
	}
	return err
}

// of gives the offsets of one partition.
func (b bounds) of(topic string, partition int32) (start, end int64, ok bool) {
	first, startKnown := b.starts.Lookup(topic, partition)
	last, endKnown := b.ends.Lookup(topic, partition)
	if !startKnown || !endKnown || first.Err != nil || last.Err != nil {
		return -1, -1, false
	}
	return first.Offset, last.Offset, true
}

// records counts the offsets that a topic keeps; -1 when a partition is unknown.
func (b bounds) records(topic string) int64 {
	var n int64
	for partition := range b.ends[topic] {
		start, end, ok := b.of(topic, partition)
		if !ok {
			return -1
		}
		n += max(end-start, 0)
	}
	return n
}

// bytes sums the sizes of the log directories by topic; a cluster that does not
// tell (no right, no such API) gives none.
func (s *Streams) bytes(ctx context.Context, listed kadm.ListedOffsets) map[string]int64 {
	var set kadm.TopicsSet
	listed.Each(func(o kadm.ListedOffset) {
		if o.Err == nil {
			set.Add(o.Topic, o.Partition)
		}
	})
	if len(set) == 0 { // no name would mean all topics
		return nil
	}
	dirs, err := s.admin.DescribeAllLogDirs(ctx, set)
	if err != nil {
		return nil
	}
	sum := map[string]int64{}
	for _, broker := range dirs {
		for _, dir := range broker {
			for topic, partitions := range dir.Topics {
				for _, p := range partitions {
					sum[topic] += p.Size
				}
			}
		}
	}
	return sum
}

// exists: for an unknown topic the library lists one partition -1.
func exists(partitions map[int32]kadm.ListedOffset) bool {
	if missing, ok := partitions[-1]; ok && errors.Is(missing.Err, kerr.UnknownTopicOrPartition) {
		return false
	}
	return len(partitions) > 0
}

func noTopic(name string) error {
	return eventbus.Errorf(eventbus.CodeNotFound, "there is no topic %q", name)
}

func checkNames(what string, n int) error {
	if n > MaxNames {
		return eventbus.Errorf(eventbus.CodeTooLarge, "%d %s: at most %d at once", n, what, MaxNames)
	}
	return nil
}
