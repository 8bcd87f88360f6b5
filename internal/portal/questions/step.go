package questions

import "github.com/enterprise-event-bus/eventbus"

// Step is one page of a wizard.
type Step struct {
	Title  string
	Lede   string // one sentence beneath it
	Groups []Group
	Aside  Aside // what is worked out beside the fields while they are typed
}

// Group is a set of fields with a heading, which may be empty.
type Group struct {
	Legend, Hint string
	Inputs       []Input
}

// Aside names what the bus says beside a step.
type Aside string

// The asides of the steps.
const (
	AsideNone   Aside = ""
	AsideFit    Aside = "fit"    // is an event bus the right tool
	AsideESECC  Aside = "esecc"  // is a network change request needed
	AsideAdvice Aside = "advice" // partitions, retention, storage
	AsideSchema Aside = "schema" // does the schema parse, and follow the one in force
)

// Context is what the options of a form depend on.
type Context struct {
	Environments []eventbus.Environment
	Domains      []string // that the catalog has
	Fields       []string // of the event's schema
}

// Steps gives the pages of the form of a kind of request.
func Steps(kind eventbus.RequestKind, c Context) []Step {
	switch kind {
	case eventbus.ProducerRequest:
		return producerSteps(c)
	case eventbus.ConsumerRequest:
		return consumerSteps(c)
	case eventbus.ChangeRequest:
		return changeSteps()
	default:
		return offboardingSteps()
	}
}
