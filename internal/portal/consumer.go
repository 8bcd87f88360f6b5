package portal

// consumerSteps are the pages on which a team asks to read an event.
func consumerSteps(c formContext) []formStep {
	var fields []Choice
	for _, f := range c.fields {
		fields = append(fields, Choice{Value: f, Label: f})
	}
	purpose := []input{
		{path: "event", label: "Event", hint: "Its catalog name.", required: true},
		{path: "purpose", kind: inputLong, label: "What will you use it for?", hint: "At least 50 characters. It is stored with the access; another purpose is another request.", required: true, rows: 4},
	}
	if len(fields) > 0 {
		purpose = append(purpose, input{path: "fieldsUsed", kind: inputChecks, label: "Fields you need", hint: "The owner sees at once what a change would break.", options: fields})
	}
	purpose = append(purpose,
		input{path: "displaysToStaff", kind: inputCheck, label: "The data is shown to staff"},
		input{path: "filteringPlan", kind: inputLong, label: "How sensitive records are filtered", hint: "Needed when the data is shown to staff.", rows: 3})
	return []formStep{
		{"Purpose", "Say what you need and why; the owner of the event decides with the Event Bus team.", []formGroup{{inputs: purpose}}, asideNone},
		{"Your system", "It appears in the catalog as a consumer of the event.", append([]formGroup{{"Consuming system", "", []input{
			{path: "consumer.name", label: "Name", hint: "As in your own catalog: letters, digits and dashes.", required: true},
			{path: "consumer.title", label: "Title"},
			{path: "consumer.domain", label: "Domain", suggest: c.domains},
		}}}, append(contactGroups(), systemGroup(false))...), asideNone},
		{"Privacy", "Only what applies to your use of the data.", []formGroup{privacyGroup(false)}, asideNone},
		{"Where it runs", "From where your system connects decides the port, and whether a network change request (ESECC) is needed.", []formGroup{networkGroup()}, asideESECC},
		{"Access", "Which group reads, as whom, and until when.", append([]formGroup{{"", "", []input{
			{path: "groupPrefix", label: "Consumer group", hint: "Begins with your team's name. End it with * to allow every group that begins so.", required: true},
			{path: "startAt", kind: inputSelect, label: "Where to start reading", options: []Choice{{Value: "", Label: "With new records"}, {Value: "earliest", Label: "With the oldest record kept"}}},
			{path: "until", kind: inputDate, label: "Review date", hint: "Access is reviewed then; at most a year ahead.", required: true},
		}}}, append(accessGroups(c), formGroup{inputs: []input{clientsInput()}})...), asideNone},
	}
}

// changeSteps are the page on which an owner changes an event.
func changeSteps(c formContext) []formStep {
	return []formStep{{"What changes", "Fill in only what changes. Consumers are told, and consumers move before the producer does.", []formGroup{
		{"", "", []input{
			{path: "reason", kind: inputLong, label: "Why", required: true, rows: 3},
			{path: "migrationNote", kind: inputLong, label: "What consumers have to do", rows: 3},
		}},
		{"Schema", "", []input{
			{path: "schema.value", kind: inputCode, label: "New value schema", hint: "Avro. It is compared with the version in force while you type.", rows: 16},
			{path: "schema.compatibility", kind: inputSelect, label: "How it may change from now on", options: append([]Choice{{Value: "", Label: "As it is"}}, compatibilityChoices()[1:]...)},
		}},
		{"Topic", "", []input{
			{path: "topic.partitions", kind: inputNumber, label: "Partitions", hint: "Can only grow; growing moves keys to other partitions."},
			{path: "confirmKeyOrder", kind: inputCheck, label: "I know that more partitions change the order of keys"},
			{path: "topic.retentionDays", kind: inputNumber, label: "Days that records are kept"},
		}},
		{"Catalog", "", []input{
			{path: "catalog.title", label: "Title"},
			{path: "catalog.description", label: "Description in one line"},
			{path: "emergency", label: "Emergency", hint: "Only when consumers' acknowledgements cannot be awaited: say why."},
		}},
	}, asideSchema}}
}

// offboardingSteps are the page on which an owner retires an event.
func offboardingSteps(c formContext) []formStep {
	return []formStep{{"Retire an event", "The event is deprecated at once, its consumers are told, and it is removed on the day below, never while somebody still reads it.", []formGroup{{"", "", []input{
		{path: "reason", kind: inputLong, label: "Why it is no longer needed", required: true, rows: 3},
		{path: "removalDate", kind: inputDate, label: "Remove it on", hint: "At least six months ahead. Left empty, it is six months after approval."},
		{path: "successor", label: "Successor", hint: "Catalog name of the event that replaces it."},
		{path: "link", label: "Link to more about it"},
		{path: "consumer", label: "Only one consumer's access", hint: "Name of the consuming system, when the event stays and only its access ends."},
		{path: "overrideNotice", kind: inputLong, label: "Why a shorter notice is enough", rows: 2},
	}}}, asideNone}}
}
