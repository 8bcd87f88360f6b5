package store

import (
	"context"
	"database/sql"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// AddUsage adds numbers to the buckets they belong to: records and bytes are
// summed, first and last seen widened.
func (s *Store) AddUsage(ctx context.Context, buckets []eventbus.UsageBucket) error {
	if len(buckets) == 0 {
		return nil
	}
	return s.inTx(ctx, "add usage", func(tx *sql.Tx) error {
		upsert, err := tx.PrepareContext(ctx, `INSERT INTO usage_buckets AS u (topic, width, start_at, principal, direction,
			consumer_group, schema_id, first_seen, last_seen, records, bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (topic, width, start_at, principal, direction, consumer_group, schema_id) DO UPDATE SET
			first_seen = CASE WHEN excluded.first_seen < u.first_seen THEN excluded.first_seen ELSE u.first_seen END,
			last_seen = CASE WHEN excluded.last_seen > u.last_seen THEN excluded.last_seen ELSE u.last_seen END,
			records = u.records + excluded.records, bytes = u.bytes + excluded.bytes`)
		if err != nil {
			return err
		}
		defer upsert.Close()
		for _, b := range buckets {
			args := []any{b.Topic, b.Width.Microseconds(), micros(b.Start), b.Principal, string(b.Direction), b.Group,
				b.SchemaID, micros(b.FirstSeen), micros(b.LastSeen), b.Records, b.Bytes}
			if err := checkText(args); err != nil {
				return err
			}
			if _, err := upsert.ExecContext(ctx, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Usage gives all buckets that match, oldest first. Since and Until compare the
// bucket's start; Until itself is left out.
func (s *Store) Usage(ctx context.Context, q eventbus.UsageQuery) ([]eventbus.UsageBucket, error) {
	var f filter
	f.equal("topic", q.Topic)
	f.equal("principal", q.Principal)
	f.equal("consumer_group", q.Group)
	f.equal("direction", string(q.Direction))
	if q.Width > 0 {
		f.add("width = ?", q.Width.Microseconds())
	}
	if !q.Since.IsZero() {
		f.add("start_at >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		f.add("start_at < ?", micros(q.Until))
	}
	list, err := queryRows(ctx, s.read, usageBucket, `SELECT topic, width, start_at, principal, direction, consumer_group, schema_id,
		first_seen, last_seen, records, bytes FROM usage_buckets`+f.where()+
		" ORDER BY start_at, width, topic, principal, direction, consumer_group, schema_id", f.args...)
	return all(list, err, "usage")
}

func usageBucket(rows *sql.Rows) (b eventbus.UsageBucket, err error) {
	var width, start, first, last int64
	err = rows.Scan(&b.Topic, &width, &start, &b.Principal, &b.Direction, &b.Group, &b.SchemaID, &first, &last, &b.Records, &b.Bytes)
	b.Width, b.Start = time.Duration(width)*time.Microsecond, moment(start)
	b.FirstSeen, b.LastSeen = moment(first), moment(last)
	return b, err
}

// PruneUsage deletes hourly buckets that start before hourBefore and wider ones
// that start before dayBefore.
func (s *Store) PruneUsage(ctx context.Context, hourBefore, dayBefore time.Time) error {
	return s.inTx(ctx, "delete old usage", func(tx *sql.Tx) error {
		hour := time.Hour.Microseconds()
		if _, err := exec(ctx, tx, "DELETE FROM usage_buckets WHERE width = $1 AND start_at < $2", hour, micros(hourBefore)); err != nil {
			return err
		}
		_, err := exec(ctx, tx, "DELETE FROM usage_buckets WHERE width > $1 AND start_at < $2", hour, micros(dayBefore))
		return err
	})
}
