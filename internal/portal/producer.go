package portal

import (
	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
)

// formStep is one page of a wizard.
type formStep struct {
	title  string
	lede   string
	groups []formGroup
	aside  asideKind // what is worked out beside the fields while they are typed
}

// formGroup is a set of fields with a heading.
type formGroup struct {
	legend, hint string
	inputs       []input
}

// asideKind names what the bus says beside a step.
type asideKind string

// The asides of the steps.
const (
	asideNone   asideKind = ""
	asideFit    asideKind = "fit"
	asideESECC  asideKind = "esecc"
	asideAdvice asideKind = "advice"
	asideSchema asideKind = "schema"
)

// formContext is what the options of a form depend on.
type formContext struct {
	environments []eventbus.Environment
	teams        []string
	domains      []string
	fields       []string // of the event's schema
}

// producerSteps are the pages on which a team proposes an event.
func producerSteps(c formContext) []formStep {
	return []formStep{
		{"The event", "What happens in your business, in words that a colleague from another team understands.", []formGroup{
			{"", "", []input{
				{path: "event.title", label: "Title", hint: "For example “Decision letter availability”. At most 80 characters.", required: true},
				{path: "event.name", label: "Catalog name", hint: "Used in addresses and topic names: lower-case letters, digits and dashes. It cannot be changed later.", required: true},
				{path: "event.description", label: "Description in one line", hint: "Shown in the catalog table. At most 300 characters.", required: true},
				{path: "event.purpose", kind: inputLong, label: "Purpose", hint: "What becomes possible when other systems hear about it.", required: true, rows: 3},
				{path: "event.context", kind: inputLong, label: "Business context", hint: "What happens before and after; why it matters.", rows: 3},
				{path: "event.domain", label: "Domain", hint: "The part of the organisation's business. Choose one that exists, or write a new one.", required: true, suggest: c.domains},
				{path: "event.likelyConsumers", kind: inputLines, label: "Likely consumers", hint: "One a line.", rows: 3},
			}},
			{"Is an event bus the right tool?", "Tick what is true. It takes a moment and saves a wrong start.", []input{
				{path: "fit.decouple", kind: inputCheck, label: "The systems should not have to know each other"},
				{path: "fit.pollsToday", kind: inputCheck, label: "Today, others ask us again and again whether something happened"},
				{path: "fit.realTime", kind: inputCheck, label: "Seconds matter"},
				{path: "fit.simple", kind: inputCheck, label: "There will only ever be one sender and one receiver"},
				{path: "fit.infrequent", kind: inputCheck, label: "It happens only a few times a day"},
				{path: "fit.synchronous", kind: inputCheck, label: "The sender waits for an answer"},
			}},
		}, asideFit},
		{"People and system", "Who answers questions, and which system the event comes from.", append(contactGroups(), systemGroup(true)), asideNone},
		{"Data and privacy", "What personal data a record holds decides who reviews the request and in which environments real data may flow.", []formGroup{privacyGroup(true)}, asideNone},
		{"Where it runs", "From where your system connects decides the port, and whether a network change request (ESECC) is needed.", []formGroup{networkGroup()}, asideESECC},
		{"Traffic and topic", "Estimates are fine. The bus works out partitions and retention from them; leave those two empty to take its advice.", []formGroup{
			{"Expected traffic", "", []input{
				{path: "event.perDay", kind: inputNumber, label: "Records a day"},
				{path: "event.peakPerSecond", kind: inputNumber, label: "Records a second at the peak"},
				{path: "event.averageBytes", kind: inputNumber, label: "Average size of a record, in bytes"},
				{path: "event.maxBytes", kind: inputNumber, label: "Largest record, in bytes"},
				{path: "topic.longestOutageDays", kind: inputNumber, label: "Longest time a consumer may be away, in days", hint: "Records are kept at least that long, so that nobody misses one."},
			}},
			{"Order", "", []input{
				{path: "topic.ordering", kind: inputRadio, label: "In which order must records be read?", options: []Choice{
					{Value: "none", Label: "Any order"}, {Value: "per key", Label: "In order for each person or case", Hint: "The usual choice: records with the same key stay in order."},
					{Value: "total", Label: "All records in one order", Hint: "Means a single partition, and so a limit on throughput."}}},
				{path: "topic.keyField", label: "Field that is the key", hint: "For example participantId. Records with the same key go to the same partition."},
			}},
			{"Topic", "", []input{
				{path: "topic.partitions", kind: inputNumber, label: "Partitions", hint: "How many consumers can share the work. Can only grow, and growing moves keys."},
				{path: "topic.retentionDays", kind: inputNumber, label: "Days that records are kept"},
				{path: "topic.cleanup", kind: inputSelect, label: "When records are removed", options: []Choice{{Value: "", Label: "After the days above (usual)"},
					{Value: "compact", Label: "Keep the newest record of each key"}, {Value: "compact,delete", Label: "Both"}}},
			}},
		}, asideAdvice},
		{"Schema", "The contract between you and your consumers, in Avro. It is checked while you type.", []formGroup{
			{"", "", []input{
				{path: "schema.value", kind: inputCode, label: "Value schema", hint: "A record with a namespace. Every field has a “doc”; fields with personal data carry \"confluent:tags\": [\"PII\"] or [\"PHI\"].", required: true, rows: 18},
				{path: "schema.compatibility", kind: inputSelect, label: "How it may change", hint: "Backward: consumers move first, then the producer. The default, and right for most.", options: compatibilityChoices()},
				{path: "schema.compatibilityReason", label: "Why a weaker level", hint: "Only for NONE."},
				{path: "schema.sample", kind: inputCode, label: "Sample record, made up", hint: "JSON that fits the schema. Never real data.", rows: 5},
			}},
		}, asideSchema},
		{"Access", "Who produces. Name roles that exist, or let the bus create one that your service's own role may assume.", append(
			[]formGroup{{"", "", []input{environmentsInput(c)}}}, append(accessGroups(c), formGroup{"Producing", "", []input{
				{path: "producer.idempotent", kind: inputCheck, label: "The producer is idempotent", hint: "The default of current Kafka clients: retries make no duplicates."},
				clientsInput(),
			}})...), asideNone},
		{"Agreements", "Needed before production; leave them for later if they are not signed yet.", agreementGroups(), asideNone},
	}
}

