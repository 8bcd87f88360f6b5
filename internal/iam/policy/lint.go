package policy

import (
	"slices"
	"strings"
)

// Severity says how much a finding matters.
type Severity string

// The severities, worst first.
const (
	Broken   Severity = "broken"   // the document cannot do what it seems meant for
	Wide     Severity = "wide"     // it allows more than one application needs; a second approver looks at it
	Advisory Severity = "advisory" // worth a look
)

// The closed list of Finding.Code.
const (
	CodeWildcardAction     = "wildcard-action"          // * or kafka-cluster:*, or any pattern with administrative actions
	CodePartialWildcard    = "partial-wildcard-action"  // a harmless pattern such as kafka-cluster:Describe*
	CodeWildcardResource   = "wildcard-resource"        // every type of resource
	CodeWildcardCluster    = "wildcard-cluster"         // any cluster name or UUID
	CodeWildcardName       = "wildcard-name"            // every topic, group or transactional id
	CodeWildcardAccount    = "wildcard-account"         // any partition, region or account
	CodeMissingUUID        = "missing-uuid"             // an ARN that matches nothing
	CodeNotAction          = "allow-not-action"         // everything but …
	CodeNotResource        = "allow-not-resource"       // everywhere but …
	CodeIdempotentOnTopic  = "idempotent-on-topic"      // WriteDataIdempotently belongs to the cluster
	CodeWrongResource      = "wrong-resource"           // an action on a resource of another type
	CodeUnusedResource     = "unused-resource"          // a resource that no action of the statement works on
	CodeNoConnect          = "no-connect"               // anything without Connect
	CodeWriteNoDescribe    = "write-without-describe"   // WriteData without DescribeTopic
	CodeReadNoDescribe     = "read-without-describe"    // ReadData without DescribeTopic
	CodeReadNoGroup        = "read-without-group"       // ReadData without AlterGroup
	CodeGroupNoDescribe    = "group-without-describe"   // AlterGroup or DeleteGroup without DescribeGroup
	CodeTransactionHalf    = "transaction-incomplete"   // AlterTransactionalId without what it needs
	CodeIdempotentNoWrite  = "idempotent-without-write" // WriteDataIdempotently without WriteData
	CodeWriteNotIdempotent = "write-not-idempotent"     // most clients need WriteDataIdempotently
	CodeDependencyMissing  = "dependency-missing"       // any other action without what it needs
	CodeAdministrative     = "administrative"           // changes or deletes what others use
	CodeOpenCondition      = "open-condition"           // holds when the key is absent
	CodeTrustEveryone      = "trust-everyone"           // Principal *
	CodeTrustAccount       = "trust-account"            // every principal of an account
)

// Finding is one remark on a document that is valid.
type Finding struct {
	Code     string
	Severity Severity
	// Statement is the label of the statement (Sid, or Statement[i]), empty when
	// the finding is about the document as a whole.
	Statement string
	Message   string
	Fix       string // what to write or do instead
}

// Lint looks for what is valid but likely a mistake or too much. Statements that
// deny are not judged, nor do they count against what is allowed. The findings
// come in the order of the statements, those on the whole document last.
func Lint(d *Document) []Finding {
	l := linter{doc: d}
	for i := range d.statements {
		s := &d.statements[i]
		if s.deny {
			continue
		}
		l.at = s.label(i)
		l.openConditions(s)
		if d.trust {
			l.trusted(s)
			continue
		}
		l.actions(s)
		l.resources(s)
		l.types(s)
	}
	l.at = ""
	if !d.trust {
		l.whole()
	}
	return l.found
}

type linter struct {
	doc   *Document
	at    string
	found []Finding
}

func (l *linter) add(code string, severity Severity, message, fix string) {
	f := Finding{Code: code, Severity: severity, Statement: l.at, Message: message, Fix: fix}
	if !slices.Contains(l.found, f) {
		l.found = append(l.found, f)
	}
}

func (l *linter) openConditions(s *statement) {
	for _, c := range s.conditions {
		if c.ifExists || c.set == everyOne {
			l.add(CodeOpenCondition, Wide, c.operator+" holds when the request has no "+c.key,
				"use the operator without IfExists or ForAllValues, or add Null: {"+quote(c.key)+": \"false\"}")
		}
	}
}

