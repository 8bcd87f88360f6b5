package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/aws"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/bench/peer"
)

// administratorToken protects nothing but a process of the benchmark on loopback.
const administratorToken = "a-token-of-the-benchmark-with-more-than-32-characters"

// region is the one that clients sign for.
const region = "us-gov-west-1"

// secureLoads are sent through both secure doors.
var secureLoads = []load{{100, 10, 500_000}, {1 << 10, 10, 100_000}, {10 << 10, 10, 10_000}}

// secure compares, before one and the same broker, the gateway with Kafka's own
// secure listener. What the gateway costs includes what the broker behind it does.
func (b *bench) secure() error {
	for round := range b.rounds {
		if err := b.secureRound(round); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) secureRound(round int) (err error) {
	dir := filepath.Join(b.dir, fmt.Sprintf("secure-%d", round))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	certificate, trusted, err := certify(dir)
	if err != nil {
		return err
	}
	broker, err := peer.StartKafka(dir, certificate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Stop()) }()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	gateway, err := b.startGateway(dir, broker.Address, trusted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gateway.stop()) }()
	gateway.processes = append(gateway.processes, broker.PID)
	plain := &subject{reach: []kgo.Opt{kgo.SeedBrokers(broker.Address)}}
	if err := plain.allow(ctx); err != nil {
		return err
	}
	own := &subject{processes: []measure.PID{broker.PID}, reach: []kgo.Opt{kgo.SeedBrokers(broker.Secure), kgo.DialTLSConfig(trusted),
		kgo.SASL(scram.Auth{User: peer.User, Pass: peer.Password}.AsSha512Mechanism())}}
	names, subjects := []string{"gateway", "kafka"}, []*subject{gateway, own}
	for i := range names {
		at := (i + round) % len(names)
		if err := b.secureSide(ctx, names[at], plain, subjects[at]); err != nil {
			return fmt.Errorf("%s: %w", names[at], err)
		}
	}
	now, _, err := gateway.processes[0].Memory()
	b.Add("gateway process, RSS after it all MiB", now)
	return err
}

// secureSide warms the path up and measures it.
func (b *bench) secureSide(ctx context.Context, side string, plain, s *subject) error {
	for i, l := range append([]load{{100, 10, 100_000}}, secureLoads...) {
		topic := fmt.Sprintf("bench_%s-%d", side, i)
		if err := plain.create(ctx, topic, l.partitions); err != nil {
			return err
		}
		made, err := s.timed(func() error { return produce(ctx, s, topic, l.size, l.records) })
		if err != nil {
			return err
		}
		read, err := s.timed(func() error { return consume(ctx, s, topic, l.records) })
		if err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		cell := fmt.Sprintf("%s %d B", side, l.size)
		n := float64(l.records)
		b.Add(cell+", produced /s", n/made.seconds)
		b.Add(cell+", consumed /s", n/read.seconds)
		b.Add(cell+", produce CPU us", made.cpu/n*1e6)
		b.Add(cell+", consume CPU us", read.cpu/n*1e6)
	}
	return b.singleOn(ctx, side, plain, s, "bench_"+side+"-single")
}

// allow gives the user of Kafka's own listener what the benchmark needs.
func (s *subject) allow(ctx context.Context) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	rules := kadm.NewACLs().Topics("*").Groups("*").Clusters().Allow("User:"+peer.User).AllowHosts().
		Operations(kadm.OpRead, kadm.OpWrite, kadm.OpDescribe, kadm.OpIdempotentWrite).ResourcePatternType(kadm.ACLPatternLiteral)
	answers, err := kadm.NewClient(client).CreateACLs(ctx, rules)
	if err != nil {
		return err
	}
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	return err
}

