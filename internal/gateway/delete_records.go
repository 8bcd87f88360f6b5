package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DeleteRecords: v0-2
//
// Needs: DeleteTopic on each topic.
//
// Here: never beyond the last record. The embedded engine starts an emptied
// partition at offset 0 again after a restart, and committed offsets would point
// past its end; so the newest record of a partition always stays, and the
// answered low watermark says so.
func deleteRecordsRow() *api {
	return requestRow(21, 0, 2, "[{s [{4 8}]}] 4", deleteRecords)
}

func deleteRecords(c *call, q *kmsg.DeleteRecordsRequest) {
	topics, aside := sift(q.Topics, func(t kmsg.DeleteRecordsRequestTopic) *kmsg.DeleteRecordsResponseTopic {
		if c.topic(actDeleteTopic, t.Topic) && !c.reserved(t.Topic) {
			return nil
		}
		bad := refusedDeletion(t, errTopicDenied)
		return &bad
	})
	q.Topics = topics
	if len(topics) > 0 {
		if err := c.keepLast(q); err != nil {
			c.f.g.log.Error("delete records: the end offsets could not be asked; nothing was deleted", "error", err)
			for _, t := range topics {
				aside = append(aside, refusedDeletion(t, errRequestTimedOut))
			}
			q.Topics = nil
		}
	}
	settle(c, len(q.Topics), len(aside), func(p *kmsg.DeleteRecordsResponse) { p.Topics = append(p.Topics, aside...) })
}

func refusedDeletion(t kmsg.DeleteRecordsRequestTopic, code int16) kmsg.DeleteRecordsResponseTopic {
	bad := kmsg.NewDeleteRecordsResponseTopic()
	bad.Topic = t.Topic
	for _, p := range t.Partitions {
		one := kmsg.NewDeleteRecordsResponseTopicPartition()
		one.Partition, one.ErrorCode, one.LowWatermark = p.Partition, code, -1
		bad.Partitions = append(bad.Partitions, one)
	}
	return bad
}

// keepLast lowers offsets that would empty a partition to its last record.
func (c *call) keepLast(q *kmsg.DeleteRecordsRequest) error {
	ends := kmsg.NewPtrListOffsetsRequest()
	ends.Version, ends.ReplicaID = 1, -1
	for _, t := range q.Topics {
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewListOffsetsRequestTopicPartition()
			one.Partition, one.Timestamp = p.Partition, -1 // the end
			topic.Partitions = append(topic.Partitions, one)
		}
		ends.Topics = append(ends.Topics, topic)
	}
	answer, err := ask[*kmsg.ListOffsetsResponse](c.ctx, c.f.g, ends)
	if err != nil {
		return err
	}
	type place struct {
		topic     string
		partition int32
	}
	end := map[place]int64{}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 {
				end[place{t.Topic, p.Partition}] = p.Offset
			}
		}
	}
	for i := range q.Topics {
		t := &q.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			e, ok := end[place{t.Topic, p.Partition}]
			if ok && e > 0 && (p.Offset == -1 || p.Offset == e) {
				p.Offset, c.changed = e-1, true
			}
		}
	}
	return nil
}
