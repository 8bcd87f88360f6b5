//go:build linux || darwin || freebsd

package cluster

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestADirectoryThatCannotBeWritten runs as somebody who is not root, because
// root may write everywhere.
func TestADirectoryThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		againAsNobody(t)
		return
	}
	for name, make := range map[string]func(dir string) error{
		"a directory without the right to write": func(dir string) error { return os.Chmod(dir, 0o500) },
		"a lock without the right to write":      func(dir string) error { return os.WriteFile(filepath.Join(dir, "lock"), nil, 0o400) },
		"a lock that is a directory":             func(dir string) error { return os.Mkdir(filepath.Join(dir, "lock"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := errors.Join(os.Mkdir(dir, 0o700), make(dir)); err != nil {
				t.Fatal(err)
			}
			_, err := OpenEmbedded(t.Context(), Config{DataDir: dir}, nil)
			wantCode(t, err, eventbus.CodeUnavailable)
			if !strings.Contains(err.Error(), "cannot be written") {
				t.Errorf("error %q", err)
			}
		})
	}
}

// againAsNobody runs this test once more in a process of the account nobody,
// from a copy of the test program that this account can reach.
func againAsNobody(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "eventbus-nobody-") // t.TempDir's parent is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "test")
	if err := errors.Join(os.WriteFile(copied, program, 0o755), os.Chmod(copied, 0o755), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(copied, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

// TestADirectoryOfAnotherUser: root gives one away; everybody else has no need
// to, because the root directory is root's.
func TestADirectoryOfAnotherUser(t *testing.T) {
	dir := "/"
	if os.Geteuid() == 0 {
		dir = filepath.Join(t.TempDir(), "data")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 12345, 12345)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := OpenEmbedded(t.Context(), Config{DataDir: dir}, nil)
	wantCode(t, err, eventbus.CodeUnavailable)
	if !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("error %q", err)
	}
}
