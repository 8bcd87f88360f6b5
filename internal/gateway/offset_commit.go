package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// OffsetCommit: v0-10
//
// Needs: AlterGroup on the group, then ReadData on each topic.
//
// v10: topic ids.
func offsetCommitRow() *api {
	return requestRow(8, 0, 10, "s 4@1+ s@1+ s@7+ 8@2-4 [{s@0-9 u@10+ [{4 8 8@1-1 4@6+ s}]}]", offsetCommit)
}

func offsetCommit(c *call, q *kmsg.OffsetCommitRequest) {
	c.consumesIn(q.Group)
	whole := int16(0)
	if !c.group(actAlterGroup, q.Group) {
		whole = errGroupDenied
	}
	var aside []kmsg.OffsetCommitResponseTopic
	topics := q.Topics[:0:0]
	for _, t := range q.Topics {
		code := whole
		if name, known := c.topicName(t.Topic, t.TopicID, c.version >= 10); code == 0 && known && !c.topic(actReadData, name) {
			code = errTopicDenied
		}
		if code == 0 {
			topics = append(topics, t)
			continue
		}
		bad := kmsg.NewOffsetCommitResponseTopic()
		bad.Topic, bad.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetCommitResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, code
			bad.Partitions = append(bad.Partitions, one)
		}
		aside = append(aside, bad)
	}
	q.Topics = topics
	if whole != 0 {
		reply(c, func(p *kmsg.OffsetCommitResponse) { p.Topics = aside })
		return
	}
	settle(c, len(topics), len(aside), func(p *kmsg.OffsetCommitResponse) { p.Topics = append(p.Topics, aside...) })
}
