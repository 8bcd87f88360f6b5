package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
)

const operatorToken = "a token of the tests that nobody guesses"

// production is a bus as `serve` runs it, with a certificate of its own CA.
type production struct {
	*Server
	t    *testing.T
	ca   *developmentCA
	http *http.Client
}

// certify writes a certificate for loopback where the configuration names it.
func certify(t *testing.T, ca *developmentCA, dir string) CertificateFiles {
	t.Helper()
	certificate, err := ca.leaf(time.Now(), []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	files := CertificateFiles{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	key := pemKey(t, certificate)
	if err := errors.Join(os.WriteFile(files.Certificate, chain, 0o600), os.WriteFile(files.Key, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return files
}

// startProduction runs a bus before external clusters, or on the embedded engine
// when there are none.
func startProduction(t *testing.T, change func(*Config)) *production {
	t.Helper()
	const free = "127.0.0.1:0"
	dir := t.TempDir()
	ca, err := openDevelopmentCA(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{DataDir: filepath.Join(dir, "data"), MasterKey: make([]byte, 32), AdministratorToken: operatorToken,
		Certificates: []CertificateFiles{certify(t, ca, dir)}, CAFile: ca.caPath,
		Listeners: Listeners{HTTP: free, Registry: free, Admin: free, KafkaIAM: free}}
	if change != nil {
		change(&cfg)
	}
	bus, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	p := &production{Server: bus, t: t, ca: ca}
	t.Cleanup(func() {
		p.http.CloseIdleConnections()
		stop()
		if err := errors.Join(<-done, bus.Close()); err != nil {
			t.Error(err)
		}
	})
	roots, err := bus.trusted()
	if err != nil {
		t.Fatal(err)
	}
	p.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	<-bus.Ready()
	return p
}

// ask sends a request with a token, "" for none, and gives the status.
func (p *production) ask(method, address, token, body string) (int, string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := p.http.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestServeKeepsItsDoors: who has no token sees neither catalog nor documentation
// nor metrics and registers nothing; reading schemas is open.
func TestServeKeepsItsDoors(t *testing.T) {
	p := startProduction(t, nil)
	at := p.Addresses()
	const schema = `{"schema":"\"string\""}`
	for _, c := range []struct {
		method, address, token, body string
		want                         int
	}{
		{"GET", at.HTTP + "/api/v1/events", "", "", 401},
		{"GET", at.HTTP + "/api/v1/events", "wrong", "", 401},
		{"GET", at.HTTP + "/api/v1/events", operatorToken, "", 200},
		{"GET", at.HTTP + "/", "", "", 303},
		{"GET", at.HTTP + "/catalog", "", "", 303},
		{"GET", at.HTTP + "/metrics", "", "", 303},
		{"GET", at.HTTP + "/healthz/ready", "", "", 200},
		{"GET", "http://" + at.Admin + "/metrics", "", "", 200},
		{"GET", at.Registry + "/subjects", "", "", 200},
		{"POST", at.Registry + "/subjects/s/versions", "", schema, 403},
		{"POST", at.Registry + "/subjects/s/versions", "wrong", schema, 403},
		{"PUT", at.Registry + "/config", "", `{"compatibility":"NONE"}`, 403},
		{"POST", at.Registry + "/subjects/s/versions", operatorToken, schema, 200},
		{"POST", at.Registry + "/subjects/s/versions", p.instances.token, schema, 200},
	} {
		if got, text := p.ask(c.method, c.address, c.token, c.body); got != c.want {
			t.Errorf("%s %s with token %.5q: %d, want %d: %.200s", c.method, c.address, c.token, got, c.want, text)
		}
	}
}

// TestServeRefusesToListen: without a certificate no door is for others, and with
// none there is no IAM door at all.
func TestServeRefusesToListen(t *testing.T) {
	for setting, listeners := range map[string]Listeners{
		"listeners.http":     {HTTP: "0.0.0.0:0"},
		"listeners.registry": {Registry: "[::]:0"},
		"listeners.admin":    {Admin: "192.0.2.1:0"},
		"listeners.kafkaIAM": {KafkaIAM: "0.0.0.0:0"},
		"tls.certificates":   {KafkaIAM: "127.0.0.1:0"},
	} {
		bus, err := Open(t.Context(), Config{MasterKey: make([]byte, 32), Listeners: listeners})
		if err == nil {
			_ = bus.Close() // the test has failed
			t.Errorf("%s was opened", setting)
			continue
		}
		if eventbus.CodeOf(err) != eventbus.CodeInvalid || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v, want an error that names it", setting, err)
		}
	}
}

// TestCertificatesAreReadAgain: a renewed certificate is used without a restart;
// half of one is not.
func TestCertificatesAreReadAgain(t *testing.T) {
	p := startProduction(t, nil)
	serial := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", strings.TrimPrefix(p.Addresses().HTTP, "https://"), p.http.Transport.(*http.Transport).TLSClientConfig.Clone())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	later := func() { // the next look is due
		p.files.mu.Lock()
		p.files.checked = time.Time{}
		p.files.mu.Unlock()
	}
	first, files := serial(), p.cfg.Certificates[0]
	if err := os.WriteFile(files.Key, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	later()
	if got := serial(); got != first {
		t.Errorf("with a broken key certificate %s is used, want the old %s", got, first)
	}
	certify(t, p.ca, filepath.Dir(files.Certificate))
	later()
	if got := serial(); got == first {
		t.Error("the renewed certificate is not used")
	}
}

// TestServeOnTwoClusters: each environment's topics are made on its own cluster,
// shown from there, and advertised at doors of its own.
func TestServeOnTwoClusters(t *testing.T) {
	lower, upper := brokers(t), brokers(t)
	p := startProduction(t, func(c *Config) {
		c.Environments = []eventbus.Environment{{Name: "development", Prefix: "dev_", Order: 1}, {Name: "production", Prefix: "prod_", Order: 2, Production: true}}
		c.Kafka = []Kafka{
			{Environments: []string{"development"}, External: cluster.ExternalConfig{Bootstrap: lower.ListenAddrs()}},
			{Environments: []string{"production"}, External: cluster.ExternalConfig{Bootstrap: upper.ListenAddrs()}, Doors: Listeners{KafkaIAM: "127.0.0.1:0"}},
		}
		c.Routing.BrokerPorts = 2
	})
	topics := topicWorld{p.kafkas}
	for _, name := range []string{"dev_orders", "prod_orders"} {
		if err := topics.CreateTopics(t.Context(), []eventbus.Topic{{Name: name, Partitions: 2, ReplicationFactor: 1}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		on         *kfake.Cluster
		has, lacks string
	}{{lower, "dev_orders", "prod_orders"}, {upper, "prod_orders", "dev_orders"}} {
		if c.on.TopicInfo(c.has) == nil || c.on.TopicInfo(c.lacks) != nil {
			t.Errorf("%s is not on its cluster alone", c.has)
		}
	}
	if upper.TopicInfo("_schemas") == nil || lower.TopicInfo("_schemas") != nil {
		t.Error("the schemas are not on the cluster of production")
	}
	listed, err := topics.Topics(t.Context())
	shown, err2 := p.streams.Topics(t.Context(), "")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	if len(listed) < 2 || len(shown) < 2 {
		t.Errorf("%d topics are planned with and %d shown, want both at least", len(listed), len(shown))
	}
	for _, name := range []string{"dev_orders", "prod_orders"} {
		if topic, err := p.streams.Topic(t.Context(), name); err != nil || topic.Partitions != 2 {
			t.Errorf("%s is shown as %+v, %v", name, topic, err)
		}
	}
	development, production := p.environment("development"), p.environment("production")
	if development.BootstrapIAM == "" || production.BootstrapIAM == "" || development.BootstrapIAM == production.BootstrapIAM {
		t.Errorf("the environments are at %q and %q, want a door for each", development.BootstrapIAM, production.BootstrapIAM)
	}
}

// brokers is a cluster of somebody else, on a TCP port.
func brokers(t *testing.T) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func pemKey(t *testing.T, certificate tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// TestSignsInToKafkaByIAM: with AWS_MSK_IAM the bus signs in to a cluster by the
// credentials of AWS's default chain. The cluster is the IAM door of another bus,
// which checks signatures as MSK does.
func TestSignsInToKafkaByIAM(t *testing.T) {
	w := startWorld(t, "")
	by := w.as("operator")
	user, err := w.iam.CreateUser(w.ctx, by, eventbus.IAMUser{Name: "the-other-bus"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := w.iam.CreateAccessKey(w.ctx, by, user.Name)
	if err != nil {
		t.Fatal(err)
	}
	everything := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kafka-cluster:*","Resource":"*"}]}`
	if _, err := w.iam.PutPolicy(w.ctx, by, user.ARN, "everything", everything); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(w.ca.certificate)
	t.Setenv("AWS_ACCESS_KEY_ID", key.ID)
	t.Setenv("AWS_REGION", w.cfg.Deployment.Region)
	t.Setenv("AWS_SESSION_TOKEN", "")
	for secret, want := range map[string]eventbus.Code{key.Secret: "", "another secret": eventbus.CodeUnavailable} {
		t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
		mechanism, err := cluster.DefaultIAM(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		limited, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		external, err := cluster.OpenExternal(limited, cluster.ExternalConfig{Bootstrap: []string{w.Addresses().KafkaIAM}, TLS: &tls.Config{RootCAs: roots}, SASL: mechanism})
		cancel()
		if eventbus.CodeOf(err) != want {
			t.Errorf("signed in with code %q, %v; want %q", eventbus.CodeOf(err), err, want)
		}
		if err != nil {
			continue
		}
		if err := external.CreateTopic(t.Context(), eventbus.Topic{Name: "dev_by-iam", Partitions: 1, ReplicationFactor: 1}); err != nil {
			t.Error(err)
		}
		if err := external.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.streams.Topic(w.ctx, "dev_by-iam"); err != nil {
		t.Errorf("the topic was not made: %v", err)
	}
}
