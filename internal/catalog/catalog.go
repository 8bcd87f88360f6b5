package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of a Catalog; the zero value works.
type Config struct {
	APIVersion  string           // of exported Event entities; default backstage.io/v1alpha1
	Operator    string           // Group that is always exported; default event-bus
	HideBrokers bool             // leave broker addresses out of exports
	PollEvery   time.Duration    // how often Run looks for changes; default 2 s
	Now         func() time.Time // default time.Now
}

func (c Config) withDefaults() Config {
	if c.APIVersion == "" {
		c.APIVersion = DefaultAPIVersion
	}
	if c.Operator == "" {
		c.Operator = "event-bus"
	}
	if c.PollEvery == 0 {
		c.PollEvery = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// DefaultAPIVersion is what the VA's own entities use. Backstage keeps the
// group for its project; another one can be set in Config.
const DefaultAPIVersion = "backstage.io/v1alpha1"

// EventStore keeps events; CatalogVersion moves with every change of an event
// or system.
type EventStore interface {
	SaveEvent(ctx context.Context, e eventbus.Event, audit ...eventbus.AuditEntry) (eventbus.Event, error)
	Event(ctx context.Context, name string) (eventbus.Event, error)
	Events(ctx context.Context) ([]eventbus.Event, error)
	DeleteEvent(ctx context.Context, name string, audit ...eventbus.AuditEntry) error
	CatalogVersion(ctx context.Context) (int64, error)
}

// SystemStore keeps consuming systems.
type SystemStore interface {
	SaveSystem(ctx context.Context, s eventbus.System, audit ...eventbus.AuditEntry) (eventbus.System, error)
	Systems(ctx context.Context) ([]eventbus.System, error)
}

// Catalog is the event catalog. It is safe for concurrent use; searches run on
// an index in memory that follows the store, other instances' changes included.
type Catalog struct {
	cfg      Config
	events   EventStore
	systems  SystemStore
	index    atomic.Pointer[index]
	stale    atomic.Bool // this instance wrote after index was built
	building sync.Mutex

	exported  atomic.Pointer[exportedAll]
	exporting sync.Mutex
}

// New makes a Catalog; nothing is read until the first search or Run.
func New(cfg Config, events EventStore, systems SystemStore) *Catalog {
	return &Catalog{cfg: cfg.withDefaults(), events: events, systems: systems}
}

// Run keeps the index up to date until the context ends. While the store
// cannot be read the last index stays in use.
func (c *Catalog) Run(ctx context.Context) error {
	ticker := time.NewTicker(c.cfg.PollEvery)
	defer ticker.Stop()
	for {
		if err := c.Refresh(ctx); err != nil && ctx.Err() == nil && eventbus.CodeOf(err) != eventbus.CodeUnavailable {
			return fmt.Errorf("catalog: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Refresh rebuilds the index when the catalog has changed since it was built.
func (c *Catalog) Refresh(ctx context.Context) error {
	c.building.Lock()
	defer c.building.Unlock()
	c.stale.Store(false) // before the events: what is written from now on counts again
	if err := c.rebuild(ctx); err != nil {
		c.stale.Store(true)
		return err
	}
	return nil
}

// rebuild reads what Refresh shows. The caller holds c.building.
func (c *Catalog) rebuild(ctx context.Context) error {
	version, err := c.events.CatalogVersion(ctx) // before the events: a change in between is seen next time
	if err != nil {
		return err
	}
	if old := c.index.Load(); old != nil && old.version == version {
		return nil
	}
	events, err := c.events.Events(ctx)
	if err != nil {
		return err
	}
	systems, err := c.systems.Systems(ctx)
	if err != nil {
		return err
	}
	c.index.Store(buildIndex(version, events, systems))
	return nil
}

// current gives the index with all that this instance has written. It is the
// reader who builds it anew, not the writer: who imports a thousand events would
// build it a thousand times.
func (c *Catalog) current(ctx context.Context) (*index, error) {
	last := c.index.Load()
	if last != nil && !c.stale.Load() {
		return last, nil
	}
	if err := c.Refresh(ctx); err != nil && last == nil {
		return nil, err
	}
	return c.index.Load(), nil
}

// Picture is the catalog as searches see it: Event without schema and one-pager.
// What it holds must not be changed.
type Picture struct {
	Version int64 // another one means that something may have changed
	Events  []eventbus.Event
	Systems []eventbus.System
}

// Picture gives the whole catalog from memory, at most Config.PollEvery old.
func (c *Catalog) Picture(ctx context.Context) (Picture, error) {
	i, err := c.current(ctx)
	if err != nil {
		return Picture{}, err
	}
	return Picture{i.version, i.events, i.systems}, nil
}

// Event gives one event by name, CodeNotFound when there is none.
func (c *Catalog) Event(ctx context.Context, name string) (eventbus.Event, error) {
	return c.events.Event(ctx, name)
}

// Events gives all events, sorted by name.
func (c *Catalog) Events(ctx context.Context) ([]eventbus.Event, error) {
	events, err := c.events.Events(ctx)
	sort.Slice(events, func(i, j int) bool { return events[i].Name < events[j].Name })
	return events, err
}

// Systems gives all consuming systems, sorted by name.
func (c *Catalog) Systems(ctx context.Context) ([]eventbus.System, error) {
	systems, err := c.systems.Systems(ctx)
	sort.Slice(systems, func(i, j int) bool {
		return systems[i].Name < systems[j].Name || systems[i].Name == systems[j].Name && systems[i].Kind < systems[j].Kind
	})
	return systems, err
}

// Consumer is who consumes an event, by declaration (its system subscribes),
// by grant, or both.
type Consumer struct {
	System   string           `json:"system,omitempty"`
	Title    string           `json:"title,omitempty"`
	Team     string           `json:"team,omitempty"`
	Declared bool             `json:"declared"`         // its entity has subscribesToEvent
	Grants   []eventbus.Grant `json:"grants,omitempty"` // in force
}

// Consumers lists who consumes an event: the systems that subscribe to it and
// the grants that are handed in, joined by system.
func (c *Catalog) Consumers(ctx context.Context, event string, grants []eventbus.Grant) ([]Consumer, error) {
	picture, err := c.Picture(ctx)
	if err != nil {
		return nil, err
	}
	var list []Consumer
	for _, s := range picture.Systems {
		if slices.Contains(s.Subscribes, event) {
			list = append(list, Consumer{System: s.Name, Title: s.Title, Team: s.Owner, Declared: true})
		}
	}
	for _, g := range grants {
		if g.Event != event || g.Direction != eventbus.Consumed || !g.Active() {
			continue
		}
		i := slices.IndexFunc(list, func(c Consumer) bool { return c.System == g.System && g.System != "" })
		if i < 0 {
			i = slices.IndexFunc(list, func(c Consumer) bool { return c.System == g.System && c.Team == g.Team })
		}
		if i < 0 {
			list = append(list, Consumer{System: g.System, Team: g.Team})
			i = len(list) - 1
		}
		list[i].Grants = append(list[i].Grants, g)
	}
	return list, nil
}

// Put writes an event into the catalog: a person of the owning team (and of
// the team that owned it so far), an operator, or the bus itself may. A zero
// Version means "as it stands now"; otherwise CodeConflict tells that somebody
// else wrote meanwhile. CodeInvalid lists every fault.
func (c *Catalog) Put(ctx context.Context, actor eventbus.Actor, e eventbus.Event) (eventbus.Event, error) {
	if faults := Validate(e); len(faults) > 0 {
		return eventbus.Event{}, eventbus.Invalid("event "+e.Name+" was not written", faults...)
	}
	old, err := c.events.Event(ctx, e.Name)
	if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return eventbus.Event{}, err
	}
	if err := mayWrite(actor, e.Name, old.Owner, e.Owner); err != nil {
		return eventbus.Event{}, err
	}
	if e.Version == 0 {
		e.Version = old.Version
	}
	e.UpdatedAt = c.now()
	saved, err := c.events.SaveEvent(ctx, e, c.entry(actor, "catalog.event.put", e.Name, e.Source))
	if err != nil {
		return eventbus.Event{}, err
	}
	c.stale.Store(true)
	return saved, nil
}

// PutSystem writes a consuming system under the same rule.
func (c *Catalog) PutSystem(ctx context.Context, actor eventbus.Actor, s eventbus.System) (eventbus.System, error) {
	known, err := c.knownSystems(ctx)
	if err != nil {
		return eventbus.System{}, err
	}
	return c.putSystem(ctx, actor, s, known)
}

// systemKey is what a system is known by, as in Backstage.
type systemKey struct{ kind, name string }

func (c *Catalog) knownSystems(ctx context.Context) (map[systemKey]eventbus.System, error) {
	systems, err := c.systems.Systems(ctx)
	known := make(map[systemKey]eventbus.System, len(systems))
	for _, s := range systems {
		known[systemKey{s.Kind, s.Name}] = s
	}
	return known, err
}

// putSystem is PutSystem over the systems that are known; it adds what it writes
// to them.
func (c *Catalog) putSystem(ctx context.Context, actor eventbus.Actor, s eventbus.System, known map[systemKey]eventbus.System) (eventbus.System, error) {
	if faults := ValidateSystem(s); len(faults) > 0 {
		return eventbus.System{}, eventbus.Invalid("system "+s.Name+" was not written", faults...)
	}
	old := known[systemKey{s.Kind, s.Name}]
	if err := mayWrite(actor, s.Name, old.Owner, s.Owner); err != nil {
		return eventbus.System{}, err
	}
	if s.Version == 0 {
		s.Version = old.Version
	}
	saved, err := c.systems.SaveSystem(ctx, s, c.entry(actor, "catalog.system.put", s.Name, s.Source))
	if err != nil {
		return eventbus.System{}, err
	}
	known[systemKey{s.Kind, s.Name}] = saved
	c.stale.Store(true)
	return saved, nil
}

// Subscribe notes that a system consumes an event, keeping what else is known
// of the system: what the bus does when a consumer's access is provisioned.
func (c *Catalog) Subscribe(ctx context.Context, actor eventbus.Actor, s eventbus.System) (eventbus.System, error) {
	systems, err := c.systems.Systems(ctx)
	if err != nil {
		return eventbus.System{}, err
	}
	for _, old := range systems {
		if old.Name == s.Name && old.Kind == s.Kind {
			for _, event := range s.Subscribes {
				if !slices.Contains(old.Subscribes, event) {
					old.Subscribes = append(slices.Clone(old.Subscribes), event)
				}
			}
			s = old
		}
	}
	return c.PutSystem(ctx, actor, s)
}

// Delete takes an event out of the catalog; the bus itself and operators may.
func (c *Catalog) Delete(ctx context.Context, actor eventbus.Actor, name string) error {
	if actor.System == "" && !actor.Person.Has(eventbus.RoleOperator) {
		return eventbus.Errorf(eventbus.CodeForbidden, "events leave the catalog by offboarding, or by an operator; %s was not deleted", name)
	}
	if err := c.events.DeleteEvent(ctx, name, c.entry(actor, "catalog.event.delete", name, "")); err != nil {
		return err
	}
	c.stale.Store(true)
	return nil
}

// mayWrite: the bus, operators, and members of the old and the new owner.
func mayWrite(actor eventbus.Actor, name, oldOwner, newOwner string) error {
	p := actor.Person
	if actor.System != "" || p.Has(eventbus.RoleOperator) {
		return nil
	}
	if !p.In(newOwner) || oldOwner != "" && !p.In(oldOwner) {
		owner := newOwner
		if oldOwner != "" {
			owner = oldOwner
		}
		return eventbus.Errorf(eventbus.CodeForbidden, "%s belongs to team %s, and you do not; it was not written", name, owner)
	}
	return nil
}

func (c *Catalog) now() time.Time { return c.cfg.Now().UTC().Truncate(time.Microsecond) }

func (c *Catalog) entry(actor eventbus.Actor, action, name, source string) eventbus.AuditEntry {
	e := eventbus.AuditEntry{Time: c.now(), Actor: actor.Name(), Action: action, Resource: name, Outcome: eventbus.OutcomeAllowed, From: actor.From}
	if source != "" {
		e.Detail = map[string]string{"source": source}
	}
	return e
}

// Imported tells what an import did.
type Imported struct {
	Events  []string         `json:"events,omitempty"`
	Systems []string         `json:"systems,omitempty"`
	Skipped []string         `json:"skipped,omitempty"` // kinds that the bus does not keep: "Group claims"
	Faults  []eventbus.Fault `json:"faults,omitempty"`  // of documents that were not taken
}

// Import reads a catalog-info.yaml and writes its events and systems. What is
// faulty is reported, and an event that is in the catalog keeps its last good
// content and shows the faults; the rest is written all the same.
func (c *Catalog) Import(ctx context.Context, actor eventbus.Actor, text []byte, source string) (Imported, error) {
	entities, err := Read(text, source)
	if err != nil && entities.empty() && len(entities.Faulty) == 0 {
		return Imported{}, err
	}
	report := Imported{Faults: eventbus.FaultsOf(err), Skipped: entities.Others}
	err = c.take(ctx, actor, entities, source, &report)
	return report, partly(err, report)
}

// partly adds to the error of an import what was written before it.
func partly(err error, report Imported) error {
	var e *eventbus.Error
	written := len(report.Events) + len(report.Systems)
	if !errors.As(err, &e) || written == 0 {
		return err
	}
	told := *e
	told.Message += fmt.Sprintf("; %d entities before it were", written)
	return &told
}

// take writes what was read and notes it in the report, up to the first thing
// that cannot be written.
func (c *Catalog) take(ctx context.Context, actor eventbus.Actor, entities Entities, source string, report *Imported) error {
	for _, e := range entities.Events {
		e.Source = source
		if old, err := c.events.Event(ctx, e.Name); err == nil {
			e = keepMeasured(e, old)
		}
		if _, err := c.Put(ctx, actor, e); err != nil {
			return err
		}
		report.Events = append(report.Events, e.Name)
	}
	var known map[systemKey]eventbus.System
	for _, s := range entities.Systems {
		if known == nil {
			var err error
			if known, err = c.knownSystems(ctx); err != nil {
				return err
			}
		}
		s.Source = source
		if _, err := c.putSystem(ctx, actor, s, known); err != nil {
			return err
		}
		report.Systems = append(report.Systems, s.Name)
	}
	for _, name := range entities.Faulty {
		if err := c.noteProblems(ctx, actor, name, report.Faults); err != nil {
			return err
		}
	}
	return nil
}

// keepMeasured keeps what the bus itself knows and a file leaves out.
func keepMeasured(e, old eventbus.Event) eventbus.Event {
	if e.AverageDailyEvents == 0 {
		e.AverageDailyEvents = old.AverageDailyEvents
	}
	if e.OnePager == "" {
		e.OnePager = old.OnePager
	}
	if len(e.DataClasses) == 0 {
		e.DataClasses = old.DataClasses
	}
	for i := range e.Topics {
		if known, ok := old.TopicIn(e.Topics[i].Environment); ok && known.Name == e.Topics[i].Name {
			if len(e.Topics[i].BrokerAddresses) == 0 {
				e.Topics[i].BrokerAddresses = known.BrokerAddresses
			}
			if e.Topics[i].SchemaID == 0 {
				e.Topics[i].SchemaID, e.Topics[i].SchemaVersion = known.SchemaID, known.SchemaVersion
			}
		}
	}
	return e
}

func (c *Catalog) noteProblems(ctx context.Context, actor eventbus.Actor, name string, faults []eventbus.Fault) error {
	e, err := c.events.Event(ctx, name)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := mayWrite(actor, name, e.Owner, e.Owner); err != nil {
		return err
	}
	e.Problems = faults[:min(len(faults), 20)]
	_, err = c.events.SaveEvent(ctx, e, c.entry(actor, "catalog.event.problems", name, e.Source))
	c.stale.Store(true)
	return err
}
