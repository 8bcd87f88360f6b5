package server

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

// TestNotificationsLeaveTheBus: one notification goes to the people concerned by
// mail and to the webhook, once each.
func TestNotificationsLeaveTheBus(t *testing.T) {
	posted, mailed := make(chan string, 8), make(chan string, 8)
	hook := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a cut body is no message
		posted <- r.Header.Get("webhook-id") + " " + strconv.FormatBool(r.Header.Get("webhook-signature") != "") + " " + string(body)
	}))
	t.Cleanup(hook.Close)
	at, err := url.Parse(hook.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(at.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(hook.Certificate())
	p := startProduction(t, func(c *Config) {
		c.Fetch = outbound.Config{AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowPorts: []uint16{uint16(port)}, RootCAs: trusted}
		c.Webhook = &Webhook{Address: hook.URL, Secret: []byte("a secret of the tests")}
		c.Mail = &outbound.MailConfig{Server: mailServer(t, mailed), From: mail.Address{Address: "bus@example.org"}}
	})
	person := eventbus.Person{ID: "cory", Name: "Cory", Email: "cory@example.org", Teams: []string{"claims"}}
	if err := p.store.SavePerson(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	if _, err := p.iam.CreateUser(t.Context(), eventbus.Actor{System: "test"}, eventbus.IAMUser{Name: "partner"}); err != nil {
		t.Fatal(err)
	}
	offer := eventbus.KeyOffer{User: "partner", KeyID: "AKIAPARTNER", Team: "claims", OfferedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	if err := p.offers.own.Offer(t.Context(), offer); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		came chan string
		want string
	}{{posted, "key-offer-AKIAPARTNER true"}, {mailed, "RCPT TO:<cory@example.org>"}} {
		select {
		case got := <-c.came:
			if !strings.Contains(got, c.want) || !strings.Contains(got, "A key of partner waits for you") || !strings.Contains(got, "/keys/partner") {
				t.Errorf("%q does not say %q", got, c.want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("nothing came that says %q", c.want)
		}
	}
	pending, err := p.store.PendingDeliveries(t.Context(), channelMail, 10)
	if err != nil || len(pending)+len(posted)+len(mailed) != 0 {
		t.Errorf("%d more posts, %d more mails, %d waiting, %v", len(posted), len(mailed), len(pending), err)
	}
}

// mailServer takes mail (RFC 5321) on loopback and gives each conversation.
func mailServer(t *testing.T, mailed chan<- string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				mailed <- converse(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// converse says yes to everything until the client leaves, and gives what it said.
func converse(conn net.Conn) string {
	var said strings.Builder
	fmt.Fprint(conn, "220 mail of the tests\r\n")
	inData := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		said.WriteString(line + "\n")
		switch {
		case inData && line != ".":
			continue
		case line == "DATA":
			inData = true
			fmt.Fprint(conn, "354 go on\r\n")
			continue
		case line == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return said.String()
		}
		inData = false
		fmt.Fprint(conn, "250 fine\r\n")
	}
	return said.String()
}
