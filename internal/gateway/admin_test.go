package gateway

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What Java's admin client, and so each of Kafka's own command line tools, cannot
// read as the engine gives it, or asks as the engine does not expect.
func TestJavaAdminClient(t *testing.T) {
	b := start(t, newEngine(t, kfake.SeedTopics(1, "orders")), setting{})
	w := b.dial(t)
	t.Run("a new topic's settings say where they come from", func(t *testing.T) {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "letters", 1, 1
		setting := kmsg.NewCreateTopicsRequestTopicConfig()
		setting.Name, setting.Value = "retention.ms", text("3600000")
		topic.Configs = append(topic.Configs, setting)
		q := kmsg.NewPtrCreateTopicsRequest()
		q.Version, q.Topics, q.TimeoutMillis = 7, append(q.Topics, topic), 1000
		made := w.ask(q).(*kmsg.CreateTopicsResponse).Topics[0]
		if made.ErrorCode != 0 || len(made.Configs) == 0 {
			t.Fatalf("%+v", made)
		}
		for _, c := range made.Configs {
			if c.Source < 1 {
				t.Errorf("%s comes from %d", c.Name, c.Source)
			}
		}
	})
	t.Run("replicas that could lead are a list", func(t *testing.T) {
		topic := kmsg.NewDescribeTopicPartitionsRequestTopic()
		topic.Topic = "orders"
		q := kmsg.NewPtrDescribeTopicPartitionsRequest()
		q.Topics, q.ResponsePartitionLimit = append(q.Topics, topic), 10
		one := w.ask(q).(*kmsg.DescribeTopicPartitionsResponse).Topics[0].Partitions[0]
		if one.EligibleLeaderReplicas == nil || one.LastKnownELR == nil {
			t.Errorf("%+v", one)
		}
	})
	t.Run("types of groups with a capital", func(t *testing.T) {
		cl := b.client(t, kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("orders"))
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("1")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := cl.PollFetches(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Classic", "classic"} {
			q := kmsg.NewPtrListGroupsRequest()
			q.Version, q.TypesFilter = 5, []string{name}
			if groups := w.ask(q).(*kmsg.ListGroupsResponse).Groups; len(groups) != 1 || groups[0].Group != "readers" {
				t.Errorf("groups of type %s = %+v", name, groups)
			}
		}
	})
}
