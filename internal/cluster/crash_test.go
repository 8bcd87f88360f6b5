package cluster

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// serveChild is the process that gets killed: it produces records with rising
// numbers to three partitions and prints each number once it is acknowledged.
func serveChild(dir string) error {
	ctx := context.Background()
	e, err := OpenEmbedded(ctx, Config{DataDir: dir}, nil)
	if err != nil {
		return err
	}
	if err := e.Ready(); err != nil {
		return err
	}
	err = e.CreateTopic(ctx, eventbus.Topic{Name: "orders", Partitions: 3})
	if err != nil && eventbus.CodeOf(err) != eventbus.CodeConflict {
		return err
	}
	cl, err := kgo.NewClient(append(e.ClientOpts(), kgo.DefaultProduceTopic("orders"), kgo.MaxBufferedRecords(1000))...)
	if err != nil {
		return err
	}
	var from int
	if _, err := fmt.Sscan(os.Getenv(childEnv+"_FROM"), &from); err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 16) // a line is out soon after its acknowledgement
	for i := from; ; i++ {
		cl.Produce(ctx, kgo.StringRecord(strconv.Itoa(i)), func(r *kgo.Record, err error) {
			if err == nil {
				fmt.Fprintln(out, string(r.Value))
			}
		})
	}
}

// TestAcknowledgedRecordsSurviveKill kills a producing engine at a random moment,
// round after round on one directory. EVENTBUS_SOAK=1 makes it ten times longer.
func TestAcknowledgedRecordsSurviveKill(t *testing.T) {
	rounds := 3
	if os.Getenv("EVENTBUS_SOAK") != "" {
		rounds = 30
	}
	dir := filepath.Join(t.TempDir(), "data")
	acked := make(map[string]bool)
	for round := range rounds {
		after := 2000 + rand.IntN(20_000)
		for value := range killAfter(t, dir, round*10_000_000, after) {
			acked[value] = true
		}
	}
	e := start(t, Config{DataDir: dir}, nil)
	if err := e.Ready(); err != nil {
		t.Errorf("not ready after kills: %v", err)
	}
	stored := make(map[string]int)
	for p := range int32(3) {
		for _, v := range valuesOf(t, e, "orders", p) {
			stored[v]++
		}
	}
	lost, twice := 0, 0
	for v := range acked {
		if stored[v] == 0 {
			lost++
		}
	}
	for _, n := range stored {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d rounds, %d acknowledged, %d stored", rounds, len(acked), len(stored))
	if lost > 0 || twice > 0 || len(acked) < rounds*2000 {
		t.Errorf("%d acknowledged records lost, %d stored twice, of %d", lost, twice, len(acked))
	}
}

// killAfter runs the child, kills it after it printed n values, and gives all it
// printed whole.
func killAfter(t *testing.T, dir string, from, n int) map[string]bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childEnv+"_FROM="+strconv.Itoa(from))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	values := make(map[string]bool)
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			break // a cut last line was not acknowledged to us
		}
		values[strings.TrimSpace(line)] = true
		if len(values) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait()
	if len(values) < n {
		t.Fatalf("the child ended by itself after %d values", len(values))
	}
	return values
}

func valuesOf(t *testing.T, e *Embedded, topic string, p int32) []string {
	t.Helper()
	end := partition(t, e, topic, p).HighWatermark
	cl := client(t, e, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {p: kgo.NewOffset().AtStart()}}))
	defer cl.Close()
	var got []string
	for offset := int64(0); offset < end; {
		cl.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			got = append(got, string(r.Value))
			offset = r.Offset + 1
		})
	}
	return got
}

// idempotent writes one batch as an idempotent producer does and gives its base
// offset.
type idempotent struct {
	id    int64
	epoch int16
}

func newProducer(t *testing.T, e *Embedded) idempotent {
	t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.ProducerID, req.ProducerEpoch = -1, -1
	resp, err := req.RequestWith(t.Context(), client(t, e))
	if err != nil || resp.ErrorCode != 0 {
		t.Fatalf("init producer id: %v, %+v", err, resp)
	}
	return idempotent{resp.ProducerID, resp.ProducerEpoch}
}

func (p idempotent) write(t *testing.T, e *Embedded, topic string, sequence, records int32) (int64, error) {
	t.Helper()
	b := batchOf(p, sequence, records)
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Records = b.AppendTo(nil)
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.Partitions = topic, append(rt.Partitions, rp)
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 11, -1, 1000
	req.Topics = append(req.Topics, rt)
	resp, err := client(t, e, kgo.MaxVersions(produceByName())).Broker(engineNode).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	got := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return got.BaseOffset, kerr.ErrorForCode(got.ErrorCode)
}

