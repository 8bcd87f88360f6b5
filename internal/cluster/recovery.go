package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus"
)

// Names in the data directory beside engine/ and lock.
const (
	cleanMark  = "clean"      // there while the engine was stopped in good order
	quarantine = "quarantine" // copies of damaged segments
)

func (e *Embedded) quarantineDir() string { return filepath.Join(e.cfg.DataDir, quarantine) }

// markClean notes that the engine has saved all it knows.
func (e *Embedded) markClean() error {
	return replaceFile(filepath.Join(e.cfg.DataDir, cleanMark), nil)
}

// recover reads every stored segment before the engine does. It cuts off the torn
// last batch of a crash, sets damaged segments aside and keeps what is readable
// of them, and after a crash rebuilds the memory of idempotent producers.
func (e *Embedded) recover(ctx context.Context) error {
	err := os.Remove(filepath.Join(e.cfg.DataDir, cleanMark))
	clean := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return dirError(e.cfg.DataDir, "cannot be written", err)
	}
	partitions, err := e.storedPartitions()
	if err != nil {
		return eventbus.Errorf(eventbus.CodeCorrupt, "read the data directory %s: %w", e.cfg.DataDir, err)
	}
	var (
		mu  sync.Mutex
		all []*window
	)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range partitions {
		g.Go(func() error {
			live, err := e.recoverPartition(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, live...)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return eventbus.Errorf(eventbus.CodeCorrupt, "verify the data directory %s: %w", e.cfg.DataDir, err)
	}
	if !clean && len(partitions) > 0 {
		if err := writeWindows(e.engineDir(), all); err != nil {
			return dirError(e.cfg.DataDir, "cannot be written", err)
		}
	}
	return e.lookForDamage()
}

// lookForDamage keeps the engine read-only while damaged segments wait, so that
// the offsets of lost records are not given to others.
func (e *Embedded) lookForDamage() error {
	aside, err := os.ReadDir(e.quarantineDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return dirError(e.cfg.DataDir, "cannot be read", err)
	}
	if len(aside) > 0 {
		e.faults.setDamage(fmt.Sprintf(
			"stored data was damaged: %d files are set aside in %s (%s first); what can be read is served, nothing is written",
			len(aside), e.quarantineDir(), aside[0].Name()))
	}
	return nil
}

// storedPartition is the folder of one partition: NAME-P with its segments.
type storedPartition struct {
	dir, topic string
	partition  int32
}

func (e *Embedded) storedPartitions() ([]storedPartition, error) {
	root := filepath.Join(e.engineDir(), "partitions")
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []storedPartition
	for _, entry := range entries {
		i := strings.LastIndexByte(entry.Name(), '-')
		if !entry.IsDir() || i < 1 {
			continue
		}
		topic, err := url.PathUnescape(entry.Name()[:i])
		p, convErr := strconv.ParseInt(entry.Name()[i+1:], 10, 32)
		if err != nil || convErr != nil {
			continue // not of the engine's making
		}
		all = append(all, storedPartition{filepath.Join(root, entry.Name()), topic, int32(p)})
	}
	return all, nil
}

func (p storedPartition) segments() ([]int64, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".dat"); ok {
			if base, err := strconv.ParseInt(name, 10, 64); err == nil {
				bases = append(bases, base)
			}
		}
	}
	sort.Slice(bases, func(i, j int) bool { return bases[i] < bases[j] })
	return bases, nil
}

func (e *Embedded) recoverPartition(ctx context.Context, p storedPartition) ([]*window, error) {
	bases, err := p.segments()
	if err != nil {
		return nil, err
	}
	ws := &windows{topic: p.topic, partition: p.partition, byID: make(map[int64]*window)}
	for _, base := range bases {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := e.recoverSegment(p, base, ws); err != nil {
			return nil, fmt.Errorf("segment %d of %s-%d: %w", base, p.topic, p.partition, err)
		}
	}
	return ws.live(), nil
}

// recoverSegment verifies one segment. What does not verify at its end is the
// torn write of a crash if the index has no entry for it: then it was never
// acknowledged. Anything else is damage. A crash between a batch and its entry in
// the index would shift all later entries, so the index is completed.
func (e *Embedded) recoverSegment(p storedPartition, base int64, ws *windows) error {
	name := filepath.Join(p.dir, strconv.FormatInt(base, 10))
	f, err := os.OpenFile(name+".dat", os.O_RDWR|openNoFollow, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	indexed, err := readIfThere(name + ".idx")
	if err != nil {
		return err
	}
	var index segmentIndex
	batches, good, err := scanSegment(f, info.Size(), base, indexed, func(b stored) {
		ws.add(b)
		index.add(b)
	})
	if err != nil {
		return err
	}
	acknowledged := len(indexed) / indexEntry
	torn := good < info.Size()
	switch {
	case acknowledged > batches && (torn || len(indexed)%indexEntry == 0), torn && len(indexed) == 0 && batches > 0:
		return e.setAside(p, base, ws)
	case torn:
		e.log.Warn("the unfinished last write of a crash was cut off; it was never acknowledged",
			"topic", p.topic, "partition", p.partition, "bytes", info.Size()-good)
		if err := f.Truncate(good); err != nil {
			return err
		}
	}
	if len(indexed) != len(index.entries) {
		return replaceFile(name+".idx", index.entries)
	}
	return nil
}

// readIfThere gives nothing for a file that is not there.
func readIfThere(name string) ([]byte, error) {
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// setAside copies a damaged segment into quarantine and then leaves only its
// readable batches to the engine, which would drop all that follow the damage.
func (e *Embedded) setAside(p storedPartition, base int64, ws *windows) error {
	name := filepath.Join(p.dir, strconv.FormatInt(base, 10))
	raw, err := os.ReadFile(name + ".dat")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.quarantineDir(), 0o700); err != nil {
		return err
	}
	aside := filepath.Join(e.quarantineDir(),
		fmt.Sprintf("%s.%d.%d.dat", filepath.Base(p.dir), base, e.cfg.Now().UnixMilli()))
	if err := replaceFile(aside, raw); err != nil {
		return fmt.Errorf("set the damaged segment aside, the original is untouched: %w", err)
	}
	kept, dat, holes := salvage(raw, base)
	for _, h := range holes {
		e.log.Error("stored records are damaged", "topic", p.topic, "partition", p.partition,
			"from_offset", h.from, "to_offset", h.to, "bytes", h.bytes, "copy", aside)
	}
	if len(holes) == 0 {
		e.log.Error("stored records are missing", "topic", p.topic, "partition", p.partition, "segment", base)
	}
	// What the scan saw up to the damage was counted; the rest follows.
	var index segmentIndex
	for _, b := range kept {
		if w := ws.byID[b.producer]; w == nil || b.base > w.lastOffset() {
			ws.add(b)
		}
		index.add(b)
	}
	return errors.Join(replaceFile(name+".dat", dat), replaceFile(name+".idx", index.entries))
}

// lastOffset is where the newest batch of the window begins.
func (w *window) lastOffset() int64 {
	return w.Entries[(w.At+windowSize-1)%windowSize].Offset
}
