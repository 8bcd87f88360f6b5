package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// engine is a Kafka that stands behind the bus: the embedded one, or an external
// cluster. To the gateway it is an Upstream; the rest is what the bus itself needs.
type engine interface {
	gateway.Upstream
	// CreateTopic makes a topic by the rules of the root package.
	CreateTopic(ctx context.Context, t eventbus.Topic) error
	// CreateTopics makes many at the cost of few and gives the error of each.
	CreateTopics(ctx context.Context, topics []eventbus.Topic) []error
	// ClientOpts are those of a client that reaches the Kafka as the bus.
	ClientOpts() []kgo.Opt
	// Ready is nil, or says why it must not be trusted with new work.
	Ready() error
	Run(ctx context.Context) error
	Close() error
}

// kafka is one Kafka with the bus's own clients of it.
type kafka struct {
	engine       engine
	external     *cluster.External // nil: embedded
	environments []string          // whose topics are there; the first Kafka has those of all others too
	client       *kgo.Client
	admin        *kadm.Client
	gateway      *gateway.Gateway
}

// kafkas are the clusters behind one bus, at least one. An environment's topics
// are on one of them.
type kafkas struct {
	all          []*kafka
	environments func() []eventbus.Environment
}

// ofEnvironment gives the Kafka of an environment; the first one has every
// environment that configuration does not place elsewhere.
func (k *kafkas) ofEnvironment(name string) *kafka {
	for _, one := range k.all[1:] {
		if slices.Contains(one.environments, name) {
			return one
		}
	}
	return k.all[0]
}

// ofTopic gives the Kafka that a topic belongs to, by the prefix of its
// environment.
func (k *kafkas) ofTopic(topic string) *kafka {
	environment, _ := eventbus.EnvironmentOf(k.environments(), topic)
	return k.ofEnvironment(environment.Name)
}

// label names a Kafka for people and metrics: by its environments, "" when it is
// the only one.
func (k *kafkas) label(one *kafka) string {
	if len(k.all) == 1 {
		return ""
	}
	return strings.Join(one.environments, ", ")
}

// kafkaWrites is the part of readiness that fails while the engine is read-only.
const kafkaWrites = "kafka writes"

// openCluster opens the Kafka behind the bus, or several, and the bus's own
// clients of them.
func (s *Server) openCluster(ctx context.Context) error {
	s.kafkas = &kafkas{environments: s.environments}
	if len(s.cfg.Kafka) == 0 {
		if err := s.openEmbedded(ctx); err != nil {
			return err
		}
	}
	for _, cfg := range s.cfg.Kafka {
		if err := s.openExternal(ctx, cfg); err != nil {
			return err
		}
	}
	for _, one := range s.kafkas.all {
		client, err := kgo.NewClient(append(one.engine.ClientOpts(), kgo.ClientID("eventbus"))...)
		if err != nil {
			return err
		}
		s.onClose(func() error { client.Close(); return nil })
		one.client, one.admin = client, kadm.NewClient(client)
		s.health[part("kafka", s.kafkas.label(one))] = one.engine.Ready
	}
	s.kafka = s.kafkas.all[0].client
	return nil
}

func part(name, label string) string {
	if label == "" {
		return name
	}
	return name + " of " + label
}

func (s *Server) openEmbedded(ctx context.Context) error {
	cfg := s.cfg.Cluster
	cfg.DataDir, cfg.Logger, cfg.Now = s.cfg.DataDir, s.cfg.Logger, s.cfg.Now
	embedded, err := cluster.OpenEmbedded(ctx, cfg, s.store)
	if err != nil {
		return err
	}
	s.onClose(embedded.Close)
	s.kafkas.all = append(s.kafkas.all, &kafka{engine: embedded})
	s.health[kafkaWrites] = embedded.Writable
	return embedded.Register(s.metrics)
}

func (s *Server) openExternal(ctx context.Context, cfg Kafka) error {
	external := cfg.External
	external.Logger, external.Now, external.Limits = s.cfg.Logger, s.cfg.Now, s.widestLimits(cfg.Environments)
	opened, err := cluster.OpenExternal(ctx, external)
	if err != nil {
		return &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: fmt.Sprintf("cannot use the Kafka cluster at %s (environments %s)", strings.Join(external.Bootstrap, ","), strings.Join(cfg.Environments, ", ")),
			Next:    "see that its brokers run, that their certificate is of cluster.tls.ca, and that cluster.sasl names the bus's own login", Err: err}
	}
	s.onClose(opened.Close)
	s.kafkas.all = append(s.kafkas.all, &kafka{engine: opened, external: opened, environments: cfg.Environments})
	return nil
}

// widestLimits are what any of some environments allows; what one of them allows
// is checked where the environment is known.
func (s *Server) widestLimits(environments []string) eventbus.TopicLimits {
	var widest eventbus.TopicLimits
	for _, e := range s.cfg.Environments {
		if !slices.Contains(environments, e.Name) {
			continue
		}
		widest.MaxPartitions = max(widest.MaxPartitions, e.Limits.WithDefaults().MaxPartitions)
		widest.MaxMessageBytes = max(widest.MaxMessageBytes, e.Limits.WithDefaults().MaxMessageBytes)
	}
	return widest
}

// copiesFor fills in how many copies of each record the topics of an environment
// keep: three where there are as many brokers, of which two must have taken a
// record before it is acknowledged.
func (k *kafkas) copiesFor(environment string, limits eventbus.TopicLimits) eventbus.TopicLimits {
	external := k.ofEnvironment(environment).external
	if external == nil {
		return limits
	}
	if limits.ReplicationFactor == 0 {
		limits.ReplicationFactor = int16(min(len(external.Nodes()), 3))
	}
	if limits.MinInsyncReplicas == 0 {
		limits.MinInsyncReplicas = max((limits.ReplicationFactor+1)/2, 1)
	}
	return limits
}

// registryKafka is the one whose topic `_schemas` keeps every schema: that of the
// environment which configuration names, else the one of production, else the first.
func (s *Server) registryKafka() *kafka {
	if s.cfg.RegistryEnvironment != "" {
		return s.kafkas.ofEnvironment(s.cfg.RegistryEnvironment)
	}
	for _, e := range s.cfg.Environments {
		if e.Production {
			return s.kafkas.ofEnvironment(e.Name)
		}
	}
	return s.kafkas.all[0]
}

// engines run together and stop together.
func (s *Server) engines() tier {
	var loops tier
	for _, one := range s.kafkas.all {
		loops = append(loops, one.engine.Run)
	}
	return loops
}

// metricsOf labels what belongs to one of several clusters.
func (s *Server) metricsOf(one *kafka) prometheus.Registerer {
	label := s.kafkas.label(one)
	if label == "" {
		return s.metrics
	}
	return prometheus.WrapRegistererWith(prometheus.Labels{"environments": label}, s.metrics)
}

// openStreams shows the topics, groups and records of every cluster.
func (s *Server) openStreams(schemas streams.Schemas) {
	of := map[*kafka]*streams.Streams{}
	var all []*streams.Streams
	for _, one := range s.kafkas.all {
		of[one] = streams.Open(streams.Config{Now: s.cfg.Now}, one.client, schemas, s.audit)
		all = append(all, of[one])
	}
	s.streams = all[0]
	if len(all) > 1 {
		s.streams = streams.Several(func(topic string) *streams.Streams { return of[s.kafkas.ofTopic(topic)] }, all...)
	}
}
