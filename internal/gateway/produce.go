package gateway

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Produce: v3-13
//
// Needs: WriteData on each topic; AlterTransactionalId for transactional
// batches, first and for the whole request.
//
// Here: too large, reserved, malformed or unguarded batches and a cluster that
// is read-only are refused per partition; the others go through. With acks=0
// there is no answer to carry a refusal, so the connection is closed, as Kafka
// does.
//
// v8: messages and record errors. v10: node endpoints (KIP-951). v13: topic ids.
func produceRow() *api {
	return row(keyProduce, 3, 13, "s@3+ 2 4 [{s@0-12 u@13+ [{4 b}]}]", produce, produced)
}

// written is what one topic of a request brings, for the observer.
type written struct {
	topic          string
	id             [16]byte
	schema         int32
	records, bytes map[int32]int64 // by partition
}

func produce(c *call, q *kmsg.ProduceRequest) {
	refuseAll := int16(0)
	if transactional(q) && (q.TransactionID == nil || !c.transaction(actAlterTransactionalID, *q.TransactionID)) {
		refuseAll = errTransactionalDenied
	}
	var aside []kmsg.ProduceResponseTopic
	var passed []written
	left, refused := 0, 0
	topics := q.Topics[:0:0]
	for _, t := range q.Topics {
		name, code, message := "", refuseAll, (*string)(nil)
		if code == 0 {
			name, code, message = c.mayProduce(t)
		}
		bad := kmsg.NewProduceResponseTopic()
		bad.Topic, bad.TopicID = t.Topic, t.TopicID
		seen := written{topic: name, id: t.TopicID, records: map[int32]int64{}, bytes: map[int32]int64{}}
		good := t.Partitions[:0:0]
		for _, p := range t.Partitions {
			fault := produceFault(code, message)
			if code == 0 {
				fault = c.checkBatch(name, p, &seen)
			}
			if fault != nil {
				fault.Partition = p.Partition
				bad.Partitions = append(bad.Partitions, *fault)
				continue
			}
			good = append(good, p)
		}
		if refused += len(bad.Partitions); len(bad.Partitions) > 0 {
			aside = append(aside, bad)
		}
		if left += len(good); len(good) > 0 {
			t.Partitions = good
			topics = append(topics, t)
			passed = append(passed, seen)
		}
	}
	if refused > 0 {
		q.Topics = topics
	}
	settle(c, left, refused, func(p *kmsg.ProduceResponse) { p.Topics = append(p.Topics, aside...) })
	c.silent = q.Acks == 0
	switch {
	case c.silent && refused > 0:
		c.cut = errors.New("a produce with acks=0 was refused")
	case left > 0 && c.f.g.observe != nil:
		c.observeProduced(passed)
	}
}

// transactional looks for a transactional batch, as Kafka does, rather than for
// a transactional id.
func transactional(q *kmsg.ProduceRequest) bool {
	for _, t := range q.Topics {
		for _, p := range t.Partitions {
			if len(p.Records) > 22 && p.Records[16] == 2 && p.Records[22]&attrTransactional != 0 {
				return true
			}
		}
	}
	return q.TransactionID != nil
}

// mayProduce decides what holds for all partitions of a topic.
func (c *call) mayProduce(t kmsg.ProduceRequestTopic) (name string, code int16, message *string) {
	if name, code = c.mayTopic(actWriteData, t.Topic, t.TopicID, c.version >= 13); code != 0 {
		return name, code, nil
	}
	if c.reserved(name) {
		return name, errTopicDenied, text(reservedMessage)
	}
	if err := c.f.g.up.Writable(); err != nil {
		return name, errStorage, text("Nothing was written: " + err.Error())
	}
	return name, 0, nil
}

func produceFault(code int16, message *string) *kmsg.ProduceResponseTopicPartition {
	if code == 0 {
		return nil
	}
	p := kmsg.NewProduceResponseTopicPartition()
	p.ErrorCode, p.ErrorMessage, p.BaseOffset = code, message, -1
	return &p
}

// checkBatch decides about one partition's batch and notes it in seen.
func (c *call) checkBatch(topic string, p kmsg.ProduceRequestTopicPartition, seen *written) *kmsg.ProduceResponseTopicPartition {
	if limit := c.f.g.up.MaxMessageBytes(topic); limit > 0 && len(p.Records) > int(limit) {
		return produceFault(errMessageTooLarge, text("The batch is larger than the topic's max.message.bytes. Nothing was written."))
	}
	b, rest, ok := readBatch(p.Records)
	switch {
	case !ok, len(rest) > 0, b.count < 1,
		!b.compressed() && int(b.count) > len(b.records)/smallestRecord:
		return produceFault(errCorruptMessage, text("A produce carries one whole record batch per partition. Nothing was written."))
	case b.control():
		return produceFault(errInvalidRecord, text("Clients cannot write control batches. Nothing was written."))
	}
	id, refused := c.inspect(topic, b)
	if refused != nil {
		return refused
	}
	if seen.schema == 0 {
		seen.schema = id
	}
	seen.records[p.Partition] += int64(b.count)
	seen.bytes[p.Partition] += int64(len(p.Records))
	return nil
}

// forgetRecords lets go of the records of a request that has been passed on:
// they are in a buffer that is given back.
func (c *call) forgetRecords() {
	if q, ok := c.req.(*kmsg.ProduceRequest); ok {
		q.Topics = nil
	}
}

// observeProduced tells the observer what the engine has acknowledged; with
// acks=0, what it was given.
func (c *call) observeProduced(passed []written) {
	report := func(acknowledged func(w written, partition int32) bool) {
		for _, w := range passed {
			var records, bytes int64
			for partition, n := range w.records {
				if acknowledged(w, partition) {
					records, bytes = records+n, bytes+w.bytes[partition]
				}
			}
			if records > 0 {
				c.f.g.observe.Produced(c.principal(), w.topic, int(w.schema), records, bytes)
			}
		}
	}
	if c.silent {
		report(func(written, int32) bool { return true })
		return
	}
	c.then = func(r kmsg.Response) {
		type place struct {
			topic     string
			id        [16]byte
			partition int32
		}
		failed := map[place]bool{}
		for _, t := range r.(*kmsg.ProduceResponse).Topics {
			for _, p := range t.Partitions {
				if p.ErrorCode != 0 {
					failed[place{t.Topic, t.TopicID, p.Partition}] = true
				}
			}
		}
		report(func(w written, partition int32) bool {
			name := w.topic
			if c.version >= 13 {
				name = ""
			}
			return !failed[place{name, w.id, partition}]
		})
	}
}

func produced(c *call, p *kmsg.ProduceResponse) {
	for i := range p.Brokers {
		b := &p.Brokers[i]
		b.Host, b.Port = c.address(b.NodeID)
		b.Rack = nil
		c.changed = true
	}
}
