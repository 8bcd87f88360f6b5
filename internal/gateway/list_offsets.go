package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// ListOffsets: v0-10
//
// Needs: DescribeTopic on each topic. The replica id is never believed.
func listOffsetsRow() *api {
	return requestRow(2, 0, 10, "4 1@2+ [{s [{4 4@4+ 8 4@0-0}]}] 4@10+", listOffsets)
}

func listOffsets(c *call, q *kmsg.ListOffsetsRequest) {
	if q.ReplicaID != -1 {
		q.ReplicaID, c.changed = -1, true
	}
	topics, aside := sift(q.Topics, func(t kmsg.ListOffsetsRequestTopic) *kmsg.ListOffsetsResponseTopic {
		if c.topic(actDescribeTopic, t.Topic) {
			return nil
		}
		bad := kmsg.NewListOffsetsResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewListOffsetsResponseTopicPartition()
			one.Partition, one.ErrorCode, one.Timestamp, one.Offset, one.LeaderEpoch = p.Partition, errTopicDenied, -1, -1, -1
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.ListOffsetsResponse) { p.Topics = append(p.Topics, aside...) })
}
