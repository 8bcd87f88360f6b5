package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	mskiam "github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// bus is a world whose configuration the test has chosen, whose log it reads and
// which it may stop before its end.
type bus struct {
	*world
	log  *lines
	stop func()
}

// runBus runs a bus without waiting until it is ready.
func runBus(t *testing.T, change func(*Config)) *bus {
	t.Helper()
	const free = "127.0.0.1:0"
	b := &bus{world: &world{t: t}, log: &lines{}}
	cfg := Config{Dev: true, Now: b.now, Logger: slog.New(slog.NewJSONHandler(b.log, nil)),
		Listeners: Listeners{Kafka: free, KafkaIAM: free, Registry: free, HTTP: free}}
	if change != nil {
		change(&cfg)
	}
	opened, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- opened.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		end()
		if err := errors.Join(<-done, opened.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.stop)
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	b.Server, b.ctx = opened, limited
	return b
}

func startBus(t *testing.T, change func(*Config)) *bus {
	t.Helper()
	b := runBus(t, change)
	b.eventually("the bus is ready", func() bool {
		select {
		case <-b.Ready():
			return true
		default:
			return false
		}
	})
	return b
}

// lines is a log that can be searched.
type lines struct {
	mu  sync.Mutex
	all []map[string]any
}

func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(text) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			return 0, err
		}
		l.all = append(l.all, fields)
	}
	return len(text), nil
}

// with gives the lines whose field has a value.
func (l *lines) with(field, value string) []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for _, line := range l.all {
		if line[field] == value {
			found = append(found, line)
		}
	}
	return found
}

// eventually waits for something that the bus does in its own time.
func (b *bus) eventually(what string, holds func() bool) {
	b.t.Helper()
	for !holds() {
		select {
		case <-b.ctx.Done():
			b.t.Fatalf("never: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// counter reads a metric with one of its label values.
func (b *bus) counter(name, label string) float64 {
	b.t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	var sum float64
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == label {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

func (b *bus) topics(names ...string) {
	b.t.Helper()
	for _, name := range names {
		if err := b.kafkas.all[0].engine.CreateTopic(b.ctx, eventbus.Topic{Name: name, Partitions: 1, ReplicationFactor: 1}); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bus) arns() policy.ARNs {
	d := b.cfg.Deployment
	return policy.ARNs{Partition: d.Partition, Region: d.Region, Account: d.Account, Name: d.Cluster, UUID: d.UUID}
}

// principal makes a user with a key, and a role of the same name that trusts it;
// both may do what the documents allow.
func (b *bus) principal(name string, docs ...*policy.Document) iam.Secret {
	b.t.Helper()
	var attached []eventbus.AttachedPolicy
	for i, doc := range docs {
		attached = append(attached, eventbus.AttachedPolicy{Name: "policy-" + string(rune('a'+i)), Document: doc.String()})
	}
	by := b.as("operator")
	user, err := b.iam.CreateUser(b.ctx, by, eventbus.IAMUser{Name: name, Policies: attached})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.iam.CreateRole(b.ctx, by, eventbus.IAMRole{Name: name, Trust: iam.TrustOf(user.ARN), Policies: attached}); err != nil {
		b.t.Fatal(err)
	}
	key, err := b.iam.CreateAccessKey(b.ctx, by, name)
	if err != nil {
		b.t.Fatal(err)
	}
	return key
}

func (b *bus) userARN(name string) string {
	return eventbus.UserARN(b.cfg.Deployment.Partition, b.cfg.Deployment.Account, name)
}

func (b *bus) roleARN(name string) string {
	return eventbus.RoleARN(b.cfg.Deployment.Partition, b.cfg.Deployment.Account, name)
}

func static(key iam.Secret) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(key.ID, key.Secret, "")
}

// assumed gives the credentials of a role, through the bus's own STS.
func (b *bus) assumed(key iam.Secret, role, session string) aws.CredentialsProvider {
	endpoint := sts.New(sts.Options{Region: b.cfg.Deployment.Region, Credentials: static(key),
		BaseEndpoint: aws.String(b.Addresses().HTTP + "/aws/sts"), RetryMaxAttempts: 1})
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(endpoint, b.roleARN(role),
		func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = session }))
}

// mechanisms are the two ways in, as stock clients make them. franz-go's own
// AWS_MSK_IAM reads the region of an address without one from AWS_REGION.
var mechanisms = map[string]func(region string, c aws.CredentialsProvider) sasl.Mechanism{
	gateway.MechanismIAM: func(_ string, c aws.CredentialsProvider) sasl.Mechanism {
		return mskiam.ManagedStreamingIAM(func(ctx context.Context) (mskiam.Auth, error) {
			v, err := c.Retrieve(ctx)
			return mskiam.Auth{AccessKey: v.AccessKeyID, SecretKey: v.SecretAccessKey, SessionToken: v.SessionToken}, err
		})
	},
	gateway.MechanismOAuth: func(region string, c aws.CredentialsProvider) sasl.Mechanism {
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, region, c)
			return oauth.Auth{Token: token}, err
		})
	},
}

// client comes through the IAM door.
func (b *bus) client(mechanism sasl.Mechanism, opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	return b.dial(append([]kgo.Opt{kgo.SeedBrokers(b.Addresses().KafkaIAM), kgo.DialTLSConfig(b.tls()), kgo.SASL(mechanism)}, opts...)...)
}

func (b *bus) tls() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(b.ca.certificate)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// local comes through the PLAINTEXT door, as the local administrator.
func (b *bus) local(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	return b.dial(append([]kgo.Opt{kgo.SeedBrokers(b.Addresses().Kafka)}, opts...)...)
}

func (b *bus) dial(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	kafka, err := kgo.NewClient(opts...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(kafka.Close)
	return kafka
}

// read gives all records of a topic, as the local administrator sees them.
func (b *bus) read(topic string) []*kgo.Record {
	b.t.Helper()
	kafka := b.local(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer kafka.Close()
	ends, err := kadm.NewClient(kafka).ListEndOffsets(b.ctx, topic)
	if err != nil {
		b.t.Fatal(err)
	}
	var records []*kgo.Record
	for left := ends[topic][0].Offset; left > 0; {
		fetches := kafka.PollFetches(b.ctx)
		if err := fetches.Err(); err != nil {
			b.t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			records, left = append(records, r), min(left, ends[topic][0].Offset-r.Offset-1)
		}
	}
	return records
}

// entries gives the audit entries that a query selects, oldest first.
func (b *bus) entries(q eventbus.AuditQuery) []eventbus.AuditEntry {
	b.t.Helper()
	if q.Limit == 0 {
		q.Limit = 1000
	}
	entries, err := b.store.AuditEntries(b.ctx, q)
	if err != nil {
		b.t.Fatal(err)
	}
	return entries
}

// contains fails for each text that is missing.
func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%s does not hold %q: %s", what, want, text)
		}
	}
}
