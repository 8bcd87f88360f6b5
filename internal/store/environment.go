package store

import (
	"context"
	"database/sql"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// SaveEnvironments replaces the set of environments.
func (s *Store) SaveEnvironments(ctx context.Context, environments []eventbus.Environment) error {
	return s.inTx(ctx, "save the environments", func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM environments"); err != nil {
			return err
		}
		for _, e := range environments {
			text, err := encode(e)
			if err != nil {
				return err
			}
			if _, err := exec(ctx, tx, "INSERT INTO environments (name, document) VALUES ($1, $2)", e.Name, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// Environments gives all environments, as promotion goes.
func (s *Store) Environments(ctx context.Context) ([]eventbus.Environment, error) {
	list, err := queryRows(ctx, s.read, document[eventbus.Environment], "SELECT document FROM environments ORDER BY name")
	eventbus.SortEnvironments(list)
	return all(list, err, "environments")
}

// SaveLogStart records the first offset of a partition that still counts; topic
// is any key for the topic. It is durable when it returns, and never goes back: a lower offset than the stored one changes nothing.
func (s *Store) SaveLogStart(ctx context.Context, topic string, partition int32, offset int64) error {
	return s.execute(ctx, "save the log start of "+topic, `INSERT INTO log_starts (topic, partition_id, start_offset) VALUES ($1, $2, $3)
		ON CONFLICT (topic, partition_id) DO UPDATE SET start_offset = excluded.start_offset
		WHERE excluded.start_offset > log_starts.start_offset`, topic, partition, offset)
}

// LogStarts gives every recorded log start, by topic and partition.
func (s *Store) LogStarts(ctx context.Context) (map[string]map[int32]int64, error) {
	type start struct {
		topic     string
		partition int32
		offset    int64
	}
	list, err := queryRows(ctx, s.read, func(rows *sql.Rows) (l start, err error) {
		return l, rows.Scan(&l.topic, &l.partition, &l.offset)
	}, "SELECT topic, partition_id, start_offset FROM log_starts")
	if err != nil {
		return nil, translate(err, "read the log starts")
	}
	starts := map[string]map[int32]int64{}
	for _, l := range list {
		if starts[l.topic] == nil {
			starts[l.topic] = map[int32]int64{}
		}
		starts[l.topic][l.partition] = l.offset
	}
	return starts, nil
}

// DeleteLogStarts forgets a topic's log starts, when the topic is deleted: a new
// topic of the same name begins at 0.
func (s *Store) DeleteLogStarts(ctx context.Context, topic string) error {
	return s.execute(ctx, "delete the log starts of "+topic, "DELETE FROM log_starts WHERE topic = $1", topic)
}
