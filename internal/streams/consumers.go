package streams

import (
	"context"
	"sort"
	"sync"
	"time"
)

// describeAtOnce is how many groups one request for offsets names.
const describeAtOnce = 500

// TopicGroup is a group that has committed offsets of a topic.
type TopicGroup struct {
	ID         string         `json:"id"`
	State      string         `json:"state"`
	Lag        int64          `json:"lag"` // over the partitions where it is known
	Partitions []PartitionLag `json:"partitions"`
}

// consumerIndex remembers which groups read which topic. Kafka cannot be asked
// that; it can only be asked for all offsets of all groups.
type consumerIndex struct {
	mu      sync.Mutex // held while the index is made, so that it is made once
	until   time.Time
	groups  map[string][]ListedGroup // by topic, by id
	partial bool                     // there are more groups than the index covers
}

// GroupsOfTopic lists the groups that have committed offsets of a topic, with
// their lag now, at most MaxNames by id. Which groups they are may be IndexFor
// old. more says that there are others: beyond MaxNames, beyond the MaxGroups that
// are looked at, or such as could not be read now. A group that has not committed yet is not known to read.
func (s *Streams) GroupsOfTopic(ctx context.Context, topic string) (list []TopicGroup, more bool, err error) {
	if s.several != nil {
		return s.several.of(topic).GroupsOfTopic(ctx, topic)
	}
	readers, more, err := s.readersOf(ctx, topic)
	if err != nil {
		return nil, false, err
	}
	list = []TopicGroup{}
	if len(readers) > MaxNames {
		readers, more = readers[:MaxNames], true
	}
	if len(readers) == 0 {
		return list, more, nil
	}
	at, err := s.bounds(ctx, []string{topic})
	if err != nil {
		return nil, false, err
	}
	ids := make([]string, len(readers))
	for i, g := range readers {
		ids[i] = g.ID
	}
	fetched := s.admin.FetchManyOffsets(ctx, ids...)
	for _, g := range readers {
		if fetched[g.ID].Err != nil {
			more = true
			continue
		}
		one := TopicGroup{ID: g.ID, State: g.State, Partitions: []PartitionLag{}}
		partitions, _ := partitionsOf(nil, fetched[g.ID].Fetched)
		for _, p := range partitions {
			if p.Topic != topic {
				continue
			}
			p.measure(at)
			one.Lag += max(p.Lag, 0)
			one.Partitions = append(one.Partitions, p)
		}
		if len(one.Partitions) > 0 { // else its offsets have expired since
			list = append(list, one)
		}
	}
	return list, more, nil
}

func (s *Streams) readersOf(ctx context.Context, topic string) ([]ListedGroup, bool, error) {
	x := &s.consumers
	x.mu.Lock()
	defer x.mu.Unlock()
	now := s.cfg.Now()
	if x.groups == nil || !now.Before(x.until) {
		groups, partial, err := s.indexGroups(ctx)
		if err != nil {
			return nil, false, err
		}
		x.groups, x.partial, x.until = groups, partial, now.Add(s.cfg.IndexFor)
	}
	return x.groups[topic], x.partial, nil
}

// indexGroups asks for the offsets of all groups, describeAtOnce in a request.
func (s *Streams) indexGroups(ctx context.Context) (byTopic map[string][]ListedGroup, partial bool, err error) {
	groups, err := s.Groups(ctx, "")
	if err != nil {
		return nil, false, err
	}
	if len(groups) > s.cfg.MaxGroups {
		groups, partial = groups[:s.cfg.MaxGroups], true
	}
	byTopic = map[string][]ListedGroup{}
	for len(groups) > 0 {
		n := min(len(groups), describeAtOnce)
		ids := make([]string, n)
		for i, g := range groups[:n] {
			ids[i] = g.ID
		}
		fetched := s.admin.FetchManyOffsets(ctx, ids...)
		if err := ctx.Err(); err != nil {
			return nil, false, unavailable(err, "read the offsets of the groups")
		}
		for _, g := range groups[:n] {
			if fetched[g.ID].Err != nil {
				partial = true
				continue
			}
			for topic := range fetched[g.ID].Fetched {
				byTopic[topic] = append(byTopic[topic], g)
			}
		}
		groups = groups[n:]
	}
	for _, list := range byTopic {
		sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	}
	return byTopic, partial, nil
}
