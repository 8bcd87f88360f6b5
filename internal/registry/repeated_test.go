package registry

import (
	"strings"
	"testing"
)

// TestRepeatedText: a record that repeats a text is the same content whichever
// way it is spelled; a record that differs in anything is not.
func TestRepeatedText(t *testing.T) {
	const key = `{"keytype":"SCHEMA","subject":"%","version":1,"magic":1}` + "\t"
	line := func(subject, value string) string { return strings.Replace(key, "%", subject, 1) + value + "\n" }
	s, faults := feed(t, line("a", `{"subject":"a","version":1,"id":1,"schema":"\"int\"","deleted":false}`)+
		line("same", `{"subject":"same","version":1,"id":1,"schema":"\"int\"","deleted":false}`)+
		line("spelled", `{ "id":1,"schema":"\u0022int\u0022"}`)+
		line("deleted", `{"id":1,"schemaType":"AVRO","schema":"\u0022int\"","deleted":true}`)+
		line("text", `{"id":1,"schema":"\"long\""}`)+
		line("refs", `{"id":1,"schema":"\"int\"","references":[{"name":"n","subject":"a","version":1}]}`)+
		line("meta", `{"id":1,"schema":"\"int\"","metadata":{"properties":{"a":"b"}}}`)+
		line("control", "{\"id\":2,\"schema\":\"\\u0022a\\nb\\u0022\"}")+
		line("raw", `{"id":2,"schema":"\"a\nb\""}`))
	if faults != 3 {
		t.Errorf("%d records refused, want 3: another text, references, metadata", faults)
	}
	one := s.spaces["."].byID[1]
	for _, name := range []string{"a", "same", "spelled", "deleted"} {
		if sub := s.subjects[name]; sub == nil || sub.versions[0].content != one || sub.versions[0].deleted != (name == "deleted") {
			t.Errorf("%s: %+v", name, sub)
		}
	}
	if s.subjects["raw"].versions[0].content != s.subjects["control"].versions[0].content {
		t.Error("a text with a line break is not recognised")
	}
	consistent(t, s)
}
