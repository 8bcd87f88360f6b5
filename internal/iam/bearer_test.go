package iam

import (
	"runtime"
	"testing"
	"time"
)

// Sessions of one credential from one address have one bearer, as long as one of
// them lives; another address, another credential or other ground has its own.
func TestBearersAreShared(t *testing.T) {
	var l bearers
	one := &tie{}
	of := func(key, address string, on *tie) *bearer {
		return l.share(&bearer{AccessKeyID: key, address: address, tie: on})
	}
	first := of("ASIA1", "192.0.2.1", one)
	if again := of("ASIA1", "192.0.2.1", one); again != first {
		t.Error("a second session has a bearer of its own")
	}
	for name, other := range map[string]*bearer{
		"another address": of("ASIA1", "192.0.2.2", one),
		"another key":     of("ASIA2", "192.0.2.1", one),
		"other ground":    of("ASIA1", "192.0.2.1", &tie{}),
	} {
		if other == first {
			t.Errorf("%s: shared", name)
		}
	}
	if later := of("ASIA1", "192.0.2.1", one); later == first {
		t.Error("shared with the bearer on the ground before")
	}
	runtime.KeepAlive(first)
}

// What no session uses any more is forgotten, so that credentials that come and
// go leave nothing behind.
func TestBearersAreForgotten(t *testing.T) {
	var l bearers
	kept := l.share(&bearer{AccessKeyID: "kept"})
	for i := range 100 {
		l.share(&bearer{AccessKeyID: "ASIA" + string(rune('A'+i))})
	}
	left := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.known)
	}
	for left() > 1 { // cleanups run some time after the collection
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if again := l.share(&bearer{AccessKeyID: "kept"}); again != kept {
		t.Error("a living one was forgotten")
	}
	runtime.KeepAlive(kept)
}
