package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// writeTopic makes `_schemas` as another registry leaves it; a nil value is a
// tombstone.
func writeTopic(t testing.TB, opts []kgo.Opt, records ...*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(append(slices.Clone(opts), kgo.DefaultProduceTopic("_schemas"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	compact := "compact"
	if _, err := kadm.NewClient(cl).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &compact}, "_schemas"); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// readTopic gives all that stands in `_schemas`.
func readTopic(t testing.TB, opts []kgo.Opt) (out []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(append(slices.Clone(opts), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"_schemas": {0: kgo.NewOffset().AtStart()}}))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListCommittedOffsets(t.Context(), "_schemas")
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup("_schemas", 0)
	for next := int64(0); next < end.Offset; {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				out = append(out, &kgo.Record{Key: r.Key, Value: r.Value, Headers: r.Headers})
			}
		})
	}
	return out
}

func pair(key, value string) *kgo.Record {
	r := &kgo.Record{Key: []byte(key), Value: []byte(value)}
	if value == "-" {
		r.Value = nil
	}
	return r
}

// confluentTopic is what Confluent's registry leaves behind: versions, a soft and
// a hard deletion, levels and modes, markers, and kinds of record that this
// registry has no use for.
func confluentTopic() []*kgo.Record {
	return []*kgo.Record{
		pair(`{"keytype":"NOOP","magic":0}`, "-"),
		pair(`{"keytype":"SCHEMA","subject":"letters","version":1,"magic":1}`, `{"subject":"letters","version":1,"id":1,"md5":"xSVgWWKrzVkyfV9cFxTIZQ==","schema":"\"int\"","deleted":false}`),
		pair(`{"keytype":"CONFIG","subject":null,"magic":0}`, `{"compatibilityLevel":"NONE"}`), // before 6.0.3
		pair(`{"subject":"letters","version":2,"magic":1,"keytype":"SCHEMA"}`, `{"subject":"letters","version":2,"id":2,"schema":"\"string\"","deleted":false}`),
		pair(`{"keytype":"ASSOC","tenant":"default","resourceName":"r","magic":0}`, `{"subject":"letters"}`),
		pair(`{"keytype":"SCHEMA","subject":"gone","version":1,"magic":1}`, `{"subject":"gone","version":1,"id":3,"schema":"\"long\"","deleted":true}`),
		pair(`{"keytype":"SCHEMA","subject":"gone","version":1,"magic":1}`, "-"),
		pair(`{"keytype":"DELETE_SUBJECT","subject":"compacted","magic":0}`, `{"subject":"compacted","version":4}`),
		pair(`{"keytype":"SCHEMA","subject":"other","version":7,"magic":0}`, `{"subject":"other","version":7,"id":9,"schema":"\"bytes\"","deleted":false}`),
		pair(`{"keytype":"MODE","subject":"other","magic":0}`, `{"mode":"READONLY"}`),
		pair(`{"keytype":"SCHEMA","subject":"proto","version":1,"magic":1}`, `{"subject":"proto","version":1,"id":10,"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";","deleted":false}`),
		pair(`{"keytype":"SOMETHING_LATER","magic":3}`, `{"a":1}`),
		pair(`{"keytype":"NOOP","magic":0}`, "-"),
	}
}

