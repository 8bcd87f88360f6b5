package questions_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/portal/questions"
)

var kinds = []eventbus.RequestKind{eventbus.ProducerRequest, eventbus.ConsumerRequest, eventbus.ChangeRequest, eventbus.OffboardingRequest}

func everything() questions.Context {
	return questions.Context{Environments: eventbus.DemoEnvironments(), Domains: []string{"claims"}, Fields: []string{"participantId"}}
}

func inputs(kind eventbus.RequestKind) (list []questions.Input) {
	for _, step := range questions.Steps(kind, everything()) {
		for _, group := range step.Groups {
			list = append(list, group.Inputs...)
		}
	}
	return list
}

// answer is what somebody could type into an input.
func answer(in questions.Input) []string {
	switch in.Kind {
	case questions.Number:
		return []string{"1,234"}
	case questions.Date:
		return []string{"2026-12-24"}
	case questions.Check:
		return []string{"true"}
	case questions.Select, questions.Radio:
		return []string{in.Options[len(in.Options)-1].Value}
	case questions.Checks:
		return []string{in.Options[0].Value, in.Options[len(in.Options)-1].Value}
	case questions.Lines:
		return []string{"one\r\n\r\n  two \r\n"}
	default:
		return []string{"  a text\r\nof two lines "}
	}
}

