package outbound_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

var ctx = context.Background()

// canary is a server on this machine that nobody may reach; it counts who comes
// as far as a connection.
type canary struct {
	server *httptest.Server
	port   uint16
	pool   *x509.CertPool
	seen   *atomic.Int64
}

func newCanary(t *testing.T, handler http.HandlerFunc) canary {
	t.Helper()
	c := canary{seen: &atomic.Int64{}, pool: x509.NewCertPool()}
	c.server = httptest.NewUnstartedServer(handler)
	c.server.Listener = counting{c.server.Listener, c.seen}
	c.server.Config.ErrorLog = nil
	c.server.StartTLS()
	t.Cleanup(c.server.Close)
	c.pool.AddCert(c.server.Certificate())
	c.port = netip.MustParseAddrPort(c.server.Listener.Addr().String()).Port()
	return c
}

type counting struct {
	net.Listener
	seen *atomic.Int64
}

func (c counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.seen.Add(1)
	}
	return conn, err
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// client reaches the canary's port, but its address only when loopback is
// allowed: so that it is the address that is refused, not the port.
func (c canary) client(change ...func(*outbound.Config)) *outbound.Client {
	cfg := outbound.Config{AllowPorts: []uint16{443, c.port}, RootCAs: c.pool}
	for _, f := range change {
		f(&cfg)
	}
	return outbound.New(cfg)
}