// TestTakeOverForeignTopic: the bus goes on where Confluent's registry stopped,
// under the keys that it wrote.
func TestTakeOverForeignTopic(t *testing.T) {
	opts := kafka(t)
	writeTopic(t, opts, confluentTopic()...)
	reg, _ := node(t, opts, registry.Config{}, nil)
	if got := reg.Subjects("", registry.WithDeleted); !slices.Equal(got, []string{"letters", "other", "proto"}) {
		t.Fatalf("subjects: %v", got)
	}
	if level, _ := reg.Compatibility("", true); level != eventbus.CompatibilityNone {
		t.Errorf("global level: %s", level)
	}
	if v, err := reg.ByID(10, ""); err != nil || v.Type != "PROTOBUF" {
		t.Errorf("a schema of another type is readable: %+v %v", v, err)
	}
	_, err := reg.Register(t.Context(), alice, "proto", registry.RegisterRequest{Text: `"int"`})
	wantCode(t, err, 0) // level NONE
	if v := mustRegister(t, reg, "letters", `"bytes"`); v.Version != 3 || v.ID != 9 {
		t.Errorf("a text keeps the id that it has: %+v", v)
	}
	if v := mustRegister(t, reg, "letters", `"float"`); v.Version != 4 || v.ID != 11 {
		t.Errorf("ids go on after the highest: %+v", v)
	}
	_, err = reg.Register(t.Context(), alice, "other", registry.RegisterRequest{Text: `"float"`})
	wantCode(t, err, registry.ErrNotPermitted)

	// What replaces a record has its very key, or compaction would keep both.
	mustDelete(t, reg, "letters", false, 2)
	mustDelete(t, reg, "letters", true, 2)
	if err := reg.SetCompatibility(t.Context(), alice, "", eventbus.CompatibilityFull); err != nil {
		t.Fatal(err)
	}
	last := map[string]string{}
	for _, r := range readTopic(t, opts) {
		last[string(r.Key)] = string(r.Value)
	}
	if value, ok := last[`{"subject":"letters","version":2,"magic":1,"keytype":"SCHEMA"}`]; !ok || value != "" {
		t.Errorf("the foreign key of version 2 holds %q", value)
	}
	if value := last[`{"keytype":"CONFIG","subject":null,"magic":0}`]; value != `{"compatibilityLevel":"FULL"}` {
		t.Errorf("the foreign global key holds %q", value)
	}
	for _, key := range []string{`{"keytype":"SCHEMA","subject":"letters","version":2,"magic":1}`, `{"keytype":"CONFIG","magic":0}`} {
		if value, ok := last[key]; ok {
			t.Errorf("%s stands beside the foreign key: %q", key, value)
		}
	}
}

// TestCompaction: whatever Kafka compacts away, the registry knows the same after
// it, and no id is given a second time.
func TestCompaction(t *testing.T) {
	opts := kafka(t)
	reg, stop := node(t, opts, registry.Config{}, nil)
	configure(t, reg, "", `{"compatibilityLevel":"NONE"}`)
	for i := range 4 {
		for _, subject := range []string{"s", ":.lab:s", "t"} {
			mustRegister(t, reg, subject, record(fmt.Sprintf(`{"name":"f%d","type":"int"}`, i)))
		}
	}
	mustDelete(t, reg, "s", false, 4, 2)
	mustDelete(t, reg, ":.lab:s", false, 4)
	mustDelete(t, reg, ":.lab:s", true, 4)
	if _, err := reg.RestoreVersion(t.Context(), alice, "s", 2); err != nil {
		t.Fatal(err)
	}
	if _, err := reg.DeleteSubject(t.Context(), alice, "t", false); err != nil {
		t.Fatal(err)
	}
	mustRegister(t, reg, "t", `"string"`)
	mustDelete(t, reg, "t", false, 5)
	if _, err := reg.DeleteSubject(t.Context(), alice, "t", true); err != nil {
		t.Fatal(err)
	}
	configure(t, reg, "s", `{"compatibilityLevel":"FULL"}`)
	configure(t, reg, "s", `{"compatibilityLevel":null,"normalize":true}`)
	want := fmt.Sprint(reg.Export(":*:", registry.WithDeleted))
	stop()

	all := readTopic(t, opts)
	for name, keepTombstones := range map[string]bool{"with tombstones": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			opts := kafka(t)
			writeTopic(t, opts, compacted(all, keepTombstones)...)
			reg, _ := node(t, opts, registry.Config{}, nil)
			if got := fmt.Sprint(reg.Export(":*:", registry.WithDeleted)); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if v := mustRegister(t, reg, "new", `"bytes"`); v.ID != 6 {
				t.Errorf("id %d, want 6: 5 was that of a deleted schema", v.ID)
			}
			if v := mustRegister(t, reg, ":.lab:new", `"bytes"`); v.ID != 5 {
				t.Errorf("id %d in the context, want 5: 4 was that of a deleted schema", v.ID)
			}
		})
	}
}

// compacted keeps the last record of each key, where it stood.
func compacted(all []*kgo.Record, tombstones bool) (out []*kgo.Record) {
	last := map[string]int{}
	for i, r := range all {
		last[string(r.Key)] = i
	}
	for i, r := range all {
		// A NOOP has no value either, but Kafka drops it no sooner than the next one
		// has come, and every leader begins with one.
		if last[string(r.Key)] == i && (tombstones || r.Value != nil || strings.Contains(string(r.Key), "NOOP")) {
			out = append(out, &kgo.Record{Key: r.Key, Value: r.Value, Headers: r.Headers})
		}
	}
	return out
}

