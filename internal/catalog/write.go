package catalog

import (
	"bytes"
	"fmt"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"gopkg.in/yaml.v3"
)

// WriteOptions of Write; the zero value writes everything.
type WriteOptions struct {
	APIVersion  string // default DefaultAPIVersion
	HideBrokers bool   // leave broker addresses out
}

// The written shapes. Fields stand in the order in which people read them.
type (
	writtenEntity struct {
		APIVersion string          `yaml:"apiVersion"`
		Kind       string          `yaml:"kind"`
		Metadata   writtenMetadata `yaml:"metadata"`
		Spec       any             `yaml:"spec"`
	}
	writtenMetadata struct {
		Name        string            `yaml:"name"`
		Title       string            `yaml:"title,omitempty"`
		Description text              `yaml:"description,omitempty"`
		Annotations map[string]string `yaml:"annotations,omitempty"`
		Tags        []string          `yaml:"tags,omitempty,flow"`
		Links       []eventbus.Link   `yaml:"links,omitempty"`
	}
	writtenEvent struct {
		Type          string                  `yaml:"type"`
		Lifecycle     eventbus.Lifecycle      `yaml:"lifecycle"`
		Domain        string                  `yaml:"domain"`
		Owner         string                  `yaml:"owner"`
		ProductOwner  string                  `yaml:"productOwner,omitempty"`
		System        string                  `yaml:"system,omitempty"`
		SourceSystems []eventbus.SourceSystem `yaml:"sourceSystems,omitempty"`
		Forwarders    []eventbus.SourceSystem `yaml:"forwarders,omitempty"`
		Topics        []writtenTopic          `yaml:"topics,omitempty"`
		Retention     string                  `yaml:"retention,omitempty"`
		DataClasses   []eventbus.DataClass    `yaml:"dataClasses,omitempty,flow"`
		Expected      int64                   `yaml:"expectedDailyEvents,omitempty"`
		Average       int64                   `yaml:"averageDailyEvents,omitempty"`
		RemovalDate   string                  `yaml:"removalDate,omitempty"`
		Successor     string                  `yaml:"successor,omitempty"`
		Compatibility eventbus.Compatibility  `yaml:"schemaCompatibilityMode,omitempty"`
		Schema        text                    `yaml:"schema,omitempty"`
		Payload       text                    `yaml:"payload,omitempty"`
		OnePager      text                    `yaml:"onePager,omitempty"`
	}
	writtenTopic struct {
		Name            string   `yaml:"name"`
		Environment     string   `yaml:"environment"`
		BrokerAddresses []string `yaml:"brokerAddresses,omitempty"`
		SchemaVersion   int      `yaml:"schemaVersion,omitempty"`
		SchemaID        int      `yaml:"schemaId,omitempty"`
	}
	writtenSystem struct {
		Type         string   `yaml:"type,omitempty"`
		Lifecycle    string   `yaml:"lifecycle,omitempty"`
		Owner        string   `yaml:"owner"`
		Domain       string   `yaml:"domain,omitempty"`
		Subscribes   []string `yaml:"subscribesToEvent,omitempty,flow"`
		ConsumesAPIs []string `yaml:"consumesApis,omitempty,flow"`
		ProvidesAPIs []string `yaml:"providesApis,omitempty,flow"`
	}
)

// text is text of possibly many lines. yaml.v3 writes a block that begins with
// white space so that it reads back differently; such text goes into quotes.
type text string

// MarshalYAML writes lines as a block where a block keeps them as they are.
func (t text) MarshalYAML() (any, error) {
	s := string(t)
	if !strings.Contains(s, "\n") {
		return s, nil
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.LiteralStyle}
	if strings.ContainsAny(s[:1], " \t\n") || strings.Contains(s, "\t") || strings.Contains(s, " \n") || strings.HasSuffix(s, "\n\n") || strings.HasSuffix(s, " ") {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n, nil
}

// Write renders an event as a Backstage entity of the later shape. The text is
// the same for the same event, and Read gives the event back, save for what
// the bus alone knows (Source, Problems, UpdatedAt, Version).
func Write(e eventbus.Event, o WriteOptions) []byte { return render(eventEntityOf(e, o)) }

func eventEntityOf(e eventbus.Event, o WriteOptions) writtenEntity {
	spec := writtenEvent{Type: "event", Lifecycle: e.Lifecycle, Domain: e.Domain, Owner: e.Owner, ProductOwner: e.Contact, System: e.System,
		SourceSystems: e.SourceSystems, Forwarders: e.Forwarders, DataClasses: e.DataClasses, Expected: e.ExpectedPerDay, Average: e.AverageDailyEvents,
		RemovalDate: e.RemovalDate, Successor: e.Successor, Compatibility: e.Compatibility, Schema: text(e.Schema), Payload: text(e.Payload), OnePager: text(e.OnePager)}
	if e.RetentionDays > 0 {
		spec.Retention = fmt.Sprintf("%d days", e.RetentionDays)
	}
	for _, t := range e.Topics {
		written := writtenTopic{Name: t.Name, Environment: t.Environment, BrokerAddresses: t.BrokerAddresses, SchemaVersion: t.SchemaVersion, SchemaID: t.SchemaID}
		if o.HideBrokers {
			written.BrokerAddresses = nil
		}
		spec.Topics = append(spec.Topics, written)
	}
	return writtenEntity{APIVersion: nameOr(o.APIVersion, DefaultAPIVersion), Kind: "Event", Spec: spec,
		Metadata: writtenMetadata{Name: e.Name, Title: e.Title, Description: text(e.Description), Tags: e.Tags, Links: e.Links}}
}

// WriteSystem renders a consuming system; it lists the events' API entities as
// well, so that a Backstage that does not know Event shows the relation.
func WriteSystem(s eventbus.System) []byte { return render(systemEntityOf(s)) }

// systemEntityOf takes the events that the system provides.
func systemEntityOf(s eventbus.System, provides ...string) writtenEntity {
	spec := writtenSystem{Type: s.Type, Lifecycle: s.Lifecycle, Owner: s.Owner, Domain: s.Domain, Subscribes: s.Subscribes}
	if s.Kind == "System" && !eventbus.LegalEntityName(s.Domain) {
		spec.Domain = "" // text, which Backstage would take for the name of an entity
	}
	if s.Kind == "Component" {
		spec.ConsumesAPIs, spec.ProvidesAPIs = s.Subscribes, provides
	}
	return writtenEntity{APIVersion: DefaultAPIVersion, Kind: s.Kind, Spec: spec,
		Metadata: writtenMetadata{Name: s.Name, Title: s.Title, Description: text(s.Description)}}
}

// render writes entities as YAML documents.
func render(entities ...writtenEntity) []byte {
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	for _, e := range entities {
		if err := encoder.Encode(e); err != nil { // strings, numbers and lists always encode
			panic("catalog: entity does not encode: " + err.Error())
		}
	}
	_ = encoder.Close() // a bytes.Buffer does not fail
	return b.Bytes()
}