func allowLoopback(cfg *outbound.Config) {
	cfg.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

func wantCode(t *testing.T, err error, want eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != want {
		t.Errorf("error = %v, its code %q, want %q", err, got, want)
	}
}

// spellings of addresses that must not be reached; PORT is the canary's.
var spellings = []string{
	// loopback
	"https://127.0.0.1:PORT/", "https://127.0.0.2:PORT/", "https://127.255.255.254:PORT/", "https://localhost:PORT/", "https://LOCALHOST:PORT/", "https://localhost.:PORT/", "https://[::1]:PORT/",
	"https://[0:0:0:0:0:0:0:1]:PORT/", "https://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/", "https://0.0.0.0:PORT/", "https://[::]:PORT/",
	// IPv4 inside IPv6
	"https://[::ffff:127.0.0.1]:PORT/", "https://[::ffff:7f00:1]:PORT/", "https://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", "https://[::127.0.0.1]:PORT/", "https://[64:ff9b::127.0.0.1]:PORT/", "https://[64:ff9b::7f00:1]:PORT/",
	"https://[64:ff9b:1::7f00:1]:PORT/", "https://[2002:7f00:1::]:PORT/", "https://[2001::7f00:1]:PORT/", "https://[::ffff:0:127.0.0.1]:PORT/", "https://[::ffff:169.254.169.254]:PORT/",
	// other ways to write a number
	"https://127.1:PORT/", "https://127.0.1:PORT/", "https://2130706433:PORT/", "https://0x7f000001:PORT/", "https://0x7f.0x0.0x0.0x1:PORT/", "https://0x7f.1:PORT/", "https://0177.0.0.1:PORT/", "https://017700000001:PORT/",
	"https://0177.0.0.01:PORT/", "https://127.000.000.001:PORT/", "https://127.0.0.1.:PORT/", "https://0:PORT/", "https://00000000:PORT/", "https://１２７.0.0.1:PORT/", "https://127。0。0。1:PORT/", "https://①②⑦.0.0.1:PORT/",
	"https://%31%32%37.0.0.1:PORT/", "https://127.0.0.1%00.example.org:PORT/", "https://127.0.0.1%2eexample.org:PORT/",
	// metadata, link-local and private networks
	"https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/latest/", "https://2852039166/", "https://0xa9fea9fe/", "https://169.254.170.2/v2/credentials", "https://100.100.100.200/",
	"https://10.0.0.1/", "https://172.16.0.1/", "https://192.168.0.1/", "https://100.64.0.1/", "https://[fe80::1]/", "https://[fe80::1%25lo]/", "https://[fc00::1]/", "https://[fec0::1]/", "https://192.0.0.1/", "https://198.18.0.1/",
	"https://224.0.0.1/", "https://255.255.255.255/", "https://240.0.0.1/", "https://192.0.2.1/", "https://[ff02::1]/", "https://[2001:db8::1]/", "https://[100::1]/", "https://0.0.0.1/",
	// names that somebody else made for them
	"https://loopback.test:PORT/", "https://mapped.test:PORT/", "https://private.test:PORT/", "https://metadata.test/", "https://both.test:PORT/", "https://alias.test:PORT/", "https://six.test:PORT/", "https://zero.test:PORT/",
	// other schemes, users, ports and forms
	"http://127.0.0.1:PORT/", "http://example.org/", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_x", "ftp://127.0.0.1:PORT/", "dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/", "unix:///var/run/docker.sock", "data:text/plain,x",
	"jar:https://127.0.0.1:PORT/!/", "https:127.0.0.1:PORT/", "https:/127.0.0.1:PORT/", "https:///127.0.0.1:PORT/", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "", "https://", "https://:PORT/", "https://?@127.0.0.1:PORT/", "https://#@127.0.0.1:PORT/",
	"https://example.org@127.0.0.1:PORT/", "https://user:pass@127.0.0.1:PORT/", "https://127.0.0.1:PORT@example.org:22/", "https://127.0.0.1:22/", "https://127.0.0.1:9092/", "https://127.0.0.1:0/", "https://127.0.0.1:65536/", "https://127.0.0.1:0PORT/", "https://0:0443", "https://127.0.0.1:-1/",
	"https://127.0.0.1:PORT\\@example.org/", "https://example.org\\@127.0.0.1:PORT/", "https://127.0.0.1\t:PORT/", "https://127.0.0.1:PORT/\r\nHost: x", " https://127.0.0.1:PORT/", "\x00https://127.0.0.1:PORT/", "https://[127.0.0.1]:PORT/", "https://[::1:PORT/",
	"https://127.0.0.1:PORT/" + strings.Repeat("a", 3000),
}

// TestNothingReachesTheCanary tries every spelling: none gets as far as a
// connection, and all are refused in a way that a person understands.
func TestNothingReachesTheCanary(t *testing.T) {
	c := newCanary(t, hello)
	names := nameServer(t)
	client := c.client(func(cfg *outbound.Config) { cfg.Resolver = names.resolver() })
	for _, spelling := range spellings {
		address := strings.ReplaceAll(spelling, "PORT", fmt.Sprint(c.port))
		body, err := client.Fetch(ctx, address)
		switch eventbus.CodeOf(err) {
		case eventbus.CodeInvalid, eventbus.CodeForbidden, eventbus.CodeUnavailable: // the last: no such name
		default:
			t.Errorf("Fetch(%q) = %q, %v", address, body, err)
		}
		if c.seen.Swap(0) != 0 {
			t.Errorf("Fetch(%q) reached the canary", address)
		}
		if err := client.Post(ctx, address, nil, []byte("x")); err == nil || c.seen.Swap(0) != 0 {
			t.Errorf("Post(%q) = %v", address, err)
		}
	}
	if len(spellings) < 60 {
		t.Errorf("%d spellings, want 60 at least", len(spellings))
	}
	if body, err := c.client(allowLoopback).Fetch(ctx, c.server.URL); err != nil || string(body) != "hello" || c.seen.Load() == 0 {
		t.Fatalf("the canary is dead: %q, %v", body, err)
	}
}

// TestForbiddenAddresses: these are refused for what they are, not by chance.
func TestForbiddenAddresses(t *testing.T) {
	c := newCanary(t, hello)
	names := nameServer(t)
	client := c.client(func(cfg *outbound.Config) { cfg.Resolver = names.resolver() })
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "[fd00:ec2::254]", "[64:ff9b::7f00:1]", "0.0.0.0", "loopback.test", "mapped.test", "metadata.test", "alias.test", "six.test"} {
		_, err := client.Fetch(ctx, fmt.Sprintf("https://%s:%d/", host, c.port))
		wantCode(t, err, eventbus.CodeForbidden)
		if err != nil && (strings.Contains(err.Error(), "127.") || strings.Contains(err.Error(), "169.254")) {
			t.Errorf("the message tells what the name stands for: %v", err)
		}
	}
}

// TestRebinding: a name that stands for an allowed address first and for this
// machine afterwards is checked each time, at the moment of dialling.
func TestRebinding(t *testing.T) {
	c := newCanary(t, hello)
	names := nameServer(t)
	client := c.client(func(cfg *outbound.Config) {
		cfg.Resolver = names.resolver()
		cfg.AllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.3/32")}
		cfg.Timeout = 2 * time.Second
	})
	address := fmt.Sprintf("https://rebinding.test:%d/", c.port)
	_, err := client.Fetch(ctx, address) // 127.0.0.3 may be dialled; nobody listens there
	wantCode(t, err, eventbus.CodeUnavailable)
	for range 3 {
		_, err = client.Fetch(ctx, address)
		wantCode(t, err, eventbus.CodeForbidden)
	}
	if n := c.seen.Load(); n != 0 {
		t.Errorf("%d connections reached the canary", n)
	}
}

