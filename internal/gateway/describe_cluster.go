package gateway

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// DescribeCluster: v0-2
//
// Needs nothing but Connect for the brokers; the operations are computed, and
// are zero without DescribeCluster. Addresses, rack and cluster id are rewritten.
func describeClusterRow() *api {
	return row(60, 0, 2, "1 1@1+ 1@2+", func(*call, *kmsg.DescribeClusterRequest) {}, describedCluster)
}

func describedCluster(c *call, p *kmsg.DescribeClusterResponse) {
	c.changed = true
	for i := range p.Brokers {
		b := &p.Brokers[i]
		b.Host, b.Port = c.address(b.NodeID)
		b.Rack = nil
	}
	if id := c.f.g.cfg.ClusterID; id != "" {
		p.ClusterID = id
	}
	if c.req.(*kmsg.DescribeClusterRequest).IncludeClusterAuthorizedOperations {
		p.ClusterAuthorizedOperations = 0
		if cluster := c.deployment().ClusterARN(); c.quietly(actDescribeCluster, cluster) {
			p.ClusterAuthorizedOperations = c.operations(clusterOperations, cluster)
		}
	}
}
