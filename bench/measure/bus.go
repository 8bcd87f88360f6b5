package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// startLimit bounds how long a bus may take to be ready.
const startLimit = 90 * time.Second

// Build makes the binary of the bus in dir.
func Build(dir string) (binary string, err error) {
	binary = filepath.Join(dir, "eventbus")
	build := exec.Command("go", "build", "-o", binary, "./cmd/eventbus")
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the bus: %w", err)
	}
	return binary, nil
}

// Bus is a running `eventbus dev` without the demo.
type Bus struct {
	PID
	Took     time.Duration // from exec to ready
	HTTP     string        `json:"http"`
	Registry string        `json:"registry"`
	Kafka    string        `json:"kafka"`
	cmd      *exec.Cmd
}

// Run starts the bus on a data folder and waits until it is ready.
func Run(binary, dataDir string) (*Bus, error) {
	config := dataDir + ".config"
	if err := os.MkdirAll(config, 0o700); err != nil {
		return nil, err
	}
	ready := filepath.Join(config, "ready.json")
	if err := os.Remove(ready); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	free := "127.0.0.1:0"
	b := &Bus{cmd: exec.Command(binary, "dev", "--no-demo", "--data-dir", dataDir, "--ready-file", ready,
		"--kafka", free, "--kafka-iam", free, "--kafka-iam-external", free, "--registry", free, "--http", free)}
	b.cmd.Env = append(os.Environ(), "EVENTBUS_CONFIG_DIR="+config)
	b.cmd.Stderr = os.Stderr
	began := time.Now()
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	b.PID = PID(b.cmd.Process.Pid)
	for {
		text, err := os.ReadFile(ready)
		if err == nil {
			b.Took = time.Since(began)
			return b, json.Unmarshal(text, b)
		}
		if !errors.Is(err, fs.ErrNotExist) || time.Since(began) > startLimit {
			return nil, errors.Join(fmt.Errorf("the bus is not ready after %v", time.Since(began)), b.cmd.Process.Kill(), b.cmd.Wait())
		}
		time.Sleep(time.Millisecond)
	}
}

// Stop ends the bus as Ctrl-C does.
func (b *Bus) Stop() error {
	return errors.Join(b.cmd.Process.Signal(syscall.SIGTERM), b.cmd.Wait())
}
