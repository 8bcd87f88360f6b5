package provision

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Plan gives the exact difference between a manifest and the world: the same
// plan for the same manifest and world, Empty when there is nothing to change.
// What cannot be done is CodeInvalid with a fault for everything that stands in
// the way; nothing is changed or recorded.
func (p *Provisioner) Plan(ctx context.Context, m eventbus.Manifest) (eventbus.Plan, error) {
	plan, problems, err := p.plan(ctx, m)
	if err != nil {
		return eventbus.Plan{}, err
	}
	if len(problems) > 0 {
		invalid := eventbus.Invalid("no plan was made", problems.faults()...)
		invalid.Next = "correct the manifest and plan again"
		return eventbus.Plan{}, invalid
	}
	return plan, nil
}

// plan is Plan with the problems beside the changes.
func (p *Provisioner) plan(ctx context.Context, m eventbus.Manifest) (eventbus.Plan, problems, error) {
	return p.compare(ctx, m, false)
}

// compare looks at the world, at some principals only as they were a while ago when
// sparing, and gives what is different.
func (p *Provisioner) compare(ctx context.Context, m eventbus.Manifest, sparing bool) (eventbus.Plan, problems, error) {
	now, before := p.now(), p.cfg.Environments()
	begin := func(s *seen) *differ {
		d := &differ{now: now, quarantine: p.cfg.Quarantine, places: p.places(), before: before, envs: overlay(before, m.Environments), seen: s}
		d.m = complete(m, d.envs, &d.problems)
		return d
	}
	d := begin(nil)
	var err error
	if d.seen, err = p.look(ctx, d.m, sparing); err != nil {
		return eventbus.Plan{}, nil, err
	}
	d.diff()
	if sparing {
		again, err := p.lookAgain(ctx, d.seen, d.changes, d.problems)
		if err != nil {
			return eventbus.Plan{}, nil, err
		}
		if again {
			d = begin(d.seen)
			d.diff()
		}
	}
	return eventbus.Plan{ID: p.cfg.NewID(), Source: m.Source, Changes: d.changes, WorldHash: d.seen.hash(d.m, d.before),
		MadeAt: d.now, Manifest: d.m}, d.problems, nil
}

// differ compares; it is pure.
type differ struct {
	now        time.Time
	quarantine time.Duration
	places     places
	before     []eventbus.Environment
	envs       []eventbus.Environment // as they will be
	m          eventbus.Manifest      // completed; grants get their topics
	seen       *seen
	named      map[[2]string]string // event and environment → topic in the manifest, made when needed
	metrics    map[string]string    // topic names as metric names, made when needed
	fresh      map[string]bool      // subjects that get a new version, or cannot
	changes    []eventbus.Change
	problems   problems
}

func (d *differ) add(c eventbus.Change) { d.changes = append(d.changes, c) }

func (d *differ) diff() {
	d.fresh = map[string]bool{}
	d.diffEnvironments()
	for _, e := range d.m.Events {
		for _, t := range e.Topics {
			if env, known := environment(d.envs, t.Environment); known {
				d.diffTopic(e.Event, t, env)
			}
		}
		for _, env := range e.Remove {
			d.remove(e.Event.Name, env)
		}
		d.diffEntry(e)
	}
	d.diffAccess()
	d.sort()
}

// sort brings the changes into the order in which they are applied.
func (d *differ) sort() {
	rank := map[eventbus.ResourceKind]int{}
	for i, kind := range eventbus.ResourceKinds() {
		rank[kind] = i
	}
	order := func(c eventbus.Change) int {
		if c.Destructive() {
			return 1000 - rank[c.Resource]
		}
		return rank[c.Resource]
	}
	slices.SortStableFunc(d.changes, func(a, b eventbus.Change) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), strings.Compare(a.Event, b.Event),
			cmp.Compare(orderOf(d.envs, a.Environment), orderOf(d.envs, b.Environment)),
			strings.Compare(a.Name, b.Name), strings.Compare(a.Field, b.Field))
	})
}

func (d *differ) diffEnvironments() {
	for _, f := range eventbus.ValidateEnvironments(d.envs) {
		d.problems = append(d.problems, problem{f, eventbus.Change{Resource: eventbus.ResourceEnvironment, Note: f.Message}})
	}
	for _, want := range d.m.Environments {
		c := eventbus.Change{Action: eventbus.ActionCreate, Resource: eventbus.ResourceEnvironment, Environment: want.Name, Name: want.Name}
		have, exists := environment(d.before, want.Name)
		if !exists {
			c.New = fmt.Sprintf("prefix %s", want.Prefix)
			d.add(c)
			continue
		}
		if have.Prefix != want.Prefix {
			d.keepPrefix(c, have, want)
		}
		c.Action = eventbus.ActionUpdate
		for _, f := range differences(fieldsOf(have), fieldsOf(want.At(have))) {
			c.Field, c.Old, c.New = f.name, f.old, f.new
			// Letting personal data in, or dropping production's own approval,
			// weakens a rule.
			c.NeedsApproval = f.name == "phi" && want.PHI || f.name == "production" && !want.Production
			d.add(c)
		}
	}
}

func (d *differ) keepPrefix(c eventbus.Change, have, want eventbus.Environment) {
	for _, name := range slices.Sorted(maps.Keys(d.seen.owners)) {
		if strings.HasPrefix(name, have.Prefix) {
			d.problems.add(c, "environments["+want.Name+"].prefix", fmt.Sprintf("topic %s is wanted under the prefix %s", name, have.Prefix), "keep the prefix, or remove its topics first")
			return
		}
	}
}
