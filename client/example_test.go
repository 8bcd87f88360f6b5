package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// A producer whose environment is what `eventbus env --principal` printed: it
// signs in with its IAM role and writes Avro by the registered schema.
func ExampleConfig_KafkaOpts() {
	ctx := context.Background()
	cfg, ok := client.FromEnv(os.Getenv)
	if !ok {
		log.Fatalf("%s is not set; run `eval $(eventbus env --principal test-producer)`", client.EnvBootstrap)
	}
	opts, err := cfg.KafkaOpts(ctx)
	if err != nil {
		log.Fatal(err)
	}
	kafka, err := kgo.NewClient(append(opts, kgo.DefaultProduceTopic("test"))...)
	if err != nil {
		log.Fatal(err)
	}
	defer kafka.Close()
	serde, err := client.NewSerde(cfg.RegistryURL, "", nil)
	if err != nil {
		log.Fatal(err)
	}
	user, err := serde.Encoder(ctx, "test-value")
	if err != nil {
		log.Fatal(err)
	}
	value, err := user.Encode([]byte(`{"name":"Ada","company":"Analytical","dateOfBirth":"1815-12-10","sequenceNumber":1}`))
	if err != nil {
		log.Fatal(err)
	}
	if err := kafka.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
		log.Fatal(err)
	}
}

// Values are JSON for people and Avro on the wire; what does not fit says where.
func ExampleCodec() {
	codec, err := client.NewCodec(`{"type":"record","name":"Visit","fields":[
		{"name":"id","type":"string"},
		{"name":"day","type":{"type":"int","logicalType":"date"}},
		{"name":"note","type":["null","string"],"default":null}]}`)
	if err != nil {
		log.Fatal(err)
	}
	data, err := codec.Encode([]byte(`{"day":"2026-11-22","id":"v-1","note":"on time"}`))
	if err != nil {
		log.Fatal(err)
	}
	text, err := codec.Decode(data)
	fmt.Println(len(data), "bytes:", string(text), err)

	_, err = codec.Encode([]byte(`{"id":"v-2","day":"2026-11-22","remark":"late"}`))
	for _, fault := range eventbus.FaultsOf(err) {
		fmt.Println(fault)
	}
	// Output:
	// 16 bytes: {"id":"v-1","day":"2026-11-22","note":"on time"} <nil>
	// remark: the schema has no such field (fields of Visit: id, day, note)
}

// The fields that a schema tags can be hidden before a person sees them.
func ExampleCodec_DecodeMasked() {
	codec, err := client.NewCodec(`{"type":"record","name":"Veteran","fields":[
		{"name":"id","type":"string"},
		{"name":"ssn","type":"string","confluent:tags":["PII"]}]}`)
	if err != nil {
		log.Fatal(err)
	}
	data, err := codec.Encode([]byte(`{"id":"7","ssn":"000-00-0000"}`))
	if err != nil {
		log.Fatal(err)
	}
	text, err := codec.DecodeMasked(data, func(_ string, tags []string) bool { return len(tags) > 0 })
	fmt.Println(string(text), err)
	// Output: {"id":"7","ssn":"***"} <nil>
}

// Every refusal of the control plane is an *eventbus.Error with one of a closed
// list of codes.
func ExampleAPI_Do() {
	bus := &client.API{Server: "http://127.0.0.1:1"} // nobody is there
	_, err := bus.Bus(context.Background())
	var refusal *eventbus.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Code)
		fmt.Println(refusal.Message)
		fmt.Println(refusal.Next)
	}
	// Output:
	// unavailable
	// cannot reach the bus at http://127.0.0.1:1
	// start it with `eventbus dev`, or name another with --server
}
