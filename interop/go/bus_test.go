package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/eventbustest"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/server"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// bus is a running `eventbus dev`, as a user starts it, or in this process before
// Apache Kafka.
type bus struct {
	binary string
	home   string // of its token, and of the clients
	secret string // the administrator's token, where it is not in home
	log    journal
	at     struct {
		HTTP     string `json:"http"`
		Registry string `json:"registry"`
		Kafka    string `json:"kafka"`
		KafkaIAM string `json:"kafka_iam"`
		STSTLS   string `json:"sts_tls"`
		CA       string `json:"ca_file"`
		Trust    string `json:"truststore"`
	}
}

// startBus runs the binary on free ports and without the demo until the test
// ends; more are flags of `dev`.
func startBus(t *testing.T, more ...string) *bus {
	t.Helper()
	return startBusWith(t, append([]string{"--no-demo"}, more...)...)
}

// startBusWith is startBus with all flags of `dev` but the addresses.
func startBusWith(t *testing.T, flags ...string) *bus {
	t.Helper()
	b := &bus{binary: binary(t), home: t.TempDir()}
	ready := filepath.Join(b.home, "ready.json")
	const free = "127.0.0.1:0"
	cmd := exec.Command(b.binary, append([]string{"dev", "--kafka", free, "--kafka-iam", free, "--kafka-iam-external", free, "--registry", free, "--http", free,
		"--data-dir", filepath.Join(b.home, "data"), "--ready-file", ready, "--log-level", "info"}, flags...)...)
	cmd.Env, cmd.Stderr = b.environment(nil), &b.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		if err := <-ended; err != nil {
			t.Errorf("the bus ended with %v", err)
		}
		if t.Failed() {
			text := b.log.since(0)
			t.Logf("the bus's log ends:\n%s", text[max(0, len(text)-6000):])
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(ready); err == nil {
			if err := json.Unmarshal(text, &b.at); err != nil {
				t.Fatal(err)
			}
			return b
		}
		if time.Now().After(deadline) {
			t.Fatalf("the bus did not become ready:\n%s", b.log.since(0))
		}
	}
}

// build makes the binary, once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "eventbus-interop-")
	if err != nil {
		return "", err
	}
	make := exec.Command("go", "build", "-o", dir, "./cmd/eventbus")
	make.Dir = filepath.Join(kafka.Folder(), "..")
	if out, err := make.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the bus: %w\n%s", err, out)
	}
	return filepath.Join(dir, "eventbus"), nil
})

func binary(t *testing.T) string {
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

// startBusBeforeKafka runs a bus before an Apache Kafka of three brokers.
// Its PLAINTEXT address is that of a broker: clients under test sign in.
func startBusBeforeKafka(t *testing.T) *bus {
	t.Helper()
	real := kafka.Start(t, 3)
	b := &bus{binary: binary(t), home: t.TempDir()}
	running := eventbustest.Start(t, func(c *server.Config) {
		c.DataDir = filepath.Join(b.home, "data")
		var all []string
		for _, e := range eventbus.DemoEnvironments() {
			all = append(all, e.Name)
		}
		c.Kafka = []server.Kafka{{Environments: all, External: cluster.ExternalConfig{Bootstrap: real.Bootstrap}}}
		c.Logger = slog.New(slog.NewJSONHandler(&b.log, nil))
	})
	b.secret, b.at.HTTP, b.at.Registry, b.at.Kafka, b.at.KafkaIAM = running.API().Token, running.HTTP, running.Registry, real.Bootstrap[0], running.KafkaIAM
	t.Cleanup(func() {
		if t.Failed() {
			text := b.log.since(0)
			t.Logf("the bus's log ends:\n%s", text[max(0, len(text)-6000):])
		}
	})
	return b
}

// embedded reports whether the bus has an engine of its own.
func (b *bus) embedded() bool { return b.secret == "" }

// journal is the log of a bus, one JSON object a line.
type journal struct {
	mu   sync.Mutex
	text []byte
}

// Write takes in more of it.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, p...)
	return len(p), nil
}

// size is how long it is by now.
func (j *journal) size() int { return len(j.since(0)) }

// since gives what was written after a size.
func (j *journal) since(from int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return string(j.text[from:])
}

// eventbus runs the command line against the bus, as its administrator or as who
// signed in under who's own folder, and gives what it prints.
func (b *bus) eventbus(t *testing.T, who string, arguments ...string) string {
	t.Helper()
	cmd := exec.Command(b.binary, append([]string{"--server", b.at.HTTP}, arguments...)...)
	cmd.Env = b.environment(nil)
	if who != "" {
		cmd.Env = b.environment(map[string]string{"XDG_CONFIG_HOME": filepath.Join(b.home, who)})
	}
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("eventbus %s: %v\n%s%s", strings.Join(arguments, " "), err, out, talk.String())
	}
	return string(out)
}

// clientSet is what `eventbus env` prints for a principal, "" for PLAINTEXT.
func (b *bus) clientSet(t *testing.T, principal string) map[string]string {
	t.Helper()
	arguments := []string{"env", "--format", "json"}
	if principal != "" {
		arguments = append(arguments, "--principal", principal)
	}
	var set map[string]string
	if err := json.Unmarshal([]byte(b.eventbus(t, "", arguments...)), &set); err != nil {
		t.Fatal(err)
	}
	return set
}

// environment keeps a program away from the user's own AWS configuration.
func (b *bus) environment(set map[string]string) []string {
	env := []string{"HOME=" + b.home, "XDG_CONFIG_HOME=" + b.home, "XDG_STATE_HOME=" + b.home, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + filepath.Join(b.home, "none"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(b.home, "none")}
	for _, keep := range os.Environ() {
		name, _, _ := strings.Cut(keep, "=")
		if !strings.HasPrefix(name, "AWS_") && !strings.HasPrefix(name, "XDG_") && name != "HOME" {
			env = append(env, keep)
		}
	}
	if b.secret != "" {
		env = append(env, "EVENTBUS_TOKEN="+b.secret)
	}
	env = append(env, "GOMODCACHE="+goEnv("GOMODCACHE"), "GOCACHE="+goEnv("GOCACHE"))
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	return env
}

func goEnv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// jobLimit bounds one run of a client.
const jobLimit = 5 * time.Minute

// do runs a client and gives its line for each job.
func (b *bus) do(t *testing.T, c client, set map[string]string, jobs ...string) map[string]outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), jobLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.command[0], append(c.command[1:len(c.command):len(c.command)], jobs...)...)
	cmd.Dir = filepath.Join(kafka.Folder(), c.folder)
	cmd.Env = b.environment(set)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	outcomes := map[string]outcome{}
	for line := range strings.Lines(string(out)) {
		verdict, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		job, text, _ := strings.Cut(rest, " ")
		if verdict == "ok" || verdict == "none" || verdict == "bytes" || verdict == "error" {
			outcomes[job] = outcome{verdict, text}
		}
	}
	for _, job := range jobs {
		if _, ok := outcomes[job]; !ok {
			said := talk.Bytes()
			outcomes[job] = outcome{"silent", "the client said nothing about it: " + strings.TrimSpace(string(said[max(0, len(said)-1000):]))}
			if err != nil {
				t.Logf("%s: %v", c.name, err)
			}
		}
	}
	return outcomes
}

// outcome is what a client said about a job: ok, none (the client has it not),
// bytes (it carries them, and cannot read them), error, or silent when it ended
// without a word.
type outcome struct{ verdict, text string }
