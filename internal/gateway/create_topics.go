package gateway

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// CreateTopics: v0-7
//
// Needs: CreateTopic on each topic. The answer describes a new topic's settings
// only with DescribeTopicDynamicConfiguration.
//
// Here: names, partition counts, replication factors and configs are validated,
// because the embedded engine accepts anything. It does not say where a setting
// of the new topic comes from, which Java's client takes for a broken answer.
func createTopicsRow() *api {
	return row(19, 0, 7, "[{s 4 2 [{4 [4]}] [{s s}]}] 4 1@1+", createTopics, createdTopics)
}

func createTopics(c *call, q *kmsg.CreateTopicsRequest) {
	topics, aside := sift(q.Topics, func(t kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsResponseTopic {
		code, message := c.mayCreate(t)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewCreateTopicsResponseTopic()
		bad.Topic, bad.ErrorCode, bad.ErrorMessage = t.Topic, code, message
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.CreateTopicsResponse) { p.Topics = append(p.Topics, aside...) })
}

func (c *call) mayCreate(t kmsg.CreateTopicsRequestTopic) (int16, *string) {
	if !c.topic(actCreateTopic, t.Topic) {
		return errTopicDenied, nil
	}
	if err := eventbus.CheckTopicName(t.Topic); err != nil {
		return errInvalidTopic, text(err.Error() + ". Nothing was created.")
	}
	if c.reserved(t.Topic) {
		return errTopicDenied, text(reservedMessage)
	}
	if err := c.f.g.up.Writable(); err != nil {
		return errStorage, text("Nothing was created: " + err.Error())
	}
	limits := c.f.g.cfg.Limits(t.Topic).WithDefaults()
	if code, message := checkReplication(t, limits); code != 0 {
		return code, message
	}
	wanted := eventbus.Topic{Name: t.Topic, Partitions: t.NumPartitions, Configs: map[string]string{}}
	switch {
	case len(t.ReplicaAssignment) > 0:
		wanted.Partitions = int32(len(t.ReplicaAssignment))
	case t.NumPartitions == -1: // the engine's default
		wanted.Partitions = 1
	}
	for _, config := range t.Configs {
		if _, twice := wanted.Configs[config.Name]; twice || config.Value == nil {
			return errInvalidConfig, text(fmt.Sprintf("Config %q has no value, or two. Nothing was created.", config.Name))
		}
		wanted.Configs[config.Name] = *config.Value
	}
	return topicFault(eventbus.CheckTopic(wanted, limits))
}

// topicFault gives the Kafka code of the first fault, and the text of all.
func topicFault(faults []eventbus.Fault) (int16, *string) {
	if len(faults) == 0 {
		return 0, nil
	}
	texts := make([]string, len(faults))
	for i, fault := range faults {
		texts[i] = fault.Message
	}
	message := text(strings.Join(texts, "; ") + ". Nothing was changed.")
	switch path := faults[0].Path; {
	case path == "name":
		return errInvalidTopic, message
	case path == "partitions":
		return errInvalidPartitions, message
	default:
		return errInvalidConfig, message
	}
}

func checkReplication(t kmsg.CreateTopicsRequestTopic, limits eventbus.TopicLimits) (int16, *string) {
	refuse := func(n int) (int16, *string) {
		return errInvalidReplication, text(fmt.Sprintf("A replication factor of %d: at most %d is possible here. Nothing was created.", n, limits.ReplicationFactor))
	}
	if n := t.ReplicationFactor; n != -1 && (n < 1 || n > limits.ReplicationFactor) {
		return refuse(int(n))
	}
	for _, a := range t.ReplicaAssignment {
		if n := len(a.Replicas); n < 1 || n > int(limits.ReplicationFactor) {
			return refuse(n)
		}
	}
	return 0, nil
}

func createdTopics(c *call, p *kmsg.CreateTopicsResponse) {
	if c.version < 5 {
		return
	}
	for i := range p.Topics {
		t := &p.Topics[i]
		for j := range t.Configs {
			if config := &t.Configs[j]; config.Source < 1 {
				config.Source, c.changed = int8(kmsg.ConfigSourceDynamicTopicConfig), true
			}
		}
		if c.session != nil && t.ErrorCode == 0 && !c.topicQuietly(actDescribeTopicConfig, t.Topic) {
			t.ConfigErrorCode, t.NumPartitions, t.ReplicationFactor, t.Configs = errTopicDenied, -1, -1, nil
			c.changed = true
		}
	}
}

// CreatePartitions: v0-3
//
// Needs: AlterTopic on each topic. The count is validated here.
func createPartitionsRow() *api {
	return requestRow(37, 0, 3, "[{s 4 [{[4]}]}] 4 1", createPartitions)
}

func createPartitions(c *call, q *kmsg.CreatePartitionsRequest) {
	topics, aside := sift(q.Topics, func(t kmsg.CreatePartitionsRequestTopic) *kmsg.CreatePartitionsResponseTopic {
		code, message := c.mayGrow(t.Topic, t.Count)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewCreatePartitionsResponseTopic()
		bad.Topic, bad.ErrorCode, bad.ErrorMessage = t.Topic, code, message
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.CreatePartitionsResponse) { p.Topics = append(p.Topics, aside...) })
}

func (c *call) mayGrow(topic string, count int32) (int16, *string) {
	if !c.topic(actAlterTopic, topic) {
		return errTopicDenied, nil
	}
	if c.reserved(topic) {
		return errTopicDenied, text(reservedMessage)
	}
	if err := c.f.g.up.Writable(); err != nil {
		return errStorage, text("Nothing was changed: " + err.Error())
	}
	if err := eventbus.CheckPartitions(count, c.f.g.cfg.Limits(topic)); err != nil {
		return errInvalidPartitions, text(err.Error() + ". Nothing was changed.")
	}
	return 0, nil
}
