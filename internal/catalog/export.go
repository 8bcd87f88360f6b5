package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
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
// own something, the domains and systems that events are part of, events, their
// API entities, and consuming systems. Entities that Backstage would refuse are
// left out, so that one bad entry does not spoil the rest. The document is made
// once per version of the catalog: anybody may ask for it, as often as they like.
func (c *Catalog) ExportEvents(ctx context.Context) (Export, error) {
	version, err := c.events.CatalogVersion(ctx) // before the events, as for the index
	if err != nil {
		return Export{}, err
	}
	if done := c.exported.Load(); done != nil && done.version == version {
		return done.Export, nil
	}
	c.exporting.Lock() // one makes it, the others wait for it
	defer c.exporting.Unlock()
	if done := c.exported.Load(); done != nil && done.version >= version {
		return done.Export, nil
	}
	all, err := c.exportAll(ctx)
	if err != nil {
		return Export{}, err
	}
	c.exported.Store(&exportedAll{version, all})
	return all, nil
}

// exportedAll is the export of everything at a version of the catalog.
type exportedAll struct {
	version int64
	Export
}

func (c *Catalog) exportAll(ctx context.Context) (Export, error) {
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
	around := surroundings{domains: map[string]bool{}, systems: map[string]writtenEntity{}}
	provided := map[string][]string{} // by system
	var entities []writtenEntity
	for _, e := range events {
		if len(Validate(e)) > 0 {
			continue
		}
		owners[e.Owner] = true
		around.of(e)
		provided[e.System] = append(provided[e.System], e.Name)
		o := WriteOptions{APIVersion: c.cfg.APIVersion, HideBrokers: c.cfg.HideBrokers}
		entities = append(entities, eventEntityOf(e, o), c.apiEntity(e))
	}
	for _, s := range systems {
		if len(ValidateSystem(s)) > 0 {
			continue
		}
		if eventbus.LegalEntityName(s.Owner) {
			owners[s.Owner] = true
		}
		if s.Kind == "System" {
			around.holds(s)
		}
		entities = append(entities, systemEntityOf(s, provided[s.Name]...))
	}
	return slices.Concat(groups(owners), c.domains(around), around.entities(), entities)
}

// derived marks an entity that the export makes of what events say, so that it
// is not taken for one that somebody wrote when the export is read again.
const derived = "eventbus/derived"

// surroundings are the domains and systems that events and systems name. A name
// that no entity can have is text, and stands in the event only.
type surroundings struct {
	domains map[string]bool
	systems map[string]writtenEntity // by name; the zero value is one that the catalog holds itself
}

func (s surroundings) of(e eventbus.Event) {
	if eventbus.LegalEntityName(e.Domain) {
		s.domains[e.Domain] = true
	}
	if _, known := s.systems[e.System]; known || !eventbus.LegalEntityName(e.System) {
		return
	}
	spec := writtenSystem{Owner: e.Owner}
	if s.domains[e.Domain] {
		spec.Domain = e.Domain
	}
	s.systems[e.System] = writtenEntity{APIVersion: DefaultAPIVersion, Kind: "System", Spec: spec,
		Metadata: writtenMetadata{Name: e.System, Annotations: map[string]string{derived: "true"}}}
}

func (s surroundings) holds(one eventbus.System) {
	s.systems[one.Name] = writtenEntity{}
	if eventbus.LegalEntityName(one.Domain) {
		s.domains[one.Domain] = true
	}
}

func (s surroundings) entities() []writtenEntity {
	var list []writtenEntity
	for _, name := range slices.Sorted(maps.Keys(s.systems)) {
		if e := s.systems[name]; e.Kind != "" {
			list = append(list, e)
		}
	}
	return list
}

// domains belong to the operator of the bus, who keeps the list of them.
func (c *Catalog) domains(s surroundings) []writtenEntity {
	var list []writtenEntity
	for _, name := range slices.Sorted(maps.Keys(s.domains)) {
		list = append(list, writtenEntity{APIVersion: DefaultAPIVersion, Kind: "Domain", Metadata: writtenMetadata{Name: name},
			Spec: map[string]any{"owner": c.cfg.Operator}})
	}
	return list
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
	system := ""
	if eventbus.LegalEntityName(e.System) {
		system = e.System
	}
	return writtenEntity{APIVersion: DefaultAPIVersion, Kind: "API",
		Metadata: writtenMetadata{Name: e.Name, Title: e.Title, Description: text(e.Description), Tags: e.Tags, Links: e.Links},
		Spec: struct {
			Type       string             `yaml:"type"`
			Lifecycle  eventbus.Lifecycle `yaml:"lifecycle"`
			Owner      string             `yaml:"owner"`
			System     string             `yaml:"system,omitempty"`
			Definition string             `yaml:"definition"`
		}{"asyncapi", e.Lifecycle, e.Owner, system, string(c.asyncAPI(e))}}
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
