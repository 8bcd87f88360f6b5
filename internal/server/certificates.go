package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// certificatesEvery is how soon a renewed certificate is used.
const certificatesEvery = time.Second

// certificateFiles are the certificates of `serve`. They are read again, without
// a restart, when a file has changed; while the new ones do not fit (a key that is
// not the certificate's, half a file) the old ones stay in use.
type certificateFiles struct {
	files []CertificateFiles
	log   *slog.Logger
	now   func() time.Time

	mu      sync.Mutex
	loaded  []tls.Certificate
	stamps  []fileStamp
	checked time.Time
}

// fileStamp tells one content of a file from the next.
type fileStamp struct {
	changed time.Time
	size    int64
}

// openCertificates reads the certificates of the configuration; nil when it names
// none.
func openCertificates(cfg Config) (*certificateFiles, error) {
	if len(cfg.Certificates) == 0 {
		return nil, nil
	}
	c := &certificateFiles{files: cfg.Certificates, log: cfg.Logger, now: cfg.Now}
	stamps, err := c.look()
	if err == nil {
		c.loaded, err = c.read()
	}
	if err != nil {
		return nil, &eventbus.Error{Code: eventbus.CodeInvalid, Message: "the certificates cannot be used", Err: err,
			Next: "see that tls.certificates names PEM files that belong together and that this user may read"}
	}
	c.stamps, c.checked = stamps, c.now()
	return c, nil
}

func (c *certificateFiles) look() ([]fileStamp, error) {
	var stamps []fileStamp
	for _, pair := range c.files {
		for _, name := range []string{pair.Certificate, pair.Key} {
			info, err := os.Stat(name) // follows links: secrets mounted by Kubernetes are changed by a link
			if err != nil {
				return nil, err
			}
			stamps = append(stamps, fileStamp{info.ModTime(), info.Size()})
		}
	}
	return stamps, nil
}

func (c *certificateFiles) read() ([]tls.Certificate, error) {
	var loaded []tls.Certificate
	for _, pair := range c.files {
		certificate, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", pair.Certificate, pair.Key, err)
		}
		loaded = append(loaded, certificate)
	}
	return loaded, nil
}

// current gives the certificates of now.
func (c *certificateFiles) current() []tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.checked) < certificatesEvery {
		return c.loaded
	}
	c.checked = now
	stamps, err := c.look()
	if err == nil && same(stamps, c.stamps) {
		return c.loaded
	}
	if err == nil {
		var loaded []tls.Certificate
		if loaded, err = c.read(); err == nil {
			c.loaded, c.stamps = loaded, stamps
			c.log.Info("the certificates of the doors were read anew")
			return c.loaded
		}
	}
	c.log.Error("the changed certificates cannot be used; the old ones stay", "error", err)
	return c.loaded
}

func same(a, b []fileStamp) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].changed.Equal(b[i].changed) || a[i].size != b[i].size {
			return false
		}
	}
	return true
}

// choose gives the first certificate that fits what a client asks for, or the
// first of all: the client then sees which names there are.
func (c *certificateFiles) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificates := c.current()
	for i := range certificates {
		if hello.SupportsCertificate(&certificates[i]) == nil {
			return &certificates[i], nil
		}
	}
	return &certificates[0], nil
}

// tlsConfig is that of every door that speaks TLS.
func (s *Server) tlsConfig(further ...string) (*tls.Config, error) {
	if s.files != nil {
		return &tls.Config{GetCertificate: s.files.choose, MinVersion: tls.VersionTLS12}, nil
	}
	if s.ca == nil {
		return nil, &eventbus.Error{Code: eventbus.CodeInvalid, Message: "the IAM doors speak TLS, and there is no certificate", Next: "give certificate and key under tls.certificates"}
	}
	return s.ca.tlsConfig(s.cfg.Now(), further...)
}

// trusted are the CAs by which one instance trusts another: the system's, and the
// one of the configuration.
func (s *Server) trusted() (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // an image without certificates
	}
	if s.cfg.CAFile == "" {
		return pool, nil
	}
	text, err := os.ReadFile(s.cfg.CAFile)
	if err != nil {
		return nil, &eventbus.Error{Code: eventbus.CodeInvalid, Message: "the CA certificate cannot be read", Next: "see tls.ca", Err: err}
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, &eventbus.Error{Code: eventbus.CodeInvalid, Message: s.cfg.CAFile + " holds no CA certificate", Next: "name a PEM file in tls.ca"}
	}
	return pool, nil
}
