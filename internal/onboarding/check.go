package onboarding

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// Check is Validate together with what only the bus knows: whether the event
// exists, whose it is, and whether the schema is compatible with the versions
// that are registered. id is the request's, empty for one that is not saved.
func (s *Service) Check(ctx context.Context, c Content, id string) ([]eventbus.Fault, error) {
	faults := Validate(c, s.environments(), s.now())
	about := c.subject()
	e, found, err := s.event(ctx, about.event)
	if err != nil {
		return nil, err
	}
	known := s.sources.Events != nil
	switch c := c.(type) {
	case *ProducerContent:
		if found && e.Source != "request "+id {
			faults = append(faults, eventbus.Fault{Path: "event.name", Message: fmt.Sprintf("event %s exists and belongs to team %s", e.Name, e.Owner), Fix: "choose another name, or make a ChangeRequest"})
		}
		asked, err := s.askedAlready(ctx, c.Event.Name, id)
		if err != nil {
			return nil, err
		}
		taken, err := s.takenTopics(ctx, c)
		return append(append(faults, asked...), taken...), err
	case *ConsumerContent:
		faults = append(faults, consumable(c, e, found, known, s.today())...)
		taken, err := s.takenGroups(ctx, c)
		return append(faults, taken...), err
	case *ChangeContent:
		if known && !found {
			faults = append(faults, noSuchEvent(c.Event))
		} else if known && e.Owner != c.Team {
			faults = append(faults, notYours(e))
		}
		more, err := s.changeable(ctx, c, e)
		return append(faults, more...), err
	case *OffboardingContent:
		if known && !found {
			faults = append(faults, noSuchEvent(c.Event))
		} else if known && e.Owner != c.Team && c.Consumer == "" {
			faults = append(faults, notYours(e))
		}
		return append(faults, s.notice(c, e)...), nil
	default:
		return faults, nil
	}
}

func (s *Service) today() string { return s.now().Format(time.DateOnly) }

func noSuchEvent(name string) eventbus.Fault {
	return eventbus.Fault{Path: "event", Message: fmt.Sprintf("there is no event %q", name), Fix: "look its name up in the catalog"}
}

func notYours(e eventbus.Event) eventbus.Fault {
	return eventbus.Fault{Path: "team", Message: fmt.Sprintf("event %s belongs to team %s", e.Name, e.Owner), Fix: "ask that team to make the request"}
}

func consumable(c *ConsumerContent, e eventbus.Event, found, known bool, today string) []eventbus.Fault {
	if !known {
		return nil
	}
	if !found {
		return []eventbus.Fault{noSuchEvent(c.Event)}
	}
	var faults []eventbus.Fault
	if e.RemovalDate != "" && e.RemovalDate <= today {
		faults = append(faults, eventbus.Fault{Path: "event", Message: "is past its removal date " + e.RemovalDate, Fix: either(e.Successor != "", "consume "+e.Successor+" instead", "look for another event in the catalog")})
	}
	for _, env := range sortedKeys(c.Access) {
		if _, ok := e.TopicIn(env); !ok {
			faults = append(faults, eventbus.Fault{Path: "access." + env, Message: fmt.Sprintf("event %s has no topic in %s", e.Name, env), Fix: "leave the environment out until the event is there"})
		}
	}
	if schema, err := avro.Parse(e.Schema, avro.Options{}); e.Schema != "" && err == nil {
		for i, used := range c.FieldsUsed {
			if !slices.ContainsFunc(schema.Fields(), func(f avro.Field) bool { return f.Path == used || strings.HasPrefix(f.Path, used+".") }) {
				faults = append(faults, eventbus.Fault{Path: fmt.Sprintf("fieldsUsed[%d]", i), Message: fmt.Sprintf("%q is not a field of the event's schema", used), Fix: "write dotted field paths as the catalog shows them"})
			}
		}
	}
	if slices.Contains(e.Tags, bipTag) && c.Privacy.OBIApproval == "" {
		faults = append(faults, eventbus.Fault{Path: "privacy.obiApproval", Message: "is missing: the event's data needs OBI's approval for each consumer", Fix: "write the id of the OBI Data Access approval"})
	}
	return faults
}

