package gateway

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// adopter is a puppet that takes connections and lets their door go, or refuses
// them.
type adopter struct {
	puppet
	refusal error
	taken   chan net.Conn // one for each Adopt
	serving sync.WaitGroup
}

func newAdopter(t *testing.T, answer func(kmsg.Request) kmsg.Response) *adopter {
	t.Helper()
	a := &adopter{puppet: puppet{answer: answer}, taken: make(chan net.Conn, 10)}
	t.Cleanup(a.serving.Wait)
	return a
}

func (a *adopter) Adopt(ctx context.Context, conn net.Conn) error {
	a.taken <- conn
	if a.refusal != nil {
		return a.refusal
	}
	a.serving.Go(func() { _ = a.Serve(ctx, conn) })
	return nil
}

// empty answers with nothing in it.
func empty(req kmsg.Request) kmsg.Response { return req.ResponseKind() }

// An adopted connection ends when the engine closes it, and its place is free at
// once.
func TestAdoptedConnectionIsClosedByTheEngine(t *testing.T) {
	up := newAdopter(t, empty)
	b := start(t, up, setting{})
	w := b.dial(t)
	w.ask(naming(2, 5, "open", "open"))
	if n := len(b.connections()); n != 1 {
		t.Fatalf("%d connections while one is adopted", n)
	}
	if err := (<-up.taken).Close(); err != nil {
		t.Error(err)
	}
	if n := len(b.connections()); n != 0 {
		t.Errorf("%d connections after the engine closed the only one", n)
	}
	w.cut()
	if n := b.count("closes_total", causeEngine); n != 1 {
		t.Errorf("%v connections counted as closed by the engine", n)
	}
}

// A connection that the engine refuses to adopt is closed, even if the engine
// forgot to.
func TestRefusedAdoption(t *testing.T) {
	up := newAdopter(t, empty)
	up.refusal = errors.New("the engine is closed")
	b := start(t, up, setting{})
	b.dial(t).cut()
	b.stop() // waits for the door to be done with it
	if n := len(b.connections()); n != 0 || len(up.taken) != 1 {
		t.Errorf("%d connections are left of %d that were refused", n, len(up.taken))
	}
	if n := b.count("closes_total", causeEngine); n != 1 {
		t.Errorf("%v connections counted as closed by the engine", n)
	}
}

// Run comes back when the last adopted connection has ended: a request in flight
// is answered first.
func TestRunWaitsForAdoptedConnections(t *testing.T) {
	hold, arrived := make(chan struct{}), make(chan kmsg.Request, 1)
	up := newAdopter(t, func(req kmsg.Request) kmsg.Response {
		<-hold
		return req.ResponseKind()
	})
	up.requests = arrived
	b := start(t, up, setting{})
	busy, idle := b.dial(t), b.dial(t)
	idle.ask(kmsg.NewPtrApiVersionsRequest()) // it is past the door
	req := naming(2, 5, "open", "open")
	busy.send(req)
	<-arrived
	stopped := make(chan struct{})
	go func() { b.stop(); close(stopped) }()
	idle.cut()
	select {
	case <-stopped:
		t.Error("Run came back with a request in flight")
	default:
	}
	close(hold)
	busy.answer(req, 1)
	busy.cut()
	<-stopped
	if n := len(b.connections()); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}
