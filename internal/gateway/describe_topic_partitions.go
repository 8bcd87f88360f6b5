package gateway

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeTopicPartitions: v0
//
// Needs: DescribeTopic on each topic. A request for all topics becomes one for
// those that the caller may see, because the cursor of the answer would name
// others. The replicas that could become leaders are a list, be it empty: Java's
// client cannot read the null that the embedded engine gives.
func describeTopicPartitionsRow() *api {
	return row(75, 0, 0, "[{s}] 4 ?{s 4}", describeTopicPartitions, describedTopicPartitions)
}

func describeTopicPartitions(c *call, q *kmsg.DescribeTopicPartitionsRequest) {
	if c.session == nil {
		return
	}
	if len(q.Topics) == 0 {
		c.describeVisible(q)
		return
	}
	topics, aside := sift(q.Topics, func(t kmsg.DescribeTopicPartitionsRequestTopic) *kmsg.DescribeTopicPartitionsResponseTopic {
		if c.topic(actDescribeTopic, t.Topic) {
			return nil
		}
		bad := kmsg.NewDescribeTopicPartitionsResponseTopic()
		bad.ErrorCode, bad.Topic = errTopicDenied, text(t.Topic)
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.DescribeTopicPartitionsResponse) { p.Topics = append(p.Topics, aside...) })
}

func (c *call) describeVisible(q *kmsg.DescribeTopicPartitionsRequest) {
	everything := kmsg.NewPtrMetadataRequest()
	everything.Version = 1 // null topics mean all
	p, err := ask[*kmsg.MetadataResponse](c.ctx, c.f.g, everything)
	if err != nil {
		c.cut = err
		return
	}
	for _, t := range p.Topics {
		if t.Topic != nil && c.topicQuietly(actDescribeTopic, *t.Topic) {
			one := kmsg.NewDescribeTopicPartitionsRequestTopic()
			one.Topic = *t.Topic
			q.Topics = append(q.Topics, one)
		}
	}
	if len(q.Topics) == 0 {
		reply(c, func(*kmsg.DescribeTopicPartitionsResponse) {})
		return
	}
	slices.SortFunc(q.Topics, func(a, b kmsg.DescribeTopicPartitionsRequestTopic) int {
		return strings.Compare(a.Topic, b.Topic)
	})
	c.changed = true
}

func describedTopicPartitions(c *call, p *kmsg.DescribeTopicPartitionsResponse) {
	c.changed = true
	for i := range p.Topics {
		if t := &p.Topics[i]; t.Topic != nil && t.ErrorCode == 0 {
			t.AuthorizedOperations = c.operations(topicOperations, c.deployment().TopicARN(*t.Topic))
		}
		for j := range p.Topics[i].Partitions {
			one := &p.Topics[i].Partitions[j]
			if one.EligibleLeaderReplicas == nil {
				one.EligibleLeaderReplicas = []int32{}
			}
			if one.LastKnownELR == nil {
				one.LastKnownELR = []int32{}
			}
		}
	}
}
