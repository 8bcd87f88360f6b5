package provision

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// diffTopic compares one topic with its configs, partitions, schemas and guard.
func (d *differ) diffTopic(e eventbus.Event, t eventbus.TopicManifest, env eventbus.Environment) {
	path := fmt.Sprintf("events[%s].topics[%s]", e.Name, env.Name)
	c := eventbus.Change{Resource: eventbus.ResourceTopic, Event: e.Name, Environment: env.Name, Name: t.Topic.Name}
	have, exists := d.seen.topics[t.Topic.Name]
	previous, managed := d.seen.wanted[e.Name].Topic(env.Name)
	d.checkTopic(c, path, e, t, env, exists)
	if managed && previous.Topic.Name != t.Topic.Name {
		d.problems.add(c, path+".name", fmt.Sprintf("the event's topic is %s; Kafka cannot rename a topic", previous.Topic.Name), "remove the event from "+env.Name+" first")
		return
	}
	d.diffSchemas(c, path, t)
	d.diffGuard(c, path, t, previous, managed)
	if !exists {
		d.createTopic(c, path, t)
		return
	}
	c.Action, c.New = eventbus.ActionUpdate, "managed"
	switch {
	case d.quarantined(e.Name, t.Topic.Name):
		c.Old, c.Note = "quarantined", "taken back from quarantine with its data"
		d.add(c)
	case !managed:
		c.Old, c.Note = "unmanaged", "adopt: the topic is there already; what the manifest does not name stays"
		d.add(c)
	}
	d.diffPartitions(c, path, t.Topic, have)
	d.diffConfigs(c, t.Topic, have, previous.Topic)
}

func (d *differ) quarantined(event, topic string) bool {
	return slices.ContainsFunc(d.seen.wanted[event].Quarantined, func(q eventbus.Quarantine) bool { return q.Topic == topic })
}

// checkTopic holds a wanted topic to the rules of its environment.
func (d *differ) checkTopic(c eventbus.Change, path string, e eventbus.Event, t eventbus.TopicManifest, env eventbus.Environment, exists bool) {
	if t.Topic.Partitions == 0 && exists {
		t.Topic.Partitions = 1 // as many as there are
	}
	for _, f := range eventbus.CheckTopic(t.Topic, env.Limits) {
		d.problems.add(c, path+"."+f.Path, f.Message, f.Fix)
	}
	if !strings.HasPrefix(t.Topic.Name, env.Prefix) || eventbus.InternalTopic(t.Topic.Name) {
		d.problems.add(c, path+".name", fmt.Sprintf("topic %s does not begin with %s", t.Topic.Name, env.Prefix), "call it "+env.Prefix+e.Name)
	}
	if owner := d.seen.owners[t.Topic.Name]; owner != "" && owner != e.Name {
		d.problems.add(c, path+".name", fmt.Sprintf("topic %s belongs to event %s", t.Topic.Name, owner), "choose another name")
	}
	if !exists {
		if other := d.collision(t.Topic.Name); other != "" {
			d.problems.add(c, path+".name", fmt.Sprintf("topic %s and the topic %s would have one metric name", t.Topic.Name, other), "choose a name that differs in more than . and _")
		}
	}
	limit := time.Duration(env.Limits.WithDefaults().MaxRetentionDays) * 24 * time.Hour
	if ms, err := strconv.ParseInt(t.Topic.Configs["retention.ms"], 10, 64); err == nil && (ms < 0 || ms > limit.Milliseconds()) && !strings.Contains(t.Topic.Configs["cleanup.policy"], "compact") {
		d.problems.add(c, path+".configs.retention.ms", fmt.Sprintf("the records would be kept longer than the %d days that %s allows", limit/(24*time.Hour), env.Name), "ask for less")
	}
	if !env.PHI && !t.Synthetic {
		for _, class := range e.DataClasses {
			if class == eventbus.DataPII || class == eventbus.DataPHI {
				d.problems.add(c, path, fmt.Sprintf("%s may not enter %s", class, env.Name), "send made-up data there and say so with syntheticData: true")
			}
		}
	}
}

