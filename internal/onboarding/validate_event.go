package onboarding

import (
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

func (v *validator) producer(c *ProducerContent) {
	v.team(c.Team)
	v.environments("environments", c.Environments)
	v.contacts(c.Contacts, true)
	v.fit(c.Fit, c.System.FISMA)
	v.eventFacts(c.Event)
	v.system(c.System)
	asked := askedEnvironments(v.envs, c.subject())
	v.privacy(c.Privacy, true, asked)
	v.agreements(c.Agreements)
	v.network(c.Network)
	v.topic(c.Topic, c.Event.Name, c.Event.MaxBytes, asked)
	v.schema(c.Schema, c.Privacy, true)
	v.access("access", c.Access, asked)
	v.producerOptions(c.Producer)
	v.clients(c.Clients)
	v.text("notes", c.Notes, 0, 4000, "")
	if n := utf8.RuneCountInString(OnePager(c)); n > longestOnePager {
		v.fault("event.context", fmt.Sprintf("and the other texts make a one-pager of %d characters, at most %d are allowed", n, longestOnePager), "shorten what is longest, and link to the rest")
	}
}

// longestOnePager is what the catalog takes, in characters.
const longestOnePager = 100_000

func (v *validator) consumer(c *ConsumerContent) {
	v.team(c.Team)
	v.slug("event", c.Event, "the name of the event to consume")
	v.environments("environments", c.Environments)
	v.contacts(c.Contacts, false)
	v.fit(c.Fit, c.System.FISMA)
	v.text("purpose", c.Purpose, 50, 2000, "say in a sentence or two what the data is used for; it is stored with the grant")
	if c.DisplaysToStaff {
		v.text("filteringPlan", c.FilteringPlan, 20, 4000, "say how records of sensitive people are kept from staff who may not see them")
	}
	v.lines("fieldsUsed", c.FieldsUsed, 500, 500)
	v.consumingSystem(c.Consumer)
	v.system(c.System)
	v.privacy(c.Privacy, false, nil)
	v.agreements(c.Agreements)
	v.network(c.Network)
	v.group(c.GroupPrefix, c.Team)
	v.oneOf("startAt", c.StartAt, "earliest", "latest")
	v.until(c.Until)
	asked := askedEnvironments(v.envs, c.subject())
	v.access("access", c.Access, asked)
	if len(c.Access) == 0 {
		v.fault("access", "is missing", "name a principal for at least one environment: access: {development: {principals: [arn:…]}}")
	}
	for _, name := range c.Environments {
		if _, known := c.Access[name]; !known && len(c.Access) > 0 {
			v.fault("access."+name, "is missing, but the environment is asked for", "name its principals, or leave the environment out")
		}
	}
	v.clients(c.Clients)
	v.text("notes", c.Notes, 0, 4000, "")
}

func (v *validator) change(c *ChangeContent) {
	v.team(c.Team)
	v.slug("event", c.Event, "the name of the event to change")
	v.environments("environments", c.Environments)
	v.text("reason", c.Reason, 10, 2000, "say why the event changes")
	v.text("migrationNote", c.MigrationNote, 0, 4000, "")
	v.text("emergency", c.Emergency, 0, 2000, "")
	asked := askedEnvironments(v.envs, c.subject())
	v.topic(c.Topic, "", 0, asked)
	v.schema(c.Schema, c.Privacy, false)
	v.privacy(c.Privacy, false, asked)
	v.access("access", c.Access, asked)
	v.access("revoke", c.Revoke, asked)
	v.producerOptions(c.Producer)
	v.text("notes", c.Notes, 0, 4000, "")
	v.unchangeable(c.Topic)
	v.line("catalog.title", c.Catalog.Title, 0, 80, "")
	v.line("catalog.description", c.Catalog.Description, 0, 300, "")
	v.line("catalog.domain", c.Catalog.Domain, 0, 63, "")
	v.lifecycle("catalog.lifecycle", c.Catalog.Lifecycle)
	v.links("catalog.links", c.Catalog.Links)
	if c.Topic.Partitions > 0 && !c.ConfirmKeys {
		v.fault("confirmKeyOrder", "is needed: more partitions move keys, so that the order of a key breaks once", "write confirmKeyOrder: true when the consumers can live with that")
	}
	if !changesAnything(c) {
		v.fault("", "nothing is changed", "write what changes: schema, topic, catalog, access, revoke or producer")
	}
}

// unchangeable: what a topic was given at its making, and what a team only says
// of it, is not laid over it by a change; better refused than silently dropped.
func (v *validator) unchangeable(t TopicFacts) {
	if t.Name != "" || len(t.Names) > 0 {
		v.fault("topic.name", "a topic is not renamed: producers and consumers know it by its name", "leave the name out, or ask for a new event and retire this one")
	}
	for _, said := range []struct {
		path  string
		given bool
	}{{"topic.ordering", t.Ordering != ""}, {"topic.longestOutageDays", t.LongestOutageDays != 0}} {
		if said.given {
			v.fault(said.path, "is an answer for the advice on a new topic and changes nothing here", "leave it out, and write partitions or retentionDays")
		}
	}
}

func changesAnything(c *ChangeContent) bool {
	content, err := encodeContent(c)
	if err != nil {
		return false
	}
	fields := sections(content)
	return slices.ContainsFunc([]string{"schema", "topic", "catalog", "access", "revoke", "producer", "privacy"}, func(s string) bool { return len(fields[s]) > 0 })
}

func (v *validator) eventFacts(e EventFacts) {
	v.slug("event.name", e.Name, "the event's name")
	v.line("event.title", e.Title, 1, 80, "write a title for people")
	v.line("event.description", e.Description, 1, 300, "write one line that says what has happened when the event occurs")
	v.text("event.purpose", e.Purpose, 1, 2000, "say what consumers can do with it")
	v.text("event.context", e.Context, 0, 4000, "")
	v.line("event.system", e.System, 0, 200, "")
	v.line("event.domain", e.Domain, 1, 63, "write the business domain: claims, health, appointments, benefits, …")
	v.lifecycle("event.lifecycle", e.Lifecycle)
	if e.Lifecycle == eventbus.LifecycleDeprecated {
		v.fault("event.lifecycle", "a new event is not deprecated", "write experimental or development")
	}
	v.sources("event.sourceSystems", e.SourceSystems)
	v.sources("event.forwarders", e.Forwarders)
	v.links("event.links", e.Links)
	v.tags("event.tags", e.Tags)
	v.lines("event.likelyConsumers", e.LikelyConsumers, 50, 200)
	for _, n := range []struct {
		path  string
		value int64
	}{{"event.perDay", e.PerDay}, {"event.peakPerSecond", e.PeakPerSecond}, {"event.averageBytes", e.AverageBytes}, {"event.maxBytes", e.MaxBytes}} {
		if n.value < 0 {
			v.fault(n.path, "is negative", "write a number above 0")
		}
	}
	if e.AverageBytes > 0 && e.MaxBytes > 0 && e.AverageBytes > e.MaxBytes {
		v.fault("event.averageBytes", "is larger than maxBytes", "write the average and the largest size of one record, in bytes")
	}
	if e.PerDay > 0 && e.PeakPerSecond > 0 && e.PeakPerSecond < e.PerDay/86400 {
		v.fault("event.peakPerSecond", fmt.Sprintf("is below the average of %d per second that perDay means", e.PerDay/86400), "write the busiest second's number")
	}
}

// tags are Backstage's own rule: one that it refuses would keep the whole event
// out of the catalog.
func (v *validator) tags(path string, tags []string) {
	v.count(path, len(tags), 20)
	for i, tag := range tags {
		if !eventbus.LegalTag(tag) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("%q is not a legal tag", tag), "write lower-case words joined by '-', at most 63 characters")
		}
	}
}

