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
)

// turn is this instance's part in taking turns with the others.
type turn struct{ holder string }

func newTurn() turn { return turn{holder: rand.Text()} }

// inTurn does something in one instance at a time; in the others it does nothing.
// The context that do gets ends when the lease is lost, and no write under it
// takes effect then (store.HoldLease). A bus with a database of its own is alone.
func (s *Server) inTurn(ctx context.Context, do func(context.Context) error) error {
	if s.cfg.Database == "" {
		return do(ctx)
	}
	held, stop, ok, err := s.store.HoldLease(ctx, reconcileLease, s.turn.holder, turnTime)
	if err != nil || !ok {
		return err
	}
	defer stop()
	return do(held)
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
