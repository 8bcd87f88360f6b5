package store

import (
	"context"
	"database/sql"
)

// bump moves a counter, in the transaction of what it counts, and gives its new
// value. Transactions that move the same counter wait for each other, so values
// become visible in order.
func bump(ctx context.Context, tx *sql.Tx, name string) (int64, error) {
	list, err := queryRows(ctx, tx, count,
		"INSERT INTO counters (name, value) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value", name)
	if err != nil {
		return 0, err
	}
	return list[0], nil
}

func count(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) }

// counter reads a counter; one that never moved is 0.
func (s *Store) counter(ctx context.Context, name string) (int64, error) {
	list, err := queryRows(ctx, s.read, count,
		"SELECT value FROM counters WHERE name = $1", name)
	if err != nil {
		return 0, translate(err, "read the counter "+name)
	}
	if len(list) == 0 {
		return 0, nil
	}
	return list[0], nil
}
