package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// guardedTopic provisions an event in development with a schema and a guard, and
// gives its schema.
func (b *bus) guardedTopic(name string, guard eventbus.SchemaGuard) eventbus.Schema {
	b.t.Helper()
	topic := "dev_" + name
	text := `{"type":"record","name":"` + strings.ToUpper(name[:1]) + name[1:] + `","fields":[{"name":"id","type":"string"}]}`
	m := eventbus.Manifest{Source: "test", Events: []eventbus.EventManifest{{
		Event: eventbus.Event{Name: name, Title: name, Description: "An event of a test.", Domain: "claims", Type: "event",
			Lifecycle: eventbus.LifecycleDevelopment, Owner: "claims", Contact: "owner@example.org", System: "letters",
			DataClasses: []eventbus.DataClass{eventbus.DataNone}, RetentionDays: 7, ExpectedPerDay: 1,
			SourceSystems: []eventbus.SourceSystem{{SystemName: "letters", TeamName: "claims", ProductOwner: "owner@example.org"}},
			Schema:        text, Compatibility: eventbus.CompatibilityBackward, Topics: []eventbus.EventTopic{{Environment: "development", Name: topic}}},
		Topics: []eventbus.TopicManifest{{Environment: "development", ValueSchema: text, Compatibility: eventbus.CompatibilityBackward, Guard: guard,
			Topic: eventbus.Topic{Name: topic, Partitions: 1, ReplicationFactor: 1, Configs: map[string]string{"retention.ms": "604800000"}}}},
	}}}
	plan, err := b.provision.Plan(b.ctx, m)
	if err == nil {
		err = b.provision.Apply(b.ctx, eventbus.Actor{System: "test"}, plan, m, provision.ApplyOptions{Approved: true})
	}
	if err != nil {
		b.t.Fatalf("provision %s: %v %+v", name, err, eventbus.FaultsOf(err))
	}
	b.eventually("the guard of "+topic+" is known", func() bool { return b.guard.Mode(topic) == guard })
	version, err := b.registry.Version(eventbus.ValueSubject(topic), registry.Latest, registry.Live)
	if err != nil {
		b.t.Fatal(err)
	}
	return version.Schema
}

// withID is a value in Confluent's wire format.
func withID(id int, payload string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), payload...)
}

func inHeader(value []byte) kgo.RecordHeader {
	return kgo.RecordHeader{Key: "__value_schema_id", Value: value}
}

// guardCase is a record and what the guard of dev_guarded says about it.
type guardCase struct {
	name  string
	value []byte
	with  []kgo.RecordHeader
	says  string // empty: accepted
}

// guid is a schema's GUID as a header carries it.
func guid(s eventbus.Schema) []byte {
	raw, _ := hex.DecodeString(strings.ReplaceAll(s.GUID, "-", "")) // a short one is refused
	return append([]byte{1}, raw...)
}

func guardCases(own, foreign eventbus.Schema) []guardCase {
	return []guardCase{
		{"id of another subject", withID(foreign.ID, "x"), nil, "schema id " + strconv.Itoa(foreign.ID) + " is not registered under dev_guarded-value"},
		{"no id", []byte(`{"id":"text"}`), nil, "no schema id: the value must begin with 0x00 and the 4-byte id, or the header __value_schema_id name it"},
		{"empty value", []byte{}, nil, "no schema id"},
		{"cut id", []byte{0, 0, 0, 1}, nil, "no schema id"},
		{"unknown id", withID(4711, "x"), nil, "schema id 4711 is not registered under dev_guarded-value"},
		{"id 0", withID(0, "x"), nil, "schema id 0 is not registered under dev_guarded-value"},
		{"id in the header", []byte("payload"), []kgo.RecordHeader{inHeader(withID(own.ID, ""))}, ""},
		{"GUID in the header", []byte("payload"), []kgo.RecordHeader{inHeader(guid(own))}, ""},
		{"GUID of another subject", []byte("payload"), []kgo.RecordHeader{inHeader(guid(foreign))}, "schema id " + strconv.Itoa(foreign.ID) + " is not registered under dev_guarded-value"},
		{"unknown GUID", []byte("payload"), []kgo.RecordHeader{inHeader(append([]byte{1}, make([]byte, 16)...))}, "schema GUID 00000000-0000-0000-0000-000000000000 is not registered"},
		{"header that is no id", withID(own.ID, "x"), []kgo.RecordHeader{inHeader([]byte("7"))}, "no schema id"},
		{"null value", nil, nil, ""},
	}
}

