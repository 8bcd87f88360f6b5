package cluster

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// NodeUpstream is one broker of an external cluster as the gateway sees it: what
// a client asks of the door of node n goes to broker n.
type NodeUpstream struct {
	*External
	node int32
}

// Upstream gives the upstream of one node. The node need not exist yet: a
// connection to it is refused until it does.
func (e *External) Upstream(node int32) *NodeUpstream { return &NodeUpstream{e, node} }

// Serve carries conn to the node's broker until either side ends or ctx ends, and
// closes it. While that broker cannot be reached another one takes its place, and
// conn ends when it is back. A node that was never seen is CodeUnavailable.
func (u *NodeUpstream) Serve(ctx context.Context, conn net.Conn) error {
	if back := u.absent(u.node); back != nil {
		return u.serveMeanwhile(ctx, u.node, back, conn)
	}
	address, ok := u.Node(u.node)
	if !ok && u.left(u.node) {
		return u.serveMeanwhile(ctx, u.node, u.noteAbsence(u.node), conn)
	}
	if !ok {
		_ = conn.Close() // nothing was said yet
		return eventbus.Errorf(eventbus.CodeUnavailable, "the Kafka cluster has no broker with node id %d now", u.node)
	}
	broker, err := u.connect(ctx, address)
	if err != nil && ctx.Err() == nil {
		u.log.Info("a broker was not reached for a client", "node", u.node, "err", err)
		return u.serveMeanwhile(ctx, u.node, u.noteAbsence(u.node), conn)
	}
	if err != nil {
		_ = conn.Close() // the door closes
		return eventbus.Errorf(eventbus.CodeUnavailable, "reach a Kafka broker: %w", err)
	}
	return u.carry(ctx, broker, conn)
}

// left reports whether a node was there once.
func (e *External) left(node int32) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.gone[node]
}

// Serve carries conn to any broker that answers: for clients that arrive with a
// bootstrap address. It is Upstream's Serve otherwise.
func (e *External) Serve(ctx context.Context, conn net.Conn) error {
	return e.serve(ctx, conn, e.addresses())
}

// addresses are those of every broker that is known, then those of the
// configuration.
func (e *External) addresses() []string {
	var addresses []string
	for _, id := range e.Nodes() {
		if address, ok := e.Node(id); ok {
			addresses = append(addresses, address)
		}
	}
	for _, address := range e.cfg.Bootstrap {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// serve connects to the first address that answers and copies both ways.
func (e *External) serve(ctx context.Context, conn net.Conn, addresses []string) error {
	var broker *brokerConn
	var faults error
	for _, address := range addresses {
		b, err := e.connect(ctx, address)
		if err == nil {
			broker = b
			break
		}
		faults = errors.Join(faults, err)
		if ctx.Err() != nil {
			break
		}
	}
	if broker == nil {
		_ = conn.Close() // nothing was said yet
		if len(addresses) == 0 {
			faults = errors.New("no other broker is known")
		}
		return eventbus.Errorf(eventbus.CodeUnavailable, "reach a Kafka broker: %w", faults)
	}
	return e.carry(ctx, broker, conn)
}

// carry copies both ways and closes both.
func (e *External) carry(ctx context.Context, broker *brokerConn, conn net.Conn) error {
	defer conn.Close()
	if !e.keep(broker.Conn) {
		return errors.Join(errExternalClosed(), broker.Close())
	}
	defer e.forget(broker.Conn)
	return broker.carry(ctx, conn)
}

// keep counts a connection in, so that Close ends it; false when closed.
func (e *External) keep(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.conns[conn] = struct{}{}
	e.serving.Add(1)
	return true
}

func (e *External) forget(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, conn)
	e.serving.Done()
}

// brokerConn is a connection to a broker, signed in as the bus.
type brokerConn struct {
	net.Conn
	e       *External
	address string
	expires time.Time // when the login must be renewed; zero = never

	// A renewal happens among a client's requests. Its answers are told from the
	// client's by a correlation id that is new and random each time; they come in
	// order, behind the answers to what the client asked before.
	renewal chan int32  // the id that the reader shall look for
	answers chan []byte // what it found; one at a time, so the reader never waits
	over    chan struct{}
}

// connect dials and signs in within the dial timeout.
func (e *External) connect(ctx context.Context, address string) (_ *brokerConn, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.DialTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	raw := conn
	defer func() {
		if err != nil {
			err = errors.Join(err, raw.Close())
		}
	}()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if e.cfg.TLS != nil {
		config := e.cfg.TLS.Clone()
		if config.ServerName == "" {
			config.ServerName = hostOf(address)
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("TLS with broker %s: %w", address, err)
		}
		conn = secure
	}
	b := &brokerConn{Conn: conn, e: e, address: address,
		renewal: make(chan int32, 1), answers: make(chan []byte, 1), over: make(chan struct{})}
	if e.cfg.SASL != nil {
		if err := b.login(ctx, askDirectly(conn)); err != nil {
			return nil, fmt.Errorf("sign in to broker %s: %w", address, err)
		}
	}
	return b, conn.SetDeadline(time.Time{})
}

// login signs in and notes when to do it again: at nine tenths of the session's
// lifetime, as clocks differ.
func (b *brokerConn) login(ctx context.Context, ask exchange) error {
	began := b.e.cfg.Now()
	lifetime, err := signIn(ctx, b.e.cfg.SASL, b.address, ask)
	if err != nil {
		return err
	}
	b.expires = time.Time{}
	if lifetime > 0 {
		b.expires = began.Add(lifetime * 9 / 10)
	}
	return nil
}

// carry copies requests and responses until one side ends. It reports a failed
// renewal; an end of either side is nothing to report.
func (b *brokerConn) carry(ctx context.Context, client net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = errors.Join(client.Close(), b.Close()) })
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(b.over)
		b.responses(client)
		_ = errors.Join(client.Close(), b.Close()) // whatever ended, both end
	}()
	err := b.requests(ctx, client)
	_ = errors.Join(client.Close(), b.Close())
	<-done
	return err
}

