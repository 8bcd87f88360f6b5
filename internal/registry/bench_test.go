package registry_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// BenchmarkRegister: new schemas, one caller (target: 1,000/s on the embedded
// engine).
func BenchmarkRegister(b *testing.B) {
	reg, _ := node(b, kafka(b), registry.Config{}, nil)
	mustRegister(b, reg, "warm", record(fieldA))
	n := 0
	for b.Loop() {
		n++
		mustRegister(b, reg, fmt.Sprintf("s%d", n), record(fieldA+fmt.Sprintf(`,{"name":"f%d","type":"int"}`, n)))
	}
}

// BenchmarkLookup: what a serializer asks before it produces.
func BenchmarkLookup(b *testing.B) {
	reg, _ := node(b, kafka(b), registry.Config{}, nil)
	mustRegister(b, reg, "s", record(fieldA))
	req := registry.RegisterRequest{Text: record(fieldA)}
	for b.Loop() {
		if _, err := reg.Lookup(context.Background(), "s", req, registry.Live); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAllowedUnder: what the gateway asks for every record batch.
func BenchmarkAllowedUnder(b *testing.B) {
	reg, _ := node(b, kafka(b), registry.Config{}, nil)
	mustRegister(b, reg, "s", record(fieldA))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if !reg.AllowedUnder("s", 1) {
				b.Fatal("not allowed")
			}
		}
	})
}

// seed writes versions straight into the topic, as another registry would.
func seed(tb testing.TB, opts []kgo.Opt, n int, row func(i int) (subject string, version, id int, text string)) {
	tb.Helper()
	reg, err := registry.Open(context.Background(), registry.Config{}, opts, nil) // makes the topic
	if err != nil {
		tb.Fatal(err)
	}
	reg.Close()
	cl, err := kgo.NewClient(append(opts, kgo.DefaultProduceTopic("_schemas"), kgo.ProducerLinger(time.Millisecond))...)
	if err != nil {
		tb.Fatal(err)
	}
	defer cl.Close()
	for i := range n {
		subject, version, id, text := row(i)
		cl.Produce(context.Background(), &kgo.Record{
			Key:   fmt.Appendf(nil, `{"keytype":"SCHEMA","subject":%q,"version":%d,"magic":1}`, subject, version),
			Value: fmt.Appendf(nil, `{"subject":%q,"version":%d,"id":%d,"schema":%q,"deleted":false}`, subject, version, id, text),
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				tb.Error(err)
			}
		})
	}
	if err := cl.Flush(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// heap is the live heap in MB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkReplay: 100,000 versions of 500 bytes in 10,000 subjects (target:
// start < 2 s, < 250 MB).
func BenchmarkReplay(b *testing.B) {
	opts := kafka(b)
	seed(b, opts, 100_000, func(i int) (string, int, int, string) {
		return fmt.Sprintf("subject-%d-value", i%10_000), i/10_000 + 1, i + 1,
			fmt.Sprintf(`{"type":"record","name":"R%d","doc":"%s","fields":[{"name":"f","type":"int"}]}`, i, strings.Repeat("d", 420))
	})
	for b.Loop() {
		before := heap()
		reg, err := registry.Open(context.Background(), registry.Config{}, opts, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(heap()-before, "MB")
		if c := reg.Counts(); c.Versions != 100_000 || c.Subjects != 10_000 {
			b.Fatalf("%+v", c)
		}
		reg.Close()
		b.StartTimer()
	}
}

// BenchmarkSharedText: one schema of 80 KB in 8,000 subjects is held once.
func BenchmarkSharedText(b *testing.B) {
	opts := kafka(b)
	text := `{"type":"enum","name":"E","doc":"` + strings.Repeat("d", 80<<10) + `","symbols":["A"]}`
	seed(b, opts, 8_000, func(i int) (string, int, int, string) { return fmt.Sprintf("s%d", i), 1, 1, text })
	for b.Loop() {
		before := heap()
		reg, err := registry.Open(context.Background(), registry.Config{}, opts, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(heap()-before, "MB")
		reg.Close()
		b.StartTimer()
	}
}
