package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// engine is the real embedded engine, reached in process.
type engine struct {
	*kfake.Cluster
	conns    chan net.Conn
	closed   chan struct{}
	once     sync.Once
	limit    atomic.Int32
	readOnly atomic.Pointer[error]
}

func newEngine(t testing.TB, opts ...kfake.Opt) *engine {
	t.Helper()
	e := &engine{conns: make(chan net.Conn), closed: make(chan struct{})}
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.ClusterID("engine"),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return e, nil })}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	e.Cluster = c
	t.Cleanup(c.Close)
	return e
}

func (e *engine) Accept() (net.Conn, error) {
	select {
	case c := <-e.conns:
		return c, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

func (e *engine) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

func (e *engine) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 9, 8, 7), Port: 19092} }

type served struct {
	net.Conn
	once  sync.Once
	ended chan struct{}
}

func (s *served) Close() error {
	s.once.Do(func() { close(s.ended) })
	return s.Conn.Close()
}

func (e *engine) Serve(ctx context.Context, conn net.Conn) error {
	s := &served{Conn: conn, ended: make(chan struct{})}
	select {
	case e.conns <- s:
	case <-e.closed:
		return net.ErrClosed
	}
	select {
	case <-s.ended:
	case <-ctx.Done():
		_ = s.Close()
	}
	return nil
}

func (e *engine) TopicName(id [16]byte) (string, bool) {
	info := e.TopicIDInfo(id)
	if info == nil {
		return "", false
	}
	return info.Topic, true
}

func (e *engine) MaxMessageBytes(string) int32 { return e.limit.Load() }

func (e *engine) Writable() error {
	if err := e.readOnly.Load(); err != nil {
		return *err
	}
	return nil
}

// puppet is an engine that answers as the test says.
type puppet struct {
	answer   func(kmsg.Request) kmsg.Response
	requests chan kmsg.Request // what reached it, when not nil
	highest  atomic.Int32      // version that it speaks of any API; 0 = what kmsg knows
}

func (p *puppet) Serve(_ context.Context, conn net.Conn) error {
	defer conn.Close()
	for {
		var size [4]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return nil
		}
		body := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(conn, body); err != nil {
			return nil
		}
		r := &reader{src: body}
		h := readHeader(r)
		req := kmsg.RequestForKey(h.key)
		req.SetVersion(h.version)
		if req.IsFlexible() {
			r.tags()
		}
		if err := req.ReadFrom(r.src); err != nil {
			return err
		}
		if q, ok := req.(*kmsg.ProduceRequest); ok && q.Acks == 0 {
			continue
		}
		if p.requests != nil && h.client != "gateway" { // not what the gateway asks for itself
			p.requests <- req
		}
		resp := everything(req, int16(p.highest.Load()))
		if resp == nil {
			resp = p.answer(req)
		}
		b := begin(h.correlation)
		if resp.IsFlexible() && h.key != keyAPIVersions {
			b = append(b, 0)
		}
		if _, err := conn.Write(finish(resp.AppendTo(b))); err != nil {
			return nil
		}
	}
}

// everything answers ApiVersions with all that kmsg knows, up to a version unless
// it is 0.
func everything(req kmsg.Request, highest int16) kmsg.Response {
	if req.Key() != keyAPIVersions {
		return nil
	}
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	for key := range int16(kmsg.MaxKey + 1) {
		if k := kmsg.RequestForKey(key); k != nil {
			resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: min(k.MaxVersion(), cmp.Or(highest, k.MaxVersion()))})
		}
	}
	return resp
}

func (p *puppet) TopicName(id [16]byte) (string, bool) {
	if name, ok := puppetTopics[id]; ok {
		return name, true
	}
	return "", false
}
func (p *puppet) MaxMessageBytes(string) int32 { return 1 << 20 }
func (p *puppet) Writable() error              { return nil }

var (
	openID       = [16]byte([]byte("id-of-open-topic"))
	closedID     = [16]byte([]byte("id-of-clos-topic"))
	puppetTopics = map[[16]byte]string{openID: "open", closedID: "closed"}
)

// rules is an authority for tests: one password per principal, and a list of
// what each may do, "action resource-suffix".
type rules struct {
	mu      sync.Mutex
	may     map[string][]string // principal name: "WriteData topic/open", "*"
	decided []string
	expires time.Time
	session string
	revoked chan struct{}
}

func newRules() *rules {
	return &rules{may: map[string][]string{}, revoked: make(chan struct{}), session: "first"}
}

func (r *rules) Login(_ context.Context, a Attempt) (*Session, []byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := string(a.Message)
	if _, ok := r.may[name]; !ok {
		return nil, nil, eventbus.Errorf(eventbus.CodeUnauthenticated, "[0-0]: Access denied")
	}
	return &Session{Expires: r.expires, Principal: eventbus.Principal{Kind: eventbus.PrincipalTaken, Account: "123456789012", Name: name, Session: r.session,
		ARN: eventbus.AssumedRoleARN("aws-us-gov", "123456789012", name, r.session)}}, []byte("{}"), nil
}

func (r *rules) Decide(_ context.Context, s *Session, action, resource string) (bool, string) {
	r.mu.Lock()
	r.decided = append(r.decided, action+" "+resource)
	r.mu.Unlock()
	return r.Allowed(s, action, resource), ""
}

func (r *rules) Allowed(s *Session, action, resource string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := eventbus.DemoDeployment()
	for _, rule := range r.may[s.Principal.Name] {
		if rule == "*" {
			return true
		}
		for _, arn := range []string{d.ClusterARN(), d.TopicARN("open"), d.GroupARN("open"), d.TransactionalIDARN("open")} {
			if arn == resource && "kafka-cluster:"+rule == action {
				return true
			}
		}
	}
	return false
}

