package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// InitProducerId: v0-5
//
// Needs: AlterTransactionalId with a transactional id; WriteDataIdempotently on
// the cluster without one. Apache Kafka since 2.8 asks the latter for WriteData
// on any topic; MSK does not.
func initProducerIDRow() *api {
	return requestRow(22, 0, 5, "s 4 8@3+ 2@3+", initProducerID)
}

func initProducerID(c *call, q *kmsg.InitProducerIDRequest) {
	code := int16(0)
	switch {
	case q.TransactionalID != nil && !c.transaction(actAlterTransactionalID, *q.TransactionalID):
		code = errTransactionalDenied
	case q.TransactionalID == nil && !c.cluster(actWriteDataIdempotently):
		code = errClusterDenied
	}
	if code != 0 {
		reply(c, func(p *kmsg.InitProducerIDResponse) { p.ErrorCode, p.ProducerID, p.ProducerEpoch = code, -1, -1 })
	}
}

// AddPartitionsToTxn: v0-3 (from 4 on it is spoken among brokers)
//
// Needs: AlterTransactionalId, and WriteData on each topic. One refused topic
// keeps all from being added: the others get OPERATION_NOT_ATTEMPTED.
func addPartitionsToTxnRow() *api {
	return requestRow(24, 0, 3, "s@0-3 8@0-3 2@0-3 [{s [4]}]@0-3", addPartitionsToTxn)
}

func addPartitionsToTxn(c *call, q *kmsg.AddPartitionsToTxnRequest) {
	allowed := c.transaction(actAlterTransactionalID, q.TransactionalID)
	codes := make([]int16, len(q.Topics))
	for i, t := range q.Topics {
		switch {
		case !allowed:
			codes[i] = errTransactionalDenied
		case c.reserved(t.Topic) || !c.topic(actWriteData, t.Topic):
			codes[i] = errTopicDenied
		}
	}
	if allowed && !slices.Contains(codes, errTopicDenied) {
		return
	}
	reply(c, func(p *kmsg.AddPartitionsToTxnResponse) {
		for i, t := range q.Topics {
			topic := kmsg.NewAddPartitionsToTxnResponseTopic()
			topic.Topic = t.Topic
			for _, partition := range t.Partitions {
				one := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				one.Partition, one.ErrorCode = partition, codes[i]
				if codes[i] == 0 {
					one.ErrorCode = errNotAttempted
				}
				topic.Partitions = append(topic.Partitions, one)
			}
			p.Topics = append(p.Topics, topic)
		}
	})
}

// AddOffsetsToTxn: v0-4
//
// Needs: AlterTransactionalId, and AlterGroup on the group.
func addOffsetsToTxnRow() *api {
	return requestRow(25, 0, 4, "s 8 2 s", func(c *call, q *kmsg.AddOffsetsToTxnRequest) {
		code := int16(0)
		switch {
		case !c.transaction(actAlterTransactionalID, q.TransactionalID):
			code = errTransactionalDenied
		case !c.group(actAlterGroup, q.Group):
			code = errGroupDenied
		}
		if code != 0 {
			reply(c, func(p *kmsg.AddOffsetsToTxnResponse) { p.ErrorCode = code })
		}
	})
}

// EndTxn: v0-5
//
// Needs: AlterTransactionalId.
func endTxnRow() *api {
	return requestRow(26, 0, 5, "s 8 2 1", func(c *call, q *kmsg.EndTxnRequest) {
		if !c.transaction(actAlterTransactionalID, q.TransactionalID) {
			reply(c, func(p *kmsg.EndTxnResponse) {
				p.ErrorCode, p.ProducerID, p.ProducerEpoch = errTransactionalDenied, -1, -1
			})
		}
	})
}

// TxnOffsetCommit: v0-6
//
// Needs: AlterTransactionalId, AlterGroup on the group, ReadData on each topic.
//
// v6: topic ids.
func txnOffsetCommitRow() *api {
	return requestRow(28, 0, 6, "s s 8 2 4@3+ s@3+ s@3+ [{s@0-5 u@6+ [{4 8 4@2+ s}]}]", txnOffsetCommit)
}

