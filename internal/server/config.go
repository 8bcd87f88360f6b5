package server

import (
	"log/slog"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
	"github.com/enterprise-event-bus/eventbus/internal/session"
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

	// OneAddress refuses a Kafka login whose signature was first used from
	// another address (iam.Config.OneAddress).
	OneAddress bool

	Environments        []eventbus.Environment // default: DemoEnvironments
	Deployment          eventbus.Deployment    // default: DemoDeployment
	RegistryEnvironment string                 // whose Kafka keeps the schemas; default: production's, else the first

	// What `serve` has and `dev` makes for itself.
	Kafka        []Kafka            // external clusters; none: the embedded engine
	Accounts     []awscloud.Config  // of the environments whose principals AWS keeps; Bootstrap, Keep and Logger are filled in
	Routing      Routing            // to one broker of several
	Certificates []CertificateFiles // of every door but PLAINTEXT
	CAFile       string             // the CA of Certificates, for clients and for other instances; empty: one that everybody trusts
	Advertise    Advertise          // where clients find the doors; default: the bound addresses
	MasterKey    []byte             // 32 bytes that seal secrets at rest; the same for every instance
	SignIn       session.Config     // the identity provider; only what the provider determines
	// AdministratorToken, when set, is a bearer token of an administrator with
	// every role, for the first steps and for scripts; 32 characters at least.
	AdministratorToken string

	Cluster cluster.Config
	Gateway gateway.Config
	Fetch   outbound.Config // which addresses the bus may reach out to: for catalog files and the webhook; default: public ones, https

	Mail    *outbound.MailConfig // notifications by mail; nil: none. Portal is filled in
	Webhook *Webhook             // notifications to an address; nil: none

	DrainTimeout time.Duration // how long doors may finish what is in flight; default 10 s
	Logger       *slog.Logger
	Now          func() time.Time

	AuditHead string // file of the audit record's signed head, best on another disk; default audit-head.json in DataDir

	// Failpoint, when set, is called at every point of provisioning where a
	// crash must do no harm: tests end the process there.
	Failpoint func(point string) error
}

// Listeners are the addresses to bind, host:port; port 0 takes a free one.
type Listeners struct {
	Kafka            string
	KafkaIAM         string
	KafkaIAMExternal string
	Registry         string
	HTTP             string
	Admin            string // metrics; empty: at HTTP in `dev`, else nowhere
	STSTLS           string
}

// Advertise are the addresses under which others find the doors of this bus,
// where they differ from those that it listens on: behind a load balancer, or
// when it listens on all addresses. An empty field is the bound address.
type Advertise struct {
	HTTP             string // URL of portal, API and STS
	Registry         string // URL of the registry
	Instance         string // URL of this instance's registry, for the other instances; default: Registry
	KafkaIAM         string // host:port
	KafkaIAMExternal string // host:port
}

// Kafka is an external cluster behind the bus.
type Kafka struct {
	Environments []string // whose topics are there
	External     cluster.ExternalConfig
	// Doors and Advertise are the addresses of its IAM doors; those of the first
	// cluster are Config.Listeners and Config.Advertise. Other fields are not used.
	Doors     Listeners
	Advertise Advertise
}

// CertificateFiles name a certificate with its chain and its key, both PEM. They
// are read again when they change.
type CertificateFiles struct{ Certificate, Key string }

// serveSettings are the keys of the file of `serve` for the flags of `dev`.
var serveSettings = map[string]string{
	"--http": "listeners.http", "--registry": "listeners.registry", "--admin": "listeners.admin",
	"--kafka-iam": "listeners.kafkaIAM", "--kafka-iam-external": "listeners.kafkaIAMExternal",
}

// setting names a flag of `dev` as the operator of this bus knows it.
func (c Config) setting(flag string) string {
	if key := serveSettings[flag]; key != "" && !c.Dev {
		return key
	}
	return flag
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
	if c.Routing.BrokerPorts <= 0 {
		c.Routing.BrokerPorts = DefaultBrokerPorts
	}
	c.RegistryWritesClosed = c.RegistryWritesClosed || !c.Dev
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
	Admin            string `json:"admin,omitempty"`
	STSTLS           string `json:"sts_tls,omitempty"`
	CAFile           string `json:"ca_file,omitempty"`
	Truststore       string `json:"truststore,omitempty"`
	DataDir          string `json:"data_dir,omitempty"`
	Version          string `json:"version"`
}
