package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/store/storetest"
)

// world is a whole bus with the people of the demo organisation and a clock
// that can be moved on.
type world struct {
	*Server
	t     *testing.T
	ctx   context.Context
	later atomic.Int64 // nanoseconds that the clock is ahead
}

// startWorld runs a bus on SQLite, or on PostgreSQL when a DSN is given.
func startWorld(t *testing.T, dsn string) *world {
	t.Helper()
	const free = "127.0.0.1:0"
	w := &world{t: t}
	bus, err := Open(t.Context(), Config{Dev: true, Database: dsn, Now: w.now,
		Listeners: Listeners{Kafka: free, KafkaIAM: free, Registry: free, HTTP: free}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, bus.Close()); err != nil {
			t.Error(err)
		}
	})
	<-bus.Ready()
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	w.Server, w.ctx = bus, limited
	return w
}

// onFolder runs a bus without doors on a data folder, its clock ahead by later,
// for as long as do takes.
func onFolder(t *testing.T, dir string, later time.Duration, failpoint func(string) error, do func(*world)) {
	t.Helper()
	w := &world{t: t}
	w.later.Store(int64(later))
	bus, err := Open(t.Context(), Config{Dev: true, DataDir: dir, Now: w.now, Failpoint: failpoint})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	w.Server, w.ctx = bus, ctx
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	<-bus.Ready()
	do(w)
	stop()
	if err := errors.Join(<-done, bus.Close()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }

// onBothDatabases runs a journey on SQLite and, where it is installed, on
// PostgreSQL.
func onBothDatabases(t *testing.T, journey func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { journey(t, startWorld(t, "")) })
	t.Run("postgres", func(t *testing.T) { journey(t, startWorld(t, storetest.Postgres(t).DSN(t))) })
}

// as is a persona of the demo organisation.
func (w *world) as(persona string) eventbus.Actor {
	w.t.Helper()
	for _, p := range devidp.Personas() {
		if p.Person.ID == persona {
			return eventbus.Actor{Person: p.Person, From: "127.0.0.1"}
		}
	}
	w.t.Fatalf("no persona %s", persona)
	return eventbus.Actor{}
}

func (w *world) must(r eventbus.Request, err error) eventbus.Request {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// example reads a request of the GitOps example.
func (w *world) example(name string) onboarding.Submission {
	w.t.Helper()
	file := filepath.Join("..", "..", "examples", "gitops", "requests", name)
	text, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	submission, err := onboarding.ParseRequest(text, file)
	if err != nil {
		w.t.Fatal(err)
	}
	if c, ok := submission.Content.(*onboarding.ConsumerContent); ok {
		c.Until = w.now().AddDate(0, 6, 0).Format(time.DateOnly)
	}
	return submission
}

func (w *world) submit(persona, file string) eventbus.Request {
	w.t.Helper()
	r := w.must(w.onboarding.Draft(w.ctx, w.as(persona), w.example(file)))
	return w.must(w.onboarding.Submit(w.ctx, w.as(persona), r.ID))
}

func (w *world) approve(persona, id string, stage eventbus.Stage, environment string) {
	w.t.Helper()
	w.must(w.onboarding.Decide(w.ctx, w.as(persona), id, stage, environment, eventbus.DecisionApprove, ""))
}

// active waits until the reconciler has provisioned an environment.
func (w *world) active(id, environment string) {
	w.t.Helper()
	w.reaches(id, environment, eventbus.EnvActive)
}

func (w *world) reaches(id, environment string, want eventbus.EnvironmentState) {
	w.t.Helper()
	for {
		r := w.must(w.store.Request(w.ctx, id))
		e, _ := r.Environment(environment)
		switch e.State {
		case want:
			return
		case eventbus.EnvFailed:
			w.t.Fatalf("%s failed: %s", environment, e.Error)
		}
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("%s is %s", environment, e.State)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// workload makes what a team has in AWS: a user of its pipeline and the role
// that its service runs as, which may assume the role that the bus made.
func (w *world) workload(service, busRole string) aws.CredentialsProvider {
	w.t.Helper()
	by, d := w.as("operator"), w.cfg.Deployment
	user, err := w.iam.CreateUser(w.ctx, by, eventbus.IAMUser{Name: service + "-runner"})
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := w.iam.CreateAccessKey(w.ctx, by, user.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.iam.CreateRole(w.ctx, by, eventbus.IAMRole{Name: service, Trust: iam.TrustOf(user.ARN)})
	if err != nil {
		w.t.Fatal(err)
	}
	credential := aws.CredentialsProvider(credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""))
	for _, role := range []string{service, busRole} {
		endpoint := sts.New(sts.Options{Region: d.Region, Credentials: credential, BaseEndpoint: aws.String(w.Addresses().HTTP + "/aws/sts")})
		credential = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(endpoint, eventbus.RoleARN(d.Partition, d.Account, role)))
	}
	return credential
}

// kafkaAs signs in through the IAM door.
func (w *world) kafkaAs(credential aws.CredentialsProvider, opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(w.ca.certificate)
	kafka, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(w.Addresses().KafkaIAM), kgo.DialTLSConfig(&tls.Config{RootCAs: roots}),
		kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, w.cfg.Deployment.Region, credential)
			return oauth.Auth{Token: token}, err
		})),
	}, opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(kafka.Close)
	return kafka
}