// askedAlready finds another request that asks for the same new event and is
// not over: the names of events are unique, also while they are reviewed.
func (s *Service) askedAlready(ctx context.Context, event, id string) ([]eventbus.Fault, error) {
	if event == "" {
		return nil, nil
	}
	others, err := s.store.Requests(ctx, eventbus.RequestQuery{Kind: eventbus.ProducerRequest, Event: event, Limit: 1000})
	if err != nil {
		return nil, err
	}
	for _, r := range others {
		if r.ID != id && r.State != eventbus.RequestDraft && r.State != eventbus.RequestActive && !r.State.Final() { // an active one is in the catalog
			return []eventbus.Fault{{Path: "event.name", Message: fmt.Sprintf("request %s of team %s asks for event %s already", r.ID, r.Team, event),
				Fix: "choose another name, or add to that request"}}, nil
		}
	}
	return nil, nil
}

// takenTopics finds topic names that another event uses, or that Kafka's
// metrics cannot tell from one of another event.
func (s *Service) takenTopics(ctx context.Context, c *ProducerContent) ([]eventbus.Fault, error) {
	if s.sources.Events == nil {
		return nil, nil
	}
	wanted, err := s.sources.Events.Wanted(ctx)
	if err != nil {
		return nil, err
	}
	var faults []eventbus.Fault
	for _, e := range askedEnvironments(s.environments(), c.subject()) {
		name := topicName(c.Topic, c.Event.Name, e)
		for _, w := range wanted {
			for _, t := range w.Topics {
				if w.Event.Name != c.Event.Name && (t.Topic.Name == name || eventbus.TopicNamesCollide(t.Topic.Name, name)) {
					faults = append(faults, eventbus.Fault{Path: "topic.names." + e.Name, Fix: "choose another topic name",
						Message: fmt.Sprintf("topic %s is too like %s of event %s", name, t.Topic.Name, w.Event.Name)})
				}
			}
		}
	}
	return faults, nil
}

// takenGroups finds consumer groups of other teams that the wanted prefix takes
// in, or that take it in: members of one group share the records of a topic, so
// that one team would read away what the other waits for.
func (s *Service) takenGroups(ctx context.Context, c *ConsumerContent) ([]eventbus.Fault, error) {
	if s.sources.Lineage == nil || c.GroupPrefix == "" {
		return nil, nil
	}
	grants, err := s.sources.Lineage.Grants(ctx, eventbus.GrantQuery{Direction: eventbus.Consumed, ActiveOnly: true})
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.Team != c.Team && groupsOverlap(g.GroupPrefix, c.GroupPrefix) {
			return []eventbus.Fault{{Path: "groupPrefix", Message: fmt.Sprintf("%s takes in groups of team %s, which has %s", c.GroupPrefix, g.Team, g.GroupPrefix),
				Fix: "write a prefix that no group of another team begins with: " + c.Team + "-" + c.Consumer.Name + "*"}}, nil
		}
	}
	return nil, nil
}

// groupsOverlap reports whether one group id can belong to both: each is an id,
// or the beginning of ids when it ends in "*".
func groupsOverlap(a, b string) bool {
	first, open := strings.CutSuffix(a, "*")
	second, alsoOpen := strings.CutSuffix(b, "*")
	return first == second || open && strings.HasPrefix(second, first) || alsoOpen && strings.HasPrefix(first, second)
}

// changeable checks a change against what is wanted of the event now:
// partitions never shrink, and a weaker compatibility needs a reason.
func (s *Service) changeable(ctx context.Context, c *ChangeContent, e eventbus.Event) ([]eventbus.Fault, error) {
	base, err := s.base(ctx, c.Event)
	if err != nil {
		return nil, err
	}
	var faults []eventbus.Fault
	for _, t := range base.Topics {
		if c.Topic.Partitions > 0 && c.Topic.Partitions < t.Topic.Partitions {
			faults = append(faults, eventbus.Fault{Path: "topic.partitions", Message: fmt.Sprintf("topic %s has %d; Kafka cannot take partitions away", t.Topic.Name, t.Topic.Partitions),
				Fix: fmt.Sprintf("write %d or more", t.Topic.Partitions)})
		}
	}
	level, known := eventbus.ParseCompatibility(string(c.Schema.Compatibility))
	if known && e.Compatibility != "" && level.Weaker(e.Compatibility) && strings.TrimSpace(c.Schema.CompatibilityReason) == "" {
		faults = append(faults, eventbus.Fault{Path: "schema.compatibilityReason", Message: fmt.Sprintf("is missing: %s lets changes pass that %s refuses", level, e.Compatibility),
			Fix: "say why weaker checks are enough"})
	}
	more, err := s.compatible(ctx, c, e)
	return append(faults, more...), err
}

