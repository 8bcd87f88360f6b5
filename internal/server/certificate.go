package server

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// The files of the development CA, in the data folder.
const (
	caFile         = "ca.pem"
	caKeyFile      = "ca-key.pem"
	truststoreFile = "truststore.p12"
)

// caLifetime and leafLifetime: the CA outlives a project, the leaf is made
// anew at each start.
const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	leafLifetime = 397 * 24 * time.Hour
)

// developmentCA signs the certificates of `dev`. It is made at the first start
// and kept, so that a trust store copied by a user stays valid.
type developmentCA struct {
	certificate *x509.Certificate
	key         crypto.Signer
	caPath      string
	trustPath   string
}

// openDevelopmentCA reads the CA from dir or makes it there.
func openDevelopmentCA(dir string, now time.Time) (*developmentCA, error) {
	ca := &developmentCA{caPath: filepath.Join(dir, caFile), trustPath: filepath.Join(dir, truststoreFile)}
	err := ca.read(filepath.Join(dir, caKeyFile))
	if err == nil && now.Before(ca.certificate.NotAfter.Add(-leafLifetime)) {
		return ca, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the development CA (delete %s to make a new one): %w", ca.caPath, err)
	}
	if err := ca.create(now); err != nil {
		return nil, fmt.Errorf("make the development CA: %w", err)
	}
	if err := ca.write(filepath.Join(dir, caKeyFile)); err != nil {
		return nil, fmt.Errorf("write the development CA: %w", err)
	}
	return ca, nil
}

func (ca *developmentCA) read(keyPath string) error {
	certificatePEM, err := os.ReadFile(ca.caPath)
	if err != nil {
		return err
	}
	keyPEM, err := os.ReadFile(keyPath)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificatePEM, keyPEM)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return fmt.Errorf("the key of type %T cannot sign", pair.PrivateKey)
	}
	ca.certificate, ca.key = pair.Leaf, key
	return nil
}

func (ca *developmentCA) create(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := serialNumber()
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "eventbus development CA", Organization: []string{"Enterprise Event Bus (development only)"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	ca.key = key
	ca.certificate, err = x509.ParseCertificate(der)
	return err
}

// write keeps certificate, key and a passwordless trust store. Java opens the
// latter as the VA sample opens its own: no MAC, Java's trusted-key attribute.
func (ca *developmentCA) write(keyPath string) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return err
	}
	store, err := pkcs12.Passwordless.EncodeTrustStoreEntries([]pkcs12.TrustStoreEntry{{Cert: ca.certificate, FriendlyName: "eventbus"}}, "")
	if err != nil {
		return err
	}
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return errors.Join(
		os.WriteFile(keyPath, keyPEM, 0o600),
		os.WriteFile(ca.trustPath, store, 0o644),
		os.WriteFile(ca.caPath, certificatePEM, 0o644),
	)
}

// leaf makes a server certificate for names.
func (ca *developmentCA) leaf(now time.Time, names []string, addresses []net.IP) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := serialNumber()
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(leafLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     names,
		IPAddresses:  addresses,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), ca.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der, ca.certificate.Raw}, PrivateKey: key}, nil
}

// tlsConfig is the TLS configuration of the doors of `dev`: localhost,
// 127.0.0.1, ::1 and whatever further names a door answers to.
func (ca *developmentCA) tlsConfig(now time.Time, further ...string) (*tls.Config, error) {
	certificate, err := ca.leaf(now, append([]string{"localhost"}, further...), []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback})
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the doors: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

func serialNumber() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}
