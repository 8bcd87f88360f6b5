package gateway

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
)

func iamBus(t *testing.T, auth *rules, cfg Config) (*bus, *puppet) {
	t.Helper()
	p := &puppet{requests: make(chan kmsg.Request, 100), answer: func(req kmsg.Request) kmsg.Response { return req.ResponseKind() }}
	return start(t, p, setting{auth: auth, mechanisms: []string{MechanismIAM, MechanismOAuth}, cfg: cfg}), p
}

func handshake(mechanism string, version int16) *kmsg.SASLHandshakeRequest {
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Version, req.Mechanism = version, mechanism
	return req
}

func authenticate(message string, version int16) *kmsg.SASLAuthenticateRequest {
	req := kmsg.NewPtrSASLAuthenticateRequest()
	req.Version, req.SASLAuthBytes = version, []byte(message)
	return req
}

// The dialogue before authentication: what is answered, and what ends it.
func TestLogin(t *testing.T) {
	auth := newRules()
	auth.may["app"] = []string{"*"}
	b, p := iamBus(t, auth, Config{})
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.Version, versions.ClientSoftwareName, versions.ClientSoftwareVersion = 3, "c", "1"
	for version := int16(0); version <= 2; version++ {
		w := b.dial(t)
		w.ask(versions)
		hs := w.ask(handshake(MechanismOAuth, 1)).(*kmsg.SASLHandshakeResponse)
		if hs.ErrorCode != 0 || len(hs.SupportedMechanisms) != 2 {
			t.Errorf("handshake: %+v", hs)
		}
		resp := w.ask(authenticate("app", version)).(*kmsg.SASLAuthenticateResponse)
		if resp.ErrorCode != 0 || string(resp.SASLAuthBytes) != "{}" || version > 0 && resp.SessionLifetimeMillis != time.Hour.Milliseconds() {
			t.Errorf("v%d: %+v", version, resp)
		}
		w.ask(naming(keyFetch, 12, "open", "open"))
		if passed(p) == nil {
			t.Error("a request after the login did not pass")
		}
	}
	for name, tt := range map[string]struct {
		requests []kmsg.Request
		last     int16 // code of the last answer; -1 for none
	}{
		"any request first":          {[]kmsg.Request{naming(3, 9, "open", "open")}, -1},
		"any request after versions": {[]kmsg.Request{versions, naming(0, 9, "open", "open")}, -1},
		"unknown mechanism":          {[]kmsg.Request{handshake("PLAIN", 1)}, errUnsupportedMech},
		"handshake version 0":        {[]kmsg.Request{handshake(MechanismIAM, 0)}, errUnsupportedVersion},
		"no handshake":               {[]kmsg.Request{authenticate("app", 2)}, errIllegalSASLState},
		"refused":                    {[]kmsg.Request{handshake(MechanismIAM, 1), authenticate("stranger", 2)}, errSASLFailed},
		"too large":                  {[]kmsg.Request{handshake(MechanismIAM, 1), authenticate(strings.Repeat("x", maxSASLFrame), 2)}, -1},
		"versions for ever":          {[]kmsg.Request{versions, versions, versions, versions, versions, versions, versions, versions}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.dial(t)
			var code int16
			for i, req := range tt.requests {
				if i == len(tt.requests)-1 && tt.last == -1 {
					w.send(req)
					code = -1
					continue
				}
				switch resp := w.ask(req).(type) {
				case *kmsg.SASLHandshakeResponse:
					code = resp.ErrorCode
				case *kmsg.SASLAuthenticateResponse:
					code = resp.ErrorCode
					if resp.ErrorMessage != nil && strings.Contains(*resp.ErrorMessage, "stranger") {
						t.Errorf("the client learns %q", *resp.ErrorMessage)
					}
				}
			}
			if code != tt.last {
				t.Errorf("code %d, want %d", code, tt.last)
			}
			w.cut()
			if req := passed(p); req != nil {
				t.Errorf("the engine saw %+v", req)
			}
		})
	}
}

