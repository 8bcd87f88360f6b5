package registry_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// shelf is a copy in memory.
type shelf struct {
	mu      sync.Mutex
	records []registry.Record
}

func (s *shelf) AppendRecords(_ context.Context, records []registry.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, records...)
	return nil
}

func (s *shelf) LastOffset(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.records) == 0 {
		return -1, nil
	}
	return s.records[len(s.records)-1].Offset, nil
}

func (s *shelf) ReadRecords(_ context.Context, from int64, each func(registry.Record) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rec := range s.records {
		if rec.Offset < from {
			continue
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) ForgetRecords(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = nil
	return nil
}

// TestCopyRestoresTopic: the topic is lost altogether, and partly; ids, authors,
// deletions and levels are there again.
func TestCopyRestoresTopic(t *testing.T) {
	opts := kafka(t)
	copies := &shelf{}
	reg, stop := node(t, opts, registry.Config{}, copies)
	for i := range 5 {
		mustRegister(t, reg, fmt.Sprintf("s%d", i), record(fmt.Sprintf(`{"name":"f%d","type":"int"}`, i)))
	}
	if _, err := reg.Delete(t.Context(), alice, "s1", 1, false); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Delete(t.Context(), alice, "s1", 1, true); err != nil {
		t.Fatal(err)
	}
	if err := reg.SetCompatibility(t.Context(), alice, "s2", "NONE"); err != nil {
		t.Fatal(err)
	}
	want := reg.Export("", registry.WithDeleted)
	stop()
	kept := len(copies.records)

	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for _, loss := range []string{"none", "all"} {
		if loss == "all" {
			if _, err := kadm.NewClient(cl).DeleteTopic(t.Context(), "_schemas"); err != nil {
				t.Fatal(err)
			}
		}
		reg, stop := node(t, opts, registry.Config{}, copies)
		if got := reg.Export("", registry.WithDeleted); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("loss of %s:\n got %v\nwant %v", loss, got, want)
		}
		if v := mustRegister(t, reg, "s0", record(`{"name":"f0","type":"int"}`)); v.ID != 1 || v.RegisteredBy != "alice" {
			t.Fatalf("%+v", v)
		}
		stop()
		if loss == "none" && len(copies.records) > kept+1 { // the NOOP of the new leader
			t.Fatalf("%d records kept, were %d: records are kept twice", len(copies.records), kept)
		}
	}
	// A fresh id continues after the highest, deleted ones included.
	reg, _ = node(t, opts, registry.Config{}, copies)
	if v := mustRegister(t, reg, "new", `"bytes"`); v.ID != 6 {
		t.Fatalf("id %d, want 6", v.ID)
	}
}
