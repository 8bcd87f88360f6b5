package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// The outbox: how long a delivery belongs to the instance that fetched it, and
// how failed ones are tried again.
const (
	deliveryClaim    = time.Minute
	deliveryPause    = time.Minute // doubles with each attempt …
	deliveryMaxPause = 6 * time.Hour
	deliveryAttempts = 12 // … for about a day and a half
)

// SaveNotifications saves notifications that belong to no other change. One
// whose id is there already is left alone.
func (s *Store) SaveNotifications(ctx context.Context, list []eventbus.Notification) error {
	return s.inTx(ctx, "save notifications", func(tx *sql.Tx) error { return s.saveNotifications(ctx, tx, list) })
}

func (s *Store) saveNotifications(ctx context.Context, tx *sql.Tx, list []eventbus.Notification) error {
	for _, n := range list {
		n.Read = false // a fact about a reader, not about the notification
		text, err := encode(n)
		if err != nil {
			return err
		}
		rows, err := exec(ctx, tx, "INSERT INTO notifications (id, at, audience, document) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
			n.ID, micros(n.At), audience(n.To), text)
		if err != nil {
			return err
		}
		if rows == 0 {
			continue
		}
		for _, channel := range s.cfg.Channels {
			if _, err := exec(ctx, tx, "INSERT INTO deliveries (notification_id, channel, state) VALUES ($1, $2, 'pending')", n.ID, channel); err != nil {
				return err
			}
		}
	}
	return nil
}

// audience writes the one field that is set, as one word.
func audience(to eventbus.Audience) string {
	switch {
	case to.Person != "":
		return "person:" + to.Person
	case to.Team != "":
		return "team:" + to.Team
	case to.Role != "":
		return "role:" + string(to.Role)
	default:
		return "email:" + to.Email
	}
}

// Inbox gives the newest notifications to a person, the person's teams and
// roles; limit as for all lists (0 = 100, at most 1000).
func (s *Store) Inbox(ctx context.Context, p eventbus.Person, unreadOnly bool, limit int) ([]eventbus.Notification, error) {
	args := []any{p.ID}
	mark := func(arg string) string { args = append(args, arg); return fmt.Sprintf("$%d", len(args)) }
	to := []string{mark("person:" + p.ID)}
	for _, team := range p.Teams {
		to = append(to, mark("team:"+team))
	}
	for _, role := range p.Roles {
		to = append(to, mark("role:"+string(role)))
	}
	query := `SELECT n.document, r.person IS NOT NULL FROM notifications n
		LEFT JOIN notification_reads r ON r.notification_id = n.id AND r.person = $1
		WHERE n.audience IN (` + strings.Join(to, ", ") + ")"
	if unreadOnly {
		query += " AND r.person IS NULL"
	}
	list, err := queryRows(ctx, s.read, notification, fmt.Sprintf("%s ORDER BY n.at DESC, n.id DESC LIMIT %d", query, limited(limit)), args...)
	return all(list, err, "inbox of "+p.ID)
}

func notification(rows *sql.Rows) (n eventbus.Notification, err error) {
	var text string
	var read bool
	if err := rows.Scan(&text, &read); err != nil {
		return n, err
	}
	err = decode(text, &n)
	n.Read = read
	return n, err
}

// MarkRead records that a person has read a notification; again is harmless.
func (s *Store) MarkRead(ctx context.Context, personID, notificationID string) error {
	return s.inTx(ctx, "mark a notification as read", func(tx *sql.Tx) error {
		_, err := exec(ctx, tx, "INSERT INTO notification_reads (notification_id, person) VALUES ($1, $2) ON CONFLICT DO NOTHING", notificationID, personID)
		if brokenReference(err) {
			return notFound("notification", notificationID)
		}
		return err
	})
}

// PendingDeliveries fetches notifications that a channel has not delivered,
// those waiting longest first. They belong to the caller for a minute; after
// that another call gives them again (at least once).
func (s *Store) PendingDeliveries(ctx context.Context, channel string, limit int) ([]eventbus.Notification, error) {
	var list []eventbus.Notification
	err := s.inTx(ctx, "fetch deliveries by "+channel, func(tx *sql.Tx) error {
		now := s.now()
		ids, err := queryRows(ctx, tx, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) },
			`UPDATE deliveries SET next_at = $1 WHERE channel = $2 AND state = 'pending' AND next_at <= $3 AND notification_id IN (
				SELECT notification_id FROM deliveries WHERE channel = $2 AND state = 'pending' AND next_at <= $3
				ORDER BY next_at, notification_id LIMIT $4) RETURNING notification_id`,
			micros(now.Add(deliveryClaim)), channel, micros(now), limited(limit))
		if err != nil || len(ids) == 0 {
			list = []eventbus.Notification{}
			return err
		}
		args, marks := make([]any, len(ids)), make([]string, len(ids))
		for i, id := range ids {
			args[i], marks[i] = id, fmt.Sprintf("$%d", i+1)
		}
		list, err = queryRows(ctx, tx, document[eventbus.Notification],
			"SELECT document FROM notifications WHERE id IN ("+strings.Join(marks, ", ")+") ORDER BY at, id", args...)
		return err
	})
	return all(list, err, "deliveries by "+channel)
}

// MarkDelivered ends a delivery.
func (s *Store) MarkDelivered(ctx context.Context, id, channel string) error {
	return s.inTx(ctx, "mark a notification as delivered", func(tx *sql.Tx) error {
		rows, err := exec(ctx, tx, "UPDATE deliveries SET state = 'delivered', problem = '' WHERE notification_id = $1 AND channel = $2", id, channel)
		if err == nil && rows == 0 {
			return notFound("delivery by "+channel+" of notification", id)
		}
		return err
	})
}

// MarkFailed records a failed attempt: the next is a minute later, then two,
// four, … up to six hours; after twelve the delivery is given up. The inbox
// keeps the notification anyway.
func (s *Store) MarkFailed(ctx context.Context, id, channel, problem string) error {
	return s.inTx(ctx, "mark a delivery as failed", func(tx *sql.Tx) error {
		tries, err := queryRows(ctx, tx, func(rows *sql.Rows) (n int, err error) { return n, rows.Scan(&n) },
			"UPDATE deliveries SET attempts = attempts + 1 WHERE notification_id = $1 AND channel = $2 AND state = 'pending' RETURNING attempts", id, channel)
		if err != nil {
			return err
		}
		if len(tries) == 0 {
			return notFound("pending delivery by "+channel+" of notification", id)
		}
		state, pause := "pending", min(deliveryPause<<(tries[0]-1), deliveryMaxPause)
		if tries[0] >= deliveryAttempts {
			state = "given-up"
		}
		_, err = exec(ctx, tx, "UPDATE deliveries SET state = $3, problem = $4, next_at = $5 WHERE notification_id = $1 AND channel = $2",
			id, channel, state, problem, micros(s.now().Add(pause)))
		return err
	})
}
