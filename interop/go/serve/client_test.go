package serve

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-msk-iam-sasl-signer-go/signer"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/enterprise-event-bus/eventbus"
)

var deployment = eventbus.DemoDeployment()

// watch notes every address that a client dials: it must never learn another
// than those of the doors. Names of the test domain lead to this machine.
type watch struct {
	mu     sync.Mutex
	dialed []string
}

func (w *watch) dial(d *deck) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		if !slices.Contains(w.dialed, address) {
			w.dialed = append(w.dialed, address)
		}
		w.mu.Unlock()
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		config := d.ca.TLS()
		config.ServerName = host
		if strings.HasSuffix(host, domain) {
			host = "127.0.0.1"
		}
		dialer := tls.Dialer{Config: config}
		return dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
	}
}

// domain is that of the doors when names tell brokers apart.
const domain = "bus.example.test"

// neverSaw fails the test when a client was sent to a broker itself.
func (w *watch) neverSaw(t *testing.T, upstream []string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, address := range w.dialed {
		_, port, _ := net.SplitHostPort(address)
		for _, broker := range upstream {
			if strings.HasSuffix(broker, ":"+port) {
				t.Errorf("a client was sent to %s, which is a broker's own address", address)
			}
		}
	}
}

// identity makes a user and a role that it may assume, as an operator, and gives
// the role's credentials.
func (i *instance) identity(name string) aws.CredentialsProvider {
	i.d.t.Helper()
	user := name + "-runner"
	i.must("operator", "iam", "user", "create", user)
	var key struct{ ID, Secret string }
	i.decode(i.must("operator", "iam", "key", "create", user, "-o", "json"), &key)
	i.must("operator", "iam", "role", "create", name, "--trusted-by", eventbus.UserARN(deployment.Partition, deployment.Account, user))
	return i.assume(credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""), name)
}

// assume asks the bus's STS for a role.
func (i *instance) assume(by aws.CredentialsProvider, role string) aws.CredentialsProvider {
	endpoint := sts.New(sts.Options{Region: deployment.Region, Credentials: by, BaseEndpoint: aws.String(i.at.HTTP + "/aws/sts"), HTTPClient: i.d.http()})
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(endpoint, eventbus.RoleARN(deployment.Partition, deployment.Account, role)))
}

// kafka signs in at the IAM door; it ends with the test.
func (i *instance) kafka(w *watch, by aws.CredentialsProvider, opts ...kgo.Opt) *kgo.Client {
	i.d.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(i.at.KafkaIAM), kgo.Dialer(w.dial(i.d)), kgo.MetadataMinAge(50 * time.Millisecond), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, _, err := signer.GenerateAuthTokenFromCredentialsProvider(ctx, deployment.Region, by)
			return oauth.Auth{Token: token}, err
		})),
	}, opts...)...)
	if err != nil {
		i.d.t.Fatal(err)
	}
	i.d.t.Cleanup(cl.Close)
	return cl
}

func (i *instance) decode(text string, into any) {
	i.d.t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		i.d.t.Fatalf("%v in %s", err, text)
	}
}
