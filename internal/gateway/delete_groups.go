package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// DeleteGroups: v0-3
//
// Needs: DeleteGroup on each group.
func deleteGroupsRow() *api {
	return requestRow(42, 0, 3, "[s]", deleteGroups)
}

func deleteGroups(c *call, q *kmsg.DeleteGroupsRequest) {
	var aside []kmsg.DeleteGroupsResponseGroup
	groups := q.Groups[:0:0]
	for _, group := range q.Groups {
		if c.group(actDeleteGroup, group) {
			groups = append(groups, group)
			continue
		}
		bad := kmsg.NewDeleteGroupsResponseGroup()
		bad.Group, bad.ErrorCode = group, errGroupDenied
		aside = append(aside, bad)
	}
	q.Groups = groups
	settle(c, len(groups), len(aside), func(p *kmsg.DeleteGroupsResponse) { p.Groups = append(p.Groups, aside...) })
}

// OffsetDelete: v0
//
// Needs: DeleteGroup on the group, ReadData on each topic.
func offsetDeleteRow() *api {
	return requestRow(47, 0, 0, "s [{s [{4}]}]", offsetDelete)
}

func offsetDelete(c *call, q *kmsg.OffsetDeleteRequest) {
	if !c.group(actDeleteGroup, q.Group) {
		reply(c, func(p *kmsg.OffsetDeleteResponse) { p.ErrorCode = errGroupDenied })
		return
	}
	var aside []kmsg.OffsetDeleteResponseTopic
	topics := q.Topics[:0:0]
	for _, t := range q.Topics {
		if c.topic(actReadData, t.Topic) {
			topics = append(topics, t)
			continue
		}
		bad := kmsg.NewOffsetDeleteResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetDeleteResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, errTopicDenied
			bad.Partitions = append(bad.Partitions, one)
		}
		aside = append(aside, bad)
	}
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.OffsetDeleteResponse) { p.Topics = append(p.Topics, aside...) })
}
