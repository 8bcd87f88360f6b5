package outbound

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// MailConfig of a Mail: the agency's own mail server, named by whoever runs the
// bus and therefore not under the guard of Client.
type MailConfig struct {
	Server   string // host:port
	From     mail.Address
	Portal   string // address of the portal, before links
	Username string // empty: without authentication
	Password string

	Plain   bool           // allow a server without STARTTLS; else only on loopback. Never with a password beyond loopback
	RootCAs *x509.CertPool // default the system's
	Timeout time.Duration  // default 5 s
	Now     func() time.Time
}

// Mail sends notifications by SMTP, one message for all addresses.
type Mail struct {
	cfg  MailConfig
	host string
}

// NewMail makes a Mail. Errors: CodeInvalid.
func NewMail(cfg MailConfig) (*Mail, error) {
	host, _, err := net.SplitHostPort(cfg.Server)
	if err != nil || host == "" {
		return nil, eventbus.Invalid("mail is not set up", eventbus.Fault{Path: "server", Message: "is not host:port"})
	}
	if from, err := mail.ParseAddress(cfg.From.Address); err != nil || from.Address != cfg.From.Address {
		return nil, eventbus.Invalid("mail is not set up", eventbus.Fault{Path: "from", Message: "is not a mail address"})
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Mail{cfg: cfg, host: host}, nil
}

// Send sends the notification to all addresses. It is done when the server took
// the message over for at least one of them: addresses that the server refuses
// for good are not waited for. Errors: CodeInvalid when there is no address or
// all are refused, CodeUnavailable.
func (m *Mail) Send(ctx context.Context, n eventbus.Notification, to []mail.Address) error {
	if len(to) == 0 {
		return eventbus.Errorf(eventbus.CodeInvalid, "nobody in the audience has a known mail address")
	}
	client, closing, err := m.connect(ctx)
	if err != nil {
		return noMail(err)
	}
	defer closing()
	if err := client.Mail(m.cfg.From.Address); err != nil {
		return noMail(err)
	}
	accepted, err := recipients(client, to)
	if err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return noMail(err)
	}
	if _, err := data.Write(m.message(n, accepted)); err != nil {
		return noMail(err)
	}
	if err := data.Close(); err != nil { // here the server takes over, or not
		return noMail(err)
	}
	_ = client.Quit() // taken over already
	return nil
}

// recipients names the addresses to the server and gives those it took.
func recipients(client *smtp.Client, to []mail.Address) ([]mail.Address, error) {
	var accepted []mail.Address
	for _, address := range to {
		err := client.Rcpt(address.Address)
		var answer *textproto.Error
		if errors.As(err, &answer) && answer.Code >= 500 {
			continue
		}
		if err != nil {
			return nil, noMail(err)
		}
		accepted = append(accepted, address)
	}
	if len(accepted) == 0 {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the mail server refuses every address of the audience")
	}
	return accepted, nil
}

// connect greets the server, by TLS unless it may be without.
func (m *Mail) connect(ctx context.Context) (*smtp.Client, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	dialer := &net.Dialer{}
	conn, err := dialer.DialContext(ctx, "tcp", m.cfg.Server)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	unhook := context.AfterFunc(ctx, func() { _ = conn.Close() }) // net/smtp knows no contexts
	closing := func() { unhook(); cancel(); _ = conn.Close() }
	client, err := smtp.NewClient(conn, m.host)
	if err == nil {
		err = m.secure(client, conn)
	}
	if err != nil {
		closing()
		return nil, nil, err
	}
	return client, closing, nil
}

func (m *Mail) secure(client *smtp.Client, conn net.Conn) error {
	if offered, _ := client.Extension("STARTTLS"); offered {
		if err := client.StartTLS(&tls.Config{ServerName: m.host, MinVersion: tls.VersionTLS12, RootCAs: m.cfg.RootCAs}); err != nil {
			return err
		}
	} else if !m.cfg.Plain && !local(conn) {
		return errors.New("the mail server does not offer STARTTLS")
	}
	if m.cfg.Username == "" {
		return nil
	}
	return client.Auth(smtp.PlainAuth("", m.cfg.Username, m.cfg.Password, m.host)) // refuses to send a password in the clear
}

func local(conn net.Conn) bool {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return err == nil && remote.Addr().Unmap().IsLoopback()
}

// message writes the mail (RFC 5322). Its Message-ID is that of the
// notification, so that mail programs show doubles once; Auto-Submitted keeps
// absence notes away (RFC 3834).
func (m *Mail) message(n eventbus.Notification, to []mail.Address) []byte {
	var b bytes.Buffer
	names := make([]string, len(to))
	for i, address := range to {
		names[i] = address.String()
	}
	sum := sha256.Sum256([]byte(n.ID))
	_, domain, _ := strings.Cut(m.cfg.From.Address, "@")
	for _, line := range [][2]string{
		{"From", m.cfg.From.String()},
		{"To", strings.Join(names, ",\r\n ")},
		{"Subject", mime.QEncoding.Encode("utf-8", oneLine(n.Subject))},
		{"Date", m.cfg.Now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + hex.EncodeToString(sum[:16]) + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", line[0], line[1])
	}
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	text := n.Body + "\n"
	if n.Link != "" && m.cfg.Portal != "" {
		text += "\n" + strings.TrimSuffix(m.cfg.Portal, "/") + n.Link + "\n"
	}
	_, _ = body.Write([]byte(text)) // a buffer takes everything
	_ = body.Close()
	return b.Bytes()
}

// oneLine keeps a text from becoming further headers.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)), " ")
}

func noMail(err error) error {
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the mail server did not take the message", Next: "it is tried again", Err: err}
}
