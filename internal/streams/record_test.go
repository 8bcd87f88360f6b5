package streams

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/enterprise-event-bus/eventbus"
)

var (
	ada  = eventbus.Actor{Person: eventbus.Person{ID: "ada", Name: "Ada"}, From: "127.0.0.1:5000"}
	open = Viewer{DataClasses: []eventbus.DataClass{eventbus.DataNone}}
)

// shown writes a page as "partition/offset=text …".
func shown(page Records) string {
	var out []string
	for _, r := range page.Records {
		out = append(out, fmt.Sprintf("%d/%d=%s", r.Partition, r.Offset, r.Value.Text))
	}
	return strings.Join(out, " ")
}

func TestRecordsBeginWhereAsked(t *testing.T) {
	b := newBed(t)
	b.create(2, "claims")
	b.produce(b.numbered("claims", 0, 6)...) // 65 to 60 s old
	b.produce(b.numbered("claims", 1, 2)...) // 61 and 60 s old
	deleted := kadm.Offsets{}
	deleted.AddOffset("claims", 0, 1, -1)
	if _, err := b.admin.DeleteRecords(t.Context(), deleted); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		q    RecordQuery
		want string
		next map[int32]int64
	}{
		{"the latest of one partition, newest first", RecordQuery{Partitions: []int32{0}, Limit: 2}, "0/5=5 0/4=4", map[int32]int64{0: 6}},
		{"the latest of all, by time", RecordQuery{Limit: 3}, "1/1=1 0/5=5 1/0=0", map[int32]int64{0: 6, 1: 2}},
		{"more than there are", RecordQuery{Limit: 500}, "1/1=1 0/5=5 1/0=0 0/4=4 0/3=3 0/2=2 0/1=1", map[int32]int64{0: 6, 1: 2}},
		{"the earliest kept, by time", RecordQuery{Start: StartEarliest, Limit: 2}, "0/1=1 0/2=2", map[int32]int64{0: 3, 1: 0}},
		{"an offset", RecordQuery{Start: StartOffset, Offset: 4, Partitions: []int32{0}, Limit: 5}, "0/4=4 0/5=5", map[int32]int64{0: 6}},
		{"an offset that retention removed", RecordQuery{Start: StartOffset, Offset: 0, Partitions: []int32{0}, Limit: 1}, "0/1=1", map[int32]int64{0: 2}},
		{"an offset beyond the end", RecordQuery{Start: StartOffset, Offset: 99, Partitions: []int32{0}}, "", map[int32]int64{0: 6}},
		{"a time", RecordQuery{Start: StartTimestamp, Time: b.now.Add(-61 * time.Second)}, "0/4=4 1/0=0 0/5=5 1/1=1", map[int32]int64{0: 6, 1: 2}},
		{"a time after the last", RecordQuery{Start: StartTimestamp, Time: b.now}, "", map[int32]int64{0: 6, 1: 2}},
		{"the page after", RecordQuery{Start: StartEarliest, Offsets: map[int32]int64{0: 3, 1: 0}, Limit: 2}, "0/3=3 0/4=4", map[int32]int64{0: 5, 1: 0}},
		{"too heavy for the page", RecordQuery{Partitions: []int32{0}, MaxBytes: 2}, "0/5=5 0/4=4", map[int32]int64{0: 6}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Topic = "claims"
			page, err := b.Records(t.Context(), ada, tt.q, open)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(page); got != tt.want {
				t.Errorf("records = %q, want %q", got, tt.want)
			}
			if fmt.Sprint(page.Next) != fmt.Sprint(tt.next) {
				t.Errorf("next = %v, want %v", page.Next, tt.next)
			}
			if heavy := tt.q.MaxBytes > 0; (page.Short != "") != heavy {
				t.Errorf("short = %q, want it only when a limit cut the page", page.Short)
			}
		})
	}
	if groups, err := b.admin.ListGroups(t.Context()); err != nil || len(groups) != 0 {
		t.Errorf("groups after reading = %v, %v; want none", groups, err)
	}
}

