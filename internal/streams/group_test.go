package streams

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

func TestGroupShowsMembersAndLag(t *testing.T) {
	tests := []struct {
		name, kind string
		context    func(context.Context) context.Context
	}{
		{"classic", GroupClassic, func(ctx context.Context) context.Context { return ctx }},
		{"KIP-848", GroupConsumer, func(ctx context.Context) context.Context {
			//lint:ignore SA1029 the key is the library's own switch
			return context.WithValue(ctx, "opt_in_kafka_next_gen_balancer_beta", true)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBed(t)
			b.create(2, "claims")
			b.produce(b.numbered("claims", 0, 5)...)
			b.produce(b.numbered("claims", 1, 3)...)
			member := b.client(kgo.WithContext(tt.context(t.Context())), kgo.ClientID("claims-reader"), kgo.ConsumerGroup("readers"),
				kgo.ConsumeTopics("claims"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
			for got := 0; got < 8; {
				fetches := member.PollFetches(t.Context())
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				got += fetches.NumRecords()
			}
			epoch := kgo.EpochOffset{Epoch: -1}
			at := map[string]map[int32]kgo.EpochOffset{"claims": {0: {Epoch: epoch.Epoch, Offset: 2}, 1: {Epoch: epoch.Epoch, Offset: 3}}}
			var commitErr error
			member.CommitOffsetsSync(t.Context(), at, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
				commitErr = err
			})
			if commitErr != nil {
				t.Fatal(commitErr)
			}

			g, err := b.Group(t.Context(), "readers")
			if err != nil {
				t.Fatal(err)
			}
			if g.Kind != tt.kind || g.State != "Stable" || g.Protocol != "consumer" || g.Assignor == "" {
				t.Errorf("group = %+v, want a stable %s group", g, tt.kind)
			}
			if len(g.Members) != 1 || g.Members[0].ClientID != "claims-reader" || g.Members[0].Host == "" {
				t.Errorf("members = %+v, want claims-reader with its host", g.Members)
			}
			if g.Lag != 3 || g.LagSeconds != 62 {
				t.Errorf("lag = %d records, %v s; want 3 records, 62 s: the third record of five is 62 s old", g.Lag, g.LagSeconds)
			}
			want := []PartitionLag{
				{Topic: "claims", Partition: 0, Member: g.Members[0].ID, Committed: 2, End: 5, Lag: 3, LagSeconds: 62, NextAt: b.now.Add(-62 * time.Second)},
				{Topic: "claims", Partition: 1, Member: g.Members[0].ID, Committed: 3, End: 3},
			}
			for i := range g.Partitions {
				g.Partitions[i].NextAt = g.Partitions[i].NextAt.UTC()
			}
			if !slices.Equal(g.Partitions, want) {
				t.Errorf("partitions = %+v, want %+v", g.Partitions, want)
			}
		})
	}
}

func TestGroupWithoutMembersKeepsItsLag(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims", "gone")
	b.produce(b.numbered("claims", 0, 4)...)
	b.commit("batch", "claims", 1)
	b.commit("batch", "gone", 0)
	if _, err := b.admin.DeleteTopics(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	g, err := b.Group(t.Context(), "batch")
	if err != nil {
		t.Fatal(err)
	}
	if g.State != "Empty" || len(g.Members) != 0 || g.Lag != 3 {
		t.Errorf("group = %+v, want an empty one that lags by 3", g)
	}
	if len(g.Partitions) > 1 && g.Partitions[1].Problem == "" { // the engine may forget the offsets with the topic
		t.Errorf("partition of a deleted topic = %+v, want a problem", g.Partitions[1])
	}
}

func TestGroupsThatAreNotThere(t *testing.T) {
	b := newBed(t)
	for _, id := range []string{"nobody", "", "_registry"} {
		_, err := b.Group(t.Context(), id)
		wantCode(t, err, eventbus.CodeNotFound)
	}
}

func TestMeasure(t *testing.T) {
	at := func(start, end int64) bounds {
		listed := func(offset int64) kadm.ListedOffsets {
			return kadm.ListedOffsets{"t": {0: {Topic: "t", Offset: offset}}}
		}
		return bounds{listed(start), listed(end)}
	}
	tests := []struct {
		name      string
		committed int64
		bounds    bounds
		lag, lost int64
		seconds   float64
		problem   bool
	}{
		{"behind", 4, at(0, 10), 6, 0, -1, false},
		{"caught up", 10, at(0, 10), 0, 0, 0, false},
		{"empty partition", 0, at(0, 0), 0, 0, 0, false},
		{"never committed", -1, at(0, 10), -1, 0, -1, false},
		{"retention went past", 4, at(7, 10), 3, 3, -1, false},
		{"retention took all", 4, at(10, 10), 0, 6, 0, false},
		{"beyond the end", 12, at(0, 10), 0, 0, 0, true},
		{"no such partition", 4, bounds{}, -1, 0, -1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := PartitionLag{Topic: "t", Committed: tt.committed}
			p.measure(tt.bounds)
			if p.Lag != tt.lag || p.Lost != tt.lost || p.LagSeconds != tt.seconds || (p.Problem != "") != tt.problem {
				t.Errorf("= %+v, want lag %d, lost %d, seconds %v, problem %v", p, tt.lag, tt.lost, tt.seconds, tt.problem)
			}
		})
	}
}

func TestGroupsListsByPrefixAndWithoutTheBusItself(t *testing.T) {
	b := newBedOf(t, Config{}, 3)
	b.create(1, "claims")
	for _, g := range []string{"claims-b", "claims-a", "other", "_schemas"} {
		b.commit(g, "claims", 0)
	}
	groups, err := b.Groups(t.Context(), "claims-")
	if err != nil {
		t.Fatal(err)
	}
	want := []ListedGroup{{ID: "claims-a", State: "Empty"}, {ID: "claims-b", State: "Empty"}}
	if !slices.Equal(groups, want) {
		t.Errorf("groups = %+v, want %+v", groups, want)
	}
}

func TestGroupLagsOfAPage(t *testing.T) {
	b := newBed(t)
	b.create(2, "claims")
	b.produce(b.numbered("claims", 0, 5)...)
	b.produce(b.numbered("claims", 1, 5)...)
	b.commit("slow", "claims", 1, 1)
	b.commit("fast", "claims", 5, 5)
	lags, err := b.GroupLags(t.Context(), []string{"slow", "fast", "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if len(lags) != 2 || lags["slow"] != 8 || lags["fast"] != 0 {
		t.Errorf("lags = %v, want slow 8 and fast 0 and no word of nobody", lags)
	}
	if lags, err := b.GroupLags(t.Context(), nil); err != nil || len(lags) != 0 {
		t.Errorf("no names = %v, %v; want nothing, not all groups", lags, err)
	}
	_, err = b.GroupLags(t.Context(), make([]string, MaxNames+1))
	wantCode(t, err, eventbus.CodeTooLarge)
}

func TestGroupsOfTopic(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims", "visits", "unread")
	b.produce(b.numbered("claims", 0, 5)...)
	b.commit("a", "claims", 2)
	b.commit("b", "claims", 5)
	b.commit("b", "visits", 0)
	b.commit("c", "visits", 0)

	lagOf := func(topic string) string {
		t.Helper()
		list, more, err := b.GroupsOfTopic(t.Context(), topic)
		if err != nil || more {
			t.Fatal(err, more)
		}
		out := ""
		for _, g := range list {
			out += fmt.Sprintf("%s:%s:%d ", g.ID, g.State, g.Lag)
		}
		return out
	}
	if got, want := lagOf("claims"), "a:Empty:3 b:Empty:0 "; got != want {
		t.Errorf("groups of claims = %q, want %q", got, want)
	}
	if got := lagOf("unread"); got != "" {
		t.Errorf("groups of unread = %q, want none", got)
	}
	b.commit("a", "claims", 4)
	b.commit("d", "claims", 0)
	if got, want := lagOf("claims"), "a:Empty:1 b:Empty:0 "; got != want {
		t.Errorf("within IndexFor = %q, want fresh lags of the known groups: %q", got, want)
	}
	b.now = b.now.Add(time.Minute)
	if got, want := lagOf("claims"), "a:Empty:1 b:Empty:0 d:Empty:5 "; got != want {
		t.Errorf("after IndexFor = %q, want %q", got, want)
	}
}

func TestGroupsOfTopicSaysWhenItDidNotLookAtAll(t *testing.T) {
	b := newBedOf(t, Config{MaxGroups: 1}, 1)
	b.create(1, "claims")
	b.commit("a", "claims", 0)
	b.commit("b", "claims", 0)
	list, more, err := b.GroupsOfTopic(t.Context(), "claims")
	if err != nil || len(list) != 1 || !more {
		t.Errorf("= %v, more %v, %v; want one group and word of others", list, more, err)
	}
}
