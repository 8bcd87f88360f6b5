package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

// connection is what produce, consume and schema need: where Kafka and the
// registry are. EB_BOOTSTRAP_SERVERS wins, so that the same command can be run
// as a principal; else the bus at --server is asked.
func (a *app) connection(ctx context.Context) (client.Config, error) {
	cfg, found := client.FromEnv(a.getenv)
	if found && cfg.RegistryURL != "" {
		return cfg, nil
	}
	bus, err := a.api().Bus(ctx)
	if err != nil {
		return client.Config{}, err
	}
	if found {
		cfg.RegistryURL = bus.Registry
		return cfg, nil
	}
	if bus.Kafka == "" {
		return client.Config{}, &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "this bus has no PLAINTEXT door",
			Next: "set EB_BOOTSTRAP_SERVERS and the AWS variables (`eventbus env --principal NAME`)"}
	}
	return client.Config{Bootstrap: []string{bus.Kafka}, SecurityProtocol: "PLAINTEXT", RegistryURL: bus.Registry}, nil
}

// kafka opens a Kafka client and the registry's Avro serde.
func (a *app) kafka(ctx context.Context, more ...kgo.Opt) (*kgo.Client, *client.Serde, error) {
	cfg, err := a.connection(ctx)
	if err != nil {
		return nil, nil, err
	}
	opts, err := cfg.KafkaOpts(ctx)
	if err != nil {
		return nil, nil, err
	}
	serde, err := client.NewSerde(cfg.RegistryURL, a.api().Token, nil)
	if err != nil {
		return nil, nil, err
	}
	kafka, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, nil, eventbus.Errorf(eventbus.CodeInvalid, "configure the Kafka client: %w", err)
	}
	return kafka, serde, nil
}
