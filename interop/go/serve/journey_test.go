package serve

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// TestJourney is the road from an idea to a consumer and to the end of the event,
// by command line, before three brokers of which one is killed and comes back on
// the way: a team proposes, is asked for a change, different people approve,
// topic, schema, role and catalog entry are made; the team's role produces; a
// consumer is refused until it is approved, and then reads; production, a new
// version, deprecation and removal follow. Nothing acknowledged is lost, and no
// client learns where a broker is.
func TestJourney(t *testing.T) {
	real := kafka.Start(t, 3)
	d := newDeck(t, 1, onKafka(plaintext(real.Bootstrap)), "dataDir: "+t.TempDir())
	j := &journey{instance: d.instance().run(), t: t}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	j.ctx = ctx
	for _, person := range []string{"producer", "owner", "consumer", "bus-reviewer", "privacy-reviewer", "security-reviewer", "operator"} {
		j.must(person, "login", "--as", person)
	}
	id := j.propose()
	j.approve(id, "bus", "owner", "privacy")
	j.reaches(id, "development", eventbus.EnvActive)
	j.reaches(id, "staging", eventbus.EnvActive)

	service := j.identity("claims-service-dev")
	producer := j.kafka(&j.seen, j.assume(service, "claims-letters-dev"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	j.produces(producer)
	real.Kill(t, 2)
	j.produces(producer)
	j.consumes(2)
	j.promote(id)
	real.Restart(t, 2)
	j.changeSchema()
	j.retire()
	j.seen.neverSaw(t, real.Bootstrap)
}

type journey struct {
	*instance
	t    *testing.T
	ctx  context.Context
	seen watch
}

// example gives a file of the GitOps example, with some text replaced.
func (j *journey) example(name string, replace ...string) string {
	j.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "gitops", "requests", name))
	if err != nil {
		j.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			j.t.Fatalf("%s has no %q any more", name, replace[i])
		}
	}
	return j.d.file(name, strings.NewReplacer(replace...).Replace(string(text)))
}

func (j *journey) submit(person, file string, more ...string) string {
	j.t.Helper()
	var r struct{ ID string }
	j.decode(j.must(person, append([]string{"request", "submit", file, "-o", "json"}, more...)...), &r)
	return r.ID
}

// propose submits the request, is asked for a change, and submits again. The
// submitter may not approve.
func (j *journey) propose() string {
	j.t.Helper()
	id := j.submit("producer", j.example("producer.yaml"))
	j.must("bus-reviewer", "request", "ask", id, "--stage", "bus", "--reason", "please use 3 partitions")
	j.submit("producer", j.example("producer.yaml", "partitions: 6", "partitions: 3"), "--id", id)
	if _, err := j.cli("producer", "request", "approve", id, "--stage", "bus"); err == nil || !strings.Contains(err.Error(), "exit status 4") {
		j.t.Fatalf("the submitter's approval: %v, want exit code 4", err)
	}
	return id
}

// approve lets each stage's own reviewer approve it.
func (j *journey) approve(id string, stages ...string) {
	j.t.Helper()
	reviewers := map[string]string{"bus": "bus-reviewer", "owner": "owner", "privacy": "privacy-reviewer"}
	for _, stage := range stages {
		j.must(reviewers[stage], "request", "approve", id, "--stage", stage)
	}
}

func (j *journey) request(id string) eventbus.Request {
	j.t.Helper()
	r, err := j.api().Request(j.ctx, id)
	if err != nil {
		j.t.Fatal(err)
	}
	return r
}

