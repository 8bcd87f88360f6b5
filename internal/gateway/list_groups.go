package gateway

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListGroups: v0-5
//
// Needs: DescribeCluster for all groups; else those with DescribeGroup are
// listed. Never an error. Types are asked for in small letters: Java's client
// begins them with a capital, Kafka does not mind, the embedded engine does.
func listGroupsRow() *api {
	return row(16, 0, 5, "[s]@4+ [s]@5+", listGroups, listedGroups)
}

func listGroups(c *call, q *kmsg.ListGroupsRequest) {
	for i, name := range q.TypesFilter {
		q.TypesFilter[i], c.changed = strings.ToLower(name), true
	}
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
