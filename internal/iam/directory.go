package iam

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Directory answers who is calling and whether they may. It is safe for use by
// many goroutines.
type Directory struct {
	cfg     Config
	store   Store
	audit   Auditor
	vault   *vault
	signing signingKeys
	denials denials
	bearers bearers
	uses    uses
	local   *Session

	view    atomic.Pointer[snapshot]
	loading sync.Mutex // one load at a time

	mu   sync.Mutex // guards ties, and view together with them
	ties map[string]*tie
}

// Open reads every user, role and access key. It fails when the master key is
// missing or the Store cannot be read.
func Open(ctx context.Context, cfg Config, store Store, audit Auditor) (*Directory, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	vault, err := newVault(cfg.MasterKey, cfg.Rand)
	if err != nil {
		return nil, err
	}
	cfg.MasterKey = nil
	d := &Directory{cfg: cfg, store: store, audit: audit, vault: vault, ties: map[string]*tie{}}
	d.signing.keys = map[signingKey][32]byte{}
	d.local = localSession()
	d.view.Store(&snapshot{version: -1})
	if err := d.reload(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

const complaintGap = time.Minute

// Run looks for changes made by other instances every Config.Poll, takes them
// in, ends the sessions they concern, and notes when keys were last used. It
// returns when ctx ends. While the Store cannot be read the directory goes on
// with what it knew, and says so in the log once a minute.
func (d *Directory) Run(ctx context.Context) error {
	tick := time.NewTicker(d.cfg.Poll)
	defer tick.Stop()
	var complained time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := d.Refresh(ctx)
		if err == nil {
			err = d.noteUse(ctx)
		}
		if now := d.cfg.Now(); err != nil && ctx.Err() == nil && now.Sub(complained) >= complaintGap {
			complained = now
			d.cfg.Logger.ErrorContext(ctx, "the directory cannot be read again; revocations made elsewhere are not seen", "err", err)
		}
	}
}

// Refresh takes in what other instances changed, now instead of with the next
// poll.
func (d *Directory) Refresh(ctx context.Context) error {
	version, err := d.store.IAMVersion(ctx)
	if err != nil {
		return fmt.Errorf("look for changes in the directory: %w", err)
	}
	if version == d.view.Load().version {
		return nil
	}
	return d.reload(ctx)
}

// reload takes in what changed and ends the sessions whose ground is gone.
func (d *Directory) reload(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	next, err := load(ctx, d.store, d.view.Load())
	if err != nil {
		return err
	}
	for _, fault := range next.faults {
		d.cfg.Logger.ErrorContext(ctx, "a stored policy cannot be read; its principal is denied everything", "fault", fault)
	}
	d.mu.Lock()
	d.view.Store(next)
	for name, t := range d.ties {
		if g, _ := next.find(t.credential); !g.equal(t.ground) {
			close(t.done)
			delete(d.ties, name)
		}
	}
	d.mu.Unlock()
	d.signing.forget(next)
	return nil
}

// tie is shared by the sessions of one credential; done closes when anything
// changes that the credential stands on.
type tie struct {
	credential credential
	ground     ground
	done       chan struct{}
}

// tieTo gives the tie of a credential that was found to stand on g. When the
// directory changed meanwhile, the tie has ended already.
func (d *Directory) tieTo(c credential, g ground) *tie {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := c.name()
	if t := d.ties[name]; t != nil && t.ground.equal(g) {
		return t
	}
	t := &tie{credential: c, ground: g, done: make(chan struct{})}
	if now, _ := d.view.Load().find(c); !now.equal(g) {
		close(t.done)
		return t
	}
	d.ties[name] = t
	return t
}

// usePrecision is how exactly it is known when a key was last used.
const usePrecision = time.Minute

// noteUse saves when keys were last used, at most once a minute for each.
func (d *Directory) noteUse(ctx context.Context) error {
	for _, k := range d.view.Load().keys {
		used := k.used.Load()
		if used == 0 || used-k.noted.Load() < int64(usePrecision) {
			continue
		}
		if err := d.store.TouchAccessKey(ctx, k.id, time.Unix(0, used).UTC()); err != nil {
			return fmt.Errorf("note the use of access key %s: %w", k.id, err)
		}
		k.noted.Store(used)
	}
	return nil
}
