package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
	"github.com/enterprise-event-bus/eventbus/interop/go/ca"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// readyLimit bounds a start; a busy machine takes a while.
const readyLimit = time.Minute

// administrator is the person behind the token of the configuration.
const administrator = "administrator"

const administratorToken = "a-token-of-the-tests-with-more-than-32-characters"

// deck is what the instances of one bus share: certificates, secrets, people and
// the configuration.
type deck struct {
	t       *testing.T
	ca      *ca.CA
	dir     string
	program string
	idp     string // issuer
	ports   []int  // of the HTTP doors, known before the provider is made
	base    string // the part of the configuration that all instances share
	// kafkaIAM is where instances listen for Kafka; port 0 unless a test needs one.
	kafkaIAM  string
	peers     int
	once      sync.Once // makes transport
	transport *http.Transport
}

// newDeck prepares a bus; kafkas and database are YAML.
func newDeck(t *testing.T, instances int, environments, more string) *deck {
	t.Helper()
	d := &deck{t: t, ca: ca.New(t), dir: t.TempDir(), program: program(t), ports: kafka.FreePorts(t, 2*instances), kafkaIAM: "127.0.0.1:0"}
	pair := d.ca.Issue(t, "bus", domain, "*."+domain)
	d.idp = d.people()
	key := filepath.Join(d.dir, "master.key")
	token := filepath.Join(d.dir, "token")
	for file, text := range map[string]string{key: strings.Repeat("5e", 32), token: administratorToken} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roles := "\n"
	for group, of := range devidp.GroupRoles() {
		roles += fmt.Sprintf("    %s: [%s]\n", group, of[0])
	}
	d.base = fmt.Sprintf(`masterKey: {file: %s}
administrator: {token: {file: %s}}
tls:
  ca: %s
  certificates: [{certificate: %s, key: %s}]
signIn:
  issuer: %s
  clientID: eventbus
  teamPrefix: %s
  groupRoles:%s
log: {level: info}
%s
environments:
%s`, key, token, d.ca.File, pair.Certificate, pair.Key, d.idp, devidp.TeamPrefix, roles, more, environments)
	return d
}

// file writes a file into the folder of the bus and gives its path.
func (d *deck) file(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// people runs the identity provider of the demo organisation; every instance is a
// client of it.
func (d *deck) people() string {
	d.t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	d.t.Cleanup(server.Close)
	var redirects []string
	for i := 0; i < len(d.ports); i += 2 {
		redirects = append(redirects, fmt.Sprintf("https://127.0.0.1:%d/login/callback", d.ports[i]))
	}
	issuer := server.URL + "/dev/idp"
	provider, err := devidp.New(devidp.Config{Issuer: issuer, ClientID: "eventbus", RedirectURLs: redirects}, devidp.Personas())
	if err != nil {
		d.t.Fatal(err)
	}
	mux.Handle("/dev/idp/", provider)
	return issuer
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "eventbus-serve-")
	if err != nil {
		return "", err
	}
	_, file, _, _ := runtime.Caller(0)
	make := exec.Command("go", "build", "-o", dir, "./cmd/eventbus")
	make.Dir = filepath.Join(filepath.Dir(file), "..", "..", "..")
	if out, err := make.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return filepath.Join(dir, "eventbus"), nil
})

