package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// table is a noun with an optimistic version, kept as key columns, columns that
// are asked for, its document and its version.
type table struct {
	name    string
	noun    string   // for messages
	keys    int      // the first columns are the key
	columns []string // without document and version
}

// save inserts the row when version is 1, else updates the one of the version
// before; values are those of t.columns.
func (t table) save(ctx context.Context, tx *sql.Tx, version int64, noun any, values ...any) error {
	text, err := encode(noun)
	if err != nil {
		return err
	}
	args := append(append([]any{}, values...), text, version)
	query := t.insertSQL()
	problem := "exists already"
	if version > 1 {
		query, args = t.updateSQL(), append(args, version-1)
		problem = "was changed or removed since it was read"
	}
	switch rows, err := exec(ctx, tx, query, args...); {
	case err != nil:
		return err
	case rows == 0:
		return &eventbus.Error{Code: eventbus.CodeConflict, Next: "read it again and repeat the change",
			Message: fmt.Sprintf("%s %v %s; nothing was saved", t.noun, values[0], problem)}
	}
	return nil
}

func (t table) insertSQL() string {
	marks := make([]string, len(t.columns)+2)
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ", document, version) VALUES (" +
		strings.Join(marks, ", ") + ") ON CONFLICT DO NOTHING"
}

func (t table) updateSQL() string {
	var set, where []string
	for i, c := range append(append([]string{}, t.columns...), "document", "version") {
		if i < t.keys {
			where = append(where, fmt.Sprintf("%s = $%d", c, i+1))
			continue
		}
		set = append(set, fmt.Sprintf("%s = $%d", c, i+1))
	}
	return fmt.Sprintf("UPDATE %s SET %s WHERE %s AND version = $%d",
		t.name, strings.Join(set, ", "), strings.Join(where, " AND "), len(t.columns)+3)
}

// documentOf gives the noun with this key, of a table with one key column.
func documentOf[T any](ctx context.Context, s *Store, t table, key string) (T, error) {
	list, err := queryRows(ctx, s.read, document[T], "SELECT document FROM "+t.name+" WHERE "+t.columns[0]+" = $1", key)
	return one(list, err, t.noun, key)
}

// remove deletes a row by its key.
func (t table) remove(ctx context.Context, tx *sql.Tx, key ...any) error {
	var where []string
	for i, c := range t.columns[:t.keys] {
		where = append(where, fmt.Sprintf("%s = $%d", c, i+1))
	}
	rows, err := exec(ctx, tx, "DELETE FROM "+t.name+" WHERE "+strings.Join(where, " AND "), key...)
	if err == nil && rows == 0 {
		return notFound(t.noun, strings.Trim(fmt.Sprint(key...), "[]"))
	}
	return err
}
