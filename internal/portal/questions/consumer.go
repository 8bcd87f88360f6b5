package questions

// consumerSteps are the pages on which a team asks to read an event.
func consumerSteps(c Context) []Step {
	var fields []Choice
	for _, f := range c.Fields {
		fields = append(fields, Choice{Value: f, Label: f})
	}
	purpose := []Input{
		{Path: "event", Label: "Event", Hint: "Its catalog name.", Required: true},
		{Path: "purpose", Kind: Long, Label: "What will you use it for?", Hint: "At least 50 characters. It is stored with the access; another purpose is another request.", Required: true, Rows: 4},
	}
	if len(fields) > 0 {
		purpose = append(purpose, Input{Path: "fieldsUsed", Kind: Checks, Label: "Fields you need", Hint: "The owner sees at once what a change would break.", Options: fields})
	}
	purpose = append(purpose,
		Input{Path: "displaysToStaff", Kind: Check, Label: "The data is shown to staff"},
		Input{Path: "filteringPlan", Kind: Long, Label: "How sensitive records are filtered", Hint: "Needed when the data is shown to staff.", Rows: 3})
	return []Step{
		{"Purpose", "Say what you need and why; the owner of the event decides with the Event Bus team.", []Group{{Inputs: purpose}}, AsideNone},
		{"Your system", "It appears in the catalog as a consumer of the event.", append([]Group{{"Consuming system", "", []Input{
			{Path: "consumer.name", Label: "Name", Hint: "As in your own catalog: letters, digits and dashes.", Required: true},
			{Path: "consumer.title", Label: "Title"},
			{Path: "consumer.domain", Label: "Domain", Suggest: c.Domains},
		}}}, append(contactGroups(), systemGroup(false))...), AsideNone},
		{"Privacy", "Only what applies to your use of the data.", []Group{privacyGroup(false)}, AsideNone},
		{"Where it runs", "From where your system connects decides the port, and whether a network change request (ESECC) is needed.", []Group{networkGroup()}, AsideESECC},
		{"Access", "Which group reads, as whom, and until when.", append([]Group{{"", "", []Input{
			{Path: "groupPrefix", Label: "Consumer group", Hint: "Begins with your team's name. End it with * to allow every group that begins so.", Required: true},
			{Path: "startAt", Kind: Select, Label: "Where to start reading", Options: []Choice{{Value: "", Label: "With new records"}, {Value: "earliest", Label: "With the oldest record kept"}}},
			{Path: "until", Kind: Date, Label: "Review date", Hint: "Access is reviewed then; at most a year ahead.", Required: true},
		}}}, append(accessGroups(c), Group{Inputs: []Input{clientsInput()}})...), AsideNone},
	}
}

// changeSteps are the page on which an owner changes an event.
func changeSteps() []Step {
	return []Step{{"What changes", "Fill in only what changes. Consumers are told, and consumers move before the producer does.", []Group{
		{"", "", []Input{
			{Path: "reason", Kind: Long, Label: "Why", Required: true, Rows: 3},
			{Path: "migrationNote", Kind: Long, Label: "What consumers have to do", Rows: 3},
		}},
		{"Schema", "", []Input{
			{Path: "schema.value", Kind: Code, Label: "New value schema", Hint: "Avro. It is compared with the version in force while you type.", Rows: 16},
			{Path: "schema.compatibility", Kind: Select, Label: "How it may change from now on", Options: append([]Choice{{Value: "", Label: "As it is"}}, compatibilityChoices()[1:]...)},
		}},
		{"Topic", "", []Input{
			{Path: "topic.partitions", Kind: Number, Label: "Partitions", Hint: "Can only grow; growing moves keys to other partitions."},
			{Path: "confirmKeyOrder", Kind: Check, Label: "I know that more partitions change the order of keys"},
			{Path: "topic.retentionDays", Kind: Number, Label: "Days that records are kept"},
		}},
		{"Catalog", "", []Input{
			{Path: "catalog.title", Label: "Title"},
			{Path: "catalog.description", Label: "Description in one line"},
			{Path: "emergency", Label: "Emergency", Hint: "Only when consumers' acknowledgements cannot be awaited: say why."},
		}},
	}, AsideSchema}}
}

// offboardingSteps are the page on which an owner retires an event.
func offboardingSteps() []Step {
	return []Step{{"Retire an event", "The event is deprecated at once, its consumers are told, and it is removed on the day below, never while somebody still reads it.", []Group{{"", "", []Input{
		{Path: "reason", Kind: Long, Label: "Why it is no longer needed", Required: true, Rows: 3},
		{Path: "removalDate", Kind: Date, Label: "Remove it on", Hint: "At least six months ahead. Left empty, it is six months after approval."},
		{Path: "successor", Label: "Successor", Hint: "Catalog name of the event that replaces it."},
		{Path: "link", Label: "Link to more about it"},
		{Path: "consumer", Label: "Only one consumer's access", Hint: "Name of the consuming system, when the event stays and only its access ends."},
		{Path: "overrideNotice", Kind: Long, Label: "Why a shorter notice is enough", Rows: 2},
	}}}, AsideNone}}
}
