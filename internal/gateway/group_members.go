package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// The calls of a group's members share one rule, AlterGroup on the group, and
// one refusal, GROUP_AUTHORIZATION_FAILED.

// memberRow makes the row of such a call.
func memberRow[Q kmsg.Request, P kmsg.Response](key, high int16, shape string, group func(Q) string, refuse func(P)) *api {
	return requestRow(key, 0, high, shape, func(c *call, q Q) {
		if !c.group(actAlterGroup, group(q)) {
			reply(c, refuse)
			return
		}
		c.consumesIn(group(q))
	})
}

// JoinGroup: v0-9
func joinGroupRow() *api {
	return memberRow(11, 9, "s 4 4@1+ s s@5+ s [{s b}] s@8+",
		func(q *kmsg.JoinGroupRequest) string { return q.Group },
		func(p *kmsg.JoinGroupResponse) {
			p.ErrorCode, p.Generation, p.Protocol = errGroupDenied, -1, text("")
		})
}

// Heartbeat: v0-4
func heartbeatRow() *api {
	return memberRow(12, 4, "s 4 s s@3+",
		func(q *kmsg.HeartbeatRequest) string { return q.Group },
		func(p *kmsg.HeartbeatResponse) { p.ErrorCode = errGroupDenied })
}

// LeaveGroup: v0-5
func leaveGroupRow() *api {
	return memberRow(13, 5, "s s@0-2 [{s s s@5+}]@3+",
		func(q *kmsg.LeaveGroupRequest) string { return q.Group },
		func(p *kmsg.LeaveGroupResponse) { p.ErrorCode = errGroupDenied })
}

// SyncGroup: v0-5
func syncGroupRow() *api {
	return memberRow(14, 5, "s 4 s s@3+ s@5+ s@5+ [{s b}]",
		func(q *kmsg.SyncGroupRequest) string { return q.Group },
		func(p *kmsg.SyncGroupResponse) { p.ErrorCode, p.MemberAssignment = errGroupDenied, []byte{} })
}

// ConsumerGroupHeartbeat: v0-1 (KIP-848)
//
// Besides AlterGroup on the group it needs DescribeTopic on each topic that is
// subscribed by name; topics that a regular expression found must be visible
// too, or the assignment would name them.
func consumerGroupHeartbeatRow() *api {
	return row(68, 0, 1, "s s 4 s s 4 [s] s@1+ s [{u [4]}]", consumerGroupHeartbeat, consumerGroupHeartbeated)
}

func consumerGroupHeartbeat(c *call, q *kmsg.ConsumerGroupHeartbeatRequest) {
	if !c.group(actAlterGroup, q.Group) {
		reply(c, func(p *kmsg.ConsumerGroupHeartbeatResponse) { p.ErrorCode = errGroupDenied })
		return
	}
	c.consumesIn(q.Group)
	for _, t := range q.SubscribedTopicNames {
		if !c.topic(actDescribeTopic, t) {
			reply(c, func(p *kmsg.ConsumerGroupHeartbeatResponse) { p.ErrorCode = errTopicDenied })
			return
		}
	}
}

func consumerGroupHeartbeated(c *call, p *kmsg.ConsumerGroupHeartbeatResponse) {
	if c.session == nil || p.Assignment == nil {
		return
	}
	for _, t := range p.Assignment.Topics {
		if name, known := c.f.g.up.TopicName(t.TopicID); !known || c.topicQuietly(actDescribeTopic, name) {
			continue
		}
		p.ErrorCode, p.Assignment, c.changed = errTopicDenied, nil, true
		return
	}
}
