package onboarding

import (
	"context"
	"slices"
	"sort"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// bipTag marks, in the catalog, an event whose data comes from BIP or another
// authoritative source; its consumers then need OBI's approval too.
const bipTag = "obi"

// event gives a catalogued event; ok is false when there is none.
func (s *Service) event(ctx context.Context, name string) (e eventbus.Event, ok bool, err error) {
	if s.sources.Events == nil || name == "" {
		return eventbus.Event{}, false, nil
	}
	e, err = s.sources.Events.Event(ctx, name)
	switch eventbus.CodeOf(err) {
	case "":
		return e, true, nil
	case eventbus.CodeNotFound:
		return eventbus.Event{}, false, nil
	default:
		return eventbus.Event{}, false, err
	}
}

func (s *Service) eventOwner(ctx context.Context, name string) (string, error) {
	e, _, err := s.event(ctx, name)
	return e.Owner, err
}

// about is the subject of a content together with what the catalog says of its
// event: consuming personal data is as sensitive as producing it.
func (s *Service) about(ctx context.Context, c Content) (subject, error) {
	about := c.subject()
	if c.Kind() == eventbus.ProducerRequest {
		return about, nil
	}
	e, found, err := s.event(ctx, about.event)
	if err != nil || !found {
		return about, err
	}
	about.classes = slices.Concat(about.classes, e.DataClasses)
	about.bip = about.bip || slices.Contains(e.Tags, bipTag)
	if len(about.environments) == 0 {
		about.environments = defaultEnvironments(c, e)
	}
	return about, nil
}

// defaultEnvironments: a consumer's are those it names principals for, a
// change's and a retirement's are those where the event lives.
func defaultEnvironments(c Content, e eventbus.Event) []string {
	var names []string
	if consumer, ok := c.(*ConsumerContent); ok {
		for name := range consumer.Access {
			names = append(names, name)
		}
		sort.Strings(names)
		return names
	}
	for _, t := range e.Topics {
		names = append(names, t.Environment)
	}
	return names
}

// world reads what a step on r may look at.
func (s *Service) world(ctx context.Context, r eventbus.Request) (world, error) {
	w := world{now: s.now(), environments: s.environments(), stages: s.cfg.Stages, gates: s.cfg.Gates, expireAfter: s.cfg.ExpireAfter}
	event, _, err := s.event(ctx, r.Event)
	if err != nil {
		return world{}, err
	}
	w.owner = event.Owner
	w.taken = r.Kind == eventbus.ProducerRequest && event.Owner != "" && event.Owner != r.Team
	if r.Kind != eventbus.ChangeRequest && r.Kind != eventbus.OffboardingRequest {
		return w, nil
	}
	if r.Kind == eventbus.OffboardingRequest {
		if w.removal, err = s.removalDate(r); err != nil || w.removal == "" {
			return w, err // one system leaves; the others need not hear of it
		}
		if w.reading, err = s.readers(ctx, event); err != nil {
			return world{}, err
		}
	}
	w.consumers, err = s.consumers(ctx, event, r.Team)
	return w, err
}

func (s *Service) environments() []eventbus.Environment {
	envs := slices.Clone(s.cfg.Environments())
	eventbus.SortEnvironments(envs)
	return envs
}

// consumers lists the teams that consume an event: by grant, and by what their
// systems declare.
func (s *Service) consumers(ctx context.Context, e eventbus.Event, except string) ([]string, error) {
	if s.sources.Lineage == nil || e.Name == "" {
		return nil, nil
	}
	grants, err := s.sources.Lineage.Grants(ctx, eventbus.GrantQuery{Event: e.Name, Direction: eventbus.Consumed, ActiveOnly: true})
	if err != nil {
		return nil, err
	}
	systems, err := s.sources.Lineage.Systems(ctx)
	if err != nil {
		return nil, err
	}
	var teams []string
	for _, g := range grants {
		teams = append(teams, g.Team)
	}
	for _, system := range systems {
		if slices.Contains(system.Subscribes, e.Name) {
			teams = append(teams, system.Owner)
		}
	}
	sort.Strings(teams)
	teams = slices.Compact(teams)
	return slices.DeleteFunc(teams, func(t string) bool { return t == "" || t == except }), nil
}

// readers lists who read the event's topics lately, as "environment principal".
func (s *Service) readers(ctx context.Context, e eventbus.Event) ([]string, error) {
	if s.sources.Lineage == nil {
		return nil, nil
	}
	var readers []string
	for _, t := range e.Topics {
		usage, err := s.sources.Lineage.Usage(ctx, eventbus.UsageQuery{Topic: t.Name, Direction: eventbus.Consumed, Since: s.now().Add(-s.cfg.ReadingWindow)})
		if err != nil {
			return nil, err
		}
		for _, u := range usage {
			if who := t.Environment + " " + u.Principal; u.Records > 0 && !slices.Contains(readers, who) {
				readers = append(readers, who)
			}
		}
	}
	sort.Strings(readers)
	return readers, nil
}

// removalDate is the day on which a retired event is removed: as written, or
// the notice from the day of submission. It is empty when only one consumer's
// access ends.
func (s *Service) removalDate(r eventbus.Request) (string, error) {
	content, err := DecodeContent(r.Kind, r.Content)
	if err != nil {
		return "", err
	}
	c, ok := content.(*OffboardingContent)
	if !ok || c.Consumer != "" {
		return "", nil
	}
	from := r.SubmittedAt
	if from.IsZero() {
		from = s.now()
	}
	return s.removalFrom(c.RemovalDate, from), nil
}

// removalFrom is the removal date that a content means: as written, else the
// whole notice from a day.
func (s *Service) removalFrom(written string, from time.Time) string {
	if written != "" {
		return written
	}
	return from.AddDate(0, s.cfg.RemovalMonths, 0).Format(time.DateOnly)
}
