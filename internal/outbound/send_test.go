package outbound_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/notify"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

// Both are senders of notify.
var (
	_ notify.Sender = (*outbound.Webhook)(nil)
	_ notify.Sender = (*outbound.Mail)(nil)
)

var at = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func now() time.Time { return at }

var news = eventbus.Notification{ID: "n-1", At: at, To: eventbus.Audience{Team: "claims"}, Subject: "Your turn: Lettre prête", Body: "Request req-1 waits.\n.\nBye", Link: "/requests/req-1"}

// TestWebhook posts the notification, signed, without addresses.
func TestWebhook(t *testing.T) {
	secret := []byte("s3cret")
	status := http.StatusNoContent
	var got struct {
		Type string
		Data struct {
			ID, Subject, Body, Link string
			To                      eventbus.Audience
		}
	}
	c := newCanary(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("n-1." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if r.Header.Get("webhook-id") != "n-1" || r.Header.Get("webhook-timestamp") != fmt.Sprint(at.Unix()) || r.Header.Get("webhook-signature") != want || strings.Contains(string(body), "@") {
			t.Errorf("headers %v, body %s", r.Header, body)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	})
	hook, err := outbound.NewWebhook(c.client(allowLoopback), c.server.URL, secret, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Send(ctx, news, []mail.Address{{Address: "kim@example.org"}}); err != nil {
		t.Fatal(err)
	}
	if got.Type != "eventbus.notification" || got.Data.ID != "n-1" || got.Data.Subject != news.Subject || got.Data.Link != news.Link || got.Data.To != news.To {
		t.Errorf("body = %+v", got)
	}
	for _, status = range []int{http.StatusFound, http.StatusBadRequest, http.StatusInternalServerError} {
		if err := hook.Send(ctx, news, nil); err == nil {
			t.Errorf("an answer of %d counts as taken over", status)
		}
	}
}

// TestWebhookAddress is refused before anything is sent.
// TestWebhookThatAnswersAtLength: who took the message over has it, whatever is
// said after that; it must not come again.
func TestWebhookThatAnswersAtLength(t *testing.T) {
	var taken atomic.Int64
	c := newCanary(t, func(w http.ResponseWriter, _ *http.Request) {
		taken.Add(1)
		_, _ = w.Write(bytes.Repeat([]byte("thanks "), 1<<19))
	})
	hook, err := outbound.NewWebhook(c.client(allowLoopback), c.server.URL, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Send(ctx, news, nil); err != nil || taken.Load() != 1 {
		t.Errorf("%v after %d", err, taken.Load())
	}
}

func TestWebhookAddress(t *testing.T) {
	client := outbound.New(outbound.Config{AllowHosts: []string{"hooks.example.gov"}})
	for address, want := range map[string]eventbus.Code{"https://hooks.example.gov/x": "", "http://hooks.example.gov/x": eventbus.CodeInvalid, "https://evil.example/x": eventbus.CodeForbidden} {
		_, err := outbound.NewWebhook(client, address, nil, nil)
		wantCode(t, err, want)
	}
}

// mailServer speaks as much SMTP as a test needs.
type mailServer struct {
	listener net.Listener
	refuse   map[string]string // command → answer
	tls      *tls.Config       // offers STARTTLS and asks for a password

	mu   sync.Mutex
	talk []string
	data string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{listener: listener, refuse: map[string]string{}}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { defer conn.Close(); s.serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); running.Wait() })
	return s
}

func (s *mailServer) serve(conn net.Conn) {
	lines := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprint(conn, text+"\r\n") }
	say("220 mail.example.org")
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		s.mu.Lock()
		s.talk = append(s.talk, line)
		answer, refused := s.refuse[line]
		s.mu.Unlock()
		switch {
		case refused:
			say(answer)
		case strings.HasPrefix(line, "EHLO") && s.tls != nil:
			say("250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN")
		case line == "STARTTLS":
			say("220 go on")
			conn = tls.Server(conn, s.tls)
			lines = bufio.NewReader(conn)
		case strings.HasPrefix(line, "AUTH"):
			say("235 welcome")
		case strings.HasPrefix(line, "EHLO"):
			say("250 mail.example.org")
		case line == "DATA":
			say("354 go on")
			text := s.read(lines)
			s.mu.Lock()
			s.data = text
			answer, refused := s.refuse["."]
			s.mu.Unlock()
			if refused {
				say(answer)
			} else {
				say("250 taken over")
			}
		default:
			say("250 ok")
		}
	}
}

