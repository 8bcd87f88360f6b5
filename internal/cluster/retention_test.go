package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
)

func TestRetentionOf(t *testing.T) {
	forever := retentionRule{-1, -1}
	for _, c := range []struct {
		name    string
		topic   string
		configs map[string]string
		want    retentionRule
	}{
		{"Kafka's default of a week", "t", nil, retentionRule{604800000, -1}},
		{"both limits", "t", map[string]string{"retention.ms": "5", "retention.bytes": "7"}, retentionRule{5, 7}},
		{"no limit", "t", map[string]string{"retention.ms": "-1"}, forever},
		{"compacted topics keep every record", "t", map[string]string{"cleanup.policy": "compact", "retention.ms": "5"}, forever},
		{"compacted and deleted", "t", map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "5"}, retentionRule{5, -1}},
		{"the registry's topic whatever it says", "_schemas", map[string]string{"retention.ms": "5", "retention.bytes": "5"}, forever},
		{"a banana deletes nothing", "t", map[string]string{"retention.ms": "banana"}, forever},
		{"nonsense deletes nothing", "t", map[string]string{"retention.ms": "-5", "retention.bytes": "1e3"}, forever},
	} {
		configs := make(map[string]*string)
		for k, v := range c.configs {
			configs[k] = &v
		}
		if got := retentionOf(c.topic, configs); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// clockAt is a clock that the test moves.
func clockAt(now *time.Time) func() time.Time { return func() time.Time { return *now } }

func retain(t *testing.T, e *Embedded) {
	t.Helper()
	if err := e.Retain(t.Context()); err != nil {
		t.Fatalf("retention: %v", err)
	}
}

func TestRetentionByTime(t *testing.T) {
	base := time.Now().Truncate(time.Second)
	now, kept := base, &keptStarts{}
	e := start(t, Config{Now: clockAt(&now)}, kept)
	create(t, e, "orders", 1, map[string]string{"retention.ms": "60000"})
	produce(t, e, "orders", 10, func(i int) time.Time { return base.Add(time.Duration(i) * 10 * time.Second) })
	for _, step := range []struct {
		after time.Duration
		start int64
	}{
		{0, 0},
		{59 * time.Second, 0},
		{60 * time.Second, 1},
		{85 * time.Second, 3},
		{86 * time.Second, 3},
		{149 * time.Second, 9},
		{150 * time.Second, 9}, // the last record is due, and stays
		{time.Hour, 9},
	} {
		now = base.Add(step.after)
		retain(t, e)
		if s, end := offsets(t, e, "orders"); s != step.start || end != 10 {
			t.Errorf("after %v: offsets %d to %d, want %d to 10", step.after, s, end, step.start)
		}
	}
	for key, parts := range kept.kept {
		if parts[0] != 9 {
			t.Errorf("kept log start of %s: %d, want 9", key, parts[0])
		}
	}
	if got := e.counts.retentionRecords.Load(); got != 9 {
		t.Errorf("counted %d deleted records, want 9", got)
	}
}

// A record's time is the producer's: one that lies in the future holds back those
// behind it, as a segment does in Kafka, until it is due itself.
func TestRetentionByTimeGoesInOrder(t *testing.T) {
	base := time.Now().Truncate(time.Second)
	now := base
	e := start(t, Config{Now: clockAt(&now)}, nil)
	create(t, e, "orders", 1, map[string]string{"retention.ms": "60000"})
	ages := []time.Duration{0, time.Hour, 0, 0}
	produce(t, e, "orders", len(ages), func(i int) time.Time { return base.Add(ages[i]) })
	now = base.Add(10 * time.Minute)
	retain(t, e)
	if s, _ := offsets(t, e, "orders"); s != 1 {
		t.Errorf("start %d, want 1", s)
	}
	now = base.Add(2 * time.Hour)
	retain(t, e)
	if s, _ := offsets(t, e, "orders"); s != 3 {
		t.Errorf("start %d, want 3", s)
	}
}

func TestRetentionByBytes(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, map[string]string{"retention.bytes": "1000"})
	create(t, e, "others", 1, nil)
	produce(t, e, "orders", 100, nil)
	produce(t, e, "others", 100, nil)
	retain(t, e)
	p := partition(t, e, "orders", 0)
	record := p.NumBytes / (p.HighWatermark - p.LogStartOffset)
	if p.NumBytes < 1000 || p.NumBytes >= 1000+record+1 {
		t.Errorf("%d bytes are left of batches of %d, want the fewest that reach 1000", p.NumBytes, record)
	}
	if s, _ := offsets(t, e, "others"); s != 0 {
		t.Errorf("a topic without a limit starts at %d", s)
	}
}