// collision gives a topic that Kafka's metrics would not tell apart.
func (d *differ) collision(name string) string {
	flat := func(s string) string { return strings.ReplaceAll(s, ".", "_") }
	if d.metrics == nil {
		d.metrics = make(map[string]string, len(d.seen.topics))
		for topic := range d.seen.topics {
			d.metrics[flat(topic)] = topic
		}
	}
	if other, taken := d.metrics[flat(name)]; taken && other != name {
		return other
	}
	d.metrics[flat(name)] = name
	return ""
}

func (d *differ) createTopic(c eventbus.Change, path string, t eventbus.TopicManifest) {
	if t.Topic.Partitions == 0 {
		return // CheckTopic has said so
	}
	c.Action = eventbus.ActionCreate
	c.New = fmt.Sprintf("%d partitions, replication %d", t.Topic.Partitions, t.Topic.ReplicationFactor)
	for _, name := range slices.Sorted(maps.Keys(t.Topic.Configs)) {
		c.New += ", " + name + "=" + configShown(name, t.Topic.Configs[name])
	}
	c.Note = compactNote(t.Topic.Configs["cleanup.policy"])
	if d.quarantined(c.Event, c.Name) {
		c.Note = "its data is gone: it was deleted while in quarantine"
	}
	d.add(c)
}

func compactNote(policy string) string {
	if strings.Contains(policy, "compact") {
		return "every record needs a key: of each key only the newest is kept, and a record without a key is refused"
	}
	return ""
}

func (d *differ) diffPartitions(c eventbus.Change, path string, want, have eventbus.Topic) {
	c.Resource, c.Action = eventbus.ResourcePartitions, eventbus.ActionUpdate
	c.Old, c.New = strconv.Itoa(int(have.Partitions)), strconv.Itoa(int(want.Partitions))
	switch {
	case want.Partitions == 0 || want.Partitions == have.Partitions:
	case want.Partitions > have.Partitions:
		c.Note, c.NeedsApproval = fmt.Sprintf("partitions %s → %s: key order changes", c.Old, c.New), true
		d.add(c)
	default:
		d.problems.add(c, path+".partitions", fmt.Sprintf("topic %s has %d partitions; Kafka cannot take any away", want.Name, have.Partitions), fmt.Sprintf("write %d, or make a new topic", have.Partitions))
	}
}

// diffConfigs is a three-way comparison: what the manifest names is set, what
// the manifest before it named and this one does not goes back to its default,
// what nobody named stays.
func (d *differ) diffConfigs(c eventbus.Change, want, have, previous eventbus.Topic) {
	c.Resource, c.Action = eventbus.ResourceTopicConfig, eventbus.ActionUpdate
	for _, name := range slices.Sorted(maps.Keys(want.Configs)) {
		old, set := have.Configs[name]
		if set && sameConfig(name, old, want.Configs[name]) {
			continue
		}
		c.Field, c.Old, c.New = name, old, want.Configs[name]
		c.Note, c.NeedsApproval = configNote(name, c.Old, c.New)
		d.add(c)
	}
	for _, name := range slices.Sorted(maps.Keys(previous.Configs)) {
		_, named := want.Configs[name]
		if old, set := have.Configs[name]; set && !named {
			c.Field, c.Old, c.New, c.Note, c.NeedsApproval = name, old, "", "no longer in the manifest: back to the default", true
			d.add(c)
		}
	}
}

// sameConfig compares values as Kafka reads them.
func sameConfig(name, a, b string) bool {
	if a == b {
		return true
	}
	if x, err := strconv.ParseFloat(a, 64); err == nil {
		y, err := strconv.ParseFloat(b, 64)
		return err == nil && x == y
	}
	if name != "cleanup.policy" {
		return false
	}
	list := func(s string) []string {
		parts := strings.Split(strings.ReplaceAll(s, " ", ""), ",")
		slices.Sort(parts)
		return parts
	}
	return slices.Equal(list(a), list(b))
}

