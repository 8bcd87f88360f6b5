package onboarding

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Work is one environment of one request that waits to be provisioned.
type Work struct {
	RequestID   string
	Environment string
}

// reconciler is the actor of what the bus does by itself.
func reconciler() eventbus.Actor { return eventbus.Actor{System: "onboarding"} }

// NextWork lists what is approved and not provisioned yet, oldest first, and
// marks it as being provisioned. It is level-triggered: what was handed out
// before and not reported is handed out again, so that a crash loses nothing;
// a failed environment comes again after Config.RetryAfter.
func (s *Service) NextWork(ctx context.Context) ([]Work, error) {
	var work []Work
	err := s.each(ctx, eventbus.RequestApproved, func(r eventbus.Request) error {
		for _, e := range r.Environments {
			due := e.State == eventbus.EnvApproved || e.State == eventbus.EnvProvisioning ||
				e.State == eventbus.EnvFailed && s.now().Sub(e.Since) >= s.cfg.RetryAfter
			if !due {
				continue
			}
			if e.State != eventbus.EnvProvisioning {
				if _, err := s.do(ctx, r.ID, act{verb: verbClaim, by: reconciler(), environment: e.Name}, nil); eventbus.CodeOf(err) == eventbus.CodeConflict {
					continue
				} else if err != nil {
					return err
				}
			}
			work = append(work, Work{RequestID: r.ID, Environment: e.Name})
		}
		return nil
	})
	slices.Reverse(work)
	return work, err
}

// each visits all requests in a state, newest first, page by page.
func (s *Service) each(ctx context.Context, state eventbus.RequestState, visit func(eventbus.Request) error) error {
	q := eventbus.RequestQuery{State: state, Limit: 200}
	for {
		page, err := s.store.Requests(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := visit(r); err != nil {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		last := page[len(page)-1]
		q.Before, q.BeforeID = last.CreatedAt, last.ID
	}
}

// EnvironmentApplied reports the end of provisioning: planID of the plan that
// was applied (empty when there was nothing to change), and the failure or
// nil. A failure is shown on the request and tried again.
func (s *Service) EnvironmentApplied(ctx context.Context, id, environment, planID string, failure error) (eventbus.Request, error) {
	a := act{verb: verbApplied, by: eventbus.Actor{System: "provision"}, environment: environment, planID: planID}
	if failure != nil {
		a.failure = failure.Error()
		if len(a.failure) > 2000 {
			a.failure = a.failure[:2000]
		}
	}
	return s.do(ctx, id, a, nil)
}

// Run lets time pass until the context ends: see Expire. The first failure
// ends it only when it is not CodeUnavailable.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.cfg.TickEvery)
	defer ticker.Stop()
	for {
		if err := s.Expire(ctx); err != nil && ctx.Err() == nil && eventbus.CodeOf(err) != eventbus.CodeUnavailable {
			return fmt.Errorf("onboarding: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Expire does once what the clock demands: requests without an answer expire,
// evidence lapses, its teams are warned 90, 30 and 7 days before, consumers are
// told of a removal at its start and 90, 30 and 7 days before, and removal
// falls due when its day has come and nobody reads any more. A request that
// cannot be read is logged and does not stop the clock for the others.
func (s *Service) Expire(ctx context.Context) error {
	for _, state := range []eventbus.RequestState{eventbus.RequestSubmitted, eventbus.RequestChangesAsked, eventbus.RequestApproved, eventbus.RequestActive} {
		err := s.each(ctx, state, func(r eventbus.Request) error {
			if untouched(r, s.now()) {
				return nil
			}
			_, err := s.do(ctx, r.ID, act{verb: verbTick, by: reconciler()}, nil)
			switch eventbus.CodeOf(err) {
			case eventbus.CodeConflict: // somebody acts on it just now; the next tick sees it
			case eventbus.CodeInvalid, eventbus.CodeTooLarge: // kept by an older bus, whose contents this one does not read
				s.cfg.Logger.Warn("a request is not looked after: its content cannot be read", "request", r.ID, "error", err)
			default:
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// untouched reports whether the clock has nothing to say about a request: it is
// active, retires nothing, waits for nothing, and what is due about its evidence
// was said. Most requests are so, for years.
func untouched(r eventbus.Request, now time.Time) bool {
	if r.State != eventbus.RequestActive || r.Kind == eventbus.OffboardingRequest ||
		slices.ContainsFunc(r.Environments, func(e eventbus.RequestEnvironment) bool { return e.State == eventbus.EnvWaiting }) {
		return false
	}
	today := now.UTC().Format(time.DateOnly)
	lapses := slices.ContainsFunc(r.Gates, func(g eventbus.Gate) bool {
		return g.State == eventbus.GatePassed && g.Expires != "" && g.Expires < today
	})
	untold := slices.ContainsFunc(dueNotices(r, world{now: now}), func(notice string) bool { return !slices.Contains(r.Notices, notice) })
	return !lapses && !untold
}

// moved notes the notices that are due and reports whether the tick changed
// anything that is worth saving.
func (s *Service) moved(next *eventbus.Request, before eventbus.Request, w world) bool {
	for _, notice := range dueNotices(*next, w) {
		if !slices.Contains(next.Notices, notice) {
			next.Notices = append(next.Notices, notice)
		}
	}
	same := clone(*next)
	same.UpdatedAt = before.UpdatedAt
	changed := !reflect.DeepEqual(same, clone(before))
	if next.State == before.State {
		next.UpdatedAt = before.UpdatedAt // a notice is not an answer
	}
	return changed
}

// noticeDays are the days before a date on which people are told.
func noticeDays() []int { return []int{90, 30, 7} }

// dueNotices lists what people must have been told by now. Of several that
// fall due at once the nearest counts alone.
func dueNotices(r eventbus.Request, w world) []string {
	var due []string
	if r.Kind == eventbus.OffboardingRequest && w.removal != "" && retiring(r) {
		due = append(due, "removal:start")
		if days, ok := daysUntil(w.removal, w.now); ok {
			due = append(due, nearestNotice("removal", w.removal, days)...)
		}
	}
	for _, g := range r.Gates {
		if days, ok := daysUntil(g.Expires, w.now); ok && g.State == eventbus.GatePassed {
			due = append(due, nearestNotice(string(g.Kind), g.Expires, days)...)
		}
	}
	return due
}

func nearestNotice(what, date string, days int) []string {
	nearest := 0
	for _, n := range noticeDays() {
		if days <= n && days >= 0 {
			nearest = n
		}
	}
	if nearest == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s:%d:%s", what, nearest, date)}
}

// retiring reports whether an event is deprecated and not yet removed.
func retiring(r eventbus.Request) bool {
	return slices.ContainsFunc(r.Environments, func(e eventbus.RequestEnvironment) bool {
		return e.State == eventbus.EnvActive && !e.Remove
	})
}