// program builds the binary, once.
func program(t *testing.T) string {
	t.Helper()
	file, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMain(m *testing.M) {
	code := m.Run()
	if file, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

// instance is one process of the bus.
type instance struct {
	d       *deck
	name    string
	config  string
	at      addresses
	process *exec.Cmd
	ended   <-chan struct{}
	log     string
}

// addresses are those of the ready file.
type addresses struct {
	HTTP, Registry, Admin string
	KafkaIAM              string `json:"kafka_iam"`
}

// instance describes the next process; start runs it.
func (d *deck) instance() *instance {
	d.t.Helper()
	n := d.peers
	d.peers++
	i := &instance{d: d, name: fmt.Sprintf("bus-%d", n+1)}
	i.config, i.log = filepath.Join(d.dir, i.name+".yaml"), filepath.Join(d.dir, i.name+".log")
	text := fmt.Sprintf("listeners:\n  http: 127.0.0.1:%d\n  registry: 127.0.0.1:%d\n  kafkaIAM: %s\n  admin: 127.0.0.1:0\n%s", d.ports[2*n], d.ports[2*n+1], d.kafkaIAM, d.base)
	if err := os.WriteFile(i.config, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		i.kill()
		if d.t.Failed() {
			d.t.Logf("the log of %s ends:\n%s", i.name, tail(i.log))
		}
	})
	return i
}

// run starts the process and waits until it is ready.
func (i *instance) run() *instance {
	i.d.t.Helper()
	i.launch()
	i.await()
	return i
}

// launch starts the process.
func (i *instance) launch() {
	i.d.t.Helper()
	ready := i.config + ".ready"
	_ = os.Remove(ready) // of an earlier start
	log, err := os.OpenFile(i.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		i.d.t.Fatal(err)
	}
	defer log.Close()
	i.process = exec.Command(i.d.program, "serve", "--config", i.config, "--ready-file", ready)
	i.process.Stdout, i.process.Stderr = log, log
	if i.ended, err = kafka.Launch(i.process); err != nil {
		i.d.t.Fatal(err)
	}
}

// await waits until the instance says that it is ready.
func (i *instance) await() {
	i.d.t.Helper()
	for end := time.Now().Add(readyLimit); ; time.Sleep(10 * time.Millisecond) {
		if text, err := os.ReadFile(i.config + ".ready"); err == nil {
			if err := json.Unmarshal(text, &i.at); err != nil {
				i.d.t.Fatal(err)
			}
			return
		}
		select {
		case <-i.ended:
			i.d.t.Fatalf("%s ended:\n%s", i.name, tail(i.log))
		default:
		}
		if time.Now().After(end) {
			i.d.t.Fatalf("%s is not ready:\n%s", i.name, tail(i.log))
		}
	}
}

// kill ends the process as a crash does.
func (i *instance) kill() {
	if i.process == nil || i.process.Process == nil {
		return
	}
	_ = i.process.Process.Kill() // it may have ended
	<-i.ended
}

// stop ends the process as an operator does, and gives how it ended.
func (i *instance) stop() int {
	_ = i.process.Process.Signal(syscall.SIGTERM) // it may have ended
	<-i.ended
	return i.process.ProcessState.ExitCode()
}

// http trusts the CA of the doors.
func (d *deck) http() *http.Client {
	d.once.Do(func() { d.transport = &http.Transport{TLSClientConfig: d.ca.TLS(), MaxIdleConnsPerHost: 16} })
	return &http.Client{Timeout: 10 * time.Second, Transport: d.transport}
}

// api calls the instance as the administrator.
func (i *instance) api() *client.API {
	return &client.API{Server: i.at.HTTP, Token: administratorToken, HTTP: i.d.http()}
}

// cli runs the command line as a person who has signed in, and gives what it
// printed. Each person has a home of their own.
func (i *instance) cli(person string, arguments ...string) (string, error) {
	return i.cliEnv(person, nil, arguments...)
}

func (i *instance) cliEnv(person string, more []string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(i.d.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, i.d.program, arguments...)
	if person == administrator {
		more = append(more, "EVENTBUS_TOKEN="+administratorToken)
	}
	cmd.Env = append([]string{"HOME=" + filepath.Join(i.d.dir, "home-"+person), "EVENTBUS_SERVER=" + i.at.HTTP, "SSL_CERT_FILE=" + i.d.ca.File, "PATH=" + os.Getenv("PATH")}, more...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("eventbus %s: %w\n%s", strings.Join(arguments, " "), err, talk.String())
	}
	return out.String(), nil
}

// must is cli that has to work.
func (i *instance) must(person string, arguments ...string) string {
	i.d.t.Helper()
	out, err := i.cli(person, arguments...)
	if err != nil {
		i.d.t.Fatal(err)
	}
	return out
}

func tail(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-6000):])
}

// onKafka is the YAML of three environments on one cluster.
func onKafka(cluster string) string {
	var b strings.Builder
	for _, e := range []string{"{name: development, prefix: dev_", "{name: staging, prefix: staging_", "{name: production, prefix: prod_, production: true, phi: true"} {
		fmt.Fprintf(&b, "  - %s, cluster: %s}\n", e, cluster)
	}
	return b.String()
}

// secure is the YAML of a cluster with TLS and SASL.
func secure(real *kafka.Cluster, caFile, sasl string) string {
	return "{bootstrap: [" + strings.Join(real.Secure, ", ") + "], tls: {ca: " + caFile + "}, sasl: {" + sasl + "}}"
}

// apply makes an event with a topic of some partitions in development, by the
// command line, and gives what was said.
func (i *instance) apply(name string, partitions int) (string, error) {
	text := fmt.Sprintf(`apiVersion: eventbus/v1
kind: Event
name: %s
title: %s
description: An event of the tests.
domain: tests
owner: claims
dataClasses: [none]
schema: {value: '{"type":"record","name":"E","fields":[{"name":"n","type":"long"}]}'}
topics:
  - {environment: development, partitions: %d, retentionDays: 1}
`, name, name, partitions)
	file := filepath.Join(i.d.dir, name+".manifest.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", err
	}
	return i.cli(administrator, "apply", file, "--yes")
}

// plaintext is the YAML of a cluster without TLS and SASL.
func plaintext(bootstrap []string) string {
	return "{bootstrap: [" + strings.Join(bootstrap, ", ") + "]}"
}
