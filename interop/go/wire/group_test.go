package wire

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func classicGroup(t *testing.T, p place) {
	for name, balancer := range map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "cooperative": kgo.CooperativeStickyBalancer()} {
		t.Run(name, func(t *testing.T) { shareAndResume(t, p, kgo.Balancers(balancer)) })
	}
}

// nextGroup is the group protocol of KIP-848.
func nextGroup(t *testing.T, p place) {
	shareAndResume(t, p, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
}

// shareAndResume lets two members share the partitions of a topic, one leave,
// and a third go on where the group stood.
func shareAndResume(t *testing.T, p place, opts ...kgo.Opt) {
	const n = 200
	topic := p.topic(t, 4)
	cl := p.client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	produce := func() {
		t.Helper()
		var records []*kgo.Record
		for i := range n {
			records = append(records, &kgo.Record{Value: fmt.Append(nil, i)})
		}
		if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce()
	opts = append(opts, kgo.SeedBrokers(p.doors...), kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.MetadataMinAge(20*time.Millisecond), kgo.FetchMaxWait(500*time.Millisecond), kgo.HeartbeatInterval(300*time.Millisecond))
	member := func() *kgo.Client {
		one, err := kgo.NewClient(opts...)
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a, b := member(), member()
	defer a.Close()
	seen := map[string]int{}
	consume := func(cl *kgo.Client, pause time.Duration) int {
		short, stop := context.WithTimeout(ctx, pause)
		defer stop()
		got := cl.PollFetches(short).Records()
		for _, r := range got {
			seen[fmt.Sprintf("%d-%d", r.Partition, r.Offset)]++
		}
		// A rebalance may refuse it; then the next one commits, or the records come again.
		if err := cl.CommitUncommittedOffsets(ctx); err != nil {
			t.Logf("commit: %v", err)
		}
		return len(got)
	}
	adm := p.admin(t)
	lag := func() int64 {
		t.Helper()
		lags, err := adm.Lag(ctx, topic)
		if err != nil {
			t.Fatal(err)
		}
		return lags[topic].Lag.Total()
	}
	for ctx.Err() == nil && (len(seen) < n || lag() > 0) {
		consume(a, 100*time.Millisecond)
		consume(b, 100*time.Millisecond)
	}
	b.Close()
	produce()
	for ctx.Err() == nil && (len(seen) < 2*n || lag() > 0) {
		consume(a, 200*time.Millisecond)
	}
	if len(seen) != 2*n {
		t.Fatalf("the group read %d of %d records", len(seen), 2*n)
	}
	a.Close()
	c := member()
	defer c.Close()
	if got := consume(c, 2*time.Second); got != 0 {
		t.Errorf("the group's next member read %d records again", got)
	}
	if left := lag(); left != 0 {
		t.Errorf("the group lags by %d", left)
	}
}
