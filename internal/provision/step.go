package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// job is one plan being applied. Every method makes one change true, and is
// harmless when it is true already.
type job struct {
	p       *Provisioner
	actor   eventbus.Actor
	plan    eventbus.Plan
	envs    []eventbus.Environment
	events  map[string]eventbus.EventManifest
	grants  map[string]eventbus.Grant   // of the manifest, by id
	of      map[string][]eventbus.Grant // of the manifest, by principal
	revoked map[string]bool
}

func (p *Provisioner) job(actor eventbus.Actor, plan eventbus.Plan) *job {
	j := &job{p: p, actor: actor, plan: plan, envs: overlay(p.cfg.Environments(), plan.Manifest.Environments), revoked: revokedBy(plan.Changes),
		events: map[string]eventbus.EventManifest{}, grants: map[string]eventbus.Grant{}, of: map[string][]eventbus.Grant{}}
	for _, e := range plan.Manifest.Events {
		j.events[e.Event.Name] = e
	}
	for _, g := range plan.Manifest.Grants {
		j.grants[g.ID] = g
		j.of[g.Principal] = append(j.of[g.Principal], g)
	}
	return j
}

// effect does steps of one kind and gives what became of each, in their order.
type effect func(*job, context.Context, []eventbus.Step) []error

// effects is the closed list of what a plan can do.
var effects = map[eventbus.ResourceKind]map[eventbus.ChangeAction]effect{
	eventbus.ResourceEnvironment: {eventbus.ActionCreate: each((*job).environments), eventbus.ActionUpdate: each((*job).environments)},
	eventbus.ResourceTopic: {eventbus.ActionCreate: (*job).createTopics, eventbus.ActionDelete: each((*job).deleteTopic),
		// Taking a topic under management, and into quarantine, is written in
		// the wanted state; access to it is ended by changes of its own.
		eventbus.ActionUpdate: each((*job).nothing), eventbus.ActionQuarantine: each((*job).nothing)},
	eventbus.ResourceTopicConfig:   {eventbus.ActionUpdate: each((*job).config)},
	eventbus.ResourcePartitions:    {eventbus.ActionUpdate: each((*job).partitions)},
	eventbus.ResourceCompatibility: {eventbus.ActionCreate: each((*job).compatibility), eventbus.ActionUpdate: each((*job).compatibility)},
	eventbus.ResourceSchema:        {eventbus.ActionCreate: each((*job).schema)},
	eventbus.ResourceGuard:         {eventbus.ActionUpdate: (*job).guards},
	eventbus.ResourcePrincipal:     {eventbus.ActionCreate: each((*job).principal), eventbus.ActionUpdate: each((*job).principal), eventbus.ActionDelete: each((*job).removePrincipal)},
	eventbus.ResourcePolicy:        {eventbus.ActionCreate: each((*job).policy), eventbus.ActionUpdate: each((*job).policy), eventbus.ActionDelete: each((*job).policy)},
	eventbus.ResourceGrant:         {eventbus.ActionCreate: each((*job).grant), eventbus.ActionUpdate: each((*job).grant), eventbus.ActionDelete: each((*job).revoke)},
	eventbus.ResourceCatalog:       {eventbus.ActionCreate: each((*job).entry), eventbus.ActionUpdate: each((*job).entry)},
}

// errNotBegun is the outcome of a step that waits because one before it failed.
var errNotBegun = errors.New("not begun: a step before it was not done")

// each does one step after the other; after one that failed the others are not
// begun.
func each(do func(*job, context.Context, eventbus.Change) error) effect {
	return func(j *job, ctx context.Context, steps []eventbus.Step) []error {
		outcomes := make([]error, len(steps))
		for i, s := range steps {
			if i > 0 && outcomes[i-1] != nil {
				outcomes[i] = errNotBegun
				continue
			}
			if outcomes[i] = j.p.fail(pointOf(s.Change) + "/before"); outcomes[i] == nil {
				outcomes[i] = do(j, ctx, s.Change)
			}
		}
		return outcomes
	}
}

