package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// translate gives an error of the database its code. An *eventbus.Error stays
// as it is; doing completes "the store could not …".
func translate(err error, doing string) error {
	var known *eventbus.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	e := &eventbus.Error{Code: codeOf(err), Message: "the store could not " + doing + "; nothing was changed", Err: err}
	switch e.Code {
	case eventbus.CodeUnavailable:
		e.Next = "try again; if it goes on, ask the bus team to look at the database"
	case eventbus.CodeConflict:
		e.Next = "read it again and repeat the change"
	case eventbus.CodeCorrupt:
		e.Next = "stop the bus and restore the database from a backup"
	}
	return e
}

// codeOf maps SQLite's result codes (sqlite.org/rescode.html) and PostgreSQL's
// SQLSTATE classes (PostgreSQL manual, appendix A). Anything unknown is a
// database that cannot be used now.
func codeOf(err error) eventbus.Code {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return eventbus.CodeUnavailable
	case errors.Is(err, sql.ErrNoRows):
		return eventbus.CodeNotFound
	case errors.As(err, &lite):
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_CONSTRAINT:
			return eventbus.CodeConflict
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return eventbus.CodeCorrupt
		case sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE:
			return eventbus.CodeInternal
		}
	case errors.As(err, &pg) && len(pg.Code) == 5:
		switch pg.Code[:2] {
		case "23":
			return eventbus.CodeConflict
		case "22":
			return eventbus.CodeInvalid
		case "42":
			return eventbus.CodeInternal
		case "XX":
			return eventbus.CodeCorrupt
		}
	}
	return eventbus.CodeUnavailable
}

// transient reports whether the same transaction may well succeed if repeated:
// SQLite's lock is held by another process, PostgreSQL broke a deadlock or a
// serialisation.
func transient(err error) bool {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		code := lite.Code() & 0xff
		return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
	case errors.As(err, &pg):
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return false
}

// brokenReference reports whether a row names another that does not exist.
func brokenReference(err error) bool {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return lite.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
	case errors.As(err, &pg):
		return pg.Code == "23503"
	}
	return false
}

// checkText refuses what PostgreSQL cannot keep as text, on SQLite too, so that
// both behave the same.
func checkText(args []any) error {
	for _, a := range args {
		if s, ok := a.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			return eventbus.Errorf(eventbus.CodeInvalid, "a name or text holds bytes that are not UTF-8 text: %.60q", s)
		}
	}
	return nil
}

func notFound(noun, name string) error {
	return eventbus.Errorf(eventbus.CodeNotFound, "there is no %s %s", noun, name)
}
