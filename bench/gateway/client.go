package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/client"
)

// startIn starts a server on a data folder of its own.
func (b *bench) startIn(role, name string) (*measure.Child, func() error, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	child, err := measure.Start(role, dir)
	if err != nil {
		return nil, nil, err
	}
	return child, func() error {
		if err := child.Stop(); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	}, nil
}

// trust gives the TLS configuration that believes a server's certificate. There
// is no session cache: every handshake is a whole one.
func trust(server *measure.Child) (*tls.Config, error) {
	text := []byte(server.Hello["pem"])
	if len(text) == 0 {
		var err error
		if text, err = os.ReadFile(server.Hello["ca"]); err != nil {
			return nil, err
		}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate in %q", text)
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}, nil
}

// environment gives what `eventbus env --principal` prints.
func environment(bus *measure.Child, principal string) (map[string]string, error) {
	api := client.API{Server: bus.Hello["http"], Token: bus.Hello["token"]}
	var set map[string]string
	err := api.Get(context.Background(), "/api/v1/client-environment?principal="+url.QueryEscape(principal), &set)
	return set, err
}

// as gives the options of a client that assumes a test principal's role through
// the bus's STS, as any client does.
func as(ctx context.Context, bus *measure.Child, principal string) ([]kgo.Opt, error) {
	set, err := environment(bus, principal)
	if err != nil {
		return nil, err
	}
	for name, value := range set {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	cfg, ok := client.FromEnv(os.Getenv)
	if !ok {
		return nil, fmt.Errorf("the bus gave no addresses for %s", principal)
	}
	return cfg.KafkaOpts(ctx)
}

// widen gives the topic of every `dev` as many partitions as the engine's has.
func widen(ctx context.Context, bus *measure.Child) error {
	kafka, err := kgo.NewClient(kgo.SeedBrokers(bus.Hello["kafka"]))
	if err != nil {
		return err
	}
	defer kafka.Close()
	answers, err := kadm.NewClient(kafka).UpdatePartitions(ctx, partitions, topic)
	if err != nil {
		return err
	}
	return answers.Error()
}
