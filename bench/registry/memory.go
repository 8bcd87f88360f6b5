package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// rest is how long a bus is left alone before its memory is read.
const rest = 2 * time.Second

// subjects compares the memory of a bus that has 2,000 subjects with an empty
// one, both freshly started and left alone.
func (b *bench) subjects() error {
	full, empty := b.folder("subjects"), b.folder("subjects-none")
	bus, err := measure.Run(b.binary, full)
	if err != nil {
		return err
	}
	if err := registerMany(bus.Registry, "s", 8, 2000); err != nil {
		return err
	}
	if err := bus.Stop(); err != nil {
		return err
	}
	for range b.rounds {
		var memory [2]float64
		for i, dir := range []string{empty, full} {
			_, now, _, err := b.startOnce(dir)
			if err != nil {
				return err
			}
			memory[i] = now
		}
		b.Add("empty bus RSS MiB", memory[0])
		b.Add("2,000 subjects RSS MiB", memory[1])
		b.Add("2,000 subjects more MiB", memory[1]-memory[0])
	}
	return nil
}

// startOnce starts a bus, leaves it alone, and gives its start and memory.
func (b *bench) startOnce(dir string) (milliseconds, now, most float64, err error) {
	bus, err := measure.Run(b.binary, dir)
	if err != nil {
		return 0, 0, 0, err
	}
	time.Sleep(rest)
	now, most, err = bus.Memory()
	if err != nil {
		return 0, 0, 0, err
	}
	return float64(bus.Took.Microseconds()) / 1000, now, most, bus.Stop()
}

// start starts a bus whose `_schemas` holds 100,000 versions of 500 bytes in
// 10,000 subjects, against an empty one. The very first start, which also
// copies them into the store, counts apart.
func (b *bench) start() error {
	full, empty := b.folder("start"), b.folder("start-none")
	err := seed(cluster.Config{DataDir: full}, 100_000, func(i int) (string, int, int, string) {
		return fmt.Sprintf("subject-%d-value", i%10_000), i/10_000 + 1, i + 1, schema(strconv.Itoa(i))
	}, nil)
	if err != nil {
		return err
	}
	for round := range b.rounds + 1 {
		for _, side := range []struct{ name, dir string }{{"empty", empty}, {"100,000 versions", full}} {
			took, now, most, err := b.startOnce(side.dir)
			if err != nil {
				return err
			}
			name := "start " + side.name
			if round == 0 {
				name = "very first " + name
			}
			b.Add(name+" ms", took)
			b.Add(name+" RSS MiB", now)
			b.Add(name+" RSS at most MiB", most)
		}
	}
	for range b.rounds {
		for _, side := range []struct{ name, dir string }{{"empty", empty}, {"100,000 versions", full}} {
			live, err := liveOnce(side.dir)
			if err != nil {
				return err
			}
			b.Add("collected, "+side.name+" heap MiB", live.Heap)
			b.Add("collected, "+side.name+" RSS MiB", live.RSS)
		}
	}
	return nil
}

// liveOnce starts a bus and gives what it holds once its garbage is gone.
func liveOnce(dir string) (measure.Live, error) {
	bus, err := measure.Start("bus", dir)
	if err != nil {
		return measure.Live{}, err
	}
	time.Sleep(rest)
	live, err := bus.Live()
	return live, errors.Join(err, bus.Stop())
}

// seed writes versions straight into `_schemas`, as another registry would, and
// hands the engine to then (nil: nothing).
func seed(cfg cluster.Config, n int, row func(i int) (subject string, version, id int, text string), then func([]kgo.Opt) error) error {
	ctx := context.Background()
	engine, err := cluster.OpenEmbedded(ctx, cfg, nil)
	if err != nil {
		return err
	}
	defer engine.Close()
	reg, err := registry.Open(ctx, registry.Config{}, engine.ClientOpts(), nil) // makes the topic
	if err != nil {
		return err
	}
	reg.Close()
	kafka, err := kgo.NewClient(append(engine.ClientOpts(), kgo.DefaultProduceTopic("_schemas"))...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	err = measure.Produce(ctx, kafka, n, func(i int) *kgo.Record {
		subject, version, id, text := row(i)
		quoted, _ := json.Marshal(text) // a string always is JSON
		return &kgo.Record{
			Key:   fmt.Appendf(nil, `{"keytype":"SCHEMA","subject":%q,"version":%d,"magic":1}`, subject, version),
			Value: fmt.Appendf(nil, `{"subject":%q,"version":%d,"id":%d,"schema":%s,"deleted":false}`, subject, version, id, quoted),
		}
	})
	if err != nil || then == nil {
		return err
	}
	return then(engine.ClientOpts())
}

// shared registers one schema of 80 KB in 8,000 subjects and asks what a
// registry holds of it, next to the 625 MiB that 8,000 copies would be, and how long it
// takes to read it.
func (b *bench) shared() error {
	child, err := measure.Start("shared", strconv.Itoa(b.rounds))
	if err != nil {
		return err
	}
	defer child.Stop()
	for _, what := range []string{"heap MiB", "replay ms"} {
		for value := range strings.FieldsSeq(child.Hello[what]) {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return err
			}
			b.Add("80 KB in 8,000 subjects, "+what, n)
		}
	}
	return nil
}

// serveShared opens a registry over the same topic again and again and tells
// what each one holds.
func serveShared(rounds string) error {
	n, err := strconv.Atoi(rounds)
	if err != nil {
		return err
	}
	text := `{"type":"enum","name":"E","doc":"` + strings.Repeat("d", 80<<10) + `","symbols":["A"]}`
	var heaps, replays []string
	err = seed(cluster.Config{}, 8000, func(i int) (string, int, int, string) { return fmt.Sprintf("s%d", i), 1, 1, text },
		func(kafka []kgo.Opt) error {
			for range n {
				before, began := heap(), time.Now()
				reg, err := registry.Open(context.Background(), registry.Config{}, kafka, nil)
				if err != nil {
					return err
				}
				took := time.Since(began)
				after := heap()
				if c := reg.Counts(); c.Subjects != 8000 {
					return fmt.Errorf("the registry has %+v", c)
				}
				reg.Close()
				heaps = append(heaps, fmt.Sprintf("%.2f", after-before))
				replays = append(replays, fmt.Sprint(took.Milliseconds()))
			}
			return nil
		})
	if err != nil {
		return err
	}
	return measure.Serve(map[string]string{"heap MiB": strings.Join(heaps, " "), "replay ms": strings.Join(replays, " ")})
}

// heap is what is alive, in MiB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
