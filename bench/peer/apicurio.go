package peer

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// Apicurio is a running Apicurio Registry with its default storage, H2 in memory.
type Apicurio struct {
	measure.PID
	Took time.Duration // from exec to the first list of subjects
	URL  string        // of its Confluent-compatible API
	cmd  *exec.Cmd
}

// StartApicurio runs Apicurio Registry on java, the path of a JVM of at least
// version 21, until Stop. Its log goes to dir.
func StartApicurio(java, dir string) (*Apicurio, error) {
	app, err := unpacked()
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "apicurio.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	a := &Apicurio{URL: fmt.Sprintf("http://127.0.0.1:%d/apis/ccompat/v7", ports[0])}
	a.cmd = exec.Command(java, "-jar", filepath.Join(app, "quarkus-run.jar"))
	a.cmd.Env = append(os.Environ(), "QUARKUS_HTTP_HOST=127.0.0.1", fmt.Sprintf("QUARKUS_HTTP_PORT=%d", ports[0]),
		"QUARKUS_MANAGEMENT_HOST=127.0.0.1", fmt.Sprintf("QUARKUS_MANAGEMENT_PORT=%d", ports[1]))
	a.cmd.Stdout, a.cmd.Stderr = log, log
	began := time.Now()
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	a.PID = measure.PID(a.cmd.Process.Pid)
	for time.Since(began) < startLimit {
		response, err := http.Get(a.URL + "/subjects")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				a.Took = time.Since(began)
				return a, nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, errors.Join(fmt.Errorf("Apicurio Registry did not answer; its log is %s", log.Name()), a.cmd.Process.Kill())
}

// Stop ends the registry.
func (a *Apicurio) Stop() error {
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	_ = a.cmd.Wait() // 143 after SIGTERM
	return nil
}

// unpacked gives the folder of the application, fetched from Maven Central on
// the first use (160 MB).
func unpacked() (string, error) {
	project := filepath.Join("peer", "apicurio")
	app := filepath.Join(project, "target", "app")
	if _, err := os.Stat(filepath.Join(app, "quarkus-run.jar")); err != nil {
		fetch := exec.Command("mvn", "-q", "-B", "package")
		fetch.Dir = project
		if out, err := fetch.CombinedOutput(); err != nil {
			return "", fmt.Errorf("fetch Apicurio Registry: %w\n%s", err, out)
		}
	}
	return app, nil
}