// configNote says what a change of a config means, and whether it can lose
// records.
func configNote(name, old, new string) (note string, approve bool) {
	switch name {
	case "retention.ms", "retention.bytes":
		before, errBefore := strconv.ParseInt(old, 10, 64)
		after, err := strconv.ParseInt(new, 10, 64)
		if err == nil && errBefore == nil && after >= 0 && (before < 0 || after < before) {
			return "records beyond the new limit are deleted", true
		}
	case "cleanup.policy":
		return compactNote(new), true
	}
	return "", false
}

// diffSchemas compares compatibility level and text of the topic's subjects.
func (d *differ) diffSchemas(c eventbus.Change, path string, t eventbus.TopicManifest) {
	for _, s := range []struct{ field, subject, text string }{
		{"valueSchema", eventbus.ValueSubject(t.Topic.Name), t.ValueSchema},
		{"keySchema", eventbus.KeySubject(t.Topic.Name), t.KeySchema},
	} {
		if s.text == "" {
			continue
		}
		have, want := d.seen.subjects[s.subject], d.seen.parse(s.text)
		c.Name = s.subject
		if want.err != nil {
			c.Resource = eventbus.ResourceSchema
			d.problems.add(c, path+"."+s.field, "the schema is not valid Avro: "+want.err.Error(), "")
			continue
		}
		d.diffCompatibility(c, path, t.Compatibility, have)
		d.diffSchema(c, path+"."+s.field, t.Compatibility, want, have)
	}
}

func (d *differ) diffCompatibility(c eventbus.Change, path string, want eventbus.Compatibility, have subject) {
	level, known := eventbus.ParseCompatibility(string(want))
	c.Resource, c.New = eventbus.ResourceCompatibility, string(level)
	switch {
	case !known:
		d.problems.add(c, path+".compatibility", fmt.Sprintf("%q is not a compatibility level", want), "use one of "+levels())
	case !have.LevelSet:
		c.Action = eventbus.ActionCreate
		d.add(c)
	case have.Level != level:
		c.Action, c.Old = eventbus.ActionUpdate, string(have.Level)
		if c.NeedsApproval = level.Weaker(have.Level); c.NeedsApproval {
			c.Note = "weaker: lets changes pass that " + c.Old + " refuses"
		}
		d.add(c)
	}
}

func levels() string {
	var names []string
	for _, l := range eventbus.Compatibilities() {
		names = append(names, string(l))
	}
	return strings.Join(names, ", ")
}

func (d *differ) diffSchema(c eventbus.Change, path string, level eventbus.Compatibility, want parsed, have subject) {
	c.Resource, c.Action, c.New = eventbus.ResourceSchema, eventbus.ActionCreate, want.schema.Type()
	if !have.Found {
		d.fresh[c.Name] = true
		d.add(c)
		return
	}
	if sameSchema(want, have.Latest) {
		return
	}
	d.fresh[c.Name] = true
	c.Old = fmt.Sprintf("version %d", have.Latest.Version)
	for _, v := range have.versions {
		if v.Version != have.Latest.Version && sameSchema(want, v) {
			d.problems.add(c, path, fmt.Sprintf("the wanted text of subject %s is version %d, and version %d is the latest; a registry never goes back", c.Name, v.Version, have.Latest.Version),
				"write the text of the latest version, or a new one")
			return
		}
	}
	if refused := incompatible(level, want.schema, have.versions); len(refused) > 0 {
		d.problems.add(c, path, fmt.Sprintf("the schema is not %s compatible: %s", level, strings.Join(refused, "; ")), "change it so that it is, or ask for a weaker level")
		return
	}
	if old, err := avro.Parse(have.Latest.Text, avro.Options{Lax: true}); err == nil {
		c.Note = changesShown(avro.Diff(old, want.schema))
	}
	d.add(c)
}

func changesShown(changes []avro.Change) string {
	const most = 5
	var lines []string
	for i, change := range changes {
		if i == most {
			lines = append(lines, fmt.Sprintf("and %d more", len(changes)-most))
			break
		}
		lines = append(lines, change.Text)
	}
	return strings.Join(lines, "\n")
}