func contactGroups() []formGroup {
	return []formGroup{{"People", "", []input{
		{path: "contacts.productOwner", label: "Product owner", hint: "Name or mail address. Decides who may read the event.", required: true},
		{path: "contacts.technicalContact", label: "Technical contact", hint: "Is told about provisioning, and sees a new access key once.", required: true},
		{path: "contacts.email", label: "Group mail address"},
		{path: "contacts.slack", label: "Chat channel"},
		{path: "contacts.onCall", label: "On call", hint: "Where to reach you when records stop."},
	}}}
}

func systemGroup(produces bool) formGroup {
	group := formGroup{legend: "System"}
	if produces {
		group.inputs = []input{
			{path: "event.sourceSystems.0.systemName", label: "Source system", hint: "The system of record that knows when the event happens."},
			{path: "event.sourceSystems.0.teamName", label: "Team of the source system"},
			{path: "event.sourceSystems.0.productOwner", label: "Product owner of the source system"},
		}
	}
	group.inputs = append(group.inputs,
		input{path: "system.vasi", label: "VASI ID", hint: "Digits, or “in process”."},
		input{path: "system.emass", label: "eMASS ID", hint: "Digits, or “in process”."},
		input{path: "system.ato", kind: inputSelect, label: "Authority to operate", options: []Choice{{Value: "", Label: "Choose"}, {Value: "active", Label: "Active"},
			{Value: "cATO", Label: "Continuous (cATO)"}, {Value: "in process", Label: "In process"}, {Value: "none", Label: "None"}}},
		input{path: "system.atoExpires", kind: inputDate, label: "It expires on", hint: "You are reminded 90, 30 and 7 days before."},
		input{path: "system.fisma", kind: inputSelect, label: "FISMA level", hint: "The bus is authorised for Low and Moderate.", options: []Choice{{Value: "", Label: "Choose"}, {Value: "Low", Label: "Low"}, {Value: "Moderate", Label: "Moderate"}, {Value: "High", Label: "High"}}},
		input{path: "system.webApplication", kind: inputCheck, label: "It is a web application"})
	return group
}

func privacyGroup(produces bool) formGroup {
	inputs := []input{
		{path: "privacy.dataClasses", kind: inputChecks, label: "What kind of personal data does a record hold?", required: produces, options: []Choice{
			{Value: "none", Label: "None"}, {Value: "PII", Label: "PII", Hint: "Anything that identifies a person: name, number, address."},
			{Value: "PHI", Label: "PHI", Hint: "Health information about a person. Brings a HIPAA review."}}},
	}
	if produces {
		inputs = append(inputs, input{path: "privacy.syntheticData", kind: inputCheck, label: "Environments below production get made-up data only", hint: "Required when records hold PII or PHI."},
			input{path: "event.bipSourced", kind: inputCheck, label: "The data comes from BIP or another authoritative source", hint: "Then each consumer needs an OBI data access approval."})
	}
	return formGroup{inputs: append(inputs,
		input{path: "privacy.pta", kind: inputDate, label: "Date of the privacy threshold analysis (PTA)", hint: "At most one year old."},
		input{path: "privacy.pia", kind: inputDate, label: "Date of the privacy impact assessment (PIA)", hint: "At most three years old; for PII and PHI."},
		input{path: "privacy.hipaaReview", label: "Reference of the HIPAA review", hint: "For PHI."})}
}