// TestEveryQuestionHasItsPlace answers all questions: each answer arrives in the
// content that onboarding keeps, and comes back to its field as it was.
func TestEveryQuestionHasItsPlace(t *testing.T) {
	for _, kind := range kinds {
		form, d := url.Values{}, questions.Document{}
		for _, in := range inputs(kind) {
			form[in.Path] = answer(in)
			if fault := d.Take(in, form); fault != nil {
				t.Errorf("%s %s: %v", kind, in.Path, fault)
			}
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		content, err := onboarding.DecodeContent(kind, text)
		if err != nil {
			t.Errorf("%s: onboarding does not know an answer: %v", kind, err)
			continue
		}
		if text, err = json.Marshal(content); err != nil {
			t.Fatal(err)
		}
		kept := questions.DocumentOf(text)
		for _, in := range inputs(kind) {
			if got, want := questions.Shown(kept.Get(in.Path)), questions.Shown(d.Get(in.Path)); got != want || want == "" {
				t.Errorf("%s: the answer to %s came back as %q, was %q", kind, in.Path, got, want)
			}
		}
	}
}

// TestEveryQuestionIsClear: a label for each, no path and no id twice, options
// where one must be chosen, and a title for every step.
func TestEveryQuestionIsClear(t *testing.T) {
	for _, kind := range kinds {
		paths, ids := map[string]bool{}, map[string]bool{}
		for _, in := range inputs(kind) {
			if in.Label == "" || in.Path == "" || paths[in.Path] || ids[in.ID()] {
				t.Errorf("%s: %+v is unclear, or asked twice", kind, in)
			}
			paths[in.Path], ids[in.ID()] = true, true
			if choose := in.Kind == questions.Select || in.Kind == questions.Radio || in.Kind == questions.Checks; choose != (len(in.Options) > 1 || in.Kind == questions.Checks && len(in.Options) > 0) {
				t.Errorf("%s: %s has %d options", kind, in.Path, len(in.Options))
			}
		}
		for i, step := range questions.Steps(kind, everything()) {
			if step.Title == "" || step.Lede == "" || len(step.Groups) == 0 {
				t.Errorf("%s: step %d says nothing", kind, i+1)
			}
		}
	}
}

// TestLocations: the choices of where a system runs are those that the ESECC rule
// knows.
func TestLocations(t *testing.T) {
	known := map[string]bool{}
	for _, l := range []onboarding.Location{onboarding.LocationVAEC, onboarding.LocationAWS, onboarding.LocationOutside, onboarding.LocationUnsure} {
		known[string(l)] = true
	}
	for _, in := range inputs(eventbus.ProducerRequest) {
		if in.Path != "network.location" {
			continue
		}
		for _, o := range in.Options {
			if !known[o.Value] {
				t.Errorf("the rule does not know %q", o.Value)
			}
			delete(known, o.Value)
		}
	}
	if len(known) > 0 {
		t.Errorf("nobody can choose %v", known)
	}
}

func TestOwns(t *testing.T) {
	in := questions.Input{Path: "event.sourceSystems.0"}
	for path, want := range map[string]bool{"event.sourceSystems[0]": true, "event.sourceSystems[0].systemName": true, "event.sourceSystems.0.x": true, "event.sourceSystems[01]": false, "event.sourceSystems": false, "event": false, "": false} {
		if got := in.Owns(path); got != want {
			t.Errorf("owns %q: %t", path, got)
		}
	}
}

// TestTake: an empty answer takes the value away, text that is no number is
// refused and changes nothing, and a list forgets empty lines.
func TestTake(t *testing.T) {
	fresh := func() questions.Document {
		return questions.DocumentOf(json.RawMessage(`{"event":{"title":"t","perDay":7,"sourceSystems":[{"systemName":"a"},{"systemName":"b"}]},"team":"claims"}`))
	}
	for _, tt := range []struct {
		path string
		kind questions.Kind
		sent []string
		want string
	}{
		{"event.title", questions.Text, []string{"  new "}, `"title":"new"`},
		{"event.title", questions.Text, nil, `"event":{"perDay":7,`},
		{"event.perDay", questions.Number, []string{""}, `{"event":{"sourceSystems"`},
		{"event.perDay", questions.Number, []string{"1,000"}, `"perDay":1000`},
		{"event.perDay", questions.Number, []string{"many"}, `"perDay":7`},
		{"event.bip", questions.Check, []string{"on"}, `"bip":true`},
		{"event.sourceSystems.0.systemName", questions.Text, []string{""}, `"sourceSystems":[{"systemName":"b"}]`},
		{"event.sourceSystems.99.systemName", questions.Text, []string{"x"}, `"sourceSystems":[{"systemName":"a"},{"systemName":"b"}]`},
		{"lines", questions.Lines, []string{"a\r\n\r\n b"}, `"lines":["a","b"]`},
		{"lines", questions.Lines, []string{" \r\n "}, `"team":"claims"}`},
		{"kinds", questions.Checks, []string{"a", "", "b"}, `"kinds":["a","b"]`},
	} {
		d := fresh()
		fault := d.Take(questions.Input{Path: tt.path, Kind: tt.kind}, url.Values{tt.path: tt.sent})
		if (fault != nil) != (len(tt.sent) > 0 && tt.sent[0] == "many") {
			t.Errorf("%s ← %q: fault %v", tt.path, tt.sent, fault)
		}
		if text, _ := json.Marshal(d); !strings.Contains(string(text), tt.want) {
			t.Errorf("%s ← %q: %s, want %s", tt.path, tt.sent, text, tt.want)
		}
	}
}

func TestShown(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{{nil, ""}, {"x", "x"}, {1.5, "1.5"}, {float64(1e21), "1000000000000000000000"}, {int64(3), "3"}, {true, "true"}, {[]any{"a", 2.0}, "a\n2"}, {map[string]any{"a": 1}, ""}} {
		if got := questions.Shown(tt.value); got != tt.want {
			t.Errorf("Shown(%v) = %q", tt.value, got)
		}
	}
}

// FuzzTake: whatever a form sends, the document stays one that encodes, and what
// was taken can be read again.
func FuzzTake(f *testing.F) {
	for _, seed := range [][2]string{{"event.title", "Letter"}, {"event.sourceSystems.0.systemName", "x"}, {"event.sourceSystems.99999999999.systemName", "x"}, {"access.development.principals", "a\n\nb\r\nc"}, {"...", "1"}, {"0.0.0", "-1"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, path, value string) {
		for _, kind := range []questions.Kind{questions.Text, questions.Number, questions.Check, questions.Checks, questions.Lines} {
			d := questions.DocumentOf(json.RawMessage(`{"event":{"title":"t","sourceSystems":[{"systemName":"a"},null,3]},"team":"claims"}`))
			d.Take(questions.Input{Path: path, Kind: kind, Label: "l"}, url.Values{path: {value}})
			_ = questions.Shown(d.Get(path))
			text, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := json.Marshal(questions.DocumentOf(text)); err != nil || len(again) == 0 {
				t.Fatalf("%s, %v", again, err)
			}
		}
	})
}
