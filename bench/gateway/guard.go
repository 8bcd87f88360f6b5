package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/client"
)

const guarded = `apiVersion: eventbus/v1
kind: Event
name: bench-%[1]s
title: Bench %[1]s
owner: bench
schema:
  value: '{"type":"record","name":"Bench","namespace":"gov.va.bench","fields":[{"name":"f","type":"string"}]}'
topics:
  - environment: development
    partitions: 3
    schemaGuard: %[1]s
`

// guard produces records with a schema id to a topic that checks it and to one
// that does not, through the PLAINTEXT door.
func (b *bench) guard() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	bus, stop, err := b.startIn("bus", "guard")
	if err != nil {
		return err
	}
	id, err := guardedTopics(ctx, bus)
	if err != nil {
		return err
	}
	prefix := binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "snappy": kgo.SnappyCompression()}
	for round := range b.rounds + 1 {
		for _, codec := range []string{"none", "snappy"} {
			for _, mode := range []string{"off", "enforce"} {
				opts := []kgo.Opt{kgo.SeedBrokers(bus.Hello["kafka"]), kgo.ProducerBatchCompression(codecs[codec])}
				used, err := bus.Spend(func() error { return produce(ctx, opts, "dev_bench-"+mode, b.records/2, prefix) })
				if err != nil {
					return err
				}
				if round > 0 { // the first one warms
					b.Add(fmt.Sprintf("guard %s %s CPU us/record", mode, codec), used.CPU/float64(b.records/2)*1e6)
				}
			}
		}
	}
	return stop()
}

// guardedTopics makes the two topics, waits until the guard holds, and gives
// the schema's id.
func guardedTopics(ctx context.Context, bus *measure.Child) (id int, err error) {
	api := client.API{Server: bus.Hello["http"], Token: bus.Hello["token"]}
	files := map[string]string{"off.yaml": fmt.Sprintf(guarded, "off"), "enforce.yaml": fmt.Sprintf(guarded, "enforce")}
	plan, err := api.Plan(ctx, files)
	if err != nil {
		return 0, err
	}
	if err := api.Apply(ctx, files, plan, false, true); err != nil {
		return 0, err
	}
	registry := client.API{Server: bus.Hello["registry"]}
	var version struct{ ID int }
	if err := registry.Get(ctx, "/subjects/"+eventbus.ValueSubject("dev_bench-enforce")+"/versions/latest", &version); err != nil {
		return 0, err
	}
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if err := produce(ctx, []kgo.Opt{kgo.SeedBrokers(bus.Hello["kafka"])}, "dev_bench-enforce", 1, nil); err != nil {
			return version.ID, nil // refused: it has no schema id
		}
	}
	return 0, ctx.Err()
}
