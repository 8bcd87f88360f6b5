package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// OffsetFetch: v0-10
//
// Needs: DescribeGroup on each group, then DescribeTopic on each topic; where
// all topics are asked for, those that may not be seen are left out.
//
// v2: null topics mean all; error of the whole. v8: several groups. v10: topic
// ids.
func offsetFetchRow() *api {
	return row(9, 0, 10, "s@0-7 [{s [4]}]@0-7 [{s s@9+ 4@9+ [{s@8-9 u@10+ [4]}]}]@8+ 1@7+", offsetFetch, offsetFetched)
}

func offsetFetch(c *call, q *kmsg.OffsetFetchRequest) {
	if c.version >= 8 {
		c.offsetFetchGroups(q)
		return
	}
	whole := int16(0)
	if !c.group(actDescribeGroup, q.Group) {
		whole = errGroupDenied
	} else {
		c.consumesIn(q.Group)
	}
	topics, aside := sift(q.Topics, func(t kmsg.OffsetFetchRequestTopic) *kmsg.OffsetFetchResponseTopic {
		code := whole
		if code == 0 && !c.topic(actDescribeTopic, t.Topic) {
			code = errTopicDenied
		}
		if code == 0 {
			return nil
		}
		bad := kmsg.NewOffsetFetchResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetFetchResponseTopicPartition()
			one.Partition, one.ErrorCode, one.Offset, one.LeaderEpoch, one.Metadata = p, code, -1, -1, text("")
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	if whole != 0 {
		reply(c, func(p *kmsg.OffsetFetchResponse) {
			if p.ErrorCode = whole; c.version < 2 {
				p.Topics = aside
			}
		})
		return
	}
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.OffsetFetchResponse) { p.Topics = append(p.Topics, aside...) })
}

func (c *call) offsetFetchGroups(q *kmsg.OffsetFetchRequest) {
	denied := map[string][]kmsg.OffsetFetchResponseGroupTopic{} // topics set aside of groups that go on
	var aside []kmsg.OffsetFetchResponseGroup
	groups := q.Groups[:0:0]
	for _, group := range q.Groups {
		if !c.group(actDescribeGroup, group.Group) {
			bad := kmsg.NewOffsetFetchResponseGroup()
			bad.Group, bad.ErrorCode = group.Group, errGroupDenied
			aside = append(aside, bad)
			continue
		}
		c.consumesIn(group.Group)
		if group.Topics != nil {
			var bad []kmsg.OffsetFetchResponseGroupTopic
			if group.Topics, bad = c.offsetFetchTopics(group.Topics); len(bad) > 0 {
				denied[group.Group], c.changed = append(denied[group.Group], bad...), true
			}
		}
		groups = append(groups, group)
	}
	q.Groups = groups
	if c.changed {
		c.merges = append(c.merges, func(r kmsg.Response) {
			p := r.(*kmsg.OffsetFetchResponse)
			for i := range p.Groups {
				if group := &p.Groups[i]; group.ErrorCode == 0 {
					group.Topics = append(group.Topics, denied[group.Group]...)
				}
			}
		})
	}
	settle(c, len(groups), len(aside), func(p *kmsg.OffsetFetchResponse) { p.Groups = append(p.Groups, aside...) })
}

func (c *call) offsetFetchTopics(asked []kmsg.OffsetFetchRequestGroupTopic) ([]kmsg.OffsetFetchRequestGroupTopic, []kmsg.OffsetFetchResponseGroupTopic) {
	return sift(asked, func(t kmsg.OffsetFetchRequestGroupTopic) *kmsg.OffsetFetchResponseGroupTopic {
		_, code := c.mayTopic(actDescribeTopic, t.Topic, t.TopicID, c.version >= 10)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewOffsetFetchResponseGroupTopic()
		bad.Topic, bad.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetFetchResponseGroupTopicPartition()
			one.Partition, one.ErrorCode, one.Offset, one.LeaderEpoch, one.Metadata = p, code, -1, -1, text("")
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
}

// offsetFetched leaves out what may not be seen where all topics were asked for.
func offsetFetched(c *call, p *kmsg.OffsetFetchResponse) {
	if c.session == nil {
		return
	}
	q := c.req.(*kmsg.OffsetFetchRequest)
	if c.version < 8 && q.Topics == nil {
		topics := p.Topics[:0]
		for _, t := range p.Topics {
			if c.topicQuietly(actDescribeTopic, t.Topic) {
				topics = append(topics, t)
			}
		}
		p.Topics, c.changed = topics, true
	}
	all := map[string]bool{} // a group may be asked for twice, once with all its topics
	for _, group := range q.Groups {
		all[group.Group] = all[group.Group] || group.Topics == nil
	}
	for i := range p.Groups {
		group := &p.Groups[i]
		if !all[group.Group] {
			continue
		}
		topics := group.Topics[:0]
		for _, t := range group.Topics {
			if name, known := c.topicName(t.Topic, t.TopicID, c.version >= 10); known && c.topicQuietly(actDescribeTopic, name) {
				topics = append(topics, t)
			}
		}
		group.Topics, c.changed = topics, true
	}
}
