package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/twmb/franz-go/pkg/kgo"
	saslaws "github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/enterprise-event-bus/eventbus"
)

// Config says where a bus is and as whom to sign in. The zero value is not
// usable; FromEnv reads the variables that `eventbus env` prints.
type Config struct {
	Bootstrap        []string `json:"bootstrap"`        // host:port of the Kafka door
	SecurityProtocol string   `json:"securityProtocol"` // PLAINTEXT, or SASL_SSL for AWS_MSK_IAM
	RegistryURL      string   `json:"registryURL"`
	CAFile           string   `json:"caFile,omitempty"` // PEM of the CA that signed the door's certificate; empty = the system's
	Role             string   `json:"role,omitempty"`   // ARN of the IAM role to assume; empty = the credentials as they are
	Region           string   `json:"region,omitempty"`
}

// The environment variables that configure a client; the names are those of
// the VA sample.
const (
	EnvBootstrap        = "EB_BOOTSTRAP_SERVERS"
	EnvSecurityProtocol = "EB_SECURITY_PROTOCOL"
	EnvRegistryURL      = "SCHEMA_REGISTRY_URL"
	EnvRole             = "AWS_ROLE"
	EnvRegion           = "AWS_REGION"
	EnvCAFile           = "EB_CA_FILE"
)

// FromEnv reads the configuration from getenv (os.Getenv); ok is false when no
// bootstrap address is set.
func FromEnv(getenv func(string) string) (cfg Config, ok bool) {
	servers := addresses(getenv(EnvBootstrap))
	if len(servers) == 0 {
		return Config{}, false
	}
	return Config{
		Bootstrap:        servers,
		SecurityProtocol: getenv(EnvSecurityProtocol),
		RegistryURL:      getenv(EnvRegistryURL),
		CAFile:           getenv(EnvCAFile),
		Role:             getenv(EnvRole),
		Region:           getenv(EnvRegion),
	}, true
}

// addresses splits at commas; Kafka's own clients forgive spaces and empty parts,
// too.
func addresses(list string) (split []string) {
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			split = append(split, part)
		}
	}
	return split
}

// KafkaOpts gives the options with which kgo.NewClient reaches the bus. With
// SASL_SSL the credentials come from AWS's default chain (AWS_ENDPOINT_URL_STS
// points it at the bus's own STS) and, when Role is set, from assuming it.
func (c Config) KafkaOpts(ctx context.Context) ([]kgo.Opt, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(c.Bootstrap...)}
	switch c.SecurityProtocol {
	case "", "PLAINTEXT":
		return opts, nil
	case "SASL_SSL":
	default:
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "security protocol %q: use PLAINTEXT or SASL_SSL", c.SecurityProtocol)
	}
	tlsConfig, err := c.tls()
	if err != nil {
		return nil, err
	}
	credentials, err := c.credentials(ctx)
	if err != nil {
		return nil, err
	}
	login := saslaws.ManagedStreamingIAM(func(ctx context.Context) (saslaws.Auth, error) {
		keys, err := credentials.Retrieve(ctx)
		if err != nil {
			return saslaws.Auth{}, fmt.Errorf("get AWS credentials: %w", err)
		}
		return saslaws.Auth{AccessKey: keys.AccessKeyID, SecretKey: keys.SecretAccessKey,
			SessionToken: keys.SessionToken, UserAgent: "eventbus-client"}, nil
	})
	return append(opts, kgo.DialTLSConfig(tlsConfig), kgo.SASL(login)), nil
}

func (c Config) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "read the CA file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "no certificate in the CA file %s", c.CAFile)
	}
	return config, nil
}

func (c Config) credentials(ctx context.Context) (aws.CredentialsProvider, error) {
	var opts []func(*awsconfig.LoadOptions) error
	if c.Region != "" {
		opts = append(opts, awsconfig.WithRegion(c.Region))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "load the AWS configuration: %w", err)
	}
	if c.Role == "" {
		return cfg.Credentials, nil
	}
	assume := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.Role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "eventbus-client"
	})
	return aws.NewCredentialsCache(assume), nil
}
