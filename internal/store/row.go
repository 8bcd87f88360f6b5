package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// queryer is what reads: a pool or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// queryRows reads all rows of a query; the result is never nil.
func queryRows[T any](ctx context.Context, q queryer, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	if err := checkText(args); err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []T{}
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// document reads a row whose only column is a noun's JSON.
func document[T any](rows *sql.Rows) (T, error) {
	var noun T
	var text string
	if err := rows.Scan(&text); err != nil {
		return noun, err
	}
	return noun, decode(text, &noun)
}

// sortedDocuments gives all nouns of a table by their names; they are sorted here
// because each database has its own idea of the order of letters.
func sortedDocuments[T any](ctx context.Context, s *Store, table, nouns string, name func(T) string) ([]T, error) {
	list, err := queryRows(ctx, s.read, document[T], "SELECT document FROM "+table)
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return all(list, err, nouns)
}

func decode(text string, noun any) error {
	if err := json.Unmarshal([]byte(text), noun); err != nil {
		return eventbus.Errorf(eventbus.CodeCorrupt, "a stored document is not readable: %w", err)
	}
	return nil
}

func encode(noun any) (string, error) {
	text, err := json.Marshal(noun)
	if err != nil {
		return "", eventbus.Errorf(eventbus.CodeInvalid, "the document cannot be stored: %w", err)
	}
	return string(text), nil
}

// one gives the only element of a list, or CodeNotFound.
func one[T any](list []T, err error, noun, name string) (T, error) {
	var zero T
	switch {
	case err != nil:
		return zero, translate(err, "read "+noun+" "+name)
	case len(list) == 0:
		return zero, notFound(noun, name)
	}
	return list[0], nil
}

// all gives a list, or the error translated.
func all[T any](list []T, err error, nouns string) ([]T, error) {
	if err != nil {
		return nil, translate(err, "read the "+nouns)
	}
	return list, nil
}

// saved gives the noun unless saving failed.
func saved[T any](noun T, err error) (T, error) {
	var zero T
	if err != nil {
		return zero, err
	}
	return noun, nil
}

// limited bounds a page: 0 means 100, at most 1000.
func limited(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 1000)
}

// micros gives a time as stored: 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the inverse of micros.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