func networkGroup() formGroup {
	return formGroup{inputs: []input{
		{path: "network.location", kind: inputRadio, label: "Where does the system run?", options: []Choice{
			{Value: string(onboarding.LocationVAEC), Label: "In the VAEC AWS organisation", Hint: "No network change is needed as a rule. Port 9098."},
			{Value: string(onboarding.LocationAWS), Label: "In another AWS organisation", Hint: "A network change request is needed as a rule. Port 9098."},
			{Value: string(onboarding.LocationOutside), Label: "Outside AWS", Hint: "A network change request is needed as a rule. Port 9198."},
			{Value: string(onboarding.LocationUnsure), Label: "I do not know", Hint: "The Event Bus team finds out with you."}}},
		{path: "network.region", label: "Region", hint: "For example us-gov-west-1."},
		{path: "network.test.outcome", kind: inputSelect, label: "Have you tried to connect?", options: []Choice{{Value: "", Label: "Not yet"}, {Value: "reached", Label: "Yes, it answered"}, {Value: "blocked", Label: "Yes, it was blocked"}}},
		{path: "network.test.target", label: "Address you tried", hint: "host:port"},
		{path: "network.cidrs", kind: inputLines, label: "Addresses it calls from", hint: "IP addresses or CIDR ranges, one a line. Needed when the connection was blocked.", rows: 3},
		{path: "network.connectionId", label: "NSOC connection id"},
		{path: "network.esecc", label: "ESECC number", hint: "When a request is filed already."},
		{path: "network.eseccState", kind: inputSelect, label: "State of the ESECC request", options: []Choice{{Value: "", Label: "None"}, {Value: "draft", Label: "Draft"}, {Value: "submitted", Label: "Submitted"}, {Value: "approved", Label: "Approved"}, {Value: "rejected", Label: "Rejected"}}},
	}}
}

func environmentsInput(c formContext) input {
	in := input{path: "environments", kind: inputChecks, label: "Environments", hint: "None ticked means all. Lower ones are provisioned first; production follows as a promotion."}
	for _, e := range c.environments {
		in.options = append(in.options, Choice{Value: e.Name, Label: e.Label})
	}
	return in
}

func accessGroups(c formContext) []formGroup {
	var groups []formGroup
	for _, e := range c.environments {
		at := "access." + e.Name
		groups = append(groups, formGroup{e.Label, "", []input{
			{path: at + ".principals", kind: inputLines, label: "Roles or users that exist", hint: "ARNs, one a line: arn:aws-us-gov:iam::123456789012:role/my-service", rows: 2},
			{path: at + ".role", label: "Or: role that the bus creates", hint: "A name, for example my-service-" + e.Name + "."},
			{path: at + ".trustedBy", kind: inputLines, label: "Who may assume that role", hint: "ARNs of your own roles, one a line.", rows: 2},
		}})
	}
	return groups
}

func clientsInput() input {
	return input{path: "clients", kind: inputChecks, label: "Languages you use", options: []Choice{{Value: "java", Label: "Java"}, {Value: "go", Label: "Go"},
		{Value: "python", Label: "Python"}, {Value: "node", Label: "Node"}, {Value: "ruby", Label: "Ruby"}, {Value: "dotnet", Label: ".NET"}, {Value: "kcat", Label: "kcat"}, {Value: "other", Label: "Other"}}}
}

func agreementGroups() []formGroup {
	var groups []formGroup
	for _, a := range []struct{ at, legend string }{{"agreements.working", "Working agreement"}, {"agreements.dataSharing", "Data sharing agreement"}} {
		groups = append(groups, formGroup{a.legend, "", []input{
			{path: a.at + ".by", label: a.legend + ": signed by"},
			{path: a.at + ".date", kind: inputDate, label: a.legend + ": signed on"},
			{path: a.at + ".document", label: a.legend + ": document", hint: "Its id or link."},
		}})
	}
	return groups
}

func compatibilityChoices() []Choice {
	list := []Choice{{Value: "", Label: "BACKWARD (default)"}}
	for _, c := range eventbus.Compatibilities() {
		list = append(list, Choice{Value: string(c), Label: string(c)})
	}
	return list
}