func (l *linter) trusted(s *statement) {
	for _, p := range s.principals {
		switch {
		case p.anyone:
			l.add(CodeTrustEveryone, Wide, "every principal may assume the role, if its own policies allow it",
				"name the team's own roles or users in Principal")
		case p.account != "":
			l.add(CodeTrustAccount, Advisory, "every principal of account "+p.account+" may assume the role, if its own policies allow it",
				"name the team's own roles or users in Principal")
		}
	}
}

func (l *linter) actions(s *statement) {
	if s.notAction {
		l.add(CodeNotAction, Wide, "NotAction with Allow allows every action but those named, also ones that come later", "list the actions that are needed")
		return
	}
	for _, name := range s.actions {
		set := patternSet(name)
		switch {
		case strings.ContainsAny(name, "*?") && (administrative(set) || set == everyAction):
			l.add(CodeWildcardAction, Wide, name+" allows administrative actions too", "list the actions that are needed")
		case strings.ContainsAny(name, "*?"):
			l.add(CodePartialWildcard, Advisory, name+" allows also actions that come later", "list the actions that are needed")
		case administrative(set):
			l.add(CodeAdministrative, Advisory, name+" changes or deletes what others use", "leave topics and cluster to the bus, which provisions them")
		}
	}
}

// patternSet gives the actions that one entry of Action names.
func patternSet(name string) actionSet {
	if name == "*" {
		return everyAction
	}
	p, _ := compilePattern(strings.ToLower(name)) // it was compiled before
	return actionsMatching(p)
}

func administrative(set actionSet) bool {
	for i := range actions {
		if set.has(i) && actions[i].Administrative {
			return true
		}
	}
	return false
}

func (l *linter) resources(s *statement) {
	if s.notResource {
		l.add(CodeNotResource, Wide, "NotResource with Allow allows every resource but those named", "list the resources that are needed")
		return
	}
	for i := range s.resources {
		r := &s.resources[i]
		parts, _ := splitARN(r.text)
		if r.all || r.parts[5].everything() {
			l.add(CodeWildcardResource, Wide, r.text+" is every cluster, topic, group and transactional id", "name the cluster, the topic and the group")
		} else if parts[2] == "kafka" {
			l.name(r, parts[5])
		}
		if !r.all && (r.parts[1].wild || r.parts[3].wild || r.parts[4].wild) {
			l.add(CodeWildcardAccount, Wide, r.text+" names any partition, region or account", "write the partition, region and account of the cluster")
		}
	}
}

// name judges the sixth part of an ARN: type/NAME/UUID, and /name behind it for
// all but a cluster.
func (l *linter) name(r *resource, text string) {
	parts := strings.SplitN(text, "/", 4)
	fix := "write " + parts[0] + "/NAME/UUID as in the ARN of the cluster"
	if parts[0] != string(Cluster) {
		fix += ", then the name"
	}
	want := 4
	if parts[0] == string(Cluster) {
		want = 3
	}
	wild := func(i int) bool { return i < len(parts) && strings.ContainsAny(parts[i], "*?") }
	switch {
	case wild(0) || wild(1) || wild(2):
		l.add(CodeWildcardCluster, Wide, r.text+" does not name one cluster by name and UUID, so it may match other clusters and names", fix)
	case len(parts) < want:
		l.add(CodeMissingUUID, Broken, r.text+" has no UUID of the cluster and matches nothing", fix)
	case want == 4 && strings.IndexAny(parts[3], "*?") == 0:
		l.add(CodeWildcardName, Wide, r.text+" is every "+parts[0]+", or every one with that ending", "write the name, or a prefix of your own before the *")
	}
}

// types compares actions with the types of resources that they work on.
func (l *linter) types(s *statement) {
	if s.notAction || s.notResource {
		return
	}
	for _, name := range s.actions {
		if s.fits(patternSet(name)) {
			continue
		}
		on := actions[firstAction(patternSet(name))].On
		code, fix := CodeWrongResource, "put it into a statement on a "+string(on)+" ARN"
		if name == prefix+"WriteDataIdempotently" {
			code, fix = CodeIdempotentOnTopic, "put it into a statement on the ARN of the cluster, cluster/NAME/UUID"
		}
		l.add(code, Broken, name+" works on a "+string(on)+"; none is named here, so it allows nothing", fix)
	}
	for i := range s.resources {
		if r := &s.resources[i]; !r.fits(s.set) {
			l.add(CodeUnusedResource, Broken, "no action of the statement works on "+r.text, "remove it, or add the actions that are meant")
		}
	}
}

