package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// actor is who carries on a plan that a crash cut short.
var actor = eventbus.Actor{System: "provision"}

// maxWait bounds how long Run waits between two tries of a failing step.
const maxWait = time.Hour

// Run resumes what is unfinished and measures drift, once per Config.Interval,
// until the context ends; it gives nil then. What fails is logged and tried
// again, a failing plan less and less often.
func (p *Provisioner) Run(ctx context.Context) error {
	ticker := time.NewTicker(p.cfg.Interval)
	defer ticker.Stop()
	for {
		if err := p.resume(ctx, p.due); err != nil && ctx.Err() == nil {
			p.cfg.Logger.ErrorContext(ctx, "a plan was not carried on; it is tried again", "err", err)
		}
		if changes, err := p.measure(ctx, true); err == nil {
			p.drift.Store(int64(len(changes)))
		} else if ctx.Err() == nil {
			p.cfg.Logger.ErrorContext(ctx, "drift is not known", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Resume carries on every plan that was begun and is not finished, oldest first.
// A plan that fails does not keep the others; the first failure is returned.
func (p *Provisioner) Resume(ctx context.Context) error {
	return p.resume(ctx, func([]eventbus.Step) bool { return true })
}

func (p *Provisioner) resume(ctx context.Context, due func([]eventbus.Step) bool) error {
	ctx, leave, err := p.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	plans, err := p.world.Plans.UnfinishedPlans(ctx)
	if err != nil {
		return fmt.Errorf("look for unfinished plans: %w", err)
	}
	var first error
	left := int64(len(plans))
	for _, unfinished := range plans {
		plan, steps, err := p.world.Plans.Plan(ctx, unfinished.ID)
		if err == nil && due(steps) {
			err = p.run(ctx, actor, plan, steps)
			if err == nil {
				left--
			}
		}
		if err != nil && first == nil {
			first = fmt.Errorf("resume plan %s: %w", unfinished.ID, err)
		}
	}
	p.open.Store(left)
	return first
}

// due waits twice as long after each failure.
func (p *Provisioner) due(steps []eventbus.Step) bool {
	for _, s := range steps {
		if s.State == eventbus.StepFailed {
			wait := min(p.cfg.Interval<<min(s.Attempts, 20), maxWait)
			return p.now().Sub(s.At) >= wait
		}
	}
	return true
}

// Drift lists what differs from the wanted state of every event and from the
// grants in force, as the changes that would undo it. A config that somebody
// set besides the manifest is listed too. What the bus cannot undo (a schema
// version that others registered) has Action "update" and a Note that says why.
func (p *Provisioner) Drift(ctx context.Context) ([]eventbus.Change, error) {
	return p.measure(ctx, false)
}

// measure is Drift; sparing, it knows principals on AWS as they were seen some time
// ago (glances).
func (p *Provisioner) measure(ctx context.Context, sparing bool) ([]eventbus.Change, error) {
	m, err := p.wantedManifest(ctx, func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	undoable, others, _, err := p.driftOf(ctx, m, sparing)
	return append(undoable, others...), err
}

// wantedManifest is the stored wanted state of some events as a manifest.
func (p *Provisioner) wantedManifest(ctx context.Context, of func(event string) bool) (eventbus.Manifest, error) {
	m := eventbus.Manifest{Source: "drift"}
	wanted, err := p.wanted(ctx)
	if err != nil {
		return m, err
	}
	for _, event := range slices.Sorted(maps.Keys(wanted)) {
		if of(event) {
			m.Events = append(m.Events, wanted[event])
		}
	}
	grants, err := p.world.Grants.Grants(ctx, eventbus.GrantQuery{ActiveOnly: true})
	if err != nil {
		return m, fmt.Errorf("read the grants: %w", err)
	}
	m.Grants = slices.DeleteFunc(grants, func(g eventbus.Grant) bool { return !of(g.Event) })
	return m, nil
}

// driftOf tells what the bus can undo from what it cannot.
func (p *Provisioner) driftOf(ctx context.Context, m eventbus.Manifest, sparing bool) (undoable, others []eventbus.Change, plan eventbus.Plan, err error) {
	plan, problems, err := p.compare(ctx, m, sparing)
	if err != nil {
		return nil, nil, plan, err
	}
	have, err := p.topics(ctx)
	if err != nil {
		return nil, nil, plan, err
	}
	undoable = plan.Changes
	for _, e := range m.Events {
		for _, t := range e.Topics {
			undoable = append(undoable, foreignConfigs(e.Event.Name, t, have[t.Topic.Name])...)
		}
	}
	for _, problem := range problems {
		c := problem.change
		c.Action, c.Note = eventbus.ActionUpdate, problem.fault.Message
		others = append(others, c)
	}
	return undoable, others, plan, nil
}

func foreignConfigs(event string, want eventbus.TopicManifest, have eventbus.Topic) []eventbus.Change {
	var changes []eventbus.Change
	for _, name := range slices.Sorted(maps.Keys(have.Configs)) {
		if _, named := want.Topic.Configs[name]; !named {
			changes = append(changes, eventbus.Change{Action: eventbus.ActionUpdate, Resource: eventbus.ResourceTopicConfig, Environment: want.Environment,
				Event: event, Name: have.Name, Field: name, Old: have.Configs[name], Note: "set besides the manifest: back to the default", NeedsApproval: true})
		}
	}
	return changes
}

// Revert undoes one change that Drift listed, as a plan of its own. CodeNotFound
// when it is not there any more, CodeInvalid when the bus cannot undo it. Whoever
// calls has made sure that the actor may.
func (p *Provisioner) Revert(ctx context.Context, by eventbus.Actor, change eventbus.Change) error {
	ctx, leave, err := p.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	m, err := p.wantedManifest(ctx, func(event string) bool { return change.Event == "" || event == change.Event })
	if err != nil {
		return err
	}
	undoable, others, plan, err := p.driftOf(ctx, m, false)
	if err != nil {
		return err
	}
	same := func(c eventbus.Change) bool { return sameChange(c, change) }
	if slices.ContainsFunc(others, same) {
		return &eventbus.Error{Code: eventbus.CodeInvalid, Message: "nothing was changed: the bus cannot undo this: " + change.Note, Next: "change the manifest to what is there"}
	}
	if !slices.ContainsFunc(undoable, same) {
		return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "nothing was changed: this drift is not there any more", Next: "look at the drift again"}
	}
	plan.Changes = []eventbus.Change{change}
	return p.begin(ctx, by, plan)
}

// Due gives the manifest that deletes what has been in quarantine long enough,
// for an operator to plan and apply; it is empty when nothing is due.
func (p *Provisioner) Due(ctx context.Context) (eventbus.Manifest, error) {
	m := eventbus.Manifest{Source: "quarantine"}
	wanted, err := p.wanted(ctx)
	if err != nil {
		return m, err
	}
	for _, event := range slices.Sorted(maps.Keys(wanted)) {
		e := eventbus.EventManifest{Event: eventbus.Event{Name: event}}
		for _, q := range wanted[event].Quarantined {
			if !p.now().Before(q.Since.Add(p.cfg.Quarantine)) {
				e.Remove = append(e.Remove, q.Environment)
			}
		}
		if len(e.Remove) > 0 {
			m.Events = append(m.Events, e)
		}
	}
	return m, nil
}
