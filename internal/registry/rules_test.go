package registry

import (
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// TestReferenceCycle: a foreign topic may hold schemas that refer to each other
// in a circle, or to themselves; they are answered, not followed for ever.
func TestReferenceCycle(t *testing.T) {
	line := func(subject, id, refers string) string {
		return `{"keytype":"SCHEMA","subject":"` + subject + `","version":1,"magic":1}` + "\t" +
			`{"subject":"` + subject + `","version":1,"id":` + id + `,"schema":"{\"type\":\"record\",\"name\":\"` + subject + `\",\"fields\":[]}","references":[{"name":"` + refers + `","subject":"` + refers + `","version":1}]}` + "\n"
	}
	s, faults := feed(t, line("a", "1", "b")+line("b", "2", "a")+line("self", "3", "self"))
	if faults != 0 {
		t.Fatalf("%d records refused", faults)
	}
	r := &Registry{cfg: Config{}.withDefaults(), state: s, parsed: newParseCache(10)}
	for _, subject := range []string{"a", "b", "self"} {
		_, err := r.parse(".", `{"type":"record","name":"M","fields":[]}`, []eventbus.SchemaReference{{Name: subject, Subject: subject, Version: 1}}, true)
		if err != nil && CodeOf(err) != ErrInvalidSchema {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range []string{"a", "self"} {
		v, err := r.Version(subject, 1, Live)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Parsed(v); err != nil && CodeOf(err) != ErrInvalidSchema {
			t.Errorf("%s: %v", subject, err)
		}
	}
	consistent(t, s)
}

// TestParseCache: bounded by number and by bytes; what was used last stays.
func TestParseCache(t *testing.T) {
	c := newParseCache(2)
	key := func(b byte) textKey { return textKey{text: [32]byte{b}} }
	c.put(key(1), nil, 1)
	c.put(key(2), nil, 1)
	c.get(key(1))
	c.put(key(3), nil, 1)
	if _, kept := c.entries[key(1)]; !kept || len(c.entries) != 2 || c.text != 2 {
		t.Errorf("%d entries of %d bytes", len(c.entries), c.text)
	}
	if _, kept := c.entries[key(2)]; kept {
		t.Error("the oldest stays")
	}
	c.put(key(4), nil, c.mostText) // too large to keep
	if c.text != 2 {
		t.Errorf("%d bytes", c.text)
	}
}

// TestReleaseForgetsReferrers: a hard-deleted schema holds nobody back.
func TestReleaseForgetsReferrers(t *testing.T) {
	s := newState()
	part := wire.SchemaValue{Subject: "part", Version: 1, ID: 1, Schema: `"int"`}
	whole := wire.SchemaValue{Subject: "whole", Version: 1, ID: 2, Schema: `"long"`, References: []eventbus.SchemaReference{{Name: "p", Subject: "part", Version: 1}}}
	for i, v := range []wire.SchemaValue{part, whole} {
		rec := Record{Offset: int64(i), Time: time.UnixMilli(1), Key: wire.Key{Type: wire.KeySchema, Subject: v.Subject, Version: 1}.Bytes(), Value: v.Bytes(wire.Fingerprint{})}
		if err := s.apply(rec); err != nil {
			t.Fatal(err)
		}
	}
	v, err := s.version("part", 1, Live)
	if err != nil || CodeOf(s.unreferenced(v)) != ErrReferenceExists {
		t.Fatalf("%v %v", v, err)
	}
	s.dropVersion("whole", 1)
	if err := s.unreferenced(v); err != nil || len(s.referrer) != 0 {
		t.Errorf("%v %v", err, s.referrer)
	}
	consistent(t, s)
}
