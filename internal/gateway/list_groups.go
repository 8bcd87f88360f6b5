package gateway

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups: v0-5
//
// Needs: DescribeCluster for all groups; else those with DescribeGroup are
// listed. Never an error.
func listGroupsRow() *api {
	return row(16, 0, 5, "[s]@4+ [s]@5+", func(*call, *kmsg.ListGroupsRequest) {}, listedGroups)
}

func listedGroups(c *call, p *kmsg.ListGroupsResponse) {
	if c.quietly(actDescribeCluster, c.deployment().ClusterARN()) {
		return
	}
	c.changed = true
	p.Groups = slices.DeleteFunc(p.Groups, func(g kmsg.ListGroupsResponseGroup) bool {
		return !c.quietly(actDescribeGroup, c.deployment().GroupARN(g.Group))
	})
}