// reaches waits until the bus has provisioned an environment.
func (j *journey) reaches(id, environment string, want eventbus.EnvironmentState) {
	j.t.Helper()
	for {
		e, _ := j.request(id).Environment(environment)
		if e.State == want {
			return
		}
		select {
		case <-j.ctx.Done():
			j.t.Fatalf("%s is %s: %s", environment, e.State, e.Error)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

const letter = `{"participantId":"synthetic-1","letterType":"decision","availableAt":"2026-11-22T09:00:00Z"}`

// serde encodes and decodes by the registry of the bus.
func (j *journey) serde() *client.Serde {
	j.t.Helper()
	serde, err := client.NewSerde(j.at.Registry, "", j.d.http())
	if err != nil {
		j.t.Fatal(err)
	}
	return serde
}

func (j *journey) produces(producer *kgo.Client) {
	j.t.Helper()
	encoder, err := j.serde().Encoder(j.ctx, "dev_letter-ready-value")
	if err != nil {
		j.t.Fatal(err)
	}
	value, err := encoder.Encode([]byte(letter))
	if err != nil {
		j.t.Fatal(err)
	}
	for partition := range int32(3) {
		if err := producer.ProduceSync(j.ctx, &kgo.Record{Topic: "dev_letter-ready", Partition: partition, Value: value}).FirstErr(); err != nil {
			j.t.Fatal(err)
		}
	}
}

// consumes is refused without a grant; with one it reads what was produced to all
// three partitions, a number of times.
func (j *journey) consumes(times int) {
	j.t.Helper()
	role := j.identity("appointments-dev")
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:Connect","Resource":"` + deployment.ClusterARN() + `"}]}`
	connect := j.d.file("connect.json", document)
	j.must("operator", "iam", "policy", "put", "connect", connect, "--role", "appointments-dev")
	from := []kgo.Opt{kgo.ConsumeTopics("dev_letter-ready"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	if err := j.kafka(&j.seen, role, from...).PollFetches(j.ctx).Err(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		j.t.Fatalf("consuming without a grant: %v, want TOPIC_AUTHORIZATION_FAILED", err)
	}
	id := j.submit("consumer", j.example("consumer.yaml"))
	j.approve(id, "bus", "owner")
	j.reaches(id, "development", eventbus.EnvActive)
	consumer := j.kafka(&j.seen, role, append(from, kgo.ConsumerGroup("appointments-letters-1"))...)
	for read := 0; read < 3*times; {
		fetches := consumer.PollFetches(j.ctx)
		if err := fetches.Err(); err != nil {
			j.t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			text, err := j.serde().Decode(j.ctx, r.Value)
			if err != nil || !strings.Contains(string(text), "synthetic-1") {
				j.t.Fatalf("read %s, %v", text, err)
			}
			read++
		}
	}
	if out := j.must("consumer", "event", "show", "letter-ready", "-o", "json"); !strings.Contains(out, "appointments-app") && !strings.Contains(out, "letter-ready") {
		j.t.Fatalf("catalog entry: %s", out)
	}
}

// promote takes the event to production: refused while gates are open, then
// approved with their evidence.
func (j *journey) promote(id string) {
	j.t.Helper()
	j.must("producer", "request", "promote", id, "--environment", "production")
	approve := []string{"request", "approve", id, "--stage", "production", "--environment", "production"}
	if _, err := j.cli("bus-reviewer", approve...); err == nil || !strings.Contains(err.Error(), "exit status 5") {
		j.t.Fatalf("approving production with open gates: %v, want exit code 5", err)
	}
	for _, gate := range j.request(id).Gates {
		if !gate.Holds("production", time.Now().Format(time.DateOnly)) {
			j.pass(id, gate.Kind)
		}
	}
	j.must("bus-reviewer", approve...)
	j.reaches(id, "production", eventbus.EnvActive)
}

// pass lets whichever reviewer a gate belongs to accept its evidence.
func (j *journey) pass(id string, gate eventbus.GateKind) {
	j.t.Helper()
	var refusals error
	for _, person := range []string{"security-reviewer", "privacy-reviewer", "bus-reviewer"} {
		_, err := j.cli(person, "request", "gate", id, string(gate), "--state", "passed", "--evidence", "evidence-1")
		if err == nil {
			return
		}
		refusals = errors.Join(refusals, err)
	}
	j.t.Fatalf("nobody may pass gate %s: %v", gate, refusals)
}

// changeSchema brings a second version to every environment; the consumer's team
// agrees before production.
func (j *journey) changeSchema() {
	j.t.Helper()
	id := j.submit("producer", j.example("change.yaml"))
	j.approve(id, "bus", "owner", "privacy")
	j.reaches(id, "development", eventbus.EnvActive)
	j.reaches(id, "staging", eventbus.EnvActive)
	j.must("producer", "request", "promote", id, "--environment", "production")
	j.must("bus-reviewer", "request", "approve", id, "--stage", "production", "--environment", "production")
	j.must("consumer", "request", "acknowledge", id, "--team", "appointments", "--reason", "fine")
	j.reaches(id, "production", eventbus.EnvActive)
	if out := j.must("producer", "schema", "show", "prod_letter-ready-value", "-o", "json"); !strings.Contains(out, `"version": 2`) {
		j.t.Fatalf("the newest version in production is %s", out)
	}
}

// retire deprecates the event and, because two people agree to less notice,
// removes it at once wherever nobody reads it, with every access to it;
// development is held, because somebody does.
func (j *journey) retire() {
	j.t.Helper()
	if !j.mayWrite() {
		j.t.Fatal("the producer may not write to production")
	}
	today := time.Now().UTC().Format(time.DateOnly)
	hurried := []string{"successor: document-ready", "successor: document-ready\nremovalDate: \"" + today + `"`}
	if _, err := j.cli("producer", "request", "submit", j.example("offboarding.yaml", hurried...)); err == nil || !strings.Contains(err.Error(), "removalDate") {
		j.t.Fatalf("removal without notice: %v, want a refusal of removalDate", err)
	}
	hurried[1] += "\noverrideNotice: Nobody reads it outside development, and the one who does has moved on."
	id := j.submit("producer", j.example("offboarding.yaml", hurried...))
	j.approve(id, "bus")
	if e, _ := j.request(id).Environment("staging"); e.State != eventbus.EnvWaiting {
		j.t.Fatalf("with one approval of two staging is %s", e.State)
	}
	j.approve(id, "owner")
	j.reaches(id, "staging", eventbus.EnvRemoved)
	j.reaches(id, "production", eventbus.EnvRemoved)
	j.reaches(id, "development", eventbus.EnvActive)
	shown := j.must("producer", "event", "show", "letter-ready", "-o", "json")
	for text, want := range map[string]bool{`"deprecated"`: true, `"dev_letter-ready"`: true, `"staging_letter-ready"`: false, `"prod_letter-ready"`: false} {
		if strings.Contains(shown, text) != want {
			j.t.Errorf("the event has %s: %v, want %v in\n%s", text, !want, want, shown)
		}
	}
	// The records stay in quarantine for a while, out of everybody's reach.
	if j.mayWrite() {
		j.t.Error("the producer may still write to production")
	}
}

// mayWrite reports whether the producer's role may write to production.
func (j *journey) mayWrite() bool {
	_, err := j.cli(administrator, "iam", "simulate", "--principal", "claims-letters", "--action", "kafka-cluster:WriteData", "--resource", "prod_letter-ready")
	return err == nil
}