// TestAnswers: what may come back, and what may not.
func TestAnswers(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	c := newCanary(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ok":
			if r.Header.Get("User-Agent") != "eventbus" || r.Header.Get("Accept-Encoding") != "" {
				w.WriteHeader(http.StatusTeapot)
			}
			hello(w, r)
		case "/full":
			_, _ = w.Write(make([]byte, 1000))
		case "/large":
			_, _ = w.Write(make([]byte, 1001))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		case "/header":
			w.Header().Set("X", strings.Repeat("x", 128<<10))
		case "/away":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/", http.StatusMovedPermanently)
		case "/slow":
			<-release
		default:
			http.NotFound(w, r)
		}
	})
	client := c.client(allowLoopback, func(cfg *outbound.Config) { cfg.MaxBytes, cfg.Timeout = 1000, 2*time.Second })
	for path, want := range map[string]eventbus.Code{"/ok": "", "/full": "", "/large": eventbus.CodeTooLarge, "/endless": eventbus.CodeTooLarge, "/header": eventbus.CodeUnavailable,
		"/away": eventbus.CodeInvalid, "/inside": eventbus.CodeInvalid, "/missing": eventbus.CodeInvalid} {
		_, err := client.Fetch(ctx, c.server.URL+path)
		if got := eventbus.CodeOf(err); got != want {
			t.Errorf("%s: code %q (%v), want %q", path, got, err, want)
		}
	}
	quick := c.client(allowLoopback, func(cfg *outbound.Config) { cfg.Timeout = 50 * time.Millisecond })
	_, err := quick.Fetch(ctx, c.server.URL+"/slow")
	wantCode(t, err, eventbus.CodeUnavailable)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = client.Fetch(gone, c.server.URL+"/ok")
	wantCode(t, err, eventbus.CodeUnavailable)
}

// TestContentTypes: what a Git server sends for a file is read; a page about it
// is not.
func TestContentTypes(t *testing.T) {
	c := newCanary(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = r.URL.Query()["type"] // nil: net/http sniffs nothing
		_, _ = io.WriteString(w, "kind: Event")
	})
	client := c.client(allowLoopback)
	for media, want := range map[string]eventbus.Code{
		"text/plain": "", "text/plain; charset=utf-8": "", "application/yaml": "", "text/x-yaml": "", "application/json": "", "application/octet-stream": "", "application/schema+json": "", "": "",
		"text/html": eventbus.CodeInvalid, "text/html; charset=utf-8": eventbus.CodeInvalid, "image/png": eventbus.CodeInvalid, "application/zip": eventbus.CodeInvalid, "text/plain; =": eventbus.CodeInvalid,
	} {
		_, err := client.Fetch(ctx, c.server.URL+"/?type="+url.QueryEscape(media))
		if got := eventbus.CodeOf(err); got != want {
			t.Errorf("%q: code %q (%v), want %q", media, got, err, want)
		}
	}
}

// TestCertificate: one that nobody vouches for is not believed.
func TestCertificate(t *testing.T) {
	c := newCanary(t, hello)
	_, err := outbound.New(outbound.Config{AllowPorts: []uint16{c.port}, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, RootCAs: x509.NewCertPool()}).Fetch(ctx, c.server.URL)
	wantCode(t, err, eventbus.CodeUnavailable)
	if old, err := tls.Dial("tcp", c.server.Listener.Addr().String(), &tls.Config{RootCAs: c.pool, MaxVersion: tls.VersionTLS11}); err == nil { //nolint:gosec // that it fails is the point
		old.Close()
		t.Error("the test server speaks TLS 1.1")
	}
}

// proxy is named by the environment of all these tests: net/http reads it once.
var proxy = canary{seen: &atomic.Int64{}}

func TestMain(m *testing.M) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(hello))
	server.Listener = counting{server.Listener, proxy.seen}
	server.Start()
	proxy.port = netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		os.Setenv(name, server.URL)
	}
	code := m.Run()
	server.Close()
	os.Exit(code)
}

