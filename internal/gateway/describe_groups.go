package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// DescribeGroups: v0-6
//
// Needs: DescribeGroup on each group; the operations are computed.
func describeGroupsRow() *api {
	return row(15, 0, 6, "[s] 1@3+", describeGroups, describedGroups)
}

func describeGroups(c *call, q *kmsg.DescribeGroupsRequest) {
	groups, aside := sift(q.Groups, func(group string) *kmsg.DescribeGroupsResponseGroup {
		if c.group(actDescribeGroup, group) {
			return nil
		}
		bad := kmsg.NewDescribeGroupsResponseGroup()
		bad.Group, bad.ErrorCode = group, errGroupDenied
		return &bad
	})
	q.Groups = groups
	settle(c, len(groups), len(aside), func(p *kmsg.DescribeGroupsResponse) { p.Groups = append(p.Groups, aside...) })
}

func describedGroups(c *call, p *kmsg.DescribeGroupsResponse) {
	if !c.req.(*kmsg.DescribeGroupsRequest).IncludeAuthorizedOperations {
		return
	}
	c.changed = true
	for i := range p.Groups {
		p.Groups[i].AuthorizedOperations = c.operations(groupOperations, c.deployment().GroupARN(p.Groups[i].Group))
	}
}

// ConsumerGroupDescribe: v0-1 (KIP-848)
//
// Needs: DescribeGroup on each group. A group whose members hold topics that the
// caller may not see is refused with TOPIC_AUTHORIZATION_FAILED, as Kafka does.
func consumerGroupDescribeRow() *api {
	return row(69, 0, 1, "[s] 1", consumerGroupDescribe, consumerGroupDescribed)
}

func consumerGroupDescribe(c *call, q *kmsg.ConsumerGroupDescribeRequest) {
	groups, aside := sift(q.Groups, func(group string) *kmsg.ConsumerGroupDescribeResponseGroup {
		if c.group(actDescribeGroup, group) {
			return nil
		}
		bad := refusedConsumerGroup(group, errGroupDenied)
		return &bad
	})
	q.Groups = groups
	settle(c, len(groups), len(aside), func(p *kmsg.ConsumerGroupDescribeResponse) { p.Groups = append(p.Groups, aside...) })
}

func refusedConsumerGroup(group string, code int16) kmsg.ConsumerGroupDescribeResponseGroup {
	bad := kmsg.NewConsumerGroupDescribeResponseGroup()
	bad.Group, bad.ErrorCode = group, code
	return bad
}

func consumerGroupDescribed(c *call, p *kmsg.ConsumerGroupDescribeResponse) {
	operations := c.req.(*kmsg.ConsumerGroupDescribeRequest).IncludeAuthorizedOperations
	for i := range p.Groups {
		group := &p.Groups[i]
		if !c.seesMembers(group) {
			*group = refusedConsumerGroup(group.Group, errTopicDenied)
			c.changed = true
		} else if operations {
			group.AuthorizedOperations = c.operations(groupOperations, c.deployment().GroupARN(group.Group))
			c.changed = true
		}
	}
}

func (c *call) seesMembers(group *kmsg.ConsumerGroupDescribeResponseGroup) bool {
	if c.session == nil {
		return true
	}
	for _, m := range group.Members {
		for _, t := range m.SubscribedTopics {
			if !c.topicQuietly(actDescribeTopic, t) {
				return false
			}
		}
		for _, assignment := range [][]kmsg.AssignmentTopicPartition{m.Assignment.TopicPartitions, m.TargetAssignment.TopicPartitions} {
			for _, t := range assignment {
				if !c.topicQuietly(actDescribeTopic, t.Topic) {
					return false
				}
			}
		}
	}
	return true
}
