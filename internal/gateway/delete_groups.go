package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// DeleteGroups: v0-3
//
// Needs: DeleteGroup on each group.
func deleteGroupsRow() *api {
	return requestRow(42, 0, 3, "[s]", deleteGroups)
}

func deleteGroups(c *call, q *kmsg.DeleteGroupsRequest) {
	groups, aside := sift(q.Groups, func(group string) *kmsg.DeleteGroupsResponseGroup {
		if c.group(actDeleteGroup, group) {
			return nil
		}
		bad := kmsg.NewDeleteGroupsResponseGroup()
		bad.Group, bad.ErrorCode = group, errGroupDenied
		return &bad
	})
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
	topics, aside := sift(q.Topics, func(t kmsg.OffsetDeleteRequestTopic) *kmsg.OffsetDeleteResponseTopic {
		if c.topic(actReadData, t.Topic) {
			return nil
		}
		bad := kmsg.NewOffsetDeleteResponseTopic()
		bad.Topic = t.Topic
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetDeleteResponseTopicPartition()
			one.Partition, one.ErrorCode = p.Partition, errTopicDenied
			bad.Partitions = append(bad.Partitions, one)
		}
		return &bad
	})
	q.Topics = topics
	settle(c, len(topics), len(aside), func(p *kmsg.OffsetDeleteResponse) { p.Topics = append(p.Topics, aside...) })
}
