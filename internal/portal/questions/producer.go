package questions

import "github.com/enterprise-event-bus/eventbus"

// producerSteps are the pages on which a team proposes an event.
func producerSteps(c Context) []Step {
	return []Step{
		{"The event", "What happens in your business, in words that a colleague from another team understands.", []Group{
			{"", "", []Input{
				{Path: "event.title", Label: "Title", Hint: "For example “Decision letter availability”. At most 80 characters.", Required: true},
				{Path: "event.name", Label: "Catalog name", Hint: "Used in addresses and topic names: lower-case letters, digits and dashes. It cannot be changed later.", Required: true},
				{Path: "event.description", Label: "Description in one line", Hint: "Shown in the catalog table. At most 300 characters.", Required: true},
				{Path: "event.purpose", Kind: Long, Label: "Purpose", Hint: "What becomes possible when other systems hear about it.", Required: true, Rows: 3},
				{Path: "event.context", Kind: Long, Label: "Business context", Hint: "What happens before and after; why it matters.", Rows: 3},
				{Path: "event.domain", Label: "Domain", Hint: "The part of the organisation's business. Choose one that exists, or write a new one.", Required: true, Suggest: c.Domains},
				{Path: "event.likelyConsumers", Kind: Lines, Label: "Likely consumers", Hint: "One a line.", Rows: 3},
			}},
			{"Is an event bus the right tool?", "Tick what is true. It takes a moment and saves a wrong start.", []Input{
				{Path: "fit.decouple", Kind: Check, Label: "The systems should not have to know each other"},
				{Path: "fit.pollsToday", Kind: Check, Label: "Today, others ask us again and again whether something happened"},
				{Path: "fit.realTime", Kind: Check, Label: "Seconds matter"},
				{Path: "fit.simple", Kind: Check, Label: "There will only ever be one sender and one receiver"},
				{Path: "fit.infrequent", Kind: Check, Label: "It happens only a few times a day"},
				{Path: "fit.synchronous", Kind: Check, Label: "The sender waits for an answer"},
			}},
		}, AsideFit},
		{"People and system", "Who answers questions, and which system the event comes from.", append(contactGroups(), systemGroup(true)), AsideNone},
		{"Data and privacy", "What personal data a record holds decides who reviews the request and in which environments real data may flow.", []Group{privacyGroup(true)}, AsideNone},
		{"Where it runs", "From where your system connects decides the port, and whether a network change request (ESECC) is needed.", []Group{networkGroup()}, AsideESECC},
		{"Traffic and topic", "Estimates are fine. The bus works out partitions and retention from them; leave those two empty to take its advice.", []Group{
			{"Expected traffic", "", []Input{
				{Path: "event.perDay", Kind: Number, Label: "Records a day"},
				{Path: "event.peakPerSecond", Kind: Number, Label: "Records a second at the peak"},
				{Path: "event.averageBytes", Kind: Number, Label: "Average size of a record, in bytes"},
				{Path: "event.maxBytes", Kind: Number, Label: "Largest record, in bytes"},
				{Path: "topic.longestOutageDays", Kind: Number, Label: "Longest time a consumer may be away, in days", Hint: "Records are kept at least that long, so that nobody misses one."},
			}},
			{"Order", "", []Input{
				{Path: "topic.ordering", Kind: Radio, Label: "In which order must records be read?", Options: []Choice{
					{Value: "none", Label: "Any order"}, {Value: "per key", Label: "In order for each person or case", Hint: "The usual choice: records with the same key stay in order."},
					{Value: "total", Label: "All records in one order", Hint: "Means a single partition, and so a limit on throughput."}}},
				{Path: "topic.keyField", Label: "Field that is the key", Hint: "For example participantId. Records with the same key go to the same partition."},
			}},
			{"Topic", "", []Input{
				{Path: "topic.partitions", Kind: Number, Label: "Partitions", Hint: "How many consumers can share the work. Can only grow, and growing moves keys."},
				{Path: "topic.retentionDays", Kind: Number, Label: "Days that records are kept"},
				{Path: "topic.cleanup", Kind: Select, Label: "When records are removed", Options: []Choice{{Value: "", Label: "After the days above (usual)"},
					{Value: "compact", Label: "Keep the newest record of each key"}, {Value: "compact,delete", Label: "Both"}}},
			}},
		}, AsideAdvice},
		{"Schema", "The contract between you and your consumers, in Avro. It is checked while you type.", []Group{
			{"", "", []Input{
				{Path: "schema.value", Kind: Code, Label: "Value schema", Hint: "A record with a namespace. Every field has a “doc”; fields with personal data carry \"confluent:tags\": [\"PII\"] or [\"PHI\"].", Required: true, Rows: 18},
				{Path: "schema.compatibility", Kind: Select, Label: "How it may change", Hint: "Backward: consumers move first, then the producer. The default, and right for most.", Options: compatibilityChoices()},
				{Path: "schema.compatibilityReason", Label: "Why a weaker level", Hint: "Only for NONE."},
				{Path: "schema.sample", Kind: Code, Label: "Sample record, made up", Hint: "JSON that fits the schema. Never real data.", Rows: 5},
			}},
		}, AsideSchema},
		{"Access", "Who produces. Name roles that exist, or let the bus create one that your service's own role may assume.", append(
			[]Group{{"", "", []Input{environmentsInput(c)}}}, append(accessGroups(c), Group{"Producing", "", []Input{
				{Path: "producer.idempotent", Kind: Check, Label: "The producer is idempotent", Hint: "The default of current Kafka clients: retries make no duplicates."},
				clientsInput(),
			}})...), AsideNone},
		{"Agreements", "Needed before production; leave them for later if they are not signed yet.", agreementGroups(), AsideNone},
	}
}

