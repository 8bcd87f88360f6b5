package streams

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// The kinds of consumer groups.
const (
	GroupClassic  = "classic"  // rebalanced by its members (JoinGroup)
	GroupConsumer = "consumer" // rebalanced by the broker (KIP-848)
)

// maxGroupPartitions bounds the partitions shown of one group.
const maxGroupPartitions = 2000

// ListedGroup is a group as lists show it.
type ListedGroup struct {
	ID       string `json:"id"`
	State    string `json:"state"`    // Kafka's words: Stable, Empty, PreparingRebalance, Assigning, …
	Protocol string `json:"protocol"` // protocol type: consumer, connect, …; empty when offsets were committed without joining
}

// Group is a consumer group with its members and lag.
type Group struct {
	ID         string         `json:"id"`
	Kind       string         `json:"kind"` // classic or consumer (KIP-848)
	State      string         `json:"state"`
	Protocol   string         `json:"protocol"`
	Assignor   string         `json:"assignor,omitempty"` // how partitions are shared out: range, cooperative-sticky, uniform, …
	Members    []Member       `json:"members"`
	Partitions []PartitionLag `json:"partitions"`          // by topic and partition
	Truncated  bool           `json:"truncated,omitempty"` // there are more partitions than shown
	Lag        int64          `json:"lag"`                 // records not yet read, over all partitions where it is known
	LagSeconds float64        `json:"lagSeconds"`          // the greatest of its partitions; -1 when none is known
}

// Member is one client of a group.
type Member struct {
	ID         string `json:"id"`
	InstanceID string `json:"instanceId,omitempty"` // static membership (KIP-345)
	ClientID   string `json:"clientId"`
	Host       string `json:"host"`
}

// PartitionLag is how far a group is behind in one partition.
type PartitionLag struct {
	Topic      string    `json:"topic"`
	Partition  int32     `json:"partition"`
	Member     string    `json:"member,omitempty"` // id of the member that it is assigned to
	Committed  int64     `json:"committed"`        // next offset to read; -1 when none was committed
	Start      int64     `json:"start"`            // first offset kept; -1 when not known
	End        int64     `json:"end"`              // offset after the last record; -1 when not known
	Lag        int64     `json:"lag"`              // records kept and not yet read; -1 when not known
	Lost       int64     `json:"lost,omitempty"`   // offsets that retention removed before the group read them
	NextAt     time.Time `json:"nextAt,omitzero"`  // timestamp of the next record to read, when known
	LagSeconds float64   `json:"lagSeconds"`       // age of that record in seconds; 0 without lag, -1 when not known
	Problem    string    `json:"problem,omitempty"`
}

// Groups lists the groups whose id begins with prefix, by id, in one request per
// broker; share groups and those of the bus itself ("_…") are left out.
func (s *Streams) Groups(ctx context.Context, prefix string) ([]ListedGroup, error) {
	if s.several != nil {
		return s.several.groups(ctx, prefix)
	}
	listed, err := s.admin.ListGroups(ctx)
	if err != nil {
		return nil, unavailable(err, "list the groups")
	}
	groups := []ListedGroup{}
	for _, g := range listed.Sorted() {
		if strings.HasPrefix(g.Group, prefix) && !strings.HasPrefix(g.Group, "_") && g.ProtocolType != "share" {
			groups = append(groups, ListedGroup{ID: g.Group, State: g.State, Protocol: g.ProtocolType})
		}
	}
	return groups, nil
}

// Group gives one group, classic or KIP-848; CodeNotFound when there is none of
// that id. Kafka tells no one when an offset was committed, so how late a group
// is comes from the timestamp of the next record that it has to read.
func (s *Streams) Group(ctx context.Context, id string) (Group, error) {
	if s.several != nil {
		return s.several.group(ctx, id)
	}
	group, assigned, err := s.describe(ctx, id)
	if err != nil {
		return Group{}, err
	}
	committed, err := s.admin.FetchOffsets(ctx, id)
	if err != nil {
		return Group{}, unavailable(err, "read the offsets of group "+id)
	}
	group.Partitions, group.Truncated = partitionsOf(assigned, committed)
	bounds, err := s.bounds(ctx, topicsOf(group.Partitions))
	if err != nil {
		return Group{}, err
	}
	for i := range group.Partitions {
		group.Partitions[i].measure(bounds)
	}
	s.timeLag(ctx, group.Partitions)
	group.LagSeconds = -1
	for _, p := range group.Partitions {
		group.Lag += max(p.Lag, 0)
		group.LagSeconds = max(group.LagSeconds, p.LagSeconds)
	}
	return group, nil
}

