package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// filter collects the conditions of a query.
type filter struct {
	conditions []string
	args       []any
}

// add appends a condition; its "?" becomes the placeholder of arg.
func (f *filter) add(condition string, arg any) {
	f.args = append(f.args, arg)
	f.conditions = append(f.conditions, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(f.args))))
}

// before restricts to what comes after a row in a list that is newest first.
func (f *filter) before(at int64, id string) {
	f.args = append(f.args, at, id)
	at1, id1 := len(f.args)-1, len(f.args)
	f.conditions = append(f.conditions, fmt.Sprintf("(created_at < $%d OR created_at = $%d AND id < $%d)", at1, at1, id1))
}

// equal restricts a column unless the value is empty.
func (f *filter) equal(column, value string) {
	if value != "" {
		f.add(column+" = ?", value)
	}
}

// where gives the clause, or nothing.
func (f *filter) where() string {
	if len(f.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(f.conditions, " AND ")
}

// pattern restricts a column to a name, or to a prefix when it ends in "*".
// LIKE would not do: it is case-blind in SQLite only, and "_" is common in names.
func (f *filter) pattern(column, value string) {
	prefix, cut := strings.CutSuffix(value, "*")
	if !cut {
		f.equal(column, value)
		return
	}
	if prefix != "" {
		f.add(fmt.Sprintf("substr(%s, 1, %d) = ?", column, utf8.RuneCountInString(prefix)), prefix)
	}
}
