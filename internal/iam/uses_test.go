package iam

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// Memory of signatures is bounded: when it is full of valid ones a new one is
// refused, and room comes back when they have ended.
func TestUsesAreBounded(t *testing.T) {
	var u uses
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	u.first = map[[32]byte]use{}
	for i := range maxUses {
		var id [32]byte
		binary.BigEndian.PutUint64(id[:], uint64(i))
		u.first[id] = use{"192.0.2.1", now.Add(time.Minute)}
	}
	signed := &sigv4.Signed{Form: sigv4.Token, Date: now, Expires: 15 * time.Minute}
	if p := u.check(signed, "192.0.2.1", now); p == nil || p.check != CheckReplay {
		t.Fatalf("over the bound: %+v", p)
	}
	if p := u.check(signed, "192.0.2.1", now.Add(2*time.Minute)); p != nil {
		t.Fatalf("after the others have ended: %+v", p)
	}
	if len(u.first) != 1 {
		t.Errorf("%d are remembered", len(u.first))
	}
}