func txnOffsetCommit(c *call, q *kmsg.TxnOffsetCommitRequest) {
	whole := int16(0)
	switch {
	case !c.transaction(actAlterTransactionalID, q.TransactionalID):
		whole = errTransactionalDenied
	case !c.group(actAlterGroup, q.Group):
		whole = errGroupDenied
	}
	topics, aside := sift(q.Topics, func(t kmsg.TxnOffsetCommitRequestTopic) *kmsg.TxnOffsetCommitResponseTopic {
		code := c.mayCommit(whole, t.Topic, t.TopicID, c.version >= 6)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewTxnOffsetCommitResponseTopic()
		bad.Topic, bad.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			one := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, code
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	if whole != 0 {
		reply(c, func(p *kmsg.TxnOffsetCommitResponse) { p.Topics = aside })
		return
	}
	settle(c, len(topics), len(aside), func(p *kmsg.TxnOffsetCommitResponse) { p.Topics = append(p.Topics, aside...) })
}

// DescribeTransactions: v0
//
// Needs: DescribeTransactionalId on each id; the topics of a transaction are
// listed as far as DescribeTopic goes.
func describeTransactionsRow() *api {
	return row(65, 0, 0, "[s]", describeTransactions, describedTransactions)
}

func describeTransactions(c *call, q *kmsg.DescribeTransactionsRequest) {
	ids, aside := sift(q.TransactionalIDs, func(id string) *kmsg.DescribeTransactionsResponseTransactionState {
		if c.transaction(actDescribeTransactionalID, id) {
			return nil
		}
		bad := kmsg.NewDescribeTransactionsResponseTransactionState()
		bad.TransactionalID, bad.ErrorCode = id, errTransactionalDenied
		return &bad
	})
	q.TransactionalIDs = ids
	settle(c, len(ids), len(aside), func(p *kmsg.DescribeTransactionsResponse) {
		p.TransactionStates = append(p.TransactionStates, aside...)
	})
}

func describedTransactions(c *call, p *kmsg.DescribeTransactionsResponse) {
	for i := range p.TransactionStates {
		state := &p.TransactionStates[i]
		before := len(state.Topics)
		state.Topics = slices.DeleteFunc(state.Topics, func(t kmsg.DescribeTransactionsResponseTransactionStateTopic) bool {
			return !c.topicQuietly(actDescribeTopic, t.Topic)
		})
		c.changed = c.changed || len(state.Topics) != before
	}
}

// ListTransactions: v0-2
//
// Lists the transactional ids with DescribeTransactionalId.
func listTransactionsRow() *api {
	return row(66, 0, 2, "[s] [8] 8@1+ s@2+", func(*call, *kmsg.ListTransactionsRequest) {},
		func(c *call, p *kmsg.ListTransactionsResponse) {
			before := len(p.TransactionStates)
			p.TransactionStates = slices.DeleteFunc(p.TransactionStates, func(t kmsg.ListTransactionsResponseTransactionState) bool {
				return !c.quietly(actDescribeTransactionalID, c.deployment().TransactionalIDARN(t.TransactionalID))
			})
			c.changed = c.changed || len(p.TransactionStates) != before
		})
}

// DescribeProducers: v0
//
// Needs: ReadData on each topic.
func describeProducersRow() *api {
	return requestRow(61, 0, 0, "[{s [4]}]", describeProducers)
}

func describeProducers(c *call, q *kmsg.DescribeProducersRequest) {
	topics, aside := sift(q.Topics, func(t kmsg.DescribeProducersRequestTopic) *kmsg.DescribeProducersResponseTopic {
		if c.topic(actReadData, t.Topic) {
			return nil
		}
		bad := kmsg.NewDescribeProducersResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewDescribeProducersResponseTopicPartition()
			one.Partition, one.ErrorCode = p, errTopicDenied
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.DescribeProducersResponse) { p.Topics = append(p.Topics, aside...) })
}
