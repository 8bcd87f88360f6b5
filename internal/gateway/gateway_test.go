package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/enterprise-event-bus/eventbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counted is an observer that adds up.
type counted struct {
	mu   sync.Mutex
	seen map[string][2]int64
}

func (c *counted) add(key string, records, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string][2]int64{}
	}
	s := c.seen[key]
	c.seen[key] = [2]int64{s[0] + records, s[1] + bytes}
}

func (c *counted) Produced(principal, topic string, schema int, records, bytes int64) {
	c.add(fmt.Sprint("produced ", principal, " ", topic, " ", schema), records, bytes)
}

func (c *counted) Consumed(principal, topic, group string, schema int, records, bytes int64) {
	c.add(fmt.Sprint("consumed ", principal, " ", topic, " ", group, " ", schema), records, bytes)
}

func (c *counted) records(key string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[key][0]
}

// A stock client produces and consumes in a group through a PLAINTEXT door, with
// every compression, idempotent and in a transaction, and the observer knows.
func TestPlaintext(t *testing.T) {
	e := newEngine(t, kfake.SeedTopics(3, "orders"))
	seen := &counted{}
	b := start(t, e, setting{parts: Parts{Observer: seen}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n := int64(0)
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		cl := b.client(t, kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic("orders"))
		for i := range 200 {
			value := append([]byte{0, 0, 0, 0, 9}, fmt.Sprint(i)...)
			cl.Produce(ctx, &kgo.Record{Key: fmt.Append(nil, i), Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := cl.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		n += 200
	}
	tx := b.client(t, kgo.TransactionalID("tx"), kgo.DefaultProduceTopic("orders"))
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(ctx, kgo.StringRecord("in a transaction")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := tx.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	n++
	cl := b.client(t, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("orders"), kgo.ClientID("reader"))
	got := int64(0)
	for got < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		got += int64(fetches.NumRecords())
	}
	if err := cl.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	who := eventbus.LocalAdministrator().ARN
	if p, c := seen.records("produced "+who+" orders 9")+seen.records("produced "+who+" orders 0"), seen.records("consumed "+who+" orders g 9")+seen.records("consumed "+who+" orders g 0"); p != n || c != n || seen.records("produced "+who+" orders 9") < 200 {
		t.Errorf("observed %d produced, %d consumed of %d: %v", p, c, n, seen.seen)
	}
}

// Every address that an answer can carry is the door's own, in every version.
func TestAddressesAreRewritten(t *testing.T) {
	const real = "10.9.8.7"
	rack := "krack"
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response {
		resp := req.ResponseKind()
		switch r := resp.(type) {
		case *kmsg.MetadataResponse:
			r.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: real, Port: 19092, Rack: &rack}, {NodeID: 1, Host: real, Port: 19093, Rack: &rack}}
			id := "engine"
			r.ClusterID = &id
		case *kmsg.FindCoordinatorResponse:
			r.Host, r.Port, r.NodeID = real, 19093, 1
			r.Coordinators = []kmsg.FindCoordinatorResponseCoordinator{{NodeID: 1, Host: real, Port: 19093}}
		case *kmsg.DescribeClusterResponse:
			r.Brokers = []kmsg.DescribeClusterResponseBroker{{NodeID: 1, Host: real, Port: 19093, Rack: &rack}}
			r.ClusterID = "engine"
		case *kmsg.ProduceResponse:
			r.Brokers = []kmsg.ProduceResponseBroker{{NodeID: 1, Host: real, Port: 19093, Rack: &rack}}
		case *kmsg.FetchResponse:
			r.Brokers = []kmsg.FetchResponseBroker{{NodeID: 1, Host: real, Port: 19093, Rack: &rack}}
		case *kmsg.DescribeConfigsResponse:
			host := "PLAINTEXT://" + real + ":19092"
			r.Resources = []kmsg.DescribeConfigsResponseResource{{ResourceType: kmsg.ConfigResourceTypeBroker, Configs: []kmsg.DescribeConfigsResponseResourceConfig{{Name: "advertised.listeners", Value: &host}}}}
		}
		return resp
	}}
	b := start(t, p, setting{cfg: Config{ClusterID: "ours"}, advertise: func(node int32) (string, int32) { return fmt.Sprintf("b-%d.bus", node), 9098 + node }})
	w := b.dial(t)
	for _, key := range []int16{0, 1, 3, 10, 32, 60} {
		a := table()[key]
		for version := a.min; version <= a.max; version++ {
			got := string(w.ask(naming(key, version, "open", "open")).AppendTo(nil))
			carries := key != 32 && (key != 0 || version >= 10) && (key != 1 || version >= 16)
			if strings.Contains(got, real) || strings.Contains(got, rack) || strings.Contains(got, "engine") || carries && !strings.Contains(got, "b-1.bus") {
				t.Errorf("%s v%d: %q", a.name, version, got)
			}
			if carries && !strings.Contains(got, "\x00\x00\x23\x8b") { // 9099
				t.Errorf("%s v%d has not the advertised port: %q", a.name, version, got)
			}
		}
	}
}

// What the topic rules and the state of the cluster forbid is refused per
// partition or topic, in the protocol's own codes, and nothing is changed.
func TestRulesOfTopics(t *testing.T) {
	e := newEngine(t, kfake.SeedTopics(1, "orders", "_schemas", "__consumer_offsets"))
	b := start(t, e, setting{cfg: Config{Limits: func(string) eventbus.TopicLimits { return eventbus.TopicLimits{MaxPartitions: 10} }}})
	w := b.dial(t)
	ok := batchOf(recordOf(0, []byte("value")))
	produced := func(topic string, records []byte) kmsg.ProduceResponseTopicPartition {
		return w.ask(produceOf(9, topic, [16]byte{}, records)).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	}
	if p := produced("orders", ok); p.ErrorCode != 0 {
		t.Fatalf("produce: %d %v", p.ErrorCode, p.ErrorMessage)
	}
	many := batchOf(recordOf(0, []byte("value")))
	many[57], many[23] = 0x70, 0x70
	for name, tt := range map[string]struct {
		topic   string
		records []byte
		want    int16
	}{
		"no batch":                  {"orders", nil, errCorruptMessage},
		"a cut batch":               {"orders", ok[:len(ok)-1], errCorruptMessage},
		"two batches":               {"orders", append(bytes.Clone(ok), ok...), errCorruptMessage},
		"more records than bytes":   {"orders", many, errCorruptMessage},
		"a topic that is not there": {"nothing", ok, errUnknownTopic},
		"the registry's topic":      {"_schemas", ok, errTopicDenied},
		"Kafka's own topic":         {"__consumer_offsets", ok, errTopicDenied},
		"a control batch":           {"orders", control(ok), errInvalidRecord},
	} {
		if p := produced(tt.topic, tt.records); p.ErrorCode != tt.want {
			t.Errorf("%s: %d, want %d", name, p.ErrorCode, tt.want)
		}
	}
	e.limit.Store(100)
	if p := produced("orders", batchOf(recordOf(0, make([]byte, 100)))); p.ErrorCode != errMessageTooLarge {
		t.Errorf("too large: %d", p.ErrorCode)
	}
	e.limit.Store(0)

	create := func(topic string, partitions int32, replication int16, configs ...string) int16 {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		one := kmsg.NewCreateTopicsRequestTopic()
		one.Topic, one.NumPartitions, one.ReplicationFactor = topic, partitions, replication
		for i := 0; i < len(configs); i += 2 {
			one.Configs = append(one.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: configs[i], Value: &configs[i+1]})
		}
		req.Topics = append(req.Topics, one)
		return w.ask(req).(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
	}
	for name, tt := range map[string]struct{ got, want int16 }{
		"fine":              {create("a", 10, 1, "retention.ms", "1000"), 0},
		"defaults":          {create("b", -1, -1), 0},
		"own underscore":    {create("_connect", 1, 1), 0},
		"name":              {create("a b", 1, 1), errInvalidTopic},
		"reserved":          {create("__x", 1, 1), errTopicDenied},
		"partitions":        {create("c", 11, 1), errInvalidPartitions},
		"millions":          {create("c", 5_000_000, 1), errInvalidPartitions},
		"no partitions":     {create("c", 0, 1), errInvalidPartitions},
		"replication":       {create("c", 1, 3), errInvalidReplication},
		"config value":      {create("c", 1, 1, "retention.ms", "banana"), errInvalidConfig},
		"config name":       {create("c", 1, 1, "kfake.is_internal", "true"), errInvalidConfig},
		"config twice":      {create("c", 1, 1, "retention.ms", "1", "retention.ms", "2"), errInvalidConfig},
		"max.message.bytes": {create("c", 1, 1, "max.message.bytes", "2000000000"), errInvalidConfig},
	} {
		if tt.got != tt.want {
			t.Errorf("create, %s: %d, want %d", name, tt.got, tt.want)
		}
	}
	refused := fmt.Errorf("the disk is nearly full")
	e.readOnly.Store(&refused)
	if p := produced("orders", ok); p.ErrorCode != errStorage || !strings.Contains(*p.ErrorMessage, "nearly full") {
		t.Errorf("read-only: %d", p.ErrorCode)
	}
	if got := create("d", 1, 1); got != errStorage {
		t.Errorf("create while read-only: %d", got)
	}
	e.readOnly.Store(nil)
	alterations(t, b)
	md := kmsg.NewPtrMetadataRequest()
	md.Version, md.AllowAutoTopicCreation = 9, true
	missing := "not-yet"
	md.Topics = []kmsg.MetadataRequestTopic{{Topic: &missing}}
	if got := w.ask(md).(*kmsg.MetadataResponse).Topics[0].ErrorCode; got != errUnknownTopic {
		t.Errorf("auto-creation: %d", got)
	}
}

func control(b []byte) []byte {
	b = bytes.Clone(b)
	b[22] |= attrControl
	return b
}

// alterations tries config changes, deletions and growth with a stock client.
func alterations(t *testing.T, b *bus) {
	ctx := t.Context()
	adm := kadm.NewClient(b.client(t))
	value := func(v string) *string { return &v }
	for name, tt := range map[string]struct {
		topic, config, value string
		want                 int16
	}{
		"fine":     {"orders", "retention.ms", "5000", 0},
		"banana":   {"orders", "retention.ms", "banana", errInvalidConfig},
		"unknown":  {"orders", "nothing", "1", errInvalidConfig},
		"reserved": {"_schemas", "retention.ms", "1", errTopicDenied},
	} {
		got, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: tt.config, Value: value(tt.value)}}, tt.topic)
		if err != nil || code(got[0].Err) != tt.want {
			t.Errorf("alter, %s: %v %v, want %d", name, err, got[0].Err, tt.want)
		}
	}
	if got, err := adm.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Name: "log.cleaner.backoff.ms", Value: value("1")}}, 0); err != nil || code(got[0].Err) != errPolicyViolation {
		t.Errorf("broker config: %v %v", err, got)
	}
	if got, err := adm.DeleteTopics(ctx, "_schemas"); err != nil || code(got["_schemas"].Err) != errTopicDenied {
		t.Errorf("delete _schemas: %v %v", err, got)
	}
	if got, err := adm.UpdatePartitions(ctx, 11, "orders"); err != nil || code(got["orders"].Err) != errInvalidPartitions {
		t.Errorf("grow: %v %v", err, got)
	}
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: "_schemas", At: 0})
	if got, err := adm.DeleteRecords(ctx, offsets); err != nil || code(got["_schemas"][0].Err) != errTopicDenied {
		t.Errorf("delete records of _schemas: %v %+v", err, got)
	}
}

