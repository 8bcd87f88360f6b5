package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// ApplyOptions say what the caller has made sure of.
type ApplyOptions struct {
	AllowDestructive bool // the actor may end access and delete topics
	Approved         bool // somebody else agreed to the changes that need approval
}

// Apply makes a plan true that Plan gave for the manifest. It is refused, and
// nothing changes, with CodeConflict when the world moved since the plan was
// made, with CodeForbidden when the options do not cover what it does, and with
// CodeUnavailable while another instance applies. A step that fails ends it;
// what was done stays done, and Resume, or applying the same plan again, carries
// on with the failed step. A plan that is applied already is no error.
func (p *Provisioner) Apply(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan, m eventbus.Manifest, opt ApplyOptions) error {
	if err := permit(plan, opt); err != nil {
		return p.refuse(ctx, actor, plan, err)
	}
	if plan.ID == "" || len(plan.ID) > 64 {
		return eventbus.Errorf(eventbus.CodeInvalid, "the plan has no legal id; nothing was changed")
	}
	ctx, leave, err := p.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	stored, steps, err := p.world.Plans.Plan(ctx, plan.ID)
	if err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return fmt.Errorf("apply plan %s: %w", plan.ID, err)
	}
	begun := slices.ContainsFunc(steps, func(s eventbus.Step) bool { return s.State != eventbus.StepWaiting })
	if err == nil && begun {
		return p.again(ctx, actor, plan, stored, steps)
	}
	if err == nil && !slices.EqualFunc(stored.Changes, plan.Changes, sameChange) {
		return eventbus.Errorf(eventbus.CodeConflict, "nothing was changed: another plan has the id %s", plan.ID)
	}
	fresh, err := p.unmoved(ctx, plan, m)
	if err != nil {
		return p.refuse(ctx, actor, plan, err)
	}
	if fresh.Empty() {
		return p.keepWanted(ctx, actor, fresh)
	}
	return p.begin(ctx, actor, fresh)
}

// permit holds a plan against what the caller has made sure of.
func permit(plan eventbus.Plan, opt ApplyOptions) error {
	_, _, remove, approval := plan.Counts()
	switch {
	case plan.Destructive() && !opt.AllowDestructive:
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: fmt.Sprintf("nothing was changed: %d changes take access or data away", remove),
			Next: "ask somebody who may remove, or say that it is meant"}
	case approval > 0 && !opt.Approved:
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: fmt.Sprintf("nothing was changed: %d changes need approval", approval),
			Next: "make a change request, or let somebody else agree"}
	}
	return nil
}

// refuse records why a plan was not applied.
func (p *Provisioner) refuse(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan, cause error) error {
	outcome := eventbus.OutcomeDenied
	if code := eventbus.CodeOf(cause); code != eventbus.CodeForbidden && code != eventbus.CodeConflict {
		return cause
	}
	if p.world.Audit != nil {
		entry := p.entry(actor, plan, "provision.apply", plan.ID, outcome)
		entry.Reason = cause.Error()
		if _, err := p.world.Audit.AppendAudit(ctx, entry); err != nil {
			return fmt.Errorf("record that plan %s was refused (%w): %w", plan.ID, cause, err)
		}
	}
	return cause
}

// unmoved plans again and compares: the plan comes from outside, its changes
// and its time are not believed.
func (p *Provisioner) unmoved(ctx context.Context, plan eventbus.Plan, m eventbus.Manifest) (eventbus.Plan, error) {
	fresh, problems, err := p.plan(ctx, m)
	if err != nil {
		return fresh, err
	}
	if len(problems) > 0 || fresh.WorldHash != plan.WorldHash || !slices.EqualFunc(fresh.Changes, plan.Changes, sameChange) {
		return fresh, &eventbus.Error{Code: eventbus.CodeConflict, Message: "nothing was changed: the world moved since plan " + plan.ID + " was made",
			Next: "plan again and look at what is different"}
	}
	fresh.ID = plan.ID
	return fresh, nil
}

// sameChange ignores notes: they may name a day.
func sameChange(a, b eventbus.Change) bool {
	a.Note, b.Note = "", ""
	return a == b
}

// begin records a plan and runs it.
func (p *Provisioner) begin(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan) error {
	entry := p.entry(actor, plan, "provision.apply", plan.ID, eventbus.OutcomeIntent)
	add, change, remove, approval := plan.Counts()
	entry.Detail["changes"] = fmt.Sprintf("%d to add, %d to change, %d to remove, %d approved", add, change, remove, approval)
	if err := p.world.Plans.SavePlan(ctx, plan, entry); err != nil && eventbus.CodeOf(err) != eventbus.CodeConflict {
		return fmt.Errorf("record plan %s: %w", plan.ID, err)
	}
	if err := p.fail(pointPlanSaved); err != nil {
		return err
	}
	if err := p.supersede(ctx, actor, plan); err != nil {
		return err
	}
	return p.run(ctx, actor, plan, make([]eventbus.Step, len(plan.Changes)))
}

