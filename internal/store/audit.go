package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// auditLimit bounds the write of a batch of audit entries, which serves many
// callers and therefore ends with none of their contexts.
const auditLimit = 15 * time.Second

// auditBatch is the largest number of entries in one transaction, if no single
// caller brings more.
const auditBatch = 1000

// auditRows is the number of entries in one INSERT: a round trip to PostgreSQL is
// worth sharing, while SQLite looks up each placeholder among all the others.
const auditRows = 16

// appender joins concurrent appends to one transaction (group commit): the disk
// is waited for once, however many logins and decisions arrive meanwhile. There
// is no goroutine of its own: whoever holds the turn writes for all in the queue.
type appender struct {
	turn  chan struct{} // holds one element while a batch is written
	mu    sync.Mutex
	queue []*appendCall
}

type appendCall struct {
	entries []eventbus.AuditEntry // as given; chained when done
	err     error
	done    chan struct{}
}

func newAppender() *appender { return &appender{turn: make(chan struct{}, 1)} }

// AppendAudit appends entries to the chain and gives them with their places in
// it; they are durable when it returns. An entry without a time gets the present
// one. When ctx ends before the write has begun, nothing is written.
func (s *Store) AppendAudit(ctx context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error) {
	if len(entries) == 0 {
		return []eventbus.AuditEntry{}, nil
	}
	if ctx.Err() != nil {
		return nil, translate(ctx.Err(), "append to the audit record")
	}
	if fenced(ctx) { // it stands and falls with its caller's lease, the entries of others do not
		return s.appendAlone(ctx, entries)
	}
	call := &appendCall{entries: slices.Clone(entries), done: make(chan struct{})}
	s.audit.mu.Lock()
	s.audit.queue = append(s.audit.queue, call)
	s.audit.mu.Unlock()
	select {
	case <-call.done:
	case s.audit.turn <- struct{}{}:
		s.writeQueue(ctx, call)
		<-s.audit.turn
	case <-ctx.Done():
		if s.audit.leave(call) {
			return nil, translate(ctx.Err(), "append to the audit record")
		}
		<-call.done // it is being written
	}
	if call.err != nil {
		return nil, call.err
	}
	return call.entries, nil
}

// appendAlone appends entries in a transaction that is shared with nobody.
func (s *Store) appendAlone(ctx context.Context, entries []eventbus.AuditEntry) (chained []eventbus.AuditEntry, err error) {
	err = s.inTx(ctx, "append to the audit record", func(tx *sql.Tx) (err error) {
		chained, err = s.chain(ctx, tx, entries)
		return err
	})
	if err != nil {
		return nil, err
	}
	return chained, nil
}

// leave takes a call out of the queue, unless it is being written already.
func (a *appender) leave(call *appendCall) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.queue, call)
	if i >= 0 {
		a.queue = slices.Delete(a.queue, i, i+1)
	}
	return i >= 0
}

// take gives the next batch.
func (a *appender) take() []*appendCall {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, entries := 0, 0
	for ; n < len(a.queue) && (n == 0 || entries < auditBatch); n++ {
		entries += len(a.queue[n].entries)
	}
	batch := slices.Clone(a.queue[:n])
	a.queue = slices.Delete(a.queue, 0, n)
	return batch
}

// writeQueue writes batches until own is done.
func (s *Store) writeQueue(ctx context.Context, own *appendCall) {
	for {
		select {
		case <-own.done: // by the one who had the turn before
			return
		default:
		}
		batch := s.audit.take()
		var entries []eventbus.AuditEntry
		for _, call := range batch {
			entries = append(entries, call.entries...)
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditLimit)
		var chained []eventbus.AuditEntry
		err := s.inTx(limited, "append to the audit record", func(tx *sql.Tx) (err error) {
			chained, err = s.chain(limited, tx, entries)
			return err
		})
		cancel()
		for _, call := range batch {
			if call.err = err; err == nil {
				n := len(call.entries)
				call.entries, chained = chained[:n:n], chained[n:]
			}
			close(call.done)
		}
	}
}

// chain gives entries their places and writes them, in the caller's transaction.
// The row of audit_head is locked by its first statement, so places are given
// out one transaction at a time.
func (s *Store) chain(ctx context.Context, tx *sql.Tx, entries []eventbus.AuditEntry) ([]eventbus.AuditEntry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	var seq int64
	var hash string
	if err := tx.QueryRowContext(ctx, "UPDATE audit_head SET seq = seq + $1 WHERE id = 1 RETURNING seq, hash",
		len(entries)).Scan(&seq, &hash); err != nil {
		return nil, err
	}
	seq -= int64(len(entries))
	chained := make([]eventbus.AuditEntry, len(entries))
	for i, e := range entries {
		if e.Time.IsZero() {
			e.Time = s.now()
		}
		seq++
		e = textual(e).Chained(seq, hash)
		chained[i], hash = e, e.Hash
	}
	for rows := range slices.Chunk(chained, auditRows) {
		if err := insertAudit(ctx, tx, rows); err != nil {
			return nil, err
		}
	}
	_, err := exec(ctx, tx, "UPDATE audit_head SET hash = $1 WHERE id = 1", hash)
	return chained, err
}

