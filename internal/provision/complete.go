package provision

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// eventName is Backstage's rule for the name of an entity.
var eventName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

// problem is why something cannot become as wanted. Plan reports it as a fault,
// Drift as a change that the bus cannot make.
type problem struct {
	fault  eventbus.Fault
	change eventbus.Change
}

// problems collects.
type problems []problem

func (p *problems) add(c eventbus.Change, path, message, fix string) {
	*p = append(*p, problem{eventbus.Fault{Path: path, Message: message, Fix: fix}, c})
}

func (p problems) faults() []eventbus.Fault {
	faults := make([]eventbus.Fault, len(p))
	for i := range p {
		faults[i] = p[i].fault
	}
	return faults
}

// overlay lays wanted environments over those of now.
func overlay(now, wanted []eventbus.Environment) []eventbus.Environment {
	envs := slices.Clone(now)
	for _, w := range wanted {
		i := slices.IndexFunc(envs, func(e eventbus.Environment) bool { return e.Name == w.Name })
		if i < 0 {
			envs = append(envs, w)
			continue
		}
		envs[i] = w.At(envs[i])
	}
	eventbus.SortEnvironments(envs)
	return envs
}

// complete fills in every default, without looking at the world. It changes
// nothing of what it is given, and completing twice is completing once.
func complete(m eventbus.Manifest, envs []eventbus.Environment, faults *problems) eventbus.Manifest {
	m.Events, m.Grants = slices.Clone(m.Events), slices.Clone(m.Grants)
	seen := map[string]bool{}
	for i := range m.Events {
		name := m.Events[i].Event.Name
		switch path := "events[" + name + "]"; {
		case !eventName.MatchString(name):
			faults.add(eventbus.Change{Resource: eventbus.ResourceCatalog, Event: name}, path+".name", fmt.Sprintf("%q is not a legal event name", name), "use letters, digits, dashes, dots and underscores, at most 63, letters or digits at both ends")
		case seen[name]:
			faults.add(eventbus.Change{Resource: eventbus.ResourceCatalog, Event: name}, path, "the event is named twice", "write one manifest per event")
		}
		seen[name] = true
		m.Events[i] = completeEvent(m.Events[i], envs, faults)
	}
	for i := range m.Grants {
		if g := &m.Grants[i]; g.ID == "" {
			g.ID = eventbus.GrantID(g.Event, g.Environment, g.Direction, g.Principal, g.GroupPrefix)
		}
	}
	return m
}

func completeEvent(e eventbus.EventManifest, envs []eventbus.Environment, faults *problems) eventbus.EventManifest {
	e.Topics, e.Quarantined, e.Event.Type = slices.Clone(e.Topics), nil, "event"
	last := -1
	for i := range e.Topics {
		t := &e.Topics[i]
		path := fmt.Sprintf("events[%s].topics[%s]", e.Event.Name, t.Environment)
		change := eventbus.Change{Resource: eventbus.ResourceTopic, Event: e.Event.Name, Environment: t.Environment, Name: t.Topic.Name}
		env, known := environment(envs, t.Environment)
		if !known {
			faults.add(change, path, fmt.Sprintf("there is no environment %q", t.Environment), "use one of "+strings.Join(environmentNames(envs), ", "))
			continue
		}
		if slices.ContainsFunc(e.Topics[:i], func(o eventbus.TopicManifest) bool { return o.Environment == t.Environment }) {
			faults.add(change, path, "the environment is named twice", "an event has one topic per environment")
		}
		if slices.Contains(e.Remove, t.Environment) {
			faults.add(change, path, "the topic is wanted and removed in one manifest", "leave one of the two out")
		}
		completeTopic(t, e.Event.Name, env)
		if last < 0 || env.Order >= orderOf(envs, e.Topics[last].Environment) {
			last = i
		}
	}
	for _, name := range e.Remove {
		if _, known := environment(envs, name); !known {
			faults.add(eventbus.Change{Resource: eventbus.ResourceTopic, Event: e.Event.Name, Environment: name}, fmt.Sprintf("events[%s].remove", e.Event.Name),
				fmt.Sprintf("there is no environment %q", name), "use one of "+strings.Join(environmentNames(envs), ", "))
		}
	}
	if last >= 0 && e.Event.Schema == "" {
		e.Event.Schema = e.Topics[last].ValueSchema
	}
	if last >= 0 && e.Event.Compatibility == "" {
		e.Event.Compatibility = e.Topics[last].Compatibility
	}
	return e
}

// completeTopic fills in what the environment says: prefix, replication factor,
// in-sync replicas and the guard of a topic that has a schema.
func completeTopic(t *eventbus.TopicManifest, event string, env eventbus.Environment) {
	limits := env.Limits.WithDefaults()
	if t.Topic.Name == "" {
		t.Topic.Name = env.Prefix + event
	}
	if t.Topic.ReplicationFactor == 0 {
		t.Topic.ReplicationFactor = limits.ReplicationFactor
	}
	t.Topic.Configs = maps.Clone(t.Topic.Configs)
	if limits.MinInsyncReplicas > 1 && t.Topic.Configs["min.insync.replicas"] == "" {
		if t.Topic.Configs == nil {
			t.Topic.Configs = map[string]string{}
		}
		t.Topic.Configs["min.insync.replicas"] = strconv.Itoa(int(limits.MinInsyncReplicas))
	}
	hasSchema := t.ValueSchema != "" || t.KeySchema != ""
	if t.Compatibility == "" && hasSchema {
		t.Compatibility = eventbus.CompatibilityBackward
	}
	if t.Guard == "" || env.OnAWS() { // where no gateway stands there is none, whatever is written
		t.Guard = eventbus.SchemaGuardOff
		if hasSchema || len(t.GuardSubjects) > 0 {
			t.Guard = env.SchemaGuardDefault()
		}
	}
}

func environment(envs []eventbus.Environment, name string) (eventbus.Environment, bool) {
	i := slices.IndexFunc(envs, func(e eventbus.Environment) bool { return e.Name == name })
	if i < 0 {
		return eventbus.Environment{}, false
	}
	return envs[i], true
}

func orderOf(envs []eventbus.Environment, name string) int {
	e, _ := environment(envs, name)
	return e.Order
}

func environmentNames(envs []eventbus.Environment) []string {
	names := make([]string, len(envs))
	for i, e := range envs {
		names[i] = e.Name
	}
	return names
}
