// Package kafka starts Apache Kafka itself, from Maven Central, for tests that
// run against real brokers: KRaft mode, on loopback, as child processes. It owns
// the processes and their data; callers own what they do with them.
package kafka

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Version is the release that interop/kafka/pom.xml pins.
const Version = "4.4.0"

// startLimit bounds a start; a busy machine takes a while.
const startLimit = 90 * time.Second

// Cluster is a running cluster. Node ids count from 1.
type Cluster struct {
	Bootstrap []string // host:port of each broker, in order of node id
	Secure    []string // the same with TLS and SASL; of StartSecure only
	nodes     []*node
	voters    []string
}

// node is one broker, which is a controller too.
type node struct {
	id                 int
	port, controller   int
	secure             int    // port of the listener with TLS and SASL, 0 without
	certificate        string // PEM file with key and chain, of that listener
	dir, config, class string
	process            *exec.Cmd
	ended              <-chan struct{}
}

// Start runs n brokers until the test ends. settings are added to each broker's
// server.properties.
func Start(t testing.TB, n int, settings ...string) *Cluster {
	t.Helper()
	return start(t, n, "", settings)
}

// StartSecure runs n brokers as Start does that also listen with TLS, by the
// certificate in the file (PEM, key and chain), and SASL: User may sign in by
// SCRAM-SHA-512 and PLAIN with Password, and by OAUTHBEARER with an unsecured
// token.
func StartSecure(t testing.TB, n int, certificate string, settings ...string) *Cluster {
	t.Helper()
	return start(t, n, certificate, settings)
}

// The login at the listener of StartSecure.
const (
	User     = "eventbus"
	Password = "a password of the tests"
)

func start(t testing.TB, n int, certificate string, settings []string) *Cluster {
	t.Helper()
	Require(t)
	class := classpath(t)
	c := &Cluster{}
	ports := FreePorts(t, 3*n)
	var voters []string
	for i := range n {
		one := &node{id: i + 1, port: ports[3*i], controller: ports[3*i+1], dir: t.TempDir(), class: class}
		if certificate != "" {
			one.secure, one.certificate = ports[3*i+2], certificate
			c.Secure = append(c.Secure, fmt.Sprintf("127.0.0.1:%d", one.secure))
		}
		one.config = filepath.Join(one.dir, "server.properties")
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", one.id, one.controller))
		c.nodes = append(c.nodes, one)
		c.Bootstrap = append(c.Bootstrap, fmt.Sprintf("127.0.0.1:%d", one.port))
	}
	c.voters = voters
	t.Cleanup(c.stop)
	for _, one := range c.nodes {
		if err := one.format(n, voters, settings); err != nil {
			t.Fatal(err)
		}
		if err := one.start(); err != nil {
			t.Fatal(err)
		}
	}
	c.await(t, n)
	return c
}

// Kill ends a broker as a crash does; Restart brings it back with its data.
func (c *Cluster) Kill(t testing.TB, id int) {
	t.Helper()
	if err := c.nodes[id-1].kill(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts a broker that was killed and waits until it has caught up: all
// replicas of all topics are in sync.
func (c *Cluster) Restart(t testing.TB, id int) {
	t.Helper()
	if err := c.nodes[id-1].start(); err != nil {
		t.Fatal(err)
	}
	c.await(t, len(c.nodes))
}

// await waits until n brokers are registered and every replica is in sync.
func (c *Cluster) await(t testing.TB, n int) {
	t.Helper()
	c.until(t, fmt.Sprintf("%d brokers are there and in sync", n), func(m kadm.Metadata) bool {
		return len(m.Brokers) >= n && led(m, func(p kadm.PartitionDetail) bool { return p.Leader >= 0 && len(p.ISR) == len(p.Replicas) })
	})
}

// led reports whether something holds for every partition.
func led(m kadm.Metadata, holds func(kadm.PartitionDetail) bool) bool {
	all := true
	m.Topics.EachPartition(func(p kadm.PartitionDetail) { all = all && holds(p) })
	return all
}

// until asks the brokers that run for their metadata until something holds of it.
func (c *Cluster) until(t testing.TB, what string, holds func(kadm.Metadata) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for {
		if m, err := c.metadata(ctx); err == nil && holds(m) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %s it is not so that %s; the logs end:\n%s", startLimit, what, c.tails())
		case <-time.After(100 * time.Millisecond):
		}
		for _, one := range c.nodes {
			if one.died() {
				t.Fatalf("broker %d ended by itself; its log ends:\n%s", one.id, one.tail())
			}
		}
	}
}

// metadata asks with a new client, which remembers no broker.
func (c *Cluster) metadata(ctx context.Context) (kadm.Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap...))
	if err != nil {
		return kadm.Metadata{}, err
	}
	defer cl.Close()
	return kadm.NewClient(cl).Metadata(ctx)
}

