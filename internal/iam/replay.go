package iam

import (
	"sync"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// maxUses bounds the signatures that are remembered, at about 120 bytes each:
// 100 new logins a second for as long as a signature is valid.
const maxUses = 100_000

// uses remembers from which address each valid signature came first, for
// Config.OneAddress. The zero value works.
type uses struct {
	mu    sync.Mutex
	first map[[32]byte]use
}

type use struct {
	address string
	until   time.Time // the signature is refused afterwards in any case
}

// check notes the address of a signature that was found to be good, and refuses
// it from a second one. When too many valid signatures are known already, a new
// one is refused: it could not be recognised.
func (u *uses) check(signed *sigv4.Signed, address string, now time.Time) *problem {
	id := signed.Fingerprint()
	u.mu.Lock()
	defer u.mu.Unlock()
	if before, known := u.first[id]; known {
		if before.address == address {
			return nil
		}
		return failed(CheckReplay, "the signature came first from %s, and now from another address", before.address).
			next("sign on each host; if nobody has copied the token, the credentials may be stolen: disable the key")
	}
	if len(u.first) >= maxUses {
		u.forget(now)
	}
	if len(u.first) >= maxUses {
		return failed(CheckReplay, "more than %d signatures are valid at this moment", maxUses).
			next("let clients share a token among their connections, or sign for a shorter time")
	}
	if u.first == nil {
		u.first = map[[32]byte]use{}
	}
	u.first[id] = use{address, signed.End()}
	return nil
}

// forget removes the signatures that have ended.
func (u *uses) forget(now time.Time) {
	for id, before := range u.first {
		if now.After(before.until) {
			delete(u.first, id)
		}
	}
}
