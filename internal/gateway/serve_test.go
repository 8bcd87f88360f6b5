package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// TestDoorLeadsToABroker: a door with a Serve of its own hands its connections to
// that, with the TLS server name that the client asked for, and not to the
// gateway's upstream.
func TestDoorLeadsToABroker(t *testing.T) {
	server, client := selfSigned(t)
	for _, c := range []struct {
		name       string
		tls        *tls.Config
		serverName string
		want       string
	}{
		{"by name", server, "localhost", "localhost"},
		{"without TLS", nil, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := make(chan string, 1)
			broker := &puppet{answer: func(kmsg.Request) kmsg.Response {
				resp := kmsg.NewPtrMetadataResponse()
				resp.SetVersion(9)
				resp.ControllerID = 7
				return resp
			}}
			b := start(t, &puppet{}, setting{tls: c.tls, serve: func(ctx context.Context, serverName string, conn net.Conn) error {
				asked <- serverName
				return broker.Serve(ctx, conn)
			}})
			w := b.dial(t)
			if c.tls != nil {
				config := client.Clone()
				config.ServerName = c.serverName
				w.Conn = tls.Client(w.Conn, config)
			}
			req := kmsg.NewPtrMetadataRequest()
			req.SetVersion(9)
			w.send(req)
			if _, err := w.receive(); err != nil {
				t.Fatal(err)
			}
			if got := <-asked; got != c.want {
				t.Errorf("the door was told the name %q, want %q", got, c.want)
			}
		})
	}
}

// wholeEngine is an engine behind a connection of its own: it takes each request
// whole.
type wholeEngine struct {
	puppet
	sizes chan int
}

func (e *wholeEngine) Serve(ctx context.Context, conn net.Conn) error {
	f, ok := conn.(*filter)
	if !ok {
		return e.puppet.Serve(ctx, conn) // the gateway's own question
	}
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = e.puppet.Serve(ctx, answeringConn{far, conn}) // it ends with near
	}()
	err := f.WriteRequests(writing(func(b []byte) (int, error) {
		e.sizes <- len(b)
		return near.Write(b)
	}))
	near.Close()
	<-done
	return err
}

// answeringConn reads from one connection and answers on another.
type answeringConn struct {
	net.Conn
	to net.Conn
}

func (a answeringConn) Write(b []byte) (int, error) { return a.to.Write(b) }

type writing func([]byte) (int, error)

func (w writing) Write(b []byte) (int, error) { return w(b) }

// An engine that takes whole requests gets each in one Write, however large, and
// sees the same as one that reads.
func TestWriteRequests(t *testing.T) {
	e := &wholeEngine{puppet: puppet{requests: make(chan kmsg.Request, 1), answer: empty}, sizes: make(chan int, 10)}
	b := start(t, e, setting{})
	w := b.dial(t)
	for _, n := range []int{1, 5_000, 100_000, 1_000_000} {
		req := produceOf(9, "open", [16]byte{}, batchOf(recordOf(0, make([]byte, n))))
		w.ask(req)
		if size := <-e.sizes; size < n || len(e.sizes) > 0 {
			t.Errorf("a request with %d bytes came in pieces, the first of %d", n, size)
		}
		if seen := passed(&e.puppet).(*kmsg.ProduceRequest); len(seen.Topics[0].Partitions[0].Records) < n {
			t.Errorf("of %d bytes the engine got %d", n, len(seen.Topics[0].Partitions[0].Records))
		}
		w.ask(produceOf(9, "_schemas", [16]byte{}, batchOf(recordOf(0, nil)))) // answered here
		if len(e.sizes) > 0 {
			t.Error("the engine got what was refused")
		}
	}
	b.apis[12].request = func(*call) { panic("planted") }
	w.send(naming(12, 0, "g"))
	w.cut()
	b.stop()
	if !b.memory.budget.TryAcquire(b.cfg.InFlightBytes) {
		t.Error("bytes are missing from the budget")
	}
}

// liar answers every question with a length that no answer has.
type liar struct{ puppet }

func (l *liar) Serve(_ context.Context, conn net.Conn) error {
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1<<10)); err != nil {
		return err
	}
	_, err := conn.Write([]byte{0x7f, 0xff, 0xff, 0xff})
	return err
}

// An engine whose answers cannot be read is not served, and costs no memory.
func TestAnAnswerOfImpossibleSize(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	err = New(Config{}, &liar{}, nil, Parts{}).Run(t.Context(), []Listener{{Name: "x", Net: l}})
	if eventbus.CodeOf(err) != eventbus.CodeUnavailable || !strings.Contains(err.Error(), "2147483647 bytes") {
		t.Errorf("run: %v", err)
	}
}