func firstAction(set actionSet) int {
	for i := range actions {
		if set.has(i) {
			return i
		}
	}
	return 0
}

// fits reports whether one of the actions works on one of the resources.
func (s *statement) fits(set actionSet) bool {
	return slices.ContainsFunc(s.resources, func(r resource) bool { return r.fits(set) })
}

func (r *resource) fits(set actionSet) bool {
	for i := range actions {
		if set.has(i) && (r.all || fitsType(r.parts[5], actions[i].On)) {
			return true
		}
	}
	return false
}

// dependency is an action without another that it needs in practice.
type dependency struct {
	action, needs string
	code          string
	severity      Severity
}

// dependencies are those with a name of their own; all others of
// ActionInfo.DependsOn come under CodeDependencyMissing.
var dependencies = []dependency{
	{"WriteData", "DescribeTopic", CodeWriteNoDescribe, Broken},
	{"ReadData", "DescribeTopic", CodeReadNoDescribe, Broken},
	{"ReadData", "AlterGroup", CodeReadNoGroup, Broken},
	{"AlterGroup", "DescribeGroup", CodeGroupNoDescribe, Broken},
	{"DeleteGroup", "DescribeGroup", CodeGroupNoDescribe, Broken},
	{"AlterTransactionalId", "DescribeTransactionalId", CodeTransactionHalf, Broken},
	{"AlterTransactionalId", "WriteData", CodeTransactionHalf, Broken},
	{"WriteDataIdempotently", "WriteData", CodeIdempotentNoWrite, Broken},
	{"WriteData", "WriteDataIdempotently", CodeWriteNotIdempotent, Advisory},
}

// whole looks at what the statements come to together.
func (l *linter) whole() {
	if !l.anyKafka() {
		return
	}
	if len(l.grants(prefix+"Connect")) == 0 {
		l.add(CodeNoConnect, Broken, "without kafka-cluster:Connect every login is refused", "allow kafka-cluster:Connect on the ARN of the cluster")
	}
	for _, d := range dependencies {
		l.dependency(d)
	}
	for i := range actions {
		for _, n := range actions[i].DependsOn {
			d := dependency{strings.TrimPrefix(actions[i].Name, prefix), strings.TrimPrefix(n, prefix), CodeDependencyMissing, Broken}
			known := slices.ContainsFunc(dependencies, func(k dependency) bool { return k.action == d.action && k.needs == d.needs })
			if n != prefix+"Connect" && !known {
				l.dependency(d)
			}
		}
	}
}

func (l *linter) anyKafka() bool {
	for i := range actions {
		if actions[i].Name != AssumeRole && len(l.grants(actions[i].Name)) > 0 {
			return true
		}
	}
	return false
}

// grants gives the resources on which an action is allowed. A statement with
// NotResource counts as everything.
func (l *linter) grants(action string) []resource {
	i := actionIndex(action)
	var list []resource
	for j := range l.doc.statements {
		s := &l.doc.statements[j]
		if s.deny || !s.set.has(i) {
			continue
		}
		if s.notResource {
			list = append(list, resource{text: "*", all: true})
			continue
		}
		for _, r := range s.resources {
			if r.all || fitsType(r.parts[5], actions[i].On) {
				list = append(list, r)
			}
		}
	}
	return list
}

func (l *linter) dependency(d dependency) {
	have, need := l.grants(prefix+d.action), l.grants(prefix+d.needs)
	sameType := actions[actionIndex(prefix+d.action)].On == actions[actionIndex(prefix+d.needs)].On
	for _, r := range have {
		covered := len(need) > 0
		if sameType {
			covered = slices.ContainsFunc(need, func(n resource) bool { return n.covers(r) })
		}
		if covered {
			continue
		}
		on, message := r.text, d.action+" on "+r.text+" needs "+d.needs+" too"
		if !sameType {
			on = "a " + string(actions[actionIndex(prefix+d.needs)].On) + " ARN"
		}
		if d.code == CodeWriteNotIdempotent {
			message = "producers are idempotent by default (Java since 3.0, franz-go) and are refused without WriteDataIdempotently"
		}
		l.add(d.code, d.severity, message, "allow "+prefix+d.needs+" on "+on)
	}
}

// covers reports whether all that the other pattern matches is matched here too,
// by comparing with its text; a star fits a star.
func (r *resource) covers(other resource) bool {
	if r.text == other.text {
		return true
	}
	parts, ok := splitARN(other.text)
	return r.match(&parts, ok)
}
