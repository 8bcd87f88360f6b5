package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

const (
	recordSize = 200
	producers  = 8    // that wait for each answer
	singles    = 1000 // records of each of them
)

// traffic puts the same load on the engine's own ports and on the doors of the
// bus: records produced in full batches, read by a group, and produced one by
// one.
func (b *bench) traffic() error {
	for round := range b.rounds {
		for _, mode := range []string{"engine-plain", "engine-tls", "gateway-plain", "gateway-iam"} {
			if err := b.carry(mode, fmt.Sprintf("%s-%d", mode, round)); err != nil {
				return fmt.Errorf("%s: %w", mode, err)
			}
		}
	}
	return nil
}

// sides are the clients' options for one mode.
type sides struct{ producer, consumer []kgo.Opt }

func connect(ctx context.Context, mode string, server *measure.Child) (s sides, err error) {
	plain := []kgo.Opt{kgo.SeedBrokers(server.Hello["kafka"])}
	switch mode {
	case "engine-plain":
		return sides{plain, plain}, nil
	case "engine-tls":
		config, err := trust(server)
		secure := append(plain, kgo.DialTLSConfig(config))
		return sides{secure, secure}, err
	}
	if err := widen(ctx, server); err != nil {
		return sides{}, err
	}
	if mode == "gateway-plain" {
		return sides{plain, plain}, nil
	}
	if s.producer, err = as(ctx, server, "test-producer"); err != nil {
		return s, err
	}
	s.consumer, err = as(ctx, server, "test-consumer")
	return s, err
}

func (b *bench) carry(mode, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	role := mode
	if mode == "gateway-plain" || mode == "gateway-iam" {
		role = "bus"
	}
	server, stop, err := b.startIn(role, name)
	if err != nil {
		return err
	}
	clients, err := connect(ctx, mode, server)
	if err != nil {
		return err
	}
	if err := produce(ctx, clients.producer, topic, 10_000, nil); err != nil { // warm
		return err
	}
	produced, err := server.Spend(func() error { return produce(ctx, clients.producer, topic, b.records, nil) })
	if err != nil {
		return err
	}
	consumed, err := server.Spend(func() error { return consume(ctx, clients.consumer, 10_000+b.records) })
	if err != nil {
		return err
	}
	one, err := server.Spend(func() error { return produceSingly(ctx, clients.producer) })
	if err != nil {
		return err
	}
	n := float64(b.records)
	b.Add(mode+" CPU us/record", (produced.CPU/n+consumed.CPU/(n+10_000))*1e6)
	b.Add(mode+" produce CPU us/record", produced.CPU/n*1e6)
	b.Add(mode+" consume CPU us/record", consumed.CPU/(n+10_000)*1e6)
	b.Add(mode+" single CPU us/request", one.CPU/(producers*singles)*1e6)
	b.Add(mode+" produced /s", n/produced.Seconds)
	b.Add(mode+" consumed /s", (n+10_000)/consumed.Seconds)
	b.Add(mode+" single /s", producers*singles/one.Seconds)
	return stop()
}

// produce sends n records in full batches, uncompressed unless opts say
// otherwise; prefix is how each begins.
func produce(ctx context.Context, opts []kgo.Opt, topic string, n int, prefix []byte) error {
	kafka, err := kgo.NewClient(append([]kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DefaultProduceTopic(topic),
		kgo.MaxBufferedRecords(100_000)}, opts...)...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	values := payloads(prefix)
	return measure.Produce(ctx, kafka, n, func(i int) *kgo.Record { return &kgo.Record{Value: values[i%len(values)]} })
}

// payloads are records of random hexadecimal text: they compress to a little
// over half, as business data does at best.
func payloads(prefix []byte) [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	values := make([][]byte, 1009)
	for i := range values {
		values[i] = append([]byte(nil), prefix...)
		for len(values[i]) < recordSize {
			values[i] = append(values[i], "0123456789abcdef"[random.IntN(16)])
		}
	}
	return values
}

func consume(ctx context.Context, opts []kgo.Opt, n int) error {
	kafka, err := kgo.NewClient(append([]kgo.Opt{kgo.ConsumeTopics(topic), kgo.ConsumerGroup("test-consumer-bench"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}, opts...)...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	return measure.Consume(ctx, kafka, n)
}

// produceSingly has several producers that wait for each record's answer: one
// request per record.
func produceSingly(ctx context.Context, opts []kgo.Opt) error {
	group, ctx := errgroup.WithContext(ctx)
	for range producers {
		group.Go(func() error {
			kafka, err := kgo.NewClient(append([]kgo.Opt{kgo.ProducerBatchCompression(kgo.NoCompression()),
				kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0)}, opts...)...)
			if err != nil {
				return err
			}
			defer kafka.Close()
			values := payloads(nil)
			for i := range singles {
				if err := kafka.ProduceSync(ctx, &kgo.Record{Value: values[i%len(values)]}).FirstErr(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
