package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of a Client. The zero value reaches any public address on port 443.
type Config struct {
	AllowHosts    []string       // only these names ("git.example.gov", "*.example.gov"); empty: all
	AllowNetworks []netip.Prefix // networks that may be reached although they are not public (an internal Git server)
	AllowPorts    []uint16       // default 443
	MaxBytes      int64          // of an answer; default 1 MiB
	Timeout       time.Duration  // of a whole exchange; default 5 s
	RootCAs       *x509.CertPool // whose certificates are believed; default the system's
	Resolver      *net.Resolver  // default the system's
}

// Client reaches out under guard. It keeps no connections.
type Client struct {
	cfg  Config
	http *http.Client
}

const maxAddress = 2048 // bytes of a URL

// New makes a Client.
func New(cfg Config) *Client {
	if len(cfg.AllowPorts) == 0 {
		cfg.AllowPorts = []uint16{443}
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 1 << 20
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 5 * time.Second
	}
	dialer := &net.Dialer{Timeout: cfg.Timeout, Resolver: cfg.Resolver, Control: guard(cfg).Safe}
	return &Client{cfg: cfg, http: &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve the name again, unchecked
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
			TLSHandshakeTimeout:    cfg.Timeout,
			ResponseHeaderTimeout:  cfg.Timeout,
			MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives:      true,
			DisableCompression:     true, // else a small answer could unpack to a large one
		},
	}}
}

// guard checks each address as it is dialled: public ones (the registries of
// IANA), the allowed networks, the allowed ports.
func guard(cfg Config) *ssrf.Guardian {
	var four, six []netip.Prefix
	for _, network := range cfg.AllowNetworks {
		if network.Addr().Is4() {
			four = append(four, network)
		} else {
			six = append(six, network)
		}
	}
	return ssrf.New(ssrf.WithPorts(cfg.AllowPorts...), ssrf.WithAllowedV4Prefixes(four...), ssrf.WithAllowedV6Prefixes(six...))
}

// Fetch gets a document, that is text, from an https address. Errors:
// CodeInvalid (the address, a redirect, an answer other than 200, a web page or
// picture), CodeForbidden (an address that must not be reached), CodeTooLarge,
// CodeUnavailable.
func (c *Client) Fetch(ctx context.Context, address string) ([]byte, error) {
	answer, err := c.exchange(ctx, http.MethodGet, address, nil, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "the address answered %d %s; nothing was read", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	if media := answer.Header.Get("Content-Type"); !isDocument(media) {
		return nil, &eventbus.Error{Code: eventbus.CodeInvalid, Message: fmt.Sprintf("the address answers %.60q, not a document; nothing was read", media),
			Next: "give the address of the raw file"}
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, c.cfg.MaxBytes+1))
	switch {
	case err != nil:
		return nil, unreached(err)
	case int64(len(text)) > c.cfg.MaxBytes:
		return nil, eventbus.Errorf(eventbus.CodeTooLarge, "the answer is larger than %d bytes; nothing was kept", c.cfg.MaxBytes)
	}
	return text, nil
}

// isDocument reports whether a media type may be YAML or JSON. Git servers send
// such files as text/plain or application/octet-stream, or do not say.
func isDocument(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch media {
	case "text/plain", "text/yaml", "text/x-yaml", "application/yaml", "application/x-yaml", "application/json", "application/octet-stream":
		return true
	}
	return strings.HasSuffix(media, "+yaml") || strings.HasSuffix(media, "+json")
}

// Post sends a body to an https address; every answer of 2xx is success, its
// body is not read: a receiver that took the message and goes on at length must
// not get it again. Errors as for Fetch, CodeUnavailable also for other answers.
func (c *Client) Post(ctx context.Context, address string, header http.Header, body []byte) error {
	answer, err := c.exchange(ctx, http.MethodPost, address, header, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return eventbus.Errorf(eventbus.CodeUnavailable, "the address answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	return nil
}

// Check tells what is wrong with an address without reaching out.
func (c *Client) Check(address string) error {
	_, err := c.check(address)
	return err
}

func (c *Client) check(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	fault := ""
	switch {
	case err != nil || len(address) > maxAddress || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		fault = "is not an address"
	case u.Scheme != "https" || u.Opaque != "":
		fault = "is not an https address"
	case u.User != nil:
		fault = "carries a user name"
	case u.Hostname() == "" || strings.ContainsAny(u.Host, "%*"):
		fault = "names no host"
	case !c.allowsPort(u.Port()):
		fault = "names a port that is not allowed"
	}
	if fault != "" {
		return nil, eventbus.Invalid("nothing was sent", eventbus.Fault{Path: "url", Message: fault, Fix: "write https://host/path"})
	}
	if !c.allowsHost(u.Hostname()) {
		return nil, prohibited("this host is not on the list of allowed hosts")
	}
	return u, nil
}

// allowsPort compares text: a port written in another way than the usual one
// ("0443") may mean something else to whoever reads the address next.
func (c *Client) allowsPort(port string) bool {
	if port == "" {
		port = "443"
	}
	return slices.ContainsFunc(c.cfg.AllowPorts, func(allowed uint16) bool { return port == strconv.Itoa(int(allowed)) })
}

func (c *Client) allowsHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return len(c.cfg.AllowHosts) == 0 || slices.ContainsFunc(c.cfg.AllowHosts, func(allowed string) bool {
		allowed = strings.ToLower(allowed)
		domain, any := strings.CutPrefix(allowed, "*")
		return host == allowed || any && strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain)
	})
}

// exchange gives the answer; whoever gets it closes its body.
func (c *Client) exchange(ctx context.Context, method, address string, header http.Header, body []byte) (*http.Response, error) {
	u, err := c.check(address)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInvalid, "nothing was sent: %w", err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", "eventbus")
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, unreached(err)
	}
	if answer.StatusCode >= 300 && answer.StatusCode <= 399 {
		answer.Body.Close()
		return nil, &eventbus.Error{Code: eventbus.CodeInvalid, Message: "the address redirects elsewhere; redirects are not followed", Next: "give the final address"}
	}
	return answer, nil
}

// unreached says that it failed, not what the network looks like from here.
func unreached(err error) error {
	for _, cause := range []error{ssrf.ErrProhibitedIP, ssrf.ErrProhibitedPort, ssrf.ErrProhibitedNetwork, ssrf.ErrInvalidHostPort} {
		if errors.Is(err, cause) {
			return prohibited("this address is not public")
		}
	}
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the address could not be reached", Next: "check it, and try again", Err: err}
}

func prohibited(why string) *eventbus.Error {
	return &eventbus.Error{Code: eventbus.CodeForbidden, Message: why + "; nothing was sent", Next: "ask the bus team to allow it"}
}
