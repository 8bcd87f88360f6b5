// Consumes test until it is interrupted.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := consume(ctx); err != nil {
		log.Fatal(err)
	}
}

func consume(ctx context.Context) error {
	cfg := client.Config{
		Bootstrap:        []string{os.Getenv("EB_BOOTSTRAP_SERVERS")},
		SecurityProtocol: "SASL_SSL",
		RegistryURL:      os.Getenv("SCHEMA_REGISTRY_URL"),
		Region:           os.Getenv("AWS_REGION"),
		Role:             os.Getenv("AWS_ROLE"),
		CAFile:           os.Getenv("EB_CA_FILE"),
	}
	opts, err := cfg.KafkaOpts(ctx)
	if err != nil {
		return err
	}
	opts = append(opts, kgo.ConsumerGroup("test-consumer-1"), kgo.ConsumeTopics("test"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	kafka, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	registry, err := client.NewSerde(cfg.RegistryURL, "", nil)
	if err != nil {
		return err
	}
	for {
		fetches := kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			value, err := registry.Decode(ctx, record.Value)
			if err != nil {
				return fmt.Errorf("partition %d, offset %d: %w", record.Partition, record.Offset, err)
			}
			fmt.Printf("%d/%d %s\n", record.Partition, record.Offset, value)
		}
		if err := kafka.CommitUncommittedOffsets(ctx); err != nil { // only now are the records above done
			return err
		}
	}
}
