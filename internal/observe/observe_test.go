package observe_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

const (
	producer = "arn:aws-us-gov:iam::123456789012:role/test-producer"
	consumer = "arn:aws-us-gov:iam::123456789012:role/test-consumer"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// world is an observer on a real store.
type world struct {
	testing.TB
	clock *clocktest.Clock
	store *store.Store
	*observe.Observer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, clock: clocktest.At(noon)}
	var err error
	w.store, err = store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	w.Observer = observe.New(observe.Config{Now: w.clock.Now}, w.store)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) save() {
	w.Helper()
	w.must(w.Save(w.Context()))
}

func (w *world) usage(q eventbus.UsageQuery) []eventbus.UsageBucket {
	w.Helper()
	list, err := w.Usage(w.Context(), q)
	w.must(err)
	return list
}

func TestCountsByHourAndDay(t *testing.T) {
	w := newWorld(t)
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	w.Produced(producer, "test", 7, 2, 200)
	w.clock.Set(at(time.Minute))
	w.Produced(producer, "test", 7, 3, 300)
	w.clock.Set(at(59*time.Minute + 59*time.Second))
	w.Produced(producer, "test", 7, 1, 100)
	w.clock.Set(at(time.Hour)) // the next hour, before anything was saved
	w.Produced(producer, "test", 7, 10, 1000)
	w.save()
	w.clock.Set(at(time.Hour + time.Minute))
	w.Produced(producer, "test", 7, 1, 1)
	w.save()
	w.clock.Set(at(12 * time.Hour)) // the next day
	w.Produced(producer, "test", 7, 5, 500)
	w.save()

	type line struct {
		start          time.Time
		width          time.Duration
		records, bytes int64
		first, last    time.Time
	}
	want := []line{
		{noon.Truncate(24 * time.Hour), 24 * time.Hour, 17, 1601, noon, at(time.Hour + time.Minute)},
		{noon, time.Hour, 6, 600, noon, at(59*time.Minute + 59*time.Second)},
		{at(time.Hour), time.Hour, 11, 1001, at(time.Hour), at(time.Hour + time.Minute)},
		{at(12 * time.Hour), time.Hour, 5, 500, at(12 * time.Hour), at(12 * time.Hour)},
		{at(12 * time.Hour), 24 * time.Hour, 5, 500, at(12 * time.Hour), at(12 * time.Hour)},
	}
	got := w.usage(eventbus.UsageQuery{Topic: "test"})
	if len(got) != len(want) {
		t.Fatalf("%d buckets: %+v", len(got), got)
	}
	for i, b := range got {
		l := line{b.Start, b.Width, b.Records, b.Bytes, b.FirstSeen, b.LastSeen}
		if l != want[i] || b.Principal != producer || b.SchemaID != 7 || b.Direction != eventbus.Produced || b.Group != "" {
			t.Errorf("%d: %+v\nwant %+v", i, b, want[i])
		}
	}
}

func TestPrincipals(t *testing.T) {
	w := newWorld(t)
	w.Produced(producer, "test", 1, 5, 50)
	w.Produced(producer, "test", 2, 5, 50)
	w.Produced(producer, "other", 1, 5, 50)
	w.Produced(producer, "test", 1, 0, 0) // nothing was written
	w.Consumed(consumer, "test", "test-consumer", 1, 4, 40)
	w.save()
	w.clock.Set(noon.Add(48 * time.Hour))
	w.Produced(producer, "test", 1, 5, 50)
	w.save()

	list, err := w.Principals(t.Context(), "test")
	w.must(err)
	want := []eventbus.Usage{
		{Principal: producer, Topic: "test", Direction: eventbus.Produced, SchemaID: 1, FirstSeen: noon, LastSeen: noon.Add(48 * time.Hour), Records: 10, Bytes: 100},
		{Principal: consumer, Topic: "test", Group: "test-consumer", Direction: eventbus.Consumed, SchemaID: 1, FirstSeen: noon, LastSeen: noon, Records: 4, Bytes: 40},
		{Principal: producer, Topic: "test", Direction: eventbus.Produced, SchemaID: 2, FirstSeen: noon, LastSeen: noon, Records: 5, Bytes: 50},
	}
	if fmt.Sprint(list) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", list, want)
	}
	if list, err := w.Principals(t.Context(), "silent"); err != nil || len(list) != 0 {
		t.Errorf("a topic without traffic: %v, %v", list, err)
	}
	last, err := w.LastSeen(t.Context(), producer, "test")
	w.must(err)
	never, err := w.LastSeen(t.Context(), "arn:aws-us-gov:iam::123456789012:role/granted", "test")
	w.must(err)
	if !last.Equal(noon.Add(48*time.Hour)) || !never.IsZero() {
		t.Errorf("last seen %v; without traffic %v", last, never)
	}
}

