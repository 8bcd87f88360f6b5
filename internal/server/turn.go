package server

import (
	"context"
	"crypto/rand"
	"time"
)

// The lease of the instance that provisions what is approved. It is renewed three
// times in its time, and given back when the instance stops, so that another waits
// only for one that died.
const (
	reconcileLease = "reconcile"
	turnTime       = 5 * time.Second
	turnRenew      = turnTime / 3
)

// turn is this instance's part in taking turns with the others.
type turn struct{ holder string }

func newTurn() turn { return turn{holder: rand.Text()} }

// inTurn does something in one instance at a time; in the others it does nothing.
// The context that do gets ends when the lease is lost, and no write under it
// takes effect then (store.Fenced). A bus with a database of its own is alone.
func (s *Server) inTurn(ctx context.Context, do func(context.Context) error) error {
	if s.cfg.Database == "" {
		return do(ctx)
	}
	fence, ok, err := s.store.TakeLease(ctx, reconcileLease, s.turn.holder, turnTime)
	if err != nil || !ok {
		return err
	}
	held, end := context.WithCancel(s.store.Fenced(ctx, reconcileLease, fence))
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		s.keepTurn(held, fence, end)
	}()
	err = do(held)
	end()
	<-renewing
	return err
}

// keepTurn renews the lease until ctx ends, and ends it when another has the
// lease or the time has run out.
func (s *Server) keepTurn(ctx context.Context, fence int64, lost context.CancelFunc) {
	until := time.Now().Add(turnTime)
	ticker := time.NewTicker(turnRenew)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		got, ok, err := s.store.TakeLease(ctx, reconcileLease, s.turn.holder, turnTime)
		switch {
		case err == nil && ok && got == fence:
			until = now.Add(turnTime)
		case err == nil || !now.Before(until):
			lost()
			return
		}
	}
}

// leaveTurn gives the lease back.
func (s *Server) leaveTurn(ctx context.Context) {
	if s.cfg.Database == "" {
		return
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), turnTime)
	defer cancel()
	if err := s.store.ReleaseLease(end, reconcileLease, s.turn.holder); err != nil {
		s.cfg.Logger.Warn("the lease runs out by itself: it could not be given back", "error", err)
	}
}
