package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// spin is the 23-byte ApiVersions request that keeps a trusting parser busy for
// more than a minute: its tag count is 2^32-1.
var spin = []byte{0, 0, 0, 19, 0, 18, 0, 3, 0, 0, 0, 1, 0, 1, 'c', 0, 2, 'a', 0xff, 0xff, 0xff, 0xff, 0x0f}

// hostile are frames that hurt an unguarded engine, each on its own connection.
func hostileFrames() map[string][]byte {
	frame := func(key, version int16, body ...byte) []byte {
		b := appendString(appendInt32(appendInt16(appendInt16(make([]byte, 4), key), version), 1), "c")
		return finish(append(b, body...))
	}
	return map[string][]byte{
		"unknown key":                 frame(999, 0),
		"negative key":                frame(-1, 0),
		"key that only brokers speak": frame(4, 0),
		"version above":               frame(3, 99),
		"version below":               frame(0, 2),
		"negative version":            frame(3, -1),
		"2 GiB claimed":               {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 1},
		"negative length":             {0xff, 0xff, 0xff, 0xff, 0, 3, 0, 1},
		"no room for a header":        {0, 0, 0, 4, 0, 3, 0, 1},
		"client id over the end":      {0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff},
		"client id below null":        {0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xfe},
		"TLS hello":                   {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01},
		"HTTP":                        []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"tag bomb before the login":   spin,
		"tag bomb in a header":        frame(3, 9, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"tag bomb in a body":          frame(3, 9, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f),
		"array bomb":                  frame(3, 1, 0x7f, 0xff, 0xff, 0xff),
		"admin request of 9 MiB":      finish(append(frame(19, 0), make([]byte, 9<<20)...)),
	}
}

// Hostile frames and random bytes end their own connections; a good client
// beside them notices nothing, and memory and goroutines go back.
func TestHostileClients(t *testing.T) {
	e := newEngine(t, kfake.SeedTopics(1, "orders"))
	b := start(t, e, setting{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cl := b.client(t, kgo.DefaultProduceTopic("orders"), kgo.RecordRetries(0))
	stop := make(chan struct{})
	var good sync.WaitGroup
	good.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := cl.ProduceSync(ctx, kgo.StringRecord("fine")).FirstErr(); err != nil {
				t.Errorf("the good client: %v", err)
				return
			}
		}
	})
	for name, frame := range hostileFrames() {
		t.Run(name, func(t *testing.T) {
			w := b.dial(t)
			if _, err := w.Write(frame); err != nil && !isReset(err) {
				t.Fatal(err)
			}
			w.cut()
		})
	}
	r := rand.New(rand.NewPCG(1, 1))
	var bad sync.WaitGroup
	for range 100 {
		noise := make([]byte, 1+r.IntN(4000))
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		if r.IntN(2) == 0 { // let it pass the length, and look like a known key
			binary.BigEndian.PutUint32(noise[:4:4], uint32(len(noise)))
			noise = append(binary.BigEndian.AppendUint32(nil, uint32(len(noise))), noise...)
			if len(noise) > 8 {
				copy(noise[4:], []byte{0, byte(r.IntN(80)), 0, byte(r.IntN(14))})
			}
		}
		bad.Go(func() {
			conn, err := net.Dial("tcp", b.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = conn.Write(noise) // may be closed already
			_ = conn.(*net.TCPConn).CloseWrite()
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil && !isReset(err) {
				t.Errorf("not closed: %v", err)
			}
		})
	}
	bad.Wait()
	close(stop)
	good.Wait()
	if n := b.count("closes_total", causePanic); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// A claimed length costs nothing until bytes arrive.
func TestClaimsCostNothing(t *testing.T) {
	b := start(t, &puppet{}, setting{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 200 {
		if _, err := b.dial(t).Write([]byte{0x06, 0x3f, 0xff, 0xff, 0, 0, 0, 9}); err != nil { // just under 100 MiB
			t.Fatal(err)
		}
	}
	for len(b.connections()) < 200 {
		runtime.Gosched()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 200*(32<<10) {
		t.Errorf("200 connections that claim 100 MiB each cost %d bytes", grown)
	}
}

// A panic ends its connection, is counted and logged, and nothing else ends.
func TestPanicEndsOneConnection(t *testing.T) {
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response { return req.ResponseKind() }}
	b := start(t, p, setting{})
	b.apis[12].request = func(*call) { panic("planted") }
	bad, good := b.dial(t), b.dial(t)
	good.ask(kmsg.NewPtrApiVersionsRequest())
	bad.send(naming(12, 0, "g"))
	bad.cut()
	good.ask(naming(13, 0, "g"))
	for b.count("closes_total", causePanic) != 1 {
		runtime.Gosched()
	}
}

// The budget of bytes in flight is given back, whatever happens to a request.
func TestBudgetIsGivenBack(t *testing.T) {
	p := &puppet{answer: func(req kmsg.Request) kmsg.Response { return req.ResponseKind() }}
	b := start(t, p, setting{})
	for range 3 {
		w := b.dial(t)
		w.ask(naming(keyFetch, 12, "open", "open"))
		w.ask(produceOf(9, "_schemas", [16]byte{}, batchOf(recordOf(0, nil))))
		silent := produceOf(9, "open", [16]byte{}, batchOf(recordOf(0, nil)))
		silent.Acks = 0
		w.send(silent)
		if _, err := w.Write([]byte{0, 1, 0, 0, 0, 0}); err != nil { // a frame that never ends
			t.Fatal(err)
		}
		w.Close()
	}
	b.apis[12].request = func(*call) { panic("planted") }
	w := b.dial(t)
	w.send(naming(12, 0, "g"))
	w.cut()
	b.stop()
	if !b.memory.budget.TryAcquire(b.cfg.InFlightBytes) {
		t.Error("bytes are missing from the budget")
	}
}

// scripted is a connection that delivers given bytes.
type scripted struct {
	net.Conn
	io.Reader
}

func (s scripted) Read(p []byte) (int, error)       { return s.Reader.Read(p) }
func (s scripted) SetReadDeadline(time.Time) error  { return nil }
func (s scripted) SetWriteDeadline(time.Time) error { return nil }

// account is a budget that keeps count.
type account struct {
	held, most int64
	refuse     error // of every payment, when not nil
}

func (a *account) TryAcquire(n int64) bool {
	if a.refuse != nil {
		return false
	}
	a.held += n
	a.most = max(a.most, a.held)
	return true
}
func (a *account) Acquire(context.Context, int64) error { return a.refuse }
func (a *account) Release(n int64)                      { a.held -= n }

func framesOf(b []byte) (*frames, *account) {
	paid := &account{}
	return &frames{conn: scripted{Reader: bytes.NewReader(b)}, memory: &memory{buffers{spoil: true}, paid},
		bound: func(int16) int32 { return 1 << 20 }}, paid
}

func FuzzFrame(f *testing.F) {
	for _, frame := range hostileFrames() {
		f.Add(frame[:min(len(frame), 1000)])
	}
	f.Add(finish(append(make([]byte, 4), make([]byte, 100_000)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, paid := framesOf(b)
		for {
			frame, err := fr.next(t.Context(), 1<<20)
			if err != nil {
				var why *fault
				if !errors.As(err, &why) || paid.held != 0 {
					t.Fatalf("%v, %d bytes held", err, paid.held)
				}
				return
			}
			if !bytes.HasPrefix(b, frame) || paid.held != int64(cap(frame)) {
				t.Fatalf("a frame of %d bytes, %d held", len(frame), paid.held)
			}
			b, paid.held = b[len(frame):], 0
		}
	})
}

// FuzzPreAuth: what anybody may send before signing in, in bounded time.
func FuzzPreAuth(f *testing.F) {
	f.Add(spin[4:])
	f.Add([]byte{0, 17, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 11, 'A', 'W', 'S', '_', 'M', 'S', 'K', '_', 'I', 'A', 'M'})
	f.Add([]byte{0, 36, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0, 3, 'a', 'b', 0})
	g := New(Config{LoginsPerSecond: 1 << 30}, &puppet{}, newRules(), Parts{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &reader{src: b}
		h := readHeader(r)
		if r.bad || h.key != keyAPIVersions && h.key != keySASLHandshake && h.key != keySASLAuthenticate {
			return
		}
		rest := *r
		var c *call
		var err error
		quickly(t, len(b), func() {
			conn := &filter{g: g, ctx: t.Context(), door: &door{Listener: Listener{Mechanisms: []string{MechanismIAM}}}, login: loginState{handshook: MechanismIAM}}
			again := rest
			c, _, err = conn.handMade(h, &again)
		})
		if err == nil && int(binary.BigEndian.Uint32(c.answer)) != len(c.answer)-4 {
			t.Fatalf("answer % x", c.answer)
		}
	})
}
