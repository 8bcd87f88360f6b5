package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FindCoordinator: v0-6
//
// Needs: DescribeGroup on a group (type 0), DescribeTransactionalId on a
// transactional id (type 1); share groups (type 2) are refused.
//
// v4: several keys at once, each decided by itself.
func findCoordinatorRow() *api {
	return row(10, 0, 6, "s@0-3 1@1+ [s]@4+", findCoordinator, foundCoordinator)
}

// coordinator decides about one key: 0, or the error code.
func (c *call) coordinator(kind int8, key string) int16 {
	switch {
	case kind == 0 && c.group(actDescribeGroup, key), kind == 1 && c.transaction(actDescribeTransactionalID, key):
		return 0
	case kind == 0:
		return errGroupDenied
	case kind == 1:
		return errTransactionalDenied
	default:
		return errInvalidRequest
	}
}

func findCoordinator(c *call, q *kmsg.FindCoordinatorRequest) {
	if c.version < 4 {
		if code := c.coordinator(q.CoordinatorType, q.CoordinatorKey); code != 0 {
			reply(c, func(p *kmsg.FindCoordinatorResponse) { p.ErrorCode, p.NodeID, p.Port = code, -1, -1 })
		}
		return
	}
	keys, aside := sift(q.CoordinatorKeys, func(key string) *kmsg.FindCoordinatorResponseCoordinator {
		code := c.coordinator(q.CoordinatorType, key)
		if code == 0 {
			return nil
		}
		bad := kmsg.NewFindCoordinatorResponseCoordinator()
		bad.Key, bad.NodeID, bad.Port, bad.ErrorCode = key, -1, -1, code
		return &bad
	})
	q.CoordinatorKeys = keys
	settle(c, len(keys), len(aside), func(p *kmsg.FindCoordinatorResponse) { p.Coordinators = append(p.Coordinators, aside...) })
}

func foundCoordinator(c *call, p *kmsg.FindCoordinatorResponse) {
	c.changed = true
	if c.version < 4 {
		p.Host, p.Port = c.coordinatorAddress(p.NodeID, p.ErrorCode)
	}
	for i := range p.Coordinators {
		one := &p.Coordinators[i]
		one.Host, one.Port = c.coordinatorAddress(one.NodeID, one.ErrorCode)
	}
}

// coordinatorAddress is no address with an error.
func (c *call) coordinatorAddress(node int32, code int16) (string, int32) {
	if code != 0 {
		return "", -1
	}
	return c.address(node)
}
