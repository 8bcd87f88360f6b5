package streams

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
)

// Start says where reading begins.
type Start string

// The places to begin.
const (
	StartLatest    Start = "latest"    // the last Limit records, the newest first; the default
	StartEarliest  Start = "earliest"  // the first records kept
	StartOffset    Start = "offset"    // at Offset, or at the first record kept after it
	StartTimestamp Start = "timestamp" // the first records at or after Time
)

// Limits of one reading.
const (
	DefaultRecords     = 50
	MaxRecords         = 500
	DefaultRecordBytes = 1 << 20
	MaxRecordBytes     = 8 << 20
	maxReason          = 500      // characters of Viewer.Reason
	maxTransfer        = 64 << 20 // bytes looked at to find the records
)

// RecordQuery selects records of a topic.
type RecordQuery struct {
	Topic      string
	Partitions []int32         // none = all
	Start      Start           // "" = latest
	Offset     int64           // for StartOffset
	Time       time.Time       // for StartTimestamp
	Offsets    map[int32]int64 // where to go on in each partition: Records.Next of the page before; wins over Start
	Limit      int             // 1..MaxRecords, 0 = DefaultRecords
	MaxBytes   int             // keys, values and headers as kept in Kafka: 1..MaxRecordBytes, 0 = DefaultRecordBytes
}

// Records is a page of records.
type Records struct {
	Topic   string          `json:"topic"`
	Records []Record        `json:"records"`
	Newest  bool            `json:"newestFirst"`
	Next    map[int32]int64 `json:"next"`            // RecordQuery.Offsets of the page after this one
	Short   string          `json:"short,omitempty"` // why there are fewer records than asked for, when a limit and not the end is the cause
}

// Record is one record as a person may see it.
type Record struct {
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp"`
	Size      int       `json:"size"` // bytes of key, value and headers
	Key       Content   `json:"key"`
	Value     Content   `json:"value"`
	Headers   []Header  `json:"headers,omitempty"`
}

// Header is one header of a record.
type Header struct {
	Name  string  `json:"name"`
	Value Content `json:"value"`
}

// Records reads records for a person. An entry in the audit says who reads what
// and why before a record is fetched, and another one how many were shown; when
// either cannot be written, none is shown. A reason is required unless the topic
// is known to hold no personal data. Reading joins no group and moves no offset.
func (s *Streams) Records(ctx context.Context, actor eventbus.Actor, q RecordQuery, v Viewer) (Records, error) {
	if s.several != nil {
		return s.several.of(q.Topic).Records(ctx, actor, q, v)
	}
	if s.kafka == nil || s.audit == nil || s.schemas == nil {
		return Records{}, eventbus.Errorf(eventbus.CodeUnavailable, "this bus shows no records")
	}
	q = q.withDefaults()
	if faults := append(q.faults(), v.faults()...); len(faults) > 0 {
		return Records{}, eventbus.Invalid("the records were not read", faults...)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*s.cfg.ReadTimeout) // looking up and reading
	defer cancel()
	spans, err := s.spans(ctx, q)
	if err != nil {
		return Records{}, err
	}
	entry := v.entry(actor, q, s.cfg.Now())
	if err := s.audit.Append(ctx, entry); err != nil {
		return Records{}, &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the records were not read: the audit does not take the entry", Err: err}
	}
	page, err := s.page(ctx, q, v, spans)
	entry.Time, entry.Outcome = s.cfg.Now(), eventbus.OutcomeAllowed
	entry.Detail["records"] = strconv.Itoa(len(page.Records))
	if err != nil {
		entry.Outcome = eventbus.OutcomeFailed
	}
	if auditErr := s.audit.Append(context.WithoutCancel(ctx), entry); auditErr != nil && err == nil {
		err = &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the records are not shown: the audit does not take the entry", Err: auditErr}
	}
	if err != nil {
		return Records{}, err
	}
	return page, nil
}

func (q RecordQuery) withDefaults() RecordQuery {
	if q.Start == "" {
		q.Start = StartLatest
	}
	if q.Limit == 0 {
		q.Limit = DefaultRecords
	}
	if q.MaxBytes == 0 {
		q.MaxBytes = DefaultRecordBytes
	}
	return q
}

