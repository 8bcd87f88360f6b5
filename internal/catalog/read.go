package catalog

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/document"
)

// Entities are what a catalog-info.yaml holds.
type Entities struct {
	Events  []eventbus.Event
	Systems []eventbus.System // Component and System
	Others  []string          // other kinds, "Group claims": valid Backstage, not kept
	Faulty  []string          // names of events that have faults
}

func (e Entities) empty() bool {
	return len(e.Events) == 0 && len(e.Systems) == 0 && len(e.Others) == 0
}

// Limits of one file: 4 MiB, because an export of a whole catalog is one file.
func limits() document.Limits { return document.Limits{Bytes: 4 << 20, Documents: 5000} }

// Read reads Backstage entities, many documents in one text, both shapes of
// the Event. The error is CodeInvalid with the file, line, column and fix of
// every fault; the documents without faults are returned all the same.
func Read(text []byte, file string) (Entities, error) {
	docs, err := document.Read(text, file, limits())
	if err != nil {
		return Entities{}, err
	}
	var all Entities
	var faults []eventbus.Fault
	for _, doc := range docs {
		faults = append(faults, readEntity(doc, &all)...)
	}
	if len(docs) == 0 {
		faults = append(faults, eventbus.Fault{File: file, Line: 1, Column: 1, Message: "no entity in the file", Fix: "write apiVersion, kind, metadata and spec"})
	}
	if len(faults) > 0 {
		return all, eventbus.Invalid(fmt.Sprintf("%s has %d faults", nameOr(file, "the catalog file"), len(faults)), faults...)
	}
	return all, nil
}

func nameOr(name, other string) string {
	if name == "" {
		return other
	}
	return name
}

func readEntity(doc document.Document, into *Entities) []eventbus.Fault {
	kind := doc.Text("kind")
	switch kind {
	case "Event":
		e, faults := readEvent(doc)
		if len(faults) > 0 {
			into.Faulty = append(into.Faulty, doc.Text("metadata", "name"))
			return faults
		}
		into.Events = append(into.Events, e)
	case "Component", "System":
		s, faults := readSystem(doc, kind)
		switch {
		case len(faults) > 0:
			return faults
		case doc.Text("metadata", "annotations", derived) == "true":
			into.Others = append(into.Others, kind+" "+s.Name)
			return nil
		}
		into.Systems = append(into.Systems, s)
	case "API", "Group", "User", "Domain", "Location", "Resource", "Template":
		var raw struct {
			envelope `yaml:",inline"`
			Spec     map[string]any `yaml:"spec"`
		}
		if err := doc.Decode(&raw); err != nil {
			return eventbus.FaultsOf(err)
		}
		if faults := checkMetadata(raw.Metadata); len(faults) > 0 {
			return doc.Locate(faults)
		}
		into.Others = append(into.Others, kind+" "+raw.Metadata.Name)
	default:
		return doc.Locate([]eventbus.Fault{{Path: "kind", Message: fmt.Sprintf("%q is not a kind of entity", kind), Fix: "write Event, Component or System"}})
	}
	return nil
}

// envelope is what every entity begins with; Backstage refuses other keys.
type envelope struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
}

