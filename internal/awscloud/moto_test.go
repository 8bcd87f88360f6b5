package awscloud

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// moto stands for AWS: it keeps IAM and STS as AWS documents them, in a process of
// its own, for all tests of the package. Each test has an account of its own.
var moto struct {
	once sync.Once
	cmd  *exec.Cmd
	url  string
	err  error
}

// errNoMoto says what is missing.
var errNoMoto = errors.New("moto is not installed; EVENTBUS_REQUIRE=python installs it from testdata/moto/requirements.txt")

func TestMain(m *testing.M) {
	code := m.Run()
	if moto.cmd != nil {
		_ = moto.cmd.Process.Kill()
		_ = moto.cmd.Wait()
	}
	os.Exit(code)
}

// motoURL gives the address of moto, which it starts at the first call. Without
// moto the test is skipped, unless EVENTBUS_REQUIRE names python (or all): then
// moto is installed into a folder of the user's cache.
func motoURL(t *testing.T) string {
	t.Helper()
	moto.once.Do(func() {
		var python string
		if python, moto.err = findMoto(); moto.err == nil {
			moto.err = startMoto(python)
		}
	})
	if errors.Is(moto.err, errNoMoto) {
		t.Skip(moto.err)
	}
	if moto.err != nil {
		t.Fatal(moto.err)
	}
	return moto.url
}

// findMoto gives a python that has moto.
func findMoto() (string, error) {
	lock := filepath.Join("testdata", "moto", "requirements.txt")
	text, err := os.ReadFile(lock)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
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
		return "", errNoMoto
	}
	for _, command := range [][]string{{"python3", "-m", "venv", venv}, {own, "-m", "pip", "install", "-q", "-r", lock}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("install moto: %v: %w\n%s", command, err, out)
		}
	}
	return own, nil
}

var motoReady = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// startMoto starts the server on a free port and reads which one it is.
func startMoto(python string) error {
	cmd := exec.Command(python, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
	of := func(variable string) bool { return strings.HasPrefix(variable, "AWS_") }
	cmd.Env = append(slices.DeleteFunc(os.Environ(), of), "AWS_DEFAULT_REGION=us-gov-west-1", "PYTHONUNBUFFERED=1")
	out, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	cmd.Stdout = nil
	if err := cmd.Start(); err != nil {
		return err
	}
	moto.cmd = cmd
	ready, said := make(chan string, 1), make(chan string, 1)
	go func() {
		var all strings.Builder
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if found := motoReady.FindStringSubmatch(lines.Text()); found != nil {
				ready <- found[1]
			} else if all.Len() < 1<<16 {
				all.WriteString(lines.Text() + "\n")
			}
		}
		said <- all.String()
	}()
	select {
	case moto.url = <-ready:
		return nil
	case text := <-said:
		return errors.New("moto ended:\n" + text)
	case <-time.After(time.Minute):
		return errors.New("moto does not start")
	}
}
