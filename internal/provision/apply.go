package provision

import (
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

// run does the steps that are not done. The wanted state is saved before the
// last of them is recorded as done.
func (p *Provisioner) run(ctx context.Context, actor eventbus.Actor, plan eventbus.Plan, steps []eventbus.Step) error {
	job := p.job(actor, plan)
	left := 0
	for _, s := range steps {
		if s.State != eventbus.StepDone {
			left++
		}
	}
	for i, change := range plan.Changes {
		if steps[i].State == eventbus.StepDone {
			continue
		}
		left--
		if lost := context.Cause(ctx); eventbus.CodeOf(lost) == eventbus.CodeUnavailable { // another instance has the lease
			return lost
		}
		step := eventbus.Step{PlanID: plan.ID, Index: i, Change: change, Attempts: steps[i].Attempts + 1}
		if err := p.step(ctx, job, step, left == 0); err != nil {
			return err
		}
	}
	return nil
}

// step records, does, records.
func (p *Provisioner) step(ctx context.Context, job *job, step eventbus.Step, last bool) error {
	action := "provision." + string(step.Change.Resource) + "." + string(step.Change.Action)
	point := pointOf(step.Change)
	record := func(state eventbus.StepState, outcome eventbus.Outcome, cause error) error {
		step.State, step.At = state, p.now()
		entry := p.entry(job.actor, job.plan, action, step.Change.Name, outcome)
		entry.Detail = changeDetail(step, entry.Detail)
		if cause != nil {
			step.Error = cause.Error()
			entry.Reason = step.Error
		}
		if err := p.world.Plans.SaveStep(ctx, step, entry); err != nil {
			return fmt.Errorf("record step %d of plan %s: %w", step.Index+1, step.PlanID, err)
		}
		return nil
	}
	if err := record(eventbus.StepRunning, eventbus.OutcomeIntent, nil); err != nil {
		return err
	}
	if err := p.fail(point + "/before"); err != nil {
		return err
	}
	err := job.do(ctx, step.Change)
	if err == nil && last {
		err = p.keepWanted(ctx, job.actor, job.plan)
	}
	if crash := (crashed{}); errors.As(err, &crash) {
		return err
	}
	if err != nil {
		err = fmt.Errorf("step %d of %d (%s %s %s) was not done: %w", step.Index+1, len(job.plan.Changes), step.Change.Action, step.Change.Resource, step.Change.Name, err)
		if problem := record(eventbus.StepFailed, eventbus.OutcomeFailed, err); problem != nil {
			return fmt.Errorf("%w; %w", err, problem)
		}
		return err
	}
	if err := p.fail(point + "/after"); err != nil {
		return err
	}
	return record(eventbus.StepDone, eventbus.OutcomeAllowed, nil)
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
	fence, err := p.takeLease(ctx)
	if err != nil {
		p.turn <- struct{}{}
		return nil, nil, err
	}
	held, lost := context.WithCancelCause(p.world.Leases.Fenced(ctx, leaseName, fence))
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		p.keepLease(held, fence, lost)
	}()
	return held, func() {
		lost(nil)
		<-renewing
		p.releaseLease(ctx)
		p.turn <- struct{}{}
	}, nil
}

const leaseName = "provision"

// Pauses while a lease is waited for and held.
const (
	leasePoll  = 100 * time.Millisecond
	leaseRenew = leaseTime / 3
)

func errLeased() error {
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "another instance of the bus applies a plan; nothing more was changed", Next: "try again in a moment"}
}

// takeLease waits up to Config.LeaseWait for another instance to give the lease
// back, or for its time to run out.
func (p *Provisioner) takeLease(ctx context.Context) (fence int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(p.cfg.LeaseWait, leasePoll))
	defer cancel()
	for {
		fence, ok, err := p.world.Leases.TakeLease(ctx, leaseName, p.holder, leaseTime)
		switch {
		case ok:
			return fence, nil
		case err != nil && ctx.Err() == nil:
			return 0, fmt.Errorf("take the lease: %w", err)
		case p.cfg.LeaseWait == 0 || ctx.Err() != nil:
			return 0, errLeased()
		}
		select {
		case <-ctx.Done():
			return 0, errLeased()
		case <-time.After(leasePoll):
		}
	}
}

// keepLease renews the lease until ctx ends. When that fails for longer than the
// lease lasts, or another has it, the work ends.
func (p *Provisioner) keepLease(ctx context.Context, fence int64, lost context.CancelCauseFunc) {
	until := time.Now().Add(leaseTime)
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		got, ok, err := p.world.Leases.TakeLease(ctx, leaseName, p.holder, leaseTime)
		switch {
		case err == nil && ok && got == fence:
			until = now.Add(leaseTime)
		case err == nil || !now.Before(until):
			lost(errLeased())
			return
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