// incompatible asks what the registry will ask (Confluent, "Schema Evolution and
// Compatibility"): the transitive levels look at every version, the others at
// the latest. A version that builds on references is left to the registry.
func incompatible(level eventbus.Compatibility, want *avro.Schema, versions []eventbus.Schema) []string {
	if len(versions) == 0 || level == eventbus.CompatibilityNone {
		return nil
	}
	if !strings.HasSuffix(string(level), "_TRANSITIVE") {
		versions = versions[len(versions)-1:]
	}
	var refused []string
	for _, v := range versions {
		old, err := avro.Parse(v.Text, avro.Options{Lax: true})
		if err != nil || len(v.References) > 0 {
			continue
		}
		var list []avro.Incompatibility
		if !strings.HasPrefix(string(level), "FORWARD") {
			list = append(list, avro.Compatible(want, old)...)
		}
		if !strings.HasPrefix(string(level), "BACKWARD") {
			list = append(list, avro.Compatible(old, want)...)
		}
		for _, i := range list {
			refused = append(refused, fmt.Sprintf("version %d: %s", v.Version, i))
			if len(refused) == 10 {
				return refused
			}
		}
	}
	return refused
}

// diffGuard compares with the wanted state: that is where the gateway reads it.
func (d *differ) diffGuard(c eventbus.Change, path string, t, previous eventbus.TopicManifest, managed bool) {
	c.Resource, c.Action = eventbus.ResourceGuard, eventbus.ActionUpdate
	if !managed {
		previous.Guard, previous.GuardSubjects = eventbus.SchemaGuardOff, nil
	}
	strictness := []eventbus.SchemaGuard{eventbus.SchemaGuardOff, eventbus.SchemaGuardWarn, eventbus.SchemaGuardEnforce}
	c.Old, c.New = string(previous.Guard), string(t.Guard)
	switch {
	case !slices.Contains(strictness, t.Guard):
		d.problems.add(c, path+".schemaGuard", fmt.Sprintf("%q is not a schema guard", t.Guard), "use off, warn or enforce")
	case t.Guard == eventbus.SchemaGuardEnforce && t.ValueSchema == "" && len(t.GuardSubjects) == 0 && !d.seen.subjects[eventbus.ValueSubject(t.Topic.Name)].Found:
		d.problems.add(c, path+".schemaGuard", "enforce would refuse every record: the topic has no schema", "give it a schema, or name guardSubjects")
	case t.Guard != previous.Guard:
		if c.NeedsApproval = slices.Index(strictness, t.Guard) < slices.Index(strictness, previous.Guard); c.NeedsApproval {
			c.Note = "weaker: lets records pass that " + c.Old + " notices"
		}
		d.add(c)
	}
	if !slices.Equal(t.GuardSubjects, previous.GuardSubjects) {
		c.Field, c.Old, c.New = "subjects", strings.Join(previous.GuardSubjects, ", "), strings.Join(t.GuardSubjects, ", ")
		c.Note, c.NeedsApproval = "", managed
		d.add(c)
	}
}

// remove takes an event out of an environment: first quarantine, later delete.
func (d *differ) remove(event, env string) {
	wanted := d.seen.wanted[event]
	c := eventbus.Change{Resource: eventbus.ResourceTopic, Event: event, Environment: env, NeedsApproval: true}
	if t, managed := wanted.Topic(env); managed {
		c.Name = t.Topic.Name
		have, exists := d.seen.topics[c.Name]
		c.Action, c.Old = eventbus.ActionQuarantine, fmt.Sprintf("%d partitions", have.Partitions)
		c.Note = "access ends now; the data stays until " + d.now.Add(d.quarantine).Format(time.DateOnly) + " at least"
		if !exists {
			c.Action, c.Old, c.Note = eventbus.ActionDelete, "missing", "the topic is gone already"
		}
		d.add(c)
		return
	}
	for _, q := range wanted.Quarantined {
		if q.Environment != env || d.now.Before(q.Since.Add(d.quarantine)) {
			continue
		}
		c.Name, c.Action = q.Topic, eventbus.ActionDelete
		c.Old = fmt.Sprintf("%d partitions", d.seen.topics[q.Topic].Partitions)
		c.Note = "quarantined since " + q.Since.Format(time.DateOnly) + "; its records are lost for good"
		d.add(c)
	}
}