// requester is a client's connection that hands over each request whole in one
// Write, as the gateway's do. Any other is copied as it comes.
type requester interface {
	WriteRequests(to io.Writer) error
}

// requests copies the client's requests. Between two of them it renews the login
// when that is due. An end is an end, whatever its reason, but for a renewal.
func (b *brokerConn) requests(ctx context.Context, client net.Conn) error {
	to := &renewing{b: b, ctx: ctx}
	if whole, ok := client.(requester); ok {
		_ = whole.WriteRequests(to)
		return to.failure
	}
	if b.e.cfg.SASL == nil {
		_, _ = io.Copy(b.Conn, client)
		return nil
	}
	from := bufio.NewReader(client)
	for {
		head, err := from.Peek(4)
		if err != nil || to.renewIfDue() != nil {
			return to.failure
		}
		if _, err := io.CopyN(b.Conn, from, 4+int64(binary.BigEndian.Uint32(head))); err != nil {
			return nil
		}
	}
}

// renewing writes whole requests to a broker, and renews the login between two of
// them.
type renewing struct {
	b       *brokerConn
	ctx     context.Context // of carry, which waits for the last Write
	failure error           // of a renewal
}

// Write takes one request.
func (r *renewing) Write(request []byte) (int, error) {
	if err := r.renewIfDue(); err != nil {
		return 0, err
	}
	return r.b.Conn.Write(request)
}

func (r *renewing) renewIfDue() error {
	if r.b.expires.IsZero() || !r.b.e.cfg.Now().After(r.b.expires) {
		return nil
	}
	if err := r.b.renew(r.ctx); err != nil {
		r.failure = eventbus.Errorf(eventbus.CodeUnavailable, "renew the login to broker %s: %w", r.b.address, err)
	}
	return r.failure
}

// errBrokerEnded is a broker that closed the connection during a renewal.
var errBrokerEnded = errors.New("the broker closed the connection")

// renew signs in again on the same connection (KIP-368).
func (b *brokerConn) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.e.cfg.DialTimeout)
	defer cancel()
	return b.login(ctx, func(req kmsg.Request) ([]byte, error) {
		var random [4]byte
		_, _ = rand.Read(random[:]) // never fails
		id := int32(binary.BigEndian.Uint32(random[:]))
		b.renewal <- id
		if _, err := b.Conn.Write(requestFrame(req, id)); err != nil {
			return nil, err
		}
		select {
		case body := <-b.answers:
			return body, nil
		case <-b.over:
			return nil, errBrokerEnded
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

// Bounds of a response, which is handed over whole: the gateway would have to put
// it together anyway. keptBuffer is what a quiet connection may hold; larger ones
// are shared by all, up to sharedBuffer.
const (
	maxResponse  = 1 << 30
	keptBuffer   = 64 << 10
	sharedBuffer = 16 << 20
)

// response lends a buffer of n bytes for a response; kept is the connection's own.
func (e *External) response(kept []byte, n int) []byte {
	if n <= keptBuffer {
		if cap(kept) < n {
			kept = make([]byte, n, max(n, 4<<10))
		}
		return kept[:n]
	}
	if shared, ok := e.responses.Get().(*[]byte); ok && cap(*shared) >= n {
		return (*shared)[:n]
	}
	return make([]byte, n)
}

// release takes a buffer back and gives what the connection keeps of it.
func (e *External) release(kept, frame []byte) []byte {
	switch {
	case cap(frame) <= keptBuffer:
		return frame
	case cap(frame) <= sharedBuffer:
		e.responses.Put(&frame)
	}
	return kept
}

// responses copies the broker's responses, and picks out the answers to a renewal.
func (b *brokerConn) responses(client net.Conn) {
	from := bufio.NewReaderSize(b.Conn, 16<<10)
	var kept []byte
	waiting, wanted := false, int32(0)
	for {
		head, err := from.Peek(8)
		if err != nil {
			return
		}
		size := int64(binary.BigEndian.Uint32(head))
		if size < 4 || size > maxResponse {
			b.e.log.Error("a broker sent a response of an impossible size; its connection was closed", "bytes", size)
			return
		}
		id := int32(binary.BigEndian.Uint32(head[4:]))
		frame := b.e.response(kept, int(size)+4)
		if _, err := io.ReadFull(from, frame); err != nil {
			return
		}
		if !waiting {
			select {
			case wanted = <-b.renewal:
				waiting = true
			default:
			}
		}
		if waiting && id == wanted {
			waiting = false
			b.answers <- bytes.Clone(frame[8:])
		} else if _, err := client.Write(frame); err != nil {
			return
		}
		kept = b.e.release(kept, frame)
	}
}
