package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

var requestTable = table{name: "requests", noun: "request", keys: 1,
	columns: []string{"id", "created_at", "state", "kind", "event", "team", "submitter", "content"}}

// SaveRequest inserts or updates a request together with the audit entries and
// notifications of the act. Content is kept byte for byte. The database itself
// refuses (CodeForbidden) an approval of the present content by its submitter
// or by anybody who wrote any of it, whatever the caller believed.
func (s *Store) SaveRequest(ctx context.Context, r eventbus.Request, audit []eventbus.AuditEntry, tell []eventbus.Notification) (eventbus.Request, error) {
	r.Version++
	plain := r
	plain.Content = nil // has a column of its own: JSON encoders reformat it
	err := s.inTx(ctx, "save request "+r.ID, func(tx *sql.Tx) error {
		if err := requestTable.save(ctx, tx, r.Version, plain, r.ID, micros(r.CreatedAt), string(r.State), string(r.Kind),
			r.Event, r.Team, r.Submitter, string(r.Content)); err != nil {
			return err
		}
		if err := saveParts(ctx, tx, r); err != nil {
			return err
		}
		if err := s.saveNotifications(ctx, tx, tell); err != nil {
			return err
		}
		_, err := s.chain(ctx, tx, audit)
		return err
	})
	return saved(r, err)
}

// saveParts writes who has which part in the present content.
func saveParts(ctx context.Context, tx *sql.Tx, r eventbus.Request) error {
	if _, err := exec(ctx, tx, "DELETE FROM approvals WHERE request_id = $1", r.ID); err != nil {
		return err
	}
	if _, err := exec(ctx, tx, "DELETE FROM request_parts WHERE request_id = $1", r.ID); err != nil {
		return err
	}
	const part = "INSERT INTO request_parts (request_id, person, part) VALUES ($1, $2, $3) ON CONFLICT (request_id, person) DO NOTHING"
	for _, author := range slices.Concat(r.Authors, []string{r.Submitter}) {
		if _, err := exec(ctx, tx, part, r.ID, author, "author"); err != nil {
			return err
		}
	}
	for _, a := range r.Approvals {
		if a.Decision != eventbus.DecisionApprove || a.ContentHash != r.ContentHash || a.Void {
			continue // history: it is in the document
		}
		if _, err := exec(ctx, tx, part, r.ID, a.By, "approver"); err != nil {
			return err
		}
		_, err := exec(ctx, tx, `INSERT INTO approvals (request_id, stage, environment, approver, part, submitter, content_hash, at)
			VALUES ($1, $2, $3, $4, 'approver', $5, $6, $7) ON CONFLICT (request_id, stage, environment, approver) DO NOTHING`,
			r.ID, string(a.Stage), a.Environment, a.By, r.Submitter, a.ContentHash, micros(a.At))
		if err != nil && codeOf(err) == eventbus.CodeConflict { // the four-eyes constraints
			return &eventbus.Error{Code: eventbus.CodeForbidden, Err: err,
				Message: fmt.Sprintf("%s wrote part of request %s and cannot approve it; nothing was saved", a.By, r.ID),
				Next:    "another person with the reviewer's role must approve"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const requestQuery = "SELECT document, content FROM requests"

// Request gives a request by id.
func (s *Store) Request(ctx context.Context, id string) (eventbus.Request, error) {
	list, err := queryRows(ctx, s.read, request, requestQuery+" WHERE id = $1", id)
	return one(list, err, "request", id)
}

// Requests gives a page of requests, newest first.
func (s *Store) Requests(ctx context.Context, q eventbus.RequestQuery) ([]eventbus.Request, error) {
	var f filter
	f.equal("state", string(q.State))
	f.equal("kind", string(q.Kind))
	f.equal("event", q.Event)
	f.equal("team", q.Team)
	f.equal("submitter", q.Submitter)
	if q.OpenOnly {
		f.conditions = append(f.conditions, "state NOT IN ('active', 'rejected', 'withdrawn', 'expired')")
	}
	if !q.Before.IsZero() {
		f.before(micros(q.Before), q.BeforeID) // no id is before the empty one
	}
	list, err := queryRows(ctx, s.read, request, fmt.Sprintf("%s%s ORDER BY created_at DESC, id DESC LIMIT %d",
		requestQuery, f.where(), limited(q.Limit)), f.args...)
	return all(list, err, "requests")
}

func request(rows *sql.Rows) (r eventbus.Request, err error) {
	var text, content string
	if err := rows.Scan(&text, &content); err != nil {
		return r, err
	}
	err = decode(text, &r)
	r.Content = nil
	if content != "" {
		r.Content = json.RawMessage(content)
	}
	return r, err
}
