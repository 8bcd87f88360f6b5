package server

import (
	"context"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/portal"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// Schema looks an id up for streams; deleted ones too, so that old records stay
// readable.
func (w schemaWorld) Schema(_ context.Context, id int) (eventbus.Schema, error) {
	version, err := w.registry.ByID(id, "")
	return version.Schema, err
}

// SchemaByGUID looks a schema up that travels in a header.
func (w schemaWorld) SchemaByGUID(_ context.Context, guid string) (eventbus.Schema, error) {
	version, err := w.registry.ByGUID(guid)
	return version.Schema, err
}

// SchemaVersion looks up what a schema refers to.
func (w schemaWorld) SchemaVersion(_ context.Context, subject string, number int) (eventbus.Schema, error) {
	version, err := w.registry.Version(subject, number, registry.WithDeleted)
	return version.Schema, err
}

// portalGroups shows the groups of streams on the portal's pages.
type portalGroups struct{ streams *streams.Streams }

// Groups lists groups with their lag, as far as one page of lags goes.
func (g portalGroups) Groups(ctx context.Context, prefix string) ([]portal.Group, error) {
	listed, err := g.streams.Groups(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, l := range listed[:min(len(listed), streams.MaxNames)] {
		ids = append(ids, l.ID)
	}
	lags, err := g.streams.GroupLags(ctx, ids)
	if err != nil {
		return nil, err
	}
	groups := make([]portal.Group, 0, len(listed))
	for _, l := range listed {
		group := portal.Group{Name: l.ID, State: l.State, Total: -1}
		if lag, known := lags[l.ID]; known {
			group.Total = lag
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// Group shows one group with its members and partitions.
func (g portalGroups) Group(ctx context.Context, name string) (portal.Group, error) {
	group, err := g.streams.Group(ctx, name)
	if err != nil {
		return portal.Group{}, err
	}
	shown := portal.Group{Name: group.ID, State: group.State, Assignor: group.Assignor, Total: group.Lag}
	for _, m := range group.Members {
		shown.Members = append(shown.Members, portal.GroupMember{ID: m.ID, Host: m.Host})
	}
	for _, p := range group.Partitions {
		shown.Lag = append(shown.Lag, portal.PartitionLag{Topic: p.Topic, Partition: p.Partition, Committed: p.Committed, End: p.End, Member: p.Member})
	}
	return shown, nil
}
