package server

import (
	"context"
	"slices"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// lineage tells onboarding who may use an event and who does. On AWS, where no
// gateway sees who reads, those read whose consumer group has members there now: an
// event is not removed under them.
type lineage struct {
	*store.Store
	streams *streams.Streams
	places  func() []eventbus.Environment
}

// Usage gives what the gateway saw, and the groups that read on AWS.
func (l lineage) Usage(ctx context.Context, q eventbus.UsageQuery) ([]eventbus.UsageBucket, error) {
	usage, err := l.Store.Usage(ctx, q)
	if err != nil || q.Topic == "" || q.Direction != eventbus.Consumed {
		return usage, err
	}
	if place, _ := eventbus.EnvironmentOf(l.places(), q.Topic); !place.OnAWS() {
		return usage, nil
	}
	groups, _, err := l.streams.GroupsOfTopic(ctx, q.Topic)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return usage, nil // the topic has gone
	}
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		group, err := l.streams.Group(ctx, g.ID)
		if eventbus.CodeOf(err) == eventbus.CodeNotFound {
			continue // it has ended meanwhile
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(group.Partitions, func(p streams.PartitionLag) bool { return p.Topic == q.Topic && p.Member != "" }) {
			usage = append(usage, eventbus.UsageBucket{Usage: eventbus.Usage{Principal: "group " + g.ID, Topic: q.Topic, Group: g.ID, Direction: eventbus.Consumed, Records: 1}})
		}
	}
	return usage, nil
}
