package registry

import "github.com/enterprise-event-bus/eventbus/internal/registry/wire"

// What stands in the topic, under the names by which callers of the registry know
// it; package wire describes them.
type (
	Record   = wire.Record
	Metadata = wire.Metadata
	Rule     = wire.Rule
	RuleSet  = wire.RuleSet
	Setting  = wire.Setting
)
