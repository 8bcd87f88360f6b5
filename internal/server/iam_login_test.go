package server

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// TestStockClients: with both mechanisms, with a key and with an assumed role, a
// stock client produces, produces idempotently, consumes in a group, transacts
// and signs in again.
func TestStockClients(t *testing.T) {
	b := startBus(t, func(c *Config) { c.Gateway.MaxSession = time.Minute })
	t.Setenv("AWS_REGION", b.cfg.Deployment.Region)
	b.topics("orders", "copies")
	arns := b.arns()
	key := b.principal("app", policy.ProduceIdempotent(arns, "orders"), policy.ProduceTransactionalPrefix(arns, "orders", "app-"), policy.ConsumePrefix(arns, "orders", "app-"),
		policy.ProduceTransactionalPrefix(arns, "copies", "app-"))
	region := b.cfg.Deployment.Region
	for name, mechanism := range mechanisms {
		for _, signedIn := range []struct {
			with       string
			credential aws.CredentialsProvider
			identity   string // as audit names it
			arn        string
		}{
			{"key", static(key), b.userARN("app"), b.userARN("app")},
			{"role", b.assumed(key, "app", "session"), b.roleARN("app"), ":assumed-role/app/session"},
		} {
			t.Run(name+" with a "+signedIn.with, func(t *testing.T) {
				mark := strings.ToLower(name + "-" + signedIn.with)
				m := mechanism(region, signedIn.credential)
				b.producesPlainAndIdempotent(t, m, mark)
				b.consumesInGroup(t, m, mark)
				b.transacts(t, m, mark)
				connects := b.entries(eventbus.AuditQuery{Actor: signedIn.identity, Action: sigv4.ConnectAction})
				if len(connects) == 0 || connects[0].Outcome != eventbus.OutcomeAllowed {
					t.Fatalf("the login in the audit record: %+v", connects)
				}
				contains(t, "the login", connects[0].Reason, "on iam", signedIn.arn)
				if denied := b.entries(eventbus.AuditQuery{Actor: signedIn.identity, Outcome: eventbus.OutcomeDenied}); len(denied) > 0 {
					t.Errorf("denied: %+v", denied)
				}
			})
		}
	}
}

func (b *bus) producesPlainAndIdempotent(t *testing.T, m sasl.Mechanism, mark string) {
	plain := b.client(m, kgo.DefaultProduceTopic("orders"), kgo.DisableIdempotentWrite())
	idempotent := b.client(m, kgo.DefaultProduceTopic("orders"))
	for i, kafka := range []*kgo.Client{plain, idempotent} {
		if err := kafka.ProduceSync(b.ctx, kgo.KeyStringRecord(mark, fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatalf("idempotent %v: %v", kafka == idempotent, err)
		}
	}
}

// consumesInGroup reads and commits, and goes on there with another member.
func (b *bus) consumesInGroup(t *testing.T, m sasl.Mechanism, mark string) {
	opts := []kgo.Opt{kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("app-" + mark), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	first := b.client(m, opts...)
	for seen := 0; seen < 2; {
		fetches := first.PollFetches(b.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Key) == mark {
				seen++
			}
		})
	}
	if err := first.CommitUncommittedOffsets(b.ctx); err != nil {
		t.Fatal(err)
	}
	first.Close()
	b.producesPlainAndIdempotent(t, m, mark+" again")
	second := b.client(m, opts...)
	fetches := second.PollFetches(b.ctx)
	if err := fetches.Err(); err != nil || string(fetches.Records()[0].Key) != mark+" again" {
		t.Fatalf("after the committed offset: %v %+v", err, fetches.Records())
	}
}

