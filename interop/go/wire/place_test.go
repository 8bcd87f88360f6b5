package wire

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/eventbustest"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// place is a cluster that the suite runs on, seen through the gateway.
type place struct {
	doors []string // what clients may see, in order of node
	nodes int
}

// onEmbedded runs a whole bus in memory.
func onEmbedded(t *testing.T) place {
	bus := eventbustest.Start(t)
	return place{doors: []string{bus.Kafka}, nodes: 1}
}

// onKafka runs real brokers with a gateway before each: a port per broker.
func onKafka(t *testing.T, brokers int, settings ...string) (place, *kafka.Cluster) {
	real := kafka.Start(t, brokers, settings...)
	external, err := cluster.OpenExternal(t.Context(), cluster.ExternalConfig{Bootstrap: real.Bootstrap, RefreshEvery: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	p := place{nodes: brokers}
	listeners := map[int32]net.Listener{}
	for _, node := range external.Nodes() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[node] = l
		p.doors = append(p.doors, l.Addr().String())
	}
	advertise := func(node int32) (string, int32) {
		at := listeners[node].Addr().(*net.TCPAddr)
		return at.IP.String(), int32(at.Port)
	}
	limits := func(string) eventbus.TopicLimits {
		return eventbus.TopicLimits{ReplicationFactor: int16(min(brokers, 3))}
	}
	ctx, cancel := context.WithCancel(context.Background())
	running := make(chan error)
	go func() { running <- external.Run(ctx) }()
	for node, l := range listeners {
		g := gateway.New(gateway.Config{Limits: limits}, external.Upstream(node), nil, gateway.Parts{Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		go func() {
			running <- g.Run(ctx, []gateway.Listener{{Name: fmt.Sprintf("node-%d", node), Net: l, Advertise: advertise}})
		}()
	}
	t.Cleanup(func() {
		cancel()
		for range len(listeners) + 1 {
			if err := <-running; err != nil {
				t.Error(err)
			}
		}
		if err := external.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, real
}

// client makes a client of the place; it ends with the test.
func (p place) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(p.doors...), kgo.MetadataMinAge(20 * time.Millisecond), kgo.FetchMaxWait(500 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func (p place) admin(t *testing.T) *kadm.Client {
	t.Helper()
	return kadm.NewClient(p.client(t))
}

// topic makes a topic whose name tells the test.
func (p place) topic(t *testing.T, partitions int32, configs ...string) string {
	t.Helper()
	return p.topicNamed(t, strings.ToLower(strings.NewReplacer("/", "-", " ", "-", "#", "-").Replace(t.Name())), partitions, configs...)
}

// topicNamed makes a topic and waits until every node knows it.
func (p place) topicNamed(t *testing.T, name string, partitions int32, configs ...string) string {
	t.Helper()
	settings := map[string]*string{}
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		settings[key] = &value
	}
	replicas := int16(min(p.nodes, 3))
	if _, err := p.admin(t).CreateTopic(t.Context(), partitions, replicas, settings, name); err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	p.await(t, name, partitions)
	return name
}

// await waits until every node knows a new topic: brokers learn of it one after
// the other.
func (p place) await(t *testing.T, name string, partitions int32) {
	t.Helper()
	cl := p.client(t)
	ask := kmsg.NewMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &name
	ask.Topics = append(ask.Topics, topic)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		knowing := 0
		if _, err := ask.RequestWith(t.Context(), cl); err != nil {
			t.Fatal(err)
		}
		for _, node := range cl.DiscoveredBrokers() {
			answer, err := ask.RequestWith(t.Context(), node)
			if err == nil && len(answer.Topics) == 1 && len(answer.Topics[0].Partitions) == int(partitions) {
				knowing++
			}
		}
		if knowing >= p.nodes {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after 30 s %d of %d nodes know topic %s", knowing, p.nodes, name)
		}
	}
}

// read consumes until n records have come.
func read(t *testing.T, cl *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []*kgo.Record
	for len(got) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(got), n, err)
		}
		got = append(got, fetches.Records()...)
	}
	return got
}