func code(err error) int16 {
	var k interface{ Error() string }
	if err == nil {
		return 0
	}
	if errors.As(err, &k) {
		for c, name := range map[int16]string{errInvalidConfig: "INVALID_CONFIG", errTopicDenied: "TOPIC_AUTHORIZATION_FAILED", errPolicyViolation: "POLICY_VIOLATION", errInvalidPartitions: "INVALID_PARTITIONS"} {
			if strings.HasPrefix(k.Error(), name) {
				return c
			}
		}
	}
	return -1
}

// Answers keep the order of the requests although some are made here, and acks=0
// has none.
func TestAnswersKeepTheirOrder(t *testing.T) {
	hold := make(chan struct{})
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response {
		<-hold
		return req.ResponseKind()
	}}
	b := start(t, p, setting{})
	w := b.dial(t)
	fetch := naming(keyFetch, 12, "open", "open")
	versions := kmsg.NewPtrApiVersionsRequest()
	reserved := produceOf(9, "_schemas", [16]byte{}, batchOf(recordOf(0, nil)))
	reqs := []kmsg.Request{fetch, versions, reserved, fetch, versions}
	for _, req := range reqs {
		w.send(req)
	}
	close(hold)
	for i, req := range reqs {
		w.answer(req, int32(i+1))
	}
	silent := produceOf(9, "_schemas", [16]byte{}, batchOf(recordOf(0, nil)))
	silent.Acks = 0
	w.send(silent)
	w.cut()
}

