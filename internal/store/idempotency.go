package store

import (
	"context"
	"database/sql"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// callsKept bounds the remembered calls; the oldest go first.
const callsKept = 10_000

// ClaimCall notes that a call begins, unless one of its key is known: then it
// gives that one, and first is false. Calls from before expired are forgotten.
func (s *Store) ClaimCall(ctx context.Context, c eventbus.IdempotentCall, expired time.Time) (known eventbus.IdempotentCall, first bool, err error) {
	text, err := encode(c)
	if err != nil {
		return eventbus.IdempotentCall{}, false, err
	}
	err = s.inTx(ctx, "note a call", func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM idempotent_calls WHERE created_at < $1", micros(expired)); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "DELETE FROM idempotent_calls WHERE call_key IN (SELECT call_key FROM idempotent_calls ORDER BY created_at DESC LIMIT 1000 OFFSET $1)",
			callsKept-1); err != nil {
			return err
		}
		rows, err := exec(ctx, tx, "INSERT INTO idempotent_calls (call_key, created_at, status, document) VALUES ($1, $2, 0, $3) ON CONFLICT (call_key) DO NOTHING",
			c.Key, micros(c.At), text)
		if err != nil || rows == 1 {
			known, first = c, true
			return err
		}
		list, err := queryRows(ctx, tx, document[eventbus.IdempotentCall], "SELECT document FROM idempotent_calls WHERE call_key = $1", c.Key)
		known, err = one(list, err, "call", c.Key)
		first = false
		return err
	})
	if err != nil {
		return eventbus.IdempotentCall{}, false, err
	}
	return known, first, nil
}

// SettleCall keeps the answer of a call that was claimed.
func (s *Store) SettleCall(ctx context.Context, c eventbus.IdempotentCall) error {
	text, err := encode(c)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "keep the answer of a call", func(tx *sql.Tx) error {
		rows, err := exec(ctx, tx, "UPDATE idempotent_calls SET status = $2, document = $3 WHERE call_key = $1", c.Key, c.Status, text)
		if err == nil && rows == 0 {
			return notFound("call", c.Key)
		}
		return err
	})
}

// ForgetCall lets a call that did nothing be made again.
func (s *Store) ForgetCall(ctx context.Context, key string) error {
	return s.execute(ctx, "forget a call", "DELETE FROM idempotent_calls WHERE call_key = $1 AND status = 0", key)
}
