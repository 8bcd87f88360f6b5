package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// directory makes the real directory an authority.
type directory struct{ *iam.Directory }

func (d directory) Login(ctx context.Context, a gateway.Attempt) (*gateway.Session, []byte, error) {
	s, answer, err := d.Directory.Login(ctx, a.Mechanism, a.Message, a.From, a.Listener)
	if err != nil {
		return nil, nil, err
	}
	return &gateway.Session{Principal: s.Principal, Expires: s.Expires, Identity: s}, answer, nil
}

func (d directory) Decide(ctx context.Context, s *gateway.Session, action, resource string) (bool, string) {
	decision := d.Directory.Decide(ctx, s.Identity.(*iam.Session), action, resource)
	return decision.Allowed, decision.Reason
}

func (d directory) Allowed(s *gateway.Session, action, resource string) bool {
	return d.Directory.Allowed(s.Identity.(*iam.Session), action, resource)
}

func (d directory) Revoked(s *gateway.Session) <-chan struct{} {
	return s.Identity.(*iam.Session).Done()
}

// signers are stock clients' ways to sign in, each with a key pair.
var signers = map[string]func(id, secret string) sasl.Mechanism{
	"AWS_MSK_IAM, franz-go": func(id, secret string) sasl.Mechanism {
		return aws.Auth{AccessKey: id, SecretKey: secret}.AsManagedStreamingIAMMechanism()
	},
	"OAUTHBEARER, AWS's signer": func(id, secret string) sasl.Mechanism {
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, eventbus.DemoDeployment().Region,
				awscredentials.NewStaticCredentialsProvider(id, secret, ""))
			return oauth.Auth{Token: token}, err
		})
	},
}

// The test principals of `dev` sign in with stock clients over TLS, may do what
// their policies say, and are cut when a key is disabled.
func TestPrincipalsThroughTheDoor(t *testing.T) {
	t.Setenv("AWS_REGION", eventbus.DemoDeployment().Region) // the door's name has none in it
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	dir, err := iam.Open(ctx, iam.Config{MasterKey: bytes.Repeat([]byte{7}, 32), DevReveal: true}, st, audit.New(audit.Config{}, st))
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.EnsureTestPrincipals(ctx); err != nil {
		t.Fatal(err)
	}
	engine, err := cluster.OpenEmbedded(ctx, cluster.Config{}, st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	addr, secure := door(t, engine, directory{dir})
	connect := func(mechanism sasl.Mechanism, opts ...kgo.Opt) *kgo.Client {
		cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr), kgo.SASL(mechanism), kgo.RequestRetries(1), kgo.RecordRetries(1),
			kgo.DialTLSConfig(secure))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return cl
	}
	admin, err := kgo.NewClient(engine.ClientOpts()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	makeTopic(t, ctx, admin)
	for name, sign := range signers {
		t.Run(name, func(t *testing.T) {
			keys := map[string]iam.Secret{}
			for _, who := range []string{iam.TestProducer, iam.TestConsumer, iam.TestNobody} {
				if keys[who], err = dir.RevealKey(ctx, eventbus.Actor{System: "test"}, who); err != nil {
					t.Fatal(err)
				}
			}
			as := func(who string, opts ...kgo.Opt) *kgo.Client {
				return connect(sign(keys[who].ID, keys[who].Secret), opts...)
			}
			produce := func(cl *kgo.Client) error {
				return cl.ProduceSync(ctx, &kgo.Record{Topic: iam.TestTopic, Value: []byte("x")}).FirstErr()
			}
			if err := produce(as(iam.TestProducer)); err != nil {
				t.Errorf("the producer: %v", err)
			}
			cl := as(iam.TestConsumer, kgo.ConsumerGroup(iam.TestConsumer+"-"+name[:3]), kgo.ConsumeTopics(iam.TestTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			if fetches := cl.PollFetches(ctx); fetches.Err() != nil || fetches.NumRecords() == 0 {
				t.Errorf("the consumer: %d records, %v", fetches.NumRecords(), fetches.Err())
			}
			for _, who := range []string{iam.TestConsumer, iam.TestNobody} {
				if err := produce(as(who, kgo.DisableIdempotentWrite())); !errors.Is(err, kerr.TopicAuthorizationFailed) {
					t.Errorf("%s produces: %v", who, err)
				}
			}
			if err := connect(sign(keys[iam.TestProducer].ID, "a wrong secret")).Ping(ctx); !errors.Is(err, kerr.SaslAuthenticationFailed) {
				t.Errorf("a wrong secret: %v", err)
			}
		})
	}
	key, err := dir.RevealKey(ctx, eventbus.Actor{System: "test"}, iam.TestProducer)
	if err != nil {
		t.Fatal(err)
	}
	cl := connect(signers["AWS_MSK_IAM, franz-go"](key.ID, key.Secret))
	if err := cl.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if err := dir.DisableAccessKey(ctx, eventbus.Actor{System: "test"}, key.ID); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: iam.TestTopic, Value: []byte("late")}).FirstErr(); err == nil {
		t.Error("a record was accepted after the key was disabled")
	}
}

// door runs a gateway with one IAM door and gives its address and the TLS of its
// clients.
func door(t *testing.T, up gateway.Upstream, auth gateway.Authority) (string, *tls.Config) {
	t.Helper()
	server, client := gateway.SelfSigned(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Config{}, up, auth, gateway.Parts{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- g.Run(ctx, []gateway.Listener{{Name: "iam", Net: l, Mechanisms: []string{gateway.MechanismIAM, gateway.MechanismOAuth},
			TLS: server}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), client
}

func makeTopic(t *testing.T, ctx context.Context, admin *kgo.Client) {
	t.Helper()
	resp, err := kadm.NewClient(admin).CreateTopic(ctx, 1, 1, nil, iam.TestTopic)
	if err != nil || resp.Err != nil {
		t.Fatal(err, resp.Err)
	}
}
