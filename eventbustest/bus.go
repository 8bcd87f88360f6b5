// Package eventbustest runs a whole bus inside a test, in memory and on free
// ports, as net/http/httptest does for HTTP: Kafka with and without AWS IAM,
// schema registry, STS and control plane.
//
//	bus := eventbustest.Start(t)
//	client, _ := kgo.NewClient(kgo.SeedBrokers(bus.Kafka), ...)
//
// It is for the tests of the bus's users and for the bus's own; it owns nothing
// but the wiring.
package eventbustest

import (
	"context"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// startLimit bounds the start of a bus; a loaded machine takes a second or two.
const startLimit = 60 * time.Second

// Bus is a running bus.
type Bus struct {
	Kafka    string // host:port, PLAINTEXT: the local administrator
	KafkaIAM string // host:port, SASL_SSL
	Registry string // URL
	HTTP     string // URL of portal, API and STS
	CAFile   string // PEM of the CA of KafkaIAM

	server *server.Server
}

// Option changes how a bus is started.
type Option func(*server.Config)

// DataDir keeps the data in a folder instead of in memory.
func DataDir(dir string) Option { return func(c *server.Config) { c.DataDir = dir } }

// Demo adds the demo organisation.
func Demo() Option { return func(c *server.Config) { c.Demo = true } }

// Start runs a bus until the test ends.
func Start(t testing.TB, options ...Option) *Bus {
	t.Helper()
	const free = "127.0.0.1:0"
	cfg := server.Config{Dev: true, Version: "test", Listeners: server.Listeners{
		Kafka: free, KafkaIAM: free, KafkaIAMExternal: free, Registry: free, HTTP: free,
	}}
	for _, option := range options {
		option(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	bus, err := server.Open(ctx, cfg)
	if err != nil {
		cancel()
		t.Fatalf("start the bus: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the bus failed: %v", err)
		}
		if err := bus.Close(); err != nil {
			t.Errorf("close the bus: %v", err)
		}
	})
	select {
	case <-bus.Ready():
	case <-time.After(startLimit):
		t.Fatal("the bus did not become ready")
	}
	at := bus.Addresses()
	return &Bus{Kafka: at.Kafka, KafkaIAM: at.KafkaIAM, Registry: at.Registry, HTTP: at.HTTP, CAFile: at.CAFile, server: bus}
}

// API gives a control-plane client with the administrator's token.
func (b *Bus) API() *client.API {
	return &client.API{Server: b.HTTP, Token: b.server.AdministratorToken()}
}

// Environment gives the variables of a client that signs in as a principal, as
// `eventbus env --principal` prints them.
func (b *Bus) Environment(t testing.TB, principal string) map[string]string {
	t.Helper()
	set, err := b.server.ClientEnvironment(context.Background(), principal, "")
	if err != nil {
		t.Fatalf("client environment of %s: %v", principal, err)
	}
	return set
}
