// Package peer starts what the bus is compared with, each from Maven Central and
// as a process of its own: Apache Kafka, from the jars that interop/kafka pins,
// with the JVM options of its own start script, Kroxylicious and Apicurio
// Registry. It owns the processes; what is measured is the commands'.
package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// startLimit bounds how long a peer may take to answer.
const startLimit = 90 * time.Second

// User and Password are who signs in at Kafka's secure listener; the password
// protects nothing but a process of the benchmark on loopback.
const (
	User     = "bench"
	Password = "bench-secret"
)

// Kafka is one running broker, its own controller.
type Kafka struct {
	measure.PID
	Took    time.Duration // from exec to the first answer about metadata
	Address string        // PLAINTEXT
	Secure  string        // SASL_SSL with SCRAM-SHA-512; empty unless asked for
	Behind  string        // SASL_PLAINTEXT with SCRAM-SHA-512, for a proxy with TLS; empty unless Secure is there
	cmd     *exec.Cmd
}

// StartKafka formats dir, which takes a JVM of its own and is not counted, and
// runs a broker on it until Stop. secure may be nil.
func StartKafka(dir string, secure *measure.Certificate) (*Kafka, error) {
	class, err := jars(filepath.Join("..", "interop", "kafka"), "Apache Kafka")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	k := &Kafka{Address: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	config := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(config, []byte(k.properties(dir, ports, secure)), 0o600); err != nil {
		return nil, err
	}
	if err := format(class, config, secure != nil); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// kafka-run-class.sh and kafka-server-start.sh give these.
	k.cmd = exec.Command("java", "-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
		"-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-cp", class, "kafka.Kafka", config)
	k.cmd.Stdout, k.cmd.Stderr = log, log
	began := time.Now()
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	k.PID = measure.PID(k.cmd.Process.Pid)
	if err := k.await(began); err != nil {
		return nil, errors.Join(fmt.Errorf("Apache Kafka did not answer; its log is %s: %w", log.Name(), err), k.cmd.Process.Kill())
	}
	return k, nil
}

// Stop ends the broker as its stop script does.
func (k *Kafka) Stop() error {
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = k.cmd.Wait() // 143 after SIGTERM
	return nil
}

func (k *Kafka) await(began time.Time) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Address), kgo.MetadataMinAge(20*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }))
	if err != nil {
		return err
	}
	defer client.Close()
	for ctx.Err() == nil {
		client.ForceMetadataRefresh()
		if client.Ping(ctx) == nil && len(client.DiscoveredBrokers()) > 0 {
			k.Took = time.Since(began)
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// properties are Kafka's defaults but for what one node alone needs, and for
// waiting three seconds before the first rebalance of a group.
func (k *Kafka) properties(dir string, ports []int, secure *measure.Certificate) string {
	listeners, protocols := "PLAINTEXT://"+k.Address, "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"
	var lines []string
	if secure != nil {
		k.Secure, k.Behind = fmt.Sprintf("127.0.0.1:%d", ports[2]), fmt.Sprintf("127.0.0.1:%d", ports[3])
		listeners += ",SECURE://" + k.Secure + ",BEHIND://" + k.Behind
		protocols += ",SECURE:SASL_SSL,BEHIND:SASL_PLAINTEXT"
		lines = []string{
			"listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512",
			"listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
			"listener.name.behind.sasl.enabled.mechanisms=SCRAM-SHA-512",
			"listener.name.behind.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
			"listener.name.secure.ssl.keystore.type=PEM",
			"listener.name.secure.ssl.keystore.certificate.chain=" + oneLine(secure.Chain),
			"listener.name.secure.ssl.keystore.key=" + oneLine(secure.Key),
			"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
			"super.users=User:ANONYMOUS", // the PLAINTEXT side, which sets up; User:bench gets rules
		}
	}
	lines = append(lines,
		"process.roles=broker,controller", "node.id=1",
		fmt.Sprintf("controller.quorum.voters=1@127.0.0.1:%d", ports[1]),
		fmt.Sprintf("listeners=%s,CONTROLLER://127.0.0.1:%d", listeners, ports[1]),
		"advertised.listeners="+listeners, "listener.security.protocol.map="+protocols,
		"controller.listener.names=CONTROLLER", "inter.broker.listener.name=PLAINTEXT",
		"log.dirs="+filepath.Join(dir, "data"),
		"offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
		"group.initial.rebalance.delay.ms=0", "auto.create.topics.enable=false",
	)
	return strings.Join(lines, "\n") + "\n"
}

// oneLine writes PEM as a value of a properties file.
func oneLine(pem string) string { return strings.ReplaceAll(strings.TrimSpace(pem), "\n", "\\n") }

func format(class, config string, scram bool) error {
	arguments := []string{"-cp", class, "kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", config}
	if scram {
		arguments = append(arguments, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", User, Password))
	}
	if out, err := exec.Command("java", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	return nil
}

func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
