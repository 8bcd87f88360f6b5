package catalog

import (
	"context"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

func good() eventbus.Event {
	return eventbus.Event{Name: "letter-ready", Title: "Letter Ready", Description: "A letter.", Domain: "claims", Type: "event", Lifecycle: eventbus.LifecycleProduction, Owner: "claims",
		Links: []eventbus.Link{{URL: "https://example.gov"}}, SourceSystems: []eventbus.SourceSystem{{SystemName: "Letters"}},
		Topics: []eventbus.EventTopic{{Environment: "production", Name: "prod_letter-ready", BrokerAddresses: []string{"b-1.example.gov:9098"}}}}
}

func TestValidate(t *testing.T) {
	if faults := Validate(good()); len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, c := range []struct {
		path   string
		change func(*eventbus.Event)
	}{
		{"name", func(e *eventbus.Event) { e.Name = "" }},
		{"name", func(e *eventbus.Event) { e.Name = strings.Repeat("a", 64) }},
		{"name", func(e *eventbus.Event) { e.Name = "-a" }},
		{"title", func(e *eventbus.Event) { e.Title = "two\nlines" }},
		{"title", func(e *eventbus.Event) { e.Title = "bell\a" }},
		{"description", func(e *eventbus.Event) { e.Description = strings.Repeat("a", 2001) }},
		{"domain", func(e *eventbus.Event) { e.Domain = "" }},
		{"type", func(e *eventbus.Event) { e.Type = "topic" }},
		{"lifecycle", func(e *eventbus.Event) { e.Lifecycle = "" }},
		{"owner", func(e *eventbus.Event) { e.Owner = "Team of Claims" }},
		{"tags[1]", func(e *eventbus.Event) { e.Tags = []string{"ok", "Not OK"} }},
		{"links[0].url", func(e *eventbus.Event) { e.Links[0].URL = "javascript:alert(1)" }},
		{"links[0].url", func(e *eventbus.Event) { e.Links[0].URL = "" }},
		{"sourceSystems[0].systemName", func(e *eventbus.Event) { e.SourceSystems[0].SystemName = "" }},
		{"dataClasses[0]", func(e *eventbus.Event) { e.DataClasses = []eventbus.DataClass{"secret"} }},
		{"topics[0].name", func(e *eventbus.Event) { e.Topics[0].Name = ".." }},
		{"topics[0].environment", func(e *eventbus.Event) { e.Topics[0].Environment = "" }},
		{"topics[0].brokerAddresses[0]", func(e *eventbus.Event) { e.Topics[0].BrokerAddresses[0] = "b-1:99999" }},
		{"topics[1].name", func(e *eventbus.Event) { e.Topics = append(e.Topics, e.Topics[0]) }},
		{"retention", func(e *eventbus.Event) { e.RetentionDays = -1 }},
		{"schema", func(e *eventbus.Event) { e.Schema = "{" }},
		{"schemaCompatibilityMode", func(e *eventbus.Event) { e.Compatibility = "SIDEWARD" }},
		{"removalDate", func(e *eventbus.Event) { e.RemovalDate = "2027-01-01" }},
		{"removalDate", func(e *eventbus.Event) { e.RemovalDate, e.Lifecycle = "soon", eventbus.LifecycleDeprecated }},
	} {
		e := good()
		c.change(&e)
		found := false
		for _, f := range Validate(e) {
			found = found || f.Path == c.path
		}
		if !found {
			t.Errorf("no fault at %s: %v", c.path, Validate(e))
		}
	}
}

func TestValidateSystem(t *testing.T) {
	for path, s := range map[string]eventbus.System{
		"":                     {Name: "app", Kind: "System", Owner: "claims"},
		"name":                 {Name: "a b", Kind: "System", Owner: "claims"},
		"kind":                 {Name: "app", Kind: "Event", Owner: "claims"},
		"owner":                {Name: "app", Kind: "System"},
		"type":                 {Name: "app", Kind: "Component", Owner: "claims", Lifecycle: "production"},
		"lifecycle":            {Name: "app", Kind: "Component", Owner: "claims", Type: "service"},
		"subscribesToEvent[0]": {Name: "app", Kind: "System", Owner: "claims", Subscribes: []string{"a b"}},
	} {
		faults := ValidateSystem(s)
		if path == "" && len(faults) > 0 || path != "" && (len(faults) != 1 || faults[0].Path != path) {
			t.Errorf("%q: got %v", path, faults)
		}
	}
}

func TestRetentionIsReadInAnyUnit(t *testing.T) {
	for text, want := range map[string]int{"7": 7, "7 days": 7, "1d": 1, "2 weeks": 14, "36h": 2, "\"10\"": 10} {
		got, err := Read([]byte(head+"  retention: "+text+"\n"), "")
		if err != nil || got.Events[0].RetentionDays != want {
			t.Errorf("%s: got %+v, %v, want %d days", text, got.Events, err, want)
		}
	}
}

func TestForwardersInEveryShape(t *testing.T) {
	for text, want := range map[string]string{
		"[{systemName: A, teamName: b}]": "A b", "{A: b}": "A b", "{systemName: A, teamName: b}": "A b", "{system: A, team: b}": "A b", "[A]": "A ",
	} {
		got, err := Read([]byte(head+"  forwarders: "+text+"\n"), "")
		if err != nil || len(got.Events[0].Forwarders) != 1 || got.Events[0].Forwarders[0].SystemName+" "+got.Events[0].Forwarders[0].TeamName != want {
			t.Errorf("%s: got %+v, %v", text, got.Events, err)
		}
	}
	if _, err := Read([]byte(head+"  forwarders: 7\n"), ""); eventbus.CodeOf(err) != eventbus.CodeInvalid {
		t.Error("a number passes as forwarders")
	}
}

func TestATeamsFreeTextBecomesAGroup(t *testing.T) {
	for text, want := range map[string]string{"VES Claims": "ves-claims", " a_b ": "a-b", "---": "", strings.Repeat("x", 80): strings.Repeat("x", 63)} {
		if got := groupName(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	c, _ := newCatalog(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- c.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
