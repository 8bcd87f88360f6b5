package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// fast is a node that notices changes of the group quickly.
func fast(port int) registry.Config {
	return registry.Config{Advertised: fmt.Sprintf("http://127.0.0.1:%d", port), Heartbeat: 50 * time.Millisecond,
		SessionTimeout: 6 * time.Second, WriteTimeout: 10 * time.Second}
}

// leaderOf waits until one of the nodes leads.
func leaderOf(t testing.TB, nodes ...*registry.Registry) (leader, other *registry.Registry) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		for i, reg := range nodes {
			if _, self := reg.Leader(); self {
				return reg, nodes[(i+1)%len(nodes)]
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nobody leads")
	return nil, nil
}

// eventually waits for a condition that another node brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func TestTwoNodes(t *testing.T) {
	opts := kafka(t)
	a, stopA := node(t, opts, fast(1), nil)
	mustRegister(t, a, "s", record(fieldA))
	b, _ := node(t, opts, fast(2), nil)
	eventually(t, "both know the leader", func() bool {
		url, self := b.Leader()
		return url == "http://127.0.0.1:1" && !self && b.Ready() == nil
	})
	if v, err := b.Version("s", 1, registry.Live); err != nil || v.ID != 1 || v.RegisteredBy != "alice" {
		t.Fatalf("%+v %v", v, err)
	}
	_, err := b.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: record(fieldA + "," + fieldB)})
	wantCode(t, err, registry.ErrUnknownLeader)
	if v, err := b.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: record(fieldA)}); err != nil || v.ID != 1 {
		t.Fatalf("what is registered is found on any node: %v", err)
	}
	v2 := mustRegister(t, a, "s", record(fieldA+","+fieldB))
	eventually(t, "the follower reads it", func() bool { return b.AllowedUnder("s", v2.ID) })

	stopA()
	leader, _ := leaderOf(t, b)
	if leader != b {
		t.Fatal("b does not lead")
	}
	if v := mustRegister(t, b, "t", `"string"`); v.ID != 3 {
		t.Fatalf("an id moved: %+v", v)
	}
}

func TestSameURLNobodyLeads(t *testing.T) {
	opts := kafka(t)
	cfg := fast(1)
	cfg.WriteTimeout = 300 * time.Millisecond
	a, _ := node(t, opts, cfg, nil)
	leaderOf(t, a)
	b, _ := node(t, opts, cfg, nil)
	eventually(t, "nobody leads", func() bool {
		urlA, selfA := a.Leader()
		urlB, selfB := b.Leader()
		return urlA == "" && urlB == "" && !selfA && !selfB
	})
	_, err := a.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: `"int"`})
	wantCode(t, err, registry.ErrUnknownLeader)
	if a.Ready() == nil {
		t.Fatal("ready without a leader")
	}
}

