package client

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// registryOf answers as a schema registry with one answer for each path, and
// counts the questions.
func registryOf(t *testing.T, answers map[string]any) (*Serde, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		answer, ok := answers[r.URL.Path]
		if status, refused := answer.(int); !ok || refused {
			if !ok {
				status = http.StatusNotFound
			}
			w.WriteHeader(status)
			answer = map[string]any{"error_code": status * 100, "message": "refused for the test"}
		}
		if got := r.Header.Get("Authorization"); got != "Bearer ebt_x" {
			t.Errorf("Authorization = %q, want the token", got)
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	serde, err := NewSerde(server.URL, "ebt_x", server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return serde, &asked
}

func TestSerdeWritesConfluentsWireFormat(t *testing.T) {
	serde, asked := registryOf(t, map[string]any{
		"/subjects/test-value/versions/latest": map[string]any{"subject": "test-value", "version": 3, "id": 258, "schema": user},
	})
	encoder, err := serde.Encoder(t.Context(), "test-value")
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"name":"Ada","company":"A","dateOfBirth":"1970-01-02","sequenceNumber":1}`
	value, err := encoder.Encode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0, 0, 0, 1, 2, 6, 'A', 'd', 'a', 2, 'A', 2, 2}
	if !bytes.Equal(value, want) {
		t.Errorf("value = %v, want %v: magic byte 0, id 258 in four bytes, the data", value, want)
	}
	if id, ok := SchemaID(value); !ok || id != 258 {
		t.Errorf("schema id = %d, %v; want 258", id, ok)
	}
	for range 3 {
		if got, err := serde.Decode(t.Context(), value); err != nil || string(got) != text {
			t.Errorf("decoded = %s, %v; want %s", got, err, text)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times, want once: the id is known already", n)
	}
	_, err = encoder.Encode([]byte(`{"name":1}`))
	wantCode(t, err, eventbus.CodeInvalid)
}

func TestSerdeFollowsReferences(t *testing.T) {
	ref := func(name, subject string) []map[string]any {
		return []map[string]any{{"name": name, "subject": subject, "version": 1}}
	}
	serde, _ := registryOf(t, map[string]any{
		"/schemas/ids/7": map[string]any{"schema": field(`"y.Address"`), "references": ref("y.Address", "address")},
		"/subjects/address/versions/1": map[string]any{"subject": "address", "version": 1, "id": 6, "references": ref("y.Street", "street"),
			"schema": `{"type":"record","name":"Address","namespace":"y","fields":[{"name":"street","type":"Street"}]}`},
		"/subjects/street/versions/1": map[string]any{"subject": "street", "version": 1, "id": 5,
			"schema": `{"type":"record","name":"Street","namespace":"y","fields":[{"name":"name","type":"string"}]}`},
	})
	got, err := serde.Decode(t.Context(), []byte{0, 0, 0, 0, 7, 2, 'M'})
	if want := `{"f":{"street":{"name":"M"}}}`; err != nil || string(got) != want {
		t.Errorf("= %s, %v; want %s", got, err, want)
	}
}

func TestSerdeTranslatesRefusals(t *testing.T) {
	tests := []struct {
		status int
		code   eventbus.Code
	}{
		{http.StatusNotFound, eventbus.CodeNotFound},
		{http.StatusUnauthorized, eventbus.CodeUnauthenticated},
		{http.StatusForbidden, eventbus.CodeForbidden},
		{http.StatusConflict, eventbus.CodeConflict},
		{http.StatusUnprocessableEntity, eventbus.CodeInvalid},
	}
	for _, tt := range tests {
		serde, _ := registryOf(t, map[string]any{"/schemas/ids/9": tt.status, "/subjects/test-value/versions/latest": tt.status})
		_, err := serde.Codec(t.Context(), 9)
		wantCode(t, err, tt.code)
		if !strings.Contains(err.Error(), "schema id 9") {
			t.Errorf("error = %v, want it to name the id", err)
		}
		_, err = serde.Encoder(t.Context(), "test-value")
		wantCode(t, err, tt.code)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	serde, err := NewSerde(server.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = serde.Codec(t.Context(), 9)
	wantCode(t, err, eventbus.CodeUnavailable)
}

func TestSerdeForgetsWhenItKnowsTooMany(t *testing.T) {
	serde, asked := registryOf(t, map[string]any{"/schemas/ids/1": map[string]any{"schema": `"string"`}})
	for id := 2; len(serde.byID) < maxCodecs; id++ {
		serde.byID[id] = nil
	}
	for range 2 {
		if _, err := serde.Codec(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(serde.byID) != 1 || asked.Load() != 1 {
		t.Errorf("%d codecs kept after %d questions, want 1 and 1", len(serde.byID), asked.Load())
	}
}

func TestSchemaID(t *testing.T) {
	tests := []struct {
		name  string
		value []byte
		id    int
		ok    bool
	}{
		{"nothing", nil, 0, false},
		{"four bytes", []byte{0, 0, 0, 1}, 0, false},
		{"an id and no data", []byte{0, 0, 0, 0, 1}, 1, true},
		{"another magic byte", []byte{1, 0, 0, 0, 1}, 0, false},
		{"text", []byte("hello"), 0, false},
		{"the greatest id", []byte{0, 0x7f, 0xff, 0xff, 0xff}, 1<<31 - 1, true},
	}
	for _, tt := range tests {
		if id, ok := SchemaID(tt.value); id != tt.id || ok != tt.ok {
			t.Errorf("%s: = %d, %v; want %d, %v", tt.name, id, ok, tt.id, tt.ok)
		}
	}
	serde, asked := registryOf(t, nil)
	_, err := serde.Decode(t.Context(), []byte("hello"))
	wantCode(t, err, eventbus.CodeInvalid)
	if asked.Load() != 0 {
		t.Error("the registry was asked about a value without an id")
	}
}
