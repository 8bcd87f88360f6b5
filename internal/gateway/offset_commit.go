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
	whole := int16(0)
	if !c.group(actAlterGroup, q.Group) {
		whole = errGroupDenied
	} else {
		c.consumesIn(q.Group)
	}
	topics, aside := sift(q.Topics, func(t kmsg.OffsetCommitRequestTopic) *kmsg.OffsetCommitResponseTopic {
		code := c.mayCommit(whole, t.Topic, t.TopicID, c.version >= 10)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewOffsetCommitResponseTopic()
		bad.Topic, bad.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetCommitResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, code
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	if whole != 0 {
		reply(c, func(p *kmsg.OffsetCommitResponse) { p.Topics = aside })
		return
	}
	settle(c, len(topics), len(aside), func(p *kmsg.OffsetCommitResponse) { p.Topics = append(p.Topics, aside...) })
}

// mayCommit decides about the offsets of one topic, named or by id: whole is what
// the call is refused with altogether, or 0.
func (c *call) mayCommit(whole int16, topic string, id [16]byte, byID bool) int16 {
	if whole != 0 {
		return whole
	}
	_, code := c.mayTopic(actReadData, topic, id, byID)
	return code
}
