// Produces one event to test.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	if err := produce(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func produce(ctx context.Context) error {
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
	opts = append(opts, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.DisableIdempotentWrite())
	kafka, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer kafka.Close()
	registry, err := client.NewSerde(cfg.RegistryURL, "", nil)
	if err != nil {
		return err
	}
	encoder, err := registry.Encoder(ctx, "test-value")
	if err != nil {
		return err
	}
	value, err := encoder.Encode([]byte("{\"name\":\"Ada\",\"company\":\"Analytical\",\"dateOfBirth\":-56270,\"sequenceNumber\":1}"))
	if err != nil {
		return err
	}
	record := &kgo.Record{Topic: "test", Key: []byte("key-1"), Value: value}
	if err := kafka.ProduceSync(ctx, record).FirstErr(); err != nil {
		return err
	}
	fmt.Printf("kept in partition %d at offset %d\n", record.Partition, record.Offset)
	return nil
}
