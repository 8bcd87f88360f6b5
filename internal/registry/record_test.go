package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// feed applies lines of `key<TAB>value` ("-" = tombstone) to a fresh state.
func feed(t *testing.T, lines string) (*state, int) {
	t.Helper()
	s, faults, offset := newState(), 0, int64(0)
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		key, value, _ := strings.Cut(line, "\t")
		rec := Record{Offset: offset, Time: time.UnixMilli(1_700_000_000_000 + offset), Key: []byte(key), Value: []byte(value)}
		if value == "-" {
			rec.Value = nil
		}
		if s.apply(rec) != nil {
			faults++
		}
		offset++
	}
	return s, faults
}

// TestForeignTopic replays what other registries wrote, traps included
// (testdata/foreign.tsv; each line says in its subject what it is about).
func TestForeignTopic(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("testdata", "foreign.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	s, faults := feed(t, string(raw))
	if faults != 5 {
		t.Errorf("%d records refused, want 5: bad magic, version 0, broken value, id taken, broken key", faults)
	}
	v, err := s.version("plain", 1, Live)
	if err != nil || v.content.id != 1 || v.content.kind != wire.TypeAvro {
		t.Fatalf("%+v %v", v, err)
	}
	if _, err := s.version("order", 1, Live); err != nil {
		t.Error("a key in another order is not read")
	}
	if got := string(s.keyBytes(wire.Key{Type: wire.KeySchema, Subject: "order", Version: 1})); got != `{"subject":"order","version":1,"magic":1,"keytype":"SCHEMA"}` {
		t.Errorf("the foreign key bytes are lost: %s", got)
	}
	if got := string(s.keyBytes(wire.Key{Type: wire.KeyConfig})); got != `{"keytype":"CONFIG","subject":null,"magic":0}` {
		t.Errorf("the foreign global key is lost: %s", got)
	}
	if level, _ := s.settings[""].Level(); level != eventbus.CompatibilityFull {
		t.Error("global level")
	}
	if _, err := s.version("clash", 1, WithDeleted); err == nil || s.spaces["."].byID[1].text != `"string"` {
		t.Error("an id changed its meaning")
	}
	if sub := s.subjects["gone"]; sub == nil || sub.hasLive() || len(sub.versions) != 2 {
		t.Error("DELETE_SUBJECT")
	}
	if s.subjects["cleared"] != nil {
		t.Error("CLEAR_SUBJECT")
	}
	if s.subjects["hard"] != nil || s.spaces["."].byID[9] != nil {
		t.Error("tombstone")
	}
	if s.mode("ro") != ModeReadOnly || s.mode("other") != ModeReadWrite {
		t.Error("mode")
	}
	if c := s.spaces[".c"]; c == nil || c.byID[1].text != `"long"` {
		t.Error("ids count per context")
	}
	if s.spaces["."].maxID != 9 {
		t.Errorf("highest id %d, want 9: it was given once", s.spaces["."].maxID)
	}
}

// TestHighIDs: after compaction a NOOP still knows the highest id.
func TestHighIDs(t *testing.T) {
	s := newState()
	if err := s.apply(Record{Key: []byte(`{"keytype":"NOOP","magic":0}`), HighIDs: map[string]int{".": 41}}); err != nil {
		t.Fatal(err)
	}
	id, err := s.idFor(&candidate{context: "."}, RegisterRequest{})
	if err != nil || id != 42 {
		t.Errorf("%d %v", id, err)
	}
}

// TestManyVersions: the index of live ids agrees with the list it stands for.
func TestManyVersions(t *testing.T) {
	s := newState()
	put := func(number, id int, deleted bool) {
		v := wire.SchemaValue{Subject: "s", Version: number, ID: id, Schema: `"` + strings.Repeat("x", id) + `"`, Deleted: deleted}
		if err := s.apply(Record{Key: wire.Key{Type: wire.KeySchema, Subject: "s", Version: number}.Bytes(), Value: v.Bytes(wire.Fingerprint{})}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= 40; i++ {
		put(i, i, false)
	}
	put(41, 3, false)
	put(3, 3, true)
	put(4, 4, true)
	s.dropVersion("s", 5)
	for id, want := range map[int]bool{1: true, 3: true, 4: false, 5: false, 40: true, 41: false} {
		if got := s.subjects["s"].allows(id); got != want {
			t.Errorf("id %d: %v", id, got)
		}
	}
	if err := s.applyDeleteSubject([]byte(`{"subject":"s","version":40}`)); err != nil {
		t.Fatal(err)
	}
	if sub := s.subjects["s"]; !sub.allows(3) || sub.allows(1) || sub.liveCount() != 1 {
		t.Error("after DELETE_SUBJECT")
	}
}

// FuzzRecords: whatever stands in the topic, the state stays consistent.
func FuzzRecords(f *testing.F) {
	raw, err := os.ReadFile(filepath.Join("testdata", "foreign.tsv"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.SplitSeq(string(raw), "\n") {
		key, value, _ := strings.Cut(line, "\t")
		f.Add([]byte(key), []byte(value))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := newState()
		base := wire.SchemaValue{Subject: "s", Version: 1, ID: 1, Schema: `"int"`}
		baseKey := wire.Key{Type: wire.KeySchema, Subject: "s", Version: 1}.Bytes()
		for i, rec := range []Record{{Key: baseKey, Value: base.Bytes(wire.Fingerprint{})}, {Key: key, Value: value}, {Key: key}, {Key: key, Value: value}} {
			rec.Offset = int64(i)
			_ = s.apply(rec)
		}
		consistent(t, s)
	})
}

// consistent checks what must always hold of a state.
func consistent(t *testing.T, s *state) {
	t.Helper()
	uses := map[*content]int{}
	for name, sub := range s.subjects {
		if len(sub.versions) == 0 || sub.name != name {
			t.Fatalf("subject %q is empty or misnamed", name)
		}
		for i, v := range sub.versions {
			if i > 0 && sub.versions[i-1].number >= v.number {
				t.Fatalf("%q: versions out of order", name)
			}
			if sub.space.byID[v.content.id] != v.content {
				t.Fatalf("%q version %d: its id means something else", name, v.number)
			}
			uses[v.content]++
		}
	}
	for _, sp := range s.spaces {
		for id, c := range sp.byID {
			if c.id != id || id > sp.maxID || len(c.uses) != uses[c] || len(c.uses) == 0 {
				t.Fatalf("id %d: %d uses, %d found, highest %d", id, len(c.uses), uses[c], sp.maxID)
			}
		}
	}
}