// compatible checks a new schema against the registered versions of each
// environment's subject, as the registry will do when it is provisioned.
func (s *Service) compatible(ctx context.Context, c *ChangeContent, e eventbus.Event) ([]eventbus.Fault, error) {
	if c.Schema.Value == "" || s.sources.Schemas == nil {
		return nil, nil
	}
	candidate, err := avro.Parse(c.Schema.Value, avro.Options{})
	if err != nil {
		return nil, nil // Validate has said so
	}
	level := c.Schema.Compatibility
	if level == "" {
		level = e.Compatibility
	}
	var faults []eventbus.Fault
	for _, t := range e.Topics {
		versions, err := s.sources.Schemas.Versions(ctx, eventbus.ValueSubject(t.Name))
		if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
			return nil, err
		}
		for _, why := range Incompatibilities(level, candidate, versions) {
			faults = append(faults, eventbus.Fault{Path: "schema.value", Message: "in " + t.Environment + ": " + why, Fix: "see the difference in the request; give new fields a default, keep those that are read"})
		}
	}
	return faults, nil
}

// Incompatibilities says why a schema may not follow the versions of a
// subject (oldest first) under a level; none: it may. The empty level means
// BACKWARD, the registry's default.
func Incompatibilities(level eventbus.Compatibility, candidate *avro.Schema, versions []eventbus.Schema) []string {
	if level == "" {
		level = eventbus.CompatibilityBackward
	}
	if level == eventbus.CompatibilityNone || len(versions) == 0 {
		return nil
	}
	name := string(level)
	if !strings.HasSuffix(name, "_TRANSITIVE") {
		versions = versions[len(versions)-1:]
	}
	both := strings.HasPrefix(name, "FULL")
	var reasons []string
	for _, v := range versions {
		old, err := avro.Parse(v.Text, avro.Options{Lax: true})
		if err != nil {
			continue
		}
		if both || strings.HasPrefix(name, "BACKWARD") {
			for _, i := range avro.Compatible(candidate, old) {
				reasons = append(reasons, fmt.Sprintf("consumers with the new schema cannot read version %d: %s", v.Version, i.Message))
			}
		}
		if both || strings.HasPrefix(name, "FORWARD") {
			for _, i := range avro.Compatible(old, candidate) {
				reasons = append(reasons, fmt.Sprintf("consumers with version %d cannot read the new schema: %s", v.Version, i.Message))
			}
		}
	}
	return reasons
}

// notice: removal needs the notice, or a reason why not, which two approvers
// then accept; a date that consumers know never moves earlier.
func (s *Service) notice(c *OffboardingContent, e eventbus.Event) []eventbus.Fault {
	var faults []eventbus.Fault
	earliest := s.now().AddDate(0, s.cfg.RemovalMonths, 0).Format(time.DateOnly)
	if c.RemovalDate != "" && c.RemovalDate < earliest && c.OverrideNotice == "" {
		faults = append(faults, eventbus.Fault{Path: "removalDate", Message: fmt.Sprintf("%s is less than %d months ahead", c.RemovalDate, s.cfg.RemovalMonths),
			Fix: "write " + earliest + " or later, or say in overrideNotice why consumers need no more time; two people approve that"})
	}
	if c.Consumer == "" && e.RemovalDate != "" && s.removalFrom(c.RemovalDate, s.now()) < e.RemovalDate && c.OverrideNotice == "" {
		faults = append(faults, eventbus.Fault{Path: "removalDate", Message: "the catalog promises " + e.RemovalDate + "; a removal date never moves earlier", Fix: "write " + e.RemovalDate + " or later"})
	}
	return faults
}
