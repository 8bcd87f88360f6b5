package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
)

// startOnAWS runs a bus as `serve` does, by a file: development before a Kafka
// with the gateway, staging on AWS.
func startOnAWS(t *testing.T, a *amazon) *world {
	t.Helper()
	dir := t.TempDir()
	ca, err := openDevelopmentCA(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate := certify(t, ca, dir)
	text := fmt.Sprintf(`
dataDir: %s
masterKey: {env: KEY}
administrator: {token: {env: TOKEN}}
tls: {ca: %s, certificates: [{certificate: %s, key: %s}]}
listeners: {http: "127.0.0.1:0", registry: "127.0.0.1:0", kafkaIAM: "127.0.0.1:0"}
registry: {environment: staging}
environments:
  - {name: development, prefix: dev_, cluster: {bootstrap: ["%s"]}}
  - name: staging
    prefix: staging_
    access: aws
    aws: {partition: %s, region: %s, account: "%s", cluster: %s}
    cluster: {bootstrap: ["%s"], tls: {ca: %s}, sasl: {mechanism: AWS_MSK_IAM}}
`, filepath.Join(dir, "data"), ca.caPath, certificate.Certificate, certificate.Key, brokers(t).ListenAddrs()[0],
		a.at.Partition, a.at.Region, a.at.Account, a.at.Cluster, a.Addresses().KafkaIAM, a.Addresses().CAFile)
	variables := map[string]string{"KEY": strings.Repeat("5e", 32), "TOKEN": operatorToken}
	cfg, _, err := ReadConfig(t.Context(), []byte(text), "eventbus.yaml", func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t}
	cfg.Now, cfg.Routing.BrokerPorts = w.now, 1
	opened, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- opened.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, opened.Close()); err != nil {
			t.Error(err)
		}
	})
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	w.Server, w.ctx = opened, limited
	select {
	case <-opened.Ready():
	case <-w.ctx.Done():
		t.Fatalf("the bus is not ready: %v", opened.health.faults())
	}
	return w
}

// onStaging leaves of an example what this bus has environments for.
func onStaging(submission onboarding.Submission, user string) onboarding.Submission {
	switch c := submission.Content.(type) {
	case *onboarding.ProducerContent:
		c.Environments = []string{"development", "staging"}
		delete(c.Access, "production")
	case *onboarding.ConsumerContent:
		c.Network.Location = onboarding.LocationOutside
		c.Access = map[string]onboarding.Access{"development": {User: user}, "staging": {User: user}}
	}
	return submission
}

// approved submits a request, and has it approved by the bus team and the owner.
func (w *world) approved(persona string, submission onboarding.Submission) eventbus.Request {
	w.t.Helper()
	r := w.must(w.onboarding.Draft(w.ctx, w.as(persona), submission))
	w.must(w.onboarding.Submit(w.ctx, w.as(persona), r.ID))
	w.approve("bus-reviewer", r.ID, eventbus.StageBus, "")
	w.approve("owner", r.ID, eventbus.StageOwner, "")
	return r
}