func (v *validator) lifecycle(path string, l eventbus.Lifecycle) {
	if l != "" && !slices.Contains(eventbus.Lifecycles(), l) {
		v.fault(path, fmt.Sprintf("%q is not a lifecycle", l), "write experimental, development, production or deprecated")
	}
}

func (v *validator) sources(path string, systems []eventbus.SourceSystem) {
	v.count(path, len(systems), 50)
	seen := map[string]bool{}
	for i, s := range systems {
		here := fmt.Sprintf("%s[%d].systemName", path, i)
		v.line(here, s.SystemName, 1, 200, "write the system's name")
		v.line(fmt.Sprintf("%s[%d].teamName", path, i), s.TeamName, 0, 200, "")
		v.line(fmt.Sprintf("%s[%d].productOwner", path, i), s.ProductOwner, 0, 200, "")
		if seen[strings.ToLower(s.SystemName)] {
			v.fault(here, s.SystemName+" is named twice", "keep one")
		}
		seen[strings.ToLower(s.SystemName)] = true
	}
}

func (v *validator) links(path string, links []eventbus.Link) {
	v.count(path, len(links), 50)
	for i, l := range links {
		v.line(fmt.Sprintf("%s[%d].title", path, i), l.Title, 0, 200, "")
		if !httpsURL(l.URL) {
			v.fault(fmt.Sprintf("%s[%d].url", path, i), "is not an https address", "write https://…")
		}
	}
}

func httpsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && len(s) <= 2000
}

// topic checks settings in every environment asked for; name is the event's.
func (v *validator) topic(t TopicFacts, name string, maxBytes int64, asked []eventbus.Environment) {
	v.oneOf("topic.cleanup", t.Cleanup, "delete", "compact", "compact,delete")
	v.oneOf("topic.ordering", t.Ordering, "none", "per key", "total")
	if strings.Contains(t.Cleanup, "compact") && t.KeyField == "" {
		v.fault("topic.keyField", "is missing, and compaction needs a key", "name the field whose value is the record key")
	}
	if t.Ordering == "per key" && t.KeyField == "" {
		v.fault("topic.keyField", "is missing, and an order per key needs a key", "name the field whose value is the record key")
	}
	if t.Ordering == "total" && t.Partitions > 1 {
		v.fault("topic.partitions", "a total order exists within one partition only", "write 1, or order per key")
	}
	if t.RetentionDays < 0 {
		v.fault("topic.retentionDays", "is negative", "write whole days, 1 or more")
	}
	if t.LongestOutageDays < 0 || t.LongestOutageDays > longestOutage {
		v.fault("topic.longestOutageDays", fmt.Sprintf("%d is not between 0 and %d", t.LongestOutageDays, longestOutage), "write for how many whole days a consumer may be away")
	}
	v.line("topic.keyField", t.KeyField, 0, 500, "")
	for _, env := range sortedKeys(t.Names) {
		if _, known := v.environment(env); !known {
			v.fault("topic.names."+env, "there is no environment "+env, "write one of "+strings.Join(v.names(), ", "))
		}
	}
	for _, e := range asked {
		limits := e.Limits.WithDefaults()
		if name != "" {
			v.topicName(t, name, e)
		}
		if t.Partitions != 0 && (t.Partitions < 1 || t.Partitions > limits.MaxPartitions) {
			v.fault("topic.partitions", fmt.Sprintf("%d, but %s allows 1 to %d", t.Partitions, e.Name, limits.MaxPartitions), "write a number within; more needs the bus team")
			break
		}
		if t.RetentionDays > limits.MaxRetentionDays {
			v.fault("topic.retentionDays", fmt.Sprintf("%d, but %s keeps at most %d days", t.RetentionDays, e.Name, limits.MaxRetentionDays), "write fewer days, and archive what must be kept longer")
			break
		}
		if maxBytes > int64(limits.MaxMessageBytes) {
			v.fault("event.maxBytes", fmt.Sprintf("%d, but %s takes records of at most %d bytes", maxBytes, e.Name, limits.MaxMessageBytes), "send a reference to the large part instead")
			break
		}
	}
}

// longestOutage of a consumer that the advice reckons with, in days.
const longestOutage = 3650

func (v *validator) topicName(t TopicFacts, event string, e eventbus.Environment) {
	name, path := topicName(t, event, e), "topic.name"
	if t.Names[e.Name] != "" {
		path = "topic.names." + e.Name
	}
	switch {
	case eventbus.CheckTopicName(name) != nil:
		v.fault(path, eventbus.CheckTopicName(name).Error(), "use letters, digits, '.', '_' and '-'")
	case eventbus.InternalTopic(name):
		v.fault(path, name+" begins with '_', which is kept for Kafka and the bus", "begin with the environment's prefix "+e.Prefix)
	case !strings.HasPrefix(name, e.Prefix):
		v.fault(path, fmt.Sprintf("%s does not begin with %s", name, e.Prefix), "write "+e.Prefix+strings.TrimLeft(name, "_"))
	case strings.Contains(name, ".") && strings.Contains(name, "_"):
		v.fault(path, name+" holds both '.' and '_', which Kafka's metrics cannot tell apart", "use '-' or '_' instead of '.'")
	}
}

