package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// DeleteTopics: v0-6
//
// Needs: DescribeTopic, then DeleteTopic on each topic. Asked by id, the name is
// hidden from who may not describe the topic. A topic given by name and by id is
// refused, as a broker does: each could mean another one.
//
// v6: topics by name or id.
func deleteTopicsRow() *api {
	return requestRow(20, 0, 6, "[s]@0-5 [{s u}]@6+ 4", deleteTopics)
}

func deleteTopics(c *call, q *kmsg.DeleteTopicsRequest) {
	names, aside := sift(q.TopicNames, func(name string) *kmsg.DeleteTopicsResponseTopic {
		bad := c.mayDelete(name)
		if bad != nil {
			bad.Topic = text(name)
		}
		return bad
	})
	topics, asideByID := sift(q.Topics, func(t kmsg.DeleteTopicsRequestTopic) *kmsg.DeleteTopicsResponseTopic {
		bad := c.mayDeleteEither(t)
		if bad != nil {
			bad.TopicID = t.TopicID
			if t.Topic != nil {
				bad.Topic = t.Topic
			}
		}
		return bad
	})
	aside = append(aside, asideByID...)
	q.TopicNames, q.Topics = names, topics
	settle(c, len(names)+len(topics), len(aside), func(p *kmsg.DeleteTopicsResponse) { p.Topics = append(p.Topics, aside...) })
}

// mayDeleteEither is mayDelete for a topic given by name or by id.
func (c *call) mayDeleteEither(t kmsg.DeleteTopicsRequestTopic) *kmsg.DeleteTopicsResponseTopic {
	byID := t.TopicID != [16]byte{}
	bad := kmsg.NewDeleteTopicsResponseTopic()
	switch {
	case byID == (t.Topic != nil): // both, or neither
		bad.ErrorCode, bad.ErrorMessage = errInvalidRequest, text("A topic is deleted by its name or by its id. Nothing was deleted.")
		return &bad
	case !byID:
		return c.mayDelete(*t.Topic)
	}
	name, known := c.topicName("", t.TopicID, byID)
	if !known {
		bad.ErrorCode = errUnknownTopicID
		return &bad
	}
	return c.mayDelete(name)
}

// mayDelete gives the refusal; its Topic is set only for who may know it.
func (c *call) mayDelete(name string) *kmsg.DeleteTopicsResponseTopic {
	bad := kmsg.NewDeleteTopicsResponseTopic()
	bad.ErrorCode = errTopicDenied
	if !c.topic(actDescribeTopic, name) {
		return &bad
	}
	bad.Topic = text(name)
	if !c.topic(actDeleteTopic, name) {
		return &bad
	}
	if c.reserved(name) {
		bad.ErrorMessage = text(reservedMessage)
		return &bad
	}
	return nil
}