// TestOnAWS is the road of the product where AWS keeps the principals: requests
// become roles, users and policies there, below the path and tagged; the policies
// let their holders do at the brokers what was granted and nothing else; what is
// changed by hand is found and undone; the end of the event takes away what was
// made and nothing else.
func TestOnAWS(t *testing.T) {
	a := newAmazon(t)
	_, err := a.hand.CreateRole(a.ctx, &awsiam.CreateRoleInput{RoleName: aws.String("somebody-else"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	before := a.picture()
	w := startOnAWS(t, a)
	const partner = "appointments-partner"
	producer := w.approved("producer", onStaging(w.example("producer.yaml"), ""))
	w.active(producer.ID, "development")
	w.active(producer.ID, "staging")
	consumer := w.approved("consumer", onStaging(w.example("consumer.yaml"), partner))
	w.active(consumer.ID, "development")
	w.active(consumer.ID, "staging")

	made := w.environment("staging").AWS
	contains(t, "the account", a.picture(), made.RoleARN("claims-letters-staging"), made.UserARN(partner)+" 1", "eventbus:managed true", "eventbus:team claims", "eventbus:event letter-ready")
	if strings.Contains(a.picture(), "claims-letters-dev") {
		t.Errorf("what development needs is on AWS too:\n%s", a.picture())
	}
	w.asWanted()
	w.keysOfTwoPlaces(a, partner)
	w.tellsOfAWS(a, partner)
	a.enforces(w, partner)
	w.undoesByHand(a)
	w.leaves()
	if picture := a.picture(); strings.Contains(picture, partner) {
		t.Errorf("the consumer has left, and its user is still there:\n%s", picture)
	}
	w.retireFrom("development", "staging")
	if after := a.picture(); after != before {
		t.Errorf("the account is\n%swas\n%s", after, before)
	}
	if _, err := w.store.KeyOffer(w.ctx, made.UserARN(partner)); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("an offer of a key of a user that is gone: %v", err)
	}
}

// keysOfTwoPlaces: the user of the bus's own directory and that of AWS have the
// same name and a key each. Only the contact gets each of them, once.
func (w *world) keysOfTwoPlaces(a *amazon, user string) {
	w.t.Helper()
	arn := w.environment("staging").AWS.UserARN(user)
	for _, place := range []string{user, arn} {
		for _, persona := range []string{"producer", "operator"} {
			if id, secret, err := w.offers.Collect(w.ctx, w.as(persona), place); id != "" || secret != "" || eventbus.CodeOf(err) != eventbus.CodeNotFound {
				w.t.Fatalf("%s gets key %q of %s, %v; want not found", persona, id, place, err)
			}
		}
	}
	onAWS, secret, err := w.offers.Collect(w.ctx, w.as("consumer"), arn)
	if err != nil || len(secret) < 20 || !slices.Equal(a.keys(user), []string{onAWS}) {
		w.t.Fatalf("collected key %q on AWS, %v; the user's keys are %v", onAWS, err, a.keys(user))
	}
	own, _, err := w.offers.Collect(w.ctx, w.as("consumer"), user)
	if err != nil || own == onAWS {
		w.t.Fatalf("collected key %q of the bus's own directory, %v; the one on AWS is %q", own, err, onAWS)
	}
	for _, place := range []string{user, arn} {
		if id, _, err := w.offers.Collect(w.ctx, w.as("consumer"), place); id != "" || eventbus.CodeOf(err) != eventbus.CodeNotFound {
			w.t.Fatalf("key %q of %s was shown again, %v", id, place, err)
		}
	}
	kept := need[eventbus.KeyOffer](w)(w.store.KeyOffer(w.ctx, arn))
	if len(kept.Sealed) > 0 {
		w.t.Error("the secret is kept although it was collected")
	}
	w.asWanted()
}

// enforces gives principals of the brokers the very policies that are on AWS, and
// does as them what was granted, and what was not.
func (a *amazon) enforces(w *world, user string) {
	a.t.Helper()
	read := func(text string) *policy.Document { return need[*policy.Document](w)(policy.Parse([]byte(text))) }
	producerKey := a.principal("a-producer", read(a.rolePolicy("claims-letters-staging")))
	consumerKey := a.principal("a-consumer", read(a.userPolicy(user)))
	as := func(key, secret string, opts ...kgo.Opt) *kgo.Client {
		mechanism := mechanisms[gateway.MechanismIAM](a.at.Region, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, nil
		}))
		return a.client(mechanism, opts...)
	}
	const topic = "staging_letter-ready"
	producer := as(producerKey.ID, producerKey.Secret)
	if err := producer.ProduceSync(a.ctx, &kgo.Record{Topic: topic, Value: []byte("a letter")}).FirstErr(); err != nil {
		a.t.Fatalf("the producer, idempotent: %v", err)
	}
	group := func(name string) *kgo.Client {
		return as(consumerKey.ID, consumerKey.Secret, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	}
	fetched := group("appointments-letters-1").PollFetches(a.ctx)
	if err := fetched.Err(); err != nil || len(fetched.Records()) != 1 {
		a.t.Fatalf("the consumer reads %d records, %v", len(fetched.Records()), err)
	}
	if err := group("another-group").PollFetches(a.ctx).Err(); !errors.Is(err, kerr.GroupAuthorizationFailed) {
		a.t.Errorf("the consumer in another group: %v", err)
	}
	for who, kafka := range map[string]*kgo.Client{"the consumer": as(consumerKey.ID, consumerKey.Secret, kgo.DisableIdempotentWrite()), "the producer elsewhere": producer} {
		to := topic
		if who == "the producer elsewhere" {
			to = "_schemas"
		}
		if err := kafka.ProduceSync(a.ctx, &kgo.Record{Topic: to, Value: []byte("no")}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			a.t.Errorf("%s produces to %s: %v, want it refused", who, to, err)
		}
	}
}

// undoesByHand: a policy that a person edits in the console is found as drift, and
// undone.
func (w *world) undoesByHand(a *amazon) {
	w.t.Helper()
	wanted := a.rolePolicy("claims-letters-staging")
	everything := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}`
	_, err := a.hand.PutRolePolicy(w.ctx, &awsiam.PutRolePolicyInput{RoleName: aws.String("claims-letters-staging"), PolicyName: aws.String("eventbus-grants"), PolicyDocument: &everything})
	if err != nil {
		w.t.Fatal(err)
	}
	drift := need[[]eventbus.Change](w)(w.provision.Drift(w.ctx))
	if len(drift) != 1 || drift[0].Resource != eventbus.ResourcePolicy || !strings.Contains(drift[0].Old, "* on *") {
		w.t.Fatalf("drift %+v, want the policy that was edited", drift)
	}
	if err := w.provision.Revert(w.ctx, w.as("operator"), drift[0]); err != nil {
		w.t.Fatal(err)
	}
	if got := a.rolePolicy("claims-letters-staging"); got != wanted {
		w.t.Errorf("undone, the policy is\n%s\nwas\n%s", got, wanted)
	}
	w.asWanted()
}

// leaves ends the access of the consuming system, in every environment.
func (w *world) leaves() {
	w.t.Helper()
	r := w.approved("consumer", onboarding.Submission{Kind: eventbus.OffboardingRequest, Content: &onboarding.OffboardingContent{
		Team: "appointments", Event: "letter-ready", Consumer: "appointments-app", Reason: "The banner is gone.", Environments: []string{"development", "staging"}}})
	w.active(r.ID, "development")
	w.active(r.ID, "staging")
	w.asWanted()
}

// tellsOfAWS asks the API where clients connect: on AWS at the brokers of the
// cluster, as the principals that the bus made there; what cannot be had is said.
func (w *world) tellsOfAWS(a *amazon, user string) {
	w.t.Helper()
	roots := need[*x509.CertPool](w)(w.trusted())
	p := &production{Server: w.Server, t: w.t, http: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}}
	defer p.http.CloseIdleConnections()
	made, at := w.environment("staging").AWS, w.Addresses()
	for path, c := range map[string]struct {
		status int
		has    []string
		lacks  string
	}{
		"environments": {200, []string{`"path":"eventbus/staging/"`, `"lacks":["Who really produces`, a.Addresses().KafkaIAM, a.Addresses().KafkaIAMExternal}, ""},
		"client-environment?environment=staging&principal=claims-letters-staging": {200, []string{`"AWS_ROLE":"` + made.RoleARN("claims-letters-staging"), `"EB_BOOTSTRAP_SERVERS":"` + a.Addresses().KafkaIAM, `"AWS_REGION":"us-gov-west-1"`}, "AWS_SECRET_ACCESS_KEY"},
		"client-environment?environment=staging&principal=" + user:                {200, []string{`"EB_BOOTSTRAP_SERVERS":"` + a.Addresses().KafkaIAMExternal}, "AWS_ROLE"},
		"client-environment?environment=staging&principal=nobody":                 {404, []string{"nothing is granted to nobody in staging"}, ""},
		"client-environment?environment=staging":                                  {200, []string{a.Addresses().KafkaIAM, "SASL_SSL"}, "AWS_ENDPOINT_URL_STS"},
		"client-environment?environment=development":                              {200, []string{at.KafkaIAM, "SASL_SSL", at.HTTP + "/aws/sts"}, "AWS_ROLE"},
	} {
		status, text := p.ask(http.MethodGet, at.HTTP+"/api/v1/"+path, operatorToken, "")
		if contains(w.t, path, text, c.has...); status != c.status || c.lacks != "" && strings.Contains(text, c.lacks) {
			w.t.Errorf("%s answers %d: %s", path, status, text)
		}
	}
	status, text := p.ask(http.MethodPost, at.HTTP+"/api/v1/iam/users/"+url.PathEscape(made.UserARN(user))+"/keys/collect", operatorToken, "")
	if status != 404 || !strings.Contains(text, "no new key of "+made.UserARN(user)) {
		w.t.Errorf("collecting over HTTP answers %d: %s", status, text)
	}
}
