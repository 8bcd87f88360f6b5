package store

import (
	"context"
	"database/sql"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TakeLease takes or keeps a lease for ttl: of all instances, one holds it. ok
// is false while another does. fence grows each time the holder changes; who
// acts under the lease hands it along, so that one who lost it unknowingly can
// be told from its successor.
func (s *Store) TakeLease(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, ok bool, err error) {
	now := s.now()
	err = s.inTx(ctx, "take the lease "+name, func(tx *sql.Tx) error {
		fences, err := queryRows(ctx, tx, func(rows *sql.Rows) (n int64, err error) { return n, rows.Scan(&n) },
			`INSERT INTO leases AS l (name, holder, fence, held_until) VALUES ($1, $2, 1, $3)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until,
			fence = CASE WHEN l.holder = excluded.holder THEN l.fence ELSE l.fence + 1 END
			WHERE l.holder = excluded.holder OR l.held_until <= $4 RETURNING fence`,
			name, holder, micros(now.Add(ttl)), micros(now))
		if ok = err == nil && len(fences) == 1; ok {
			fence = fences[0]
		}
		return err
	})
	return fence, ok, err
}

// ReleaseLease gives a lease back early; one that another holds stays.
func (s *Store) ReleaseLease(ctx context.Context, name, holder string) error {
	return s.execute(ctx, "release the lease "+name, "UPDATE leases SET held_until = 0 WHERE name = $1 AND holder = $2", name, holder)
}

// HoldLease takes a lease as TakeLease does, and renews it three times in ttl
// until stop is called. What is done meanwhile must be done under held: it is
// Fenced, and it ends, with CodeUnavailable as its cause, when another took the
// lease or it could not be renewed for as long as it lasts. stop waits for the
// renewing to end; it does not give the lease back.
func (s *Store) HoldLease(ctx context.Context, name, holder string, ttl time.Duration) (held context.Context, stop func(), ok bool, err error) {
	number, ok, err := s.TakeLease(ctx, name, holder, ttl)
	if err != nil || !ok {
		return nil, nil, false, err
	}
	held, lost := context.WithCancelCause(s.Fenced(ctx, name, number))
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		s.keepLease(held, name, holder, ttl, number, lost)
	}()
	return held, func() {
		lost(nil)
		<-renewing
	}, true, nil
}

func (s *Store) keepLease(ctx context.Context, name, holder string, ttl time.Duration, number int64, lost context.CancelCauseFunc) {
	until := time.Now().Add(ttl)
	ticker := time.NewTicker(ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		got, ok, err := s.TakeLease(ctx, name, holder, ttl)
		switch {
		case err == nil && ok && got == number:
			until = now.Add(ttl)
		case err == nil || eventbus.CodeOf(err) == eventbus.CodeConflict || !now.Before(until):
			lost(&eventbus.Error{Code: eventbus.CodeUnavailable, Message: "another instance of the bus took over the lease " + name + "; nothing more was changed", Next: "try again in a moment"})
			return
		}
	}
}

type fenceKey struct{}

type fence struct {
	lease  string
	number int64
}

// Fenced gives a context under which every write of the store is refused with
// CodeConflict, and changes nothing, once the lease has changed hands: fence is
// what TakeLease gave. So one who was paused, and does not know that another took
// over, cannot write over what the other does.
func (s *Store) Fenced(ctx context.Context, lease string, number int64) context.Context {
	return context.WithValue(ctx, fenceKey{}, fence{lease, number})
}

// fenced reports whether writes under the context depend on a lease.
func fenced(ctx context.Context) bool {
	_, yes := ctx.Value(fenceKey{}).(fence)
	return yes
}

// checkFence refuses a transaction of one who has lost the lease. The row stays
// locked until the transaction ends, so that nobody takes over within it.
func (s *Store) checkFence(ctx context.Context, tx *sql.Tx) error {
	f, fenced := ctx.Value(fenceKey{}).(fence)
	if !fenced {
		return nil
	}
	held, err := exec(ctx, tx, "UPDATE leases SET fence = fence WHERE name = $1 AND fence = $2", f.lease, f.number)
	if err != nil {
		return err
	}
	if held == 0 {
		return &eventbus.Error{Code: eventbus.CodeConflict, Message: "another instance of the bus took over the lease " + f.lease + "; nothing was written"}
	}
	return nil
}