// newest reports whether the last records are wanted.
func (q RecordQuery) newest() bool { return q.Start == StartLatest && q.Offsets == nil }

func (q RecordQuery) faults() []eventbus.Fault {
	var faults []eventbus.Fault
	add := func(bad bool, path, message string) {
		if bad {
			faults = append(faults, eventbus.Fault{Path: path, Message: message})
		}
	}
	add(!slices.Contains([]Start{StartLatest, StartEarliest, StartOffset, StartTimestamp}, q.Start),
		"start", fmt.Sprintf("%q is none of latest, earliest, offset, timestamp", q.Start))
	add(q.Limit < 1 || q.Limit > MaxRecords, "limit", fmt.Sprintf("must lie between 1 and %d", MaxRecords))
	add(q.MaxBytes < 1 || q.MaxBytes > MaxRecordBytes, "maxBytes", fmt.Sprintf("must lie between 1 and %d", MaxRecordBytes))
	add(q.Start == StartOffset && q.Offset < 0, "offset", "must not be negative")
	add(q.Start == StartTimestamp && q.Time.IsZero(), "time", "is required with start timestamp")
	for _, offset := range q.Offsets {
		add(offset < 0, "offsets", "must not be negative")
	}
	return faults
}

// spans finds the stretch of each partition to look at: to the end as it is now,
// without what open transactions have written.
func (s *Streams) spans(ctx context.Context, q RecordQuery) (map[place]span, error) {
	if eventbus.InternalTopic(q.Topic) || eventbus.CheckTopicName(q.Topic) != nil {
		return nil, noTopic(q.Topic)
	}
	starts, err := s.admin.ListStartOffsets(ctx, q.Topic)
	if err != nil {
		return nil, unavailable(err, "read the first offsets of topic "+q.Topic)
	}
	if !exists(starts[q.Topic]) {
		return nil, noTopic(q.Topic)
	}
	ends, err := s.admin.ListCommittedOffsets(ctx, q.Topic)
	if err != nil {
		return nil, unavailable(err, "read the last offsets of topic "+q.Topic)
	}
	var after kadm.ListedOffsets
	if q.Start == StartTimestamp && q.Offsets == nil {
		if after, err = s.admin.ListOffsetsAfterMilli(ctx, q.Time.UnixMilli(), q.Topic); err != nil {
			return nil, unavailable(err, "find the time in topic "+q.Topic)
		}
	}
	for _, p := range q.Partitions {
		if _, ok := starts.Lookup(q.Topic, p); !ok {
			return nil, eventbus.Errorf(eventbus.CodeNotFound, "topic %s has no partition %d", q.Topic, p)
		}
	}
	spans := map[place]span{}
	at := bounds{starts, ends}
	for p := range starts[q.Topic] {
		if len(q.Partitions) > 0 && !slices.Contains(q.Partitions, p) {
			continue
		}
		start, end, ok := at.of(q.Topic, p)
		if !ok {
			return nil, &eventbus.Error{Code: eventbus.CodeUnavailable, Message: fmt.Sprintf("partition %d of topic %s has no leader that answers", p, q.Topic)}
		}
		spans[place{q.Topic, p}] = span{min(max(q.first(p, end, after), start), end), end}
	}
	return spans, nil
}

// first gives the offset to begin at in a partition, which may lie outside of it.
func (q RecordQuery) first(partition int32, end int64, after kadm.ListedOffsets) int64 {
	if q.Offsets != nil {
		if offset, ok := q.Offsets[partition]; ok {
			return offset
		}
		return end // not part of the page before
	}
	switch q.Start {
	case StartOffset:
		return q.Offset
	case StartLatest:
		return end - int64(q.Limit)
	case StartTimestamp:
		if o, ok := after.Lookup(q.Topic, partition); ok && o.Err == nil {
			return o.Offset
		}
		return end
	default:
		return 0
	}
}

