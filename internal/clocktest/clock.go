// Package clocktest is the clock of tests: it stands still until the test moves
// it. It owns nothing else; only tests import it, and give its Now where a Config
// asks for the time.
package clocktest

import (
	"sync"
	"time"
)

// Clock is a time set by hand; goroutines may share it.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// At gives a clock that stands at t.
func At(t time.Time) *Clock { return &Clock{now: t} }

// Now gives the time at which the clock stands.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on, or back when d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set puts the clock to t.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}
