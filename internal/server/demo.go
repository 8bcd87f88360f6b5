package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// The demo organisation: synthetic teams and events whose producers and
// consumers run as real principals through the IAM door, so that catalog, lag
// and audit show life. Nothing in it is about a real person or place.

//go:embed demo/*.avsc
var demoSchemas embed.FS

// demoEvent is one event of the demo organisation with those who use it.
type demoEvent struct {
	name, title, description string
	domain, team, system     string
	contact                  string
	lifecycle                eventbus.Lifecycle
	environments             []string
	classes                  []eventbus.DataClass
	perDay                   int64
	consumers                []demoConsumer
	instance                 func() map[string]any // one synthetic value
}

type demoConsumer struct{ system, team, purpose string }

var demoEvents = []demoEvent{
	{
		name: "decision-letter-availability", title: "Decision Letter Availability",
		description: "A decision letter for a claim can be downloaded.",
		domain:      "claims", team: "claims", system: "letters", contact: "owner@example.org",
		lifecycle: eventbus.LifecycleProduction, environments: []string{"development", "staging", "production"}, classes: []eventbus.DataClass{eventbus.DataNone}, perDay: 40_000,
		consumers: []demoConsumer{
			{"notifications", "benefits", "Tell claimants by text message that a decision letter waits for them in the portal."},
			{"claim-status", "claims", "Show on the claim's page that a decision letter can be downloaded."},
		},
		instance: func() map[string]any {
			return map[string]any{"eventId": uuid.NewString(), "claimId": fmt.Sprintf("C-%06d", rand.IntN(1e6)),
				"letterType": oneOf("DECISION", "DEVELOPMENT", "NOTIFICATION"), "availableAt": time.Now().UTC().Format(time.RFC3339), "pages": 1 + rand.IntN(9)}
		},
	},
	{
		name: "appointment-status", title: "Appointment Status",
		description: "The status of a health appointment has changed.",
		domain:      "health", team: "health", system: "scheduling", contact: "health-owner@example.org",
		lifecycle: eventbus.LifecycleDevelopment, environments: []string{"development", "staging"}, classes: []eventbus.DataClass{eventbus.DataNone}, perDay: 250_000,
		consumers: []demoConsumer{{"travel-pay", "benefits", "Start a travel claim when an appointment is completed, without polling the scheduling system."}},
		instance: func() map[string]any {
			return map[string]any{"eventId": uuid.NewString(), "appointmentId": fmt.Sprintf("A-%06d", rand.IntN(1e6)), "facility": fmt.Sprintf("F-%03d", rand.IntN(170)),
				"status": oneOf("BOOKED", "CHECKED_IN", "COMPLETED", "CANCELLED"), "scheduledFor": time.Now().UTC().Format(time.DateOnly)}
		},
	},
	{
		name: "form-submission", title: "Form Submission",
		description: "A benefits form was submitted.",
		domain:      "benefits", team: "benefits", system: "forms", contact: "benefits-owner@example.org",
		lifecycle: eventbus.LifecycleProduction, environments: []string{"production"}, classes: []eventbus.DataClass{eventbus.DataPII}, perDay: 9_000,
		consumers: []demoConsumer{{"intake", "claims", "Open a claim for each submitted form so that nobody types it again."}},
		instance: func() map[string]any {
			return map[string]any{"eventId": uuid.NewString(), "form": oneOf("10-10EZ", "21P-527EZ", "22-1990"),
				"applicant": "Synthetic Person", "submittedAt": time.Now().UTC().Format(time.RFC3339)}
		},
	},
}

func oneOf(choices ...string) string { return choices[rand.IntN(len(choices))] }

// demoManifest is the wanted state of the demo organisation.
func (s *Server) demoManifest() (eventbus.Manifest, error) {
	m := eventbus.Manifest{Source: "demo"}
	for _, e := range demoEvents {
		schema, err := demoSchemas.ReadFile("demo/" + e.name + ".avsc")
		if err != nil {
			return m, err
		}
		wanted := eventbus.EventManifest{Event: eventbus.Event{
			Name: e.name, Title: e.title, Description: e.description, Domain: e.domain, Type: "event", Lifecycle: e.lifecycle,
			Owner: e.team, Contact: e.contact, System: e.system, DataClasses: e.classes, ExpectedPerDay: e.perDay, RetentionDays: 7,
			SourceSystems: []eventbus.SourceSystem{{SystemName: e.system, TeamName: e.team, ProductOwner: e.contact}},
			Schema:        string(schema), Compatibility: eventbus.CompatibilityBackward,
		}}
		for _, name := range e.environments {
			environment := s.environment(name)
			topic := environment.Prefix + e.name
			wanted.Event.Topics = append(wanted.Event.Topics, eventbus.EventTopic{Environment: name, Name: topic})
			wanted.Topics = append(wanted.Topics, eventbus.TopicManifest{
				Environment:   name,
				Topic:         eventbus.Topic{Name: topic, Partitions: 3, ReplicationFactor: 1, Configs: map[string]string{"retention.ms": "604800000"}},
				ValueSchema:   string(schema),
				Compatibility: eventbus.CompatibilityBackward, Guard: environment.SchemaGuardDefault(),
			})
			m.Grants = append(m.Grants, s.demoGrants(e, environment)...)
		}
		m.Events = append(m.Events, wanted)
	}
	return m, nil
}

