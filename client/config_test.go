package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
)

func TestFromEnv(t *testing.T) {
	set := map[string]string{
		"EB_BOOTSTRAP_SERVERS": "a:9098, b:9098,", "EB_SECURITY_PROTOCOL": "SASL_SSL", "SCHEMA_REGISTRY_URL": "http://r:8081",
		"AWS_ROLE": "arn:aws-us-gov:iam::123456789012:role/x", "AWS_REGION": "us-gov-west-1", "EB_CA_FILE": "/ca.pem",
	}
	cfg, ok := FromEnv(func(name string) string { return set[name] })
	want := Config{Bootstrap: []string{"a:9098", "b:9098"}, SecurityProtocol: "SASL_SSL", RegistryURL: "http://r:8081",
		Role: "arn:aws-us-gov:iam::123456789012:role/x", Region: "us-gov-west-1", CAFile: "/ca.pem"}
	if !ok || !reflect.DeepEqual(cfg, want) {
		t.Errorf("= %+v, %v; want %+v", cfg, ok, want)
	}
	for _, empty := range []string{"", " ", ","} {
		if _, ok := FromEnv(func(string) string { return empty }); ok {
			t.Errorf("an environment of %q is taken for a configuration", empty)
		}
	}
}

func TestKafkaOptsRefuses(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.pem")
	if err := os.WriteFile(broken, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{
		"an unknown protocol":         {Bootstrap: []string{"a:1"}, SecurityProtocol: "SSL"},
		"a CA file that is not there": {Bootstrap: []string{"a:1"}, SecurityProtocol: "SASL_SSL", CAFile: broken + ".not"},
		"a CA file without one":       {Bootstrap: []string{"a:1"}, SecurityProtocol: "SASL_SSL", CAFile: broken},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cfg.KafkaOpts(t.Context())
			wantCode(t, err, eventbus.CodeInvalid)
		})
	}
}

func TestKafkaOptsOfPlaintext(t *testing.T) {
	for _, protocol := range []string{"", "PLAINTEXT"} {
		kafka := clientOf(t, Config{Bootstrap: []string{"127.0.0.1:1"}, SecurityProtocol: protocol})
		if tls := kafka.OptValue(kgo.DialTLSConfig); !reflect.ValueOf(tls).IsNil() {
			t.Errorf("%q: TLS is on", protocol)
		}
	}
}

// TestKafkaOptsAssumeTheRole: a login uses the keys that the STS of the bus gave
// for the role.
func TestKafkaOptsAssumeTheRole(t *testing.T) {
	var form string
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form = string(body)
		io.WriteString(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
			<AccessKeyId>ASIATEMPORARY</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>the-token</SessionToken>
			<Expiration>2126-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	}))
	defer sts.Close()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIALONGLIVED", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL_STS": sts.URL,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull} {
		t.Setenv(name, value)
	}
	cfg := Config{Bootstrap: []string{"127.0.0.1:1"}, SecurityProtocol: "SASL_SSL", Region: "us-gov-west-1", CAFile: caFile(t),
		Role: "arn:aws-us-gov:iam::123456789012:role/test-producer"}
	credentials, err := cfg.credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := credentials.Retrieve(t.Context())
	if err != nil || keys.AccessKeyID != "ASIATEMPORARY" || keys.SessionToken != "the-token" {
		t.Errorf("keys = %s, %v; want the temporary ones", keys.AccessKeyID, err)
	}
	for _, want := range []string{"Action=AssumeRole", "RoleSessionName=eventbus-client", "role%2Ftest-producer"} {
		if !strings.Contains(form, want) {
			t.Errorf("asked STS %q, want %s in it", form, want)
		}
	}
	cfg.Role = ""
	if credentials, err = cfg.credentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys, err := credentials.Retrieve(t.Context()); err != nil || keys.AccessKeyID != "AKIALONGLIVED" {
		t.Errorf("without a role, keys = %s, %v; want the long-lived ones", keys.AccessKeyID, err)
	}
	kafka := clientOf(t, cfg)
	if tls := kafka.OptValue(kgo.DialTLSConfig); reflect.ValueOf(tls).IsNil() {
		t.Error("TLS is off")
	}
	if sasl := kafka.OptValue(kgo.SASL); reflect.ValueOf(sasl).Len() != 1 {
		t.Error("there is not one SASL mechanism")
	}
}

func clientOf(t *testing.T, cfg Config) *kgo.Client {
	t.Helper()
	opts, err := cfg.KafkaOpts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kafka, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	return kafka
}

func caFile(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
