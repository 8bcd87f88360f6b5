package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	broken  error // what every AppendRecords answers
}

func (s *shelf) AppendRecords(_ context.Context, records []registry.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
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

func (s *shelf) breaks(with error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = with
}

// TestCopyHasNoGaps: what the store did not take is given to it again before
// anything that came later, while it runs and at the next start.
func TestCopyHasNoGaps(t *testing.T) {
	opts := kafka(t)
	copies := &shelf{}
	reg, stop := node(t, opts, fast(1), copies)
	mustRegister(t, reg, "a", `"int"`)
	copies.breaks(errors.New("disk full"))
	mustRegister(t, reg, "b", `"long"`) // the registry goes on
	mustRegister(t, reg, "c", `"string"`)
	copies.breaks(nil)
	eventually(t, "the copy has all", func() bool { return copies.subjects() == "a b c" })
	mustRegister(t, reg, "d", `"bytes"`)

	copies.breaks(errors.New("disk full"))
	mustRegister(t, reg, "e", `"float"`)
	stop()
	if got := copies.subjects(); got != "a b c d" {
		t.Fatalf("the copy holds %s", got)
	}
	copies.breaks(nil)
	reg, _ = node(t, opts, fast(1), copies)
	mustRegister(t, reg, "f", `"double"`)
	if got := copies.subjects(); got != "a b c d e f" {
		t.Fatalf("after a restart the copy holds %s", got)
	}
}

// subjects are those of the copied schemas, in the order of their records.
func (s *shelf) subjects() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	last := int64(-1)
	for _, rec := range s.records {
		if rec.Offset <= last {
			return "records out of order"
		}
		last = rec.Offset
		var key struct{ Keytype, Subject string }
		if json.Unmarshal(rec.Key, &key) == nil && key.Keytype == "SCHEMA" {
			out = append(out, key.Subject)
		}
	}
	return strings.Join(out, " ")
}
