// Package store keeps everything the bus must remember in a database: SQLite in
// one file, or PostgreSQL when several instances share one bus. It owns the
// tables (migrations/), what is written together in one transaction, and the
// place of every audit entry in the chain. It decides nothing: the domain
// packages declare the few methods they need, and internal/server, the only
// importer, hands them a *Store.
//
// Both databases run the same SQL text and the same conformance suite. Rules
// that hold for every method:
//
//   - Saving a noun that has a Version inserts it when the Version is 0, else
//     updates it where the stored Version is the same; the result carries the
//     next Version. A stale or doubled save is CodeConflict and changes nothing.
//   - Audit entries and notifications given to a method are written in the same
//     transaction as its effect, or nothing is.
//   - Errors are *eventbus.Error: CodeNotFound, CodeConflict, CodeForbidden (the
//     four-eyes backstop), CodeInvalid, CodeUnavailable, CodeCorrupt.
//   - Lists are never nil, and are in the order that the method names.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/pressly/goose/v3"
)

// Config configures a Store; the zero value is a private database that
// disappears with Close.
type Config struct {
	// Path is the SQLite file; it is made when absent, readable by its owner
	// only. Empty: a private file in the temporary directory, removed by Close.
	Path string
	// DSN, when set, is a PostgreSQL URL (postgres://…), and Path is ignored.
	DSN string
	// Channels are the ways besides the inbox by which notifications leave the
	// bus ("mail", "webhook"): each gets an entry in the outbox for every
	// notification saved from now on.
	Channels []string

	Now    func() time.Time // time.Now when nil; leases, retries of deliveries, audit entries without a time
	Logger *slog.Logger     // discards when nil
}

// Store is an open database. All methods may be called concurrently.
type Store struct {
	cfg   Config
	write *sql.DB // SQLite: the one writing connection
	read  *sql.DB // PostgreSQL: the same pool as write
	audit *appender
	done  []func() error // releases, in order
	once  sync.Once
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the database and brings its tables up to date; a database written
// by a newer eventbus is refused. ctx bounds opening only.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := &Store{cfg: cfg, audit: newAppender()}
	open := s.openSQLite
	if cfg.DSN != "" {
		open = s.openPostgres
	}
	if err := open(ctx); err != nil {
		return nil, errors.Join(translate(err, "open the database"), s.Close())
	}
	return s, nil
}

// Close releases the database; a private one is removed. Calls that are under
// way end first or fail with CodeUnavailable. Closing twice is harmless.
func (s *Store) Close() error {
	var errs []error
	s.once.Do(func() {
		for _, release := range s.done {
			errs = append(errs, release())
		}
	})
	return errors.Join(errs...)
}

// now is the time in the database's resolution.
func (s *Store) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// migrate brings the tables up to date.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, options ...goose.ProviderOption) error {
	files, err := migrationFiles()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(dialect, db, files, append(options, goose.WithDisableGlobalRegistry(true))...)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	newest := sources[len(sources)-1].Version
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if have > newest {
		return &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: "the database was written by a newer eventbus; it was left as it is",
			Next:    "start the newer version, or restore the backup made before the upgrade"}
	}
	_, err = provider.Up(ctx)
	return err
}
