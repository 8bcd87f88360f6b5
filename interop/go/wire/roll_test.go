package wire

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestKafkaRolls kills and restarts every broker while a producer writes and a
// group reads through the gateway: what was acknowledged is there, once and in
// order.
func TestKafkaRolls(t *testing.T) {
	p, real := onKafka(t, 3)
	topic := p.topic(t, 6, "min.insync.replicas=2")
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()

	cl := p.client(t, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	stop := make(chan struct{})
	acknowledged := [6]int{}
	var producing, acking sync.WaitGroup
	var mu sync.Mutex
	producing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			acking.Add(1)
			cl.Produce(ctx, &kgo.Record{Partition: int32(i % 6), Value: strconv.AppendInt(nil, int64(i/6), 10)}, func(r *kgo.Record, err error) {
				defer acking.Done()
				if err != nil {
					t.Errorf("produce: %v", err)
					return
				}
				mu.Lock()
				acknowledged[r.Partition]++
				mu.Unlock()
			})
		}
	})
	for id := 1; id <= 3; id++ {
		time.Sleep(2 * time.Second)
		real.Kill(t, id)
		time.Sleep(time.Second)
		real.Restart(t, id)
	}
	close(stop)
	producing.Wait()
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	acking.Wait()
	total := 0
	for _, n := range acknowledged {
		total += n
	}
	t.Logf("%d records acknowledged while three brokers were killed", total)
	next := [6]int{}
	for _, r := range read(t, p.client(t, kgo.ConsumeTopics(topic)), total) {
		got, _ := strconv.Atoi(string(r.Value))
		if got != next[r.Partition] {
			t.Fatalf("partition %d offset %d holds %d, want %d", r.Partition, r.Offset, got, next[r.Partition])
		}
		next[r.Partition]++
	}
}
