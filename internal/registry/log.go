package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicReader reads the topic into the state, first to its end, then on and on.
type topicReader struct {
	cfg    Config
	cl     *kgo.Client
	state  *state
	copies Copies
	kept   int64    // highest offset that the copy held at the start
	owed   []Record // read, but not copied yet: the copy is never given what comes after them first
	behind bool     // too much is owed; the next start copies it
	fault  string   // why nothing could be copied, as logged last
	end    func(context.Context) (start, end int64, err error)

	mu      sync.Mutex
	moved   chan struct{} // closed when records were applied
	trouble atomic.Pointer[error]
}

// What one fetch asks for, and how many records are applied at once. A start reads
// the whole topic; larger pieces are not faster, but several of them are alive at
// a time, in Kafka's answer, on the wire and here.
const fetchBytes, pollRecords = 512 << 10, 10_000

func (r *Registry) newTopicReader() (*topicReader, error) {
	cl, err := r.client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.cfg.Topic: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // markers are the last records of the log; without them its end is never reached
		kgo.FetchMaxWait(time.Second),
		kgo.FetchMaxPartitionBytes(fetchBytes),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.MetadataMinAge(100*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	return &topicReader{cfg: r.cfg, cl: cl, state: r.state, copies: r.copies, end: r.topicBounds,
		moved: make(chan struct{})}, nil
}

func (t *topicReader) close() { t.cl.Close() }

// replay reads until the end that the topic has now.
func (t *topicReader) replay(ctx context.Context) error {
	start, end, err := t.end(ctx)
	if err != nil {
		return err
	}
	if start > 0 {
		t.advance(start)
	}
	for t.position() < end {
		// An empty batch may be all that compaction left at the end: silence
		// after the last record then means the end.
		quiet, cancel := context.WithTimeout(ctx, 3*time.Second)
		n, err := t.poll(quiet)
		cancel()
		if ctx.Err() != nil {
			return fmt.Errorf("%w at offset %d of %d", ctx.Err(), t.position(), end)
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if n == 0 && err != nil {
			if t.position() == start {
				continue
			}
			t.cfg.Logger.Warn("the schema topic ends before its end offset", "position", t.position(), "end", end)
			return nil
		}
	}
	return nil
}

// follow applies what others and we write, until ctx ends.
func (t *topicReader) follow(ctx context.Context) {
	for ctx.Err() == nil {
		quiet, cancel := context.WithTimeout(ctx, t.cfg.Heartbeat)
		_, err := t.poll(quiet)
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = t.ping(ctx) // silence: is nothing written, or is Kafka gone?
			t.copy(ctx, nil)
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.report(err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		t.trouble.Store(nil)
	}
}

// ping asks whether Kafka answers.
func (t *topicReader) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Heartbeat)
	defer cancel()
	return t.cl.Ping(ctx)
}

// report keeps the fault for readiness and logs it once.
func (t *topicReader) report(err error) {
	if old := t.trouble.Load(); old == nil || (*old).Error() != err.Error() {
		t.cfg.Logger.Error("the schema topic cannot be read; trying on", "topic", t.cfg.Topic, "error", err)
	}
	t.trouble.Store(&err)
}

// healthy says what is wrong with following the topic.
func (t *topicReader) healthy() error {
	if err := t.trouble.Load(); err != nil {
		return &Error{Code: ErrStore, Message: "the schema topic cannot be read", Err: *err}
	}
	return nil
}

// poll waits for records and applies them; it gives their number.
func (t *topicReader) poll(ctx context.Context) (int, error) {
	fetches := t.cl.PollRecords(ctx, pollRecords)
	if fetches.IsClientClosed() {
		return 0, kgo.ErrClientClosed
	}
	var batch []Record
	last := int64(-1)
	fetches.EachRecord(func(rec *kgo.Record) {
		last = rec.Offset
		if !rec.Attrs.IsControl() {
			batch = append(batch, fromKafka(rec, t.cfg.Logger))
		}
	})
	if last >= 0 {
		t.take(ctx, batch, last+1)
	}
	return fetches.NumRecords(), fetches.Err()
}

// take copies and applies a batch and wakes those who wait for it.
func (t *topicReader) take(ctx context.Context, batch []Record, next int64) {
	fresh := batch
	for len(fresh) > 0 && fresh[0].Offset <= t.kept {
		fresh = fresh[1:]
	}
	t.copy(ctx, fresh)
	t.state.mu.Lock()
	for _, rec := range batch {
		if rec.Offset < t.state.next {
			continue
		}
		if err := t.state.apply(rec); err != nil {
			t.cfg.Logger.Warn("a record of the schema topic is ignored", "offset", rec.Offset, "error", err)
		}
	}
	t.state.mu.Unlock()
	t.advance(next)
}

// maxOwed bounds the records that wait for the store to take them.
const maxOwed = 20_000

// copy hands records to the second home, after those that it has not taken yet.
// What it holds has no gaps, so that the next start knows from where to go on.
func (t *topicReader) copy(ctx context.Context, fresh []Record) {
	if t.copies == nil || t.behind || len(t.owed)+len(fresh) == 0 {
		return
	}
	t.owed = append(t.owed, fresh...)
	// The time that ctx leaves is for waiting on Kafka, not on the store.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.OpenTimeout)
	defer cancel()
	err := t.copies.AppendRecords(ctx, t.owed)
	switch {
	case err == nil:
		t.owed, t.fault = nil, ""
	case len(t.owed) > maxOwed:
		t.owed, t.behind = nil, true
		t.cfg.Logger.Error("the schema topic is no longer copied into the store; the next start takes it up again", "error", err)
	case err.Error() != t.fault:
		t.fault = err.Error()
		t.cfg.Logger.Error("records of the schema topic were not copied into the store; trying again", "records", len(t.owed), "error", err)
	}
}

func (t *topicReader) advance(next int64) {
	t.state.mu.Lock()
	t.state.next = max(t.state.next, next)
	t.state.mu.Unlock()
	t.state.revision.Add(1)
	t.mu.Lock()
	close(t.moved)
	t.moved = make(chan struct{})
	t.mu.Unlock()
}

func (t *topicReader) position() int64 {
	t.state.mu.RLock()
	defer t.state.mu.RUnlock()
	return t.state.next
}

// await waits until the record at offset is applied.
func (t *topicReader) await(ctx context.Context, offset int64) error {
	for {
		t.mu.Lock()
		moved := t.moved
		t.mu.Unlock()
		if t.position() > offset {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// writer is the fenced producer of a leader: its transactional id is the same on
// every node, so that the newest leader shuts all others out.
type writer struct {
	r  *Registry
	cl *kgo.Client
}

func (r *Registry) newWriter() (*writer, error) {
	cl, err := r.client(
		kgo.TransactionalID(r.cfg.Group+"-writer"),
		kgo.TransactionTimeout(r.cfg.WriteTimeout*2),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(r.maxBatch),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordRetries(3),
		kgo.RecordDeliveryTimeout(max(r.cfg.WriteTimeout, time.Second)), // kgo takes no less
		kgo.MetadataMinAge(100*time.Millisecond),
	)
	if err != nil {
		return nil, err
	}
	return &writer{r: r, cl: cl}, nil
}

func (w *writer) close() { w.cl.Close() }

// put commits records in one transaction and gives the offset of the last one.
// After an error the writer is of no further use: the next one's fence aborts
// what it left open.
func (w *writer) put(ctx context.Context, records []Record) (int64, error) {
	// A produce in flight cannot be cancelled while its broker is away, but it
	// ends when its client is closed.
	stop := context.AfterFunc(ctx, w.cl.Close)
	defer stop()
	offset, err := w.transact(ctx, records)
	// The number after a change of epoch is refused now and then on a busy machine.
	// The refused transaction is undone, and a writer that was fenced meanwhile
	// gets no new epoch.
	if errors.Is(err, kerr.OutOfOrderSequenceNumber) && w.cl.EndTransaction(ctx, kgo.TryAbort) == nil {
		offset, err = w.transact(ctx, records)
	}
	if err != nil {
		return 0, errors.Join(err, ctx.Err())
	}
	return offset, nil
}

// transact writes records in one transaction and gives the offset of the last.
func (w *writer) transact(ctx context.Context, records []Record) (int64, error) {
	if err := w.cl.BeginTransaction(); err != nil {
		return 0, err
	}
	out := make([]*kgo.Record, len(records))
	for i, rec := range records {
		out[i] = w.r.toKafka(rec)
	}
	if err := w.cl.ProduceSync(ctx, out...).FirstErr(); err != nil {
		return 0, err
	}
	if err := w.cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return 0, err
	}
	return out[len(out)-1].Offset, nil
}

// commit writes records as the leader and waits until they are applied here. On
// any failure this node steps down: whether the records are in the topic is then
// found out by the next leader's replay, and the fence keeps us out until we
// lead again.
func (r *Registry) commit(ctx context.Context, w *writer, records []Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.WriteTimeout)
	defer cancel()
	offset, err := w.put(ctx, records)
	if err != nil {
		r.stepDown(w)
		return storeFailure(err)
	}
	if err := r.topic.await(ctx, offset); err != nil {
		r.stepDown(w) // what was not read back must be before the next write is planned
		return &Error{Code: ErrTimeout, Message: "Written, but not read back in time; look before you try again.", Err: err}
	}
	return nil
}

// storeFailure translates a failure of Kafka.
func storeFailure(err error) error {
	switch {
	case isFenced(err):
		return &Error{Code: ErrUnknownLeader, Message: "Another node leads now; nothing was written. Try again.", Err: err}
	case errors.Is(err, kerr.MessageTooLarge):
		return &Error{Code: ErrSchemaTooLarge, Message: "The schema is larger than a record of the schema topic may be (max.message.bytes); nothing was registered.", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: ErrTimeout, Message: "Kafka did not answer in time; look before you try again.", Err: err}
	default:
		return &Error{Code: ErrStore, Message: "Kafka refused the write; look before you try again.", Err: err}
	}
}

// isFenced reports whether a newer writer took over.
func isFenced(err error) bool {
	for _, fence := range []error{kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidProducerIDMapping,
		kerr.UnknownProducerID, kerr.TransactionCoordinatorFenced} {
		if errors.Is(err, fence) {
			return true
		}
	}
	return false
}

// Names of the record headers. Confluent's readers ignore headers, so what only
// we know travels there and the values stay byte-compatible.
const (
	headerAuthor  = "eventbus.author"
	headerRequest = "eventbus.request"
	headerSince   = "eventbus.since"
	headerIDs     = "eventbus.ids"
)

// headers are what travels beside the value.
func headers(rec Record) []kgo.RecordHeader {
	var out []kgo.RecordHeader
	add := func(key, value string) {
		if value != "" {
			out = append(out, kgo.RecordHeader{Key: key, Value: []byte(value)})
		}
	}
	add(headerAuthor, rec.Author)
	add(headerRequest, rec.RequestID)
	if !rec.Since.IsZero() {
		add(headerSince, rec.Since.UTC().Format(time.RFC3339Nano))
	}
	if len(rec.HighIDs) > 0 {
		ids, _ := json.Marshal(rec.HighIDs) // a map of strings to numbers is always JSON
		add(headerIDs, string(ids))
	}
	return out
}

// fromKafka reads a Kafka record; headers that are not ours are ignored.
func fromKafka(in *kgo.Record, log *slog.Logger) Record {
	rec := Record{Offset: in.Offset, Time: in.Timestamp, Key: in.Key, Value: in.Value}
	for _, header := range in.Headers {
		switch header.Key {
		case headerAuthor:
			rec.Author = string(header.Value)
		case headerRequest:
			rec.RequestID = string(header.Value)
		case headerSince:
			rec.Since, _ = time.Parse(time.RFC3339Nano, string(header.Value))
		case headerIDs:
			if err := json.Unmarshal(header.Value, &rec.HighIDs); err != nil {
				log.Warn("unreadable header of the schema topic", "offset", in.Offset, "header", header.Key)
			}
		}
	}
	return rec
}