func (s *mailServer) read(lines *bufio.Reader) string {
	var text strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return text.String()
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (s *mailServer) mail(t *testing.T, change ...func(*outbound.MailConfig)) *outbound.Mail {
	t.Helper()
	cfg := outbound.MailConfig{Server: s.listener.Addr().String(), From: mail.Address{Name: "Event Bus", Address: "bus@example.org"}, Portal: "https://bus.example.org/", Now: now}
	for _, f := range change {
		f(&cfg)
	}
	m, err := outbound.NewMail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var kimAndLee = []mail.Address{{Name: "Kim", Address: "kim@example.org"}, {Name: "Lee\r\nBcc: evil@example.org", Address: "lee@example.org"}}

// TestMail writes one message to all, which mail programs read as it was meant.
func TestMail(t *testing.T) {
	s := newMailServer(t)
	if err := s.mail(t).Send(ctx, news, kimAndLee); err != nil {
		t.Fatal(err)
	}
	message, err := mail.ReadMessage(strings.NewReader(s.data))
	if err != nil {
		t.Fatalf("%v in %s", err, s.data)
	}
	to, err := message.Header.AddressList("To")
	subject, _ := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	body, _ := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil || len(to) != 2 || to[1].Address != "lee@example.org" || message.Header.Get("Bcc") != "" || subject != news.Subject ||
		message.Header.Get("Auto-Submitted") != "auto-generated" || !strings.HasSuffix(message.Header.Get("Message-Id"), "@example.org>") {
		t.Errorf("headers = %v (%v), subject %q", message.Header, err, subject)
	}
	if want := "Request req-1 waits.\r\n.\r\nBye\r\n\r\nhttps://bus.example.org/requests/req-1\r\n"; string(body) != want {
		t.Errorf("body = %q, want %q", body, want)
	}
	first := message.Header.Get("Message-Id")
	if err := s.mail(t).Send(ctx, news, kimAndLee[:1]); err != nil || !strings.Contains(s.data, first) {
		t.Errorf("a double has another Message-ID than %s: %v", first, err)
	}
}

// TestMailByTLS: the password and the message follow STARTTLS; a server that
// nobody vouches for gets neither.
func TestMailByTLS(t *testing.T) {
	c := newCanary(t, hello)
	s := newMailServer(t)
	s.tls = &tls.Config{Certificates: c.server.TLS.Certificates, MinVersion: tls.VersionTLS12}
	login := func(cfg *outbound.MailConfig) { cfg.Username, cfg.Password = "bus", "s3cret" }
	wantCode(t, s.mail(t, login).Send(ctx, news, kimAndLee), eventbus.CodeUnavailable)
	if talk := strings.Join(s.said(), "|"); strings.Contains(talk, "AUTH") || strings.Contains(talk, "MAIL") {
		t.Errorf("a stranger was told %s", talk)
	}
	if err := s.mail(t, login, func(cfg *outbound.MailConfig) { cfg.RootCAs = c.pool }).Send(ctx, news, kimAndLee); err != nil {
		t.Fatal(err)
	}
	talk := strings.Join(s.said(), "|")
	if strings.Index(talk, "STARTTLS") > strings.Index(talk, "AUTH PLAIN") || !strings.Contains(talk, "DATA") {
		t.Errorf("the server was told %s", talk)
	}
}

func (s *mailServer) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.talk)
}

