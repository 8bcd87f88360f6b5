package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

func TestADataDirectoryHasOneOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	_, err := OpenEmbedded(t.Context(), Config{DataDir: dir}, nil)
	wantCode(t, err, eventbus.CodeConflict)
	want := fmt.Sprintf("data directory %s is in use by another eventbus (pid %d)", dir, os.Getpid())
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "stop it or choose --data-dir") {
		t.Errorf("error %q", err)
	}
	create(t, e, "still", 1, nil) // the first owner was not disturbed
	stop(t, e)
	start(t, Config{DataDir: dir}, nil)
}

func TestDirectoriesThatAreRefused(t *testing.T) {
	temp := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(temp, "file")
	must(os.WriteFile(file, nil, 0o600))
	target, link := filepath.Join(temp, "target"), filepath.Join(temp, "link")
	must(os.Mkdir(target, 0o700))
	must(os.Symlink(target, link))
	linkedLock := filepath.Join(temp, "linked-lock")
	must(os.Mkdir(linkedLock, 0o700))
	must(os.Symlink(file, filepath.Join(linkedLock, "lock")))
	for name, c := range map[string]struct{ dir, says string }{
		"a file":                          {file, "cannot be made"},
		"below a file":                    {filepath.Join(file, "data"), "cannot be made"},
		"a symbolic link":                 {link, "is a symbolic link"},
		"its lock file is a link":         {linkedLock, "cannot be written"},
		"a name with a zero byte in it":   {"a\x00b", "cannot be made"},
		"a link's loop to itself is none": {filepath.Join(link, "..", "file"), "cannot be made"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenEmbedded(t.Context(), Config{DataDir: c.dir}, nil)
			wantCode(t, err, eventbus.CodeUnavailable)
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--data-dir") {
				t.Errorf("error %q does not say %q", err, c.says)
			}
		})
	}
	if left, err := os.ReadDir(target); err != nil || len(left) != 0 {
		t.Errorf("something was written through the link: %v, %v", left, err)
	}
}

func TestAnOpenDirectoryIsClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DataDir: dir}, nil)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestALockWithoutAnOwnerInIt(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := lockOwner(f); got != "" {
		t.Errorf("owner %q of an empty lock", got)
	}
}
