package store_test

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// idempotentCalls: the first claim of a key wins, its answer is kept, a call
// that did nothing may be made again, and age ends it all.
func idempotentCalls(t *testing.T, b *bus) {
	ctx, ago := t.Context(), day.Add(-time.Hour)
	call := eventbus.IdempotentCall{Key: "k1", Body: "b1", At: day}
	if _, first, err := b.ClaimCall(ctx, call, ago); err != nil || !first {
		t.Fatalf("first claim: %v, %v", first, err)
	}
	known, first, err := b.ClaimCall(ctx, eventbus.IdempotentCall{Key: "k1", Body: "b2", At: day}, ago)
	if err != nil || first || known.Body != "b1" || known.Status != 0 {
		t.Fatalf("second claim: %+v, %v, %v", known, first, err)
	}
	call.Status, call.Text, call.Header = 201, []byte("{\"a\": \"\x00\"}"), map[string]string{"Location": "/x"}
	ok(t, b.SettleCall(ctx, call))
	ok(t, b.ForgetCall(ctx, "k1")) // what was answered is not forgotten
	known, first, err = b.ClaimCall(ctx, eventbus.IdempotentCall{Key: "k1", At: day}, ago)
	if err != nil || first || !reflect.DeepEqual(known, call) {
		t.Fatalf("after the answer: %+v, %v, %v, want %+v", known, first, err, call)
	}
	if _, first, err := b.ClaimCall(ctx, eventbus.IdempotentCall{Key: "k2", At: day}, ago); err != nil || !first {
		t.Fatal(first, err)
	}
	ok(t, b.ForgetCall(ctx, "k2"))
	if _, first, err := b.ClaimCall(ctx, eventbus.IdempotentCall{Key: "k2", At: day}, ago); err != nil || !first {
		t.Fatalf("a forgotten call: %v, %v", first, err)
	}
	if _, first, err := b.ClaimCall(ctx, eventbus.IdempotentCall{Key: "k1", At: day.Add(2 * time.Hour)}, day.Add(time.Hour)); err != nil || !first {
		t.Fatalf("an expired call: %v, %v", first, err)
	}
	refused(t, b.SettleCall(ctx, eventbus.IdempotentCall{Key: "k2", At: day}), eventbus.CodeNotFound) // it expired meanwhile
}

// idempotentAtOnce: of many claims at the same moment one is the first.
func idempotentAtOnce(t *testing.T, b *bus) {
	var firsts atomic.Int64
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			_, first, err := b.ClaimCall(t.Context(), eventbus.IdempotentCall{Key: "k", At: day}, day.Add(-time.Hour))
			if err != nil {
				t.Error(err)
			}
			if first {
				firsts.Add(1)
			}
		})
	}
	all.Wait()
	if firsts.Load() != 1 {
		t.Errorf("%d first claims", firsts.Load())
	}
}