// TestNoProxy: a proxy from the environment would resolve names unchecked; even
// where it could be reached it is not asked.
func TestNoProxy(t *testing.T) {
	client := outbound.New(outbound.Config{AllowPorts: []uint16{443, proxy.port}, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	_, err := client.Fetch(ctx, "https://10.0.0.1/")
	wantCode(t, err, eventbus.CodeForbidden)
	if proxy.seen.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

// TestAllowHosts is the rule of the list of names.
func TestAllowHosts(t *testing.T) {
	client := outbound.New(outbound.Config{AllowHosts: []string{"git.example.gov", "*.Data.example.gov"}})
	for host, want := range map[string]eventbus.Code{
		"git.example.gov": "", "GIT.example.gov": "", "git.example.gov.": "", "a.data.example.gov": "", "a.b.data.example.gov": "",
		"data.example.gov": eventbus.CodeForbidden, "evildata.example.gov": eventbus.CodeForbidden, "git.example.gov.evil.example": eventbus.CodeForbidden,
		"xgit.example.gov": eventbus.CodeForbidden, "example.gov": eventbus.CodeForbidden, "127.0.0.1": eventbus.CodeForbidden, "*.data.example.gov": eventbus.CodeInvalid,
	} {
		u := url.URL{Scheme: "https", Host: host, Path: "/"}
		if got := eventbus.CodeOf(client.Check(u.String())); got != want {
			t.Errorf("%s: code %q, want %q", host, got, want)
		}
	}
}

// FuzzCheck: no text that is typed takes the check down, and what passes is
// https to an allowed port.
func FuzzCheck(f *testing.F) {
	for _, spelling := range spellings {
		f.Add(strings.ReplaceAll(spelling, "PORT", "443"))
	}
	client := outbound.New(outbound.Config{})
	f.Fuzz(func(t *testing.T, address string) {
		if client.Check(address) != nil {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Port() != "" && u.Port() != "443" {
			t.Errorf("%q passes", address)
		}
	})
}

// names answers questions about names under .test, on loopback.
type names struct {
	conn  net.PacketConn
	mu    sync.Mutex
	asked int // about rebinding.test
}

func nameServer(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn}
	done := make(chan struct{})
	go func() { defer close(done); n.serve() }()
	t.Cleanup(func() { conn.Close(); <-done })
	return n
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", n.conn.LocalAddr().String())
	}}
}

func (n *names) serve() {
	packet := make([]byte, 1500)
	for {
		size, from, err := n.conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if answer, err := n.answer(packet[:size]); err == nil {
			_, _ = n.conn.WriteTo(answer, from)
		}
	}
}

// four and six are what the names stand for.
var (
	four = map[string][]string{"loopback.test.": {"127.0.0.1"}, "private.test.": {"10.0.0.1"}, "metadata.test.": {"169.254.169.254"}, "both.test.": {"10.0.0.1", "127.0.0.1"}, "alias.test.": {"127.0.0.1"}, "zero.test.": {"0.0.0.0"}}
	six  = map[string][]string{"mapped.test.": {"::ffff:127.0.0.1"}, "both.test.": {"::1"}, "six.test.": {"::1"}}
)

func (n *names) answer(packet []byte) ([]byte, error) {
	var question dnsmessage.Message
	if err := question.Unpack(packet); err != nil || len(question.Questions) != 1 {
		return nil, fmt.Errorf("no question: %w", err)
	}
	q := question.Questions[0]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: question.ID, Response: true, Authoritative: true}, Questions: question.Questions}
	for _, text := range n.lookup(q) {
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET}
		var body dnsmessage.ResourceBody
		if address := netip.MustParseAddr(text); q.Type == dnsmessage.TypeA {
			body = &dnsmessage.AResource{A: address.As4()}
		} else {
			body = &dnsmessage.AAAAResource{AAAA: address.As16()}
		}
		answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: body})
	}
	if len(answer.Answers) == 0 && four[q.Name.String()] == nil && six[q.Name.String()] == nil && q.Name.String() != "rebinding.test." {
		answer.RCode = dnsmessage.RCodeNameError
	}
	return answer.Pack()
}

func (n *names) lookup(q dnsmessage.Question) []string {
	name := strings.ToLower(q.Name.String())
	switch {
	case q.Type == dnsmessage.TypeAAAA:
		return six[name]
	case q.Type != dnsmessage.TypeA:
		return nil
	case name != "rebinding.test.":
		return four[name]
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	if n.asked == 1 {
		return []string{"127.0.0.3"}
	}
	return []string{"127.0.0.1"}
}
