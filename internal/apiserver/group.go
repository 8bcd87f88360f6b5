package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// registerGroups adds consumer groups and what partitions hold.
func (a *API) registerGroups() {
	const missing = http.StatusNotFound
	register(a, operation(http.MethodGet, "/groups", "list-groups", "The consumer groups, by id"), a.listGroups)
	register(a, operation(http.MethodGet, "/groups/{id}", "get-group", "Show a consumer group: members, offsets, lag", missing), a.getGroup)
	register(a, operation(http.MethodGet, "/topics/{name}/partitions", "list-partitions", "The partitions of a topic with their offsets", missing), a.listPartitions)
	register(a, operation(http.MethodGet, "/topics/{name}/groups", "list-topic-groups", "The groups that read a topic, with their lag", missing), a.listTopicGroups)
}

type groupList struct {
	Groups []streams.ListedGroup `json:"groups"`
}

type listGroupsInput struct {
	Prefix string `query:"prefix" maxLength:"249"`
}

func (a *API) listGroups(ctx context.Context, in *listGroupsInput) (*body[groupList], error) {
	groups, err := a.parts.Streams.Groups(ctx, in.Prefix)
	if err != nil {
		return nil, err
	}
	return &body[groupList]{groupList{groups}}, nil
}

type groupInput struct {
	ID string `path:"id" minLength:"1" maxLength:"249"`
}

func (a *API) getGroup(ctx context.Context, in *groupInput) (*body[streams.Group], error) {
	group, err := a.parts.Streams.Group(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[streams.Group]{group}, nil
}

type partitionList struct {
	Partitions []streams.PartitionOffsets `json:"partitions"`
}

func (a *API) listPartitions(ctx context.Context, in *topicInput) (*body[partitionList], error) {
	partitions, err := a.parts.Streams.Partitions(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &body[partitionList]{partitionList{partitions}}, nil
}

type topicGroupList struct {
	Groups []streams.TopicGroup `json:"groups"`
	More   bool                 `json:"more" doc:"there are others"`
}

func (a *API) listTopicGroups(ctx context.Context, in *topicInput) (*body[topicGroupList], error) {
	groups, more, err := a.parts.Streams.GroupsOfTopic(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return &body[topicGroupList]{topicGroupList{groups, more}}, nil
}
