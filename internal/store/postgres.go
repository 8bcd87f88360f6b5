package store

import (
	"context"
	"database/sql"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// connections bounds the PostgreSQL connections of one instance.
const connections = 16

// openPostgres opens one pool. Several instances may start at once: a lock in
// the database lets one of them migrate.
func (s *Store) openPostgres(ctx context.Context) error {
	db, err := sql.Open("pgx", s.cfg.DSN)
	if err != nil {
		return err
	}
	s.done = append(s.done, db.Close)
	s.write, s.read = db, db
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // each second, for a minute
	if err != nil {
		return err
	}
	return migrate(ctx, db, goose.DialectPostgres, goose.WithSessionLocker(locker))
}