func (r *rules) Revoked(*Session) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.revoked
}

func (r *rules) revoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.revoked)
	r.revoked = make(chan struct{})
}

// bus is a running gateway.
type bus struct {
	*Gateway
	addr    string
	metrics *prometheus.Registry
	stop    func()
}

type setting struct {
	cfg        Config
	auth       Authority
	parts      Parts
	mechanisms []string
	tls        *tls.Config
	advertise  func(int32) (string, int32)
	serve      func(context.Context, string, net.Conn) error
}

func start(t testing.TB, up Upstream, s setting) *bus {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	s.parts.Metrics = reg
	s.parts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	g := New(s.cfg, up, s.auth, s.parts)
	g.memory.spoil = true // what is given back too early shows
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- g.Run(ctx, []Listener{{Name: "test", Net: l, TLS: s.tls, Mechanisms: s.mechanisms, Advertise: s.advertise, Serve: s.serve}})
	}()
	b := &bus{Gateway: g, addr: l.Addr().String(), metrics: reg}
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

// wire is a client that speaks single requests.
type wire struct {
	testing.TB
	net.Conn
	corr int32
}

func (b *bus) dial(t testing.TB) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &wire{TB: t, Conn: conn}
}

func (w *wire) send(req kmsg.Request) {
	w.Helper()
	w.corr++
	if _, err := w.Write(encoded(req, w.corr)); err != nil {
		w.Fatal(err)
	}
}

// encoded is a request as a client sends it.
func encoded(req kmsg.Request, corr int32) []byte {
	b := appendInt32(appendInt16(appendInt16(make([]byte, 4), req.Key()), req.GetVersion()), corr)
	b = appendString(b, "tester")
	if req.IsFlexible() {
		b = append(b, 0)
	}
	return finish(req.AppendTo(b))
}

func (w *wire) receive() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(w, size[:]); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(w, body)
	return body, err
}

// ask sends one request and gives its answer.
func (w *wire) ask(req kmsg.Request) kmsg.Response {
	w.Helper()
	w.send(req)
	return w.answer(req, w.corr)
}

func (w *wire) answer(req kmsg.Request, corr int32) kmsg.Response {
	w.Helper()
	body, err := w.receive()
	if err != nil {
		w.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	r := &reader{src: body}
	if got := r.int32(); got != corr {
		w.Fatalf("%s: correlation id %d, want %d", kmsg.NameForKey(req.Key()), got, corr)
	}
	resp := req.ResponseKind()
	if resp.IsFlexible() && req.Key() != keyAPIVersions {
		r.tags()
	}
	if err := resp.ReadFrom(r.src); err != nil {
		w.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	return resp
}

// cut demands that the gateway closes the connection without another answer.
func (w *wire) cut() {
	w.Helper()
	if b, err := w.receive(); err == nil {
		w.Fatalf("an answer of %d bytes instead of the end", len(b))
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !isReset(err) {
		w.Fatalf("not closed: %v", err)
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// login signs in with the test's rules.
func (w *wire) login(name string) *kmsg.SASLAuthenticateResponse {
	w.Helper()
	hs := kmsg.NewPtrSASLHandshakeRequest()
	hs.Version, hs.Mechanism = 1, MechanismIAM
	if resp := w.ask(hs).(*kmsg.SASLHandshakeResponse); resp.ErrorCode != 0 {
		w.Fatalf("handshake: %d", resp.ErrorCode)
	}
	auth := kmsg.NewPtrSASLAuthenticateRequest()
	auth.Version, auth.SASLAuthBytes = 2, []byte(name)
	return w.ask(auth).(*kmsg.SASLAuthenticateResponse)
}

func (b *bus) client(t testing.TB, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.addr), kgo.RetryTimeout(10 * time.Second)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// batchOf makes an uncompressed record batch.
func batchOf(records ...[]byte) []byte {
	var body []byte
	for _, r := range records {
		body = append(body, r...)
	}
	b := make([]byte, batchHead)
	binary.BigEndian.PutUint32(b[8:], uint32(batchHead-12+len(body)))
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(len(records)-1))
	for i := range 14 {
		b[43+i] = 0xff // no producer id, epoch, sequence
	}
	binary.BigEndian.PutUint32(b[57:], uint32(len(records)))
	b = append(b, body...)
	binary.BigEndian.PutUint32(b[17:], crc(b[21:]))
	return b
}

func recordOf(offset int, value []byte, headers ...string) []byte {
	b := []byte{0, 0}
	b = binary.AppendVarint(b, int64(offset))
	b = binary.AppendVarint(b, -1)
	if value == nil {
		b = binary.AppendVarint(b, -1)
	} else {
		b = append(binary.AppendVarint(b, int64(len(value))), value...)
	}
	b = binary.AppendVarint(b, int64(len(headers)/2))
	for _, h := range headers {
		b = append(binary.AppendVarint(b, int64(len(h))), h...)
	}
	return append(binary.AppendVarint(nil, int64(len(b))), b...)
}

func produceOf(version int16, topic string, id [16]byte, records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, -1, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = topic, id
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = records
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// count reads a counter by the end of its name and one of its labels.
func (b *bus) count(name, label string) (sum float64) {
	families, err := b.metrics.Gather()
	if err != nil {
		return -1
	}
	for _, family := range families {
		if family.GetName() != "eventbus_gateway_"+name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == label {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// quickly demands that do costs no more than the ceiling of one input; a busy
// machine gets two more tries.
func quickly(t *testing.T, size int, do func()) {
	t.Helper()
	const ceiling = 50 * time.Millisecond
	var spent time.Duration
	for range 3 {
		started := time.Now()
		do()
		if spent = time.Since(started); spent <= ceiling {
			return
		}
	}
	t.Fatalf("%d bytes took %s", size, spent)
}
