package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxQueue bounds the calls of one connection whose answers wait for their turn.
const maxQueue = 128

// filter is one client connection as the engine sees it. The engine reads whole
// checked requests and writes responses; calls keep their order, whichever side
// answers them, so it is correct for an engine that takes several requests at
// once too.
type filter struct {
	net.Conn          // the client, inside TLS when the door has TLS; fixed once welcomed is set
	socket   net.Conn // as accepted
	welcomed atomic.Bool
	g        *Gateway
	door     *door
	serving  *sync.WaitGroup // of the gateway's Run
	from, ip string
	raw      frames
	ctx      context.Context // of the connection's life; hooks pass it on
	cancel   context.CancelFunc

	login   loginState
	session atomic.Pointer[granted] // nil until authenticated, and for the local administrator

	// Of the engine's reading side only.
	pending []byte
	lent    []byte       // the buffer that pending is part of; nil when it is a new one
	paid    atomic.Int64 // budget that is given back when pending is delivered
	busy    atomic.Bool  // a request has been read and has no place in the queue yet

	mu       sync.Mutex // guards queue and writes to the client
	queue    []*call
	drained  sync.Cond // signalled when the queue gets shorter
	partial  []byte    // of a response that the engine has not completed
	draining atomic.Bool

	cause  atomic.Pointer[fault] // why the connection ended; the first one counts
	closed atomic.Bool
}

// Read delivers the next bytes of checked requests to the engine.
func (f *filter) Read(p []byte) (n int, err error) {
	defer f.survive(&err)
	if err := f.fill(); err != nil {
		return 0, err
	}
	n = copy(p, f.pending)
	if f.pending = f.pending[n:]; len(f.pending) == 0 {
		f.delivered()
	}
	return n, nil
}

// WriteRequests delivers what Read does, each request whole in one Write, until
// the client ends: an engine behind a connection of its own needs no buffer
// between. Its error is that of a Write.
func (f *filter) WriteRequests(to io.Writer) (err error) {
	defer f.survive(&err)
	for f.fill() == nil {
		_, err := to.Write(f.pending)
		f.delivered()
		if err != nil {
			return err
		}
	}
	return nil
}

// fill takes requests until there is one for the engine.
func (f *filter) fill() (err error) {
	for len(f.pending) == 0 {
		f.busy.Store(false)
		if f.pending, err = f.next(); err != nil {
			f.end(err)
			return io.EOF
		}
	}
	return nil
}

// delivered gives back what held a request that the engine has a copy of now.
// A request that is never delivered leaves its buffer to the collector: who
// closes the connection does not know whether somebody is reading it.
func (f *filter) delivered() {
	if f.lent != nil {
		f.g.memory.give(f.lent)
		f.lent = nil
	}
	f.pending = nil
	f.g.memory.repay(f.paid.Swap(0))
}

// next takes one request from the client. It gives the frame for the engine, or
// nothing when the request was answered here.
func (f *filter) next() ([]byte, error) {
	if err := f.await(); err != nil {
		return nil, err
	}
	frame, err := f.raw.next(f.ctx, f.g.cfg.MaxFrame)
	if err != nil {
		return nil, err
	}
	f.busy.Store(true)
	f.g.metrics.in.Add(float64(len(frame)))
	ours := int64(cap(frame)) // until it is passed on; a hook may panic
	defer func() { f.g.memory.repay(ours) }()
	c, out, err := f.request(frame)
	if err != nil {
		return nil, err
	}
	c.forgetRecords()
	c.held, ours = int64(len(frame)), 0
	if excess := int64(cap(frame)) - c.held; len(out) > 0 && &out[0] == &frame[0] {
		f.lent = frame
		f.paid.Store(excess)
	} else {
		f.g.memory.give(frame)
		f.g.memory.repay(excess)
	}
	if c.silent {
		f.paid.Add(c.held)
		return out, nil
	}
	return out, f.enqueue(c)
}

// await keeps the queue bounded and ends reading when the gateway drains.
func (f *filter) await() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) >= maxQueue && !f.closed.Load() {
		f.drained.Wait()
	}
	if f.closed.Load() {
		return &fault{causeClient, net.ErrClosed}
	}
	if f.draining.Load() && len(f.queue) == 0 {
		return &fault{causeDrain, io.EOF}
	}
	return nil
}

