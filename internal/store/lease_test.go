package store_test

import (
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// fences: who has lost a lease without knowing it writes nothing any more; its
// successor, and everybody who holds none, does.
func fences(t *testing.T, s *bus) {
	ctx := t.Context()
	old, ok, err := s.TakeLease(ctx, "work", "a", time.Hour)
	if err != nil || !ok {
		t.Fatalf("a: %v, %v", ok, err)
	}
	if _, ok, err := s.TakeLease(ctx, "work", "b", time.Hour); err != nil || ok {
		t.Fatalf("b took a lease that a holds: %v, %v", ok, err)
	}
	write := func(fence int64, name string) error {
		return s.SavePerson(s.Fenced(ctx, "work", fence), eventbus.Person{ID: name, Name: name})
	}
	if err := write(old, "first"); err != nil {
		t.Fatalf("the holder's write: %v", err)
	}
	if err := s.ReleaseLease(ctx, "work", "a"); err != nil {
		t.Fatal(err)
	}
	next, ok, err := s.TakeLease(ctx, "work", "b", time.Hour)
	if err != nil || !ok || next == old {
		t.Fatalf("b: fence %d after %d, %v, %v", next, old, ok, err)
	}
	if err := write(old, "late"); eventbus.CodeOf(err) != eventbus.CodeConflict {
		t.Errorf("the write of one who lost the lease: %v, want a conflict", err)
	}
	if _, err := s.Person(ctx, "late"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("it was written: %v", err)
	}
	if err := write(next, "second"); err != nil {
		t.Errorf("the successor's write: %v", err)
	}
	if err := s.SavePerson(ctx, eventbus.Person{ID: "third", Name: "third"}); err != nil {
		t.Errorf("a write without a lease: %v", err)
	}
}