// TestRecordsPageThroughEverything: pages follow each other without a gap and
// without a repetition, whatever the clocks of the producers said.
func TestRecordsPageThroughEverything(t *testing.T) {
	b := newBed(t)
	b.create(3, "claims")
	for i := range 30 {
		b.produce(&kgo.Record{Topic: "claims", Partition: int32(i % 3), Value: []byte("v"), Timestamp: b.now.Add(time.Duration(i*7%11) * time.Second)})
	}
	seen := map[string]bool{}
	q := RecordQuery{Topic: "claims", Start: StartEarliest, Limit: 7}
	for range 6 {
		page, err := b.Records(t.Context(), ada, q, open)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			key := fmt.Sprint(r.Partition, "/", r.Offset)
			if seen[key] {
				t.Errorf("%s is shown twice", key)
			}
			seen[key] = true
		}
		q.Offsets = page.Next
	}
	if len(seen) != 30 {
		t.Errorf("%d records shown, want 30", len(seen))
	}
}

func TestRecordsOfTransactions(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims")
	txn := b.client(kgo.TransactionalID("payments"))
	write := func(value string, end kgo.TransactionEndTry) {
		t.Helper()
		if err := txn.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := txn.ProduceSync(t.Context(), &kgo.Record{Topic: "claims", Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := txn.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	write("kept", kgo.TryCommit)
	write("rolled back", kgo.TryAbort)
	if err := txn.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := txn.ProduceSync(t.Context(), &kgo.Record{Topic: "claims", Value: []byte("still open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	page, err := b.Records(t.Context(), ada, RecordQuery{Topic: "claims"}, open)
	if err != nil || shown(page) != "0/0=kept" || page.Short != "" {
		t.Errorf("= %q (%s), %v; want what was committed only", shown(page), page.Short, err)
	}
	if err := txn.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestRecordsRefusesWrongQueries(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims", "_schemas")
	tests := []struct {
		name string
		q    RecordQuery
		v    Viewer
		code eventbus.Code
		path string
	}{
		{"unknown topic", RecordQuery{Topic: "nowhere"}, open, eventbus.CodeNotFound, ""},
		{"internal topic", RecordQuery{Topic: "_schemas"}, open, eventbus.CodeNotFound, ""},
		{"no topic", RecordQuery{}, open, eventbus.CodeNotFound, ""},
		{"unknown partition", RecordQuery{Topic: "claims", Partitions: []int32{9}}, open, eventbus.CodeNotFound, ""},
		{"unknown start", RecordQuery{Topic: "claims", Start: "middle"}, open, eventbus.CodeInvalid, "start"},
		{"too many", RecordQuery{Topic: "claims", Limit: 501}, open, eventbus.CodeInvalid, "limit"},
		{"negative number", RecordQuery{Topic: "claims", Limit: -1}, open, eventbus.CodeInvalid, "limit"},
		{"too many bytes", RecordQuery{Topic: "claims", MaxBytes: MaxRecordBytes + 1}, open, eventbus.CodeInvalid, "maxBytes"},
		{"negative offset", RecordQuery{Topic: "claims", Start: StartOffset, Offset: -2}, open, eventbus.CodeInvalid, "offset"},
		{"negative next", RecordQuery{Topic: "claims", Offsets: map[int32]int64{0: -1}}, open, eventbus.CodeInvalid, "offsets"},
		{"no time", RecordQuery{Topic: "claims", Start: StartTimestamp}, open, eventbus.CodeInvalid, "time"},
		{"PHI without a reason", RecordQuery{Topic: "claims"}, Viewer{DataClasses: []eventbus.DataClass{eventbus.DataPHI}}, eventbus.CodeInvalid, "reason"},
		{"PII with a blank reason", RecordQuery{Topic: "claims"}, Viewer{DataClasses: []eventbus.DataClass{eventbus.DataPII}, Reason: " \t"}, eventbus.CodeInvalid, "reason"},
		{"unknown class without a reason", RecordQuery{Topic: "claims"}, Viewer{}, eventbus.CodeInvalid, "reason"},
		{"an endless reason", RecordQuery{Topic: "claims"}, Viewer{Reason: strings.Repeat("x", 501)}, eventbus.CodeInvalid, "reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.Records(t.Context(), ada, tt.q, tt.v)
			wantCode(t, err, tt.code)
			if faults := eventbus.FaultsOf(err); tt.path != "" && (len(faults) != 1 || faults[0].Path != tt.path) {
				t.Errorf("faults = %v, want one at %s", faults, tt.path)
			}
			if len(b.audit.entries) != 0 {
				t.Errorf("audit = %v; nothing was read", b.audit.entries)
			}
		})
	}
	_, err := New(b.admin).Records(t.Context(), ada, RecordQuery{Topic: "claims"}, open)
	wantCode(t, err, eventbus.CodeUnavailable)
}

func TestRecordsAreAudited(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims")
	b.produce(&kgo.Record{Topic: "claims", Key: []byte("secret key"), Value: []byte("secret value")})
	v := Viewer{Person: eventbus.Person{ID: "grace"}, Reason: " incident 4711 ", DataClasses: []eventbus.DataClass{eventbus.DataPHI}, Cleared: []eventbus.DataClass{eventbus.DataPHI}}
	if _, err := b.Records(t.Context(), ada, RecordQuery{Topic: "claims", Partitions: []int32{0}}, v); err != nil {
		t.Fatal(err)
	}
	if len(b.audit.entries) != 2 {
		t.Fatalf("%d entries, want an intent and an outcome", len(b.audit.entries))
	}
	before, after := b.audit.entries[0], b.audit.entries[1]
	if before.Outcome != eventbus.OutcomeIntent || after.Outcome != eventbus.OutcomeAllowed {
		t.Errorf("outcomes = %s, %s; want intent, allowed", before.Outcome, after.Outcome)
	}
	for _, e := range b.audit.entries {
		if e.Actor != "ada" || e.Action != "records.read" || e.Resource != "topic/claims" || e.Reason != "incident 4711" ||
			e.From != ada.From || e.Detail["person"] != "grace" || e.Detail["dataClasses"] != "PHI" || e.Detail["cleared"] != "PHI" || e.Detail["partitions"] != "0" {
			t.Errorf("entry = %+v, want who, what, why and from where", e)
		}
		if strings.Contains(fmt.Sprint(e), "secret") {
			t.Errorf("entry = %+v names a key or a value", e)
		}
	}
	if before.Detail["records"] != "" || after.Detail["records"] != "1" {
		t.Errorf("records = %q, %q; want them counted in the outcome only", before.Detail["records"], after.Detail["records"])
	}
}

// TestNoAuditNoRecords: it does not matter which of the two entries fails.
func TestNoAuditNoRecords(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims")
	b.produce(b.numbered("claims", 0, 1)...)
	for failFrom := 1; failFrom <= 2; failFrom++ {
		b.audit.entries, b.audit.failFrom = nil, failFrom
		page, err := b.Records(t.Context(), ada, RecordQuery{Topic: "claims"}, open)
		wantCode(t, err, eventbus.CodeUnavailable)
		if len(page.Records) != 0 {
			t.Errorf("entry %d fails: %d records are shown", failFrom, len(page.Records))
		}
	}
}

func TestRecordsOfABatchThatGrowsTooMuch(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims")
	bomb := b.client(kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(64<<20), kgo.BrokerMaxWriteBytes(100<<20))
	value := bytes.Repeat([]byte{0}, decompressBytes+1<<20)
	if err := bomb.ProduceSync(t.Context(), &kgo.Record{Topic: "claims", Value: value}).FirstErr(); err != nil {
		t.Fatalf("the engine does not take such a batch: %v", err)
	}
	_, err := b.Records(t.Context(), ada, RecordQuery{Topic: "claims"}, open)
	wantCode(t, err, eventbus.CodeTooLarge)
	if last := b.audit.entries[len(b.audit.entries)-1]; last.Outcome != eventbus.OutcomeFailed {
		t.Errorf("outcome = %s, want failed", last.Outcome)
	}
}

func TestChoiceKeepsWithinItsBytes(t *testing.T) {
	for _, newest := range []bool{true, false} {
		c := &choice{limit: 100, maxBytes: 1000, newest: newest}
		batch := bytes.Repeat([]byte{7}, 100*100)
		for i := range 100 {
			c.add(found{&kgo.Record{Offset: int64(i), Value: batch[i*100 : (i+1)*100]}, time.UnixMilli(int64(i))})
		}
		kept := c.sorted()
		want := int64(0)
		if newest {
			want = 99
		}
		if len(kept) != 10 || c.bytes != 1000 || !c.heavy || kept[0].Offset != want {
			t.Errorf("newest %v: %d records of %d bytes from offset %d, heavy %v; want 10 of 1000 from %d", newest, len(kept), c.bytes, kept[0].Offset, c.heavy, want)
		}
		if cap(kept[0].Value) >= len(batch) {
			t.Error("a kept record holds its whole batch")
		}
	}
	c := &choice{limit: 5, maxBytes: 10}
	c.add(found{&kgo.Record{Value: make([]byte, 11)}, time.Time{}})
	if len(c.sorted()) != 1 {
		t.Error("a single record beyond the limit is not shown")
	}
}

// Whatever the sizes and clocks of records: a page holds, of each partition, its
// first ones without a gap (its last ones when the newest are asked for), no more
// than it may, and none that goes behind one which it leaves out.
func TestChoiceLeavesNoGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := &choice{limit: rapid.IntRange(1, 8).Draw(t, "limit"), maxBytes: rapid.IntRange(1, 60).Draw(t, "bytes"), newest: rapid.Bool().Draw(t, "newest")}
		var all []found
		order, next := map[int32]time.Time{}, map[int32]int64{}
		for range rapid.IntRange(0, 30).Draw(t, "records") {
			p := rapid.Int32Range(0, 2).Draw(t, "partition")
			order[p] = order[p].Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "later")))
			r := found{&kgo.Record{Partition: p, Offset: next[p], Value: make([]byte, rapid.IntRange(0, 40).Draw(t, "size"))}, order[p]}
			next[p]++
			all = append(all, r)
			c.add(r)
		}
		page := c.sorted()
		bytes := 0
		for _, r := range page {
			bytes += sizeOf(r.Record)
		}
		if len(page) > c.limit || bytes > c.maxBytes && len(page) > 1 || len(page) == 0 && len(all) > 0 {
			t.Fatalf("%d records of %d bytes on a page of %d and %d", len(page), bytes, c.limit, c.maxBytes)
		}
		slices.SortFunc(all, func(a, b found) int {
			if c.newest {
				return compare(b, a)
			}
			return compare(a, b)
		})
		for i, r := range page {
			if r.Partition != all[i].Partition || r.Offset != all[i].Offset {
				t.Fatalf("place %d of the page is %d/%d, want %d/%d: the page has a gap", i, r.Partition, r.Offset, all[i].Partition, all[i].Offset)
			}
		}
		if len(page) < min(len(all), c.limit) && !c.heavy {
			t.Fatalf("%d of %d records within a limit of %d, and not for their size", len(page), len(all), c.limit)
		}
	})
}

func TestRecordsStopWithTheContext(t *testing.T) {
	b := newBed(t)
	b.create(1, "claims")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.Records(ctx, ada, RecordQuery{Topic: "claims"}, open)
	wantCode(t, err, eventbus.CodeUnavailable)
}
