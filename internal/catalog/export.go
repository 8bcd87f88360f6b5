package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"sort"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"gopkg.in/yaml.v3"
)

// Export is a document for a Backstage to read. ETag is strong and belongs to
// the content; Body is never empty, because Backstage deletes what it does not
// find in a document that it could read.
type Export struct {
	Body []byte
	ETag string // quoted, as HTTP writes it
}

func export(body []byte) Export {
	sum := sha256.Sum256(body)
	return Export{Body: body, ETag: `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// ExportLocation is the root that an operator registers: a Location whose
// target is resolved against its own URL.
func (c *Catalog) ExportLocation() Export {
	return export(render(writtenEntity{APIVersion: DefaultAPIVersion, Kind: "Location",
		Metadata: writtenMetadata{Name: c.cfg.Operator + "-events", Description: "Events of the Enterprise Event Bus."},
		Spec:     map[string]any{"type": "url", "targets": []string{"./events.yaml"}}}))
}

// ExportEvents is every entity of the catalog, in a stable order: groups that
// own something, events, their API entities, and consuming systems. Entities
// that Backstage would refuse are left out, so that one bad entry does not
// spoil the rest.
func (c *Catalog) ExportEvents(ctx context.Context) (Export, error) {
	events, err := c.Events(ctx)
	if err != nil {
		return Export{}, err
	}
	systems, err := c.Systems(ctx)
	if err != nil {
		return Export{}, err
	}
	return export(render(c.entities(events, systems)...)), nil
}

// ExportEvent is one event with its API entity and the group that owns it;
// CodeNotFound when there is none.
func (c *Catalog) ExportEvent(ctx context.Context, name string) (Export, error) {
	e, err := c.events.Event(ctx, name)
	if err != nil {
		return Export{}, err
	}
	if faults := Validate(e); len(faults) > 0 {
		return Export{}, eventbus.Invalid("event "+name+" cannot be exported", faults...)
	}
	return export(render(c.entities([]eventbus.Event{e}, nil)...)), nil
}

func (c *Catalog) entities(events []eventbus.Event, systems []eventbus.System) []writtenEntity {
	owners := map[string]bool{c.cfg.Operator: true}
	var entities []writtenEntity
	for _, e := range events {
		if len(Validate(e)) > 0 {
			continue
		}
		owners[e.Owner] = true
		o := WriteOptions{APIVersion: c.cfg.APIVersion, HideBrokers: c.cfg.HideBrokers}
		entities = append(entities, eventEntityOf(e, o), c.apiEntity(e))
	}
	for _, s := range systems {
		if len(ValidateSystem(s)) > 0 {
			continue
		}
		if entityName.MatchString(s.Owner) {
			owners[s.Owner] = true
		}
		entities = append(entities, systemEntityOf(s))
	}
	return append(groups(owners), entities...)
}

func groups(owners map[string]bool) []writtenEntity {
	names := make([]string, 0, len(owners))
	for name := range owners {
		names = append(names, name)
	}
	sort.Strings(names)
	var list []writtenEntity
	for _, name := range names {
		list = append(list, writtenEntity{APIVersion: DefaultAPIVersion, Kind: "Group", Metadata: writtenMetadata{Name: name},
			Spec: map[string]any{"type": "team", "children": []string{}}})
	}
	return list
}

// apiEntity is the event as a built-in API entity, for a Backstage without a
// processor for Event: its definition is an AsyncAPI document.
func (c *Catalog) apiEntity(e eventbus.Event) writtenEntity {
	return writtenEntity{APIVersion: DefaultAPIVersion, Kind: "API",
		Metadata: writtenMetadata{Name: e.Name, Title: e.Title, Description: text(e.Description), Tags: e.Tags, Links: e.Links},
		Spec: struct {
			Type       string             `yaml:"type"`
			Lifecycle  eventbus.Lifecycle `yaml:"lifecycle"`
			Owner      string             `yaml:"owner"`
			Definition string             `yaml:"definition"`
		}{"asyncapi", e.Lifecycle, e.Owner, string(c.asyncAPI(e))}}
}

// asyncAPI describes the event's topics as AsyncAPI 3.0: a channel per
// environment, one message whose payload is the Avro schema.
func (c *Catalog) asyncAPI(e eventbus.Event) []byte {
	type object = map[string]any
	message := object{"name": e.Name, "title": e.Title, "contentType": "application/vnd.apache.avro"}
	if payload := avroPayload(e.Schema); payload != nil {
		message["payload"] = object{"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": payload}
	}
	channels, operations, servers := object{}, object{}, object{}
	for _, t := range e.Topics {
		key := identifier(t.Environment)
		channel := object{"address": t.Name, "messages": object{"event": object{"$ref": "#/components/messages/event"}},
			"bindings": object{"kafka": object{"topic": t.Name, "bindingVersion": "0.5.0"}}}
		if len(t.BrokerAddresses) > 0 && !c.cfg.HideBrokers {
			servers[key] = object{"host": strings.Join(t.BrokerAddresses, ","), "protocol": "kafka-secure", "title": t.Environment}
			channel["servers"] = []any{object{"$ref": "#/servers/" + key}}
		}
		channels[key] = channel
		operations["receive_"+key] = object{"action": "receive", "channel": object{"$ref": "#/channels/" + key}}
	}
	doc := object{"asyncapi": "3.0.0", "info": object{"title": e.Title, "version": "1.0.0", "description": e.Description},
		"components": object{"messages": object{"event": message}}}
	for name, part := range map[string]object{"servers": servers, "channels": channels, "operations": operations} {
		if len(part) > 0 {
			doc[name] = part
		}
	}
	text, err := yaml.Marshal(doc) // map keys are sorted
	if err != nil {
		return []byte("asyncapi: 3.0.0\ninfo: {title: event, version: 1.0.0}\n")
	}
	return text
}

func avroPayload(schema string) any {
	var v any
	if schema == "" || json.Unmarshal([]byte(schema), &v) != nil {
		return nil
	}
	return v
}

// identifier makes a key that AsyncAPI takes out of an environment's name.
func identifier(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, s)
}
