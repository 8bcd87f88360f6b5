package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// fieldsOf gives the JSON fields of a struct that say something.
func fieldsOf(v any, except ...string) map[string]json.RawMessage {
	text, err := json.Marshal(v)
	fields := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil { // our own structs of strings, numbers, lists and maps
		panic("provision: " + err.Error())
	}
	for name, value := range fields {
		switch string(value) {
		case `""`, "null", "[]", "{}", "0", "false":
			delete(fields, name)
		}
	}
	for _, name := range except {
		delete(fields, name)
	}
	return fields
}

type difference struct{ name, old, new string }

// differences lists the fields that differ, by name.
func differences(have, want map[string]json.RawMessage) []difference {
	names := maps.Clone(have)
	maps.Copy(names, want)
	var list []difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if string(have[name]) != string(want[name]) {
			list = append(list, difference{name, shown(have[name]), shown(want[name])})
		}
	}
	return list
}

// shown is a value for people: text without quotes, long ones by length and
// hash, so that two long texts that differ look different.
func shown(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	if n := utf8.RuneCountInString(text); n > 120 {
		sum := sha256.Sum256([]byte(text))
		return fmt.Sprintf("%d characters, sha256 %s", n, hex.EncodeToString(sum[:4]))
	}
	return text
}

// measured are the fields of a catalog entry that no manifest decides.
var measured = []string{"averageDailyEvents", "source", "problems", "updatedAt", "version"}

// entryFields gives what a manifest can say of a catalog entry. Where brokers
// are found is the catalog's business.
func entryFields(e eventbus.Event) map[string]json.RawMessage {
	e.Topics = slices.Clone(e.Topics)
	for i := range e.Topics {
		e.Topics[i].BrokerAddresses = nil
	}
	return fieldsOf(e, measured...)
}

// mergeEntry lays the fields that are written in want over have. An entry must
// have a lifecycle to be exported; a new one that names none is in development.
func mergeEntry(have, want eventbus.Event) eventbus.Event {
	merged := fieldsOf(have)
	for name, value := range fieldsOf(want, measured...) {
		merged[name] = value
	}
	text, err := json.Marshal(merged)
	var e eventbus.Event
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil { // what fieldsOf gave
		panic("provision: " + err.Error())
	}
	e.UpdatedAt = have.UpdatedAt
	if e.Lifecycle == "" {
		e.Lifecycle = eventbus.LifecycleDevelopment
	}
	if e.Lifecycle != eventbus.LifecycleDeprecated {
		e.RemovalDate, e.Successor = "", ""
	}
	return e
}

// diffEntry compares the catalog entry field by field.
func (d *differ) diffEntry(e eventbus.EventManifest) {
	have, exists := d.seen.entries[e.Event.Name]
	want := mergeEntry(have, e.Event)
	want.Topics = entryTopics(have, e, func(subject string) (eventbus.Schema, bool) {
		s := d.seen.subjects[subject]
		return s.Latest, s.Found && !d.fresh[subject]
	})
	c := eventbus.Change{Action: eventbus.ActionCreate, Resource: eventbus.ResourceCatalog, Event: e.Event.Name, Name: e.Event.Name}
	if !exists {
		c.New = shown(mustJSON(want.Title))
		d.add(c)
		return
	}
	c.Action = eventbus.ActionUpdate
	for _, f := range differences(entryFields(have), entryFields(want)) {
		c.Field, c.Old, c.New, c.Note = f.name, f.old, f.new, ""
		if f.name == "topics" {
			c.Old, c.New, c.Note = d.topicsShown(have.Topics), d.topicsShown(want.Topics), ""
		}
		d.add(c)
	}
}

func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic("provision: " + err.Error())
	}
	return text
}

func (d *differ) topicsShown(topics []eventbus.EventTopic) string {
	text := ""
	for i, t := range topics {
		if i > 0 {
			text += ", "
		}
		text += t.Name
		switch {
		case t.SchemaVersion > 0:
			text += fmt.Sprintf(" (schema version %d)", t.SchemaVersion)
		case d.fresh[eventbus.ValueSubject(t.Name)]:
			text += " (new schema version)"
		}
	}
	return text
}

// entryTopics gives the topics of a catalog entry once the manifest holds:
// environments that it does not name stay.
func entryTopics(have eventbus.Event, m eventbus.EventManifest, latest func(subject string) (eventbus.Schema, bool)) []eventbus.EventTopic {
	topics := slices.Clone(have.Topics)
	topics = slices.DeleteFunc(topics, func(t eventbus.EventTopic) bool { return slices.Contains(m.Remove, t.Environment) })
	for _, t := range m.Topics {
		entry := eventbus.EventTopic{Environment: t.Environment, Name: t.Topic.Name}
		i := slices.IndexFunc(topics, func(h eventbus.EventTopic) bool { return h.Environment == t.Environment })
		if i >= 0 {
			entry.BrokerAddresses = topics[i].BrokerAddresses
			if t.ValueSchema == "" && topics[i].Name == t.Topic.Name {
				entry.SchemaVersion, entry.SchemaID = topics[i].SchemaVersion, topics[i].SchemaID
			}
		}
		if t.ValueSchema != "" {
			if s, known := latest(eventbus.ValueSubject(t.Topic.Name)); known {
				entry.SchemaVersion, entry.SchemaID = s.Version, s.ID
			}
		}
		if i >= 0 {
			topics[i] = entry
		} else {
			topics = append(topics, entry)
		}
	}
	return topics
}
