package eventbustest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
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

// TestPrincipalsSignIn is what the example of Bus.Environment shows, run: a record
// that one principal may write and another may not, read by a third.
func TestPrincipalsSignIn(t *testing.T) {
	bus := eventbustest.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	as := func(principal string, opts ...kgo.Opt) *kgo.Client {
		set := bus.Environment(t, principal)
		for name, value := range set { // for AWS's own credential chain
			t.Setenv(name, value)
		}
		cfg, ok := client.FromEnv(func(name string) string { return set[name] })
		if !ok || cfg.SecurityProtocol != "SASL_SSL" || cfg.Bootstrap[0] != bus.KafkaIAM {
			t.Fatalf("%s has the configuration %+v", principal, cfg)
		}
		reach, err := cfg.KafkaOpts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		kafka, err := kgo.NewClient(append(reach, opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(kafka.Close)
		if err := kafka.Ping(ctx); err != nil { // signed in while its keys are in the environment
			t.Fatalf("%s: %v", principal, err)
		}
		return kafka
	}
	producer := as("test-producer", kgo.DefaultProduceTopic("test"))
	if err := producer.ProduceSync(ctx, kgo.StringRecord("mine")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	nobody := as("test-nobody", kgo.DefaultProduceTopic("test"), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0))
	if err := nobody.ProduceSync(ctx, kgo.StringRecord("not mine")).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("who may only connect produces: %v", err)
	}
	consumer := as("test-consumer", kgo.ConsumerGroup("test-consumer-mine"), kgo.ConsumeTopics("test"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	fetches := consumer.PollFetches(ctx)
	if err := fetches.Err(); err != nil || string(fetches.Records()[0].Value) != "mine" {
		t.Errorf("consumed %v, %v", fetches.Records(), err)
	}
}