type metadata struct {
	Name        string            `yaml:"name"`
	Namespace   string            `yaml:"namespace,omitempty"`
	Title       string            `yaml:"title,omitempty"`
	Description string            `yaml:"description,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
	Tags        []string          `yaml:"tags,omitempty"`
	Links       []link            `yaml:"links,omitempty"`
	Extra       map[string]any    `yaml:",inline"`
}

type link struct {
	URL   string `yaml:"url"`
	Title string `yaml:"title,omitempty"`
	Icon  string `yaml:"icon,omitempty"`
	Type  string `yaml:"type,omitempty"`
}

type eventEntity struct {
	envelope `yaml:",inline"`
	Spec     eventSpec `yaml:"spec"`
}

// eventSpec reads both shapes; a field whose form differs between them is any.
type eventSpec struct {
	Type          string                  `yaml:"type"`
	Lifecycle     string                  `yaml:"lifecycle"`
	Domain        string                  `yaml:"domain"`
	Owner         string                  `yaml:"owner"`
	System        string                  `yaml:"system"`
	Team          string                  `yaml:"team"`         // flat
	ProductOwner1 string                  `yaml:"productowner"` // flat
	ProductOwner2 string                  `yaml:"productOwner"`
	SourceSystems []eventbus.SourceSystem `yaml:"sourceSystems"`
	Forwarders    any                     `yaml:"forwarders"` // flat: system → team
	Payload       any                     `yaml:"payload"`    // flat: key → type, free text
	Topics        []topicSpec             `yaml:"topics"`
	Schema        any                     `yaml:"schema"` // Avro text, or the same as YAML
	Compatibility string                  `yaml:"schemaCompatibilityMode"`
	Retention     any                     `yaml:"retention"` // "7 days", 7
	RetentionDays int64                   `yaml:"retentionDays"`
	ExpectedDaily int64                   `yaml:"expectedDailyEvents"`
	AverageDaily  int64                   `yaml:"averageDailyEvents"`
	RemovalDate   string                  `yaml:"removalDate"`
	Successor     string                  `yaml:"successor"`
	DataClasses   []string                `yaml:"dataClasses"`
	OnePager      string                  `yaml:"onePager"`
	Links         []link                  `yaml:"links"`
	Extra         map[string]any          `yaml:",inline"`
}

type topicSpec struct {
	Name          string         `yaml:"name"`
	Environment   string         `yaml:"environment"`
	BrokerAddress any            `yaml:"brokerAddress"` // flat: one, or several with commas
	Brokers       []string       `yaml:"brokerAddresses"`
	SchemaVersion int            `yaml:"schemaVersion"`
	SchemaID      int            `yaml:"schemaId"`
	Extra         map[string]any `yaml:",inline"`
}

func readEvent(doc document.Document) (eventbus.Event, []eventbus.Fault) {
	var raw eventEntity
	if err := doc.Decode(&raw); err != nil {
		return eventbus.Event{}, eventbus.FaultsOf(err)
	}
	c := converter{}
	e := c.event(raw)
	faults := append(checkMetadata(raw.Metadata), c.faults...)
	if raw.APIVersion == "" {
		faults = append(faults, eventbus.Fault{Path: "apiVersion", Message: "is missing", Fix: "write apiVersion: " + DefaultAPIVersion})
	}
	faults = append(faults, misspelt("spec", raw.Spec.Extra, specNames())...)
	faults = append(faults, misspelt("metadata", raw.Metadata.Extra, metadataNames())...)
	if len(faults) == 0 {
		faults = inFile(Validate(e))
	}
	return e, doc.Locate(faults)
}

func specNames() []string {
	return []string{"type", "lifecycle", "domain", "owner", "system", "team", "productowner", "productOwner", "sourceSystems", "forwarders", "payload", "topics", "schema",
		"schemaCompatibilityMode", "retention", "retentionDays", "expectedDailyEvents", "averageDailyEvents", "removalDate", "successor", "dataClasses", "onePager", "links"}
}

func metadataNames() []string {
	return []string{"name", "namespace", "title", "description", "labels", "annotations", "tags", "links"}
}

// misspelt: Backstage takes fields that it does not know, and so do we; but one
// that is nearly a known one is a slip of the pen.
func misspelt(section string, extra map[string]any, names []string) []eventbus.Fault {
	keys := make([]string, 0, len(extra))
	for key := range extra {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	var faults []eventbus.Fault
	for _, key := range keys {
		if near := document.Near(key, names); near != "" {
			faults = append(faults, eventbus.Fault{Path: section + "." + key, Message: "unknown field", Fix: "did you mean " + near + "?"})
		}
	}
	return faults
}

// inFile turns the paths of an Event into those of its entity.
func inFile(faults []eventbus.Fault) []eventbus.Fault {
	for i := range faults {
		first, _, _ := strings.Cut(faults[i].Path, "[")
		first, _, _ = strings.Cut(first, ".")
		switch first {
		case "name", "title", "description", "tags", "links":
			faults[i].Path = "metadata." + faults[i].Path
		default:
			faults[i].Path = "spec." + faults[i].Path
		}
	}
	return faults
}

// converter turns the loose fields of both shapes into an Event.
type converter struct{ faults []eventbus.Fault }

func (c *converter) fault(path, message, fix string) {
	c.faults = append(c.faults, eventbus.Fault{Path: path, Message: message, Fix: fix})
}

func (c *converter) event(raw eventEntity) eventbus.Event {
	m, s := raw.Metadata, raw.Spec
	e := eventbus.Event{Name: m.Name, Title: m.Title, Description: m.Description, Domain: s.Domain, Type: s.Type, Lifecycle: eventbus.Lifecycle(s.Lifecycle),
		Owner: s.Owner, Contact: nameOr(s.ProductOwner2, s.ProductOwner1), System: s.System, Tags: m.Tags, SourceSystems: s.SourceSystems,
		Payload: plainText(s.Payload), ExpectedPerDay: s.ExpectedDaily, AverageDailyEvents: s.AverageDaily, RemovalDate: s.RemovalDate,
		Successor: s.Successor, OnePager: s.OnePager, Schema: c.schema(s.Schema), RetentionDays: c.retention(s)}
	if e.Type == "" {
		e.Type = "event"
	}
	if e.Title == "" {
		e.Title = e.Name
	}
	for _, l := range append(m.Links, s.Links...) {
		e.Links = append(e.Links, eventbus.Link{URL: l.URL, Title: l.Title})
	}
	for _, d := range s.DataClasses {
		e.DataClasses = append(e.DataClasses, eventbus.DataClass(d))
	}
	if s.Compatibility != "" {
		level, known := eventbus.ParseCompatibility(s.Compatibility)
		if !known {
			c.fault("spec.schemaCompatibilityMode", fmt.Sprintf("%q is not a compatibility", s.Compatibility), "write BACKWARD, FORWARD, FULL, one of them with _TRANSITIVE, or NONE")
		}
		e.Compatibility = level
	}
	e.Forwarders = c.forwarders(s.Forwarders)
	for i, t := range s.Topics {
		e.Topics = append(e.Topics, eventbus.EventTopic{Environment: t.Environment, Name: t.Name, BrokerAddresses: c.brokers(i, t),
			SchemaVersion: t.SchemaVersion, SchemaID: t.SchemaID})
	}
	flat(&e, s)
	return e
}

// flat fills what the older shape says elsewhere: its team owns the event, and
// its system, team and product owner are the source system.
func flat(e *eventbus.Event, s eventSpec) {
	if len(e.SourceSystems) > 0 || s.Team == "" && s.ProductOwner1 == "" {
		return
	}
	if e.Owner == "" {
		e.Owner = groupName(s.Team)
	}
	if s.System != "" {
		e.SourceSystems = []eventbus.SourceSystem{{SystemName: s.System, TeamName: s.Team, ProductOwner: s.ProductOwner1}}
		e.System = ""
	}
}

// groupName makes the name of a Group entity out of a team's free text.
func groupName(team string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(team)) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := b.String()
	return strings.Trim(name[:min(len(name), 63)], "-")
}

func (c *converter) schema(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		text, err := json.Marshal(v)
		if err != nil {
			c.fault("spec.schema", "is not an Avro schema", "write the schema as a block of text: schema: |")
		}
		return string(text)
	}
}

var retentionText = regexp.MustCompile(`^\s*(\d{1,6})\s*(d|day|days|h|hours?|w|weeks?)?\s*$`)

func (c *converter) retention(s eventSpec) int {
	if s.RetentionDays != 0 || s.Retention == nil {
		return int(s.RetentionDays)
	}
	m := retentionText.FindStringSubmatch(strings.ToLower(fmt.Sprint(s.Retention)))
	if m == nil {
		c.fault("spec.retention", fmt.Sprintf("%q is not a time", fmt.Sprint(s.Retention)), "write days: 7 days")
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	switch {
	case strings.HasPrefix(m[2], "w"):
		return n * 7
	case strings.HasPrefix(m[2], "h"):
		return (n + 23) / 24
	default:
		return n
	}
}

func (c *converter) brokers(i int, t topicSpec) []string {
	if len(t.Brokers) > 0 || t.BrokerAddress == nil {
		return t.Brokers
	}
	var list []string
	add := func(text string) {
		list = append(list, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })...)
	}
	switch v := t.BrokerAddress.(type) {
	case string:
		add(v)
	case []any:
		for _, item := range v {
			add(fmt.Sprint(item))
		}
	default:
		c.fault(fmt.Sprintf("spec.topics[%d].brokerAddress", i), "is not an address", "write brokerAddresses: [host:9098, …]")
	}
	return list
}

// forwarders are a list of systems in the later shape, and in the flat one a
// map: of system to team, or the fields of a single forwarder.
func (c *converter) forwarders(v any) []eventbus.SourceSystem {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var list []eventbus.SourceSystem
		for i, item := range v {
			list = append(list, c.forwarder(fmt.Sprintf("spec.forwarders[%d]", i), item))
		}
		return list
	case map[string]any:
		if v["systemName"] != nil || v["system"] != nil {
			return []eventbus.SourceSystem{c.forwarder("spec.forwarders", v)}
		}
		var list []eventbus.SourceSystem
		for _, name := range sortedKeys(v) {
			list = append(list, eventbus.SourceSystem{SystemName: name, TeamName: plainText(v[name])})
		}
		return list
	default:
		c.fault("spec.forwarders", "is not a list of systems", "write forwarders: [{systemName: …, teamName: …}]")
		return nil
	}
}

func (c *converter) forwarder(path string, v any) eventbus.SourceSystem {
	switch v := v.(type) {
	case string:
		return eventbus.SourceSystem{SystemName: v}
	case map[string]any:
		field := func(names ...string) string {
			for _, n := range names {
				if v[n] != nil {
					return plainText(v[n])
				}
			}
			return ""
		}
		return eventbus.SourceSystem{SystemName: field("systemName", "system"), TeamName: field("teamName", "team"), ProductOwner: field("productOwner", "productowner")}
	default:
		c.fault(path, "is not a system", "write {systemName: …, teamName: …}")
		return eventbus.SourceSystem{}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// plainText renders the free text of the flat shape: a map becomes lines of
// "key: value".
func plainText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any:
		var lines []string
		for _, key := range sortedKeys(v) {
			lines = append(lines, key+": "+strings.ReplaceAll(plainText(v[key]), "\n", "; "))
		}
		return strings.Join(lines, "\n")
	case []any:
		var lines []string
		for _, item := range v {
			lines = append(lines, plainText(item))
		}
		return strings.Join(lines, "\n")
	default:
		return fmt.Sprint(v)
	}
}

type systemEntity struct {
	envelope `yaml:",inline"`
	Spec     systemSpec `yaml:"spec"`
}

type systemSpec struct {
	Type       string         `yaml:"type"`
	Lifecycle  string         `yaml:"lifecycle"`
	Owner      string         `yaml:"owner"`
	Domain     string         `yaml:"domain"`
	Subscribes any            `yaml:"subscribesToEvent"` // a list, or one name
	Extra      map[string]any `yaml:",inline"`
}

func readSystem(doc document.Document, kind string) (eventbus.System, []eventbus.Fault) {
	var raw systemEntity
	if err := doc.Decode(&raw); err != nil {
		return eventbus.System{}, eventbus.FaultsOf(err)
	}
	s := eventbus.System{Name: raw.Metadata.Name, Kind: kind, Title: raw.Metadata.Title, Description: raw.Metadata.Description,
		Type: raw.Spec.Type, Lifecycle: raw.Spec.Lifecycle, Owner: raw.Spec.Owner, Domain: raw.Spec.Domain}
	switch v := raw.Spec.Subscribes.(type) {
	case nil:
	case string:
		s.Subscribes = []string{reference(v)}
	case []any:
		for _, item := range v {
			s.Subscribes = append(s.Subscribes, reference(plainText(item)))
		}
	default:
		return s, doc.Locate([]eventbus.Fault{{Path: "spec.subscribesToEvent", Message: "is not a list of events", Fix: "write subscribesToEvent: [event-name]"}})
	}
	faults := checkMetadata(raw.Metadata)
	faults = append(faults, misspelt("spec", raw.Spec.Extra, []string{"type", "lifecycle", "owner", "domain", "subscribesToEvent"})...)
	if len(faults) == 0 {
		faults = inFile(ValidateSystem(s))
	}
	return s, doc.Locate(faults)
}

// reference gives the name of an entity reference: event:default/name → name.
func reference(s string) string {
	if i := strings.LastIndexAny(s, ":/"); i >= 0 {
		return s[i+1:]
	}
	return s
}
