package server

import (
	"context"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
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
