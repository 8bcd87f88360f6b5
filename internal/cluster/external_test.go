package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"

	"github.com/enterprise-event-bus/eventbus"
)

// brokers starts an engine on TCP ports, as a cluster of somebody else.
func brokers(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(3, "orders")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func openExternal(t *testing.T, cfg ExternalConfig) *External {
	t.Helper()
	e, err := OpenExternal(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func login(t *testing.T, s SASL) sasl.Mechanism {
	t.Helper()
	m, err := s.Login()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// whole is a client's connection as the gateway hands it over: each request comes
// in one Write.
type whole struct{ net.Conn }

func (w whole) WriteRequests(to io.Writer) error {
	for {
		var size [4]byte
		if _, err := io.ReadFull(w.Conn, size[:]); err != nil {
			return nil
		}
		request := append(size[:], make([]byte, binary.BigEndian.Uint32(size[:]))...)
		if _, err := io.ReadFull(w.Conn, request[4:]); err != nil {
			return nil
		}
		if _, err := to.Write(request); err != nil {
			return err
		}
	}
}

// through makes a client whose every connection passes an upstream, as the
// gateway would carry it: by the address that the client dials.
func through(t *testing.T, e *External, c *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return throughConn(t, e, c, func(conn net.Conn) net.Conn { return whole{conn} }, opts...)
}

func throughConn(t *testing.T, e *External, c *kfake.Cluster, form func(net.Conn) net.Conn, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, 1000)
	var carried atomic.Int32
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.ListenAddrs()...),
		kgo.Dialer(func(_ context.Context, _, address string) (net.Conn, error) {
			near, far := net.Pipe()
			serve := e.Serve
			for _, id := range e.Nodes() {
				if at, _ := e.Node(id); at == address {
					serve = e.Upstream(id).Serve
				}
			}
			carried.Add(1)
			go func() { _ = serve(ctx, form(far)); ended <- struct{}{} }()
			return near, nil
		}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cl.Close()
		cancel()
		for range carried.Load() {
			<-ended
		}
	})
	return cl
}

// roundTrip produces to every partition and reads it back.
func roundTrip(t *testing.T, cl *kgo.Client, n int) {
	t.Helper()
	for i := range n {
		r := &kgo.Record{Topic: "orders", Key: fmt.Append(nil, i), Value: bytes.Repeat([]byte{byte(i)}, 2000)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatalf("produce %d: %v", i, err)
		}
	}
	cl.AddConsumeTopics("orders")
	got := 0
	for got < n {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		got += fetches.NumRecords()
	}
}

func TestExternalCarriesClientsToEachNode(t *testing.T) {
	c := brokers(t)
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs()[:1]})
	if got := e.Nodes(); len(got) != 3 {
		t.Fatalf("nodes %v, want three", got)
	}
	roundTrip(t, through(t, e, c), 30)
	roundTrip(t, throughConn(t, e, c, func(conn net.Conn) net.Conn { return conn }), 30)
	if err := e.Ready(); err != nil {
		t.Error(err)
	}
	if err := e.Writable(); err != nil {
		t.Error(err)
	}
}

func TestExternalSignsIn(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			c := brokers(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "bus", "secret"))
			good := login(t, SASL{Mechanism: mechanism, User: "bus", Password: "secret"})
			e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs(), SASL: good})
			roundTrip(t, through(t, e, c), 10)

			bad := login(t, SASL{Mechanism: mechanism, User: "bus", Password: "wrong"})
			e.cfg.SASL = bad
			near, far := net.Pipe()
			defer near.Close()
			err := e.Serve(t.Context(), far)
			wantCode(t, err, eventbus.CodeUnavailable)
			if !strings.Contains(err.Error(), mechanism+" login") {
				t.Errorf("error %v, want the step that failed", err)
			}
			if strings.Contains(err.Error(), "wrong") {
				t.Errorf("error %v tells the password", err)
			}
			if _, err := near.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the client's connection gives %v, want its end", err)
			}
		})
	}
}

// TestExternalRenewsItsLogin keeps a client's connection, with requests in
// flight, over many lifetimes of the bus's own session (KIP-368). The broker
// closes a connection whose session is not renewed.
func TestExternalRenewsItsLogin(t *testing.T) {
	t.Run("whole requests", func(t *testing.T) { renewals(t, func(conn net.Conn) net.Conn { return whole{conn} }) })
	t.Run("bytes", func(t *testing.T) { renewals(t, func(conn net.Conn) net.Conn { return conn }) })
}

