package store

import (
	"context"
	"database/sql"
	"time"
)

// attempts is how often a transaction is tried when the database asks for it.
const attempts = 8

// inTx runs fn in one transaction and repeats it when the database lost it to
// another (SQLITE_BUSY, 40001, 40P01); fn must therefore be repeatable. doing
// completes "the store could not …".
func (s *Store) inTx(ctx context.Context, doing string, fn func(tx *sql.Tx) error) error {
	var err error
	for n := range attempts {
		if err = s.try(ctx, fn); !transient(err) {
			break
		}
		pause := time.NewTimer(time.Millisecond << n)
		select {
		case <-ctx.Done():
			pause.Stop()
			return translate(ctx.Err(), doing)
		case <-pause.C:
		}
	}
	return translate(err, doing)
}

func (s *Store) try(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = s.checkFence(ctx, tx)
	if err == nil {
		err = fn(tx)
	}
	if err != nil {
		_ = tx.Rollback() // the first error is the one that says why
		return err
	}
	return tx.Commit()
}

// execute is a transaction of one statement, whatever number of rows it touches.
func (s *Store) execute(ctx context.Context, doing, query string, args ...any) error {
	return s.inTx(ctx, doing, func(tx *sql.Tx) error {
		_, err := exec(ctx, tx, query, args...)
		return err
	})
}

// exec runs one statement and gives the number of rows it touched.
func exec(ctx context.Context, tx *sql.Tx, query string, args ...any) (int64, error) {
	if err := checkText(args); err != nil {
		return 0, err
	}
	result, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