func contactGroups() []Group {
	return []Group{{"People", "", []Input{
		{Path: "contacts.productOwner", Label: "Product owner", Hint: "Name or mail address. Decides who may read the event.", Required: true},
		{Path: "contacts.technicalContact", Label: "Technical contact", Hint: "Is told about provisioning, and sees a new access key once.", Required: true},
		{Path: "contacts.email", Label: "Group mail address"},
		{Path: "contacts.slack", Label: "Chat channel"},
		{Path: "contacts.onCall", Label: "On call", Hint: "Where to reach you when records stop."},
	}}}
}

func systemGroup(produces bool) Group {
	group := Group{Legend: "System"}
	if produces {
		group.Inputs = []Input{
			{Path: "event.sourceSystems.0.systemName", Label: "Source system", Hint: "The system of record that knows when the event happens."},
			{Path: "event.sourceSystems.0.teamName", Label: "Team of the source system"},
			{Path: "event.sourceSystems.0.productOwner", Label: "Product owner of the source system"},
		}
	}
	group.Inputs = append(group.Inputs,
		Input{Path: "system.vasi", Label: "VASI ID", Hint: "Digits, or “in process”."},
		Input{Path: "system.emass", Label: "eMASS ID", Hint: "Digits, or “in process”."},
		Input{Path: "system.ato", Kind: Select, Label: "Authority to operate", Options: []Choice{{Value: "", Label: "Choose"}, {Value: "active", Label: "Active"},
			{Value: "cATO", Label: "Continuous (cATO)"}, {Value: "in process", Label: "In process"}, {Value: "none", Label: "None"}}},
		Input{Path: "system.atoExpires", Kind: Date, Label: "It expires on", Hint: "You are reminded 90, 30 and 7 days before."},
		Input{Path: "system.fisma", Kind: Select, Label: "FISMA level", Hint: "The bus is authorised for Low and Moderate.", Options: []Choice{{Value: "", Label: "Choose"}, {Value: "Low", Label: "Low"}, {Value: "Moderate", Label: "Moderate"}, {Value: "High", Label: "High"}}},
		Input{Path: "system.webApplication", Kind: Check, Label: "It is a web application"})
	return group
}

func privacyGroup(produces bool) Group {
	inputs := []Input{
		{Path: "privacy.dataClasses", Kind: Checks, Label: "What kind of personal data does a record hold?", Required: produces, Options: []Choice{
			{Value: "none", Label: "None"}, {Value: "PII", Label: "PII", Hint: "Anything that identifies a person: name, number, address."},
			{Value: "PHI", Label: "PHI", Hint: "Health information about a person. Brings a HIPAA review."}}},
	}
	if produces {
		inputs = append(inputs, Input{Path: "privacy.syntheticData", Kind: Check, Label: "Environments below production get made-up data only", Hint: "Required when records hold PII or PHI."},
			Input{Path: "event.bipSourced", Kind: Check, Label: "The data comes from BIP or another authoritative source", Hint: "Then each consumer needs an OBI data access approval."})
	}
	return Group{Inputs: append(inputs,
		Input{Path: "privacy.pta", Kind: Date, Label: "Date of the privacy threshold analysis (PTA)", Hint: "At most one year old."},
		Input{Path: "privacy.pia", Kind: Date, Label: "Date of the privacy impact assessment (PIA)", Hint: "At most three years old; for PII and PHI."},
		Input{Path: "privacy.hipaaReview", Label: "Reference of the HIPAA review", Hint: "For PHI."})}
}