const auditColumns = "seq, at, actor, action, resource, outcome, reason, origin, request_id, calls, detail, prev_hash, hash"

func insertAudit(ctx context.Context, tx *sql.Tx, entries []eventbus.AuditEntry) error {
	var values strings.Builder
	var args []any
	for i, e := range entries {
		detail := ""
		if len(e.Detail) > 0 {
			var err error
			if detail, err = encode(e.Detail); err != nil {
				return err
			}
		}
		row := []any{e.Seq, e.Time.UnixMicro(), e.Actor, e.Action, e.Resource, string(e.Outcome), e.Reason, e.From,
			e.RequestID, e.Count, detail, e.PrevHash, e.Hash}
		for j := range row {
			separator := ", "
			switch {
			case j == 0 && i == 0:
				separator = "("
			case j == 0:
				separator = "), ("
			}
			fmt.Fprintf(&values, "%s$%d", separator, len(args)+j+1)
		}
		args = append(args, row...)
	}
	_, err := exec(ctx, tx, "INSERT INTO audit_entries ("+auditColumns+") VALUES "+values.String()+")", args...)
	return err
}

// textual replaces what no database keeps as text: names in an entry may come
// from anybody who can reach a port, and one odd name must not stop the record.
func textual(e eventbus.AuditEntry) eventbus.AuditEntry {
	clean := func(s string) string {
		return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	e.Actor, e.Action, e.Resource = clean(e.Actor), clean(e.Action), clean(e.Resource)
	e.Outcome, e.Reason, e.From, e.RequestID = eventbus.Outcome(clean(string(e.Outcome))), clean(e.Reason), clean(e.From), clean(e.RequestID)
	var detail map[string]string
	for k, v := range e.Detail {
		if detail == nil {
			detail = make(map[string]string, len(e.Detail))
		}
		detail[clean(k)] = clean(v)
	}
	e.Detail = detail
	return e
}

// AuditEntries gives a page of the record, oldest first unless NewestFirst.
// Exact names, outcomes and places are found by index; times, and names that end
// in "*", are compared entry by entry (about three million a second).
func (s *Store) AuditEntries(ctx context.Context, q eventbus.AuditQuery) ([]eventbus.AuditEntry, error) {
	var f filter
	f.pattern("actor", q.Actor)
	f.pattern("action", q.Action)
	f.pattern("resource", q.Resource)
	f.equal("outcome", string(q.Outcome))
	if !q.Since.IsZero() {
		f.add("at >= ?", micros(q.Since))
	}
	if !q.Until.IsZero() {
		f.add("at < ?", micros(q.Until))
	}
	if q.AfterSeq > 0 {
		f.add("seq > ?", q.AfterSeq)
	}
	if q.BeforeSeq > 0 {
		f.add("seq < ?", q.BeforeSeq)
	}
	order := "seq"
	if q.NewestFirst {
		order = "seq DESC"
	}
	list, err := queryRows(ctx, s.read, auditEntry, fmt.Sprintf("SELECT %s FROM audit_entries%s ORDER BY %s LIMIT %d",
		auditColumns, f.where(), order, limited(q.Limit)), f.args...)
	return all(list, err, "audit record")
}

func auditEntry(rows *sql.Rows) (e eventbus.AuditEntry, err error) {
	var at int64
	var detail string
	if err := rows.Scan(&e.Seq, &at, &e.Actor, &e.Action, &e.Resource, &e.Outcome, &e.Reason, &e.From,
		&e.RequestID, &e.Count, &detail, &e.PrevHash, &e.Hash); err != nil {
		return e, err
	}
	e.Time = time.UnixMicro(at).UTC()
	if detail == "" {
		return e, nil
	}
	if decode(detail, &e.Detail) != nil {
		// Somebody changed it: the reader gets what is there, and the chain
		// does not verify at this entry.
		e.Detail = map[string]string{"unreadable": detail}
	}
	return e, nil
}

// AuditHead gives the place and hash of the last entry; 0 and "" when there is
// none.
func (s *Store) AuditHead(ctx context.Context) (seq int64, hash string, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT seq, hash FROM audit_head WHERE id = 1").Scan(&seq, &hash)
	return seq, hash, translate(err, "read the head of the audit record")
}
