package cluster

import (
	"context"
	"errors"
	"net"
	"sync"
)

// What the engine advertises. The name never resolves (RFC 2606), so that an
// address which escaped rewriting fails at once and says where it came from.
const (
	engineNode = 0
	engineHost = "embedded.invalid"
	enginePort = 9092
	engineAddr = "embedded.invalid:9092"
)

// handover is the net.Listener the engine accepts from: it holds no socket and
// gives out the connections that are handed to it.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.RWMutex   // orders open.Add before closed, and closed before open.Wait
	open sync.WaitGroup // connections that have not ended
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// give hands conn to the engine, and closes ended, unless it is nil, when the
// connection has ended. It fails, and closes conn, when the engine is closed or
// ctx ends first.
func (h *handover) give(ctx context.Context, conn net.Conn, ended chan struct{}) (*served, error) {
	s := &served{Conn: conn, ended: ended, from: h}
	if !h.admit() {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	select {
	case h.conns <- s:
		return s, nil
	case <-h.closed:
		s.Close()
		return nil, net.ErrClosed
	case <-ctx.Done():
		s.Close()
		return nil, ctx.Err()
	}
}

// admit counts a connection, unless the engine is closed.
func (h *handover) admit() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	select {
	case <-h.closed:
		return false
	default:
		h.open.Add(1)
		return true
	}
}

// Accept gives the next connection.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses further connections; those handed over live on.
func (h *handover) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr is what the engine advertises.
func (h *handover) Addr() net.Addr { return engineAddress{} }

type engineAddress struct{}

func (engineAddress) Network() string { return "in-process" }
func (engineAddress) String() string  { return engineAddr }

// served is a connection in the engine's hands; the engine closes it when it has
// done with it, for whatever reason.
type served struct {
	net.Conn
	once  sync.Once
	ended chan struct{} // nil: nobody waits
	from  *handover
	err   error
}

// Close ends the connection and tells who waits for that.
func (s *served) Close() error {
	s.once.Do(func() {
		s.err = s.Conn.Close()
		if s.ended != nil {
			close(s.ended)
		}
		s.from.open.Done()
	})
	return s.err
}
