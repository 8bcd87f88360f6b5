package session

import (
	"net/netip"
	"sync"
	"time"
)

// maxGuessers bounds how many callers are remembered.
const maxGuessers = 10_000

// guesses counts wrong guesses per caller: burst of them are free, each pause
// forgives one.
type guesses struct {
	now   func() time.Time
	burst int
	pause time.Duration

	mu sync.Mutex
	by map[string]time.Time // when the caller is forgiven everything
}

func newGuesses(now func() time.Time, burst int, pause time.Duration) *guesses {
	return &guesses{now: now, burst: burst, pause: pause, by: map[string]time.Time{}}
}

// allowed reports whether the caller may guess once more.
func (g *guesses) allowed(from string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.by[caller(from)].Sub(g.now()) <= time.Duration(g.burst-1)*g.pause
}

// missed counts a wrong guess.
func (g *guesses) missed(from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, who := g.now(), caller(from)
	clear := g.by[who]
	if clear.Before(now) {
		clear = now
		g.makeRoom(now)
	}
	g.by[who] = clear.Add(g.pause)
}

// makeRoom forgets the forgiven, and when all are guilty any one: memory is
// bounded before justice.
func (g *guesses) makeRoom(now time.Time) {
	if len(g.by) < maxGuessers {
		return
	}
	for who, clear := range g.by {
		if clear.Before(now) {
			delete(g.by, who)
		}
	}
	for who := range g.by {
		if len(g.by) < maxGuessers {
			return
		}
		delete(g.by, who)
	}
}

// caller is whom an address stands for: in IPv6 the network of 64 bits that one
// machine can move about in; what is no address, the text itself.
func caller(from string) string {
	address, err := netip.ParseAddr(from)
	if err != nil {
		port, err := netip.ParseAddrPort(from)
		if err != nil {
			return plain(from, 255)
		}
		address = port.Addr()
	}
	address = address.Unmap().WithZone("")
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
