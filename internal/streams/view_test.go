package streams

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
)

const (
	taggedUser = `{"type":"record","name":"User","namespace":"gov.va","fields":[
		{"name":"name","type":"string","confluent:tags":["PII"]},
		{"name":"diagnosis","type":["null","string"],"default":null,"confluent:tags":["PHI"]},
		{"name":"both","type":"string","default":"","confluent:tags":["PII","PHI"]},
		{"name":"badge","type":"string","default":"","confluent:tags":["SENSITIVE"]},
		{"name":"company","type":"string"}]}`
	plainUser = `{"type":"record","name":"User","namespace":"gov.va","fields":[{"name":"name","type":"string"}]}`
	address   = `{"type":"record","name":"Address","namespace":"gov.va","fields":[{"name":"street","type":"string","confluent:tags":["PII"]},{"name":"state","type":"string"}]}`
	household = `{"type":"record","name":"Household","namespace":"gov.va","fields":[{"name":"addresses","type":{"type":"array","items":"gov.va.Address"}}]}`
)

func classes(list ...eventbus.DataClass) []eventbus.DataClass { return list }

// TestWhatAViewerSees is the rule book of masking: deny by default.
func TestWhatAViewerSees(t *testing.T) {
	const (
		user     = `{"name":"Ada","diagnosis":"gout","both":"x","badge":"7","company":"Analytical"}`
		nothing  = `{"name":"***","diagnosis":"***","both":"***","badge":"***","company":"Analytical"}`
		hidden   = "hidden"
		noSchema = 0
	)
	none, pii, phi := eventbus.DataNone, eventbus.DataPII, eventbus.DataPHI
	tests := []struct {
		name    string
		viewer  Viewer
		schema  int
		value   string // JSON, or raw text without schema
		want    string // text, or "hidden"
		keySeen bool
	}{
		{"tags hide from one who is cleared for nothing", Viewer{DataClasses: classes(pii, phi), Reason: "r"}, 1, user, nothing, false},
		{"tags hide though the topic is said to hold nothing", Viewer{DataClasses: classes(none)}, 1, user, nothing, true},
		{"tags hide where the class is not known", Viewer{Reason: "r"}, 1, user, nothing, false},
		{"cleared for PII", Viewer{DataClasses: classes(pii, phi), Cleared: classes(pii), Reason: "r"}, 1, user,
			`{"name":"Ada","diagnosis":"***","both":"***","badge":"***","company":"Analytical"}`, false},
		{"cleared for both, never for other tags", Viewer{DataClasses: classes(pii, phi), Cleared: classes(pii, phi), Reason: "r"}, 1, user,
			`{"name":"Ada","diagnosis":"gout","both":"x","badge":"***","company":"Analytical"}`, true},
		{"cleared for a tag that no one can be cleared for", Viewer{DataClasses: classes(pii), Cleared: classes(pii, phi, "SENSITIVE"), Reason: "r"}, 1, user,
			`{"name":"Ada","diagnosis":"gout","both":"x","badge":"***","company":"Analytical"}`, true},
		{"cleared without a reason is not cleared", Viewer{DataClasses: classes(none), Cleared: classes(pii, phi)}, 1, user, nothing, true},

		{"a schema without tags shows of a plain topic all", Viewer{DataClasses: classes(none)}, 2, `{"name":"Ada"}`, `{"name":"Ada"}`, true},
		{"a schema without tags shows of a PII topic nothing", Viewer{DataClasses: classes(pii), Reason: "r"}, 2, `{"name":"Ada"}`, hidden, false},
		{"nor to one who is cleared", Viewer{DataClasses: classes(pii), Cleared: classes(pii), Reason: "r"}, 2, `{"name":"Ada"}`, hidden, true},
		{"nor where the class is not known", Viewer{Reason: "r"}, 2, `{"name":"Ada"}`, hidden, false},
		{"nor where none stands beside another", Viewer{DataClasses: classes(none, phi), Reason: "r"}, 2, `{"name":"Ada"}`, hidden, false},

		{"tags of a referenced schema count", Viewer{DataClasses: classes(pii), Reason: "r"}, 4, `{"addresses":[{"street":"1 Main","state":"OH"}]}`,
			`{"addresses":[{"street":"***","state":"OH"}]}`, false},

		{"text without schema of a plain topic", Viewer{DataClasses: classes(none)}, noSchema, "hello", "hello", true},
		{"text without schema of a PHI topic", Viewer{DataClasses: classes(phi), Cleared: classes(phi), Reason: "r"}, noSchema, "hello", hidden, true},
	}
	b := newBed(t)
	b.create(1, "claims")
	b.schemas.add(1, taggedUser)
	b.schemas.add(2, plainUser)
	b.schemas.add(3, address)
	b.schemas.add(4, household, eventbus.SchemaReference{Name: "gov.va.Address", Subject: "subject-3", Version: 1})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			value := []byte(tt.value)
			if tt.schema != noSchema {
				value = b.schemas.encode(t, tt.schema, tt.value)
			}
			r := view{tt.viewer, b.Streams}.record(t.Context(), &kgo.Record{Key: []byte("ada"), Value: value, Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("ada")}}})
			if tt.want == hidden {
				if r.Value.Format != FormatHidden || r.Value.Text != "" || r.Value.Reason == "" {
					t.Errorf("value = %+v, want nothing but the reason", r.Value)
				}
			} else if r.Value.Text != tt.want {
				t.Errorf("value = %s, want %s", r.Value.Text, tt.want)
			}
			for what, c := range map[string]Content{"key": r.Key, "header": r.Headers[0].Value} {
				if seen := c.Text == "ada"; seen != tt.keySeen || !seen && (c.Format != FormatHidden || c.Text != "") {
					t.Errorf("%s = %+v, want it seen: %v", what, c, tt.keySeen)
				}
			}
			if r.Headers[0].Name != "trace" {
				t.Errorf("header name = %q, want trace: names are no data", r.Headers[0].Name)
			}
		})
	}
}

