package server

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// TestTrafficIsObserved: who produces to and consumes from a topic shows within
// 10 s, by role, group and schema, and after a restart; who only may, does not.
func TestTrafficIsObserved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(c *Config) { c.DataDir = dir }
	b := startBus(t, keep)
	const records = 7
	value, schema := b.userValue()
	producer := b.asRole(iam.TestProducer, kgo.DefaultProduceTopic(testTopic))
	for range records {
		if err := producer.ProduceSync(b.ctx, &kgo.Record{Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	consumer := b.asRole(iam.TestConsumer, kgo.ConsumeTopics(testTopic), kgo.ConsumerGroup("test-consumer-1"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for read := 0; read < records; {
		fetches := consumer.PollFetches(b.ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		read += fetches.NumRecords()
	}
	// A consumer with a grant that connects and looks, but reads nothing.
	key := b.principal("looker", b.mayConsume("looker"))
	looker := b.client(mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(key)))
	if err := looker.Ping(b.ctx); err != nil {
		t.Fatal(err)
	}
	want := []eventbus.Usage{
		{Principal: b.roleARN(iam.TestConsumer), Topic: testTopic, Group: "test-consumer-1", Direction: eventbus.Consumed, SchemaID: schema, Records: records},
		{Principal: b.roleARN(iam.TestProducer), Topic: testTopic, Direction: eventbus.Produced, SchemaID: schema, Records: records},
	}
	since := time.Now()
	b.eventually("the traffic is seen", func() bool { return len(b.users()) == len(want) })
	if took := time.Since(since); took > 10*time.Second {
		t.Errorf("seen after %v", took)
	}
	b.sees(want)
	b.stop()
	again := startBus(t, keep)
	again.sees(want)
}

// asRole is a client of a test principal's role.
func (b *bus) asRole(name string, opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	key, err := b.iam.RevealKey(b.ctx, b.as("operator"), name)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.client(mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, b.assumed(key, name, "session")), opts...)
}

// userValue is a User of topic `test` on the wire, with its schema's id.
func (b *bus) userValue() (value []byte, id int) {
	b.t.Helper()
	encoder, err := b.serde().Encoder(b.ctx, eventbus.ValueSubject(testTopic))
	if err != nil {
		b.t.Fatal(err)
	}
	value, err = encoder.Encode([]byte(`{"name":"Ada","company":"Analytical","dateOfBirth":"1815-12-10","sequenceNumber":1}`))
	if err != nil {
		b.t.Fatal(err)
	}
	return value, int(binary.BigEndian.Uint32(value[1:]))
}

// users gives who uses the topic `test`, without times and bytes.
func (b *bus) users() []eventbus.Usage {
	b.t.Helper()
	list, err := b.observe.Principals(b.ctx, testTopic)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *bus) sees(want []eventbus.Usage) {
	b.t.Helper()
	got := b.users()
	if len(got) != len(want) {
		b.t.Fatalf("seen %+v", got)
	}
	for i, u := range got {
		if u.FirstSeen.IsZero() || u.LastSeen.Before(u.FirstSeen) || u.Bytes <= 0 {
			b.t.Errorf("times and bytes of %+v", u)
		}
		u.FirstSeen, u.LastSeen, u.Bytes = time.Time{}, time.Time{}, 0
		if u != want[i] {
			b.t.Errorf("seen %+v, want %+v", u, want[i])
		}
	}
}

func (b *bus) mayConsume(group string) *policy.Document {
	return policy.Consume(b.arns(), testTopic, group)
}
