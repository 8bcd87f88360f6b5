package provision

import (
	"context"
	"fmt"
	"maps"
	"sync"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// GuardSetting is the schema guard of one topic.
type GuardSetting struct {
	Mode     eventbus.SchemaGuard
	Subjects []string // accepted besides the topic's own; empty: its own only
}

// wantedState is the wanted state of every event as it was read last. Its maps
// are replaced, never changed: whoever was given one may keep it.
type wantedState struct {
	mu      sync.Mutex
	version int64 // of the newest that was read; -1: none
	events  map[string]eventbus.EventManifest
	guards  map[string]GuardSetting // by topic; nil: made when asked for
}

// read takes in what was saved since the last time: it costs what has changed,
// not what there is. The caller holds the lock.
func (w *wantedState) read(ctx context.Context, from Wanted) error {
	changed, version, err := from.WantedSince(ctx, w.version)
	if err != nil {
		return fmt.Errorf("read the wanted state: %w", err)
	}
	if len(changed) == 0 && w.events != nil {
		return nil
	}
	events := make(map[string]eventbus.EventManifest, len(w.events)+len(changed))
	maps.Copy(events, w.events)
	for _, m := range changed {
		events[m.Event.Name] = m
	}
	w.version, w.events, w.guards = version, events, nil
	return nil
}

// wanted gives the wanted state of every event by its name, to be read only.
func (p *Provisioner) wanted(ctx context.Context) (map[string]eventbus.EventManifest, error) {
	p.wantedNow.mu.Lock()
	defer p.wantedNow.mu.Unlock()
	err := p.wantedNow.read(ctx, p.world.Wanted)
	return p.wantedNow.events, err
}

// Guards gives the guard of every managed topic, to be read only; other topics
// have none. While nothing changes it is the same map again.
func (p *Provisioner) Guards(ctx context.Context) (map[string]GuardSetting, error) {
	w := &p.wantedNow
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.read(ctx, p.world.Wanted); err != nil {
		return nil, err
	}
	if w.guards == nil {
		w.guards = make(map[string]GuardSetting, len(w.events))
		for _, m := range w.events {
			for _, t := range m.Topics {
				w.guards[t.Topic.Name] = GuardSetting{t.Guard, t.GuardSubjects}
			}
		}
	}
	return w.guards, nil
}
