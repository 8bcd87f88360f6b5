package catalog

import _ "embed"

//go:embed schema/event.schema.json
var eventSchema []byte

// EventSchema is the JSON Schema (draft-07) of the Event entity, both shapes,
// to be combined with Backstage's own Entity schema by entityKindSchemaValidator.
func EventSchema() []byte { return append([]byte(nil), eventSchema...) }