func TestMaskedPathsAreNamed(t *testing.T) {
	b := newBed(t)
	b.schemas.add(1, taggedUser)
	c := view{open, b.Streams}.content(t.Context(), b.schemas.encode(t, 1, `{"name":"a","diagnosis":null,"company":"c"}`), schemaRef{id: 1, prefix: 5}, true)
	if got, want := strings.Join(c.Masked, " "), "name diagnosis both badge"; got != want {
		t.Errorf("masked = %q, want %q: an absent value is hidden as well, or its absence would tell", got, want)
	}
	if c.SchemaID != 1 {
		t.Errorf("schema id = %d, want 1", c.SchemaID)
	}
}

func TestUndecodable(t *testing.T) {
	guarded := Viewer{DataClasses: classes(eventbus.DataPHI), Cleared: classes(eventbus.DataPHI), Reason: "r"}
	withID := func(id uint32, data string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, id), data...)
	}
	tests := []struct {
		name, reason string
		value        []byte
		text         string // hex
	}{
		{"an unknown schema", "schema id 9 cannot be had", withID(9, "Ada"), hex.EncodeToString([]byte("Ada"))},
		{"too short for the schema", "does not fit schema id 1", withID(1, ""), ""},
		{"longer than the schema", "does not fit schema id 1", withID(1, "\x02a\x00\x00\x00\x02c!!"), "026100000002632121"},
		{"another kind of schema", "PROTOBUF", withID(5, "x"), "78"},
		{"bytes without schema", "no schema id", []byte{0xff, 0xfe}, "fffe"},
		{"many bytes", "no schema id", []byte(strings.Repeat("\xff", 1000)), strings.Repeat("ff", hexPrefix)},
	}
	b := newBed(t)
	b.schemas.add(1, taggedUser)
	b.schemas.byID[5] = eventbus.Schema{ID: 5, Type: "PROTOBUF", Text: `syntax = "proto3";`}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := view{open, b.Streams}.record(t.Context(), &kgo.Record{Value: tt.value}).Value
			if c.Format != FormatHex || c.Text != tt.text || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("= %+v, want hex %s because %s", c, tt.text, tt.reason)
			}
			c = view{guarded, b.Streams}.record(t.Context(), &kgo.Record{Value: tt.value}).Value
			if c.Format != FormatHidden || c.Text != "" || !strings.Contains(c.Reason, "PHI") {
				t.Errorf("of a PHI topic = %+v, want no byte of it", c)
			}
		})
	}
}