// A stop lets a request in flight finish and refuses new connections.
func TestDrain(t *testing.T) {
	hold, arrived := make(chan struct{}), make(chan kmsg.Request, 1)
	p := &puppet{requests: arrived, answer: func(req kmsg.Request) kmsg.Response {
		<-hold
		return req.ResponseKind()
	}}
	b := start(t, p, setting{})
	busy, idle, waiting := b.dial(t), b.dial(t), b.dial(t)
	waiting.send(naming(keyFetch, 12, "open", "open"))
	<-arrived
	req := naming(2, 5, "open", "open")
	busy.send(req)
	<-arrived
	stopped := make(chan struct{})
	go func() { b.stop(); close(stopped) }()
	idle.cut()
	waiting.cut() // for records; it loses nothing
	close(hold)
	busy.answer(req, 1)
	busy.cut()
	<-stopped
	if conn, err := net.Dial("tcp", b.addr); err == nil {
		conn.Close()
		t.Error("the door is still open")
	}
}

// Limits of connections and of idleness close, and only what is over them.
func TestConnectionLimits(t *testing.T) {
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response { return req.ResponseKind() }}
	b := start(t, p, setting{cfg: Config{MaxConnectionsPerIP: 2, IdleTimeout: 300 * time.Millisecond}})
	one, two := b.dial(t), b.dial(t)
	versions := kmsg.NewPtrApiVersionsRequest()
	one.ask(versions)
	two.ask(versions)
	b.dial(t).cut()
	one.cut() // idle
	two.cut()
	for { // their places are given back
		w := b.dial(t)
		w.send(versions)
		if _, err := w.receive(); err == nil {
			break
		} else if !errors.Is(err, io.EOF) && !isReset(err) {
			t.Fatal(err)
		}
	}
}

// failing is a listener whose accept fails as when descriptors run out.
type failing struct {
	net.Listener
	mu    sync.Mutex
	times int
}

func (f *failing) Accept() (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times > 0 {
		f.times--
		return nil, &net.OpError{Op: "accept", Err: errors.New("too many open files")}
	}
	return f.Listener.Accept()
}

func TestAcceptSurvives(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := New(Config{}, &puppet{}, nil, Parts{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- g.Run(ctx, []Listener{{Name: "x", Net: &failing{Listener: l, times: 3}}}) }()
	b := &bus{addr: l.Addr().String()}
	b.dial(t).ask(kmsg.NewPtrApiVersionsRequest())
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRunNeedsAnAuthority(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = New(Config{}, &puppet{}, nil, Parts{}).Run(t.Context(), []Listener{{Name: "iam", Net: l, Mechanisms: []string{MechanismIAM}}})
	if eventbus.CodeOf(err) != eventbus.CodeInvalid {
		t.Errorf("an IAM door without an authority: %v", err)
	}
}
