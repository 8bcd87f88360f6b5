package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// OffsetForLeaderEpoch: v3-4
//
// Needs: DescribeTopic on each topic. The replica id is never believed.
func offsetForLeaderEpochRow() *api {
	return requestRow(23, 3, 4, "4@3+ [{s [{4 4@2+ 4}]}]", offsetForLeaderEpoch)
}

func offsetForLeaderEpoch(c *call, q *kmsg.OffsetForLeaderEpochRequest) {
	if q.ReplicaID >= 0 {
		q.ReplicaID, c.changed = -1, true
	}
	topics, aside := sift(q.Topics, func(t kmsg.OffsetForLeaderEpochRequestTopic) *kmsg.OffsetForLeaderEpochResponseTopic {
		if c.topic(actDescribeTopic, t.Topic) {
			return nil
		}
		bad := kmsg.NewOffsetForLeaderEpochResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			one.Partition, one.ErrorCode, one.LeaderEpoch, one.EndOffset = p.Partition, errTopicDenied, -1, -1
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.OffsetForLeaderEpochResponse) { p.Topics = append(p.Topics, aside...) })
}