func networkGroup() Group {
	return Group{Inputs: []Input{
		{Path: "network.location", Kind: Radio, Label: "Where does the system run?", Options: []Choice{
			{Value: "vaec-aws", Label: "In the VAEC AWS organisation", Hint: "No network change is needed as a rule. Port 9098."},
			{Value: "other-aws", Label: "In another AWS organisation", Hint: "A network change request is needed as a rule. Port 9098."},
			{Value: "outside-aws", Label: "Outside AWS", Hint: "A network change request is needed as a rule. Port 9198."},
			{Value: "unsure", Label: "I do not know", Hint: "The Event Bus team finds out with you."}}},
		{Path: "network.region", Label: "Region", Hint: "For example us-gov-west-1."},
		{Path: "network.test.outcome", Kind: Select, Label: "Have you tried to connect?", Options: []Choice{{Value: "", Label: "Not yet"}, {Value: "reached", Label: "Yes, it answered"}, {Value: "blocked", Label: "Yes, it was blocked"}}},
		{Path: "network.test.target", Label: "Address you tried", Hint: "host:port"},
		{Path: "network.cidrs", Kind: Lines, Label: "Addresses it calls from", Hint: "IP addresses or CIDR ranges, one a line. Needed when the connection was blocked.", Rows: 3},
		{Path: "network.connectionId", Label: "NSOC connection id"},
		{Path: "network.esecc", Label: "ESECC number", Hint: "When a request is filed already."},
		{Path: "network.eseccState", Kind: Select, Label: "State of the ESECC request", Options: []Choice{{Value: "", Label: "None"}, {Value: "draft", Label: "Draft"}, {Value: "submitted", Label: "Submitted"}, {Value: "approved", Label: "Approved"}, {Value: "rejected", Label: "Rejected"}}},
	}}
}

func environmentsInput(c Context) Input {
	in := Input{Path: "environments", Kind: Checks, Label: "Environments", Hint: "None ticked means all. Lower ones are provisioned first; production follows as a promotion."}
	for _, e := range c.Environments {
		in.Options = append(in.Options, Choice{Value: e.Name, Label: e.Label})
	}
	return in
}

func accessGroups(c Context) []Group {
	var groups []Group
	for _, e := range c.Environments {
		at := "access." + e.Name
		groups = append(groups, Group{e.Label, "", []Input{
			{Path: at + ".principals", Kind: Lines, Label: "Roles or users that exist", Hint: "ARNs, one a line: arn:aws-us-gov:iam::123456789012:role/my-service", Rows: 2},
			{Path: at + ".role", Label: "Or: role that the bus creates", Hint: "A name, for example my-service-" + e.Name + "."},
			{Path: at + ".trustedBy", Kind: Lines, Label: "Who may assume that role", Hint: "ARNs of your own roles, one a line.", Rows: 2},
		}})
	}
	return groups
}

func clientsInput() Input {
	return Input{Path: "clients", Kind: Checks, Label: "Languages you use", Options: []Choice{{Value: "java", Label: "Java"}, {Value: "go", Label: "Go"},
		{Value: "python", Label: "Python"}, {Value: "node", Label: "Node"}, {Value: "ruby", Label: "Ruby"}, {Value: "dotnet", Label: ".NET"}, {Value: "kcat", Label: "kcat"}, {Value: "other", Label: "Other"}}}
}

func agreementGroups() []Group {
	var groups []Group
	for _, a := range []struct{ at, legend string }{{"agreements.working", "Working agreement"}, {"agreements.dataSharing", "Data sharing agreement"}} {
		groups = append(groups, Group{a.legend, "", []Input{
			{Path: a.at + ".by", Label: a.legend + ": signed by"},
			{Path: a.at + ".date", Kind: Date, Label: a.legend + ": signed on"},
			{Path: a.at + ".document", Label: a.legend + ": document", Hint: "Its id or link."},
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
