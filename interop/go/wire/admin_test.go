package wire

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func topics(t *testing.T, p place) {
	adm := p.admin(t)
	name := p.topic(t, 5)
	replicas := int16(min(p.nodes, 3))
	for _, tt := range []struct {
		name       string
		topic      string
		partitions int32
		replicas   int16
		configs    map[string]*string
		want       error
	}{
		{"exists", name, 1, replicas, nil, kerr.TopicAlreadyExists},
		{"no partitions", name + "-a", 0, replicas, nil, kerr.InvalidPartitions},
		{"too many replicas", name + "-b", 1, 9, nil, kerr.InvalidReplicationFactor},
		{"bad name", "a/b", 1, replicas, nil, kerr.InvalidTopicException},
		{"unknown config", name + "-c", 1, replicas, map[string]*string{"no.such": ptr("1")}, kerr.InvalidConfig},
		{"bad config", name + "-d", 1, replicas, map[string]*string{"retention.ms": ptr("banana")}, kerr.InvalidConfig},
	} {
		_, err := adm.CreateTopic(t.Context(), tt.partitions, tt.replicas, tt.configs, tt.topic)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	listed, err := adm.ListTopics(t.Context(), name)
	if err != nil || len(listed[name].Partitions) != 5 {
		t.Fatalf("topic is listed as %v (%v)", listed[name], err)
	}
	if _, err := adm.DeleteTopic(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := adm.DeleteTopic(t.Context(), name); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("a second delete gives %v", err)
	}
	if _, err := adm.CreateTopic(t.Context(), 2, replicas, nil, name); err != nil {
		t.Errorf("made again: %v", err)
	}
}

func ptr(s string) *string { return &s }

func configs(t *testing.T, p place) {
	adm := p.admin(t)
	topic := p.topic(t, 1, "retention.ms=3600000")
	// becomes waits until every broker that is asked says so: they learn of a
	// change one after the other.
	becomes := func(want string) {
		t.Helper()
		end := time.Now().Add(30 * time.Second)
		for agreed := 0; agreed < 3*p.nodes; { // whichever broker answers
			described, err := adm.DescribeTopicConfigs(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			got := configured(described[0], "retention.ms")
			if agreed++; got == want {
				continue
			}
			if agreed = 0; time.Now().After(end) {
				t.Fatalf("retention.ms is %s, want %s", got, want)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	alter := func(op kadm.IncrementalOp, v *string) error {
		altered, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: op, Name: "retention.ms", Value: v}}, topic)
		if err != nil {
			return err
		}
		return altered[0].Err
	}
	becomes("3600000")
	if err := alter(kadm.SetConfig, ptr("7200000")); err != nil {
		t.Errorf("alter: %v", err)
	}
	becomes("7200000")
	if err := alter(kadm.SetConfig, ptr("banana")); !errors.Is(err, kerr.InvalidConfig) {
		t.Errorf("a bad value gives %v", err)
	}
	becomes("7200000")
	if err := alter(kadm.DeleteConfig, nil); err != nil {
		t.Errorf("take back: %v", err)
	}
	becomes("604800000")
	whole, err := adm.AlterTopicConfigsState(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: ptr("1800000")}}, topic)
	if err != nil || whole[0].Err != nil {
		t.Errorf("alter as a whole: %v, %v", err, whole)
	}
	becomes("1800000")
}

// configured gives a value of a topic's configuration.
func configured(c kadm.ResourceConfig, key string) string {
	for _, entry := range c.Configs {
		if entry.Key == key {
			return entry.MaybeValue()
		}
	}
	return "absent"
}

func partitionsAdded(t *testing.T, p place) {
	adm := p.admin(t)
	topic := p.topic(t, 2)
	cl := p.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if added, err := adm.CreatePartitions(t.Context(), 1, topic); err != nil || added.Error() != nil {
		t.Fatal(err, added.Error())
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 2, Value: []byte("x")}).FirstErr()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("produce to the new partition: %v", err)
		}
		cl.ForceMetadataRefresh()
		time.Sleep(50 * time.Millisecond)
	}
	if fewer, err := adm.UpdatePartitions(t.Context(), 1, topic); err == nil && fewer.Error() == nil {
		t.Error("partitions were taken away")
	}
}

