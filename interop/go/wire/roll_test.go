package wire

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// TestKafkaRolls kills and restarts every broker while a producer writes and a
// consumer reads through the gateway: what was acknowledged is read once and in
// order, along the way and afterwards.
func TestKafkaRolls(t *testing.T) {
	const partitions = 6
	p, real := onKafka(t, 3)
	topic := p.topic(t, partitions, "min.insync.replicas=2")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	load := kafka.StartLoad(ctx, t, p.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner())), p.client(t, kgo.ConsumeTopics(topic)), topic, partitions)
	load.Roll(ctx, real)
	total := load.End(ctx)
	t.Logf("%d records acknowledged while three brokers were killed", total)
	kafka.ReadBack(ctx, t, p.client(t, kgo.ConsumeTopics(topic)), partitions, total)
}