// supersede abandons unfinished plans that are about the same things: they must
// not be carried on over what the new one makes.
func (p *Provisioner) supersede(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan) error {
	unfinished, err := p.world.Plans.UnfinishedPlans(ctx)
	if err != nil {
		return fmt.Errorf("look for unfinished plans: %w", err)
	}
	for _, old := range unfinished {
		if old.ID == plan.ID || !overlap(old, plan) {
			continue
		}
		entry := p.entry(actor, old, "provision.abandon", old.ID, eventbus.OutcomeAllowed)
		entry.Reason = "plan " + plan.ID + " takes its place"
		if err := p.world.Plans.AbandonPlan(ctx, old.ID, entry); err != nil {
			return fmt.Errorf("abandon plan %s: %w", old.ID, err)
		}
	}
	return nil
}

func overlap(a, b eventbus.Plan) bool {
	about := map[string]bool{}
	for _, c := range a.Changes {
		about["event "+c.Event] = c.Event != ""
		about[string(c.Resource)+" "+c.Name] = true
	}
	return slices.ContainsFunc(b.Changes, func(c eventbus.Change) bool {
		return about["event "+c.Event] || about[string(c.Resource)+" "+c.Name]
	})
}

// again is Apply of a plan that was begun before.
func (p *Provisioner) again(ctx context.Context, actor eventbus.Actor, plan, stored eventbus.Plan, steps []eventbus.Step) error {
	if !slices.EqualFunc(stored.Changes, plan.Changes, sameChange) {
		return eventbus.Errorf(eventbus.CodeConflict, "nothing was changed: plan %s was applied with other changes", plan.ID)
	}
	if finished(steps) {
		return nil
	}
	unfinished, err := p.world.Plans.UnfinishedPlans(ctx)
	if err != nil {
		return fmt.Errorf("look for unfinished plans: %w", err)
	}
	if !slices.ContainsFunc(unfinished, func(u eventbus.Plan) bool { return u.ID == plan.ID }) {
		return eventbus.Errorf(eventbus.CodeConflict, "nothing was changed: another plan took the place of plan %s", plan.ID)
	}
	return p.run(ctx, actor, stored, steps)
}

func finished(steps []eventbus.Step) bool {
	return !slices.ContainsFunc(steps, func(s eventbus.Step) bool { return s.State != eventbus.StepDone })
}

// stepsAtOnce is how many steps of one kind are recorded, done and recorded as
// done together: what they cost beside their effects is paid once for all.
const stepsAtOnce = 100

