package streams

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is a Streams on a real engine in memory.
type bed struct {
	t       *testing.T
	addrs   []string
	kafka   *kgo.Client
	admin   *kadm.Client
	schemas *schemaBook
	audit   *auditBook
	now     time.Time
	*Streams
}

// newBed starts an engine of one broker, as the bus embeds it.
func newBed(t *testing.T) *bed { return newBedOf(t, Config{}, 1) }

func newBedOf(t *testing.T, cfg Config, brokers int) *bed {
	t.Helper()
	engine, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	b := &bed{t: t, addrs: engine.ListenAddrs(), schemas: &schemaBook{byID: map[int]eventbus.Schema{}}, audit: &auditBook{},
		now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
	b.kafka = b.client()
	b.admin = kadm.NewClient(b.kafka)
	cfg.Now = func() time.Time { return b.now }
	b.Streams = Open(cfg, b.kafka, b.schemas, b.audit)
	return b
}

func (b *bed) client(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(cl.Close)
	return cl
}

func (b *bed) create(partitions int32, topics ...string) {
	b.t.Helper()
	responses, err := b.admin.CreateTopics(b.t.Context(), partitions, 1, nil, topics...)
	if err := errors.Join(err, responses.Error()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) produce(records ...*kgo.Record) {
	b.t.Helper()
	for _, r := range records { // one batch each, so that offsets are batches
		if err := b.kafka.ProduceSync(b.t.Context(), r).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
}

// numbered makes n records whose values are 0, 1, 2, … one second apart, the
// last of them a minute before now.
func (b *bed) numbered(topic string, partition int32, n int) []*kgo.Record {
	list := make([]*kgo.Record, n)
	for i := range list {
		list[i] = &kgo.Record{Topic: topic, Partition: partition, Value: []byte(strconv.Itoa(i)),
			Timestamp: b.now.Add(-time.Minute - time.Duration(n-1-i)*time.Second)}
	}
	return list
}

func (b *bed) commit(group, topic string, offsets ...int64) {
	b.t.Helper()
	os := kadm.Offsets{}
	for partition, at := range offsets {
		os.AddOffset(topic, int32(partition), at, -1)
	}
	if err := b.admin.CommitAllOffsets(b.t.Context(), group, os); err != nil {
		b.t.Fatal(err)
	}
}

// schemaBook stands for the registry.
type schemaBook struct {
	byID map[int]eventbus.Schema
}

func (s *schemaBook) add(id int, text string, refs ...eventbus.SchemaReference) {
	s.byID[id] = eventbus.Schema{ID: id, Text: text, References: refs, Subject: "subject-" + strconv.Itoa(id), Version: 1, GUID: guidOf(id)}
}

func guidOf(id int) string { return "00000000-0000-0000-0000-0000000000" + strconv.Itoa(10+id) }

func (s *schemaBook) Schema(_ context.Context, id int) (eventbus.Schema, error) {
	return s.find(func(one eventbus.Schema) bool { return one.ID == id })
}

func (s *schemaBook) SchemaByGUID(_ context.Context, guid string) (eventbus.Schema, error) {
	return s.find(func(one eventbus.Schema) bool { return one.GUID == guid })
}

func (s *schemaBook) SchemaVersion(_ context.Context, subject string, version int) (eventbus.Schema, error) {
	return s.find(func(one eventbus.Schema) bool { return one.Subject == subject && one.Version == version })
}

func (s *schemaBook) find(is func(eventbus.Schema) bool) (eventbus.Schema, error) {
	for _, one := range s.byID {
		if is(one) {
			return one, nil
		}
	}
	return eventbus.Schema{}, eventbus.Errorf(eventbus.CodeNotFound, "no such schema")
}

// encode writes a value by a schema of the book, with its id in front.
func (s *schemaBook) encode(t *testing.T, id int, text string) []byte {
	t.Helper()
	var texts []string
	for _, ref := range s.byID[id].References {
		one, err := s.SchemaVersion(t.Context(), ref.Subject, ref.Version)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, one.Text)
	}
	codec, err := client.NewCodec(s.byID[id].Text, texts...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.Encode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), data...)
}

// auditBook keeps entries, and fails after failFrom of them (0 = never).
type auditBook struct {
	mu       sync.Mutex
	entries  []eventbus.AuditEntry
	failFrom int
}

func (a *auditBook) Append(_ context.Context, e eventbus.AuditEntry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failFrom > 0 && len(a.entries)+1 >= a.failFrom {
		return errors.New("disk full")
	}
	detail := map[string]string{} // a later change must not reach what was appended
	for k, v := range e.Detail {
		detail[k] = v
	}
	e.Detail = detail
	a.entries = append(a.entries, e)
	return nil
}

func wantCode(t *testing.T, err error, code eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != code {
		t.Fatalf("error %v has code %q, want %q", err, got, code)
	}
}

// requestCount counts what a client writes.
type requestCount struct{ n atomic.Int64 }

func (c *requestCount) OnBrokerWrite(kgo.BrokerMetadata, int16, int, time.Duration, time.Duration, error) {
	c.n.Add(1)
}

// countRequests gives the Streams a client that counts its requests.
func (b *bed) countRequests() func() int64 {
	count := &requestCount{}
	cl := b.client(kgo.WithHooks(count))
	b.Streams = Open(b.cfg, cl, b.schemas, b.audit)
	return count.n.Load
}