// A producer that saw no answer because the bus was killed sends its batch again.
func TestARetryAfterACrashIsRecognised(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, "orders", 1, nil)
	p := newProducer(t, e)
	for i := range int32(8) {
		if at, err := p.write(t, e, "orders", i*2, 2); err != nil || at != int64(i*2) {
			t.Fatalf("batch %d: offset %d, %v", i, at, err)
		}
	}
	e = start(t, Config{DataDir: crashImage(t, dir)}, nil)
	for _, sequence := range []int32{14, 8, 12} { // among the last five
		if at, err := p.write(t, e, "orders", sequence, 2); err != nil || at != int64(sequence) {
			t.Errorf("retry of sequence %d: offset %d, %v", sequence, at, err)
		}
	}
	if _, err := p.write(t, e, "orders", 18, 2); err == nil {
		t.Error("a batch that leaves a gap was taken")
	}
	if at, err := p.write(t, e, "orders", 16, 2); err != nil || at != 16 {
		t.Errorf("the next batch: offset %d, %v", at, err)
	}
	if _, end := offsets(t, e, "orders"); end != 18 {
		t.Errorf("end %d, want 18: a retry was stored again", end)
	}
}

// A batch whose index entry was not written yet must not shift later entries.
func TestACrashBetweenABatchAndItsIndexEntry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 5, nil)
	image := crashImage(t, dir)
	index := filepath.Join(image, "engine", "partitions", "orders-0", "0.idx")
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(index, int64(len(whole)-indexEntry)); err != nil {
		t.Fatal(err)
	}
	e = start(t, Config{DataDir: image}, nil)
	if got := values(t, e, "orders"); len(got) != 5 {
		t.Errorf("records: %v", got)
	}
	again, err := os.ReadFile(index)
	if err != nil || string(again) != string(whole) {
		t.Errorf("index after the start:\n%x, want what the engine wrote:\n%x (%v)", again, whole, err)
	}
	if err := e.Ready(); err != nil {
		t.Errorf("not ready after an ordinary crash: %v", err)
	}
}

func TestATransactionOpenInACrashIsAborted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 1, nil)
	cl := client(t, e, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("orders"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), kgo.StringRecord("open")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	image := crashImage(t, dir)
	if err := cl.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}

	e = start(t, Config{DataDir: image}, nil)
	produce(t, e, "orders", 1, nil)
	reader := client(t, e, kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"orders": {0: kgo.NewOffset().AtStart()}}))
	for seen := 0; seen < 2; {
		reader.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
			seen++
			if string(r.Value) == "open" {
				t.Error("a record of a transaction that never committed was read")
			}
		})
	}
}

func TestTheCleanMarkIsThereOnlyWhileStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	mark := filepath.Join(dir, cleanMark)
	if exists(t, mark) {
		t.Error("a running engine is marked as stopped in good order")
	}
	stop(t, e)
	if !exists(t, mark) {
		t.Error("no mark after a clean stop")
	}
}

func TestWindowsForgetOldProducers(t *testing.T) {
	ws := &windows{topic: "orders", byID: make(map[int64]*window)}
	day := int64(24 * time.Hour / time.Millisecond)
	for i, b := range []stored{
		{producer: 1, records: 1, maxTimestamp: 0},
		{producer: 2, records: 1, maxTimestamp: day},
		{producer: 3, records: 1, maxTimestamp: day, control: true},
		{producer: -1, sequence: -1, records: 1, maxTimestamp: day},
	} {
		b.base = int64(i)
		ws.add(b)
	}
	live := ws.live()
	if len(live) != 1 || live[0].Producer != 2 {
		t.Errorf("live windows: %+v", live)
	}
}

func TestAWindowKeepsTheLastFiveBatchesOfAnEpoch(t *testing.T) {
	ws := &windows{topic: "orders", byID: make(map[int64]*window)}
	for i := range int32(7) {
		ws.add(stored{producer: 1, sequence: i, records: 1, base: int64(i)})
	}
	w := ws.byID[1]
	if w.Count != 5 || w.At != 2 || w.Next != 7 || w.lastOffset() != 6 {
		t.Errorf("after seven batches: %+v", w)
	}
	ws.add(stored{producer: 1, epoch: 1, sequence: 0, records: 3, base: 7})
	if w.Count != 1 || w.At != 1 || w.Next != 3 || w.Epoch != 1 || w.lastOffset() != 7 {
		t.Errorf("after a new epoch: %+v", w)
	}
}
