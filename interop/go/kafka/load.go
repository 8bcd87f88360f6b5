package kafka

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Load writes numbered records into every partition of a topic, and reads them
// along, until it is ended: whatever happens to the brokers meanwhile, nothing
// acknowledged is lost, comes twice or out of order.
type Load struct {
	t          testing.TB
	producer   *kgo.Client
	stop       chan struct{}
	stopOnce   sync.Once
	writing    sync.WaitGroup
	acking     sync.WaitGroup
	reading    sync.WaitGroup
	endReading context.CancelFunc

	mu           sync.Mutex
	acknowledged []int // by partition
	read         count
}

// StartLoad begins. The producer partitions by hand; the consumer reads the topic
// from its start, without a group.
func StartLoad(ctx context.Context, t testing.TB, producer, consumer *kgo.Client, topic string, partitions int) *Load {
	reading, endReading := context.WithCancel(ctx)
	l := &Load{t: t, producer: producer, stop: make(chan struct{}), endReading: endReading, acknowledged: make([]int, partitions), read: make(count, partitions)}
	l.writing.Go(func() { l.write(ctx, topic) })
	l.reading.Go(func() { l.readAlong(reading, consumer) })
	t.Cleanup(func() { // a test may fail before it ends the load
		l.endWriting()
		endReading()
		l.reading.Wait()
	})
	return l
}

func (l *Load) write(ctx context.Context, topic string) {
	for n := 0; ; n++ {
		select {
		case <-l.stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Millisecond):
		}
		partitions := len(l.acknowledged)
		l.acking.Add(1)
		r := &kgo.Record{Topic: topic, Partition: int32(n % partitions), Value: strconv.AppendInt(nil, int64(n/partitions), 10)}
		l.producer.Produce(ctx, r, func(r *kgo.Record, err error) {
			defer l.acking.Done()
			if err != nil {
				l.t.Errorf("produce: %v", err)
				return
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.acknowledged[r.Partition]++
		})
	}
}

func (l *Load) readAlong(ctx context.Context, consumer *kgo.Client) {
	for ctx.Err() == nil {
		fetches := consumer.PollFetches(ctx)
		l.mu.Lock()
		for _, r := range fetches.Records() {
			if err := l.read.next(r); err != nil {
				l.mu.Unlock()
				l.t.Errorf("reading along: %v", err)
				return
			}
		}
		l.mu.Unlock()
	}
}

// Roll kills and restarts one broker after the other. Every partition goes on
// while a broker is down, and after it is back.
func (l *Load) Roll(ctx context.Context, c *Cluster) {
	l.t.Helper()
	for _, one := range c.nodes {
		l.await(ctx, 20)
		c.Kill(l.t, one.id)
		l.await(ctx, 20)
		c.Restart(l.t, one.id)
	}
	l.await(ctx, 20)
}

// await waits until every partition has acknowledged n records more.
func (l *Load) await(ctx context.Context, n int) {
	l.t.Helper()
	l.mu.Lock()
	want := make([]int, len(l.acknowledged))
	for p, have := range l.acknowledged {
		want[p] = have + n
	}
	l.mu.Unlock()
	l.until(ctx, fmt.Sprintf("every partition acknowledges %d records more", n), func() bool {
		for p, have := range l.acknowledged {
			if have < want[p] {
				return false
			}
		}
		return true
	})
}

// End stops writing, waits until everything acknowledged was read along, and
// gives how much that is.
func (l *Load) End(ctx context.Context) int {
	l.t.Helper()
	l.endWriting()
	if err := l.producer.Flush(ctx); err != nil {
		l.t.Fatal(err)
	}
	l.acking.Wait()
	l.until(ctx, "everything acknowledged is read along", func() bool { return l.read.total() >= total(l.acknowledged) })
	l.endReading()
	l.reading.Wait()
	return total(l.acknowledged)
}

func (l *Load) endWriting() {
	l.stopOnce.Do(func() { close(l.stop) })
	l.writing.Wait()
}

func (l *Load) until(ctx context.Context, what string, holds func() bool) {
	l.t.Helper()
	for {
		l.mu.Lock()
		done, acknowledged, read := holds(), fmt.Sprint(l.acknowledged), fmt.Sprint(l.read)
		l.mu.Unlock()
		if done {
			return
		}
		if l.t.Failed() {
			l.t.FailNow() // nothing more will come
		}
		select {
		case <-ctx.Done():
			l.t.Fatalf("in time it was not so that %s: acknowledged by partition %s, read along %s", what, acknowledged, read)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ReadBack reads what a load has written: n records, each once and in order.
func ReadBack(ctx context.Context, t testing.TB, cl *kgo.Client, partitions, n int) {
	t.Helper()
	for read := make(count, partitions); read.total() < n; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", read.total(), n, err)
		}
		for _, r := range fetches.Records() {
			if err := read.next(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// count is how many records of each partition were read.
type count []int

// next takes in a record, which must be the next of its partition.
func (c count) next(r *kgo.Record) error {
	if got := string(r.Value); got != strconv.Itoa(c[r.Partition]) {
		return fmt.Errorf("partition %d offset %d holds %s, want %d", r.Partition, r.Offset, got, c[r.Partition])
	}
	c[r.Partition]++
	return nil
}

func (c count) total() int { return total(c) }

func total(all []int) int {
	sum := 0
	for _, n := range all {
		sum += n
	}
	return sum
}
