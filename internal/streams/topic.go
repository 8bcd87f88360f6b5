package streams

import (
	"context"
	"errors"
	"sort"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/enterprise-event-bus/eventbus"
)

// Topics lists the topics that begin with prefix, by name, without internal
// ones and without configuration.
func (s *Streams) Topics(ctx context.Context, prefix string) ([]eventbus.Topic, error) {
	if s.several != nil {
		return s.several.topics(ctx, prefix)
	}
	details, err := s.admin.ListTopics(fresh(ctx))
	if err != nil {
		return nil, unavailable(err, "list the topics")
	}
	topics := []eventbus.Topic{}
	for name, detail := range details {
		if eventbus.InternalTopic(name) || !strings.HasPrefix(name, prefix) || detail.Err != nil {
			continue
		}
		topics = append(topics, topicOf(detail))
	}
	sort.Slice(topics, func(i, j int) bool { return topics[i].Name < topics[j].Name })
	return topics, nil
}

// Topic gives one topic with the configuration that was set on it; CodeNotFound
// when there is none of that name.
func (s *Streams) Topic(ctx context.Context, name string) (eventbus.Topic, error) {
	if s.several != nil {
		return s.several.of(name).Topic(ctx, name)
	}
	details, err := s.admin.ListTopics(fresh(ctx), name)
	if err != nil {
		return eventbus.Topic{}, unavailable(err, "read topic "+name)
	}
	detail, ok := details[name]
	if !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition) || eventbus.InternalTopic(name) {
		return eventbus.Topic{}, noTopic(name)
	}
	if detail.Err != nil {
		return eventbus.Topic{}, unavailable(detail.Err, "read topic "+name)
	}
	topic := topicOf(detail)
	configs, err := s.admin.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return eventbus.Topic{}, unavailable(err, "read the configuration of topic "+name)
	}
	for _, resource := range configs {
		for _, config := range resource.Configs {
			if config.Source.String() == "DYNAMIC_TOPIC_CONFIG" && !config.Sensitive {
				topic.Configs[config.Key] = config.MaybeValue()
			}
		}
	}
	return topic, nil
}

func topicOf(detail kadm.TopicDetail) eventbus.Topic {
	return eventbus.Topic{
		Name:              detail.Topic,
		ID:                eventbus.TopicID(detail.ID),
		Partitions:        int32(len(detail.Partitions)),
		ReplicationFactor: int16(detail.Partitions.NumReplicas()),
		Configs:           map[string]string{},
	}
}

func unavailable(err error, doing string) error {
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: doing, Err: err}
}

// fresh makes kadm ask Kafka instead of its cache of some seconds, which does
// not know a topic that was just made: asking for authorised operations does.
func fresh(ctx context.Context) context.Context { return kadm.WithAuthorizedOps(ctx) }
