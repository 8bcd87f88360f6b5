package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/enterprise-event-bus/eventbus"
)

// childEnv makes the test binary a server of its own, to be killed.
const childEnv = "EVENTBUS_CLUSTER_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// start opens an engine that is closed with the test.
func start(t *testing.T, cfg Config, starts LogStarts) *Embedded {
	t.Helper()
	e, err := OpenEmbedded(t.Context(), cfg, starts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func stop(t *testing.T, e *Embedded) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// client makes a client that is closed with the test, before the engine.
func client(t *testing.T, e *Embedded, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(e.ClientOpts(), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func create(t *testing.T, e *Embedded, name string, partitions int32, configs map[string]string) {
	t.Helper()
	if err := e.CreateTopic(t.Context(), eventbus.Topic{Name: name, Partitions: partitions, Configs: configs}); err != nil {
		t.Fatal(err)
	}
}

// produce writes n records in batches of one, so that offsets are batches.
func produce(t *testing.T, e *Embedded, topic string, n int, at func(i int) time.Time) {
	t.Helper()
	cl := client(t, e, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer cl.Close()
	for i := range n {
		r := &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("value " + strconv.Itoa(i))}
		if at != nil {
			r.Timestamp = at(i)
		}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatalf("produce %d: %v", i, err)
		}
	}
}

// values reads what the partition 0 of a topic holds.
func values(t *testing.T, e *Embedded, topic string) []string {
	t.Helper()
	at := partition(t, e, topic, 0)
	cl := client(t, e, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	var got []string
	for offset := at.LogStartOffset; offset < at.HighWatermark; {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got = append(got, string(r.Value))
			offset = r.Offset + 1
		})
	}
	return got
}

func partition(t *testing.T, e *Embedded, topic string, p int32) *kfake.PartitionInfo {
	t.Helper()
	var info *kfake.PartitionInfo
	e.ask(func(c *kfake.Cluster) { info = c.PartitionInfo(topic, p) })
	if info == nil {
		t.Fatalf("no partition %s-%d", topic, p)
	}
	return info
}

func offsets(t *testing.T, e *Embedded, topic string) (start, end int64) {
	t.Helper()
	p := partition(t, e, topic, 0)
	return p.LogStartOffset, p.HighWatermark
}

// deleteRecords asks as a client would.
func deleteRecords(t *testing.T, e *Embedded, topic string, offset int64) kadm.DeleteRecordsResponse {
	t.Helper()
	os := kadm.Offsets{}
	os.AddOffset(topic, 0, offset, -1)
	resps, err := kadm.NewClient(client(t, e)).DeleteRecords(t.Context(), os)
	if err != nil {
		t.Fatal(err)
	}
	resp, _ := resps.Lookup(topic, 0)
	return resp
}

// crashImage copies the data directory of a living engine: what a kill -9 at this
// moment would leave.
func crashImage(t *testing.T, dir string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	if err := os.CopyFS(image, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return image
}

// keptStarts stands for the store.
type keptStarts struct {
	mu   sync.Mutex
	fail error
	kept map[string]map[int32]int64
}

func (s *keptStarts) SaveLogStart(_ context.Context, topic string, partition int32, offset int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.kept == nil {
		s.kept = make(map[string]map[int32]int64)
	}
	if s.kept[topic] == nil {
		s.kept[topic] = make(map[int32]int64)
	}
	s.kept[topic][partition] = offset
	return nil
}

func (s *keptStarts) LogStarts(context.Context) (map[string]map[int32]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept, s.fail
}

func wantCode(t *testing.T, err error, code eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != code {
		t.Fatalf("error %v has code %q, want %q", err, got, code)
	}
}

func exists(t *testing.T, name string) bool {
	t.Helper()
	_, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}
