package streams

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/enterprise-event-bus/eventbus"
)

// Several shows the topics, groups and records of several clusters as one. of
// gives the one of all that a topic belongs to; a topic that lies on another one is
// not shown. A group id that is used on several clusters is shown of the first
// that knows it.
func Several(of func(topic string) *Streams, all ...*Streams) *Streams {
	return &Streams{several: &several{of, all}}
}

type several struct {
	of  func(topic string) *Streams
	all []*Streams
}

func (m *several) topics(ctx context.Context, prefix string) ([]eventbus.Topic, error) {
	var list []eventbus.Topic
	for _, s := range m.all {
		some, err := s.Topics(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, t := range some {
			if m.of(t.Name) == s {
				list = append(list, t)
			}
		}
	}
	slices.SortFunc(list, func(a, b eventbus.Topic) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func (m *several) groups(ctx context.Context, prefix string) ([]ListedGroup, error) {
	var list []ListedGroup
	for _, s := range m.all {
		some, err := s.Groups(ctx, prefix)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	slices.SortStableFunc(list, func(a, b ListedGroup) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(list, func(a, b ListedGroup) bool { return a.ID == b.ID }), nil
}

// group gives the group of the first cluster that knows it; nobody knowing it is
// what the last one says.
func (m *several) group(ctx context.Context, id string) (g Group, err error) {
	for _, s := range m.all {
		if g, err = s.Group(ctx, id); eventbus.CodeOf(err) != eventbus.CodeNotFound {
			return g, err
		}
	}
	return g, err
}

// groupLags adds up what a group has not read on any cluster.
func (m *several) groupLags(ctx context.Context, ids []string) (map[string]int64, error) {
	lags := map[string]int64{}
	for _, s := range m.all {
		some, err := s.GroupLags(ctx, ids)
		if err != nil {
			return nil, err
		}
		for id, lag := range some {
			lags[id] += lag
		}
	}
	return lags, nil
}

// topicSizes asks each cluster for its topics and gives them in the order asked.
func (m *several) topicSizes(ctx context.Context, topics []string) ([]TopicSize, error) {
	asked := map[*Streams][]string{}
	for _, topic := range topics {
		asked[m.of(topic)] = append(asked[m.of(topic)], topic)
	}
	sizes := map[string]TopicSize{}
	for s, names := range maps.All(asked) {
		some, err := s.TopicSizes(ctx, names)
		if err != nil {
			return nil, err
		}
		for _, size := range some {
			sizes[size.Topic] = size
		}
	}
	var list []TopicSize
	for _, topic := range topics {
		if size, ok := sizes[topic]; ok {
			list = append(list, size)
		}
	}
	return list, nil
}
