package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// child makes this test binary run a command line instead of its tests.
const child = "EVENTBUS_TEST_COMMAND"

// devProcess is `eventbus dev` in a process of its own, so that it can be killed.
type devProcess struct {
	cmd *exec.Cmd
	at  server.Addresses
}

// startDev starts `eventbus dev` on a data folder and free ports.
func startDev(t *testing.T, dir string) *devProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(t.TempDir(), "ready.json")
	cmd := exec.Command(self, "dev", "--no-demo", "--data-dir", dir, "--ready-file", ready, "--kafka=127.0.0.1:0",
		"--kafka-iam=", "--kafka-iam-external=", "--registry=127.0.0.1:0", "--http=127.0.0.1:0")
	cmd.Env = append(os.Environ(), child+"=1", "EVENTBUS_CONFIG_DIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &devProcess{cmd: cmd}
	t.Cleanup(p.kill)
	for deadline := time.Now().Add(readyLimit); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(ready); err == nil {
			if err := json.Unmarshal(text, &p.at); err != nil {
				t.Fatal(err)
			}
			return p
		}
		if time.Now().After(deadline) {
			t.Fatal("eventbus dev did not become ready")
		}
	}
}

// kill ends the process as a crash does.
func (p *devProcess) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// records is how many records the tests below move: a million in a soak.
func records() int {
	if os.Getenv("EVENTBUS_SOAK") != "" {
		return 1_000_000
	}
	return 100_000
}

const (
	recordBytes = 200
	partitions  = 3
)

// numbered is a record of 200 bytes that knows its place.
func numbered(topic string, n int) *kgo.Record {
	value := make([]byte, recordBytes)
	binary.BigEndian.PutUint64(value, uint64(n))
	return &kgo.Record{Topic: topic, Partition: int32(n % partitions), Value: value}
}

func createTopic(t *testing.T, kafka *kgo.Client, topic string) {
	t.Helper()
	if _, err := kadm.NewClient(kafka).CreateTopic(context.Background(), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T, at server.Addresses, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	kafka, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(at.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	return kafka
}

// readBack reads a topic from start to end and gives the numbers per partition
// in the order of their offsets.
func readBack(t *testing.T, at server.Addresses, topic string) [partitions][]uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	kafka := newClient(t, at, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(kafka).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	var got [partitions][]uint64
	for left > 0 {
		fetches := kafka.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got[r.Partition] = append(got[r.Partition], binary.BigEndian.Uint64(r.Value))
			left--
		})
	}
	return got
}

// TestManyRecordsKeepTheirOrder moves records of 200 bytes in and out through
// the listener: in order per partition, none lost, none twice.
func TestManyRecordsKeepTheirOrder(t *testing.T) {
	bus := startDev(t, t.TempDir())
	total := records()
	kafka := newClient(t, bus.at)
	createTopic(t, kafka, "many")
	for n := range total {
		kafka.Produce(context.Background(), numbered("many", n), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("record %d: %v", n, err)
			}
		})
	}
	if err := kafka.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	for partition, numbers := range readBack(t, bus.at, "many") {
		for i, n := range numbers {
			if want := uint64(i*partitions + partition); n != want {
				t.Fatalf("partition %d offset %d holds record %d, want %d", partition, i, n, want)
			}
		}
	}
}

// keptInOrder gives the numbers that a topic's records hold, and demands that
// they ascend in each partition.
func keptInOrder(t *testing.T, bus *devProcess, topic string) map[uint64]bool {
	t.Helper()
	kept := map[uint64]bool{}
	for partition, numbers := range readBack(t, bus.at, topic) {
		for i, n := range numbers {
			if i > 0 && n <= numbers[i-1] {
				t.Fatalf("partition %d: record %d stands after %d", partition, n, numbers[i-1])
			}
			kept[n] = true
		}
	}
	return kept
}

// TestKilledInFlight kills the bus while records are in flight: every record
// that was acknowledged is there after the restart, in order.
func TestKilledInFlight(t *testing.T) {
	dir := t.TempDir()
	bus := startDev(t, dir)
	kafka := newClient(t, bus.at)
	createTopic(t, kafka, "killed")
	acknowledged := produceUntilKilled(t, bus, kafka)
	kafka.Close()
	again := startDev(t, dir)
	kept := keptInOrder(t, again, "killed")
	lost := 0
	for _, n := range acknowledged {
		if !kept[n] {
			lost++
		}
	}
	t.Logf("%d acknowledged, %d kept", len(acknowledged), len(kept))
	if lost > 0 {
		t.Errorf("%d of %d acknowledged records are lost", lost, len(acknowledged))
	}
}

func produceUntilKilled(t *testing.T, bus *devProcess, kafka *kgo.Client) []uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	var acknowledged []uint64
	enough := make(chan struct{})
	for n := range records() {
		kafka.Produce(ctx, numbered("killed", n), func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				return
			}
			if acknowledged = append(acknowledged, uint64(n)); len(acknowledged) == records()/4 {
				close(enough)
			}
		})
		select {
		case <-enough:
			bus.kill()
			cancel() // what is still in flight will not be acknowledged
			mu.Lock()
			defer mu.Unlock()
			return append([]uint64(nil), acknowledged...)
		default:
		}
	}
	t.Fatal(fmt.Errorf("the bus was not killed: fewer than %d records were acknowledged in time", records()/4))
	return nil
}
