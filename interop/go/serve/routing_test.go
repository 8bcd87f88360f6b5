package serve

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// TestRouting: a client reaches each of three brokers through the doors, by a port
// or by a name for each, while leaders move and a broker is killed and comes back:
// what was acknowledged is read back once and in order, and every address that the
// client learns is one of the doors'.
func TestRouting(t *testing.T) {
	real := kafka.Start(t, 3)
	for _, way := range []string{"port", "name"} {
		t.Run(way, func(t *testing.T) { routes(t, real, way) })
	}
}

func routes(t *testing.T, real *kafka.Cluster, way string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	more := "dataDir: " + t.TempDir() + "\nrouting: {by: " + way + "}"
	d := newDeck(t, 1, onKafka(plaintext(real.Bootstrap)), more)
	if way == "name" {
		port := kafka.FreePorts(t, 1)[0]
		d.kafkaIAM = fmt.Sprintf("127.0.0.1:%d", port)
		d.base = fmt.Sprintf("advertise: {kafkaIAM: '%s:%d'}\n%s", domain, port, d.base)
	}
	bus := d.instance().run()
	bus.must("operator", "login", "--as", "operator")
	topic := "dev_routed-" + way
	if out, err := bus.apply("routed-"+way, 6); err != nil {
		t.Fatal(err, out)
	}
	role := bus.identity("router-" + way)
	bus.allow("router-" + way)
	seen := &watch{}
	fromStart := []kgo.Opt{kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	load := kafka.StartLoad(ctx, t, bus.kafka(seen, role, kgo.RecordPartitioner(kgo.ManualPartitioner())), bus.kafka(seen, role, fromStart...), topic, 6)

	admin := kadm.NewClient(bus.kafka(seen, role))
	brokers, err := admin.BrokerMetadata(ctx)
	if err != nil || len(brokers.Brokers) != 3 {
		t.Fatalf("the doors show %d brokers, %v; want 3", len(brokers.Brokers), err)
	}
	var addresses []string
	for _, b := range brokers.Brokers {
		addresses = append(addresses, net.JoinHostPort(b.Host, fmt.Sprint(b.Port)))
		if want := fmt.Sprintf("b-%d.%s", b.NodeID, domain); way == "name" && b.Host != want {
			t.Errorf("broker %d is shown as %s, want %s", b.NodeID, b.Host, want)
		}
	}
	if slices.Sort(addresses); len(slices.Compact(addresses)) != 3 {
		t.Errorf("the brokers are shown at %v, want three addresses", addresses)
	}
	load.Roll(ctx, real) // each kill moves the leaders of two partitions
	total := load.End(ctx)
	t.Logf("%d records were acknowledged while each of three brokers was killed", total)
	kafka.ReadBack(ctx, t, bus.kafka(seen, role, fromStart...), 6, total)
	seen.neverSaw(t, real.Bootstrap)
}

// allow lets a role do everything with Kafka: these tests are about the road, not
// about rights.
func (i *instance) allow(role string) {
	i.d.t.Helper()
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}`
	file := i.d.file("allow.json", document)
	i.must("operator", "iam", "policy", "put", "everything", file, "--role", role)
}

// TestBrokerComes: a broker that joins later is reached at the port that waited
// for it; one that has left is not advertised any more.
func TestBrokerComes(t *testing.T) {
	real := kafka.Start(t, 2)
	d := newDeck(t, 1, onKafka(plaintext(real.Bootstrap)), "dataDir: "+t.TempDir())
	bus := d.instance().run()
	bus.must("operator", "login", "--as", "operator")
	role := bus.identity("router")
	bus.allow("router")
	seen := &watch{}
	cl := bus.kafka(seen, role)
	shown := func(want ...int32) {
		t.Helper()
		var got []int32
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			brokers, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), cl) // kadm's answer may be an old one
			if got = nil; err != nil {
				continue
			}
			for _, b := range brokers.Brokers {
				got = append(got, b.NodeID)
			}
			if slices.Sort(got); slices.Equal(got, want) {
				return
			}
		}
		t.Fatalf("the doors show brokers %v, want %v; the log ends:\n%s", got, want, tail(bus.log))
	}
	shown(1, 2)
	id := real.Add(t)
	shown(1, 2, int32(id))
	topic := "dev_moved"
	if out, err := bus.apply("moved", 1); err != nil {
		t.Fatal(err, out)
	}
	real.Move(t, topic, id)
	if err := bus.kafka(seen, role).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatalf("produce to the new broker: %v", err)
	}
	real.Kill(t, id)
	shown(1, 2)
	if text := tail(bus.log); strings.Contains(text, "panic") {
		t.Error(text)
	}
	seen.neverSaw(t, append(slices.Clone(real.Bootstrap), real.Address(id)))
}