func TestContentForms(t *testing.T) {
	b := newBed(t)
	b.schemas.add(2, plainUser)
	data := b.schemas.encode(t, 2, `{"name":"Ada"}`)[5:]
	guid := append([]byte{1}, make([]byte, 16)...)
	guid[16] = 0x12 // guidOf(2) ends in 12
	tests := []struct {
		name   string
		record kgo.Record
		want   Content
	}{
		{"tombstone", kgo.Record{}, Content{Format: FormatNull}},
		{"empty text", kgo.Record{Value: []byte{}}, Content{Format: FormatText}},
		{"text of several lines", kgo.Record{Value: []byte("a\n\tb")}, Content{Format: FormatText, Text: "a\n\tb"}},
		{"control characters", kgo.Record{Value: []byte("a\x1b[31m")}, Content{Format: FormatHex, Text: "611b5b33316d", Reason: "it carries no schema id"}},
		{"schema id in a header", kgo.Record{Value: data, Headers: []kgo.RecordHeader{{Key: valueHeader, Value: []byte{0, 0, 0, 0, 2}}}},
			Content{Format: FormatAvro, Text: `{"name":"Ada"}`, SchemaID: 2}},
		{"schema GUID in a header", kgo.Record{Value: data, Headers: []kgo.RecordHeader{{Key: valueHeader, Value: guid}}},
			Content{Format: FormatAvro, Text: `{"name":"Ada"}`, GUID: "00000000-0000-0000-0000-000000000012"}},
		{"too large", kgo.Record{Value: make([]byte, maxShown+1)}, Content{Format: FormatHidden, Reason: "it is too large to show: 262145 bytes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := view{open, b.Streams}.record(t.Context(), &tt.record).Value
			if got.Format != tt.want.Format || got.Text != tt.want.Text || got.Reason != tt.want.Reason || got.SchemaID != tt.want.SchemaID || got.GUID != tt.want.GUID {
				t.Errorf("= %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSchemasAreParsedOnceAndWithinBounds(t *testing.T) {
	b := newBed(t)
	b.schemas.add(2, plainUser)
	first, err := b.codec(t.Context(), schemaRef{id: 2})
	if err != nil {
		t.Fatal(err)
	}
	delete(b.schemas.byID, 2)
	if again, err := b.codec(t.Context(), schemaRef{id: 2}); err != nil || again != first {
		t.Errorf("second lookup = %v, want the codec that is known", err)
	}
	for i := range maxReferences + 1 { // a chain that is longer than allowed
		b.schemas.add(100+i, plainUser, eventbus.SchemaReference{Subject: "subject-" + strconv.Itoa(101+i), Version: 1})
	}
	b.schemas.add(100+maxReferences+1, plainUser)
	_, err = b.codec(t.Context(), schemaRef{id: 100})
	wantCode(t, err, eventbus.CodeTooLarge)
}

// FuzzRecord: whatever bytes come, of a guarded topic without clearance nothing
// of an untagged value is shown, and nothing panics.
func FuzzRecord(f *testing.F) {
	b := &schemaBook{byID: map[int]eventbus.Schema{}}
	b.add(1, taggedUser)
	b.add(2, plainUser)
	s := &Streams{schemas: b}
	s.codecs = New(nil).codecs
	f.Add([]byte{0, 0, 0, 0, 1, 2, 'a', 0, 0, 0, 2, 'c'}, []byte("key"), []byte{0, 0, 0, 0, 2})
	f.Add([]byte{0, 0, 0, 0, 2, 2, 'a'}, []byte{}, []byte{1})
	f.Add([]byte("text"), []byte{0xff}, []byte(nil))
	f.Fuzz(func(t *testing.T, value, key, header []byte) {
		r := &kgo.Record{Key: key, Value: value, Headers: []kgo.RecordHeader{{Key: valueHeader, Value: header}}}
		view{open, s}.record(t.Context(), r)
		out := view{Viewer{Reason: "r", DataClasses: classes(eventbus.DataPHI)}, s}.record(t.Context(), r)
		for _, c := range []Content{out.Key, out.Headers[0].Value} {
			if c.Text != "" && c.Format != FormatAvro {
				t.Errorf("untagged %+v is shown", c)
			}
		}
		if out.Value.Text != "" && !strings.HasPrefix(out.Value.Text, `{"name":"***","diagnosis":"***","both":"***","badge":"***",`) {
			t.Errorf("value %s is shown", out.Value.Text)
		}
	})
}
