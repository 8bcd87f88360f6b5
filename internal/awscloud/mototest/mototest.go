// Package mototest starts moto for tests: it keeps IAM and STS as AWS documents
// them, in a process of its own on loopback. It owns that process and where moto is
// installed, and nothing else; only tests import it.
package mototest

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// lock is everything that moto needs, version by version.
//
//go:embed requirements.txt
var lock []byte

// ErrMissing says that moto is not there. A test skips for it.
var ErrMissing = errors.New("moto is not installed; EVENTBUS_REQUIRE=python installs it from internal/awscloud/mototest/requirements.txt")

// Server is a moto that runs.
type Server struct {
	URL string // http://127.0.0.1:PORT
	cmd *exec.Cmd
}

// Start starts moto for one test and ends it with the test. Without moto the test
// is skipped, unless EVENTBUS_REQUIRE names python (or all): then moto is
// installed, and the test fails when that cannot be.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := Open()
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Open starts moto on a free port. ErrMissing when it is not installed and
// EVENTBUS_REQUIRE does not ask for it.
func Open() (*Server, error) {
	python, err := find()
	if err != nil {
		return nil, err
	}
	return start(python)
}

// Close ends it; everything that it kept is gone.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill() // it has nothing to lose
	_ = s.cmd.Wait()
}

// find gives a python that has moto. It is installed into a folder of the user's
// cache, one for each content of the lock file.
func find() (string, error) {
	sum := sha256.Sum256(lock)
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	venv := filepath.Join(cache, "eventbus-moto-"+hex.EncodeToString(sum[:6]))
	own := filepath.Join(venv, "bin", "python")
	has := func(python string) bool {
		return exec.Command(python, "-c", "import moto, flask, flask_cors").Run() == nil
	}
	if has(own) {
		return own, nil
	}
	required := strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",")
	if !slices.Contains(required, "python") && !slices.Contains(required, "all") {
		if has("python3") { // another version than the locked one, better than none
			return "python3", nil
		}
		return "", ErrMissing
	}
	return own, install(venv)
}

// install makes a folder with moto beside its place and moves it there when it is
// whole: tests of two packages may do so at once, and one of them is first.
func install(venv string) error {
	if err := os.MkdirAll(filepath.Dir(venv), 0o755); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(venv), filepath.Base(venv)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	file := filepath.Join(made, "requirements.txt")
	if err := os.WriteFile(file, lock, 0o600); err != nil {
		return err
	}
	for _, command := range [][]string{{"python3", "-m", "venv", made}, {filepath.Join(made, "bin", "python"), "-m", "pip", "install", "-q", "-r", file}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("install moto: %v: %w\n%s", command, err, out)
		}
	}
	err = os.Rename(made, venv)
	if _, there := os.Stat(venv); there == nil {
		return nil // this one or another's
	}
	return err
}

var ready = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// start runs the server and reads which port it took.
func start(python string) (*Server, error) {
	cmd := exec.Command(python, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	of := func(variable string) bool { return strings.HasPrefix(variable, "AWS_") }
	cmd.Env = append(slices.DeleteFunc(os.Environ(), of), "AWS_DEFAULT_REGION=us-gov-west-1", "PYTHONUNBUFFERED=1")
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{cmd: cmd}
	address, said := make(chan string, 1), make(chan string, 1)
	go func() {
		var all strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if found := ready.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			} else if all.Len() < 1<<16 {
				all.WriteString(lines.Text() + "\n")
			}
		}
		said <- all.String()
	}()
	select {
	case s.URL = <-address:
		return s, nil
	case text := <-said:
		err = errors.New("moto ended:\n" + text)
	case <-time.After(time.Minute):
		err = errors.New("moto does not start")
	}
	s.Close()
	return nil, err
}