// Re-authentication (KIP-368): the same role under a new session name is the
// same identity; another principal or mechanism is not.
func TestReauthentication(t *testing.T) {
	auth := newRules()
	auth.may["app"], auth.may["other"] = []string{"*"}, []string{"*"}
	b, _ := iamBus(t, auth, Config{})
	w := b.dial(t)
	for _, session := range []string{"first", "second", "third"} {
		auth.mu.Lock()
		auth.session = session
		auth.mu.Unlock()
		if resp := w.login("app"); resp.ErrorCode != 0 {
			t.Fatalf("session %s: %d %s", session, resp.ErrorCode, *resp.ErrorMessage)
		}
		w.ask(naming(keyFetch, 12, "open", "open"))
	}
	resp := w.login("other")
	if resp.ErrorCode != errSASLFailed || !regexp.MustCompile(`^\[[0-9a-f]{8}-[0-9a-f-]{27}\]: Access denied$`).MatchString(*resp.ErrorMessage) {
		t.Errorf("another principal: %d %v", resp.ErrorCode, resp.ErrorMessage)
	}
	w.cut()
	w = b.dial(t)
	w.login("app")
	w.ask(handshake(MechanismOAuth, 1))
	if resp := w.ask(authenticate("app", 2)).(*kmsg.SASLAuthenticateResponse); resp.ErrorCode != errSASLFailed {
		t.Errorf("another mechanism: %d", resp.ErrorCode)
	}
	w.cut()
}

// A session ends with its credential, although clients are never told less than
// a minute; re-authentication in time keeps the connection.
func TestSessionLifetime(t *testing.T) {
	clock := clocktest.At(time.Now())
	auth := newRules()
	auth.may["app"] = []string{"*"}
	auth.expires = clock.Now().Add(10 * time.Second)
	b, p := iamBus(t, auth, Config{Now: clock.Now})
	short, renewed := b.dial(t), b.dial(t)
	if resp := short.login("app"); resp.SessionLifetimeMillis != 60_000 {
		t.Errorf("told %d ms", resp.SessionLifetimeMillis)
	}
	renewed.login("app")
	auth.mu.Lock()
	auth.expires = clock.Now().Add(10 * time.Minute)
	auth.mu.Unlock()
	if resp := renewed.login("app"); resp.SessionLifetimeMillis != 600_000 {
		t.Errorf("told %d ms", resp.SessionLifetimeMillis)
	}
	clock.Advance(11 * time.Second)
	renewed.ask(naming(keyFetch, 12, "open", "open"))
	passed(p)
	short.send(produceOf(9, "open", [16]byte{}, batchOf(recordOf(0, nil))))
	short.cut()
	if req := passed(p); req != nil {
		t.Errorf("the engine saw %+v after the session's end", req)
	}
}

// Logins over the rate get MSK's other text.
func TestLoginRate(t *testing.T) {
	clock := clocktest.At(time.Now()) // stands still: no token comes back
	auth := newRules()
	auth.may["app"] = []string{"*"}
	b, _ := iamBus(t, auth, Config{LoginsPerSecond: 1, Now: clock.Now})
	for range 2 {
		if resp := b.dial(t).login("app"); resp.ErrorCode != 0 {
			t.Fatalf("within the burst: %d", resp.ErrorCode)
		}
	}
	b.logins.reserve() // one client waits
	if resp := b.dial(t).login("app"); resp.ErrorCode != errSASLFailed || !strings.HasSuffix(*resp.ErrorMessage, "]: Too many connects") {
		t.Errorf("over the rate: %d %v", resp.ErrorCode, resp.ErrorMessage)
	}
}