func TestRetentionByBytesKeepsTheLastRecord(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, map[string]string{"retention.bytes": "0"})
	produce(t, e, "orders", 5, nil)
	retain(t, e)
	if s, end := offsets(t, e, "orders"); s != 4 || end != 5 {
		t.Errorf("offsets %d to %d, want 4 to 5", s, end)
	}
}

func TestRetentionReachesIntoABatchForTheLastRecord(t *testing.T) {
	base := time.Now().Add(-time.Hour)
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, map[string]string{"retention.ms": "60000"})
	cl := client(t, e, kgo.ProducerLinger(time.Second))
	var batch []*kgo.Record
	for i := range 10 {
		batch = append(batch, &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i), Timestamp: base})
	}
	if err := cl.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	retain(t, e)
	if s, end := offsets(t, e, "orders"); s != 9 || end != 10 {
		t.Errorf("offsets %d to %d, want 9 to 10", s, end)
	}
}

func TestRetentionStopsAtAnOpenTransaction(t *testing.T) {
	old := func(int) time.Time { return time.Now().Add(-time.Hour) }
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, map[string]string{"retention.ms": "60000"})
	produce(t, e, "orders", 3, old)
	cl := client(t, e, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("orders"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r := &kgo.Record{Value: []byte("v"), Timestamp: old(0)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	retain(t, e)
	if s, end := offsets(t, e, "orders"); s != 3 || end != 6 {
		t.Errorf("offsets %d to %d, want 3 to 6", s, end)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestCompactedTopicsKeepEveryRecord(t *testing.T) {
	old := func(int) time.Time { return time.Now().Add(-365 * 24 * time.Hour) }
	e := start(t, Config{}, nil)
	create(t, e, SchemasTopic, 1, map[string]string{"retention.ms": "1"}) // wrong, and yet
	create(t, e, "state", 1, map[string]string{"cleanup.policy": "compact", "retention.ms": "1", "retention.bytes": "1"})
	for _, topic := range []string{SchemasTopic, "state"} {
		produce(t, e, topic, 5, old)
		retain(t, e)
		if got := values(t, e, topic); len(got) != 5 {
			t.Errorf("%s: %v", topic, got)
		}
	}
}

func TestRetentionGoesOnAfterAFault(t *testing.T) {
	old := func(int) time.Time { return time.Now().Add(-time.Hour) }
	kept := &keptStarts{}
	e := start(t, Config{}, kept)
	create(t, e, "orders", 1, map[string]string{"retention.ms": "60000"})
	produce(t, e, "orders", 5, old)
	kept.fail = errors.New("no store")
	if err := e.Retain(t.Context()); err == nil {
		t.Error("no error although the log start could not be kept")
	}
	if s, _ := offsets(t, e, "orders"); s != 0 {
		t.Errorf("start %d: deleted without keeping the start", s)
	}
	kept.fail = nil
	retain(t, e)
	if s, _ := offsets(t, e, "orders"); s != 4 {
		t.Errorf("start %d, want 4 in the next pass", s)
	}
}

func TestRetentionStopsWithItsContext(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Retain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("retention with an ended context: %v", err)
	}
}

// A pass over partitions in which nothing is due reads no log, however many
// there are.
func TestRetentionOfManyPartitions(t *testing.T) {
	e := start(t, Config{Limits: eventbus.TopicLimits{MaxPartitions: 1000}}, nil)
	for i := range 2 {
		create(t, e, fmt.Sprintf("wide-%d", i), 1000, nil)
	}
	cl := client(t, e, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	var records []*kgo.Record
	for p := range int32(1000) {
		for range 2 {
			records = append(records, &kgo.Record{Topic: "wide-0", Partition: p, Value: []byte("v")})
		}
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	retain(t, e)
	if len(e.heads) != 1000 {
		t.Errorf("%d heads remembered, want 1000", len(e.heads))
	}
	for key, h := range e.heads {
		if h.maxTimestamp == 0 {
			t.Fatalf("head of %v was not read", key)
		}
	}
	retain(t, e)
	if got := e.counts.retentionPasses.Load(); got != 2 {
		t.Errorf("%d passes", got)
	}
}

func FuzzParseBatches(f *testing.F) {
	whole := make([]byte, batchHeader)
	binary.BigEndian.PutUint32(whole[8:], batchHeader-batchPrefix)
	f.Add(whole)
	f.Add(whole[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var total int64
		for _, b := range parseBatches(raw) {
			if b.size < batchHeader {
				t.Fatalf("a batch of %d bytes", b.size)
			}
			total += b.size
		}
		if total > int64(len(raw)) {
			t.Fatalf("%d bytes of batches in %d", total, len(raw))
		}
	})
}
