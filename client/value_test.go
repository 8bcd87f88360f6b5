package client

import (
	"slices"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// user is the schema of topic `test` (contract, "Formats").
const user = `{"type":"record","name":"User","namespace":"gov.va.eventbus.example","fields":[
	{"name":"name","type":"string"},{"name":"company","type":"string"},
	{"name":"dateOfBirth","type":{"type":"int","logicalType":"date"}},{"name":"sequenceNumber","type":"int"}]}`

func codecOf(t *testing.T, text string, references ...string) *Codec {
	t.Helper()
	c, err := NewCodec(text, references...)
	if err != nil {
		t.Fatalf("schema %s: %v", text, err)
	}
	return c
}

func wantCode(t *testing.T, err error, code eventbus.Code) {
	t.Helper()
	if got := eventbus.CodeOf(err); got != code {
		t.Fatalf("error %v has code %q, want %q", err, got, code)
	}
}

// field wraps a type into a record with the one field f.
func field(typ string) string {
	return `{"type":"record","name":"R","namespace":"x","fields":[{"name":"f","type":` + typ + `}]}`
}

// TestRoundTrip: what people write comes back as they wrote it.
func TestRoundTrip(t *testing.T) {
	tests := []struct{ name, schema, value, want string }{
		{"the seed's user", user, `{"sequenceNumber":1,"name":"Ada","company":"Analytical","dateOfBirth":"1815-12-10"}`,
			`{"name":"Ada","company":"Analytical","dateOfBirth":"1815-12-10","sequenceNumber":1}`},
		{"null", field(`["null","string"]`), `{"f":null}`, ""},
		{"bare union value", field(`["null","string"]`), `{"f":"x"}`, ""},
		{"union of numbers", field(`["int","double","string"]`), `{"f":1.5}`, ""},
		{"boolean", field(`"boolean"`), `{"f":true}`, ""},
		{"greatest long", field(`"long"`), `{"f":9223372036854775807}`, ""},
		{"float", field(`"float"`), `{"f":0.1}`, ""},
		{"double", field(`"double"`), `{"f":1e+300}`, ""},
		{"text that JSON escapes", field(`"string"`), `{"f":"\"\\\n"}`, ""},
		{"empty text", field(`"string"`), `{"f":""}`, ""},
		{"bytes, a character each", field(`"bytes"`), `{"f":"\u0000a\u00ff"}`, `{"f":"\u0000aÿ"}`},
		{"fixed", field(`{"type":"fixed","name":"F","size":2}`), `{"f":"ab"}`, ""},
		{"enum", field(`{"type":"enum","name":"E","symbols":["A","B"]}`), `{"f":"B"}`, ""},
		{"array", field(`{"type":"array","items":"int"}`), `{"f":[1,2,3]}`, ""},
		{"empty array", field(`{"type":"array","items":"int"}`), `{"f":[]}`, ""},
		{"map, by key", field(`{"type":"map","values":"int"}`), `{"f":{"b":2,"a":1}}`, `{"f":{"a":1,"b":2}}`},
		{"date", field(`{"type":"int","logicalType":"date"}`), `{"f":"2026-11-22"}`, ""},
		{"date before 1970", field(`{"type":"int","logicalType":"date"}`), `{"f":"1815-12-10"}`, ""},
		{"timestamp", field(`{"type":"long","logicalType":"timestamp-millis"}`), `{"f":"2026-11-22T10:11:12.345Z"}`, ""},
		{"timestamp of another zone", field(`{"type":"long","logicalType":"timestamp-micros"}`), `{"f":"2026-11-22T10:11:12+02:00"}`, `{"f":"2026-11-22T08:11:12Z"}`},
		{"decimal", field(`{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`), `{"f":"12.50"}`, ""},
		{"uuid", field(`{"type":"string","logicalType":"uuid"}`), `{"f":"0f0e0d0c-0b0a-0908-0706-050403020100"}`, ""},
		{"a list that holds itself", `{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"],"default":null}]}`,
			`{"v":1,"next":{"v":2,"next":null}}`, ""},
		{"a type used again by its short name", field(`{"type":"record","name":"B","fields":[{"name":"s","type":"string"},{"name":"again","type":["null","R"],"default":null}]}`),
			`{"f":{"s":"a","again":{"f":{"s":"b","again":null}}}}`, ""},
		{"no record at all", `"string"`, `"x"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := codecOf(t, tt.schema)
			data, err := c.Encode([]byte(tt.value))
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if tt.want == "" {
				tt.want = tt.value
			}
			if string(got) != tt.want {
				t.Errorf("= %s, want %s", got, tt.want)
			}
		})
	}
}

func TestEncodeUsesReferences(t *testing.T) {
	street := `{"type":"record","name":"Street","namespace":"y","fields":[{"name":"name","type":"string"}]}`
	address := `{"type":"record","name":"Address","namespace":"y","fields":[{"name":"street","type":"Street"},{"name":"zip","type":"bytes"}]}`
	c := codecOf(t, `{"type":"record","name":"P","namespace":"x","fields":[{"name":"home","type":"y.Address"},{"name":"work","type":["null","y.Address"]}]}`, street, address)
	const want = `{"home":{"street":{"name":"Main"},"zip":"1"},"work":{"street":{"name":"Side"},"zip":"2"}}`
	data, err := c.Encode([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Decode(data); err != nil || string(got) != want {
		t.Errorf("= %s, %v; want %s", got, err, want)
	}
}

func TestEncodeRefuses(t *testing.T) {
	nested := field(`{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"n","type":"int"}]}}`)
	tests := []struct{ name, schema, value, path, says string }{
		{"a field that is missing", user, `{"name":"Ada","company":"A","dateOfBirth":"1815-12-10"}`, "sequenceNumber", "required and missing"},
		{"a field that is not in the schema", user, `{"name":"Ada","compnay":"A"}`, "compnay", "no such field"},
		{"an unknown field deep inside", nested, `{"f":[{"n":1},{"m":2}]}`, "f[1].m", "no such field"},
		{"text for a number", user, `{"name":"Ada","company":"A","dateOfBirth":"1815-12-10","sequenceNumber":"one"}`, "sequenceNumber", "int"},
		{"a number beyond int", user, `{"name":"Ada","company":"A","dateOfBirth":"1815-12-10","sequenceNumber":4294967296}`, "sequenceNumber", "int"},
		{"characters that are no bytes", field(`"bytes"`), `{"f":"€"}`, "f", "one character per byte"},
		{"a symbol that the enum has not", field(`{"type":"enum","name":"E","symbols":["A"]}`), `{"f":"Z"}`, "", "Z"},
		{"no JSON", user, `{"name":`, "", "not a JSON value"},
		{"two values", user, `{} {}`, "", "more than one"},
		{"a list for a record", user, `[]`, "", "fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := codecOf(t, tt.schema).Encode([]byte(tt.value))
			wantCode(t, err, eventbus.CodeInvalid)
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error = %v, want it to say %q", err, tt.says)
			}
			if faults := eventbus.FaultsOf(err); tt.path != "" && (len(faults) != 1 || faults[0].Path != tt.path) {
				t.Errorf("faults = %+v, want one at %s", faults, tt.path)
			}
		})
	}
}

func TestNewCodecRefusesBadSchemas(t *testing.T) {
	for _, text := range []string{``, `{`, `{"type":"record"}`, `"unknown.Name"`, strings.Repeat(`{"type":"array","items":`, 5000)} {
		_, err := NewCodec(text)
		wantCode(t, err, eventbus.CodeInvalid)
	}
	_, err := NewCodec(`"string"`, `{"type":`)
	wantCode(t, err, eventbus.CodeInvalid)
}

func TestTags(t *testing.T) {
	reference := `{"type":"record","name":"Address","namespace":"y","fields":[{"name":"s","type":"string","confluent:tags":["ZIP"]}]}`
	tests := []struct {
		name, schema string
		want         []string
	}{
		{"none", user, nil},
		{"of a field", `{"type":"record","name":"R","fields":[{"name":"a","type":"int","confluent:tags":["PII","PHI"]},{"name":"b","type":"int","confluent:tags":["PII"]}]}`, []string{"PHI", "PII"}},
		{"of a type", field(`{"type":"string","confluent:tags":["PII"]}`), []string{"PII"}},
		{"of the items of an array", field(`{"type":"array","items":{"type":"string","confluent:tags":["PII"]}}`), []string{"PII"}},
		{"of the values of a map", field(`{"type":"map","values":{"type":"string","confluent:tags":["PII"]}}`), []string{"PII"}},
		{"of a branch", field(`["null",{"type":"string","confluent:tags":["PHI"]}]`), []string{"PHI"}},
		{"of the root", `{"type":"record","name":"R","confluent:tags":["PHI"],"fields":[]}`, []string{"PHI"}},
		{"of a reference", field(`"y.Address"`), []string{"ZIP"}},
		{"one word instead of a list", field(`{"type":"string","confluent:tags":"PII"}`), []string{"PII"}},
		{"something else still tags", field(`{"type":"string","confluent:tags":{"a":1}}`), []string{"map[a:1]"}},
		{"an empty list is no tag", field(`{"type":"string","confluent:tags":[]}`), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := codecOf(t, tt.schema, reference).Tags(); !slices.Equal(got, tt.want) {
				t.Errorf("= %q, want %q", got, tt.want)
			}
		})
	}
}