// GroupLags gives the lag in records of at most MaxNames groups, for a page of a
// list: two requests per broker, whatever the number of groups. A group is
// missing when it has committed nothing or could not be read.
func (s *Streams) GroupLags(ctx context.Context, ids []string) (map[string]int64, error) {
	if s.several != nil {
		return s.several.groupLags(ctx, ids)
	}
	if err := checkNames("groups", len(ids)); err != nil || len(ids) == 0 {
		return nil, err
	}
	fetched := s.admin.FetchManyOffsets(ctx, ids...)
	bounds, err := s.bounds(ctx, fetched.CommittedPartitions().Topics())
	if err != nil {
		return nil, err
	}
	lags := map[string]int64{}
	for id, response := range fetched {
		partitions, _ := partitionsOf(nil, response.Fetched)
		if response.Err != nil || len(partitions) == 0 {
			continue
		}
		for i := range partitions {
			partitions[i].measure(bounds)
			lags[id] += max(partitions[i].Lag, 0)
		}
	}
	return lags, nil
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// describe asks for a classic group first, which most are, then for a KIP-848
// one; assigned says which member holds which partition. Apache Kafka knows a
// KIP-848 group by the second question only; the embedded engine answers the
// first one too, without a protocol and without members.
func (s *Streams) describe(ctx context.Context, id string) (Group, map[place]string, error) {
	missing := eventbus.Errorf(eventbus.CodeNotFound, "there is no consumer group %q", id)
	if id == "" || strings.HasPrefix(id, "_") {
		return Group{}, nil, missing
	}
	answers, err := s.admin.DescribeGroups(ctx, id)
	if err != nil {
		return Group{}, nil, unavailable(err, "read group "+id)
	}
	classic := answers[id]
	known := classic.Err == nil && classic.State != "Dead" && classic.State != ""
	switch {
	case known && classic.ProtocolType != "":
		group, assigned := classicGroup(classic)
		return group, assigned, nil
	case classic.Err != nil && !errors.Is(classic.Err, kerr.GroupIDNotFound):
		return Group{}, nil, unavailable(classic.Err, "read group "+id)
	}
	described, err := s.admin.DescribeConsumerGroups(ctx, id)
	if ctx.Err() != nil {
		return Group{}, nil, unavailable(ctx.Err(), "read group "+id)
	}
	if g, ok := described[id]; ok && err == nil && g.Err == nil { // else: a broker without KIP-848 has no such group either
		group, unnamed := consumerGroup(g)
		assigned, err := s.assignment(ctx, g, unnamed)
		return group, assigned, err
	}
	if known { // offsets were committed by no member
		group, assigned := classicGroup(classic)
		return group, assigned, nil
	}
	return Group{}, nil, missing
}

func classicGroup(g kadm.DescribedGroup) (Group, map[place]string) {
	group := Group{ID: g.Group, Kind: GroupClassic, State: g.State, Protocol: g.ProtocolType, Assignor: g.Protocol, Members: []Member{}}
	assigned := map[place]string{}
	for _, m := range g.Members {
		group.Members = append(group.Members, memberOf(m.MemberID, m.InstanceID, m.ClientID, m.ClientHost))
		if plan, ok := m.Assigned.AsConsumer(); ok {
			for _, t := range plan.Topics {
				assign(assigned, m.MemberID, t.Topic, t.Partitions)
			}
		}
	}
	return group, assigned
}

// consumerGroup reports too whether the broker named a topic by its id alone.
func consumerGroup(g kadm.DescribedConsumerGroup) (group Group, unnamed bool) {
	group = Group{ID: g.Group, Kind: GroupConsumer, State: g.State, Protocol: "consumer", Assignor: g.AssignorName, Members: []Member{}}
	for _, m := range g.Members {
		group.Members = append(group.Members, memberOf(m.MemberID, m.InstanceID, m.ClientID, m.ClientHost))
		_, nameless := m.Assignment[""]
		unnamed = unnamed || nameless
	}
	return group, unnamed
}

// assignment says which member of a KIP-848 group holds which partition. The
// embedded engine names topics by id alone, which the admin client throws away:
// then the question is put again without it.
func (s *Streams) assignment(ctx context.Context, g kadm.DescribedConsumerGroup, unnamed bool) (map[place]string, error) {
	assigned := map[place]string{}
	if !unnamed {
		for _, m := range g.Members {
			for _, t := range m.Assignment.Sorted() {
				assign(assigned, m.MemberID, t.Topic, t.Partitions)
			}
		}
		return assigned, nil
	}
	if s.kafka == nil {
		return assigned, nil // what is committed still shows
	}
	details, err := s.admin.ListTopics(ctx, g.SubscribedTopics()...)
	if err != nil {
		return nil, unavailable(err, "read the topics of group "+g.Group)
	}
	names := map[[16]byte]string{}
	for name, detail := range details {
		names[detail.ID] = name
	}
	request := kmsg.NewPtrConsumerGroupDescribeRequest()
	request.Groups = []string{g.Group}
	response, err := request.RequestWith(ctx, s.kafka)
	if err != nil {
		return nil, unavailable(err, "read group "+g.Group)
	}
	for _, group := range response.Groups {
		for _, m := range group.Members {
			for _, t := range m.Assignment.TopicPartitions {
				if name, ok := names[t.TopicID]; ok {
					assign(assigned, m.MemberID, name, t.Partitions)
				}
			}
		}
	}
	return assigned, nil
}

func memberOf(id string, instance *string, clientID, host string) Member {
	m := Member{ID: id, ClientID: clientID, Host: strings.TrimPrefix(host, "/")} // Java's form of an address
	if instance != nil {
		m.InstanceID = *instance
	}
	return m
}

func assign(assigned map[place]string, member, topic string, partitions []int32) {
	for _, p := range partitions {
		assigned[place{topic, p}] = member
	}
}

// partitionsOf joins what is assigned with what is committed, in order.
func partitionsOf(assigned map[place]string, committed kadm.OffsetResponses) (list []PartitionLag, truncated bool) {
	at := map[place]PartitionLag{}
	for where, member := range assigned {
		at[where] = PartitionLag{Topic: where.topic, Partition: where.partition, Member: member, Committed: -1}
	}
	committed.Each(func(r kadm.OffsetResponse) {
		where := place{r.Topic, r.Partition}
		p := at[where]
		p.Topic, p.Partition, p.Committed = r.Topic, r.Partition, r.At
		if r.Err != nil {
			p.Committed, p.Problem = -1, "the committed offset cannot be read: "+r.Err.Error()
		}
		at[where] = p
	})
	list = make([]PartitionLag, 0, len(at))
	for _, p := range at {
		list = append(list, p)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Topic != list[j].Topic {
			return list[i].Topic < list[j].Topic
		}
		return list[i].Partition < list[j].Partition
	})
	if len(list) > maxGroupPartitions {
		return list[:maxGroupPartitions], true
	}
	return list, false
}

