package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// opening gives the fault of a bus that must not start.
func opening(t *testing.T, dir string) *eventbus.Error {
	t.Helper()
	bus, err := Open(t.Context(), Config{Dev: true, DataDir: dir, Listeners: Listeners{Kafka: "127.0.0.1:0", HTTP: "127.0.0.1:0"}})
	if err == nil {
		bus.Close()
		t.Fatal("the bus opened")
	}
	var fault *eventbus.Error
	if !errors.As(err, &fault) || fault.Next == "" {
		t.Fatalf("%v does not say what to do", err)
	}
	contains(t, "the fault", err.Error(), dir)
	return fault
}

// TestDataFolderNotWritable: the folder is named, with what to do, and nothing
// is left open.
func TestDataFolderNotWritable(t *testing.T) {
	t.Run("a file is in its place", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if fault := opening(t, filepath.Join(file, "data")); fault.Code != eventbus.CodeUnavailable {
			t.Errorf("fault %+v", fault)
		}
	})
	t.Run("no lock can be written", func(t *testing.T) { // for root, too, who may write everywhere
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "lock"), 0o700); err != nil {
			t.Fatal(err)
		}
		if fault := opening(t, dir); fault.Code != eventbus.CodeUnavailable {
			t.Errorf("fault %+v", fault)
		}
	})
	t.Run("in use", func(t *testing.T) {
		dir := t.TempDir()
		startBus(t, func(c *Config) { c.DataDir = dir })
		fault := opening(t, dir)
		contains(t, "the fault", fault.Error(), "in use")
	})
}

// TestNearlyFullDisk: below the threshold of free space writes are refused with a
// clear code and reason, for the local administrator too; reading, signing in
// and committing go on, and readiness says why.
func TestNearlyFullDisk(t *testing.T) {
	dir := t.TempDir()
	before := startBus(t, func(c *Config) { c.DataDir = dir })
	before.topics("kept")
	key := before.principal("app", policy.ProduceIdempotent(before.arns(), "kept"), policy.Consume(before.arns(), "kept", "readers"))
	if err := before.local(kgo.DefaultProduceTopic("kept")).ProduceSync(before.ctx, kgo.StringRecord("before")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	before.stop()

	b := runBus(t, func(c *Config) { c.DataDir, c.Cluster.MinFree = dir, 1<<60 })
	b.eventually("readiness says why", func() bool {
		faults := b.unready()
		return len(faults) == 1 && strings.Contains(faults["kafka writes"], "the bus is read-only: the disk of "+dir)
	})
	mechanism := mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(key))
	impatient := []kgo.Opt{kgo.DefaultProduceTopic("kept"), kgo.DisableIdempotentWrite(), kgo.RecordRetries(1), kgo.MetadataMinAge(50 * time.Millisecond)}
	for who, kafka := range map[string]*kgo.Client{"the local administrator": b.local(impatient...), "a principal": b.client(mechanism, impatient...)} {
		if err := kafka.ProduceSync(b.ctx, kgo.StringRecord("after")).FirstErr(); !errors.Is(err, kerr.KafkaStorageError) {
			t.Errorf("%s: produce is answered %v", who, err)
		}
	}
	if err := b.kafkas.all[0].engine.CreateTopic(b.ctx, eventbus.Topic{Name: "new", Partitions: 1, ReplicationFactor: 1}); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Errorf("create topic: %v", err)
	}
	reader := b.client(mechanism, kgo.ConsumeTopics("kept"), kgo.ConsumerGroup("readers"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	fetches := reader.PollFetches(b.ctx)
	if err := fetches.Err(); err != nil || fetches.NumRecords() != 1 || string(fetches.Records()[0].Value) != "before" {
		t.Errorf("reading: %v %+v", err, fetches.Records())
	}
	if err := reader.CommitUncommittedOffsets(b.ctx); err != nil {
		t.Errorf("committing: %v", err)
	}
	if got := len(b.read("kept")); got != 1 {
		t.Errorf("%d records in the log, want 1", got)
	}
}

// TestFirstStartOnAFullDisk: what every bus has cannot be made, so it does not
// start and says why.
func TestFirstStartOnAFullDisk(t *testing.T) {
	listeners := Listeners{Kafka: "127.0.0.1:0", Registry: "127.0.0.1:0"}
	bus, err := Open(t.Context(), Config{Dev: true, DataDir: t.TempDir(), Listeners: listeners, Cluster: cluster.Config{MinFree: 1 << 60}})
	if err == nil {
		err = errors.Join(bus.Run(t.Context()), bus.Close())
	}
	var fault *eventbus.Error
	if !errors.As(err, &fault) || fault.Code != eventbus.CodeUnavailable {
		t.Fatalf("%v", err)
	}
	contains(t, "the fault", err.Error(), "read-only", "bytes free")
	contains(t, "what to do", fault.Next, "free disk space")
}

// unready asks /healthz/ready for the faults of the parts.
func (b *bus) unready() map[string]string {
	b.t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(b.Addresses().HTTP + "/healthz/ready")
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct{ Faults map[string]string }
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		b.t.Fatal(err)
	}
	if (answer.StatusCode == http.StatusOK) != (len(body.Faults) == 0) {
		b.t.Errorf("status %d with faults %v", answer.StatusCode, body.Faults)
	}
	return body.Faults
}
