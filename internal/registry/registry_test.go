package registry_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// kafka starts an engine in memory.
func kafka(t testing.TB) []kgo.Opt {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}
}

// node opens a registry and runs it until the test ends or stop is called.
func node(t testing.TB, opts []kgo.Opt, cfg registry.Config, copies registry.Copies) (reg *registry.Registry, stop func()) {
	t.Helper()
	if cfg.Logger == nil && os.Getenv("EVENTBUS_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	reg, err := registry.Open(t.Context(), cfg, opts, copies)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- reg.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		reg.Close()
	}
	t.Cleanup(stop)
	return reg, stop
}

var alice = registry.Caller{Author: "alice", RequestID: "r-1"}

// record is the text of a record schema with the given fields.
func record(fields string) string {
	return `{"type":"record","name":"Letter","fields":[` + fields + `]}`
}

const fieldA, fieldB, fieldC = `{"name":"a","type":"string"}`, `{"name":"b","type":"int","default":0}`, `{"name":"c","type":"int"}`

func mustRegister(t testing.TB, reg *registry.Registry, subject, text string) registry.Version {
	t.Helper()
	v, err := reg.Register(context.Background(), alice, subject, registry.RegisterRequest{Text: text})
	if err != nil {
		t.Fatalf("register %s: %v", subject, err)
	}
	return v
}

func wantCode(t testing.TB, err error, code registry.ErrorCode) {
	t.Helper()
	if got := registry.CodeOf(err); got != code {
		t.Fatalf("code %d, want %d (%v)", got, code, err)
	}
	if code != 0 && eventbus.CodeOf(err) != code.Kind() {
		t.Fatalf("kind %s, want %s", eventbus.CodeOf(err), code.Kind())
	}
}

func TestRegisterAndRead(t *testing.T) {
	begin := time.Now()
	reg, _ := node(t, kafka(t), registry.Config{}, nil)
	v1 := mustRegister(t, reg, "letters-value", record(fieldA))
	t.Logf("first write acknowledged %v after start of the engine", time.Since(begin))
	if v1.ID != 1 || v1.Version != 1 || v1.RegisteredBy != "alice" || v1.RequestID != "r-1" || v1.RegisteredAt.IsZero() {
		t.Fatalf("%+v", v1)
	}
	if again := mustRegister(t, reg, "letters-value", record(fieldA)); again.ID != 1 || again.Version != 1 {
		t.Fatalf("again: %+v", again)
	}
	if other := mustRegister(t, reg, "other-value", record(fieldA)); other.ID != 1 || other.Version != 1 {
		t.Fatalf("the same text has another id: %+v", other)
	}
	if v2 := mustRegister(t, reg, "letters-value", record(fieldA+","+fieldB)); v2.ID != 2 || v2.Version != 2 {
		t.Fatalf("%+v", v2)
	}
	_, err := reg.Register(t.Context(), alice, "letters-value", registry.RegisterRequest{Text: record(fieldA + "," + fieldB + "," + fieldC)})
	wantCode(t, err, registry.ErrIncompatible)
	var fault *registry.Error
	if !errors.As(err, &fault) || len(fault.Reasons) == 0 {
		t.Fatalf("no reasons: %v", err)
	}
	if !reg.AllowedUnder("letters-value", 2) || reg.AllowedUnder("other-value", 2) || reg.AllowedUnder("nobody", 1) {
		t.Fatal("schema guard")
	}
	if err := reg.Ready(); err != nil {
		t.Fatal(err)
	}
}

// TestLargeSchema: 1 MiB of schema that doubles when it is escaped is kept; on a
// topic that takes less it is refused with its own code, and writing goes on.
func TestLargeSchema(t *testing.T) {
	opts := kafka(t)
	large := `{"type":"enum","name":"E","symbols":["A"],"doc":"` + strings.Repeat(`\"`, 500_000) + `"}`
	reg, stop := node(t, opts, registry.Config{}, nil)
	if v := mustRegister(t, reg, "s", large); !strings.Contains(v.Text, `\"\"`) {
		t.Fatal("another text")
	}
	stop()
	small := kafka(t)
	cl, err := kgo.NewClient(small...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	compact, limit := "compact", "100000"
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact, "max.message.bytes": &limit}, "_schemas"); err != nil {
		t.Fatal(err)
	}
	reg, _ = node(t, small, registry.Config{}, nil)
	_, err = reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: large})
	wantCode(t, err, registry.ErrSchemaTooLarge)
	if v := mustRegister(t, reg, "s", `"int"`); v.ID != 1 {
		t.Fatalf("%+v", v)
	}
}

// TestUnfitTopic: a topic that would lose or reorder records is refused.
func TestUnfitTopic(t *testing.T) {
	for name, c := range map[string]struct {
		partitions int32
		policy     string
	}{"two partitions": {2, "compact"}, "records expire": {1, "delete"}} {
		t.Run(name, func(t *testing.T) {
			opts := kafka(t)
			cl, err := kgo.NewClient(opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer cl.Close()
			if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), c.partitions, 1, map[string]*string{"cleanup.policy": &c.policy}, "_schemas"); err != nil {
				t.Fatal(err)
			}
			if _, err := registry.Open(t.Context(), registry.Config{}, opts, nil); err == nil {
				t.Fatal("opened")
			}
		})
	}
}