func renewals(t *testing.T, form func(net.Conn) net.Conn) {
	c := brokers(t, kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "bus", "secret"),
		kfake.BrokerConfigs(map[string]string{"connections.max.reauth.ms": "100"}))
	var logins atomic.Int32
	c.ControlKey(int16(kmsg.SASLHandshake), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		logins.Add(1)
		return nil, nil, false
	})
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs(),
		SASL: login(t, SASL{Mechanism: "SCRAM-SHA-256", User: "bus", Password: "secret"})})
	var conns opened
	cl := throughConn(t, e, c, form, kgo.WithHooks(&conns), kgo.ConsumeTopics("orders"))
	for i := 0; logins.Load() < 40 && i < 5000; i++ {
		for range 3 {
			cl.Produce(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("produce: %v", err)
				}
			})
		}
		if err := cl.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := cl.PollFetches(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if logins.Load() < 40 {
		t.Errorf("%d logins, want 40: the session was not renewed", logins.Load())
	}
	if n := conns.closed.Load(); n > 0 {
		t.Errorf("%d connections of the client were cut", n)
	}
}

// opened counts a client's connections that ended while it lived.
type opened struct{ closed atomic.Int32 }

func (o *opened) OnBrokerE2E(_ kgo.BrokerMetadata, _ int16, e2e kgo.BrokerE2E) {
	if e2e.Err() != nil && !errors.Is(e2e.Err(), context.Canceled) {
		o.closed.Add(1)
	}
}

func TestExternalLearnsTopics(t *testing.T) {
	c := brokers(t)
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs()})
	id := c.TopicInfo("orders").TopicID
	if name, ok := e.TopicName(id); !ok || name != "orders" {
		t.Errorf("topic of a known id is %q, %v", name, ok)
	}
	if name, ok := e.TopicName([16]byte{1}); ok {
		t.Errorf("an id that no topic has is %q", name)
	}
	if name, ok := e.TopicName([16]byte{}); ok {
		t.Errorf("the zero id is %q", name)
	}
	admin, err := kgo.NewClient(e.ClientOpts()...)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	value := "12345"
	if _, err := kadm.NewClient(admin).CreateTopic(t.Context(), 1, 1, map[string]*string{maxMessageBytes: &value}, "later"); err != nil {
		t.Fatal(err)
	}
	if name, ok := e.TopicName(c.TopicInfo("later").TopicID); !ok || name != "later" {
		t.Errorf("topic made a moment ago is %q, %v", name, ok)
	}
	if got := e.MaxMessageBytes("later"); got != 0 {
		t.Errorf("limit before a refresh is %d, want 0: not known", got)
	}
	if err := e.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.MaxMessageBytes("later"); got != 12345 {
		t.Errorf("limit is %d, want 12345", got)
	}
	if got := e.MaxMessageBytes("orders"); got < eventbus.KafkaMaxMessageBytes {
		t.Errorf("limit of a topic without one is %d, want Kafka's default", got)
	}
}

// A client may name any number of ids that no topic has; the cluster is asked for
// some of them in a second, and ids that are known cost it nothing.
func TestUnknownIDsAreAskedForRarely(t *testing.T) {
	c := brokers(t, kfake.NumBrokers(1))
	now := time.Unix(1_800_000_000, 0)
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs(), Now: func() time.Time { return now }})
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked.Add(1)
		return nil, nil, false
	})
	known := c.TopicInfo("orders").TopicID
	for second := range int32(2) {
		for i := range 2 * maxLookups {
			if name, ok := e.TopicName([16]byte{1, byte(i >> 8), byte(i)}); ok {
				t.Fatalf("an id that no topic has is %q", name)
			}
			if name, ok := e.TopicName(known); !ok || name != "orders" {
				t.Fatalf("the topic of a known id is %q, %v", name, ok)
			}
		}
		if got, want := asked.Load(), maxLookups*(second+1); got > want+5 || got < want { // the client asks for itself now and then
			t.Errorf("the cluster was asked %d times in %d seconds, want %d", got, second+1, want)
		}
		now = now.Add(time.Second)
	}
}

