package observe

import (
	"context"
	"fmt"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const (
	batch        = 500              // keys saved in one transaction, two buckets each
	silence      = 10 * time.Minute // after it a key leaves the memory
	lastFlush    = 5 * time.Second  // how long stopping may take
	pruneEvery   = hour
	complaintGap = time.Minute
)

// Run saves what is counted every Config.Flush and drops what is too old every
// hour, until ctx ends; then it saves once more. A Store that fails is tried
// again with the next flush, nothing is lost meanwhile but detail: keys beyond
// twice Config.MaxKeys are counted as Other.
func (o *Observer) Run(ctx context.Context) error {
	tick := time.NewTicker(o.cfg.Flush)
	defer tick.Stop()
	var complained time.Time
	for {
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			return o.Save(end)
		case <-tick.C:
		}
		err := o.Save(ctx)
		if err == nil {
			err = o.prune(ctx)
		}
		if now := o.cfg.Now(); err != nil && ctx.Err() == nil && now.Sub(complained) >= complaintGap {
			complained = now
			o.cfg.Logger.WarnContext(ctx, "usage is not saved and will be tried again", "err", err)
		}
	}
}

// Save writes everything counted until now. Run calls it, and whoever must not
// miss what happened a moment ago.
func (o *Observer) Save(ctx context.Context) error {
	o.saving.Lock()
	defer o.saving.Unlock()
	o.collect(o.cfg.Now().Add(-silence).UnixNano())
	keys := make([]bucketKey, 0, batch)
	buckets := make([]eventbus.UsageBucket, 0, 2*batch)
	save := func() error {
		if len(buckets) == 0 {
			return nil
		}
		if err := o.store.AddUsage(ctx, buckets); err != nil {
			return fmt.Errorf("save usage of %d keys: %w", len(keys), err)
		}
		for _, k := range keys {
			delete(o.unsaved, k)
		}
		keys, buckets = keys[:0], buckets[:0]
		return nil
	}
	for k, u := range o.unsaved {
		at := time.Unix(k.start, 0).UTC()
		keys = append(keys, k)
		buckets = append(buckets,
			eventbus.UsageBucket{Start: at, Width: hour, Usage: u},
			eventbus.UsageBucket{Start: at.Truncate(day), Width: day, Usage: u})
		if len(keys) == batch {
			if err := save(); err != nil {
				return err
			}
		}
	}
	return save()
}

func (o *Observer) prune(ctx context.Context) error {
	now := o.cfg.Now().UTC()
	if now.Sub(o.pruned) < pruneEvery {
		return nil
	}
	if err := o.store.PruneUsage(ctx, now.Truncate(hour).Add(-KeepHours), now.Truncate(day).Add(-KeepDays)); err != nil {
		return fmt.Errorf("drop old usage: %w", err)
	}
	o.pruned = now
	return nil
}