// TestHostileRecords: a topic that anybody could write to costs a warning each,
// nothing else, and what is good in it is served.
func TestHostileRecords(t *testing.T) {
	opts := kafka(t)
	long := strings.Repeat("x", 300_000)
	deep := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
	key := func(subject, version string) string {
		return `{"keytype":"SCHEMA","subject":"` + subject + `","version":` + version + `,"magic":1}`
	}
	value := func(more string) string { return `{"subject":"s","version":1,"id":5,"schema":"\"int\""` + more + `}` }
	records := []*kgo.Record{
		{Key: nil, Value: nil}, {Key: nil, Value: []byte("x")}, {Key: []byte{0xff, 0}, Value: []byte{0}}, pair("{", "{"), pair(deep, deep), pair("[]", "[]"), pair("null", "null"),
		pair(key("deep", "1"), deep), pair(key("null", "1"), "null"), pair(key("list", "1"), "[]"), pair(key("empty", "1"), ""), pair(key("cut", "1"), `{"subject":"s"`),
		pair(key("negative", "1"), `{"id":-1,"schema":"\"int\""}`), pair(key("huge", "1"), `{"id":99999999999999999999,"schema":"\"int\""}`), pair(key("large", "1"), `{"id":2147483648,"schema":"\"int\""}`),
		pair(key("far", "2147483648"), value("")), pair(key("last", "2147483647"), value("")), pair(key("zero", "0"), value("")),
		pair(key(long, "1"), value("")), pair(key("", "1"), value("")), pair(key("not-avro", "1"), `{"id":6,"schema":"`+long+`"}`),
		pair(key("self", "1"), `{"id":7,"schema":"\"s\"","references":[{"name":"s","subject":"self","version":1}]}`),
		pair(key("minus", "1"), `{"id":8,"schema":"\"long\"","references":[{"name":"s","subject":"minus","version":-1}]}`),
		pair(`{"keytype":"CONFIG","subject":"s","magic":0}`, `{"compatibilityLevel":7,"alias":[],"defaultMetadata":"x","compatibilityGroup":{}}`),
		pair(`{"keytype":"MODE","subject":"s","magic":0}`, `{"mode":{}}`), pair(`{"keytype":"MODE","magic":0}`, `{"mode":"NOT_A_MODE"}`),
		pair(`{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}`, `{"subject":"nobody","version":-9}`), pair(`{"keytype":"CLEAR_SUBJECT","subject":"nobody","magic":0}`, "-"),
		pair(`{"keytype":"CONTEXT","tenant":"t","context":"","magic":0}`, "{}"),
		{Key: []byte(`{"keytype":"NOOP","magic":0}`), Headers: []kgo.RecordHeader{{Key: "eventbus.ids", Value: []byte(`{".":-5,".x":"y"}`)}, {Key: "eventbus.since", Value: []byte("yesterday")}}},
		pair(key("good", "1"), `{"subject":"good","version":1,"id":20,"schema":"\"string\"","deleted":false}`),
		pair(`{"keytype":"MODE","magic":0}`, "-"),
	}
	writeTopic(t, opts, records...)
	reg, _ := node(t, opts, registry.Config{}, nil)
	if v, err := reg.Version("good", 1, registry.Live); err != nil || v.ID != 20 {
		t.Fatalf("%+v %v", v, err)
	}
	for _, subject := range reg.Subjects("", registry.WithDeleted) {
		v, err := reg.Version(subject, registry.Latest, registry.WithDeleted)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = reg.Parsed(v)
		_, _ = reg.Check(t.Context(), subject, registry.AllVersions, registry.RegisterRequest{Text: `"int"`})
	}
	if got := reg.SearchFields("a"); len(got) != 0 {
		t.Errorf("found %v", got)
	}
	_, err := reg.Register(t.Context(), alice, "last", registry.RegisterRequest{Text: `"bytes"`})
	if got := registry.CodeOf(err); got != registry.ErrInvalidVersion && got != registry.ErrIncompatible {
		t.Errorf("a version after the last: %v", err)
	}
	_, err = reg.Register(t.Context(), alice, "s", registry.RegisterRequest{Text: `"bytes"`})
	wantCode(t, err, registry.ErrInvalidRuleSet) // its configuration cannot be used; that is said
	if v := mustRegister(t, reg, "fine", `"bytes"`); v.ID != 21 {
		t.Errorf("id %d, want 21", v.ID)
	}
}
