package kafka

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Bounds of an installation: of each command, and how often it is tried, because
// what it downloads may fail to come once.
const (
	installLimit = 10 * time.Minute
	installTries = 3
	installPause = 5 * time.Second
)

// Folder is interop/, where the folders of the other languages are.
func Folder() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Require skips the test without java and mvn, or fails it when EVENTBUS_REQUIRE
// names kafka.
func Require(t testing.TB) {
	t.Helper()
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			Missing(t, "kafka", "Apache Kafka needs "+program)
		}
	}
}

// Missing skips a test, or fails it when EVENTBUS_REQUIRE names what is missing.
func Missing(t testing.TB, what, why string) {
	t.Helper()
	required := strings.Split(os.Getenv("EVENTBUS_REQUIRE"), ",")
	if slices.Contains(required, what) || slices.Contains(required, "all") {
		t.Fatalf("%s, and EVENTBUS_REQUIRE names %s", why, what)
	}
	t.Skip(why + "; EVENTBUS_REQUIRE=" + what + " makes this a failure")
}

// Package is the command that fills target/ of a Maven project.
var Package = []string{"mvn", "-q", "-B", "package"}

// Install runs commands in a folder of interop/ that fill its folder into, unless
// they have done so from the same files. One process installs at a time; others
// wait for it.
func Install(t testing.TB, folder, into string, from []string, commands ...[]string) {
	t.Helper()
	dir := filepath.Join(Folder(), folder)
	release, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	want, err := fingerprint(dir, from, commands)
	if err != nil {
		t.Fatal(err)
	}
	stamp := filepath.Join(dir, into, ".installed") // the last thing made: half an installation has none
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return
	}
	for _, c := range commands {
		if err := try(dir, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(stamp, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lock holds a folder against other processes.
func lock(dir string) (release func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		d.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { d.Close() }, nil
}

// fingerprint tells files and commands from others.
func fingerprint(dir string, from []string, commands [][]string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, commands)
	for _, f := range from {
		err := filepath.WalkDir(filepath.Join(dir, f), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			fmt.Fprintln(sum, path)
			_, err = io.Copy(sum, file)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x\n", sum.Sum(nil)), nil
}

// try runs a command until it works, a bounded number of times.
func try(dir string, command []string) error {
	var last error
	for n := range installTries {
		time.Sleep(time.Duration(n) * installPause)
		ctx, cancel := context.WithTimeout(context.Background(), installLimit)
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = dir
		cmd.WaitDelay = installPause // a grandchild may hold the output open
		out, err := cmd.CombinedOutput()
		cancel()
		if err == nil {
			return nil
		}
		last = fmt.Errorf("%v in %s, tried %d times: %w\n%s", command, dir, n+1, err, out)
	}
	return last
}

// classpath gives Kafka's jars, fetched on the first use.
func classpath(t testing.TB) string {
	t.Helper()
	Install(t, "kafka", "target", []string{"pom.xml"}, Package)
	return filepath.Join(Folder(), "kafka", "target", "lib", "*")
}
