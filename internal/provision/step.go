package provision

import (
	"context"
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
	wanted  map[string]eventbus.EventManifest // as stored; read once, when needed
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

// effects is the closed list of what a plan can do.
var effects = map[eventbus.ResourceKind]map[eventbus.ChangeAction]func(*job, context.Context, eventbus.Change) error{
	eventbus.ResourceEnvironment: {eventbus.ActionCreate: (*job).environments, eventbus.ActionUpdate: (*job).environments},
	eventbus.ResourceTopic: {eventbus.ActionCreate: (*job).createTopic, eventbus.ActionDelete: (*job).deleteTopic,
		// Taking a topic under management, and into quarantine, is written in
		// the wanted state; access to it is ended by changes of its own.
		eventbus.ActionUpdate: (*job).nothing, eventbus.ActionQuarantine: (*job).nothing},
	eventbus.ResourceTopicConfig:   {eventbus.ActionUpdate: (*job).config},
	eventbus.ResourcePartitions:    {eventbus.ActionUpdate: (*job).partitions},
	eventbus.ResourceCompatibility: {eventbus.ActionCreate: (*job).compatibility, eventbus.ActionUpdate: (*job).compatibility},
	eventbus.ResourceSchema:        {eventbus.ActionCreate: (*job).schema},
	eventbus.ResourceGuard:         {eventbus.ActionUpdate: (*job).guard},
	eventbus.ResourcePrincipal:     {eventbus.ActionCreate: (*job).principal, eventbus.ActionUpdate: (*job).principal, eventbus.ActionDelete: (*job).removePrincipal},
	eventbus.ResourcePolicy:        {eventbus.ActionCreate: (*job).policy, eventbus.ActionUpdate: (*job).policy, eventbus.ActionDelete: (*job).policy},
	eventbus.ResourceGrant:         {eventbus.ActionCreate: (*job).grant, eventbus.ActionUpdate: (*job).grant, eventbus.ActionDelete: (*job).revoke},
	eventbus.ResourceCatalog:       {eventbus.ActionCreate: (*job).entry, eventbus.ActionUpdate: (*job).entry},
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

func (p *Provisioner) fail(point string) error {
	if p.cfg.Failpoint == nil {
		return nil
	}
	if err := p.cfg.Failpoint(point); err != nil {
		return crashed{err}
	}
	return nil
}

func (j *job) do(ctx context.Context, c eventbus.Change) error {
	effect := effects[c.Resource][c.Action]
	if effect == nil {
		return eventbus.Errorf(eventbus.CodeInvalid, "a plan cannot %s a %s", c.Action, c.Resource)
	}
	return effect(j, ctx, c)
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

func (j *job) createTopic(ctx context.Context, c eventbus.Change) error {
	t, err := j.topic(c)
	if err != nil {
		return err
	}
	err = j.p.world.Topics.CreateTopic(ctx, t.Topic)
	if eventbus.CodeOf(err) != eventbus.CodeConflict {
		return err
	}
	// It is there: by us before a crash, or by somebody who asked for the same.
	have, found, lookErr := j.findTopic(ctx, c.Name)
	if lookErr != nil {
		return lookErr
	}
	same := found && have.Partitions == t.Topic.Partitions
	for name, value := range t.Topic.Configs {
		same = same && sameConfig(name, have.Configs[name], value)
	}
	if !same {
		return fmt.Errorf("somebody else made topic %s meanwhile, with other settings: %w", c.Name, err)
	}
	return nil
}

func (j *job) findTopic(ctx context.Context, name string) (eventbus.Topic, bool, error) {
	topics, err := j.p.world.Topics.Topics(ctx)
	if err != nil {
		return eventbus.Topic{}, false, err
	}
	i := slices.IndexFunc(topics, func(t eventbus.Topic) bool { return t.Name == name })
	if i < 0 {
		return eventbus.Topic{}, false, nil
	}
	return topics[i], true, nil
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
	if have, found, err := j.findTopic(ctx, c.Name); err == nil && found && have.Partitions == int32(total) {
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

// guard writes the wanted state of the event: the gateway reads guards there.
func (j *job) guard(ctx context.Context, c eventbus.Change) error {
	if j.wanted == nil {
		all, err := j.p.world.Wanted.Wanted(ctx)
		if err != nil {
			return err
		}
		j.wanted = byEvent(all)
	}
	wanted := j.wanted[c.Event]
	t, err := j.topic(c)
	if err != nil {
		return err
	}
	if err := j.p.fail(pointGuardChanged); err != nil {
		return err
	}
	wanted.Event = mergeEntry(wanted.Event, j.events[c.Event].Event)
	i := slices.IndexFunc(wanted.Topics, func(h eventbus.TopicManifest) bool { return h.Environment == c.Environment })
	if i < 0 {
		wanted.Topics = append(slices.Clone(wanted.Topics), t)
	} else {
		wanted.Topics = slices.Clone(wanted.Topics)
		wanted.Topics[i].Guard, wanted.Topics[i].GuardSubjects = t.Guard, t.GuardSubjects
	}
	if err := j.p.world.Wanted.SaveWanted(ctx, wanted); err != nil {
		return err
	}
	j.wanted[c.Event] = wanted
	return nil
}

func byEvent(list []eventbus.EventManifest) map[string]eventbus.EventManifest {
	events := make(map[string]eventbus.EventManifest, len(list))
	for _, m := range list {
		events[m.Event.Name] = m
	}
	return events
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

// keepWanted saves what the plan's manifest wants of each event, laid over what
// was wanted before; an event of which nothing changes is not written.
func (p *Provisioner) keepWanted(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan) error {
	if len(plan.Manifest.Events) == 0 {
		return nil
	}
	all, err := p.world.Wanted.Wanted(ctx)
	if err != nil {
		return fmt.Errorf("read the wanted state: %w", err)
	}
	before := byEvent(all)
	deleted := map[string]bool{}
	for _, c := range plan.Changes {
		if c.Resource == eventbus.ResourceTopic && c.Action == eventbus.ActionDelete {
			deleted[c.Name] = true
		}
	}
	for _, e := range plan.Manifest.Events {
		have := before[e.Event.Name]
		want := mergeWanted(have, e, deleted, plan)
		if maps.EqualFunc(fieldsOf(have), fieldsOf(want), slices.Equal) {
			continue
		}
		if err := p.world.Wanted.SaveWanted(ctx, want, p.entry(actor, plan, "provision.wanted", e.Event.Name, eventbus.OutcomeAllowed)); err != nil {
			return fmt.Errorf("save the wanted state of %s: %w", e.Event.Name, err)
		}
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