// all is the outcome of steps that are done together, or not at all.
func all(steps []eventbus.Step, err error) []error {
	outcomes := make([]error, len(steps))
	for i := range outcomes {
		outcomes[i] = err
	}
	return outcomes
}

// The points between effects where a crash must do no harm, besides the two
// around each effect.
const (
	pointPlanSaved    = "plan/saved"          // the plan is recorded, no step is
	pointPrincipal    = "principal/made"      // the user is there, its key is not
	pointKeyMade      = "principal/key-made"  // the key is there, nobody was offered it
	pointWanted       = "wanted/saved"        // the wanted state is saved, the last step is not recorded
	pointEntryChanged = "catalog/looked-up"   // the entry was read and not yet saved
	pointGuardChanged = "schema-guard/merged" // likewise the wanted state
)

// Failpoints lists every point where Config.Failpoint is called: before and
// after each kind of change, and those within one.
func Failpoints() []string {
	points := []string{pointPlanSaved, pointPrincipal, pointKeyMade, pointWanted, pointEntryChanged, pointGuardChanged}
	for resource, actions := range effects {
		for action := range actions {
			point := pointOf(eventbus.Change{Resource: resource, Action: action})
			points = append(points, point+"/before", point+"/after")
		}
	}
	slices.Sort(points)
	return points
}

func pointOf(c eventbus.Change) string { return string(c.Resource) + "/" + string(c.Action) }

// crashed is a failpoint's error: nothing is recorded after it.
type crashed struct{ error }

func (c crashed) Unwrap() error { return c.error }

// failEach passes a point once for each step.
func (p *Provisioner) failEach(steps []eventbus.Step, point string) error {
	for _, s := range steps {
		if err := p.fail(pointOf(s.Change) + point); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provisioner) fail(point string) error {
	if p.cfg.Failpoint == nil {
		return nil
	}
	if err := p.cfg.Failpoint(point); err != nil {
		return crashed{err}
	}
	return nil
}

func (j *job) do(ctx context.Context, steps []eventbus.Step) []error {
	c := steps[0].Change
	do := effects[c.Resource][c.Action]
	if do == nil {
		return all(steps, eventbus.Errorf(eventbus.CodeInvalid, "a plan cannot %s a %s", c.Action, c.Resource))
	}
	return do(j, ctx, steps)
}

func (j *job) nothing(context.Context, eventbus.Change) error { return nil }

func (j *job) environments(ctx context.Context, _ eventbus.Change) error {
	return j.p.world.Environments.SaveEnvironments(ctx, j.envs)
}

func (j *job) topic(c eventbus.Change) (eventbus.TopicManifest, error) {
	t, named := j.events[c.Event].Topic(c.Environment)
	if !named {
		return t, eventbus.Errorf(eventbus.CodeCorrupt, "the plan's manifest has no topic of event %s in %s", c.Event, c.Environment)
	}
	return t, nil
}

// createTopics makes the topics of some steps. One that is there was made by us
// before a crash, or by somebody who asked for the same; else it is a conflict.
func (j *job) createTopics(ctx context.Context, steps []eventbus.Step) []error {
	if err := j.p.failEach(steps, "/before"); err != nil {
		return all(steps, err)
	}
	outcomes := make([]error, len(steps))
	var wanted []eventbus.Topic
	var place []int // of each in steps
	for i, s := range steps {
		t, err := j.topic(s.Change)
		if outcomes[i] = err; err == nil {
			wanted, place = append(wanted, t.Topic), append(place, i)
		}
	}
	var have map[string]eventbus.Topic
	for i, err := range j.p.world.Topics.CreateTopics(ctx, wanted) {
		if eventbus.CodeOf(err) == eventbus.CodeConflict {
			if have == nil {
				var failure error
				if have, failure = j.p.topics(ctx); failure != nil {
					return all(steps, failure)
				}
			}
			if err = fmt.Errorf("somebody else made topic %s meanwhile, with other settings: %w", wanted[i].Name, err); asWanted(have, wanted[i]) {
				err = nil
			}
		}
		outcomes[place[i]] = err
	}
	return outcomes
}

func asWanted(topics map[string]eventbus.Topic, want eventbus.Topic) bool {
	have, found := topics[want.Name]
	same := found && have.Partitions == want.Partitions
	for name, value := range want.Configs {
		same = same && sameConfig(name, have.Configs[name], value)
	}
	return same
}

func (j *job) deleteTopic(ctx context.Context, c eventbus.Change) error {
	if err := j.p.world.Topics.DeleteTopic(ctx, c.Name); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return err
	}
	return nil
}