// A client that does not sign in in time is cut, however busily it dribbles.
func TestHandshakeTimeout(t *testing.T) {
	b, _ := iamBus(t, newRules(), Config{HandshakeTimeout: 300 * time.Millisecond})
	w := b.dial(t)
	go func() {
		for {
			if _, err := w.Write([]byte{0}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	w.cut()
}

// A PLAINTEXT door has no login: SASL is an illegal state there.
func TestPlaintextHasNoLogin(t *testing.T) {
	b := start(t, newEngine(t), setting{})
	w := b.dial(t)
	if resp := w.ask(handshake(MechanismIAM, 1)).(*kmsg.SASLHandshakeResponse); resp.ErrorCode != errIllegalSASLState {
		t.Errorf("code %d", resp.ErrorCode)
	}
	w.cut()
}

func selfSigned(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// Plain bytes at a TLS door end the connection.
func TestPlainBytesAtATLSDoor(t *testing.T) {
	server, _ := selfSigned(t)
	b := start(t, newEngine(t), setting{tls: server, auth: newRules(), mechanisms: []string{MechanismIAM}})
	w := b.dial(t)
	w.send(kmsg.NewPtrApiVersionsRequest())
	if body, err := w.receive(); err == nil {
		t.Errorf("answered % x", body)
	}

}

// recorded is an authority that keeps the gateway's own refusals.
type recorded struct {
	*rules
	kept []string
}

func (r *recorded) keep(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = append(r.kept, what)
}

func (r *recorded) TooManyConnects(_ context.Context, _, listener string) error {
	r.keep("too many on " + listener)
	return eventbus.Errorf(eventbus.CodeLimited, "[recorded]: Too many connects")
}

func (r *recorded) ChangedIdentity(_ context.Context, s *Session, _ Attempt, reason string) error {
	r.keep(s.Principal.Name + ": " + reason)
	return eventbus.Errorf(eventbus.CodeUnauthenticated, "[recorded]: Access denied")
}

// An authority that is a Recorder words and keeps the gateway's own refusals.
func TestRecorder(t *testing.T) {
	clock := clocktest.At(time.Now()) // stands still: no token comes back
	auth := &recorded{rules: newRules()}
	auth.may["app"], auth.may["other"] = []string{"*"}, []string{"*"}
	b := start(t, &puppet{}, setting{auth: auth, mechanisms: []string{MechanismIAM, MechanismOAuth}, cfg: Config{LoginsPerSecond: 1, Now: clock.Now}})
	w, second := b.dial(t), b.dial(t)
	w.login("app")
	second.login("app")
	if resp := w.login("other"); *resp.ErrorMessage != "[recorded]: Access denied" {
		t.Errorf("changed: %s", *resp.ErrorMessage)
	}
	second.ask(handshake(MechanismOAuth, 1))
	if resp := second.ask(authenticate("app", 2)).(*kmsg.SASLAuthenticateResponse); *resp.ErrorMessage != "[recorded]: Access denied" {
		t.Errorf("changed: %s", *resp.ErrorMessage)
	}
	b.logins.reserve() // one client waits
	if resp := b.dial(t).login("app"); *resp.ErrorMessage != "[recorded]: Too many connects" {
		t.Errorf("over the rate: %s", *resp.ErrorMessage)
	}
	auth.mu.Lock()
	defer auth.mu.Unlock()
	if len(auth.kept) != 3 || !strings.Contains(auth.kept[0], "assumed-role/other") || !strings.Contains(auth.kept[1], "with OAUTHBEARER") || !strings.HasPrefix(auth.kept[2], "too many on ") {
		t.Errorf("kept %q", auth.kept)
	}
}

// A clock that is set back locks nobody out.
func TestLoginRateWhenTheClockIsSetBack(t *testing.T) {
	clock := clocktest.At(time.Now())
	b := newBucket(1, clock.Now)
	clock.Advance(-time.Hour)
	if wait, ok := b.reserve(); !ok || wait > 0 {
		t.Errorf("wait %v, %v", wait, ok)
	}
}
