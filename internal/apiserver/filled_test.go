package apiserver

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// TestFilled: lists and maps are never null, everything else is as it was, and
// the value itself is not touched.
func TestFilled(t *testing.T) {
	type inner struct {
		Names []string       `json:"names"`
		Count map[string]int `json:"count"`
		Raw   json.RawMessage
		At    time.Time
		Next  *inner `json:"next,omitempty"`
		Any   any    `json:"any,omitempty"`
	}
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	v := inner{At: at, Raw: json.RawMessage(`{"a":null}`), Next: &inner{Any: []inner{{}}}}
	text, err := json.Marshal(filled(v))
	if err != nil {
		t.Fatal(err)
	}
	const zero = `"Raw":null,"At":"0001-01-01T00:00:00Z"`
	want := `{"names":[],"count":{},"Raw":{"a":null},"At":"2026-11-22T00:00:00Z","next":{"names":[],"count":{},` + zero +
		`,"any":[{"names":[],"count":{},` + zero + `}]}}`
	if string(text) != want {
		t.Errorf("filled =\n%s\nwant\n%s", text, want)
	}
	if v.Names != nil || v.Next.Names != nil {
		t.Error("the value was changed")
	}
	if filled(nil) != nil {
		t.Error("nil is not nil")
	}
	before, _ := json.Marshal(eventbus.DemoEnvironments())
	after, _ := json.Marshal(filled(eventbus.DemoEnvironments()))
	if string(before) != string(after) {
		t.Errorf("environments changed:\n%s\n%s", before, after)
	}
}
