package server

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// killers are the frames that end or stall an unguarded engine.
var killers = map[string][]byte{
	"unknown API key":                 {0, 0, 0, 12, 3, 0xe7, 0, 0, 0, 0, 0, 1, 0, 1, 'c', 0},
	"length of 2 GiB":                 {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 1},
	"ApiVersions with 2^32 tags":      {0, 0, 0, 19, 0, 18, 0, 3, 0, 0, 0, 1, 0, 1, 'c', 0, 2, 'a', 0xff, 0xff, 0xff, 0xff, 0x0f},
	"metadata of 2^31 topics":         {0, 0, 0, 15, 0, 3, 0, 1, 0, 0, 0, 1, 0, 1, 'c', 0x7f, 0xff, 0xff, 0xff},
	"SaslHandshake and nothing after": {0, 0, 0, 24, 0, 17, 0, 1, 0, 0, 0, 1, 0, 1, 'c', 0, 11, 'A', 'W', 'S', '_', 'M', 'S', 'K', '_', 'I', 'A', 'M'},
}

// TestHostileClients: killer frames and random bytes on 100 sockets at each door,
// inside and outside TLS, cost nothing: good clients beside them see no error, no
// goroutine and no memory stays, nothing panics.
func TestHostileClients(t *testing.T) {
	// Long enough for hundreds of TLS handshakes at once on a slow machine, short
	// enough to wait for the silent ones.
	b := startBus(t, func(c *Config) { c.Gateway.HandshakeTimeout = 5 * time.Second })
	b.topics("orders")
	key := b.principal("app", policy.ProduceIdempotent(b.arns(), "orders"))
	strict := []kgo.Opt{kgo.DefaultProduceTopic("orders"), kgo.RecordRetries(0), kgo.RequestRetries(0)}
	stop := b.goodClients(b.local(strict...), b.client(mechanisms[gateway.MechanismOAuth](b.cfg.Deployment.Region, static(key)), strict...))

	goroutines, memory := runtime.NumGoroutine(), heapBytes()
	at := b.Addresses()
	secure := func() (net.Conn, error) { return tls.Dial("tcp", at.KafkaIAM, b.tls()) }
	doors := map[string]func() (net.Conn, error){
		"plaintext":                   func() (net.Conn, error) { return net.Dial("tcp", at.Kafka) },
		"iam":                         secure,
		"iam without TLS":             func() (net.Conn, error) { return net.Dial("tcp", at.KafkaIAM) },
		"portal, as if it were Kafka": func() (net.Conn, error) { return net.Dial("tcp", strings.TrimPrefix(at.HTTP, "http://")) },
	}
	random := rand.New(rand.NewPCG(1, 2))
	var attacks sync.WaitGroup
	for _, dial := range doors {
		for range 10 {
			for _, frame := range killers {
				attacks.Go(func() { attack(t, dial, frame) })
			}
		}
		for range 100 {
			noise := noise(random)
			attacks.Go(func() { attack(t, dial, noise) })
		}
	}
	attacks.Wait()
	b.eventually("the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	stop()
	if grown := int64(heapBytes()) - int64(memory); grown > 16<<20 {
		t.Errorf("%d MiB stay in memory", grown>>20)
	}
	if panics := b.counter("eventbus_gateway_closes_total", "panic"); panics != 0 {
		t.Errorf("%v panics", panics)
	}
}

// goodClients produce until they are stopped, and must see no error.
func (b *bus) goodClients(clients ...*kgo.Client) (stop func()) {
	end := make(chan struct{})
	var working sync.WaitGroup
	for _, kafka := range clients {
		if err := kafka.ProduceSync(b.ctx, kgo.StringRecord("fine")).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
		working.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				if err := kafka.ProduceSync(b.ctx, kgo.StringRecord("fine")).FirstErr(); err != nil {
					b.t.Errorf("a good client: %v", err)
					return
				}
			}
		})
	}
	return func() { close(end); working.Wait() }
}

// attack sends bytes and waits until the other side has closed.
func attack(t *testing.T, dial func() (net.Conn, error), text []byte) {
	conn, err := dial()
	if err != nil {
		t.Errorf("connect: %v", err)
		return
	}
	defer conn.Close()
	_, _ = conn.Write(text) // may be closed already
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err = io.Copy(io.Discard, conn) // any end will do but none
	if late, ok := err.(net.Error); ok && late.Timeout() {
		t.Errorf("% x… is not closed", text[:min(len(text), 8)])
	}
}

// noise is random bytes, half of them with the length and the API key of a frame.
func noise(r *rand.Rand) []byte {
	bytes := make([]byte, 9+r.IntN(4000))
	for i := range bytes {
		bytes[i] = byte(r.Uint32())
	}
	if r.IntN(2) == 0 {
		binary.BigEndian.PutUint32(bytes, uint32(len(bytes)-4))
		copy(bytes[4:], []byte{0, byte(r.IntN(80)), 0, byte(r.IntN(14))})
	}
	return bytes
}

// heapBytes is the memory that is really held.
func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
