package catalog

import (
	"context"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// EventOfTopic gives the event that has a topic, and in which environment;
// CodeNotFound when none has.
func (c *Catalog) EventOfTopic(ctx context.Context, topic string) (eventbus.Event, string, error) {
	if err := c.Refresh(ctx); err != nil {
		return eventbus.Event{}, "", err
	}
	x, err := c.current(ctx)
	if err != nil {
		return eventbus.Event{}, "", err
	}
	known, ok := x.topics[topic]
	if !ok {
		return eventbus.Event{}, "", eventbus.Errorf(eventbus.CodeNotFound, "no event has the topic %s", topic)
	}
	e, err := c.Event(ctx, x.events[known.entry].Name)
	return e, known.environment, err
}

// MayReadRecords reports whether a person may look at records of an event in an
// environment: who belongs to the team that owns the event, or to one that holds
// a grant to consume it there. Roles give no such right (product.md, "Roles of
// people").
func MayReadRecords(p eventbus.Person, e eventbus.Event, environment string, grants []eventbus.Grant) bool {
	return p.In(e.Owner) || slices.ContainsFunc(grants, func(g eventbus.Grant) bool {
		return g.Active() && g.Event == e.Name && g.Environment == environment && g.Direction == eventbus.Consumed && p.In(g.Team)
	})
}

// Check says what Import would take from a text, and writes nothing.
func Check(text []byte, source string) (Imported, error) {
	entities, err := Read(text, source)
	if err != nil && entities.empty() && len(entities.Faulty) == 0 {
		return Imported{}, err
	}
	report := Imported{Faults: eventbus.FaultsOf(err), Skipped: entities.Others}
	for _, e := range entities.Events {
		report.Events = append(report.Events, e.Name)
	}
	for _, s := range entities.Systems {
		report.Systems = append(report.Systems, s.Name)
	}
	return report, nil
}
