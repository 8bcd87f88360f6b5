package gateway

// table is every API that the gateway serves, by key. What is not here is not
// forwarded: a new key needs a row, and a row needs a request hook that decides
// it. Not served: credentials of SCRAM users, delegation tokens, telemetry, share
// and streams groups, and what only brokers say to each other.
// testdata/apis.golden shows the whole of it.
func table() map[int16]*api {
	rows := []*api{
		produceRow(), fetchRow(), listOffsetsRow(), metadataRow(),
		offsetCommitRow(), offsetFetchRow(), findCoordinatorRow(),
		joinGroupRow(), heartbeatRow(), leaveGroupRow(), syncGroupRow(),
		describeGroupsRow(), listGroupsRow(),
		createTopicsRow(), deleteTopicsRow(), deleteRecordsRow(),
		initProducerIDRow(), offsetForLeaderEpochRow(),
		addPartitionsToTxnRow(), addOffsetsToTxnRow(), endTxnRow(), writeTxnMarkersRow(), txnOffsetCommitRow(),
		describeACLsRow(), createACLsRow(), deleteACLsRow(),
		describeConfigsRow(), alterConfigsRow(), incrementalAlterConfigsRow(),
		alterReplicaLogDirsRow(), describeLogDirsRow(), createPartitionsRow(), deleteGroupsRow(),
		electLeadersRow(), alterReassignmentsRow(), listReassignmentsRow(), offsetDeleteRow(),
		describeQuotasRow(), alterQuotasRow(), updateFeaturesRow(), describeClusterRow(),
		describeProducersRow(), describeTransactionsRow(), listTransactionsRow(),
		consumerGroupHeartbeatRow(), consumerGroupDescribeRow(),
		listConfigResourcesRow(), describeTopicPartitionsRow(),
	}
	apis := make(map[int16]*api, len(rows))
	for _, a := range rows {
		apis[a.key] = a
	}
	return apis
}