// TestSchemaGuard: on a provisioned topic, enforce refuses what is not registered
// for it with a message that names the id and why, warn lets it pass and counts,
// and an idempotent stock producer goes on after a refusal.
func TestSchemaGuard(t *testing.T) {
	b := startBus(t, nil)
	own, warned := b.guardedTopic("guarded", eventbus.SchemaGuardEnforce), b.guardedTopic("lenient", eventbus.SchemaGuardWarn)
	user, err := b.registry.Version(eventbus.ValueSubject(testTopic), registry.Latest, registry.Live)
	if err != nil || user.ID == own.ID || own.ID == warned.ID {
		t.Fatalf("ids %d, %d, %d: %v", user.ID, own.ID, warned.ID, err)
	}
	key := b.principal("app", policy.ProduceIdempotent(b.arns(), "dev_guarded"), policy.ProduceIdempotent(b.arns(), "dev_lenient"))
	kafka, wire := b.tapped(key)
	good := &kgo.Record{Topic: "dev_guarded", Value: withID(own.ID, "\x02a")}
	accepted := 0
	for _, tt := range guardCases(own, user.Schema) {
		t.Run(tt.name, func(t *testing.T) {
			wire.forget()
			err := kafka.ProduceSync(b.ctx, &kgo.Record{Topic: "dev_guarded", Value: tt.value, Headers: tt.with}).FirstErr()
			if tt.says == "" {
				accepted++
				if err != nil {
					t.Fatal(err)
				}
			} else {
				if !errors.Is(err, kerr.InvalidRecord) {
					t.Fatalf("answered %v", err)
				}
				contains(t, "the answer", wire.text(), "The schema guard of topic dev_guarded refused the batch: "+tt.says, ". Nothing was written.")
			}
			// Nobody is stuck: the same producer goes on, idempotently.
			accepted++
			if err := kafka.ProduceSync(b.ctx, &kgo.Record{Topic: good.Topic, Value: good.Value}).FirstErr(); err != nil {
				t.Fatalf("the record after it: %v", err)
			}
		})
	}
	if got := len(b.read("dev_guarded")); got != accepted {
		t.Errorf("%d records in the log, %d were accepted", got, accepted)
	}
	if refused := b.log.with("msg", "the schema guard refused a batch"); len(refused) != 1 || refused[0]["principal"] != b.userARN("app") {
		t.Errorf("log %+v", refused)
	}
	b.warns(kafka, user.ID)
}

// warns writes wrong records to the topic whose guard only warns.
func (b *bus) warns(kafka *kgo.Client, foreign int) {
	b.t.Helper()
	for _, value := range [][]byte{withID(foreign, "x"), []byte("text"), withID(4711, "x")} {
		if err := kafka.ProduceSync(b.ctx, &kgo.Record{Topic: "dev_lenient", Value: value}).FirstErr(); err != nil {
			b.t.Fatalf("warn refused %q: %v", value, err)
		}
	}
	if got := b.counter("eventbus_gateway_schema_guard_total", "warned"); got != 3 {
		b.t.Errorf("%v batches warned about, want 3", got)
	}
	if got := len(b.read("dev_lenient")); got != 3 {
		b.t.Errorf("%d records in the log, want 3", got)
	}
	if lines := b.log.with("msg", "the schema guard let a batch pass that it would refuse"); len(lines) != 1 || lines[0]["topic"] != "dev_lenient" {
		b.t.Errorf("log %+v", lines)
	}
}

// wiretap keeps what a client reads.
type wiretap struct {
	mu   sync.Mutex
	seen bytes.Buffer
}

func (w *wiretap) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.Reset()
}

func (w *wiretap) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.String()
}

type tappedConn struct {
	net.Conn
	*wiretap
}

func (c tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen.Write(p[:n])
	return n, err
}

// tapped is a client of the IAM door whose answers can be read as they came:
// franz-go shows the code of a refused batch, not its message.
func (b *bus) tapped(key iam.Secret) (*kgo.Client, *wiretap) {
	b.t.Helper()
	wire := &wiretap{}
	dialer := &tls.Dialer{Config: b.tls()}
	credential := static(key)
	return b.dial(kgo.SeedBrokers(b.Addresses().KafkaIAM), kgo.SASL(mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, credential)),
		kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return tappedConn{conn, wire}, nil
		})), wire
}
