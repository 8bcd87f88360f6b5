package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/enterprise-event-bus/eventbus"
)

// walkShare bounds the time spent measuring the directory: a walk is repeated
// after this many times its own length.
const walkShare = 20

// disk is what the last look at the disk found.
type disk struct {
	readOnly atomic.Pointer[error] // why writes are refused, nil when they are not
	used     atomic.Int64          // bytes of data
	free     atomic.Int64          // bytes free on the disk, -1 when not known

	mu       sync.Mutex // one look at a time
	nextWalk time.Time
	full     bool // the budget or the disk, for the hysteresis
}

// checkDisk measures and decides whether the engine takes writes. Limits that
// were passed must be left behind by a margin before writes are allowed again.
func (e *Embedded) checkDisk(ctx context.Context) error {
	d := &e.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	errs := e.measure(ctx)
	why := fullReason(d.used.Load(), d.free.Load(), e.cfg, d.full)
	if full := why != nil; full != d.full {
		d.full = full
		if full {
			e.log.Error("the engine is read-only now", "err", why)
		} else {
			e.log.Info("the engine takes writes again", "used", d.used.Load(), "free", d.free.Load())
		}
	}
	if why == nil {
		why = e.faults.damage()
	}
	if why == nil {
		d.readOnly.Store(nil)
	} else {
		d.readOnly.Store(&why)
	}
	return errs
}

func (e *Embedded) measure(ctx context.Context) error {
	d := &e.disk
	if e.cfg.DataDir == "" {
		d.free.Store(-1)
		used, err := e.logBytes(ctx)
		if err == nil {
			d.used.Store(used)
		}
		return err
	}
	free, err := freeBytes(e.cfg.DataDir)
	d.free.Store(free)
	start := time.Now()
	if start.Before(d.nextWalk) {
		return err
	}
	used, walkErr := dirSize(e.engineDir())
	d.nextWalk = time.Now().Add(walkShare * time.Since(start))
	if walkErr == nil {
		d.used.Store(used)
	}
	return errors.Join(err, walkErr)
}

// fullReason says why there is no room for writes, or nil. full is what was
// decided last time. The budget stops writes at 90 % and allows them again at
// 80 %; it stops early because a start is refused above it.
func fullReason(used, free int64, cfg Config, full bool) error {
	budget, minFree := cfg.DiskBudget/10*9, cfg.MinFree
	if full {
		budget, minFree = cfg.DiskBudget/10*8, cfg.MinFree+cfg.MinFree/4
	}
	var what string
	switch {
	case cfg.DataDir != "" && cfg.MinFree > 0 && free >= 0 && free < minFree:
		what = fmt.Sprintf("the disk of %s has %d bytes free, less than the %d it must keep", cfg.DataDir, free, minFree)
	case cfg.DiskBudget > 0 && used > budget:
		what = fmt.Sprintf("the data takes %d bytes, the disk budget is %d", used, cfg.DiskBudget)
	default:
		return nil
	}
	return &eventbus.Error{
		Code:    eventbus.CodeUnavailable,
		Message: "the bus is read-only: " + what + "; nothing was written",
		Next:    "free disk space, shorten the retention of large topics, or raise the budget; reading goes on, and writes are taken again without a restart",
	}
}

// logBytes adds up the bytes of all partitions.
func (e *Embedded) logBytes(ctx context.Context) (int64, error) {
	names, err := e.topicNames(ctx)
	if err != nil {
		return 0, err
	}
	var total int64
	for _, name := range names {
		e.ask(func(c *kfake.Cluster) {
			for _, p := range c.PartitionInfos(name) {
				total += p.NumBytes
			}
		})
	}
	return total, nil
}

// dirSize adds up the sizes of the files below dir; files that vanish meanwhile
// and a dir that is not there count nothing.
func dirSize(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return total, err
}
