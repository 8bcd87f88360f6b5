package eventbustest_test

import (
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/eventbustest"
)

// A test of a program that writes to the bus starts a whole one of its own.
func ExampleStart() {
	_ = func(t *testing.T) {
		bus := eventbustest.Start(t)
		kafka, err := kgo.NewClient(kgo.SeedBrokers(bus.Kafka), kgo.DefaultProduceTopic("test"))
		if err != nil {
			t.Fatal(err)
		}
		defer kafka.Close()
		if err := kafka.ProduceSync(t.Context(), kgo.StringRecord("hello")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// A client signs in as one of the test principals, as it would on the real bus.
func ExampleBus_Environment() {
	_ = func(t *testing.T) {
		bus := eventbustest.Start(t)
		for name, value := range bus.Environment(t, "test-consumer") {
			t.Setenv(name, value)
		}
		cfg, _ := client.FromEnv(os.Getenv)
		opts, err := cfg.KafkaOpts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kafka, err := kgo.NewClient(append(opts, kgo.ConsumerGroup("test-consumer-mine"), kgo.ConsumeTopics("test"))...)
		if err != nil {
			t.Fatal(err)
		}
		defer kafka.Close()
	}
}
