package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Fetch: v4-18
//
// Needs: ReadData on each topic.
//
// Here: every request is sent to the engine as a full one, outside any fetch
// session (KIP-227), and the answer says so, as a broker does whose session
// cache is full. An incremental fetch names no topics, so with sessions a
// principal would go on reading what it may read no longer; this way each fetch
// is decided. The replica id of a client is never believed, and what an answer may
// hold is bounded, as by a broker's fetch.max.bytes.
//
// v12: flexible. v13: topic ids. v15: replica state, which is for brokers only.
// v16: node endpoints (KIP-951).
func fetchRow() *api {
	return row(keyFetch, 4, 18,
		"4@0-14 4 4 4@3+ 1@4+ 4@7+ 4@7+ [{s@0-12 u@13+ [{4 4@9+ 8 4@12+ 8@5+ 4 !0 !1}]}] [{s@7-12 u@13+ [4]}]@7+ s@11+ !0 !1",
		fetch, fetched)
}

// maxFetchBytes bounds the records of one answer. Clients ask for 50 MiB as a
// rule; an answer is held whole, here and in the embedded engine, whose buffer
// stays with the connection. With 8 MiB a consumer of many partitions is no
// slower, and costs a quarter of the memory. A larger batch still comes (KIP-74).
const maxFetchBytes = 8 << 20

func fetch(c *call, q *kmsg.FetchRequest) {
	if q.SessionEpoch > 0 {
		reply(c, func(p *kmsg.FetchResponse) { p.ErrorCode = errFetchSession })
		return
	}
	if q.SessionID != 0 || q.SessionEpoch != -1 || q.ReplicaID != -1 || len(q.ForgottenTopics) > 0 {
		q.SessionID, q.SessionEpoch, q.ReplicaID, q.ForgottenTopics = 0, -1, -1, nil
		c.changed = true
	}
	if q.MaxBytes > maxFetchBytes {
		q.MaxBytes, c.changed = maxFetchBytes, true
		q.MinBytes = min(q.MinBytes, maxFetchBytes) // or nobody could wait for so many
	}
	topics, aside := sift(q.Topics, func(t kmsg.FetchRequestTopic) *kmsg.FetchResponseTopic {
		_, code := c.mayTopic(actReadData, t.Topic, t.TopicID, c.version >= 13)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewFetchResponseTopic()
		bad.Topic, bad.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			one := kmsg.NewFetchResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, code
			one.HighWatermark, one.LastStableOffset, one.LogStartOffset = -1, -1, -1
			one.RecordBatches = []byte{}
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.FetchResponse) { p.Topics = append(p.Topics, aside...) })
	if c.local == nil && c.f.g.observe != nil {
		c.then = func(r kmsg.Response) { c.observeConsumed(r.(*kmsg.FetchResponse)) }
	}
}

func (c *call) observeConsumed(p *kmsg.FetchResponse) {
	for _, t := range p.Topics {
		var records, bytes int64
		var schema int32
		for _, one := range t.Partitions {
			if len(one.RecordBatches) == 0 {
				continue
			}
			records += countRecords(one.RecordBatches)
			bytes += int64(len(one.RecordBatches))
			if b, _, ok := readBatch(one.RecordBatches); ok && schema == 0 {
				schema = c.peek(b)
			}
		}
		if records == 0 {
			continue
		}
		if name, known := c.topicName(t.Topic, t.TopicID, c.version >= 13); known {
			c.f.g.observe.Consumed(c.principal(), name, c.f.g.groups.get(c.principal(), c.client), int(schema), records, bytes)
		}
	}
}

func fetched(c *call, p *kmsg.FetchResponse) {
	if p.SessionID != 0 {
		p.SessionID = 0
		c.changed = true
	}
	for i := range p.Brokers {
		b := &p.Brokers[i]
		b.Host, b.Port = c.address(b.NodeID)
		b.Rack = nil
		c.changed = true
	}
}
