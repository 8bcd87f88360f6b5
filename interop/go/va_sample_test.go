package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

const (
	sampleTruststore = "/tmp/kafka.client.truststore.jks" // as the VA sample names it
	stsName          = "sts.us-gov-west-1.amazonaws.com"  // as awsStsRegion in the VA sample makes it
)

// TestVASample runs a producer with the settings of the VA sample, in both its
// forms, with nothing changed (interop/java/va-sample).
// The sample knows neither our STS nor our CA: the name that it asks is pointed
// at this machine, on the port of HTTPS, Java is told to trust the development
// CA, and the trust store lies where the sample looks for it.
func TestVASample(t *testing.T) {
	if !have("java") || !have("mvn") {
		kafka.Missing(t, "java", "the VA sample needs java and mvn")
	}
	t.Setenv("MAVEN_OPTS", withoutConfluent(t))
	kafka.Install(t, "java/va-sample", "target", []string{"pom.xml", "src", "../../java-confluent/src"}, kafka.Package)
	b := startBus(t, "--sts-tls", httpsPort(t))
	layTruststore(t, b.at.Trust)
	hosts := filepath.Join(b.home, "hosts")
	host, _, err := net.SplitHostPort(b.at.STSTLS)
	if err != nil {
		t.Fatal(err)
	}
	// localhost first: Java takes the first name of an address for the broker's.
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost\n"+host+" "+stsName+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := b.clientSet(t, "test-producer")
	delete(set, "AWS_ENDPOINT_URL_STS") // the sample has never heard of it
	for _, form := range []struct{ name, class, mechanism string }{
		{"first form", "gov.va.eventbus.example.TestProducer", iam},
		{"later form", "gov.va.eventbus.example.oauth.TestProducer", oauth},
	} {
		t.Run(form.mechanism, func(t *testing.T) {
			began := b.log.size()
			id, users := sampleUsers(t, b, form.name)
			set["SCHEMA_ID"] = strconv.Itoa(id)
			sample := startJava(t, b, set, "-Djdk.net.hosts.file="+hosts, "-Djavax.net.ssl.trustStore="+b.at.Trust,
				"-cp", filepath.Join("target", "lib", "*")+":"+filepath.Join("target", "va-sample.jar"), form.class)
			for want := 1; want <= 3; want++ {
				select {
				case got := <-users:
					if got != fmt.Sprintf("%s interop 2000-07-26 %d", form.name, want) {
						t.Fatalf("user %d is %q", want, got)
					}
				case <-time.After(jobLimit):
					t.Fatalf("user %d did not come:\n%s", want, sample.said())
				}
			}
			if said := b.log.since(began); strings.Contains(said, "refused") || strings.Contains(said, "denied") {
				t.Errorf("something was refused on the way:\n%s", said)
			}
		})
	}
	assumed := b.eventbus(t, "", "audit", "tail")
	if !strings.Contains(assumed, "sts:AssumeRole") {
		t.Errorf("no role was assumed at the bus's STS:\n%s", assumed)
	}
}

// httpsPort finds an address of loopback whose port 443 is free: AWS's SDK asks
// STS there and cannot be told otherwise.
func httpsPort(t *testing.T) string {
	t.Helper()
	var last error
	for i := 2; i < 10; i++ {
		at := fmt.Sprintf("127.0.0.%d:443", i)
		l, err := net.Listen("tcp", at)
		if err == nil {
			l.Close()
			return at
		}
		last = err
	}
	if errors.Is(last, fs.ErrPermission) {
		kafka.Missing(t, "java", "the VA sample asks STS on port 443, which only root may serve here (or sysctl net.ipv4.ip_unprivileged_port_start=443)")
	}
	t.Fatal(last)
	return ""
}

// layTruststore copies the bus's trust store to where the sample looks, and puts
// back what was there.
func layTruststore(t *testing.T, truststore string) {
	t.Helper()
	text, err := os.ReadFile(truststore)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(sampleTruststore)
	t.Cleanup(func() {
		if err != nil {
			_ = os.Remove(sampleTruststore)
		} else if err := os.WriteFile(sampleTruststore, before, 0o644); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(sampleTruststore, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// sampleUsers gives the id of the User schema, and every User of a name that is
// produced from now on.
func sampleUsers(t *testing.T, b *bus, name string) (int, <-chan string) {
	t.Helper()
	registry, err := sr.NewClient(sr.URLs(b.at.Registry))
	if err != nil {
		t.Fatal(err)
	}
	latest, err := registry.SchemaByVersion(t.Context(), "test-value", -1)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := avro.Parse(latest.Schema.Schema)
	if err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.at.Kafka), kgo.ConsumeTopics("test"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	users, done := make(chan string, 100), make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			for _, r := range cl.PollFetches(ctx).Records() {
				var u struct {
					Name           string    `avro:"name"`
					Company        string    `avro:"company"`
					DateOfBirth    time.Time `avro:"dateOfBirth"`
					SequenceNumber int       `avro:"sequenceNumber"`
				}
				id, body, err := (&sr.ConfluentHeader{}).DecodeID(r.Value)
				if err != nil || id != latest.ID {
					continue
				}
				if _, err := schema.Decode(body, &u); err == nil && u.Name == name {
					select {
					case users <- fmt.Sprintf("%s %s %s %d", u.Name, u.Company, u.DateOfBirth.Format(time.DateOnly), u.SequenceNumber):
					case <-ctx.Done():
					}
				}
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done; cl.Close() })
	return latest.ID, users
}

// javaProgram is one that runs until the test ends.
type javaProgram struct{ talk *journal }

func (j javaProgram) said() string { return j.talk.since(0) }

func startJava(t *testing.T, b *bus, set map[string]string, arguments ...string) javaProgram {
	t.Helper()
	talk := &journal{}
	cmd := exec.Command("java", append([]string{"-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}, arguments...)...)
	cmd.Dir = filepath.Join(kafka.Folder(), "java", "va-sample")
	cmd.Env, cmd.Stdout, cmd.Stderr = b.environment(set), talk, talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it never ends by itself
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the sample said:\n%s", bytes.TrimSpace([]byte(talk.since(0))))
		}
	})
	return javaProgram{talk}
}
