package streams

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/enterprise-event-bus/eventbus"
)

func TestTopicSizes(t *testing.T) {
	b := newBedOf(t, Config{}, 2)
	b.create(2, "claims", "empty", "_hidden")
	b.produce(b.numbered("claims", 0, 5)...)
	b.produce(b.numbered("claims", 1, 3)...)
	kept := kadm.Offsets{}
	kept.AddOffset("claims", 0, 2, -1)
	if _, err := b.admin.DeleteRecords(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	sizes, err := b.TopicSizes(t.Context(), []string{"empty", "claims", "nowhere", "_hidden"})
	if err != nil {
		t.Fatal(err)
	}
	if len(sizes) != 2 || sizes[0].Topic != "claims" || sizes[1].Topic != "empty" {
		t.Fatalf("sizes = %+v, want claims and empty only", sizes)
	}
	claims, empty := sizes[0], sizes[1]
	if claims.Records != 6 || claims.Bytes <= 0 || !claims.LastRecord.Equal(b.now.Add(-time.Minute)) {
		t.Errorf("claims = %+v, want 6 records (8 less 2 deleted), some bytes, the last one a minute old", claims)
	}
	if empty.Records != 0 || empty.Bytes != 0 || !empty.LastRecord.IsZero() {
		t.Errorf("empty = %+v, want nothing", empty)
	}
	if sizes, err := b.TopicSizes(t.Context(), nil); err != nil || len(sizes) != 0 {
		t.Errorf("no names = %v, %v; want nothing, not all topics", sizes, err)
	}
	_, err = b.TopicSizes(t.Context(), make([]string, MaxNames+1))
	wantCode(t, err, eventbus.CodeTooLarge)
}

func TestPartitions(t *testing.T) {
	b := newBed(t)
	b.create(2, "claims")
	b.produce(b.numbered("claims", 1, 3)...)
	list, err := b.Partitions(t.Context(), "claims")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].End != 0 || list[1].Partition != 1 || list[1].Start != 0 || list[1].End != 3 || list[1].Replicas != 1 || list[1].InSync != 1 {
		t.Errorf("partitions = %+v, want 0 empty and 1 with offsets 0 to 3", list)
	}
	for _, name := range []string{"nowhere", "_schemas"} {
		_, err := b.Partitions(t.Context(), name)
		wantCode(t, err, eventbus.CodeNotFound)
	}
}

func TestTopics(t *testing.T) {
	b := newBed(t)
	b.create(3, "dev_b", "dev_a", "prod_a", "_schemas")
	topics, err := b.Topics(t.Context(), "dev_")
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 2 || topics[0].Name != "dev_a" || topics[1].Name != "dev_b" || topics[0].Partitions != 3 {
		t.Errorf("topics = %+v, want dev_a and dev_b with 3 partitions", topics)
	}
	retention := "86400000"
	if _, err := b.admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &retention}}, "dev_a"); err != nil {
		t.Fatal(err)
	}
	topic, err := b.Topic(t.Context(), "dev_a")
	if err != nil || len(topic.Configs) != 1 || topic.Configs["retention.ms"] != retention || topic.ReplicationFactor != 1 || topic.ID == (eventbus.TopicID{}) {
		t.Errorf("topic = %+v, %v; want the one config that was set", topic, err)
	}
	for _, name := range []string{"nowhere", "_schemas"} {
		_, err := b.Topic(t.Context(), name)
		wantCode(t, err, eventbus.CodeNotFound)
	}
}

// TestListsCostAFewRequests keeps that a list costs a few requests and not one for
// each entry.
func TestListsCostAFewRequests(t *testing.T) {
	b := newBed(t)
	names := make([]string, 2000)
	for i := range names {
		names[i] = "t" + string(rune('a'+i/676)) + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
	}
	b.create(1, names...)
	for _, name := range names {
		b.commit("g-"+name, name, 0)
	}
	requests := b.countRequests()
	if topics, err := b.Topics(t.Context(), ""); err != nil || len(topics) != len(names) {
		t.Fatalf("%d topics, %v", len(topics), err)
	}
	if groups, err := b.Groups(t.Context(), ""); err != nil || len(groups) != len(names) {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	if list, _, err := b.GroupsOfTopic(t.Context(), names[7]); err != nil || len(list) != 1 {
		t.Fatalf("groups of a topic = %v, %v", list, err)
	}
	if n := requests(); n > 20 {
		t.Errorf("%d requests for lists of %d; want a few, whatever the number", n, len(names))
	}
}
