// Package ca makes a certificate authority and server certificates for tests,
// as PEM files: what brokers and `eventbus serve` read. Nobody else shall trust
// it; its keys lie in the test's folder and go with it.
package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA signs certificates for loopback.
type CA struct {
	File        string // its own certificate, PEM
	dir         string
	certificate *x509.Certificate
	key         crypto.Signer
}

// Pair are the files of one certificate.
type Pair struct {
	Certificate string // with the CA's behind it
	Key         string // PKCS #8
	Both        string // key and chain in one file, as Java reads it
}

// New makes a CA whose files lie in a folder of the test.
func New(t testing.TB) *CA {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c := &CA{dir: t.TempDir(), key: key}
	if c.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	c.File = filepath.Join(c.dir, "ca.pem")
	write(t, c.File, block("CERTIFICATE", der))
	return c
}

// TLS trusts the CA.
func (c *CA) TLS() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(c.certificate)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Issue makes a certificate for localhost, the loopback addresses and names.
// Files of the same name are replaced.
func (c *CA) Issue(t testing.TB, file string, names ...string) Pair {
	t.Helper()
	key := newKey(t)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: file}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(12 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    append([]string{"localhost"}, names...), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	der, err := x509.CreateCertificate(rand.Reader, template, c.certificate, key.Public(), c.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := append(block("CERTIFICATE", der), block("CERTIFICATE", c.certificate.Raw)...)
	keyPEM := block("PRIVATE KEY", keyDER)
	p := Pair{filepath.Join(c.dir, file+".pem"), filepath.Join(c.dir, file+"-key.pem"), filepath.Join(c.dir, file+"-both.pem")}
	write(t, p.Certificate, chain)
	write(t, p.Key, keyPEM)
	write(t, p.Both, append(keyPEM, chain...))
	return p
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t testing.TB, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
