package cluster

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// dirLock is the exclusive right to a data directory. It ends with the process,
// so a crash leaves nothing to clean up.
type dirLock struct{ file *os.File }

// lockDir makes dir when it is missing, checks that it is a directory of ours
// that nobody else can enter, and locks it. A symbolic link is refused, because
// whoever made it decides where the data goes.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, dirError(dir, "cannot be made", err)
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return nil, dirError(dir, "cannot be read", err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, dirError(dir, "is a symbolic link", nil)
	case !info.IsDir():
		return nil, dirError(dir, "is not a directory", nil)
	case !ownedByUs(info):
		return nil, dirError(dir, "belongs to another user", nil)
	}
	// Only the rights of others go: who took the right to write from himself
	// meant it, and the lock below says so.
	if mine := info.Mode().Perm() & 0o700; mine != info.Mode().Perm() {
		if err := os.Chmod(dir, mine); err != nil {
			return nil, dirError(dir, "is open to other users and cannot be closed", err)
		}
	}
	return lockFile(dir)
}

func lockFile(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|openNoFollow, 0o600)
	if err != nil {
		return nil, dirError(dir, "cannot be written", err)
	}
	ok, err := tryLock(f)
	if !ok {
		owner := lockOwner(f)
		f.Close()
		if err != nil {
			return nil, dirError(dir, "cannot be locked", err)
		}
		return nil, &eventbus.Error{
			Code:    eventbus.CodeConflict,
			Message: fmt.Sprintf("data directory %s is in use by another eventbus%s", dir, owner),
			Next:    "stop it or choose --data-dir",
		}
	}
	if err := writeOwner(f); err != nil {
		f.Close()
		return nil, dirError(dir, "cannot be written", err)
	}
	return &dirLock{f}, nil
}

func writeOwner(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// lockOwner gives " (pid N)" when the lock file says so.
func lockOwner(f *os.File) string {
	raw, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil && pid > 0 {
		return fmt.Sprintf(" (pid %d)", pid)
	}
	return ""
}

func dirError(dir, what string, err error) error {
	return &eventbus.Error{
		Code:    eventbus.CodeUnavailable,
		Message: fmt.Sprintf("data directory %s %s; nothing was changed", dir, what),
		Next:    "choose a directory of your own with --data-dir",
		Err:     err,
	}
}

// Close gives the directory back. A nil lock is none.
func (l *dirLock) Close() error {
	if l == nil {
		return nil
	}
	if err := l.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}
