package client

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/avro"

	"github.com/enterprise-event-bus/eventbus"
)

// anyTag hides all that is tagged.
func anyTag(_ string, tags []string) bool { return len(tags) > 0 }

// TestMaskingCannotBeWalkedAround: wherever a tag stands, what it covers is
// hidden, and what it does not cover is not.
func TestMaskingCannotBeWalkedAround(t *testing.T) {
	const secret = `{"type":"record","name":"S","namespace":"y","confluent:tags":["PII"],"fields":[{"name":"v","type":"string"}]}`
	tests := []struct {
		name, schema string
		value        any
		want         string
	}{
		{"a field", `{"type":"record","name":"R","fields":[{"name":"a","type":"string","confluent:tags":["PII"]},{"name":"b","type":"string"}]}`,
			map[string]any{"a": "x", "b": "y"}, `{"a":"***","b":"y"}`},
		{"a field without a value", `{"type":"record","name":"R","fields":[{"name":"a","type":["null","string"],"confluent:tags":["PII"]}]}`,
			map[string]any{"a": nil}, `{"a":"***"}`},
		{"a field of a record in a list", field(`{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"a","type":"string","confluent:tags":["PII"]},{"name":"b","type":"int"}]}}`),
			map[string]any{"f": []any{map[string]any{"a": "x", "b": 1}}}, `{"f":[{"a":"***","b":1}]}`},
		{"a whole list", `{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"array","items":"string"},"confluent:tags":["PII"]}]}`,
			map[string]any{"f": []any{"x"}}, `{"f":"***"}`},
		{"the type of a field", field(secret), map[string]any{"f": map[string]any{"v": "x"}}, `{"f":"***"}`},
		{"a referenced type", field(`"y.S"`), map[string]any{"f": map[string]any{"v": "x"}}, `{"f":"***"}`},
		{"the items of a list", field(`{"type":"array","items":"y.S"}`), map[string]any{"f": []any{map[string]any{"v": "x"}}}, `{"f":["***"]}`},
		{"tagged texts in a list", field(`{"type":"array","items":{"type":"string","confluent:tags":["PII"]}}`), map[string]any{"f": []any{"x", "y"}}, `{"f":["***","***"]}`},
		{"the values of a map", field(`{"type":"map","values":"y.S"}`), map[string]any{"f": map[string]any{"k": map[string]any{"v": "x"}}}, `{"f":{"k":"***"}}`},
		{"the items of a list of lists", field(`{"type":"array","items":{"type":"array","items":"y.S"}}`), map[string]any{"f": []any{[]any{map[string]any{"v": "x"}}}}, `{"f":[["***"]]}`},
		{"a branch in a list", field(`{"type":"array","items":["null","y.S"]}`), map[string]any{"f": []any{nil, map[string]any{"v": "x"}}}, `{"f":[null,"***"]}`},
		{"the root", secret, map[string]any{"v": "x"}, `"***"`},
		{"a type used again by its short name", `{"type":"record","name":"R","namespace":"n","fields":[
			{"name":"a","type":{"type":"record","name":"B","fields":[{"name":"s","type":"string","confluent:tags":["PII"]},{"name":"n","type":"int"}]}},{"name":"b","type":"B"}]}`,
			map[string]any{"a": map[string]any{"s": "x", "n": 1}, "b": map[string]any{"s": "y", "n": 2}}, `{"a":{"s":"***","n":1},"b":{"s":"***","n":2}}`},
		{"the second of two records with the same fields", field(`["null",{"type":"record","name":"A","fields":[{"name":"v","type":"string"}]},{"type":"record","name":"B","fields":[{"name":"v","type":"string","confluent:tags":["PII"]}]}]`),
			map[string]any{"f": map[string]any{"x.B": map[string]any{"v": "x"}}}, `{"f":{"v":"***"}}`},
		{"and not the first of them", field(`["null",{"type":"record","name":"A","fields":[{"name":"v","type":"string"}]},{"type":"record","name":"B","fields":[{"name":"v","type":"string","confluent:tags":["PII"]}]}]`),
			map[string]any{"f": map[string]any{"x.A": map[string]any{"v": "x"}}}, `{"f":{"v":"x"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			references := []string{secret}
			if strings.Contains(tt.schema, `"name":"S"`) {
				references = nil
			}
			c := codecOf(t, tt.schema, references...)
			data, err := c.schema.Encode(tt.value, avro.TaggedUnions())
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.DecodeMasked(data, anyTag)
			if err != nil || string(got) != tt.want {
				t.Errorf("= %s, %v; want %s", got, err, tt.want)
			}
			if open, err := c.Decode(data); err != nil || strings.Contains(string(open), "***") {
				t.Errorf("without a mask = %s, %v; want every value", open, err)
			}
		})
	}
}

func TestMaskIsAskedWithPathAndTags(t *testing.T) {
	c := codecOf(t, `{"type":"record","name":"R","fields":[{"name":"list","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"ssn","type":{"type":"string","confluent:tags":["PHI"]},"confluent:tags":["PII"]}]}}}]}`)
	data, err := c.Encode([]byte(`{"list":[{"ssn":"1"},{"ssn":"2"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	got, err := c.DecodeMasked(data, func(path string, tags []string) bool {
		asked = append(asked, path+" "+strings.Join(tags, "+"))
		return path == "list[1].ssn"
	})
	if err != nil || string(got) != `{"list":[{"ssn":"1"},{"ssn":"***"}]}` {
		t.Errorf("= %s, %v", got, err)
	}
	for _, want := range []string{"list ", "list[0].ssn PII+PHI", "list[1].ssn PII+PHI"} {
		if !slices.Contains(asked, want) {
			t.Errorf("asked %q, want %q among them", asked, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := make([]byte, 1<<20)
	for i := range deep {
		deep[i] = 2 // the second branch, again and again
	}
	many := append(binary.AppendVarint(nil, 1<<40), 0)
	tests := []struct {
		name, schema string
		data         []byte
	}{
		{"nothing", user, nil},
		{"half a value", user, []byte{6, 'A'}},
		{"more than a value", `"string"`, []byte{2, 'a', 0}},
		{"a branch that is not there", field(`["null","string"]`), []byte{8}},
		{"a symbol that is not there", field(`{"type":"enum","name":"E","symbols":["A"]}`), []byte{8}},
		{"a text longer than the data", `"string"`, binary.AppendVarint(nil, 1<<40)},
		{"endless nesting", `{"type":"record","name":"L","fields":[{"name":"n","type":["null","L"]}]}`, deep},
		{"a list longer than the data", `{"type":"array","items":"int"}`, many},
		{"a list of nothing", `{"type":"array","items":"null"}`, many},
		{"a list of empty records", `{"type":"array","items":{"type":"record","name":"E","fields":[{"name":"n","type":"null"}]}}`, many},
		{"a list of lists of nothing", field(`{"type":"array","items":{"type":"array","items":"null"}}`), []byte{2, 2, 0, 0}},
		{"a list of nothing in a map", field(`["null",{"type":"map","values":{"type":"array","items":{"type":"fixed","name":"Z","size":0}}}]`), []byte{0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := NewCodec(tt.schema)
			if err == nil { // else the schema is refused already
				_, err = c.Decode(tt.data)
			}
			wantCode(t, err, eventbus.CodeInvalid)
		})
	}
}

// TestRenderIsJSON: values that JSON has no form for become texts.
func TestRenderIsJSON(t *testing.T) {
	tests := []struct {
		name, schema string
		value        any
		want         string
	}{
		{"not a number", `"double"`, math.NaN(), `"NaN"`},
		{"infinity", `"float"`, float32(math.Inf(1)), `"Infinity"`},
		{"minus infinity", `"double"`, math.Inf(-1), `"-Infinity"`},
		{"markup", `"string"`, "<script>", `"\u003cscript\u003e"`},
		{"time of day", `{"type":"int","logicalType":"time-millis"}`, int32(3723004), `"01:02:03.004"`},
		{"local timestamp", `{"type":"long","logicalType":"local-timestamp-millis"}`, int64(0), `"1970-01-01T00:00:00"`},
		{"decimal below zero", `{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`, big.NewRat(-5, 100), `"-0.05"`},
		{"big decimal keeps its own scale", `{"type":"bytes","logicalType":"big-decimal"}`, big.NewRat(12345, 1000), `"12.345"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := codecOf(t, tt.schema)
			data, err := c.schema.Encode(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Decode(data)
			if err != nil || string(got) != tt.want {
				t.Errorf("= %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

// FuzzDecode: any bytes are refused or become one line of JSON that shows no
// tagged value.
func FuzzDecode(f *testing.F) {
	c, err := NewCodec(`{"type":"record","name":"R","fields":[
		{"name":"id","type":"string","confluent:tags":["PII"]},
		{"name":"list","type":{"type":"array","items":["null","long",{"type":"record","name":"I","fields":[{"name":"m","type":{"type":"map","values":"double"}},{"name":"n","type":["null","R"]}]}]}},
		{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}},
		{"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}},
		{"name":"u","type":{"type":"fixed","size":16,"name":"U","logicalType":"uuid"}}]}`)
	if err != nil {
		f.Fatal(err)
	}
	seed, err := c.Encode([]byte(`{"id":"a","list":[null,7],"d":"1.500","t":"2026-01-01T00:00:00Z","u":"0f0e0d0c-0b0a-0908-0706-050403020100"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := c.DecodeMasked(data, anyTag)
		if err != nil {
			wantCode(t, err, eventbus.CodeInvalid)
			return
		}
		if !json.Valid(text) || strings.ContainsRune(string(text), '\n') || !strings.HasPrefix(string(text), `{"id":"***",`) {
			t.Errorf("= %s, want one line of JSON with id hidden", text)
		}
	})
}