func (j *job) config(ctx context.Context, c eventbus.Change) error {
	if c.New == "" {
		return j.p.world.Topics.SetTopicConfigs(ctx, c.Name, nil, []string{c.Field})
	}
	return j.p.world.Topics.SetTopicConfigs(ctx, c.Name, map[string]string{c.Field: c.New}, nil)
}

func (j *job) partitions(ctx context.Context, c eventbus.Change) error {
	total, err := strconv.ParseInt(c.New, 10, 32)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeCorrupt, "the plan asks for %q partitions", c.New)
	}
	problem := j.p.world.Topics.AddPartitions(ctx, c.Name, int32(total))
	if problem == nil {
		return nil
	}
	if topics, err := j.p.topics(ctx); err == nil && topics[c.Name].Partitions == int32(total) {
		return nil // done before a crash
	}
	return problem
}

func (j *job) compatibility(ctx context.Context, c eventbus.Change) error {
	return j.p.world.Schemas.SetCompatibility(ctx, c.Name, eventbus.Compatibility(c.New))
}

func (j *job) schema(ctx context.Context, c eventbus.Change) error {
	t, err := j.topic(c)
	if err != nil {
		return err
	}
	text := t.ValueSchema
	if c.Name == eventbus.KeySubject(t.Topic.Name) {
		text = t.KeySchema
	}
	_, err = j.p.world.Schemas.Register(ctx, c.Name, text)
	return err
}

// guards writes the wanted state of the steps' events: the gateway reads guards
// there.
func (j *job) guards(ctx context.Context, steps []eventbus.Step) []error {
	if err := j.p.failEach(steps, "/before"); err != nil {
		return all(steps, err)
	}
	stored, err := j.p.wanted(ctx)
	if err != nil {
		return all(steps, err)
	}
	changed := map[string]eventbus.EventManifest{}
	for _, s := range steps {
		c := s.Change
		t, err := j.topic(c)
		if err != nil {
			return all(steps, err)
		}
		wanted, begun := changed[c.Event]
		if !begun {
			wanted = stored[c.Event]
			wanted.Event = mergeEntry(wanted.Event, j.events[c.Event].Event)
			wanted.Topics = slices.Clone(wanted.Topics)
		}
		i := slices.IndexFunc(wanted.Topics, func(h eventbus.TopicManifest) bool { return h.Environment == c.Environment })
		if i < 0 {
			wanted.Topics = append(wanted.Topics, t)
		} else {
			wanted.Topics[i].Guard, wanted.Topics[i].GuardSubjects = t.Guard, t.GuardSubjects
		}
		changed[c.Event] = wanted
	}
	if err := j.p.fail(pointGuardChanged); err != nil {
		return all(steps, err)
	}
	return all(steps, j.p.world.Wanted.SaveWanted(ctx, slices.Collect(maps.Values(changed))))
}