// page reads the spans, chooses what to show and renders it.
func (s *Streams) page(ctx context.Context, q RecordQuery, v Viewer, spans map[place]span) (Records, error) {
	choice := &choice{limit: q.Limit, maxBytes: q.MaxBytes, newest: q.newest()}
	w := window{from: spans, maxBytes: maxTransfer, timeout: s.cfg.ReadTimeout, keep: choice.add}
	if !choice.newest {
		w.quota = q.Limit
	}
	short, err := w.read(ctx, s.kafka)
	if err != nil {
		return Records{}, err
	}
	page := Records{Topic: q.Topic, Records: []Record{}, Newest: choice.newest, Next: map[int32]int64{}, Short: short}
	if choice.heavy && len(choice.kept) < q.Limit && page.Short == "" {
		page.Short = "the limit in bytes was reached"
	}
	for where, part := range spans {
		page.Next[where.partition] = part.start
		if choice.newest {
			page.Next[where.partition] = part.end
		}
	}
	view := view{viewer: v, codecs: s}
	for _, r := range choice.sorted() {
		page.Records = append(page.Records, view.record(ctx, r.Record))
		if next := r.Offset + 1; next > page.Next[r.Partition] {
			page.Next[r.Partition] = next
		}
	}
	return page, nil
}

// choice keeps the newest or the oldest records of all partitions within a
// number and a size: a heap whose root goes first. It owns what it keeps, so
// that no record holds the whole batch that it came in.
type choice struct {
	limit, maxBytes int
	newest          bool
	heavy           bool // records had to go for their size
	kept            []found
	bytes           int

	// cut is the best record that was dropped, without its content: nothing behind
	// it is kept although there may be room again, or the next page would begin
	// after a record that none has shown.
	cut *found
}

func (c *choice) add(r found) {
	if c.cut != nil && !c.goesBefore(*c.cut, r) {
		return
	}
	if len(c.kept) >= c.limit && !c.goesBefore(c.kept[0], r) {
		c.drop(r)
		return
	}
	heap.Push(c, found{owned(r.Record), r.order})
	for len(c.kept) > c.limit || c.bytes > c.maxBytes && len(c.kept) > 1 { // one is shown however large
		c.heavy = c.heavy || len(c.kept) <= c.limit
		c.drop(heap.Pop(c).(found))
	}
}

// drop notes that neither r nor what is behind it is shown.
func (c *choice) drop(r found) {
	c.cut = &found{&kgo.Record{Partition: r.Partition, Offset: r.Offset}, r.order}
}

func owned(r *kgo.Record) *kgo.Record {
	own := *r
	own.Key, own.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	own.Headers = slices.Clone(r.Headers)
	for i := range own.Headers {
		own.Headers[i].Key = strings.Clone(own.Headers[i].Key)
		own.Headers[i].Value = bytes.Clone(own.Headers[i].Value)
	}
	return &own
}

// goesBefore reports whether a is dropped before b.
func (c *choice) goesBefore(a, b found) bool {
	if c.newest {
		return compare(a, b) < 0
	}
	return compare(a, b) > 0
}

// compare orders records by time, those of one partition by offset.
func compare(a, b found) int {
	if order := a.order.Compare(b.order); order != 0 {
		return order
	}
	if a.Partition != b.Partition {
		return int(a.Partition - b.Partition)
	}
	return int(a.Offset - b.Offset)
}

// sorted gives the records in the order of the page.
func (c *choice) sorted() []found {
	slices.SortFunc(c.kept, func(a, b found) int {
		if c.newest {
			return compare(b, a)
		}
		return compare(a, b)
	})
	return c.kept
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (c *choice) Len() int { return len(c.kept) }

// Less puts what goes first at the root.
func (c *choice) Less(i, j int) bool { return c.goesBefore(c.kept[i], c.kept[j]) }

// Swap exchanges two records.
func (c *choice) Swap(i, j int) { c.kept[i], c.kept[j] = c.kept[j], c.kept[i] }

// Push adds a record.
func (c *choice) Push(x any) {
	r := x.(found)
	c.kept = append(c.kept, r)
	c.bytes += sizeOf(r.Record)
}

// Pop removes the last record.
func (c *choice) Pop() any {
	last := c.kept[len(c.kept)-1]
	c.kept = c.kept[:len(c.kept)-1]
	c.bytes -= sizeOf(last.Record)
	return last
}