// request checks and decides one frame.
func (f *filter) request(frame []byte) (*call, []byte, error) {
	r := &reader{src: frame[4:]}
	h := readHeader(r)
	if r.bad {
		return nil, nil, &fault{causeFrame, errShort}
	}
	switch h.key {
	case keyAPIVersions, keySASLHandshake, keySASLAuthenticate:
		return f.handMade(h, r)
	}
	a, ok := f.g.apis[h.key]
	if !ok {
		return nil, nil, broken(causeFrame, "API key %d is not served", h.key)
	}
	if low, high := f.g.engine.span(a); h.version < low || h.version > high {
		return nil, nil, broken(causeFrame, "%s version %d is not served (%d to %d are)", a.name, h.version, low, high)
	}
	session, err := f.currentSession()
	if err != nil {
		return nil, nil, err
	}
	c := &call{f: f, ctx: f.ctx, api: a, version: h.version, correlation: h.correlation, client: h.client, session: session}
	if err := c.parse(r); err != nil {
		return nil, nil, &fault{causeFrame, fmt.Errorf("%s version %d: %w", a.name, h.version, err)}
	}
	body := len(frame) - len(r.src)
	a.request(c)
	return c, f.forward(c, frame, body), c.ended()
}

// parse guards and decodes the body; r stands after the client id.
func (c *call) parse(r *reader) error {
	c.req = kmsg.RequestForKey(c.api.key)
	c.req.SetVersion(c.version)
	flexible := c.req.IsFlexible()
	if flexible {
		if r.tags(); r.bad {
			return errShort
		}
	}
	if err := c.api.shape.check(r.src, c.version, flexible); err != nil {
		return err
	}
	return c.req.ReadFrom(r.src)
}

// ended is the fault when the call ends its connection.
func (c *call) ended() error {
	if c.cut != nil {
		return &fault{causeDenied, c.cut}
	}
	return nil
}

// forward gives the bytes for the engine, nil when the call was answered here.
func (f *filter) forward(c *call, frame []byte, body int) []byte {
	outcome := outcomeForwarded
	switch {
	case c.cut != nil:
		return nil
	case c.local != nil:
		outcome = outcomeLocal
		if c.then != nil {
			c.then(c.local)
		}
		c.answer, c.done = c.encode(c.local), true
	case len(c.merges) > 0:
		outcome = outcomePartly
	}
	f.g.metrics.requests.WithLabelValues(c.api.name, outcome).Inc()
	switch {
	case c.local != nil:
		return nil
	case c.changed:
		out := c.req.AppendTo(frame[:body:body])
		binary.BigEndian.PutUint16(out[6:], uint16(c.req.GetVersion())) // a hook may have raised it
		return finish(out)
	default:
		return frame
	}
}

// encode writes a whole response, in the client's version.
func (c *call) encode(p kmsg.Response) []byte {
	p.SetVersion(c.version)
	b := begin(c.correlation)
	if p.IsFlexible() {
		b = append(b, 0) // no tags
	}
	return finish(p.AppendTo(b))
}

// enqueue gives a call its place; an answer made here is written when all
// earlier calls are answered.
func (f *filter) enqueue(c *call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy.Store(false)
	if f.closed.Load() {
		f.g.memory.repay(c.held)
		return &fault{causeClient, net.ErrClosed}
	}
	f.queue = append(f.queue, c)
	return f.flush()
}

// flush writes the answers at the head of the queue. The caller holds f.mu.
func (f *filter) flush() error {
	for len(f.queue) > 0 && f.queue[0].done {
		c := f.queue[0]
		f.queue[0] = nil
		f.queue = f.queue[1:]
		if len(f.queue) == 0 {
			f.queue = nil
		}
		f.g.memory.repay(c.held)
		f.drained.Signal()
		if err := f.send(c.answer); err != nil {
			return &fault{causeClient, err}
		}
		if c.last != nil {
			return c.last
		}
	}
	return nil
}

