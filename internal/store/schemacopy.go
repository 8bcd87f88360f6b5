package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// SchemaCopies is the copy of the schema topic (registry.Copies).
type SchemaCopies struct{ s *Store }

// SchemaCopies gives the copy of the schema topic.
func (s *Store) SchemaCopies() *SchemaCopies { return &SchemaCopies{s} }

// recordHeader is what a record carries besides its key and value.
type recordHeader struct {
	Time      time.Time      `json:"time,omitzero"`
	Author    string         `json:"author,omitempty"`
	RequestID string         `json:"requestId,omitempty"`
	Since     time.Time      `json:"since,omitzero"`
	HighIDs   map[string]int `json:"highIds,omitempty"`
}

// AppendRecords copies records; they are durable when it returns. A record that
// is there already is left alone if its key and value are the same, and
// CodeConflict if not: then nothing of this call is written. A nil Value is a
// tombstone and stays one.
func (c *SchemaCopies) AppendRecords(ctx context.Context, records []registry.Record) error {
	return c.s.inTx(ctx, "copy schema records", func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, `INSERT INTO schema_records (record_offset, record_key, record_value, tombstone, headers)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (record_offset) DO NOTHING`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, r := range records {
			headers, err := encode(recordHeader{r.Time, r.Author, r.RequestID, r.Since, r.HighIDs})
			if err != nil {
				return err
			}
			result, err := insert.ExecContext(ctx, r.Offset, r.Key, r.Value, r.Value == nil, headers)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 1 {
				continue
			}
			if err := sameRecord(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func sameRecord(ctx context.Context, tx *sql.Tx, r registry.Record) error {
	have, err := queryRows(ctx, tx, schemaRecord, schemaRecordQuery+" WHERE record_offset = $1", r.Offset)
	if err != nil {
		return err
	}
	if len(have) == 1 && bytes.Equal(have[0].Key, r.Key) && bytes.Equal(have[0].Value, r.Value) && (have[0].Value == nil) == (r.Value == nil) {
		return nil
	}
	return &eventbus.Error{Code: eventbus.CodeConflict,
		Message: fmt.Sprintf("the copy of the schema topic holds another record at offset %d; nothing was copied", r.Offset),
		Next:    "find out which of the two is right before going on: schema ids may have been given out twice"}
}

// LastOffset gives the highest offset that is kept, -1 when none is.
func (c *SchemaCopies) LastOffset(ctx context.Context) (int64, error) {
	list, err := queryRows(ctx, c.s.read, func(rows *sql.Rows) (offset int64, err error) { return offset, rows.Scan(&offset) },
		"SELECT record_offset FROM schema_records ORDER BY record_offset DESC LIMIT 1")
	if err != nil {
		return -1, translate(err, "look for the end of the copy of the schema topic")
	}
	if len(list) == 0 {
		return -1, nil
	}
	return list[0], nil
}

// ReadRecords calls each for every record from an offset on, in the order of
// offsets, and ends with its first error. Empty keys are read as nil.
func (c *SchemaCopies) ReadRecords(ctx context.Context, from int64, each func(registry.Record) error) error {
	const page = 1000
	for {
		list, err := queryRows(ctx, c.s.read, schemaRecord, fmt.Sprintf("%s WHERE record_offset >= $1 ORDER BY record_offset LIMIT %d", schemaRecordQuery, page), from)
		if err != nil {
			return translate(err, "read the copy of the schema topic")
		}
		for _, r := range list {
			if err := each(r); err != nil {
				return err
			}
			from = r.Offset + 1
		}
		if len(list) < page {
			return nil
		}
	}
}

// ForgetRecords drops the whole copy.
func (c *SchemaCopies) ForgetRecords(ctx context.Context) error {
	return c.s.execute(ctx, "drop the copy of the schema topic", "DELETE FROM schema_records")
}

const schemaRecordQuery = "SELECT record_offset, record_key, record_value, tombstone, headers FROM schema_records"

func schemaRecord(rows *sql.Rows) (r registry.Record, err error) {
	var tombstone bool
	var headers string
	var h recordHeader
	if err := rows.Scan(&r.Offset, &r.Key, &r.Value, &tombstone, &headers); err != nil {
		return r, err
	}
	if !tombstone && r.Value == nil { // SQLite's driver reads empty bytes as nil
		r.Value = []byte{}
	}
	err = decode(headers, &h)
	r.Time, r.Author, r.RequestID, r.Since, r.HighIDs = h.Time, h.Author, h.RequestID, h.Since, h.HighIDs
	return r, err
}
