package onboarding

import (
	"context"
	"slices"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// versions is a registry with one subject.
type versions map[string][]eventbus.Schema

func (v versions) Versions(_ context.Context, subject string) ([]eventbus.Schema, error) {
	return v[subject], nil
}

func TestWhatOnlyTheBusKnows(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.liveEvent()
	b.sources.Schemas = versions{"prod_letter-ready-value": {{Version: 3, Text: example(t, "producer.yaml").Content.(*ProducerContent).Schema.Value}}}
	producer := func(change func(*ProducerContent)) Content {
		c := example(t, "producer.yaml").Content.(*ProducerContent)
		change(c)
		return c
	}
	consumer := func(change func(*ConsumerContent)) Content {
		c := example(t, "consumer.yaml").Content.(*ConsumerContent)
		change(c)
		return c
	}
	change := func(change func(*ChangeContent)) Content {
		c := example(t, "change.yaml").Content.(*ChangeContent)
		change(c)
		return c
	}
	for _, c := range []struct {
		name, path string
		content    Content
	}{
		{"a taken name", "event.name", producer(func(*ProducerContent) {})},
		{"a taken topic", "topic.names.development", producer(func(c *ProducerContent) { c.Event.Name, c.Topic.Name = "other", "letter-ready" })},
		{"no such event", "event", consumer(func(c *ConsumerContent) { c.Event = "nothing" })},
		{"no such field", "fieldsUsed[0]", consumer(func(c *ConsumerContent) { c.FieldsUsed = []string{"shoeSize"} })},
		{"somebody else's event", "team", change(func(c *ChangeContent) { c.Team = "health" })},
		{"fewer partitions", "topic.partitions", change(func(c *ChangeContent) { c.Topic.Partitions, c.ConfirmKeys = 2, true })},
		{"weaker compatibility", "schema.compatibilityReason", change(func(c *ChangeContent) { c.Schema.Compatibility = "FORWARD" })},
		{"an incompatible schema", "schema.value", change(func(c *ChangeContent) {
			c.Schema.Value = strings.Replace(c.Schema.Value, `"default": null, `, "", 1)
		})},
		{"too short a notice", "removalDate", &OffboardingContent{Team: "claims", Event: "letter-ready", Reason: "Not needed any more.", RemovalDate: "2027-02-01"}},
	} {
		faults, err := b.Check(ctx, c.content, "")
		if err != nil || !slices.ContainsFunc(faults, func(f eventbus.Fault) bool { return f.Path == c.path && f.Fix != "" }) {
			t.Errorf("%s: got %v, %v", c.name, faults, err)
		}
	}
	for name, content := range map[string]Content{
		"consumer": consumer(func(*ConsumerContent) {}), "change": change(func(*ChangeContent) {}),
		"override": &OffboardingContent{Team: "claims", Event: "letter-ready", Reason: "Not needed any more.", RemovalDate: "2026-12-02", OverrideNotice: "Nobody consumes it."},
	} {
		if faults, err := b.Check(ctx, content, ""); err != nil || len(faults) != 0 {
			t.Errorf("%s: got %v, %v", name, faults, err)
		}
	}
}

func TestIncompatibilities(t *testing.T) {
	parse := func(text string) *avro.Schema {
		s, err := avro.Parse(text, avro.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	record := func(fields string) string {
		return `{"type":"record","name":"R","namespace":"n","fields":[` + fields + `]}`
	}
	const a, b, bOptional = `{"name":"a","type":"string"}`, `{"name":"b","type":"string"}`, `{"name":"b","type":"string","default":""}`
	one := []eventbus.Schema{{Version: 1, Text: record(a)}}
	two := []eventbus.Schema{{Version: 1, Text: record(a)}, {Version: 2, Text: record(a + "," + b)}}
	for _, c := range []struct {
		level    eventbus.Compatibility
		text     string
		versions []eventbus.Schema
		ok       bool
	}{
		{"", record(a + "," + b), one, false},
		{eventbus.CompatibilityBackward, record(a + "," + bOptional), one, true},
		{eventbus.CompatibilityForward, record(a + "," + b), one, true},
		{eventbus.CompatibilityForward, record(b), one, false},
		{eventbus.CompatibilityFull, record(a + "," + b), one, false},
		{eventbus.CompatibilityFull, record(a + "," + bOptional), one, true},
		{eventbus.CompatibilityNone, record(b), one, true},
		{eventbus.CompatibilityBackward, record(a + "," + b), two, true},
		{eventbus.CompatibilityBackwardTransitive, record(a + "," + b), two, false},
		{eventbus.CompatibilityBackward, record(b), nil, true},
	} {
		if got := Incompatibilities(c.level, parse(c.text), c.versions); (len(got) == 0) != c.ok {
			t.Errorf("%s %s after %d versions: %v", c.level, c.text, len(c.versions), got)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
