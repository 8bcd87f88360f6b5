package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/enterprise-event-bus/eventbus"
)

// SASL is how the bus signs in to an external cluster, as it stands in a
// configuration. Its zero value is no login.
type SASL struct {
	Mechanism      string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM
	User, Password string // PLAIN and SCRAM
	// Token gives a bearer token for OAUTHBEARER; it is called for each login.
	Token func(ctx context.Context) (string, error)
	// IAM is the mechanism of AWS_MSK_IAM; DefaultIAM makes one.
	IAM sasl.Mechanism
}

// DefaultIAM signs in by AWS_MSK_IAM with the credentials of AWS's default chain
// (environment, shared files, container, instance), asked anew for each login so
// that temporary ones may end. It fails with CodeInvalid when AWS's configuration
// cannot be read; that there are no credentials shows at the first login.
func DefaultIAM(ctx context.Context) (sasl.Mechanism, error) {
	chain, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "read the configuration of AWS: %w", err)
	}
	return aws.ManagedStreamingIAM(func(ctx context.Context) (aws.Auth, error) {
		credentials, err := chain.Credentials.Retrieve(ctx)
		return aws.Auth{AccessKey: credentials.AccessKeyID, SecretKey: credentials.SecretAccessKey,
			SessionToken: credentials.SessionToken, UserAgent: "eventbus"}, err
	}), nil
}

// Login gives the mechanism, nil for the zero value, or CodeInvalid with what is
// missing.
func (s SASL) Login() (sasl.Mechanism, error) {
	missing := func(what string) error {
		return eventbus.Invalid("the login to the Kafka cluster is not complete", eventbus.Fault{Path: "sasl", Message: s.Mechanism + " needs " + what})
	}
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512":
		if s.User == "" || s.Password == "" {
			return nil, missing("a user and a password")
		}
	}
	switch s.Mechanism {
	case "PLAIN":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	case "OAUTHBEARER":
		if s.Token == nil {
			return nil, missing("a source of tokens")
		}
		return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := s.Token(ctx)
			return oauth.Auth{Token: token}, err
		}), nil
	case "AWS_MSK_IAM":
		if s.IAM == nil {
			return nil, missing("AWS credentials")
		}
		return s.IAM, nil
	}
	return nil, eventbus.Invalid("the login to the Kafka cluster is not known", eventbus.Fault{Path: "sasl.mechanism",
		Message: fmt.Sprintf("%q is not a mechanism", s.Mechanism), Fix: "use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or AWS_MSK_IAM"})
}

// The versions that the bus signs in with: Kafka 1.0 and later know the
// handshake, 2.2 and later the lifetime of a session (KIP-368).
const (
	handshakeVersion    = 1
	authenticateVersion = 1
)

// exchange sends one request and gives the body of its answer.
type exchange func(req kmsg.Request) ([]byte, error)

// signIn makes a SASL login, or makes it again (KIP-368), and gives the lifetime
// of the session, 0 for ever.
func signIn(ctx context.Context, mechanism sasl.Mechanism, address string, ask exchange) (time.Duration, error) {
	session, message, err := mechanism.Authenticate(ctx, address)
	if err != nil {
		return 0, fmt.Errorf("prepare a %s login: %w", mechanism.Name(), err)
	}
	hello := kmsg.NewPtrSASLHandshakeRequest()
	hello.SetVersion(handshakeVersion)
	hello.Mechanism = mechanism.Name()
	body, err := ask(hello)
	if err != nil {
		return 0, err
	}
	agreed := kmsg.NewPtrSASLHandshakeResponse()
	agreed.SetVersion(handshakeVersion)
	if err := agreed.ReadFrom(body); err != nil {
		return 0, fmt.Errorf("read the answer to a SASL handshake: %w", err)
	}
	if err := kerr.ErrorForCode(agreed.ErrorCode); err != nil {
		return 0, fmt.Errorf("the broker offers %v, not %s: %w", agreed.SupportedMechanisms, mechanism.Name(), err)
	}
	lifetime := time.Duration(0)
	for done := false; !done || len(message) > 0; {
		challenge, err := authenticate(ask, message, &lifetime)
		if err != nil {
			return 0, fmt.Errorf("%s login: %w", mechanism.Name(), err)
		}
		message = nil
		if !done {
			if done, message, err = session.Challenge(challenge); err != nil {
				return 0, fmt.Errorf("%s login: %w", mechanism.Name(), err)
			}
		}
	}
	return lifetime, nil
}

func authenticate(ask exchange, message []byte, lifetime *time.Duration) ([]byte, error) {
	req := kmsg.NewPtrSASLAuthenticateRequest()
	req.SetVersion(authenticateVersion)
	req.SASLAuthBytes = message
	body, err := ask(req)
	if err != nil {
		return nil, err
	}
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.SetVersion(authenticateVersion)
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, fmt.Errorf("%s: %w", deref(resp.ErrorMessage), err)
	}
	*lifetime = time.Duration(min(resp.SessionLifetimeMillis, int64(365*24*time.Hour/time.Millisecond))) * time.Millisecond
	return resp.SASLAuthBytes, nil
}

// maxLoginAnswer bounds an answer of a login.
const maxLoginAnswer = 512 << 10

// askDirectly is the exchange on a connection that nothing else uses yet.
func askDirectly(conn net.Conn) exchange {
	return func(req kmsg.Request) ([]byte, error) {
		if _, err := conn.Write(requestFrame(req, 0)); err != nil {
			return nil, err
		}
		var head [8]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return nil, err
		}
		size := int32(binary.BigEndian.Uint32(head[:4]))
		if size < 4 || size > maxLoginAnswer {
			return nil, fmt.Errorf("an answer of %d bytes to a login", size)
		}
		body := make([]byte, size-4)
		_, err := io.ReadFull(conn, body)
		return body, err
	}
}

// requestFrame writes a whole request of the bus's own; none of them is flexible.
func requestFrame(req kmsg.Request, correlation int32) []byte {
	const client = "eventbus"
	b := make([]byte, 4, 128)
	b = binary.BigEndian.AppendUint16(b, uint16(req.Key()))
	b = binary.BigEndian.AppendUint16(b, uint16(req.GetVersion()))
	b = binary.BigEndian.AppendUint32(b, uint32(correlation))
	b = binary.BigEndian.AppendUint16(b, uint16(len(client)))
	b = req.AppendTo(append(b, client...))
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}