// fill writes n records, a second apart, to partition 0.
func fill(t *testing.T, p place, topic string, n int) time.Time {
	t.Helper()
	cl := p.client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	for i := range n {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Value: fmt.Append(nil, i), Timestamp: at.Add(time.Duration(i) * time.Second)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

func offsets(t *testing.T, p place) {
	adm := p.admin(t)
	topic := p.topic(t, 1)
	at := fill(t, p, topic, 10)
	for _, tt := range []struct {
		name string
		ask  func() (kadm.ListedOffsets, error)
		want int64
	}{
		{"earliest", func() (kadm.ListedOffsets, error) { return adm.ListStartOffsets(t.Context(), topic) }, 0},
		{"latest", func() (kadm.ListedOffsets, error) { return adm.ListEndOffsets(t.Context(), topic) }, 10},
		{"committed", func() (kadm.ListedOffsets, error) { return adm.ListCommittedOffsets(t.Context(), topic) }, 10},
		{"largest timestamp", func() (kadm.ListedOffsets, error) { return adm.ListMaxTimestampOffsets(t.Context(), topic) }, 9},
		{"by time", func() (kadm.ListedOffsets, error) {
			return adm.ListOffsetsAfterMilli(t.Context(), at.Add(3500*time.Millisecond).UnixMilli(), topic)
		}, 4},
		{"after all", func() (kadm.ListedOffsets, error) {
			return adm.ListOffsetsAfterMilli(t.Context(), at.Add(time.Minute).UnixMilli(), topic)
		}, 10},
	} {
		listed, err := tt.ask()
		if err == nil {
			err = listed.Error()
		}
		if got, ok := listed.Lookup(topic, 0); err != nil || !ok || got.Offset != tt.want {
			t.Errorf("%s is %d (%v), want %d", tt.name, got.Offset, err, tt.want)
		}
	}
}

func recordsDeleted(t *testing.T, p place) {
	adm := p.admin(t)
	topic := p.topic(t, 1)
	fill(t, p, topic, 10)
	upTo := kadm.Offsets{}
	upTo.AddOffset(topic, 0, 6, -1)
	deleted, err := adm.DeleteRecords(t.Context(), upTo)
	if err != nil || deleted.Error() != nil {
		t.Fatal(err, deleted.Error())
	}
	if got, _ := deleted.Lookup(topic, 0); got.LowWatermark != 6 {
		t.Errorf("the low watermark is %d, want 6", got.LowWatermark)
	}
	if got := read(t, p.client(t, kgo.ConsumeTopics(topic)), 4); got[0].Offset != 6 {
		t.Errorf("the first record has offset %d, want 6", got[0].Offset)
	}
	beyond := kadm.Offsets{}
	beyond.AddOffset(topic, 0, 99, -1)
	deleted, err = adm.DeleteRecords(t.Context(), beyond)
	if err == nil {
		err = deleted.Error()
	}
	if !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("a delete beyond the end gives %v", err)
	}
}

func groups(t *testing.T, p place) {
	adm := p.admin(t)
	topic := p.topic(t, 1)
	fill(t, p, topic, 10)
	commit := kadm.Offsets{}
	commit.AddOffset(topic, 0, 4, -1)
	if committed, err := adm.CommitOffsets(t.Context(), topic, commit); err != nil || committed.Error() != nil {
		t.Fatal(err, committed.Error())
	}
	fetched, err := adm.FetchOffsets(t.Context(), topic)
	if got, ok := fetched.Lookup(topic, 0); err != nil || !ok || got.At != 4 {
		t.Errorf("the group stands at %d (%v), want 4", got.At, err)
	}
	member := p.client(t, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.ClientID("wire"))
	if got := read(t, member, 6); got[0].Offset != 4 {
		t.Errorf("the member began at %d, want 4", got[0].Offset)
	}
	listed, err := adm.ListGroups(t.Context())
	if _, ok := listed[topic]; err != nil || !ok {
		t.Errorf("the group is not listed (%v)", err)
	}
	described, err := adm.DescribeGroups(t.Context(), topic)
	if g := described[topic]; err != nil || g.Err != nil || g.State != "Stable" || len(g.Members) != 1 || g.Members[0].ClientID != "wire" {
		t.Errorf("the group is described as %+v (%v)", g, err)
	}
	if gone, err := adm.DeleteGroups(t.Context(), topic); err == nil && !errors.Is(gone[topic].Err, kerr.NonEmptyGroup) {
		t.Errorf("deleting a group with members gives %v", gone[topic].Err)
	}
	member.Close()
	if gone, err := adm.DeleteGroups(t.Context(), topic); err != nil || gone[topic].Err != nil {
		t.Errorf("deleting an empty group gives %v, %v", err, gone[topic].Err)
	}
}