// topicName is the event's topic in an environment: as written, or the
// environment's prefix and the event's name.
func topicName(t TopicFacts, event string, e eventbus.Environment) string {
	if name := t.Names[e.Name]; name != "" {
		return name
	}
	if t.Name != "" {
		return e.Prefix + t.Name
	}
	return e.Prefix + event
}

func (v *validator) schema(s SchemaFacts, p Privacy, required bool) {
	if s.Value == "" && required {
		v.fault("schema.value", "is missing", `write the Avro schema of the value: {"type": "record", …}`)
	}
	if s.Compatibility != "" {
		if _, known := eventbus.ParseCompatibility(string(s.Compatibility)); !known {
			v.fault("schema.compatibility", fmt.Sprintf("%q is not a compatibility", s.Compatibility), "write BACKWARD, FORWARD, FULL, one of them with _TRANSITIVE, or NONE")
		}
	}
	if strings.EqualFold(string(s.Compatibility), string(eventbus.CompatibilityNone)) {
		v.text("schema.compatibilityReason", s.CompatibilityReason, 10, 2000, "say why nothing checks that consumers can read new versions")
	}
	v.text("schema.versioningNote", s.VersioningNote, 0, 4000, "")
	v.oneOf("schema.guard", string(s.Guard), string(eventbus.SchemaGuardOff), string(eventbus.SchemaGuardWarn), string(eventbus.SchemaGuardEnforce))
	v.oneOf("schema.subjectNaming", s.SubjectNaming, "TopicNameStrategy")
	if s.Value != "" {
		v.valueSchema(s.Value, p)
		v.sample(s)
	}
	if s.Key != "" {
		if _, err := avro.Parse(s.Key, avro.Options{}); err != nil {
			v.fault("schema.key", err.Error(), `write Avro: "string" is one`)
		}
	}
}

// sample: a sample record that its own schema refuses would teach consumers
// something wrong.
func (v *validator) sample(s SchemaFacts) {
	if s.Sample == "" {
		return
	}
	codec, err := client.NewCodec(s.Value)
	if err != nil {
		return // valueSchema has said so, or the sample cannot be checked
	}
	if _, err := codec.Encode([]byte(s.Sample)); err != nil {
		v.fault("schema.sample", "does not fit the schema: "+err.Error(), "write one record as JSON, with made-up data")
	}
}

// valueSchema: a named record with a namespace, personal data tagged.
func (v *validator) valueSchema(text string, p Privacy) {
	schema, err := avro.Parse(text, avro.Options{})
	if err != nil {
		v.fault("schema.value", err.Error(), "mend the Avro schema")
		return
	}
	if !strings.Contains(schema.Name(), ".") {
		v.fault("schema.value", "is not a record with a namespace", `begin with {"type": "record", "name": "…", "namespace": "gov.va.…", "fields": […]}`)
		return
	}
	tagged := map[string]bool{}
	known := map[string]bool{}
	for _, f := range schema.Fields() {
		known[f.Path] = true
		for _, tag := range f.Tags {
			tagged[tag] = true
			if class := eventbus.DataClass(tag); (class == eventbus.DataPII || class == eventbus.DataPHI) && !slices.Contains(p.DataClasses, class) && len(p.DataClasses) > 0 {
				v.fault("privacy.dataClasses", fmt.Sprintf("do not name %s, but field %s is tagged so", tag, f.Path), "add "+tag)
			}
		}
	}
	for _, class := range p.DataClasses {
		if class != eventbus.DataNone && !tagged[string(class)] && !slices.Contains(classesOf(p.Fields), class) {
			v.fault("schema.value", fmt.Sprintf("no field is tagged %s, but the payload is said to hold it", class), fmt.Sprintf(`add "confluent:tags": ["%s"] to each such field; values of untagged topics are not shown to anybody`, class))
		}
	}
	for _, path := range sortedKeys(p.Fields) {
		if !known[path] {
			v.fault("privacy.fields."+path, "is not a field of the schema", "write the dotted path of a field")
		}
	}
}

func classesOf(fields map[string]eventbus.DataClass) []eventbus.DataClass {
	var classes []eventbus.DataClass
	for _, c := range fields {
		classes = append(classes, c)
	}
	return classes
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
