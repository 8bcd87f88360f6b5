package iam

import (
	"context"
	"sync"
	"time"
)

// The log tells of a denied request once per principal, action, resource and
// denialGap, and of at most maxDenials different ones in that time: a principal
// that asks without pause, or guesses names, must not fill it. The audit record
// counts them all.
const (
	denialGap  = time.Minute
	maxDenials = 1000
)

// denials remembers what was logged within the present gap. The zero value works.
type denials struct {
	mu    sync.Mutex
	since time.Time
	told  map[denial]bool
}

type denial struct {
	identity string
	question
}

// first reports whether a denial has to be logged.
func (d *denials) first(identity, action, resource string, now time.Time) bool {
	k := denial{identity, question{action, resource}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if age := now.Sub(d.since); d.told == nil || age < 0 || age >= denialGap {
		d.since, d.told = now, map[denial]bool{}
	}
	if d.told[k] || len(d.told) >= maxDenials {
		return false
	}
	d.told[denial{identity, question{cloneText(action), cloneText(resource)}}] = true
	return true
}

// logDenial says which principal was denied what, and which statement is missing.
func (d *Directory) logDenial(ctx context.Context, s *Session, action, resource, reason string) {
	if d.denials.first(s.identity, action, resource, d.cfg.Now()) {
		d.cfg.Logger.WarnContext(ctx, "request denied", "principal", s.Principal.ARN, "action", action,
			"resource", recordable(resource), "reason", recordable(reason), "from", s.From)
	}
}