// startGateway runs `eventbus serve` before a broker, with a user whose policy
// lets it produce and consume.
func (b *bench) startGateway(dir, broker string, trusted *tls.Config) (*subject, error) {
	config, ready := filepath.Join(dir, "serve.yaml"), filepath.Join(dir, "ready.json")
	files := map[string]string{
		filepath.Join(dir, "master.key"):  strings.Repeat("5e", 32),
		filepath.Join(dir, "token"):       administratorToken,
		filepath.Join(dir, "policy.json"): `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kafka-cluster:Connect","kafka-cluster:DescribeTopic","kafka-cluster:ReadData","kafka-cluster:WriteData","kafka-cluster:WriteDataIdempotently","kafka-cluster:DescribeGroup","kafka-cluster:AlterGroup"],"Resource":"*"}]}`,
		config: fmt.Sprintf(`dataDir: %[1]s/bus
masterKey: {file: %[1]s/master.key}
administrator: {token: {file: %[1]s/token}}
deployment: {region: %[3]s}
tls: {ca: %[1]s/ca.pem, certificates: [{certificate: %[1]s/server.pem, key: %[1]s/server.key}]}
listeners: {http: "127.0.0.1:0", registry: "127.0.0.1:0", kafkaIAM: "127.0.0.1:0", admin: "127.0.0.1:0"}
environments:
  - {name: bench, prefix: bench_, cluster: {bootstrap: ["%[2]s"]}}
`, dir, broker, region)}
	for file, text := range files {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(dir, "serve.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(b.binary, "serve", "--config", config, "--ready-file", ready)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &subject{processes: []measure.PID{measure.PID(cmd.Process.Pid)}, stop: func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}}
	var at struct {
		HTTP  string
		Kafka string `json:"kafka_iam"`
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ready)
		if err == nil {
			err = json.Unmarshal(text, &at)
		}
		if err == nil {
			break
		}
		if time.Since(began) > time.Minute {
			said, _ := os.ReadFile(log.Name())
			return nil, errors.Join(fmt.Errorf("serve is not ready: %w\n%s", err, said), s.stop())
		}
	}
	login, err := b.user(dir, at.HTTP)
	if err == nil {
		err = os.Setenv("AWS_REGION", region) // where the client's login looks for it
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.reach = []kgo.Opt{kgo.SeedBrokers(at.Kafka), kgo.DialTLSConfig(trusted), kgo.SASL(login.AsManagedStreamingIAMMechanism())}
	return s, nil
}

// user makes a user with a key and the policy, by the command line.
func (b *bench) user(dir, server string) (aws.Auth, error) {
	var key struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	for _, arguments := range [][]string{
		{"iam", "user", "create", peer.User},
		{"iam", "policy", "put", "bench", filepath.Join(dir, "policy.json"), "--user", peer.User},
		{"iam", "key", "create", peer.User, "-o", "json"},
	} {
		cmd := exec.Command(b.binary, arguments...)
		cmd.Env = append(os.Environ(), "EVENTBUS_SERVER="+server, "EVENTBUS_TOKEN="+administratorToken, "SSL_CERT_FILE="+filepath.Join(dir, "ca.pem"), "HOME="+dir)
		out, err := cmd.Output()
		if err != nil {
			said := ""
			if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
				said = string(failed.Stderr)
			}
			return aws.Auth{}, fmt.Errorf("eventbus %s: %w\n%s", strings.Join(arguments, " "), err, said)
		}
		if arguments[1] == "key" {
			if err := json.Unmarshal(out, &key); err != nil {
				return aws.Auth{}, fmt.Errorf("read the key: %w", err)
			}
		}
	}
	return aws.Auth{AccessKey: key.ID, SecretKey: key.Secret}, nil
}

// certify writes a CA and a certificate of localhost into dir; both servers show
// the same one. It gives what Kafka needs and the configuration that trusts it.
func certify(dir string) (*peer.Certificate, *tls.Config, error) {
	now := time.Now()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	authority := block("CERTIFICATE", caDER)
	c := &peer.Certificate{Chain: block("CERTIFICATE", der) + authority, Key: block("PRIVATE KEY", pkcs8)}
	for file, text := range map[string]string{"ca.pem": authority, "server.pem": c.Chain, "server.key": c.Key} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			return nil, nil, err
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority))
	return c, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}
