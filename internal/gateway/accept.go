package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/enterprise-event-bus/eventbus"
)

// door is a listener as its connections see it.
type door struct {
	Listener
	advertise func(node int32) (string, int32)
	open      prometheus.Gauge
}

func (g *Gateway) newDoor(l Listener) *door {
	d := &door{Listener: l, advertise: l.Advertise, open: g.metrics.connections.WithLabelValues(l.Name)}
	if d.advertise == nil {
		host, digits, _ := net.SplitHostPort(l.Net.Addr().String())
		port, _ := strconv.Atoi(digits) // of a bound listener
		d.advertise = func(int32) (string, int32) { return host, int32(port) }
	}
	return d
}

// accept serves one listener until it is closed. A failing accept (the process
// is out of descriptors, say) is waited out, never the end of the door.
func (g *Gateway) accept(ctx, life context.Context, l Listener, serving *sync.WaitGroup) {
	d := g.newDoor(l)
	pause := time.Duration(0)
	for {
		conn, err := l.Net.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			g.log.Warn("accept failed; the door stays open and tries again", "listener", l.Name, "pause", pause, "error", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			continue
		}
		pause = 0
		f, ok := g.admit(life, d, conn, serving)
		if !ok {
			g.metrics.closes.WithLabelValues(causeOverload).Inc()
			_ = conn.Close() // nothing was said yet
			continue
		}
		serving.Go(func() { g.serve(f) })
	}
}

// admit counts a connection in, or refuses it over a limit. serving is done with
// it when it is closed.
func (g *Gateway) admit(life context.Context, d *door, conn net.Conn, serving *sync.WaitGroup) (*filter, bool) {
	from := conn.RemoteAddr().String()
	ip, _, err := net.SplitHostPort(from)
	if err != nil {
		ip = from
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining || len(g.filters) >= g.cfg.MaxConnections || g.perIP[ip] >= g.cfg.MaxConnectionsPerIP {
		return nil, false
	}
	f := &filter{Conn: conn, socket: conn, g: g, door: d, serving: serving, from: from, ip: ip}
	f.drained.L = &f.mu
	f.ctx, f.cancel = context.WithCancel(life)
	serving.Add(1)
	d.open.Inc()
	g.filters[f] = struct{}{}
	g.perIP[ip]++
	return f, true
}

// serve welcomes a connection and hands it to the engine.
func (g *Gateway) serve(f *filter) {
	if err := f.welcome(); err != nil {
		f.end(err)
		return
	}
	f.welcomed.Store(true)
	f.raw.idle, f.raw.step = g.cfg.IdleTimeout, g.cfg.FrameTimeout
	_ = f.Conn.SetDeadline(time.Time{}) // a closed socket shows at the next read
	if up, ok := g.up.(Adopter); ok && f.door.Serve == nil {
		if err := up.Adopt(f.ctx, f); err != nil {
			f.lost(err)
		}
		return
	}
	// The handshake has made this goroutine's stack grow for good.
	f.serving.Go(func() {
		if err := f.toBroker(); err != nil {
			f.lost(err)
		}
		_ = f.Close() // by the broker's side as a rule
	})
}

// lost ends a connection that the engine did not take or did not carry to its end.
func (f *filter) lost(err error) {
	if eventbus.CodeOf(err) == eventbus.CodeUnavailable {
		f.g.engine.doubted()
	}
	f.end(&fault{causeEngine, err})
}

// toBroker hands the connection to the broker that its door leads to, and comes
// back when it is over.
func (f *filter) toBroker() error {
	if f.door.Serve == nil {
		return f.g.up.Serve(f.ctx, f)
	}
	serverName := ""
	if secure, ok := f.Conn.(*tls.Conn); ok {
		serverName = secure.ConnectionState().ServerName
	}
	return f.door.Serve(f.ctx, serverName, f)
}

// welcome makes the TLS connection and signs the client in, both within the
// handshake timeout.
func (f *filter) welcome() (err error) {
	defer f.survive(&err)
	f.raw = frames{conn: f.Conn, memory: &f.g.memory, bound: f.g.bound}
	if f.door.TLS == nil && len(f.door.Mechanisms) == 0 {
		return nil
	}
	if err := f.Conn.SetDeadline(time.Now().Add(f.g.cfg.HandshakeTimeout)); err != nil {
		return &fault{causeClient, err}
	}
	if f.door.TLS != nil {
		secure := tls.Server(f.Conn, f.door.TLS)
		if err := secure.Handshake(); err != nil { // who ends the connection closes its socket
			return readFault(err)
		}
		f.Conn, f.raw.conn = secure, secure
	}
	return f.signIn()
}

// frameBound is the largest request of an API key.
func (g *Gateway) frameBound(key int16) int32 {
	switch {
	case key == keyProduce:
		return g.cfg.MaxFrame
	case key == keySASLAuthenticate:
		return maxSASLFrame
	case key == keyAPIVersions || key == keySASLHandshake:
		return g.cfg.MaxPreAuthFrame
	default:
		return g.cfg.MaxAdminFrame
	}
}

// dismiss forgets a connection that is closed, and counts why it ended.
func (g *Gateway) dismiss(f *filter) {
	defer f.serving.Done()
	f.door.open.Dec()
	g.mu.Lock()
	delete(g.filters, f)
	if g.perIP[f.ip]--; g.perIP[f.ip] <= 0 {
		delete(g.perIP, f.ip)
	}
	g.mu.Unlock()
	why := f.cause.Load()
	g.metrics.closes.WithLabelValues(why.cause).Inc()
	if why.cause != causeClient && why.cause != causeDrain && why.cause != causePanic {
		g.log.Info("connection closed", "listener", f.door.Name, "from", f.from, "cause", why.cause, "reason", why.err)
	}
}

// connections gives the open connections at this moment.
func (g *Gateway) connections() []*filter {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make([]*filter, 0, len(g.filters))
	for f := range g.filters {
		all = append(all, f)
	}
	return all
}

// sweepEvery is how long a revoked session may stay connected; its requests are
// refused at once.
const sweepEvery = time.Second

// sweep closes connections whose session was revoked, idle ones too: a fetch
// that waits for records must not receive them. One loop for all connections
// costs less than a goroutine for each.
func (g *Gateway) sweep(stop <-chan struct{}) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		for _, f := range g.connections() {
			if s := f.session.Load(); s != nil && s.gone() {
				f.end(broken(causeRevoked, "the session of %s was revoked", s.Principal))
			}
		}
	}
}

// drain lets requests in flight finish and closes everything.
func (g *Gateway) drain() {
	g.mu.Lock()
	g.draining = true
	g.mu.Unlock()
	deadline := time.NewTimer(g.cfg.DrainTimeout)
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		open := 0
		for _, f := range g.connections() {
			if f.quiesce() {
				f.end(&fault{causeDrain, net.ErrClosed})
			} else {
				open++
			}
		}
		if open == 0 {
			return
		}
		select {
		case <-look.C:
		case <-deadline.C:
			for _, f := range g.connections() {
				f.end(&fault{causeDrain, net.ErrClosed})
			}
			return
		}
	}
}

// quiesce asks the filter to take no more requests, and reports whether it has
// none in flight that matter: a fetch may wait for records for long, and nothing
// is lost when it is cut.
func (f *filter) quiesce() bool {
	f.draining.Store(true)
	if !f.mu.TryLock() {
		return false // it is writing, to a client that reads slowly maybe
	}
	defer f.mu.Unlock()
	for _, c := range f.queue {
		if c.api == nil || c.api.key != keyFetch {
			return false
		}
	}
	return !f.busy.Load()
}
