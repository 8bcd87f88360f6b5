package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/aws"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/bench/peer"
)

// administratorToken protects nothing but a process of the benchmark on loopback.
const administratorToken = "a-token-of-the-benchmark-with-more-than-32-characters"

// region is the one that clients sign for.
const region = "us-gov-west-1"

// addresses are where a gateway listens, as its ready file tells.
type addresses struct {
	HTTP, Registry string
	Kafka          string `json:"kafka_iam"`
}

// startGateway runs `eventbus serve` before a broker, with a user whose policy
// lets it produce and consume.
func startGateway(binary, dir, broker string, trusted *tls.Config) (*subject, addresses, error) {
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
			return nil, addresses{}, err
		}
	}
	log, err := os.Create(filepath.Join(dir, "serve.log"))
	if err != nil {
		return nil, addresses{}, err
	}
	defer log.Close()
	cmd := exec.Command(binary, "serve", "--config", config, "--ready-file", ready)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, addresses{}, err
	}
	s := &subject{Processes: measure.Processes{measure.PID(cmd.Process.Pid)}, stop: func() error {
		return errors.Join(cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}}
	var at addresses
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
			return nil, at, errors.Join(fmt.Errorf("serve is not ready: %w\n%s", err, said), s.stop())
		}
	}
	login, err := user(binary, dir, at.HTTP)
	if err == nil {
		err = os.Setenv("AWS_REGION", region) // where the client's login looks for it
	}
	if err != nil {
		return nil, at, errors.Join(err, s.stop())
	}
	s.reach = []kgo.Opt{kgo.SeedBrokers(at.Kafka), kgo.DialTLSConfig(trusted), kgo.SASL(login.AsManagedStreamingIAMMechanism())}
	return s, at, nil
}

// user makes a user with a key and the policy, by the command line.
func user(binary, dir, server string) (aws.Auth, error) {
	var key struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	}
	for _, arguments := range [][]string{
		{"iam", "user", "create", peer.User},
		{"iam", "policy", "put", "bench", filepath.Join(dir, "policy.json"), "--user", peer.User},
		{"iam", "key", "create", peer.User, "-o", "json"},
	} {
		cmd := exec.Command(binary, arguments...)
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