func (c *Cluster) stop() {
	for _, one := range c.nodes {
		_ = one.kill() // the data goes with the test
	}
}

func (n *node) format(brokers int, voters, settings []string) error {
	replicas := min(brokers, 3)
	lines := append([]string{
		"process.roles=" + n.roles(),
		fmt.Sprintf("node.id=%d", n.id),
		"controller.quorum.voters=" + strings.Join(voters, ","),
		"listeners=" + n.listeners(),
		fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d", n.port),
		"controller.listener.names=CONTROLLER",
		"log.dirs=" + filepath.Join(n.dir, "data"),
		"auto.create.topics.enable=false",
		"group.initial.rebalance.delay.ms=0",
		"offsets.topic.num.partitions=4",
		fmt.Sprintf("offsets.topic.replication.factor=%d", replicas),
		"transaction.state.log.num.partitions=4",
		fmt.Sprintf("transaction.state.log.replication.factor=%d", replicas),
		fmt.Sprintf("transaction.state.log.min.isr=%d", (replicas+1)/2),
		"broker.session.timeout.ms=4000",
		"broker.heartbeat.interval.ms=500",
	}, settings...)
	if n.secure != 0 {
		lines = append(lines, n.secureSettings()...)
	}
	if err := os.WriteFile(n.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	const cluster = "4L6g3nShT-eMCtK--X86sw" // any id will do, the same for all
	arguments := []string{"-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", n.class, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", n.config}
	if n.secure != 0 {
		arguments = append(arguments, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", User, Password))
	}
	format := exec.Command("java", arguments...)
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format the storage of broker %d: %w\n%s", n.id, err, out)
	}
	return nil
}

// roles: a broker without a controller's port is no controller.
func (n *node) roles() string {
	if n.controller == 0 {
		return "broker"
	}
	return "broker,controller"
}

func (n *node) listeners() string {
	listeners := fmt.Sprintf("PLAINTEXT://127.0.0.1:%d", n.port)
	if n.controller != 0 {
		listeners += fmt.Sprintf(",CONTROLLER://127.0.0.1:%d", n.controller)
	}
	return listeners
}

// secureSettings add the listener with TLS and SASL; of a key that stands twice
// the last one counts.
func (n *node) secureSettings() []string {
	listener := func(key string) string { return "listener.name.secure." + key }
	return []string{
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d,SECURE://127.0.0.1:%d", n.port, n.controller, n.secure),
		fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d,SECURE://127.0.0.1:%d", n.port, n.secure),
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
		"inter.broker.listener.name=PLAINTEXT",
		"ssl.keystore.type=PEM",
		"ssl.keystore.location=" + n.certificate,
		listener("sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER"),
		listener("scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"),
		listener(fmt.Sprintf(`plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%s="%s";`, User, Password)),
		listener(`oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`),
		"connections.max.reauth.ms=60000",
	}
}

func (n *node) start() error {
	log, err := os.OpenFile(filepath.Join(n.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	n.process = exec.Command("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", n.class, "kafka.Kafka", n.config)
	n.process.Stdout, n.process.Stderr = log, log
	n.ended, err = Launch(n.process)
	return err
}

// Launch starts a process that never outlives the test. ended is closed when it
// has ended.
func Launch(process *exec.Cmd) (ended <-chan struct{}, err error) {
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, done := make(chan error, 1), make(chan struct{})
	go func() { // the signal is bound to the thread that started the child, so it must not end
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := process.Start()
		started <- err
		if err == nil {
			_ = process.Wait() // killed, as a rule
		}
	}()
	return done, <-started
}

func (n *node) kill() error {
	if n.process == nil || n.process.Process == nil {
		return nil
	}
	err := n.process.Process.Kill()
	<-n.ended
	n.process = nil
	return err
}

// died reports whether the process ended though nobody killed it.
func (n *node) died() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

func (n *node) tail() string {
	text, err := os.ReadFile(filepath.Join(n.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-3000):])
}

func (c *Cluster) tails() string {
	var b strings.Builder
	for _, one := range c.nodes {
		fmt.Fprintf(&b, "broker %d:\n%s\n", one.id, one.tail())
	}
	return b.String()
}
