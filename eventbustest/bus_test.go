package eventbustest_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/eventbustest"
)

// TestProduceAndConsumeAvro is the bus's one-minute story with stock parts: a
// value encoded by the registered schema goes in, the same value comes out.
func TestProduceAndConsumeAvro(t *testing.T) {
	bus := eventbustest.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	kafka, err := kgo.NewClient(kgo.SeedBrokers(bus.Kafka), kgo.ConsumeTopics("test"), kgo.DefaultProduceTopic("test"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	serde, err := client.NewSerde(bus.Registry, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := serde.Encoder(ctx, "test-value")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"Ada","company":"Analytical","dateOfBirth":"1815-12-10","sequenceNumber":1}`
	value, err := encoder.Encode([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	fetches := kafka.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	got, err := serde.Decode(ctx, fetches.Records()[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("consumed %s, want %s", got, want)
	}
}
