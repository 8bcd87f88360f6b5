package server

import (
	"log/slog"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

// Config says what to run. The zero value of a field means its default; an
// empty listener address means that the door is not built.
type Config struct {
	Version   string
	Dev       bool   // personas, local administrator, development CA
	Demo      bool   // the demo organisation
	DataDir   string // empty: everything in memory
	Database  string // postgres://… for several instances; empty: SQLite in DataDir
	Listeners Listeners

	RegistryWritesClosed bool // 403 for registry writes without a token of scope schema:write

	Environments []eventbus.Environment // default: DemoEnvironments
	Deployment   eventbus.Deployment    // default: DemoDeployment

	Cluster cluster.Config
	Gateway gateway.Config
	Fetch   outbound.Config // which addresses catalog files may be fetched from; default: public ones, https

	DrainTimeout time.Duration // how long doors may finish what is in flight; default 10 s
	Logger       *slog.Logger
	Now          func() time.Time
}

// Listeners are the addresses to bind, host:port; port 0 takes a free one.
type Listeners struct {
	Kafka            string
	KafkaIAM         string
	KafkaIAMExternal string
	Registry         string
	HTTP             string
	STSTLS           string
}

// DevConfig is the configuration of `eventbus dev` with the addresses of the
// contract.
func DevConfig() Config {
	return Config{
		Dev: true,
		Listeners: Listeners{
			Kafka:            "127.0.0.1:9092",
			KafkaIAM:         "127.0.0.1:9098",
			KafkaIAMExternal: "127.0.0.1:9198",
			Registry:         "127.0.0.1:8081",
			HTTP:             "127.0.0.1:8080",
		},
	}
}

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = "dev"
	}
	if len(c.Environments) == 0 {
		c.Environments = eventbus.DemoEnvironments()
	}
	if c.Deployment == (eventbus.Deployment{}) {
		c.Deployment = eventbus.DemoDeployment()
	}
	if c.DrainTimeout <= 0 {
		c.DrainTimeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Addresses is where a running bus answers: the ready file (contract,
// "Addresses"). A door that is not built has no key.
type Addresses struct {
	HTTP             string `json:"http"`
	Registry         string `json:"registry"`
	Kafka            string `json:"kafka,omitempty"`
	KafkaIAM         string `json:"kafka_iam,omitempty"`
	KafkaIAMExternal string `json:"kafka_iam_external,omitempty"`
	STSTLS           string `json:"sts_tls,omitempty"`
	CAFile           string `json:"ca_file,omitempty"`
	Truststore       string `json:"truststore,omitempty"`
	DataDir          string `json:"data_dir,omitempty"`
	Version          string `json:"version"`
}