// transacts copies records from topic to topic exactly once, and takes back what
// is aborted.
func (b *bus) transacts(t *testing.T, m sasl.Mechanism, mark string) {
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(b.Addresses().KafkaIAM), kgo.DialTLSConfig(b.tls()), kgo.SASL(m),
		kgo.TransactionalID("app-"+mark), kgo.ConsumerGroup("app-copy-"+mark), kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.Begin(); err != nil {
		t.Fatal(err)
	}
	copied := 0
	for copied < 2 {
		fetches := session.PollFetches(b.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Key) != mark {
				return
			}
			copied++
			session.Produce(b.ctx, &kgo.Record{Topic: "copies", Key: r.Key, Value: r.Value}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
	if committed, err := session.End(b.ctx, kgo.TryCommit); err != nil || !committed {
		t.Fatalf("the transaction: committed %v, %v", committed, err)
	}
	if err := session.Begin(); err != nil {
		t.Fatal(err)
	}
	session.Produce(b.ctx, &kgo.Record{Topic: "copies", Key: []byte(mark), Value: []byte("aborted")}, nil)
	if _, err := session.End(b.ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	reader := b.local(kgo.ConsumeTopics("copies"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	var values []string
	for len(values) < 2 {
		reader.PollFetches(b.ctx).EachRecord(func(r *kgo.Record) {
			if string(r.Key) == mark {
				values = append(values, string(r.Value))
			}
		})
	}
	if fmt.Sprint(values) != "[0 1]" {
		t.Errorf("copied %v", values)
	}
}

// signInAgain makes the requests of a re-authentication (KIP-368) on a client's
// open connection.
func (b *bus) signInAgain(kafka *kgo.Client, m sasl.Mechanism) (*kmsg.SASLAuthenticateResponse, error) {
	broker := kafka.Broker(0)
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Mechanism = m.Name()
	if _, err := broker.Request(b.ctx, handshake); err != nil {
		return nil, err
	}
	_, message, err := m.Authenticate(b.ctx, b.Addresses().KafkaIAM)
	if err != nil {
		return nil, err
	}
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.SASLAuthBytes = message
	answer, err := broker.Request(b.ctx, authenticate)
	if err != nil {
		return nil, err
	}
	return answer.(*kmsg.SASLAuthenticateResponse), nil
}

// TestReauthentication: a role signs in again under another session name, as
// SDKs do; another principal or mechanism is refused on the same connection, and
// the record says under whom; without signing in again the connection ends.
func TestReauthentication(t *testing.T) {
	b := startBus(t, func(c *Config) { c.Gateway.MaxSession = time.Minute })
	region := b.cfg.Deployment.Region
	t.Setenv("AWS_REGION", region)
	key, other := b.principal("app", policy.MayOnlyConnect(b.arns())), b.principal("other", policy.MayOnlyConnect(b.arns()))
	for name, mechanism := range mechanisms {
		t.Run(name, func(t *testing.T) {
			b.later.Add(int64(time.Minute)) // a window of the record for each mechanism
			defer b.later.Store(0)
			another := gateway.MechanismIAM
			if name == another {
				another = gateway.MechanismOAuth
			}
			role := func(session string) sasl.Mechanism { return mechanism(region, b.assumed(key, "app", session)) }
			for what, tt := range map[string]struct {
				again  sasl.Mechanism
				reason string // empty: accepted
			}{
				"another session name": {role("second"), ""},
				"another principal":    {mechanism(region, static(other)), "re-authentication as " + b.userARN("other")},
				"the role's user":      {mechanism(region, static(key)), "re-authentication as " + b.userARN("app")},
				"another mechanism":    {mechanisms[another](region, b.assumed(key, "app", "first")), "re-authentication with " + another},
			} {
				kafka := b.client(role("first"), kgo.RequestRetries(0))
				if err := kafka.Ping(b.ctx); err != nil {
					t.Fatal(err)
				}
				answer, err := b.signInAgain(kafka, tt.again)
				if err != nil {
					t.Fatal(err)
				}
				if tt.reason == "" {
					if answer.ErrorCode != 0 || answer.SessionLifetimeMillis != time.Minute.Milliseconds() {
						t.Errorf("%s: %+v", what, answer)
					}
					continue
				}
				id := mskText.FindStringSubmatch(*answer.ErrorMessage)
				if answer.ErrorCode != kerr.SaslAuthenticationFailed.Code || id == nil {
					t.Fatalf("%s: %d %s", what, answer.ErrorCode, *answer.ErrorMessage)
				}
				line := b.log.with("request", id[1])
				if len(line) != 1 || line[0]["principal"] != b.roleARN("app") {
					t.Fatalf("%s: log %+v", what, line)
				}
				contains(t, what, fmt.Sprint(line[0]["reason"]), tt.reason)
			}
		})
	}
	entries := b.entries(eventbus.AuditQuery{Actor: b.roleARN("app"), Action: "login." + string(iam.CheckChanged)})
	if len(entries) == 0 || entries[0].Outcome != eventbus.OutcomeDenied || entries[0].Resource != b.roleARN("app") {
		t.Fatalf("audit %+v", entries)
	}
	contains(t, "the record", entries[0].Reason, "re-authentication", "next: open a new connection")

	b.expires(mechanisms[gateway.MechanismOAuth](region, static(key)))
}

// expires uses a connection after its session's end, without signing in again.
func (b *bus) expires(m sasl.Mechanism) {
	b.t.Helper()
	const closes = "eventbus_gateway_closes_total"
	kafka, before := b.client(m), b.counter(closes, "expired")
	if err := kafka.Ping(b.ctx); err != nil {
		b.t.Fatal(err)
	}
	for range 2 { // the second one on a new connection
		if _, err := kafka.Broker(0).RetriableRequest(b.ctx, kmsg.NewPtrDescribeClusterRequest()); err != nil {
			b.t.Fatal(err)
		}
		b.later.Add(int64(61 * time.Second))
	}
	if b.counter(closes, "expired") == before {
		b.t.Error("a connection outlived its session")
	}
}

// mskText is all that a client learns of a refused login (README of
// aws-msk-iam-auth).
var mskText = regexp.MustCompile(`\[([0-9a-f]{8}-[0-9a-f-]{27})\]: Access denied$`)

// refusedLogin is one way in that must stay shut.
type refusedLogin struct {
	name     string
	check    iam.Check
	actor    string // as the record names it
	resource func(*bus) string
	says     string // in the record
	next     string // what to do, in the record
	try      func(*bus, iam.Secret) aws.Credentials
}

func ofUser(b *bus) string { return b.userARN("app") }
func ofRole(b *bus) string { return b.roleARN("app") }
func ofBus(b *bus) string  { return b.cfg.Deployment.ClusterARN() }

func (b *bus) retrieve(c aws.CredentialsProvider) aws.Credentials {
	b.t.Helper()
	v, err := c.Retrieve(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

var refusedLogins = []refusedLogin{
	{"known key and wrong secret", iam.CheckSignature, iam.Anonymous, ofUser, "belongs to", "compare the secret access key", func(b *bus, k iam.Secret) aws.Credentials {
		return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: strings.Repeat("x", 40)}
	}},
	{"known temporary key and wrong secret", iam.CheckSignature, iam.Anonymous, ofRole, "belongs to", "compare the secret access key", func(b *bus, k iam.Secret) aws.Credentials {
		c := b.retrieve(b.assumed(k, "app", "session"))
		c.SecretAccessKey = k.Secret
		return c
	}},
	{"unknown key", iam.CheckKey, iam.Anonymous, ofBus, "is not known", "create an access key of this bus", func(*bus, iam.Secret) aws.Credentials {
		return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "secret"}
	}},
	{"another key's token", iam.CheckToken, iam.Anonymous, ofBus, "cannot be used", "assume the role again", func(b *bus, k iam.Secret) aws.Credentials {
		c, other := b.retrieve(b.assumed(k, "app", "one")), b.retrieve(b.assumed(k, "app", "two"))
		c.SessionToken = other.SessionToken
		return c
	}},
	{"altered token", iam.CheckToken, iam.Anonymous, ofBus, "cannot be used", "assume the role again", func(b *bus, k iam.Secret) aws.Credentials {
		c := b.retrieve(b.assumed(k, "app", "session"))
		middle := len(c.SessionToken) / 2
		flipped := "A"
		if c.SessionToken[middle] == 'A' {
			flipped = "B"
		}
		c.SessionToken = c.SessionToken[:middle] + flipped + c.SessionToken[middle+1:]
		return c
	}},
	{"a token left over beside a key", iam.CheckToken, iam.Anonymous, ofBus, "long-lived key", "unset AWS_SESSION_TOKEN", func(b *bus, k iam.Secret) aws.Credentials {
		return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret, SessionToken: b.retrieve(b.assumed(k, "app", "session")).SessionToken}
	}},
	{"a role that trusts no more", iam.CheckTrust, "role/app", ofRole, "does not let", "trust policy name the caller", func(b *bus, k iam.Secret) aws.Credentials {
		c := b.retrieve(b.assumed(k, "app", "session"))
		if err := b.iam.SetTrust(b.ctx, b.as("operator"), "app", iam.TrustOf(b.userARN("stranger"))); err != nil {
			b.t.Fatal(err)
		}
		return c
	}},
	{"expired token", iam.CheckExpired, iam.Anonymous, ofBus, "for role app ended at", "assume the role again", func(b *bus, k iam.Secret) aws.Credentials {
		c := b.retrieve(b.assumed(k, "app", "session"))
		b.later.Add(int64(16 * time.Minute)) // SDKs ask for 15 minutes
		return c
	}},
	{"no right to connect", iam.CheckConnect, "user/app", ofUser, "no statement allows kafka-cluster:Connect", "allow kafka-cluster:Connect", func(b *bus, k iam.Secret) aws.Credentials {
		if err := b.iam.DeletePolicy(b.ctx, b.as("operator"), b.userARN("app"), "policy-a"); err != nil {
			b.t.Fatal(err)
		}
		return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret}
	}},
}

// TestRefusedLogins: the client sees MSK's text and a request id, nothing else;
// log and audit say under that id which check failed, who it was and what to do.
func TestRefusedLogins(t *testing.T) {
	for mechanism := range mechanisms {
		for _, tt := range refusedLogins {
			t.Run(mechanism+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				refuses(t, startBus(t, nil), mechanism, tt)
			})
		}
	}
}

func refuses(t *testing.T, b *bus, mechanism string, tt refusedLogin) {
	key := b.principal("app", policy.MayOnlyConnect(b.arns()))
	credential := tt.try(b, key)
	kafka := b.client(signedAt{mechanism, credential, b.cfg.Deployment.Region, b.now}, kgo.RequestRetries(0))
	err := kafka.Ping(b.ctx)
	if !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Fatalf("the client sees %v", err)
	}
	id := mskText.FindStringSubmatch(err.Error())
	if id == nil {
		t.Fatalf("the client sees %v", err)
	}
	for _, secret := range []string{key.ID, "app", string(tt.check), "token", "secret"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the client learns %q: %v", secret, err)
		}
	}
	entries := b.entries(eventbus.AuditQuery{Action: "login." + string(tt.check)})
	if len(entries) != 1 {
		t.Fatalf("audit entries %+v", entries)
	}
	e := entries[0]
	if e.Outcome != eventbus.OutcomeDenied || !strings.HasSuffix(e.Actor, tt.actor) || e.Resource != tt.resource(b) || e.From == "" {
		t.Errorf("audit entry %+v", e)
	}
	contains(t, "the record", e.Reason, string(tt.check)+": ", tt.says, mechanism+" on iam, request "+id[1], "; next: ", tt.next)
	line := b.log.with("request", id[1])
	if len(line) != 1 || line[0]["check"] != string(tt.check) || line[0]["principal"] != e.Actor {
		t.Fatalf("log %+v", line)
	}
	contains(t, "the log", fmt.Sprint(line[0]["next"]), tt.next)
	for _, l := range append(b.log.with("level", "WARN"), b.log.with("level", "INFO")...) {
		if text := fmt.Sprint(l); strings.Contains(text, credential.SecretAccessKey) && credential.SecretAccessKey != "secret" ||
			credential.SessionToken != "" && strings.Contains(text, credential.SessionToken) {
			t.Errorf("a secret in the log: %s", text)
		}
	}
}

