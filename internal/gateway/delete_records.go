package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteRecords: v0-2
//
// Needs: DeleteTopic on each topic. That the embedded engine keeps the last record
// of a partition is a guard of package cluster.
func deleteRecordsRow() *api {
	return requestRow(21, 0, 2, "[{s [{4 8}]}] 4", deleteRecords)
}

func deleteRecords(c *call, q *kmsg.DeleteRecordsRequest) {
	topics, aside := sift(q.Topics, func(t kmsg.DeleteRecordsRequestTopic) *kmsg.DeleteRecordsResponseTopic {
		if c.topic(actDeleteTopic, t.Topic) && !c.reserved(t.Topic) {
			return nil
		}
		bad := kmsg.NewDeleteRecordsResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewDeleteRecordsResponseTopicPartition()
			one.Partition, one.ErrorCode, one.LowWatermark = p.Partition, errTopicDenied, -1
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.DeleteRecordsResponse) { p.Topics = append(p.Topics, aside...) })
}