// TestMailInjection: no text of a notification becomes a header or a command.
func TestMailInjection(t *testing.T) {
	s := newMailServer(t)
	evil := news
	evil.Subject, evil.Body = "x\r\nBcc: evil@example.org\r\n\r\nbody", "a\r\n.\r\nRCPT TO:<evil@example.org>\r\n"
	if err := s.mail(t).Send(ctx, evil, kimAndLee); err != nil {
		t.Fatal(err)
	}
	message, err := mail.ReadMessage(strings.NewReader(s.data))
	if err != nil || message.Header.Get("Bcc") != "" || message.Header.Get("Subject") != "x Bcc: evil@example.org body" {
		t.Errorf("headers = %v, %v", message.Header, err)
	}
	for _, line := range s.said() {
		if strings.Contains(line, "evil") {
			t.Errorf("the server was told %q", line)
		}
	}
	if err := s.mail(t).Send(ctx, news, []mail.Address{{Address: "a@example.org>\r\nRCPT TO:<evil@example.org"}}); err == nil {
		t.Error("an address with a line break was sent")
	}
}

// TestMailFailures: what counts as taken over, and what is tried again.
func TestMailFailures(t *testing.T) {
	tests := []struct {
		name   string
		refuse map[string]string
		to     []mail.Address
		want   eventbus.Code
	}{
		{"all well", nil, kimAndLee, ""},
		{"nobody", nil, nil, eventbus.CodeInvalid},
		{"one address refused for good", map[string]string{"RCPT TO:<kim@example.org>": "550 no such user"}, kimAndLee, ""},
		{"all refused for good", map[string]string{"RCPT TO:<kim@example.org>": "550 no such user"}, kimAndLee[:1], eventbus.CodeInvalid},
		{"one address refused for now", map[string]string{"RCPT TO:<lee@example.org>": "451 try later"}, kimAndLee, eventbus.CodeUnavailable},
		{"sender refused", map[string]string{"MAIL FROM:<bus@example.org>": "550 no"}, kimAndLee, eventbus.CodeUnavailable},
		{"message refused", map[string]string{".": "452 full"}, kimAndLee, eventbus.CodeUnavailable},
		{"goodbye lost", map[string]string{"QUIT": "421 gone"}, kimAndLee, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newMailServer(t)
			s.refuse = tt.refuse
			wantCode(t, s.mail(t).Send(ctx, news, tt.to), tt.want)
		})
	}
}

// TestMailServerSilent: the sending ends with its limit.
func TestMailServerSilent(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	m, err := outbound.NewMail(outbound.MailConfig{Server: silent.Addr().String(), From: mail.Address{Address: "bus@example.org"}, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, m.Send(ctx, news, kimAndLee), eventbus.CodeUnavailable)
	silent.Close()
	wantCode(t, m.Send(ctx, news, kimAndLee), eventbus.CodeUnavailable)
}

// TestMailConfig is checked before anything is sent.
func TestMailConfig(t *testing.T) {
	good := outbound.MailConfig{Server: "mail.example.org:587", From: mail.Address{Address: "bus@example.org"}}
	if _, err := outbound.NewMail(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*outbound.MailConfig){
		"no port":        func(c *outbound.MailConfig) { c.Server = "mail.example.org" },
		"no host":        func(c *outbound.MailConfig) { c.Server = ":25" },
		"no sender":      func(c *outbound.MailConfig) { c.From.Address = "" },
		"sender of two":  func(c *outbound.MailConfig) { c.From.Address = "a@example.org, b@example.org" },
		"sender + lines": func(c *outbound.MailConfig) { c.From.Address = "a@example.org\r\nBcc: b@example.org" },
	} {
		cfg := good
		change(&cfg)
		if _, err := outbound.NewMail(cfg); eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
