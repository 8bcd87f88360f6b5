package store

import (
	"context"
	"database/sql"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// SaveDeviceLogin saves a new sign-in of a command line and forgets those that
// have expired by its start. CodeLimited when perCaller of its Caller, or inAll,
// are under way; CodeConflict when its code is.
func (s *Store) SaveDeviceLogin(ctx context.Context, d eventbus.DeviceLogin, perCaller, inAll int64) error {
	text, err := encode(d)
	if err != nil {
		return err
	}
	return s.inTx(ctx, "save a sign-in of a command line", func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM device_logins WHERE expires_at <= $1", micros(d.StartedAt)); err != nil {
			return err
		}
		all, err := queryRows(ctx, tx, count, "SELECT count(*) FROM device_logins")
		if err != nil {
			return err
		}
		same, err := queryRows(ctx, tx, count, "SELECT count(*) FROM device_logins WHERE caller = $1", d.Caller)
		if err != nil {
			return err
		}
		if all[0] >= inAll || same[0] >= perCaller {
			return eventbus.Errorf(eventbus.CodeLimited, "too many sign-ins are under way; none was started")
		}
		_, err = exec(ctx, tx, "INSERT INTO device_logins (code, secret_hash, caller, state, expires_at, document) VALUES ($1, $2, $3, $4, $5, $6)",
			d.Code, d.Secret, d.Caller, string(d.State), micros(d.ExpiresAt), text)
		return err
	})
}

const deviceQuery = "SELECT document, secret_hash, state, person, decided_from FROM device_logins"

// DeviceLogin gives the sign-in with a code that has not expired at a time.
func (s *Store) DeviceLogin(ctx context.Context, code string, now time.Time) (eventbus.DeviceLogin, error) {
	list, err := queryRows(ctx, s.read, deviceLogin, deviceQuery+" WHERE code = $1 AND expires_at > $2", code, micros(now))
	return one(list, err, "sign-in", "with this code")
}

// DecideDeviceLogin confirms or denies (d.State) the sign-in with d.Code for
// d.Person at d.DecidedFrom. Of two who decide, one does; the other gets
// CodeConflict. CodeNotFound when there is none, or it has expired.
func (s *Store) DecideDeviceLogin(ctx context.Context, d eventbus.DeviceLogin, now time.Time) error {
	return s.inTx(ctx, "decide a sign-in of a command line", func(tx *sql.Tx) error {
		n, err := exec(ctx, tx, "UPDATE device_logins SET state = $2, person = $3, decided_from = $4 WHERE code = $1 AND state = $5 AND expires_at > $6",
			d.Code, string(d.State), d.Person, d.DecidedFrom, string(eventbus.DevicePending), micros(now))
		if err != nil || n == 1 {
			return err
		}
		list, err := queryRows(ctx, tx, deviceLogin, deviceQuery+" WHERE code = $1 AND expires_at > $2", d.Code, micros(now))
		if _, err := one(list, err, "sign-in", "with this code"); err != nil {
			return err
		}
		return eventbus.Errorf(eventbus.CodeConflict, "this code was used already; nothing was changed")
	})
}

// PollDeviceLogin gives the sign-in whose secret has this hash. One that is
// decided is given once, and is then forgotten; of one that is pending it notes
// the question, and CodeLimited refuses the next before interval is over.
// CodeNotFound when there is none, or it has expired.
func (s *Store) PollDeviceLogin(ctx context.Context, secretHash string, now time.Time, interval time.Duration) (d eventbus.DeviceLogin, err error) {
	err = s.inTx(ctx, "ask for a sign-in of a command line", func(tx *sql.Tx) error {
		taken, err := queryRows(ctx, tx, deviceLogin, `DELETE FROM device_logins WHERE secret_hash = $1 AND expires_at > $2 AND state <> $3
			RETURNING document, secret_hash, state, person, decided_from`, secretHash, micros(now), string(eventbus.DevicePending))
		if err == nil && len(taken) == 0 {
			taken, err = queryRows(ctx, tx, deviceLogin, deviceQuery+" WHERE secret_hash = $1 AND expires_at > $2", secretHash, micros(now))
		}
		if d, err = one(taken, err, "sign-in", "with this secret"); err != nil || d.State != eventbus.DevicePending {
			return err
		}
		n, err := exec(ctx, tx, "UPDATE device_logins SET asked_at = $2 WHERE secret_hash = $1 AND asked_at <= $3", secretHash, micros(now), micros(now.Add(-interval)))
		if err == nil && n == 0 {
			return eventbus.Errorf(eventbus.CodeLimited, "asked too often")
		}
		return err
	})
	return saved(d, err)
}

func deviceLogin(rows *sql.Rows) (d eventbus.DeviceLogin, err error) {
	var text, secret, state, person, from string
	if err := rows.Scan(&text, &secret, &state, &person, &from); err != nil {
		return d, err
	}
	err = decode(text, &d)
	d.Secret, d.State, d.Person, d.DecidedFrom = secret, eventbus.DeviceState(state), person, from
	return d, err
}

// Forgiven gives when all wrong guesses of somebody are forgiven; a time that is
// over, or zero, when there are none.
func (s *Store) Forgiven(ctx context.Context, who string) (time.Time, error) {
	list, err := queryRows(ctx, s.read, count, "SELECT forgiven_at FROM guesses WHERE who = $1", who)
	if err != nil {
		return time.Time{}, translate(err, "read the wrong guesses of "+who)
	}
	if len(list) == 0 {
		return time.Time{}, nil
	}
	return moment(list[0]), nil
}

// CountGuess counts a wrong guess of somebody, which takes pause to be forgiven
// after those of before, and forgets whoever is forgiven.
func (s *Store) CountGuess(ctx context.Context, who string, now time.Time, pause time.Duration) error {
	return s.inTx(ctx, "count a wrong guess of "+who, func(tx *sql.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM guesses WHERE forgiven_at <= $1", micros(now)); err != nil {
			return err
		}
		_, err := exec(ctx, tx, "INSERT INTO guesses AS g (who, forgiven_at) VALUES ($1, $2) ON CONFLICT (who) DO UPDATE SET forgiven_at = g.forgiven_at + $3",
			who, micros(now.Add(pause)), pause.Microseconds())
		return err
	})
}