func topicsOf(partitions []PartitionLag) []string {
	var topics []string
	for i, p := range partitions { // sorted by topic
		if i == 0 || p.Topic != partitions[i-1].Topic {
			topics = append(topics, p.Topic)
		}
	}
	return topics
}

// measure fills in where the partition begins and ends, and the lag between. A
// group that lost records to retention has only those left that are kept.
func (p *PartitionLag) measure(b bounds) {
	p.Start, p.End, p.Lag, p.LagSeconds = -1, -1, -1, -1
	start, startKnown := b.starts.Lookup(p.Topic, p.Partition)
	end, endKnown := b.ends.Lookup(p.Topic, p.Partition)
	switch {
	case !startKnown || !endKnown:
		p.Problem = "the partition no longer exists"
		return
	case start.Err != nil || end.Err != nil:
		p.Problem = "the offsets cannot be read: " + errors.Join(start.Err, end.Err).Error()
		return
	}
	p.Start, p.End = start.Offset, end.Offset
	switch {
	case p.Committed < 0:
		return
	case p.Committed > p.End:
		p.Lag, p.LagSeconds = 0, 0
		p.Problem = fmt.Sprintf("the committed offset lies %d beyond the end: the group waits for records that it will skip", p.Committed-p.End)
	default:
		p.Lost = max(p.Start-p.Committed, 0)
		p.Lag = p.End - max(p.Committed, p.Start)
		if p.Lag == 0 {
			p.LagSeconds = 0
		}
	}
}

// maxTimed bounds the partitions of a group whose lag is told in seconds: those
// with the greatest lag in records.
const maxTimed = 64

// timeLag reads the first unread record of each partition that lags and tells
// how old it is. What cannot be read in time stays unknown.
func (s *Streams) timeLag(ctx context.Context, partitions []PartitionLag) {
	if s.kafka == nil {
		return
	}
	var late []*PartitionLag
	for i := range partitions {
		if partitions[i].Lag > 0 {
			late = append(late, &partitions[i])
		}
	}
	sort.SliceStable(late, func(i, j int) bool { return late[i].Lag > late[j].Lag })
	late = late[:min(len(late), maxTimed)]
	if len(late) == 0 {
		return
	}
	w := window{quota: 1, maxBytes: maxTimed << 20, timeout: s.cfg.LagTimeout, from: map[place]span{}}
	for _, p := range late {
		w.from[place{p.Topic, p.Partition}] = span{max(p.Committed, p.Start), p.End}
	}
	first := map[place]time.Time{}
	w.keep = func(r found) { first[place{r.Topic, r.Partition}] = r.Timestamp }
	if _, err := w.read(ctx, s.kafka); err != nil {
		return
	}
	now := s.cfg.Now()
	for _, p := range late {
		if at, ok := first[place{p.Topic, p.Partition}]; ok {
			p.NextAt, p.LagSeconds = at, max(now.Sub(at).Seconds(), 0)
		}
	}
}
