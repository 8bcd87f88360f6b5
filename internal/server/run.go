package server

import (
	"context"
	"errors"
	"sync"
)

// tier is a group of loops that stop together: doors first, then domain loops,
// then drivers, so that what is in flight still finds what it needs.
type tier []func(context.Context) error

// runTiers runs all loops until ctx ends or one of them fails, then stops the
// tiers in order and waits for each. It gives the first error that is not the
// stop itself.
func runTiers(ctx context.Context, tiers ...tier) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	running := make([]runningTier, len(tiers))
	for i, loops := range tiers {
		running[i] = start(loops, stop)
	}
	<-ctx.Done()
	for _, r := range running {
		r.stop()
		r.wait.Wait()
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

type runningTier struct {
	stop context.CancelFunc
	wait *sync.WaitGroup
}

// start runs the loops of one tier under a context of its own; failed is told
// of a loop's error, or of a loop that ended without being told to.
func start(loops tier, failed context.CancelCauseFunc) runningTier {
	ctx, cancel := context.WithCancel(context.Background())
	wait := &sync.WaitGroup{}
	for _, loop := range loops {
		wait.Go(func() {
			if err := loop(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		})
	}
	return runningTier{stop: cancel, wait: wait}
}
