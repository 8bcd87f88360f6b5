package server

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// TestRefusedRecords: what a client does wrong is answered in Kafka's own codes,
// through both doors; nothing of it is kept, and the client goes on.
func TestRefusedRecords(t *testing.T) {
	b := startBus(t, nil)
	small := eventbus.Topic{Name: "small", Partitions: 1, ReplicationFactor: 1, Configs: map[string]string{"max.message.bytes": "1000"}}
	if err := b.kafkas.all[0].engine.CreateTopic(b.ctx, small); err != nil {
		t.Fatal(err)
	}
	b.topics("secret")
	key := b.principal("app", policy.ProduceIdempotent(b.arns(), "small"), policy.ProduceIdempotent(b.arns(), "missing"))
	mechanism := mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(key))
	large := make([]byte, 2000)
	_, _ = rand.Read(large) // never fails (crypto/rand); nothing to compress
	kept := 0
	for door, kafka := range map[string]*kgo.Client{
		"plaintext": b.local(kgo.UnknownTopicRetries(0)), "iam": b.client(mechanism, kgo.UnknownTopicRetries(0))} {
		for name, tt := range map[string]struct {
			record *kgo.Record
			want   error
			only   string // this door only
		}{
			"over the topic's limit":   {&kgo.Record{Topic: "small", Value: large}, kerr.MessageTooLarge, ""},
			"unknown topic":            {&kgo.Record{Topic: "missing", Value: []byte("x")}, kerr.UnknownTopicOrPartition, ""},
			"a topic of others":        {&kgo.Record{Topic: "secret", Value: []byte("x")}, kerr.TopicAuthorizationFailed, "iam"},
			"an unknown one of others": {&kgo.Record{Topic: "secret-2", Value: []byte("x")}, kerr.TopicAuthorizationFailed, "iam"},
		} {
			if tt.only != "" && tt.only != door {
				continue
			}
			if err := kafka.ProduceSync(b.ctx, tt.record).FirstErr(); !errors.Is(err, tt.want) {
				t.Errorf("%s, %s: %v, want %v", door, name, err, tt.want)
			}
		}
		kept++
		if err := kafka.ProduceSync(b.ctx, &kgo.Record{Topic: "small", Value: []byte("fits")}).FirstErr(); err != nil {
			t.Errorf("%s: a good record afterwards: %v", door, err)
		}
	}
	if got := len(b.read("small")); got != kept {
		t.Errorf("%d records are kept, want %d", got, kept)
	}
	topics, err := b.streams.Topic(b.ctx, "missing")
	if eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("producing made a topic: %+v, %v", topics, err)
	}
}

// TestUnknownSchemaID: the registry answers with Confluent's code.
func TestUnknownSchemaID(t *testing.T) {
	b := startBus(t, nil)
	answer, err := http.Get(b.Addresses().Registry + "/schemas/ids/4711")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusNotFound {
		t.Fatalf("status %d, %v", answer.StatusCode, err)
	}
	contains(t, "the answer", string(text), `"error_code":40403`, "4711")
}
