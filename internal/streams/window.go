package streams

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
)

// Bounds of what one reading takes from Kafka at a time.
const (
	fetchBytes      = 4 << 20  // of one answer; Kafka sends one batch in any case
	decompressBytes = 16 << 20 // what one batch may grow to
	idle            = time.Second
)

// span is a range of offsets, end not included.
type span struct{ start, end int64 }

// found is a record that was read. order grows with the offset within a
// partition: its timestamp, or that of an earlier record when the clock of a
// producer went back.
type found struct {
	*kgo.Record
	order time.Time
}

// window reads a stretch of some partitions without joining a group.
type window struct {
	from     map[place]span
	quota    int // records of each partition; 0 = all of the span
	maxBytes int // keys, values and headers taken in all
	timeout  time.Duration
	keep     func(found) // is called for each record, in the order of its partition
}

// progress is where a window stands in one partition.
type progress struct {
	span
	taken int
	order time.Time
}

// read gives why it stopped before the end ("" when it did not). It costs a
// client of its own, whose connections are closed before it returns.
func (w *window) read(ctx context.Context, kafka *kgo.Client) (short string, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	left := map[place]*progress{}
	begin := map[string]map[int32]kgo.Offset{}
	for where, part := range w.from {
		if part.start >= part.end {
			continue
		}
		left[where] = &progress{span: part}
		if begin[where.topic] == nil {
			begin[where.topic] = map[int32]kgo.Offset{}
		}
		begin[where.topic][where.partition] = kgo.NewOffset().At(part.start)
	}
	if len(left) == 0 {
		return "", nil
	}
	reader, err := kgo.NewClient(append(kafka.Opts(), kgo.ConsumePartitions(begin),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), // what was rolled back never happened
		kgo.KeepControlRecords(),                     // they tell how far we are
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(fetchBytes/4), kgo.FetchMaxWait(idle/4),
		kgo.MaxDecompressBatchBytes(decompressBytes), kgo.MaxConcurrentFetches(1))...)
	if err != nil {
		return "", &eventbus.Error{Code: eventbus.CodeInternal, Message: "make a client to read records", Err: err}
	}
	defer reader.CloseAllowingRebalance()
	return w.poll(ctx, reader, left)
}

func (w *window) poll(ctx context.Context, reader *kgo.Client, left map[place]*progress) (short string, err error) {
	bytes, silent := 0, 0
	for len(left) > 0 {
		wait, done := context.WithTimeout(ctx, idle)
		fetches := reader.PollFetches(wait)
		done()
		if ctx.Err() != nil {
			return "the time was up before all of it was read", nil
		}
		if err := fetchError(fetches); err != nil {
			return "", err
		}
		if silent++; !fetches.Empty() {
			silent = 0
		}
		if silent == 2 {
			return "the cluster sent nothing more", nil
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if bytes <= w.maxBytes {
				bytes += w.take(reader, left, r)
			}
		})
		if bytes > w.maxBytes {
			return "the limit in bytes was reached", nil
		}
	}
	return "", nil
}

// take keeps a record that the window wants and gives its size.
func (w *window) take(reader *kgo.Client, left map[place]*progress, r *kgo.Record) int {
	where := place{r.Topic, r.Partition}
	at, wanted := left[where]
	if !wanted {
		return 0
	}
	size := 0
	if r.Offset < at.end && !r.Attrs.IsControl() {
		if r.Timestamp.After(at.order) {
			at.order = r.Timestamp
		}
		w.keep(found{r, at.order})
		at.taken++
		size = sizeOf(r)
	}
	if r.Offset >= at.end-1 || w.quota > 0 && at.taken >= w.quota {
		delete(left, where)
		reader.PauseFetchPartitions(map[string][]int32{r.Topic: {r.Partition}})
	}
	return size
}

func sizeOf(r *kgo.Record) int {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	return size
}

// fetchError gives the first fault that trying again does not cure.
func fetchError(fetches kgo.Fetches) error {
	for _, fault := range fetches.Errors() {
		var tooLarge *kgo.ErrDecompressTooLarge
		switch {
		case errors.Is(fault.Err, context.DeadlineExceeded), errors.Is(fault.Err, context.Canceled):
		case errors.As(fault.Err, &tooLarge):
			return eventbus.Errorf(eventbus.CodeTooLarge, "a batch of topic %s grows beyond %d MiB when it is decompressed; start after offset %d",
				fault.Topic, decompressBytes>>20, tooLarge.NextOffset-1)
		case errors.Is(fault.Err, kerr.UnknownTopicOrPartition), errors.Is(fault.Err, kerr.UnknownTopicID):
			return noTopic(fault.Topic)
		default:
			return unavailable(fault.Err, "read records of topic "+fault.Topic)
		}
	}
	return nil
}
