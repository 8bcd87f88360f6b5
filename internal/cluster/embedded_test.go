package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

func TestRestartKeepsRecordsGroupsAndTopicIDs(t *testing.T) {
	for _, way := range []string{"clean stop", "crash"} {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			e := start(t, Config{DataDir: dir}, nil)
			create(t, e, "orders", 3, map[string]string{"retention.bytes": "1000000"})
			produce(t, e, "orders", 20, nil)
			group := kadm.Offsets{}
			group.AddOffset("orders", 0, 7, -1)
			if err := kadm.NewClient(client(t, e)).CommitAllOffsets(t.Context(), "readers", group); err != nil {
				t.Fatal(err)
			}
			var before *kfake.TopicInfo
			e.ask(func(c *kfake.Cluster) { before = c.TopicInfo("orders") })
			want := values(t, e, "orders")

			if way == "crash" {
				dir = crashImage(t, dir)
			} else {
				stop(t, e)
			}
			e = start(t, Config{DataDir: dir}, nil)
			if got := values(t, e, "orders"); !reflect.DeepEqual(got, want) || len(got) != 20 {
				t.Errorf("records after the restart: %v, want %v", got, want)
			}
			if name, ok := e.TopicName(before.TopicID); !ok || name != "orders" {
				t.Errorf("topic of the old id: %q %v", name, ok)
			}
			var after *kfake.TopicInfo
			e.ask(func(c *kfake.Cluster) { after = c.TopicInfo("orders") })
			if !reflect.DeepEqual(after, before) {
				t.Errorf("topic after the restart: %+v, want %+v", after, before)
			}
			fetched, err := kadm.NewClient(client(t, e)).FetchOffsets(t.Context(), "readers")
			if err != nil {
				t.Fatal(err)
			}
			if o, ok := fetched.Lookup("orders", 0); !ok || o.At != 7 {
				t.Errorf("committed offset after the restart: %+v", o)
			}
			if err := e.Ready(); err != nil {
				t.Errorf("not ready after an orderly restart: %v", err)
			}
		})
	}
}

func TestServeHandsAConnectionOver(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, nil)
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- e.Serve(t.Context(), theirs) }()

	cl, err := kgo.NewClient(kgo.SeedBrokers("anything:1"), kgo.Dialer(func(context.Context, string, string) (net.Conn, error) {
		return ours, nil
	}), kgo.MetadataMaxAge(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	id, host, port := e.Node()
	if b := resp.Brokers; len(b) != 1 || b[0].NodeID != id || b[0].Host != host || b[0].Port != port {
		t.Errorf("advertised %+v, Node says %d %s:%d", b, id, host, port)
	}
	cl.Close()
	if err := <-served; err != nil {
		t.Errorf("Serve after the client left: %v", err)
	}
}

func TestServeEndsWithItsContextAndWithTheEngine(t *testing.T) {
	e := start(t, Config{}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ours, theirs := net.Pipe()
	defer ours.Close()
	served := make(chan error, 1)
	go func() { served <- e.Serve(ctx, theirs) }()
	ours.Write([]byte{0}) // it is in the engine's hands now
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("Serve after its context ended: %v", err)
	}

	ours2, theirs2 := net.Pipe()
	defer ours2.Close()
	go func() { served <- e.Serve(t.Context(), theirs2) }()
	ours2.Write([]byte{0})
	stop(t, e)
	if err := <-served; err != nil {
		t.Errorf("Serve when the engine closed: %v", err)
	}

	ours3, theirs3 := net.Pipe()
	wantCode(t, e.Serve(t.Context(), theirs3), eventbus.CodeUnavailable)
	if _, err := ours3.Write([]byte{0}); err == nil {
		t.Error("a connection given to a closed engine was left open")
	}
}

func TestAClosedEngineAnswers(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 1, nil)
	stop(t, e)
	if err := e.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, ok := e.TopicName([16]byte{1}); ok {
		t.Error("TopicName found a topic in a closed engine")
	}
	if n := e.MaxMessageBytes("orders"); n != eventbus.KafkaMaxMessageBytes {
		t.Errorf("MaxMessageBytes = %d", n)
	}
	wantCode(t, e.Ready(), eventbus.CodeUnavailable)
	if err := e.Retain(t.Context()); err == nil {
		t.Error("retention ran on a closed engine")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	e := start(t, Config{RetentionEvery: time.Millisecond, CheckEvery: time.Millisecond}, nil)
	create(t, e, "orders", 1, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx) }()
	for e.counts.retentionPasses.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestCreateTopicRefusesWhatTheEngineAccepts(t *testing.T) {
	e := start(t, Config{Limits: eventbus.TopicLimits{MaxPartitions: 10}}, nil)
	for name, topic := range map[string]eventbus.Topic{
		"a path as name":          {Name: "../orders", Partitions: 1},
		"no name":                 {Name: "", Partitions: 1},
		"too many partitions":     {Name: "orders", Partitions: 11},
		"no partitions":           {Name: "orders"},
		"a retention of a banana": {Name: "orders", Partitions: 1, Configs: map[string]string{"retention.ms": "banana"}},
		"an unknown config":       {Name: "orders", Partitions: 1, Configs: map[string]string{"retention": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, e.CreateTopic(t.Context(), topic), eventbus.CodeInvalid)
		})
	}
	if names, err := e.topicNames(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("topics after refusals: %v, %v", names, err)
	}
	create(t, e, "orders.a", 10, nil)
	wantCode(t, e.CreateTopic(t.Context(), eventbus.Topic{Name: "orders.a", Partitions: 1}), eventbus.CodeConflict)
	wantCode(t, e.CreateTopic(t.Context(), eventbus.Topic{Name: "orders_a", Partitions: 1}), eventbus.CodeConflict)
}