func TestAverageDaily(t *testing.T) {
	today := noon.Truncate(24 * time.Hour)
	for _, c := range []struct {
		name string
		days map[int]int64 // days ago: records of 10 bytes
		want observe.Average
	}{
		{"nothing", nil, observe.Average{}},
		{"today only", map[int]int64{0: 8}, observe.Average{Days: 1, Records: 8, Bytes: 80}},
		{"today is not whole", map[int]int64{0: 1000, 1: 8}, observe.Average{Days: 1, Records: 8, Bytes: 80}},
		{"silent days count", map[int]int64{4: 8}, observe.Average{Days: 4, Records: 2, Bytes: 20}},
		{"thirty days at most", map[int]int64{31: 1_000_000, 30: 30}, observe.Average{Days: 30, Records: 1, Bytes: 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for ago, n := range c.days {
				w.clock.Set(today.AddDate(0, 0, -ago).Add(time.Hour))
				w.Produced(producer, "test", 0, n, 10*n)
				w.Consumed(consumer, "test", "g", 0, n, 10*n) // what is read is not traffic of the topic
				w.save()
			}
			w.clock.Set(noon)
			got, err := w.AverageDaily(t.Context(), "test")
			if err != nil || got != c.want {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

// What was counted outlives a restart, the end of Run included.
func TestRunSavesAtTheEnd(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- w.Run(ctx) }()
	w.Produced(producer, "test", 1, 5, 50)
	stop()
	w.must(<-ran)
	after := observe.New(observe.Config{Now: w.clock.Now}, w.store)
	list, err := after.Principals(t.Context(), "test")
	if err != nil || len(list) != 1 || list[0].Records != 5 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestRunSavesAndDrops(t *testing.T) {
	w := newWorld(t)
	w.clock.Set(noon.Add(-observe.KeepDays - 48*time.Hour))
	w.Produced(producer, "test", 1, 1, 1)
	w.save()
	w.clock.Set(noon.Add(-observe.KeepHours - 2*time.Hour))
	w.Produced(producer, "test", 1, 2, 2)
	w.save()
	w.clock.Set(noon)

	o := observe.New(observe.Config{Now: w.clock.Now, Flush: time.Millisecond}, w.store)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- o.Run(ctx) }()
	o.Produced(producer, "test", 1, 4, 4)
	for len(w.usage(eventbus.UsageQuery{Topic: "test"})) != 3 { // the hour and day of noon, and the younger old day
	}
	stop()
	w.must(<-ran)
	var records int64
	for _, b := range w.usage(eventbus.UsageQuery{Topic: "test", Width: 24 * time.Hour}) {
		records += b.Records
	}
	if records != 6 {
		t.Errorf("days hold %d records, want 6", records)
	}
}

// A store that fails for a while costs nothing.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	f := &failing{Store: w.store, fail: true}
	o := observe.New(observe.Config{Now: w.clock.Now}, f)
	for i := range 1200 { // several batches
		o.Produced(producer, fmt.Sprint("topic", i), 1, 1, 1)
	}
	if err := o.Save(t.Context()); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
	o.Produced(producer, "topic0", 1, 1, 1)
	f.fail = false
	w.must(o.Save(t.Context()))
	w.must(o.Save(t.Context()))
	var records int64
	for _, b := range w.usage(eventbus.UsageQuery{Principal: producer, Width: time.Hour}) {
		records += b.Records
	}
	if records != 1201 {
		t.Errorf("%d records, want 1201", records)
	}
}

var errFull = errors.New("disk full")

type failing struct {
	*store.Store
	fail bool
}

func (f *failing) AddUsage(ctx context.Context, b []eventbus.UsageBucket) error {
	if f.fail {
		return errFull
	}
	return f.Store.AddUsage(ctx, b)
}

// However many names there are, memory is bounded and no record is lost.
func TestBounded(t *testing.T) {
	w := newWorld(t)
	o := observe.New(observe.Config{Now: w.clock.Now, MaxKeys: 640}, w.store)
	const n = 5000
	for i := range n {
		o.Consumed(consumer, "test", fmt.Sprint("group", i), 0, 1, 1)
	}
	w.must(o.Save(t.Context()))
	var records, others int64
	keys := map[eventbus.Usage]bool{}
	for _, b := range w.usage(eventbus.UsageQuery{Width: time.Hour}) {
		records += b.Records
		if b.Principal == observe.Other {
			others += b.Records
		}
		keys[b.Usage] = true
	}
	if records != n || others == 0 || len(keys) > 640+2 {
		t.Errorf("%d records, %d of them others, %d keys", records, others, len(keys))
	}
	t.Run("names that fall silent make room", func(t *testing.T) {
		w.clock.Set(noon.Add(11 * time.Minute))
		w.must(o.Save(t.Context()))
		o.Consumed(consumer, "test", "late", 0, 1, 1)
		w.must(o.Save(t.Context()))
		if got := w.usage(eventbus.UsageQuery{Group: "late"}); len(got) != 2 {
			t.Errorf("%+v", got)
		}
	})
}

// Clients choose group names; none may keep others from being saved.
func TestStrangeNames(t *testing.T) {
	w := newWorld(t)
	for _, group := range []string{"a\x00b", "\xff\xfe", string(make([]byte, 32<<10)), "ünïcode"} {
		w.Consumed(consumer, "test", group, 0, 1, 1)
		w.Consumed(consumer, "test", group, 0, 1, 1)
	}
	w.save()
	var records int64
	for _, b := range w.usage(eventbus.UsageQuery{Topic: "test", Width: time.Hour}) {
		records += b.Records
	}
	if records != 8 {
		t.Errorf("%d records", records)
	}
}

func TestConcurrently(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				w.Produced(producer, fmt.Sprint("topic", i%10), 1, 1, 1)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		w.save()
	}
	var records int64
	for _, b := range w.usage(eventbus.UsageQuery{Width: time.Hour}) {
		records += b.Records
	}
	if records != 8000 {
		t.Errorf("%d records", records)
	}
}

func TestRepeatsDoNotAllocate(t *testing.T) {
	w := newWorld(t)
	if n := testing.AllocsPerRun(100, func() { w.Consumed(consumer, "test", "g", 1, 1, 1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkProduced(b *testing.B) {
	o := observe.New(observe.Config{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		o.Produced(producer, "decision-letter-availability", 7, 1, 100)
	}
}

func BenchmarkProducedByMany(b *testing.B) {
	o := observe.New(observe.Config{}, nil)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			o.Produced(producer, "decision-letter-availability", 7, 1, 100)
		}
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
