package avro

import (
	"sync"
	"testing"
)

// TestDefinedTwice: the second definition of a name must equal the first in what
// Java compares.
func TestDefinedTwice(t *testing.T) {
	enum := func(more string) string { return `{"type":"enum","name":"T","symbols":["A","B"]` + more + `}` }
	field := func(more string) string { return rec("T", `{"name":"x","type":"int"`+more+`}`) }
	cases := []struct {
		what, first, second string
		same                bool
	}{
		{"alike", field(""), field(""), true},
		{"members in another order", field(`,"default":1,"p":2`), field(`,"p":2,"default":1`), true},
		{"documentation of a field", field(`,"doc":"a"`), field(`,"doc":"b"`), true},
		{"aliases of a field", field(`,"aliases":["a"]`), field(""), true},
		{"default of a field", field(`,"default":1`), field(`,"default":2`), false},
		{"default of one only", field(`,"default":1`), field(""), false},
		{"order of a field", field(`,"order":"ignore"`), field(""), false},
		{"property of a field", field(`,"p":1`), field(`,"p":2`), false},
		{"object property in another order", field(`,"p":{"a":1,"b":[2]}`), field(`,"p":{"b":[2],"a":1}`), true},
		{"1 and 1.0", field(`,"p":1`), field(`,"p":1.0`), false},
		{"type of a field", field(""), rec("T", `{"name":"x","type":"long"}`), false},
		{"name of a field", field(""), rec("T", `{"name":"y","type":"int"}`), false},
		{"number of fields", field(""), rec("T", ""), false},
		{"items", rec("T", `{"name":"x","type":{"type":"array","items":"int"}}`), rec("T", `{"name":"x","type":{"type":"array","items":"long"}}`), false},
		{"branches", rec("T", `{"name":"x","type":["null","int"]}`), rec("T", `{"name":"x","type":["int","null"]}`), false},
		{"logical type", rec("T", `{"name":"x","type":{"type":"int","logicalType":"date"}}`), field(""), false},
		{"error and record", field(""), `{"type":"error","name":"T","fields":[{"name":"x","type":"int"}]}`, true},
		{"record and enum", field(""), enum(""), false},
		{"documentation", enum(`,"doc":"a"`), enum(""), true},
		{"aliases", enum(`,"aliases":["U"]`), enum(""), true},
		{"enum default", enum(`,"default":"A"`), enum(`,"default":"B"`), true},
		{"property", enum(`,"p":1`), enum(""), false},
		{"symbols", enum(""), `{"type":"enum","name":"T","symbols":["B","A"]}`, false},
		{"size", `{"type":"fixed","name":"T","size":4}`, `{"type":"fixed","name":"T","size":5}`, false},
		{"same size", `{"type":"fixed","name":"T","size":4}`, `{"type":"fixed","name":"T","size":4}`, true},
	}
	var questions []question
	for i, c := range cases {
		text := rec("M", `{"name":"a","type":`+c.first+`},{"name":"b","type":`+c.second+`}`)
		_, err := Parse(text, Options{})
		if want := "at /fields/1/type: Can't redefine: T"; c.same && err != nil || !c.same && errText(err) != want {
			t.Errorf("%s: same %v, but %v", c.what, c.same, err)
		}
		questions = append(questions, question{ID: i, Reader: text})
	}
	t.Run("Java", func(t *testing.T) {
		for i, java := range oracle(t)(questions) {
			if diff := diffAnswers(ours(questions[i]), java); diff != "" {
				t.Errorf("%s differs in %s", cases[i].what, diff)
			}
		}
	})
}

// TestManyReaders: one schema serves many goroutines (the race detector watches).
func TestManyReaders(t *testing.T) {
	s := mustParse(t, claimSchema)
	want := s.Normalized()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if s.Normalized() != want || len(Compatible(s, s)) > 0 || len(s.Fields()) != 12 || s.Resolved() != s.Canonical() {
				t.Error("a schema changed under its readers")
			}
			s.Fingerprint()
		})
	}
	wait.Wait()
}
