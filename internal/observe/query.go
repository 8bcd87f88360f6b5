package observe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Usage gives the buckets that a query selects, oldest first. What was counted
// within the last flush (5 s) is not in them yet.
func (o *Observer) Usage(ctx context.Context, q eventbus.UsageQuery) ([]eventbus.UsageBucket, error) {
	found, err := o.store.Usage(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	slices.SortStableFunc(found, func(a, b eventbus.UsageBucket) int { return a.Start.Compare(b.Start) })
	return found, nil
}

// Principals gives who produced to and consumed from a topic within the last 90
// days: one Usage per principal, group, direction and schema id, the busiest of
// late first.
func (o *Observer) Principals(ctx context.Context, topic string) ([]eventbus.Usage, error) {
	days, err := o.Usage(ctx, eventbus.UsageQuery{Topic: topic, Width: day})
	if err != nil {
		return nil, err
	}
	sums := map[key]eventbus.Usage{}
	for _, b := range days {
		k := key{b.Principal, b.Topic, b.Group, b.Direction, b.SchemaID}
		if before, ok := sums[k]; ok {
			sums[k] = merged(before, b.Usage)
		} else {
			sums[k] = b.Usage
		}
	}
	list := make([]eventbus.Usage, 0, len(sums))
	for _, u := range sums {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b eventbus.Usage) int {
		return cmp.Or(b.LastSeen.Compare(a.LastSeen), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Group, b.Group),
			cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.SchemaID, b.SchemaID))
	})
	return list, nil
}

// Average is the traffic of an average day.
type Average struct {
	Days    int     `json:"days"` // how many days it is taken over; 0 when there was no traffic
	Records float64 `json:"records"`
	Bytes   float64 `json:"bytes"`
}

const averageOver = 30 * day

// AverageDaily gives what is produced to a topic on an average day: over the
// whole days (UTC) since its first record within the last 30, or over today when
// that is all there is.
func (o *Observer) AverageDaily(ctx context.Context, topic string) (Average, error) {
	today := o.cfg.Now().UTC().Truncate(day)
	days, err := o.Usage(ctx, eventbus.UsageQuery{Topic: topic, Direction: eventbus.Produced, Width: day, Since: today.Add(-averageOver)})
	if err != nil || len(days) == 0 {
		return Average{}, err
	}
	first, end := days[0].Start, today
	if !first.Before(today) {
		end = today.Add(day)
	}
	a := Average{Days: int(end.Sub(first) / day)}
	for _, b := range days {
		if b.Start.Before(end) {
			a.Records += float64(b.Records)
			a.Bytes += float64(b.Bytes)
		}
	}
	a.Records /= float64(a.Days)
	a.Bytes /= float64(a.Days)
	return a, nil
}

// LastSeen says when a principal last produced to or consumed from a topic
// within 90 days; the zero time means never.
func (o *Observer) LastSeen(ctx context.Context, principal, topic string) (time.Time, error) {
	days, err := o.Usage(ctx, eventbus.UsageQuery{Topic: topic, Principal: principal, Width: day})
	var last time.Time
	for _, b := range days {
		if b.LastSeen.After(last) {
			last = b.LastSeen
		}
	}
	return last, err
}
