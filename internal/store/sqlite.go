package store

import (
	"context"
	"database/sql"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the "sqlite" driver
)

// readers is the number of SQLite connections that only read.
const readers = 4

// openSQLite opens one connection that writes and a few that read: SQLite has
// one writer at a time anyway, and queueing for it in Go is fairer and faster
// than its busy handler. With the write-ahead log readers never wait.
//
// synchronous=FULL for everything: an approval, an audit entry or a schema that
// was acknowledged survives a power cut, and no reader of the code has to know
// which write is durable. A private database disappears anyway and is not
// synchronised.
func (s *Store) openSQLite(ctx context.Context) error {
	path, synchronous := s.cfg.Path, "FULL"
	if path == "" {
		dir, err := os.MkdirTemp("", "eventbus-store-")
		if err != nil {
			return err
		}
		s.done = append(s.done, func() error { return os.RemoveAll(dir) })
		path, synchronous = filepath.Join(dir, "bus.db"), "OFF"
	}
	if err := createPrivate(path); err != nil {
		return err
	}
	var err error
	if s.write, err = s.pool(path, 1, "journal_mode(WAL)", "synchronous("+synchronous+")",
		"foreign_keys(1)", "journal_size_limit(67108864)"); err != nil {
		return err
	}
	if err := migrate(ctx, s.write, goose.DialectSQLite3); err != nil {
		return err
	}
	s.read, err = s.pool(path, readers, "query_only(1)")
	return err
}

// pool opens a pool of SQLite connections; it is released before what was
// opened earlier.
func (s *Store) pool(path string, size int, pragmas ...string) (*sql.DB, error) {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{"busy_timeout(5000)"}, pragmas...)}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	s.done = append([]func() error{db.Close}, s.done...)
	return db, nil
}

// createPrivate makes the file readable by its owner only; SQLite gives its
// companion files the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}

func migrationFiles() (fs.FS, error) { return fs.Sub(migrations, "migrations") }
