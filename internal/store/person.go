package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// SavePerson inserts or replaces a person.
func (s *Store) SavePerson(ctx context.Context, p eventbus.Person, audit ...eventbus.AuditEntry) error {
	return s.put(ctx, "save person "+p.ID, p, audit,
		"INSERT INTO people (id, document) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET document = excluded.document", p.ID)
}

// put writes one document by an upsert whose last placeholder is the document.
func (s *Store) put(ctx context.Context, doing string, noun any, audit []eventbus.AuditEntry, query string, args ...any) error {
	text, err := encode(noun)
	if err != nil {
		return err
	}
	return s.inTx(ctx, doing, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, query, append(slices.Clone(args), text)...); err != nil {
			return err
		}
		_, err := s.chain(ctx, tx, audit)
		return err
	})
}

// Person gives a person by id.
func (s *Store) Person(ctx context.Context, id string) (eventbus.Person, error) {
	list, err := queryRows(ctx, s.read, document[eventbus.Person], "SELECT document FROM people WHERE id = $1", id)
	return one(list, err, "person", id)
}

// People gives everybody, by id.
func (s *Store) People(ctx context.Context) ([]eventbus.Person, error) {
	return sortedDocuments(ctx, s, "people", "people", func(p eventbus.Person) string { return p.ID })
}

// SaveSession inserts or replaces a browser session.
func (s *Store) SaveSession(ctx context.Context, session eventbus.Session) error {
	return s.put(ctx, "save a session", session, nil, `INSERT INTO sessions (hash, person, expires_at, last_seen, document) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (hash) DO UPDATE SET person = excluded.person, expires_at = excluded.expires_at, last_seen = excluded.last_seen, document = excluded.document`,
		session.Hash, session.Person.ID, micros(session.ExpiresAt), micros(session.LastSeen))
}

// Session gives a session by the hash of its id, expired or not.
func (s *Store) Session(ctx context.Context, hash string) (eventbus.Session, error) {
	list, err := queryRows(ctx, s.read, browserSession, "SELECT document, hash, last_seen FROM sessions WHERE hash = $1", hash)
	return one(list, err, "session", "with this id")
}

func browserSession(rows *sql.Rows) (session eventbus.Session, err error) {
	var text, hash string
	var seen int64
	if err := rows.Scan(&text, &hash, &seen); err != nil {
		return session, err
	}
	err = decode(text, &session)
	session.Hash, session.LastSeen = hash, moment(seen)
	return session, err
}

// TouchSession notes when a session was last used; it never goes back, and a
// session that was deleted meanwhile stays so (CodeNotFound).
func (s *Store) TouchSession(ctx context.Context, hash string, at time.Time) error {
	return s.inTx(ctx, "note the use of a session", func(tx *sql.Tx) error {
		n, err := exec(ctx, tx, "UPDATE sessions SET last_seen = CASE WHEN last_seen < $2 THEN $2 ELSE last_seen END WHERE hash = $1", hash, micros(at))
		if err == nil && n == 0 {
			return notFound("session", "with this id")
		}
		return err
	})
}

// DeleteSession ends a session; one that is gone is nothing.
func (s *Store) DeleteSession(ctx context.Context, hash string) error {
	return s.execute(ctx, "delete a session", "DELETE FROM sessions WHERE hash = $1", hash)
}

// DeleteSessionsOf ends all sessions of a person, in every browser.
func (s *Store) DeleteSessionsOf(ctx context.Context, person string, audit ...eventbus.AuditEntry) error {
	return s.inTx(ctx, "delete the sessions of "+person, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM sessions WHERE person = $1", person); err != nil {
			return err
		}
		_, err := s.chain(ctx, tx, audit)
		return err
	})
}

// PruneSessions deletes the sessions that have expired before a time.
func (s *Store) PruneSessions(ctx context.Context, before time.Time) error {
	return s.execute(ctx, "delete expired sessions", "DELETE FROM sessions WHERE expires_at < $1", micros(before))
}

// SaveToken saves a new API token; tokens are never changed, only revoked and
// touched.
func (s *Store) SaveToken(ctx context.Context, t eventbus.APIToken, audit ...eventbus.AuditEntry) error {
	return s.put(ctx, "save token "+t.ID, t, audit,
		"INSERT INTO tokens (id, hash, person, document) VALUES ($1, $2, $3, $4)", t.ID, t.Hash, t.Person)
}

const tokenQuery = "SELECT document, hash, last_used FROM tokens"

// TokenByHash gives a token by the hash of its secret, expired and revoked ones
// too.
func (s *Store) TokenByHash(ctx context.Context, hash string) (eventbus.APIToken, error) {
	list, err := queryRows(ctx, s.read, token, tokenQuery+" WHERE hash = $1", hash)
	return one(list, err, "token", "with this secret")
}

// Tokens gives the tokens of a person, or everybody's when person is empty,
// newest first.
func (s *Store) Tokens(ctx context.Context, person string) ([]eventbus.APIToken, error) {
	var f filter
	f.equal("person", person)
	list, err := queryRows(ctx, s.read, token, tokenQuery+f.where(), f.args...)
	slices.SortFunc(list, func(a, b eventbus.APIToken) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all(list, err, "tokens")
}

// RevokeToken revokes a token at a time; an earlier revocation stays.
func (s *Store) RevokeToken(ctx context.Context, id string, at time.Time, audit ...eventbus.AuditEntry) error {
	return s.inTx(ctx, "revoke token "+id, func(tx *sql.Tx) error {
		list, err := queryRows(ctx, tx, token, tokenQuery+" WHERE id = $1", id)
		t, err := one(list, err, "token", id)
		if err != nil {
			return err
		}
		if t.RevokedAt.IsZero() {
			t.RevokedAt = at
		}
		text, err := encode(t)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "UPDATE tokens SET document = $2 WHERE id = $1", id, text); err != nil {
			return err
		}
		_, err = s.chain(ctx, tx, audit)
		return err
	})
}

// TouchToken records when a token was last used; it never goes back.
func (s *Store) TouchToken(ctx context.Context, id string, at time.Time) error {
	return s.execute(ctx, "touch token "+id, "UPDATE tokens SET last_used = $2 WHERE id = $1 AND last_used < $2", id, micros(at))
}

func token(rows *sql.Rows) (t eventbus.APIToken, err error) {
	var text, hash string
	var used int64
	if err := rows.Scan(&text, &hash, &used); err != nil {
		return t, err
	}
	err = decode(text, &t)
	t.Hash, t.LastUsed = hash, moment(used)
	return t, err
}