// signedAt is a mechanism whose clock can be set, with AWS's own signer.
type signedAt struct {
	mechanism  string
	credential aws.Credentials
	region     string
	now        func() time.Time
}

func (s signedAt) Name() string { return s.mechanism }

func (s signedAt) Authenticate(ctx context.Context, address string) (sasl.Session, []byte, error) {
	host := "kafka." + s.region + ".amazonaws.com"
	if s.mechanism == gateway.MechanismIAM {
		host = address[:strings.LastIndexByte(address, ':')]
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/?Action=kafka-cluster%3AConnect&X-Amz-Expires=900", nil)
	if err != nil {
		return nil, nil, err
	}
	empty := sha256.Sum256(nil)
	text, _, err := v4.NewSigner().PresignHTTP(ctx, s.credential, request, hex.EncodeToString(empty[:]), "kafka-cluster", s.region, s.now())
	if err != nil {
		return nil, nil, err
	}
	if s.mechanism == gateway.MechanismOAuth {
		token := base64.RawURLEncoding.EncodeToString([]byte(text + "&User-Agent=test"))
		return oneMessage{}, []byte("n,,\x01auth=Bearer " + token + "\x01\x01"), nil
	}
	signed, err := url.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	fields := map[string]string{"version": "2020_10_22", "host": host, "user-agent": "test"}
	for name, values := range signed.Query() {
		fields[strings.ToLower(name)] = values[0]
	}
	message, err := json.Marshal(fields)
	return oneMessage{}, message, err
}

// oneMessage is a session that ends with the first answer.
type oneMessage struct{}

func (oneMessage) Challenge([]byte) (bool, []byte, error) { return true, nil, nil }

// TestForeignRole: STS refuses a role that does not trust the caller with AWS's
// text, the same as one that does not exist; the record tells them apart.
func TestForeignRole(t *testing.T) {
	b := startBus(t, nil)
	key := b.principal("app", policy.MayOnlyConnect(b.arns()))
	b.principal("foreign", policy.MayOnlyConnect(b.arns()))
	for role, reason := range map[string]string{"foreign": "does not let", "missing": "does not exist"} {
		_, err := b.assumed(key, role, "session").Retrieve(b.ctx)
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDenied" ||
			refused.ErrorMessage() != "User: "+b.userARN("app")+" is not authorized to perform: sts:AssumeRole on resource: "+b.roleARN(role) {
			t.Errorf("%s: %v", role, err)
		}
		entries := b.entries(eventbus.AuditQuery{Actor: b.userARN("app"), Action: policy.AssumeRole, Resource: b.roleARN(role)})
		if len(entries) != 1 || entries[0].Outcome != eventbus.OutcomeDenied {
			t.Fatalf("%s: audit %+v", role, entries)
		}
		contains(t, role, entries[0].Reason, reason)
	}
}