// A client of the only broker, when that cannot be reached, is told so.
func TestNoOtherBroker(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	err := new(External).serve(t.Context(), far, nil)
	wantCode(t, err, eventbus.CodeUnavailable)
	if !strings.Contains(err.Error(), "no other broker is known") {
		t.Errorf("error %v, want why", err)
	}
	if _, err := near.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client's connection gives %v, want its end", err)
	}
}

// Large responses are held in buffers that connections share, small ones in one
// of the connection's own; none is lent twice at a time.
func TestResponseBuffers(t *testing.T) {
	e := new(External)
	var kept []byte
	for _, n := range []int{10, 5000, keptBuffer, keptBuffer + 1, 1 << 20, sharedBuffer + 1, 100} {
		one, other := e.response(kept, n), e.response(nil, n)
		if len(one) != n || len(other) != n {
			t.Fatalf("%d and %d bytes for %d", len(one), len(other), n)
		}
		one[0], other[0] = 1, 2
		if one[0] != 1 {
			t.Errorf("a buffer of %d bytes was lent twice", n)
		}
		kept = e.release(kept, one)
		e.release(nil, other)
		if cap(kept) > keptBuffer {
			t.Errorf("a connection keeps %d bytes after a response of %d", cap(kept), n)
		}
	}
}

// TestExternalFollowsTheCluster adds and removes brokers while it runs.
func TestExternalFollowsTheCluster(t *testing.T) {
	c := brokers(t, kfake.NumBrokers(2))
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs()})
	node, _, err := c.AddNode(7, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(e.Nodes()); got != "[0 1 7]" {
		t.Errorf("nodes %s after one was added", got)
	}
	if err := c.RemoveNode(node); err != nil {
		t.Fatal(err)
	}
	if !answers(t, e, 7) { // gone, not noticed yet
		t.Error("the door of a broker that cannot be reached does not lead to another one")
	}
	if err := e.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !answers(t, e, 7) {
		t.Error("the door of a broker that has left does not lead to another one")
	}
	near, far := net.Pipe()
	defer near.Close()
	wantCode(t, e.Upstream(99).Serve(t.Context(), far), eventbus.CodeUnavailable) // never seen
	if got := fmt.Sprint(e.Nodes()); got != "[0 1]" {
		t.Errorf("nodes %s after one was removed", got)
	}
}

// answers reports whether somebody answers at the door of a node.
func answers(t *testing.T, e *External, node int32) bool {
	t.Helper()
	near, far := net.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = e.Upstream(node).Serve(t.Context(), far) // it ends with near
	}()
	defer func() {
		near.Close()
		<-ended
	}()
	hello := kmsg.NewPtrApiVersionsRequest()
	if _, err := near.Write(requestFrame(hello, 1)); err != nil {
		return false
	}
	_, err := near.Read(make([]byte, 4))
	return err == nil
}

// TestExternalLeadsBack: while a broker cannot be reached its clients talk to
// another one; when it is back those connections end, so that they find it.
func TestExternalLeadsBack(t *testing.T) {
	c := brokers(t, kfake.NumBrokers(2))
	_, port, err := c.AddNode(7, 0)
	if err != nil {
		t.Fatal(err)
	}
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs()})
	if err := c.RemoveNode(7); err != nil {
		t.Fatal(err)
	}
	if !answers(t, e, 7) {
		t.Fatal("nobody answers in the place of the broker")
	}
	near, far := net.Pipe()
	defer near.Close()
	ended := make(chan error)
	go func() { ended <- e.Upstream(7).Serve(t.Context(), far) }()
	if _, _, err := c.AddNode(7, int(port)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil { // a test that waits for ever fails
		t.Fatalf("the connection ended with %v", err)
	}
	if e.absent(7) != nil {
		t.Error("the broker counts as absent")
	}
}

func TestExternalSaysWhenTheClusterIsGone(t *testing.T) {
	c := brokers(t, kfake.NumBrokers(1))
	now := time.Unix(1_800_000_000, 0)
	var log bytes.Buffer
	e := openExternal(t, ExternalConfig{Bootstrap: c.ListenAddrs(), RefreshEvery: time.Second,
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now }})
	c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	wantCode(t, e.refresh(ctx), eventbus.CodeUnavailable)
	if err := e.Ready(); err != nil {
		t.Errorf("not ready after one failure: %v", err)
	}
	now = now.Add(4 * time.Second)
	wantCode(t, e.Ready(), eventbus.CodeUnavailable)
	if _, ok := e.Node(0); !ok {
		t.Error("the last known broker was forgotten")
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	wantCode(t, e.Serve(t.Context(), far), eventbus.CodeUnavailable)
	wantCode(t, e.Ready(), eventbus.CodeUnavailable)
}