// entry saves the catalog entry as the manifest has it, all fields at once: the
// further changes of the same entry find nothing left to do.
func (j *job) entry(ctx context.Context, c eventbus.Change) error {
	m := j.events[c.Event]
	for attempt := 0; ; attempt++ {
		have, err := j.p.world.Catalog.Event(ctx, c.Event)
		if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
			return err
		}
		exists := err == nil
		want := mergeEntry(have, m.Event)
		if want.Topics, err = j.entryTopics(ctx, have, m); err != nil {
			return err
		}
		if exists && len(differences(entryFields(have), entryFields(want))) == 0 {
			return nil
		}
		if err := j.p.fail(pointEntryChanged); err != nil {
			return err
		}
		want.UpdatedAt, want.Source = j.p.now(), j.plan.Source
		_, err = j.p.world.Catalog.SaveEvent(ctx, want)
		if eventbus.CodeOf(err) != eventbus.CodeConflict || attempt == 3 {
			return err
		}
	}
}

func (j *job) entryTopics(ctx context.Context, have eventbus.Event, m eventbus.EventManifest) ([]eventbus.EventTopic, error) {
	var failure error
	topics := entryTopics(have, m, func(subject string) (eventbus.Schema, bool) {
		s, found, err := j.p.world.Schemas.Latest(ctx, subject)
		if err != nil {
			failure = err
		}
		return s, found
	})
	return topics, failure
}

// wantedAtOnce is how many wanted states are saved in one transaction.
const wantedAtOnce = 100

// keepWanted saves what the plan's manifest wants of each event, laid over what
// was wanted before; an event of which nothing changes is not written.
func (p *Provisioner) keepWanted(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan) error {
	if len(plan.Manifest.Events) == 0 {
		return nil
	}
	before, err := p.wanted(ctx)
	if err != nil {
		return err
	}
	deleted := map[string]bool{}
	for _, c := range plan.Changes {
		if c.Resource == eventbus.ResourceTopic && c.Action == eventbus.ActionDelete {
			deleted[c.Name] = true
		}
	}
	var changed []eventbus.EventManifest
	var entries []eventbus.AuditEntry
	for _, e := range plan.Manifest.Events {
		have := before[e.Event.Name]
		want := mergeWanted(have, e, deleted, plan)
		if !maps.EqualFunc(fieldsOf(have), fieldsOf(want), slices.Equal) {
			changed = append(changed, want)
			entries = append(entries, p.entry(actor, plan, "provision.wanted", e.Event.Name, eventbus.OutcomeAllowed))
		}
	}
	for len(changed) > 0 {
		n := min(len(changed), wantedAtOnce)
		if err := p.world.Wanted.SaveWanted(ctx, changed[:n], entries[:n]...); err != nil {
			return fmt.Errorf("save the wanted state of %s and %d more: %w", changed[0].Event.Name, n-1, err)
		}
		changed, entries = changed[n:], entries[n:]
	}
	return p.fail(pointWanted)
}

// mergeWanted lays a manifest over the wanted state of before, environment by
// environment.
func mergeWanted(have, m eventbus.EventManifest, deleted map[string]bool, plan eventbus.Plan) eventbus.EventManifest {
	want := eventbus.EventManifest{Event: mergeEntry(have.Event, m.Event)}
	want.Event.Topics = nil // they follow from Topics
	want.Event.Version, want.Event.UpdatedAt, want.Event.Source, want.Event.Problems = 0, have.Event.UpdatedAt, "", nil
	for _, t := range have.Topics {
		switch _, named := m.Topic(t.Environment); {
		case named:
		case !slices.Contains(m.Remove, t.Environment):
			want.Topics = append(want.Topics, t)
		case !deleted[t.Topic.Name]:
			want.Quarantined = append(want.Quarantined, eventbus.Quarantine{Environment: t.Environment, Topic: t.Topic.Name, Since: plan.MadeAt})
		}
	}
	want.Topics = append(want.Topics, m.Topics...)
	slices.SortFunc(want.Topics, func(a, b eventbus.TopicManifest) int { return strings.Compare(a.Environment, b.Environment) })
	for _, q := range have.Quarantined {
		if t, named := m.Topic(q.Environment); !deleted[q.Topic] && !(named && t.Topic.Name == q.Topic) {
			want.Quarantined = append(want.Quarantined, q)
		}
	}
	return want
}
