//go:build !(linux || darwin || freebsd)

package cluster

import (
	"errors"
	"io/fs"
	"os"
)

const openNoFollow = 0

func freeBytes(string) (int64, error) { return -1, nil }

func ownedByUs(fs.FileInfo) bool { return true }

// tryLock cannot keep the promise of one owner here, so no directory is used.
func tryLock(*os.File) (bool, error) {
	return false, errors.New("a data directory needs Linux, macOS or FreeBSD; the engine in memory works everywhere")
}