func TestOpenExternalRefuses(t *testing.T) {
	for _, tt := range []struct {
		name      string
		bootstrap []string
		code      eventbus.Code
		want      string
	}{
		{"no broker", nil, eventbus.CodeInvalid, "bootstrap: no broker"},
		{"no port", []string{"kafka"}, eventbus.CodeInvalid, `"kafka" is not an address`},
		{"port 0", []string{"kafka:0"}, eventbus.CodeInvalid, "bootstrap[0]"},
		{"port too large", []string{"a:1", "kafka:70000"}, eventbus.CodeInvalid, "bootstrap[1]"},
		{"nobody there", []string{"127.0.0.1:1"}, eventbus.CodeUnavailable, "ask the Kafka cluster"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			_, err := OpenExternal(ctx, ExternalConfig{Bootstrap: tt.bootstrap})
			wantCode(t, err, tt.code)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
		})
	}
}

func TestSASLLogin(t *testing.T) {
	token := func(context.Context) (string, error) { return "t", nil }
	for _, tt := range []struct {
		name string
		sasl SASL
		want string // of the error; "" is none
	}{
		{"none", SASL{}, ""},
		{"plain", SASL{Mechanism: "PLAIN", User: "u", Password: "p"}, ""},
		{"scram", SASL{Mechanism: "SCRAM-SHA-512", User: "u", Password: "p"}, ""},
		{"oauth", SASL{Mechanism: "OAUTHBEARER", Token: token}, ""},
		{"no password", SASL{Mechanism: "PLAIN", User: "u"}, "a user and a password"},
		{"no user", SASL{Mechanism: "SCRAM-SHA-256", Password: "p"}, "a user and a password"},
		{"no tokens", SASL{Mechanism: "OAUTHBEARER"}, "a source of tokens"},
		{"no credentials", SASL{Mechanism: "AWS_MSK_IAM"}, "AWS credentials"},
		{"unknown", SASL{Mechanism: "GSSAPI"}, `"GSSAPI" is not a mechanism`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := tt.sasl.Login()
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "" && tt.sasl.Mechanism != "" && m.Name() != tt.sasl.Mechanism:
				t.Errorf("mechanism %s", m.Name())
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	port, name := PortPerBroker("bus", 9200), NamePerBroker("bus.example", 9098)
	for _, tt := range []struct {
		node           int32
		byPort, byName string
	}{
		{0, "bus:9200", "b-0.bus.example:9098"},
		{3, "bus:9203", "b-3.bus.example:9098"},
		{60_000, "bus:9200", "b-60000.bus.example:9098"},
		{-1, "bus:9200", "bus.example:9098"},
	} {
		h, p := port(tt.node)
		if got := fmt.Sprintf("%s:%d", h, p); got != tt.byPort {
			t.Errorf("node %d by port is %s, want %s", tt.node, got, tt.byPort)
		}
		h, p = name(tt.node)
		if got := fmt.Sprintf("%s:%d", h, p); got != tt.byName {
			t.Errorf("node %d by name is %s, want %s", tt.node, got, tt.byName)
		}
	}
	for _, tt := range []struct {
		name string
		node int32
		ok   bool
	}{
		{"b-0.bus.example", 0, true},
		{"B-12.BUS.example.", 12, true},
		{"b-2147483647.bus.example", 2147483647, true},
		{"b-2147483648.bus.example", 0, false},
		{"b-.bus.example", 0, false},
		{"b-01.bus.example", 0, false},
		{"b-+1.bus.example", 0, false},
		{"b--1.bus.example", 0, false},
		{"b-1.evil.example", 0, false},
		{"a.b-1.bus.example", 0, false},
		{"bus.example", 0, false},
		{"", 0, false},
	} {
		node, ok := NodeOfName("bus.example", tt.name)
		if ok != tt.ok || ok && node != tt.node {
			t.Errorf("%q is node %d, %v; want %d, %v", tt.name, node, ok, tt.node, tt.ok)
		}
	}
}
