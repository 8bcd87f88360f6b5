package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// Kroxylicious is a running proxy before one Kafka broker: TLS towards clients,
// whose SCRAM login and requests it hands to the broker, and no filter.
type Kroxylicious struct {
	measure.PID
	Address string
	cmd     *exec.Cmd
}

// StartKroxylicious runs the proxy before the broker at upstream until Stop.
// dir has the certificate and key to show, server.pem and server.key. Maven
// Central has the proxy's runtime without a program, so a program of a dozen
// lines starts it, on the JVM's default options, as its own script does.
func StartKroxylicious(dir, upstream string) (*Kroxylicious, error) {
	project := filepath.Join("peer", "kroxylicious")
	class, err := jars(project, "Kroxylicious")
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	k := &Kroxylicious{Address: fmt.Sprintf("localhost:%d", ports[0])}
	config := filepath.Join(dir, "kroxylicious.yaml")
	text := fmt.Sprintf(`virtualClusters:
- name: bench
  targetCluster: {bootstrapServers: "%s"}
  gateways:
  - name: bench
    portIdentifiesNode:
      bootstrapAddress: "%s"
      nodeStartPort: %d
      nodeIdRanges: [{name: all, start: 1, end: 1}]
    tls: {key: {privateKeyFile: "%s", certificateFile: "%s"}}
`, upstream, k.Address, ports[1], filepath.Join(dir, "server.key"), filepath.Join(dir, "server.pem"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "kroxylicious.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	k.cmd = exec.Command("java", "-cp", class, filepath.Join(project, "Proxy.java"), config)
	k.cmd.Stdout, k.cmd.Stderr = log, log
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	k.PID = measure.PID(k.cmd.Process.Pid)
	if err := awaitTLS(k.Address); err != nil {
		said, _ := os.ReadFile(log.Name()) // for the message only
		return nil, errors.Join(fmt.Errorf("Kroxylicious did not answer: %w\n%s", err, said), k.cmd.Process.Kill())
	}
	return k, nil
}

// Stop ends the proxy.
func (k *Kroxylicious) Stop() error {
	if err := k.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = k.cmd.Wait() // 143 after SIGTERM
	return nil
}

// awaitTLS waits until a server completes a handshake; who it is, the clients ask.
func awaitTLS(address string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	for ctx.Err() == nil {
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", address); err == nil {
			return conn.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// jars gives the class path of a project of Maven's, which fetches it from Maven
// Central on the first use.
func jars(project, name string) (string, error) {
	lib := filepath.Join(project, "target", "lib")
	if _, err := os.Stat(lib); err != nil {
		fetch := exec.Command("mvn", "-q", "-B", "package")
		fetch.Dir = project
		if out, err := fetch.CombinedOutput(); err != nil {
			return "", fmt.Errorf("fetch %s: %w\n%s", name, err, strings.TrimSpace(string(out)))
		}
	}
	return filepath.Join(lib, "*"), nil
}