// send writes to the client in steps, each with its own deadline. The caller
// holds f.mu, or is the only user of the connection.
func (f *filter) send(b []byte) error {
	f.g.metrics.out.Add(float64(len(b)))
	for len(b) > 0 {
		n := min(len(b), 1<<20)
		_ = f.Conn.SetWriteDeadline(time.Now().Add(f.g.cfg.FrameTimeout)) // a closed socket shows at the write
		if _, err := f.Conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// Write takes the engine's responses. It must receive them in the order of the
// requests, in any portions.
func (f *filter) Write(p []byte) (n int, err error) {
	defer f.survive(&err)
	n = len(p)
	kept := len(f.partial) > 0
	if kept {
		f.partial = append(f.partial, p...)
		p = f.partial
	}
	rest := p
	for len(rest) >= 4 {
		size := int(int32(binary.BigEndian.Uint32(rest)))
		if size < 4 {
			return 0, f.end(broken(causeEngine, "a response of %d bytes", size))
		}
		if len(rest) < size+4 {
			break
		}
		if err := f.response(rest[:size+4]); err != nil {
			return 0, f.end(err)
		}
		rest = rest[size+4:]
	}
	switch {
	case len(rest) == 0:
		f.partial = nil
	case !kept || len(rest) < len(p): // else it is in place already
		f.partial = append(f.partial[:0], rest...)
	}
	return n, nil
}

// response matches one response to the oldest call that waits for one.
func (f *filter) response(frame []byte) error {
	f.mu.Lock()
	var c *call
	if len(f.queue) > 0 {
		c = f.queue[0]
	}
	f.mu.Unlock()
	// The head is the engine's: answers made here leave the queue at once when
	// they are at its head.
	if c == nil || c.done {
		return broken(causeEngine, "a response that nobody asked for")
	}
	if got := int32(binary.BigEndian.Uint32(frame[4:])); got != c.correlation {
		return broken(causeEngine, "the answer to call %d instead of %d", got, c.correlation)
	}
	if _, err := f.currentSession(); err != nil {
		return err // the session ended while the engine was waiting for records
	}
	out, err := c.finish(frame)
	if err != nil {
		return &fault{causeEngine, fmt.Errorf("%s version %d: response: %w", c.api.name, c.version, err)}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.answer, c.done = out, true
	return f.flush()
}

// finish runs the response hooks over a frame and gives the bytes for the
// client.
func (c *call) finish(frame []byte) ([]byte, error) {
	if c.api.response == nil && len(c.merges) == 0 && c.then == nil {
		return frame, nil
	}
	p := c.req.ResponseKind()
	r := &reader{src: frame[8:]}
	if p.IsFlexible() {
		r.tags()
	}
	if r.bad {
		return nil, errShort
	}
	if err := p.ReadFrom(r.src); err != nil {
		return nil, err
	}
	c.changed = len(c.merges) > 0
	if c.api.response != nil {
		c.api.response(c, p)
	}
	for _, add := range c.merges {
		add(p)
	}
	if c.then != nil {
		c.then(p)
	}
	if !c.changed {
		return frame, nil
	}
	return c.encode(p), nil
}

// end records why the connection ends and closes it. It returns what the engine
// sees.
func (f *filter) end(err error) error {
	var why *fault
	if !errors.As(err, &why) {
		why = &fault{causeClient, err}
	}
	f.cause.CompareAndSwap(nil, why)
	_ = f.Close() // the first cause is what matters
	return net.ErrClosed
}

// Close ends the connection, from either side, and gives back what it holds.
func (f *filter) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	defer f.g.dismiss(f)
	f.cause.CompareAndSwap(nil, &fault{causeEngine, io.EOF})
	f.cancel()
	client := f.socket
	if f.welcomed.Load() {
		client = f.Conn
	}
	err := client.Close()
	f.g.memory.repay(f.paid.Swap(0))
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.queue {
		f.g.memory.repay(c.held)
	}
	f.queue = nil
	f.drained.Broadcast()
	return err
}

// survive turns a panic of a hook or of kmsg into the end of this connection.
func (f *filter) survive(err *error) {
	if v := recover(); v != nil {
		f.g.log.Error("a request ended in a panic; its connection was closed", "from", f.from, "panic", v, "stack", string(debug.Stack()))
		*err = f.end(broken(causePanic, "%v", v))
	}
}

// The engine's deadlines are not the client's.

// SetDeadline does nothing.
func (f *filter) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (f *filter) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (f *filter) SetWriteDeadline(time.Time) error { return nil }