// run does the steps that are not done, those of one kind that follow each other
// together. The wanted state is saved before the last of them is recorded as
// done.
func (p *Provisioner) run(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan, steps []eventbus.Step) error {
	job := p.job(actor, plan)
	var left []eventbus.Step
	for i, change := range plan.Changes {
		if steps[i].State != eventbus.StepDone {
			left = append(left, eventbus.Step{PlanID: plan.ID, Index: i, Change: change, Attempts: steps[i].Attempts})
		}
	}
	for len(left) > 0 {
		if lost := lostLease(ctx); lost != nil {
			return lost
		}
		n := 1
		for n < min(len(left), stepsAtOnce) && pointOf(left[n].Change) == pointOf(left[0].Change) {
			n++
		}
		if err := p.steps(ctx, job, left[:n], n == len(left)); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

// lostLease is not nil when another instance has the lease.
func lostLease(ctx context.Context) error {
	if lost := context.Cause(ctx); eventbus.CodeOf(lost) == eventbus.CodeUnavailable {
		return lost
	}
	return nil
}

// steps records steps of one kind as running, does them, and records what became
// of each. After a crash in between all of them are done again, which is harmless.
func (p *Provisioner) steps(ctx context.Context, job *job, steps []eventbus.Step, last bool) error {
	entries := make([]eventbus.AuditEntry, len(steps))
	for i := range steps {
		s := &steps[i]
		s.State, s.At, s.Attempts = eventbus.StepRunning, p.now(), s.Attempts+1
		entries[i] = p.stepEntry(job, *s, eventbus.OutcomeIntent)
	}
	if err := p.saveSteps(ctx, steps, entries); err != nil {
		return err
	}
	outcomes := job.do(ctx, steps)
	if lost := lostLease(ctx); lost != nil {
		return lost
	}
	if end := len(steps) - 1; last && !slices.ContainsFunc(outcomes, func(err error) bool { return err != nil }) {
		outcomes[end] = p.keepWanted(ctx, job.actor, job.plan)
	}
	if i := slices.IndexFunc(outcomes, func(err error) bool { return errors.As(err, new(crashed)) }); i >= 0 {
		return outcomes[i]
	}
	first := p.settle(job, steps, outcomes, entries)
	if first == nil {
		if err := p.failEach(steps, "/after"); err != nil {
			return err
		}
	}
	if err := p.saveSteps(ctx, steps, entries); err != nil {
		return errors.Join(first, err)
	}
	return first
}

// settle writes into steps and entries what became of each step, and gives the
// first failure.
func (p *Provisioner) settle(job *job, steps []eventbus.Step, outcomes []error, entries []eventbus.AuditEntry) (first error) {
	for i := range steps {
		s, outcome := &steps[i], eventbus.OutcomeFailed
		s.At = p.now()
		switch err := outcomes[i]; {
		case err == nil:
			s.State, outcome = eventbus.StepDone, eventbus.OutcomeAllowed
		case errors.Is(err, errNotBegun):
			s.State, s.Attempts = eventbus.StepWaiting, s.Attempts-1
		default:
			err = fmt.Errorf("step %d of %d (%s %s %s) was not done: %w", s.Index+1, len(job.plan.Changes), s.Change.Action, s.Change.Resource, s.Change.Name, err)
			s.State, s.Error = eventbus.StepFailed, err.Error()
			if first == nil {
				first = err
			}
		}
		entries[i] = p.stepEntry(job, *s, outcome)
		if outcomes[i] != nil {
			entries[i].Reason = cmp.Or(s.Error, outcomes[i].Error())
		}
	}
	return first
}

func (p *Provisioner) saveSteps(ctx context.Context, steps []eventbus.Step, entries []eventbus.AuditEntry) error {
	if err := p.world.Plans.SaveSteps(ctx, steps, entries...); err != nil {
		return fmt.Errorf("record steps %d to %d of plan %s: %w", steps[0].Index+1, steps[len(steps)-1].Index+1, steps[0].PlanID, err)
	}
	return nil
}

func (p *Provisioner) stepEntry(job *job, s eventbus.Step, outcome eventbus.Outcome) eventbus.AuditEntry {
	entry := p.entry(job.actor, job.plan, "provision."+string(s.Change.Resource)+"."+string(s.Change.Action), s.Change.Name, outcome)
	entry.Detail = changeDetail(s, entry.Detail)
	return entry
}

func changeDetail(s eventbus.Step, detail map[string]string) map[string]string {
	for name, value := range map[string]string{"environment": s.Change.Environment, "event": s.Change.Event, "field": s.Change.Field, "before": s.Change.Old, "after": s.Change.New} {
		if value != "" {
			detail[name] = value
		}
	}
	if s.Attempts > 1 {
		detail["attempt"] = fmt.Sprint(s.Attempts)
	}
	return detail
}

func (p *Provisioner) entry(actor eventbus.Actor, plan eventbus.Plan, action, resource string, outcome eventbus.Outcome) eventbus.AuditEntry {
	request, isRequest := strings.CutPrefix(plan.Source, "request ")
	e := eventbus.AuditEntry{Time: p.now(), Actor: actor.Name(), From: actor.From, Action: action, Resource: resource, Outcome: outcome,
		Detail: map[string]string{"plan": plan.ID}}
	if isRequest {
		e.RequestID = request
	} else if plan.Source != "" {
		e.Detail["source"] = plan.Source
	}
	return e
}

// enter waits for the turn within this instance and takes the lease among
// instances. What is done while it is held must be done under the context that it
// gives: it ends, and writes under it are refused, when the lease is lost. leave
// gives both back.
func (p *Provisioner) enter(ctx context.Context) (held context.Context, leave func(), err error) {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if p.world.Leases == nil {
		return ctx, func() { p.turn <- struct{}{} }, nil
	}
	held, stop, err := p.holdLease(ctx)
	if err != nil {
		p.turn <- struct{}{}
		return nil, nil, err
	}
	return held, func() {
		stop()
		p.releaseLease(ctx)
		p.turn <- struct{}{}
	}, nil
}

const leaseName = "provision"

// leasePoll is the pause between two looks at a lease that another holds.
const leasePoll = 100 * time.Millisecond

// holdLease waits up to Config.LeaseWait for another instance to give the lease
// back, or for its time to run out.
func (p *Provisioner) holdLease(ctx context.Context) (held context.Context, stop func(), err error) {
	leased := &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "another instance of the bus applies a plan; nothing was changed", Next: "try again in a moment"}
	for end := time.Now().Add(p.cfg.LeaseWait); ; {
		held, stop, ok, err := p.world.Leases.HoldLease(ctx, leaseName, p.holder, leaseTime)
		switch {
		case ok:
			return held, stop, nil
		case err != nil:
			return nil, nil, fmt.Errorf("take the lease: %w", err)
		case !time.Now().Before(end):
			return nil, nil, leased
		}
		select {
		case <-ctx.Done():
			return nil, nil, leased
		case <-time.After(leasePoll):
		}
	}
}

func (p *Provisioner) releaseLease(ctx context.Context) {
	// Also when the caller has gone: nobody shall wait for the lease.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := p.world.Leases.ReleaseLease(end, leaseName, p.holder); err != nil {
		p.cfg.Logger.WarnContext(ctx, "the lease runs out by itself: it could not be given back", "err", err)
	}
}