// TestFence: a writer that another one has replaced cannot write, says so once,
// and heals by a new election.
func TestFence(t *testing.T) {
	opts := kafka(t)
	reg, _ := node(t, opts, fast(1), nil)
	mustRegister(t, reg, "s", `"int"`)

	thief, err := kgo.NewClient(append(slices.Clone(opts), kgo.TransactionalID("schema-registry-writer"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	if err := thief.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := thief.ProduceSync(t.Context(), &kgo.Record{Topic: "_schemas", Key: []byte(`{"keytype":"NOOP","magic":0}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := thief.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}

	_, err = reg.Register(t.Context(), alice, "s2", registry.RegisterRequest{Text: `"long"`})
	wantCode(t, err, registry.ErrUnknownLeader)
	if _, err := reg.Version("s2", 1, registry.Live); err == nil {
		t.Fatal("a fenced write is visible")
	}
	if v := mustRegister(t, reg, "s2", `"long"`); v.ID != 2 || v.Version != 1 {
		t.Fatalf("%+v", v)
	}
}

// TestKafkaRestart: while Kafka is away reads go on, writes fail with a clear
// code and readiness says why; when it is back all heals by itself.
func TestKafkaRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	engine, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	addr := engine.ListenAddrs()[0]
	cfg := fast(1)
	cfg.WriteTimeout = time.Second
	reg, _ := node(t, []kgo.Opt{kgo.SeedBrokers(addr)}, cfg, nil)
	mustRegister(t, reg, "s", `"int"`)
	engine.Close()

	_, err = reg.Register(t.Context(), alice, "s2", registry.RegisterRequest{Text: `"long"`})
	if registry.CodeOf(err).Kind() != eventbus.CodeUnavailable {
		t.Fatalf("a write without Kafka: %v", err)
	}
	if v, err := reg.ByID(1, ""); err != nil || v.Text != `"int"` {
		t.Fatalf("a read without Kafka: %v", err)
	}
	eventually(t, "not ready", func() bool { return reg.Ready() != nil })

	port, err := strconv.Atoi(addr[strings.LastIndexByte(addr, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	engine, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.Ports(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	eventually(t, "healed", func() bool {
		v, err := reg.Register(t.Context(), alice, "s3", registry.RegisterRequest{Text: `"bytes"`})
		return err == nil && v.ID >= 2 && reg.Ready() == nil
	})
}

// TestRestart: the whole bus stops and starts again on the same data; nobody
// waits for a session of the past to end.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	for start := 1; start <= 3; start++ {
		engine, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		reg, stop := node(t, []kgo.Opt{kgo.SeedBrokers(engine.ListenAddrs()...)}, fast(1), nil)
		v := mustRegister(t, reg, "s", record(fieldA+strings.Repeat(","+fieldB, min(start-1, 1))))
		t.Logf("start %d: first write after %v", start, time.Since(begin))
		if v.Version != min(start, 2) || v.ID != v.Version {
			t.Fatalf("start %d: %+v", start, v)
		}
		stop()
		engine.Close()
	}
}

// TestTakeOvers moves the leadership to and fro under load: no id moves, versions
// stay dense, and every acknowledged registration is readable on both nodes.
func TestTakeOvers(t *testing.T) {
	t.Parallel()
	moves := 50
	if testing.Short() {
		moves = 5
	}
	opts := kafka(t)
	var stable [2]atomic.Pointer[registry.Registry]
	var stops [2]func()
	for i := range stable {
		reg, stop := node(t, opts, fast(i+1), nil)
		stable[i].Store(reg)
		stops[i] = stop
	}
	acked := &ledger{ids: map[string]int{}, places: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for worker := range 4 {
		load.Go(func() { acked.load(ctx, t, worker, &stable) })
	}
	for range moves {
		var nodes []*registry.Registry
		for i := range stable {
			nodes = append(nodes, stable[i].Load())
		}
		// A member that is cut off in the middle of joining is waited for by the
		// group until its session ends; that is Kafka's rule, not ours to test.
		eventually(t, "both nodes are settled", func() bool { return nodes[0].Ready() == nil && nodes[1].Ready() == nil })
		leader, _ := leaderOf(t, nodes...)
		before := acked.count()
		eventually(t, "writes go on", func() bool { return acked.count() > before })
		i := slices.Index(nodes, leader)
		stops[i]()
		_, err := leader.Register(t.Context(), alice, "s0", registry.RegisterRequest{Text: record(fieldA)})
		wantCode(t, err, registry.ErrUnknownLeader) // the old leader's write fails
		reg, stop := node(t, opts, fast(i+1), nil)
		stable[i].Store(reg)
		stops[i] = stop
	}
	cancel()
	load.Wait()
	for i := range stable {
		reg := stable[i].Load()
		eventually(t, "both nodes know all", func() bool { return acked.missing(reg) == "" })
		acked.dense(t, reg)
	}
	t.Logf("%d acknowledged registrations over %d take-overs", acked.count(), moves)
}

// ledger notes what was acknowledged.
type ledger struct {
	mu     sync.Mutex
	ids    map[string]int // by text
	places map[string]int // id by subject/version
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.places)
}

func (l *ledger) load(ctx context.Context, t *testing.T, worker int, nodes *[2]atomic.Pointer[registry.Registry]) {
	subject := fmt.Sprintf("s%d", worker)
	for n := 0; ctx.Err() == nil; n++ {
		text := record(fmt.Sprintf(`{"name":"f%d_%d","type":"int","default":0}`, worker%2, n/3)) // two workers share texts
		v, err := nodes[n%2].Load().Register(ctx, alice, subject, registry.RegisterRequest{Text: text})
		if err != nil {
			var fault *registry.Error
			if !errors.As(err, &fault) || fault.Code.Kind() != eventbus.CodeUnavailable {
				t.Errorf("register: %v", err)
				return
			}
			time.Sleep(2 * time.Millisecond)
			continue
		}
		l.mu.Lock()
		if id, ok := l.ids[text]; ok && id != v.ID {
			t.Errorf("text has ids %d and %d", id, v.ID)
		}
		l.ids[text] = v.ID
		l.places[fmt.Sprintf("%s/%d", subject, v.Version)] = v.ID
		l.mu.Unlock()
	}
}

func (l *ledger) missing(reg *registry.Registry) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range reg.List(registry.ListOptions{}) {
		if id, ok := l.places[fmt.Sprintf("%s/%d", v.Subject, v.Version)]; ok && id != v.ID {
			return fmt.Sprintf("%s/%d has id %d, was acknowledged with %d", v.Subject, v.Version, v.ID, id)
		}
		if id, ok := l.ids[v.Text]; ok && id != v.ID {
			return "an id moved"
		}
	}
	for place, id := range l.places {
		if _, err := reg.ByID(id, ""); err != nil {
			return place
		}
	}
	return ""
}

func (l *ledger) dense(t *testing.T, reg *registry.Registry) {
	t.Helper()
	for _, subject := range reg.Subjects("", registry.Live) {
		numbers, err := reg.Versions(subject, registry.Live)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range numbers {
			if n != i+1 {
				t.Fatalf("%s: versions are not dense: %v", subject, numbers)
			}
		}
	}
}