func TestACompactedTopicOfOursNeverExpires(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, SchemasTopic, 1, map[string]string{"cleanup.policy": "compact"})
	var info *kfake.TopicInfo
	e.ask(func(c *kfake.Cluster) { info = c.TopicInfo(SchemasTopic) })
	if got := configOf(info, "retention.ms"); got != "-1" {
		t.Errorf("retention.ms = %q, want -1", got)
	}
}

func TestTopicsAreNotMadeByAsking(t *testing.T) {
	e := start(t, Config{}, nil)
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = true
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr("ghost")
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), client(t, e))
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("metadata of an unknown topic with auto-creation: %v", err)
	}
	if names, _ := e.topicNames(t.Context()); len(names) != 0 {
		t.Errorf("topics: %v", names)
	}
}

func TestMaxMessageBytes(t *testing.T) {
	clock := time.Now()
	e := start(t, Config{Now: func() time.Time { return clock }}, nil)
	create(t, e, "small", 1, map[string]string{"max.message.bytes": "1000"})
	create(t, e, "plain", 1, nil)
	for topic, want := range map[string]int32{
		"small": 1000, "plain": eventbus.KafkaMaxMessageBytes, "unknown": eventbus.KafkaMaxMessageBytes,
	} {
		if got := e.MaxMessageBytes(topic); got != want {
			t.Errorf("MaxMessageBytes(%q) = %d, want %d", topic, got, want)
		}
	}
	alter := kadm.AlterConfig{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kmsg.StringPtr("2000")}
	if _, err := kadm.NewClient(client(t, e)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{alter}, "small"); err != nil {
		t.Fatal(err)
	}
	if got := e.MaxMessageBytes("small"); got != 1000 {
		t.Errorf("within a second the answer is reused, got %d", got)
	}
	clock = clock.Add(2 * time.Second)
	if got := e.MaxMessageBytes("small"); got != 2000 {
		t.Errorf("after the change: %d, want 2000", got)
	}
}

func TestTopicNameOfAnUnknownID(t *testing.T) {
	e := start(t, Config{}, nil)
	if name, ok := e.TopicName([16]byte{1, 2, 3}); ok || name != "" {
		t.Errorf("TopicName = %q, %v", name, ok)
	}
}

func TestMetrics(t *testing.T) {
	e := start(t, Config{DataDir: filepath.Join(t.TempDir(), "data")}, nil)
	reg := prometheus.NewPedanticRegistry()
	if err := e.Register(reg); err != nil {
		t.Fatal(err)
	}
	if err := e.Register(reg); err == nil {
		t.Error("registered twice without an error")
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		m := f.GetMetric()[0]
		got[f.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	if len(got) != 9 || got["eventbus_cluster_ready"] != 1 || got["eventbus_cluster_read_only"] != 0 ||
		got["eventbus_cluster_free_bytes"] <= 0 || got["eventbus_cluster_data_bytes"] <= 0 {
		t.Errorf("metrics: %v", got)
	}
}

func TestDirectoriesAreClosedToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	start(t, Config{DataDir: dir}, nil)
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	e := start(t, Config{}, nil)
	create(t, e, "orders", 4, nil)
	const clients, each = 8, 50
	done := make(chan error, clients)
	for i := range clients {
		cl := client(t, e, kgo.DefaultProduceTopic("orders"))
		go func() {
			var err error
			for j := range each {
				err = errors.Join(err, cl.ProduceSync(t.Context(), kgo.StringRecord(strconv.Itoa(i*each+j))).FirstErr())
			}
			done <- err
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var total int64
	for p := range int32(4) {
		total += partition(t, e, "orders", p).HighWatermark
	}
	if total != clients*each {
		t.Errorf("%d records, want %d", total, clients*each)
	}
}