// TestFromIdeaToConsumer is the road of the product: a team proposes an event, a
// reviewer asks for a change, different people approve, the bus makes topic,
// schema, role and catalog entry; the team's role produces; a consumer is
// refused until its own request is approved, and then reads.
func TestFromIdeaToConsumer(t *testing.T) { onBothDatabases(t, fromIdeaToConsumer) }

func fromIdeaToConsumer(t *testing.T, w *world) {
	r := w.submit("producer", "producer.yaml")
	w.must(w.onboarding.Decide(w.ctx, w.as("bus-reviewer"), r.ID, eventbus.StageBus, "", eventbus.DecisionAskChanges, "please use 3 partitions"))
	again := w.example("producer.yaml")
	again.Content.(*onboarding.ProducerContent).Topic.Partitions = 3
	w.must(w.onboarding.SaveDraft(w.ctx, w.as("producer"), r.ID, 0, again))
	w.must(w.onboarding.Submit(w.ctx, w.as("producer"), r.ID))
	if _, err := w.onboarding.Decide(w.ctx, w.as("producer"), r.ID, eventbus.StageBus, "", eventbus.DecisionApprove, ""); eventbus.CodeOf(err) != eventbus.CodeForbidden {
		t.Fatalf("the submitter's approval was answered %v, want forbidden", err)
	}
	w.approve("bus-reviewer", r.ID, eventbus.StageBus, "")
	w.approve("owner", r.ID, eventbus.StageOwner, "")
	w.approve("privacy-reviewer", r.ID, eventbus.StagePrivacy, "")
	w.active(r.ID, "development")
	w.active(r.ID, "staging")

	topic, err := w.streams.Topic(w.ctx, "dev_letter-ready")
	if err != nil || topic.Partitions != 3 {
		t.Fatalf("topic %+v, %v", topic, err)
	}
	producer := w.kafkaAs(w.workload("claims-service-dev", "claims-letters-dev"), kgo.DefaultProduceTopic("dev_letter-ready"))
	w.produces(producer, `{"participantId":"synthetic-1","letterType":"decision","availableAt":"2026-11-22T09:00:00Z"}`)

	// The consumer's role exists, but has no grant yet.
	consumerRole := w.consumerRole("appointments-dev")
	consumer := w.kafkaAs(consumerRole, kgo.ConsumeTopics("dev_letter-ready"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err := consumer.PollFetches(w.ctx).Err(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Fatalf("consuming without a grant: %v, want TOPIC_AUTHORIZATION_FAILED", err)
	}
	c := w.submit("consumer", "consumer.yaml")
	w.approve("bus-reviewer", c.ID, eventbus.StageBus, "")
	w.approve("owner", c.ID, eventbus.StageOwner, "")
	w.active(c.ID, "development")
	w.reads(w.kafkaAs(consumerRole, kgo.ConsumeTopics("dev_letter-ready"), kgo.ConsumerGroup("appointments-letters-1"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())), "synthetic-1")

	event, err := w.store.Event(w.ctx, "letter-ready")
	if err != nil || event.OnePager == "" || len(event.Topics) != 2 {
		t.Fatalf("catalog entry: %v, %d topics", err, len(event.Topics))
	}
	systems, err := w.store.Systems(w.ctx)
	if err != nil || len(systems) != 1 || systems[0].Name != "appointments-app" {
		t.Fatalf("consuming systems %+v, %v", systems, err)
	}
	w.promote(r.ID)
	w.asWanted()
	w.changeSchema()
	w.asWanted()
	w.retireFrom("development", "staging", "production")
	w.asWanted()
}

// asWanted asserts that nothing is left to do after the journey so far: a plan of
// what is wanted is empty, and nobody finds drift.
func (w *world) asWanted() {
	w.t.Helper()
	wanted, err := w.store.Wanted(w.ctx)
	if err != nil || len(wanted) == 0 {
		w.t.Fatalf("nothing is wanted, %v", err)
	}
	grants := need[[]eventbus.Grant](w)(w.store.Grants(w.ctx, eventbus.GrantQuery{ActiveOnly: true}))
	w.settled(eventbus.Manifest{Source: "test", Events: wanted, Grants: grants})
	if drift, err := w.provision.Drift(w.ctx); err != nil || len(drift) > 0 {
		w.t.Fatalf("drift: %+v, %v", drift, err)
	}
}

// promote takes the event to production: blocked while a gate is open, then
// approved with the gates' evidence.
func (w *world) promote(id string) {
	w.t.Helper()
	w.must(w.onboarding.Promote(w.ctx, w.as("producer"), id, "production"))
	_, err := w.onboarding.Decide(w.ctx, w.as("bus-reviewer"), id, eventbus.StageProduction, "production", eventbus.DecisionApprove, "")
	if eventbus.CodeOf(err) != eventbus.CodeConflict || len(eventbus.FaultsOf(err)) == 0 {
		w.t.Fatalf("approving production with open gates: %v, want a conflict that names them", err)
	}
	today := w.now().Format(time.DateOnly)
	for _, gate := range w.must(w.store.Request(w.ctx, id)).Gates {
		if gate.Holds("production", today) {
			continue
		}
		w.passGate(id, gate.Kind)
	}
	w.approve("bus-reviewer", id, eventbus.StageProduction, "production")
	w.active(id, "production")
	if _, err := w.streams.Topic(w.ctx, "prod_letter-ready"); err != nil {
		w.t.Fatal(err)
	}
}

// passGate lets whichever reviewer the gate belongs to accept its evidence.
func (w *world) passGate(id string, kind eventbus.GateKind) {
	w.t.Helper()
	for _, persona := range []string{"security-reviewer", "privacy-reviewer", "bus-reviewer"} {
		_, err := w.onboarding.SetGate(w.ctx, w.as(persona), id, kind, eventbus.GatePassed, "evidence-1", "", "seen")
		if err == nil {
			return
		}
		if eventbus.CodeOf(err) != eventbus.CodeForbidden {
			w.t.Fatal(err)
		}
	}
	w.t.Fatalf("nobody may pass gate %s", kind)
}

// changeSchema registers a second version: the consumer is told, and production
// waits for its acknowledgement.
func (w *world) changeSchema() {
	w.t.Helper()
	r := w.submit("producer", "change.yaml")
	w.approve("bus-reviewer", r.ID, eventbus.StageBus, "")
	w.approve("owner", r.ID, eventbus.StageOwner, "")
	w.approve("privacy-reviewer", r.ID, eventbus.StagePrivacy, "")
	w.active(r.ID, "development")
	w.active(r.ID, "staging")
	w.must(w.onboarding.Promote(w.ctx, w.as("producer"), r.ID, "production"))
	w.approve("bus-reviewer", r.ID, eventbus.StageProduction, "production")
	w.must(w.onboarding.Acknowledge(w.ctx, w.as("consumer"), r.ID, "appointments", "fine"))
	w.active(r.ID, "production")
	for _, subject := range []string{"dev_letter-ready-value", "prod_letter-ready-value"} {
		if versions, err := w.registry.Versions(subject, registry.Live); err != nil || len(versions) != 2 {
			w.t.Fatalf("%s has versions %v, %v, want two", subject, versions, err)
		}
	}
}

// retireFrom deprecates the event; when the removal date has come and nobody reads
// any more, access goes and the topic is in quarantine.
func (w *world) retireFrom(environments ...string) {
	w.t.Helper()
	submission := w.example("offboarding.yaml")
	removal := w.now().AddDate(0, 7, 0)
	submission.Content.(*onboarding.OffboardingContent).RemovalDate = removal.Format(time.DateOnly)
	r := w.must(w.onboarding.Draft(w.ctx, w.as("producer"), submission))
	w.must(w.onboarding.Submit(w.ctx, w.as("producer"), r.ID))
	w.approve("bus-reviewer", r.ID, eventbus.StageBus, "")
	w.approve("owner", r.ID, eventbus.StageOwner, "")
	for _, environment := range environments {
		w.active(r.ID, environment)
	}
	event, err := w.store.Event(w.ctx, "letter-ready")
	if err != nil || event.Lifecycle != eventbus.LifecycleDeprecated {
		w.t.Fatalf("lifecycle %s, %v, want deprecated", event.Lifecycle, err)
	}
	w.later.Store(int64(time.Until(removal.AddDate(0, 0, 20))))
	if err := w.onboarding.Expire(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	for _, environment := range environments {
		w.reaches(r.ID, environment, eventbus.EnvRemoved)
	}
	grants, err := w.store.Grants(w.ctx, eventbus.GrantQuery{Event: "letter-ready", ActiveOnly: true})
	if err != nil || len(grants) > 0 {
		w.t.Fatalf("grants left after removal: %+v, %v", grants, err)
	}
}

// consumerRole is the role that a team brings along: the bus gives it a policy
// when its request is approved.
func (w *world) consumerRole(name string) aws.CredentialsProvider {
	w.t.Helper()
	by, d := w.as("operator"), w.cfg.Deployment
	user, err := w.iam.CreateUser(w.ctx, by, eventbus.IAMUser{Name: name + "-runner"})
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := w.iam.CreateAccessKey(w.ctx, by, user.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	connect := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"` + d.ClusterARN() + `"}]}`
	_, err = w.iam.CreateRole(w.ctx, by, eventbus.IAMRole{Name: name, Trust: iam.TrustOf(user.ARN),
		Policies: []eventbus.AttachedPolicy{{Name: "connect", Document: connect}}})
	if err != nil {
		w.t.Fatal(err)
	}
	endpoint := sts.New(sts.Options{Region: d.Region, Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		BaseEndpoint: aws.String(w.Addresses().HTTP + "/aws/sts")})
	return stscreds.NewAssumeRoleProvider(endpoint, eventbus.RoleARN(d.Partition, d.Account, name))
}

func (w *world) serde() *client.Serde {
	w.t.Helper()
	serde, err := client.NewSerde(w.Addresses().Registry, "", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return serde
}

func (w *world) produces(kafka *kgo.Client, text string) {
	w.t.Helper()
	encoder, err := w.serde().Encoder(w.ctx, "dev_letter-ready-value")
	if err != nil {
		w.t.Fatal(err)
	}
	value, err := encoder.Encode([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	if err := kafka.ProduceSync(w.ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reads(kafka *kgo.Client, want string) {
	w.t.Helper()
	fetches := kafka.PollFetches(w.ctx)
	if err := fetches.Err(); err != nil {
		w.t.Fatal(err)
	}
	text, err := w.serde().Decode(w.ctx, fetches.Records()[0].Value)
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(string(text), want) {
		w.t.Fatalf("read %s, want %s in it", text, want)
	}
}