func (s *Server) demoGrants(e demoEvent, environment eventbus.Environment) []eventbus.Grant {
	grant := func(direction eventbus.Direction, system, team, purpose string) eventbus.Grant {
		g := eventbus.Grant{
			ID: "demo-" + environment.Name + "-" + e.name + "-" + system, Event: e.name, Environment: environment.Name,
			Topic: environment.Prefix + e.name, Direction: direction, Principal: s.demoPrincipal(system, environment),
			System: system, Team: team, Purpose: purpose, ApprovedBy: []string{"demo"},
			ReviewDate: s.cfg.Now().AddDate(1, 0, 0).Format(time.DateOnly),
		}
		if direction == eventbus.Consumed {
			g.GroupPrefix = team + "-" + system + "*"
		} else {
			g.Idempotent = true
		}
		return g
	}
	grants := []eventbus.Grant{grant(eventbus.Produced, e.system, e.team, e.description)}
	for _, c := range e.consumers {
		grants = append(grants, grant(eventbus.Consumed, c.system, c.team, c.purpose))
	}
	return grants
}

// demoPrincipal is the IAM user of a system in an environment.
func (s *Server) demoPrincipal(system string, environment eventbus.Environment) string {
	return eventbus.UserARN(s.cfg.Deployment.Partition, s.cfg.Deployment.Account, demoUser(system, environment))
}

func demoUser(system string, environment eventbus.Environment) string {
	return "demo-" + system + "-" + environment.Name
}

// runDemo provisions the demo organisation and lets it work until ctx ends.
func (s *Server) runDemo(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil
	}
	if err := s.provisionDemo(ctx); err != nil {
		if ctx.Err() == nil {
			s.cfg.Logger.Error("the demo organisation could not be set up", "error", err)
		}
		<-ctx.Done()
		return nil
	}
	if s.ports.door(doorIAM, 0) == nil {
		<-ctx.Done()
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, e := range demoEvents {
		for _, name := range e.environments {
			environment := s.environment(name)
			group.Go(func() error { return s.demoProduce(ctx, e, environment) })
			for _, c := range e.consumers {
				group.Go(func() error { return s.demoConsume(ctx, e, c, environment) })
			}
		}
	}
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the demo organisation: %w", err)
	}
	return nil
}

func (s *Server) provisionDemo(ctx context.Context) error {
	manifest, err := s.demoManifest()
	if err != nil {
		return err
	}
	plan, err := s.provision.Plan(ctx, manifest)
	if err != nil || plan.Empty() {
		return err
	}
	return s.provision.Apply(ctx, eventbus.Actor{System: "demo"}, plan, manifest, provision.ApplyOptions{})
}

// demoClient signs in through the IAM door as a system's user.
func (s *Server) demoClient(ctx context.Context, user string, opts ...kgo.Opt) (*kgo.Client, error) {
	key, err := s.iam.RevealKey(ctx, eventbus.Actor{System: "demo"}, user)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.ca.certificate)
	keys := credentials.NewStaticCredentialsProvider(key.ID, key.Secret, "")
	login := oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, s.cfg.Deployment.Region, keys)
		return oauth.Auth{Token: token}, err
	})
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.Addresses().KafkaIAM),
		kgo.DialTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}),
		kgo.SASL(login),
		kgo.WithContext(ctx),
	}, opts...)...)
}

// demoPace is the pause between two records of one demo producer.
const demoPace = time.Second

func (s *Server) demoProduce(ctx context.Context, e demoEvent, environment eventbus.Environment) error {
	kafka, err := s.demoClient(ctx, demoUser(e.system, environment), kgo.DefaultProduceTopic(environment.Prefix+e.name))
	if err != nil {
		return err
	}
	defer kafka.Close()
	serde, err := client.NewSerde(s.Addresses().Registry, "", nil)
	if err != nil {
		return err
	}
	encoder, err := serde.Encoder(ctx, eventbus.ValueSubject(environment.Prefix+e.name))
	if err != nil {
		return err
	}
	ticker := time.NewTicker(demoPace)
	defer ticker.Stop()
	for {
		text, err := json.Marshal(e.instance())
		if err != nil {
			return err
		}
		value, err := encoder.Encode(text)
		if err != nil {
			return err
		}
		if err := kafka.ProduceSync(ctx, &kgo.Record{Value: value}).FirstErr(); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("a demo producer was refused", "event", e.name, "environment", environment.Name, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *Server) demoConsume(ctx context.Context, e demoEvent, c demoConsumer, environment eventbus.Environment) error {
	kafka, err := s.demoClient(ctx, demoUser(c.system, environment),
		kgo.ConsumeTopics(environment.Prefix+e.name), kgo.ConsumerGroup(c.team+"-"+c.system), kgo.AutoCommitInterval(2*time.Second))
	if err != nil {
		return err
	}
	defer kafka.Close()
	for ctx.Err() == nil {
		kafka.PollFetches(ctx).EachError(func(topic string, _ int32, err error) {
			if ctx.Err() == nil {
				s.cfg.Logger.Warn("a demo consumer was refused", "topic", topic, "group", c.team+"-"+c.system, "error", err)
			}
		})
	}
	return nil
}
