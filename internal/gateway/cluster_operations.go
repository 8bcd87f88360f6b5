package gateway

import "github.com/twmb/franz-go/pkg/kmsg"

// The calls about the cluster as a whole share one rule, an action on the
// cluster, and one refusal, CLUSTER_AUTHORIZATION_FAILED; what they name is not
// decided one by one.

// clusterRow makes the row of such a call.
func clusterRow[Q kmsg.Request, P kmsg.Response](key, high int16, shape, action string, refuse func(Q, P)) *api {
	return requestRow(key, 0, high, shape, func(c *call, q Q) {
		if !c.cluster(action) {
			reply(c, func(p P) { refuse(q, p) })
		}
	})
}

// WriteTxnMarkers: v1-2, AlterCluster.
func writeTxnMarkersRow() *api {
	return clusterRow(27, 2, "[{8 2 1 [{s [4]}] 4 1@2+}]", actAlterCluster, func(q *kmsg.WriteTxnMarkersRequest, p *kmsg.WriteTxnMarkersResponse) {
		for _, m := range q.Markers {
			marker := kmsg.NewWriteTxnMarkersResponseMarker()
			marker.ProducerID = m.ProducerID
			for _, t := range m.Topics {
				topic := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
				topic.Topic = t.Topic
				for _, partition := range t.Partitions {
					one := kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
					one.Partition, one.ErrorCode = partition, errClusterDenied
					topic.Partitions = append(topic.Partitions, one)
				}
				marker.Topics = append(marker.Topics, topic)
			}
			p.Markers = append(p.Markers, marker)
		}
	})
}

// AlterReplicaLogDirs: v0-2, AlterCluster.
func alterReplicaLogDirsRow() *api {
	return clusterRow(34, 2, "[{s [{s [4]}]}]", actAlterCluster, func(q *kmsg.AlterReplicaLogDirsRequest, p *kmsg.AlterReplicaLogDirsResponse) {
		for _, d := range q.Dirs {
			for _, t := range d.Topics {
				topic := kmsg.NewAlterReplicaLogDirsResponseTopic()
				topic.Topic = t.Topic
				for _, partition := range t.Partitions {
					one := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
					one.Partition, one.ErrorCode = partition, errClusterDenied
					topic.Partitions = append(topic.Partitions, one)
				}
				p.Topics = append(p.Topics, topic)
			}
		}
	})
}

// DescribeLogDirs: v0-5, DescribeCluster. Before v3 a refusal is an empty list.
func describeLogDirsRow() *api {
	return clusterRow(35, 5, "[{s [4]}]", actDescribeCluster, func(_ *kmsg.DescribeLogDirsRequest, p *kmsg.DescribeLogDirsResponse) {
		p.ErrorCode = errClusterDenied
	})
}

// ElectLeaders: v0-2, AlterCluster.
func electLeadersRow() *api {
	return clusterRow(43, 2, "1@1+ [{s [4]}] 4", actAlterCluster, func(q *kmsg.ElectLeadersRequest, p *kmsg.ElectLeadersResponse) {
		p.ErrorCode = errClusterDenied
		for _, t := range q.Topics {
			topic := kmsg.NewElectLeadersResponseTopic()
			topic.Topic = t.Topic
			for _, partition := range t.Partitions {
				one := kmsg.NewElectLeadersResponseTopicPartition()
				one.Partition, one.ErrorCode = partition, errClusterDenied
				topic.Partitions = append(topic.Partitions, one)
			}
			p.Topics = append(p.Topics, topic)
		}
	})
}

// AlterPartitionReassignments: v0-1, AlterCluster.
func alterReassignmentsRow() *api {
	return clusterRow(45, 1, "4 1@1+ [{s [{4 [4]}]}]", actAlterCluster, func(_ *kmsg.AlterPartitionAssignmentsRequest, p *kmsg.AlterPartitionAssignmentsResponse) {
		p.ErrorCode = errClusterDenied
	})
}

// ListPartitionReassignments: v0, DescribeCluster.
func listReassignmentsRow() *api {
	return clusterRow(46, 0, "4 [{s [4]}]", actDescribeCluster, func(_ *kmsg.ListPartitionReassignmentsRequest, p *kmsg.ListPartitionReassignmentsResponse) {
		p.ErrorCode = errClusterDenied
	})
}

// DescribeClientQuotas: v0-1, DescribeClusterDynamicConfiguration.
func describeQuotasRow() *api {
	return clusterRow(48, 1, "[{s 1 s}] 1", actDescribeClusterConfig, func(_ *kmsg.DescribeClientQuotasRequest, p *kmsg.DescribeClientQuotasResponse) {
		p.ErrorCode = errClusterDenied
	})
}

// AlterClientQuotas: v0-1, AlterClusterDynamicConfiguration.
func alterQuotasRow() *api {
	return clusterRow(49, 1, "[{[{s s}] [{s 8 1}]}] 1", actAlterClusterConfig, func(q *kmsg.AlterClientQuotasRequest, p *kmsg.AlterClientQuotasResponse) {
		for _, e := range q.Entries {
			entry := kmsg.NewAlterClientQuotasResponseEntry()
			entry.ErrorCode = errClusterDenied
			for _, part := range e.Entity {
				entity := kmsg.NewAlterClientQuotasResponseEntryEntity()
				entity.Type, entity.Name = part.Type, part.Name
				entry.Entity = append(entry.Entity, entity)
			}
			p.Entries = append(p.Entries, entry)
		}
	})
}

// UpdateFeatures: v0-2, AlterCluster.
func updateFeaturesRow() *api {
	return clusterRow(57, 2, "4 [{s 2 1@0-0 1@1+}] 1@1+", actAlterCluster, func(_ *kmsg.UpdateFeaturesRequest, p *kmsg.UpdateFeaturesResponse) {
		p.ErrorCode = errClusterDenied
	})
}
