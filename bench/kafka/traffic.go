package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// load is one cell of the table of throughput.
type load struct{ size, partitions, records int }

// loads move 50 to 200 MB each, so that a cell takes a second or more.
var loads = []load{
	{100, 1, 1_000_000}, {100, 50, 1_000_000},
	{1 << 10, 1, 200_000}, {1 << 10, 50, 200_000},
	{10 << 10, 1, 20_000}, {10 << 10, 50, 20_000},
}

const (
	singles   = 3000 // records sent one at a time
	rate      = 1000 // records a second, from end to end
	measured  = 5 * time.Second
	smallSize = 1 << 10
)

func (b *bench) traffic(round int) error {
	return b.both(round, func(ctx context.Context, side string, s *subject) error {
		time.Sleep(rest)
		idle, _, err := s.Processes[0].Memory()
		if err != nil {
			return err
		}
		b.Add(side+" start ms", float64(s.took.Milliseconds()))
		b.Add(side+" RSS at rest MiB", idle)
		for _, l := range loads {
			if err := b.throughput(ctx, side, s, l); err != nil {
				return fmt.Errorf("%d bytes, %d partitions: %w", l.size, l.partitions, err)
			}
		}
		if err := s.create(ctx, "single", 1); err != nil {
			return err
		}
		if err := b.single(ctx, side, s, "single", make([]byte, smallSize)); err != nil {
			return err
		}
		return b.endToEnd(ctx, side, s)
	})
}

// throughput produces the records of a load, waiting for all of them to be
// acknowledged, and then consumes them, without a group.
func (b *bench) throughput(ctx context.Context, side string, s *subject, l load) error {
	topic := fmt.Sprintf("load-%d-%d", l.size, l.partitions)
	if err := s.create(ctx, topic, l.partitions); err != nil {
		return err
	}
	made, err := s.Spend(func() error { return produce(ctx, s, topic, make([]byte, l.size), l.records) })
	if err != nil {
		return err
	}
	read, err := s.Spend(func() error { return consume(ctx, s, topic, l.records) })
	if err != nil {
		return err
	}
	cell := fmt.Sprintf("%s %d B, %d partitions", side, l.size, l.partitions)
	n := float64(l.records)
	b.Add(cell+", produced /s", n/made.Seconds)
	b.Add(cell+", consumed /s", n/read.Seconds)
	b.Add(cell+", produce CPU us", made.CPU/n*1e6)
	b.Add(cell+", consume CPU us", read.CPU/n*1e6)
	return nil
}

// single sends one record after the other to a topic and waits for each answer.
func (b *bench) single(ctx context.Context, side string, s *subject, topic string, value []byte) error {
	client, err := s.client(kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return err
	}
	defer client.Close()
	var took []time.Duration
	for i := range singles + 500 {
		began := time.Now()
		if err := client.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			return err
		}
		if i >= 500 { // the first warm up
			took = append(took, time.Since(began))
		}
	}
	b.percentiles(side+" one record at a time", took)
	return nil
}

// endToEnd produces at a fixed rate and measures from before a record is
// produced until a consumer has it.
func (b *bench) endToEnd(ctx context.Context, side string, s *subject) error {
	if err := s.create(ctx, "paced", 1); err != nil {
		return err
	}
	client, err := s.client(kgo.DefaultProduceTopic("paced"), kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ConsumeTopics("paced"), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	total := int(measured.Seconds()) * rate
	began := time.Now()
	var failed atomic.Pointer[error]
	go func() {
		for i := range total {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / rate)))
			value := binary.BigEndian.AppendUint64(make([]byte, 0, smallSize), uint64(time.Since(began)))
			client.Produce(ctx, &kgo.Record{Value: value[:smallSize]}, func(_ *kgo.Record, err error) {
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			})
		}
	}()
	var took []time.Duration
	for seen := 0; seen < total; {
		fetches := client.PollFetches(ctx)
		now := time.Since(began)
		if err := fetches.Err(); err != nil {
			return err
		}
		if err := failed.Load(); err != nil {
			return *err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if seen++; seen > rate { // the first second warms up
				took = append(took, now-time.Duration(binary.BigEndian.Uint64(r.Value)))
			}
		})
	}
	b.percentiles(side+" end to end", took)
	return nil
}

// afterMany reads the memory of a server that has taken many records.
func (b *bench) afterMany(round int) error {
	return b.both(round, func(ctx context.Context, side string, s *subject) error {
		if err := s.create(ctx, "many", 10); err != nil {
			return err
		}
		if err := produce(ctx, s, "many", make([]byte, 100), b.many); err != nil {
			return err
		}
		time.Sleep(rest)
		now, most, err := s.Processes[0].Memory()
		b.Add(side+" RSS after many MiB", now)
		b.Add(side+" RSS at most MiB", most)
		return err
	})
}

func (b *bench) percentiles(name string, took []time.Duration) {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.Add(name+", p50 ms", at(0.50))
	b.Add(name+", p99 ms", at(0.99))
}

func (s *subject) create(ctx context.Context, topic string, partitions int) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := kadm.NewClient(client).CreateTopic(ctx, int32(partitions), 1, nil, topic)
	return cmp.Or(err, answer.Err)
}

// client makes a client of the server.
func (s *subject) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(opts, s.reach...)...)
}

func produce(ctx context.Context, s *subject, topic string, value []byte, records int) error {
	client, err := s.client(kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(50_000),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	return measure.Produce(ctx, client, records, func(int) *kgo.Record { return &kgo.Record{Value: value} })
}

func consume(ctx context.Context, s *subject, topic string, records int) error {
	client, err := s.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	return measure.Consume(ctx, client, records)
}

func sortByName(ratios []measure.Compare) {
	slices.SortFunc(ratios, func(a, b measure.Compare) int { return cmp.Compare(a.Name, b.Name) })
}
