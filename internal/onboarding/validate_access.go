package onboarding

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

var createdName = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`)

// access checks principals; one of production never works below it.
func (v *validator) access(section string, access map[string]Access, asked []eventbus.Environment) {
	lower := map[string]string{}
	for _, env := range sortedKeys(access) {
		path, a := section+"."+env, access[env]
		e, known := v.environment(env)
		if !known || !slices.ContainsFunc(asked, func(o eventbus.Environment) bool { return o.Name == env }) {
			v.fault(path, "environment "+env+" is not asked for", "write one of the environments of the request: "+strings.Join(v.names(), ", "))
			continue
		}
		v.principals(path+".principals", a.Principals)
		v.principals(path+".trustedBy", a.TrustedBy)
		if e.OnAWS() {
			v.placed(path+".principals", a.Principals, e)
		}
		for _, n := range []struct{ path, name string }{{path + ".role", a.Role}, {path + ".user", a.User}} {
			if n.name != "" && !createdName.MatchString(n.name) {
				v.fault(n.path, fmt.Sprintf("%q is not a legal IAM name", n.name), "use letters, digits and +=,.@_-, at most 64")
			}
		}
		if a.Role != "" && len(a.TrustedBy) == 0 {
			v.fault(path+".trustedBy", "is missing", "name the ARNs that may assume role "+a.Role)
		}
		if len(a.Principals) == 0 && a.Role == "" && a.User == "" {
			v.fault(path, "names nobody", "write principals, role or user")
		}
		if !e.Production {
			for _, p := range identities(a) {
				lower[p] = env
			}
		}
	}
	for _, env := range sortedKeys(access) {
		if e, _ := v.environment(env); e.Production && section == "access" {
			for _, p := range identities(access[env]) {
				if other := lower[p]; other != "" {
					v.fault(section+"."+env, fmt.Sprintf("%s works in %s too", p, other), "use a principal of its own in "+env)
				}
			}
		}
	}
}

func identities(a Access) []string {
	list := slices.Clone(a.Principals)
	if a.Role != "" {
		list = append(list, "role "+a.Role)
	}
	if a.User != "" {
		list = append(list, "user "+a.User)
	}
	return list
}

func (v *validator) principals(path string, arns []string) {
	for i, arn := range arns {
		if _, err := eventbus.ParseIdentityARN(arn); err != nil {
			v.fault(fmt.Sprintf("%s[%d]", path, i), err.Error(), "write one role or user; root and wildcards are not accepted")
		} else if slices.Contains(arns[:i], arn) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), "is named twice", "keep one")
		}
	}
}

// placed asks that what is named by its ARN is what the bus has made on AWS: it
// touches nothing else there.
func (v *validator) placed(path string, arns []string, e eventbus.Environment) {
	for i, arn := range arns {
		id, err := eventbus.ParseIdentityARN(arn)
		if err == nil && arn != e.AWS.RoleARN(id.Name) && arn != e.AWS.UserARN(id.Name) {
			v.fault(fmt.Sprintf("%s[%d]", path, i), arn+" is not one that the bus makes in "+e.Name,
				"write role: with a new name, and this ARN under trustedBy; the bus's own are below "+e.AWS.RoleARN(""))
		}
	}
}

func (v *validator) producerOptions(p ProducerOptions) {
	v.text("producer.transactionalId", p.TransactionalID, 0, 200, "")
	if strings.ContainsAny(p.TransactionalID, "*?") {
		v.fault("producer.transactionalId", "holds a wildcard", "write the id")
	}
}

func (v *validator) consumingSystem(c ConsumingSystem) {
	switch {
	case c.Name == "":
		v.fault("consumer.name", "is missing", "write the name of the system that consumes")
	case !eventbus.LegalEntityName(c.Name):
		v.fault("consumer.name", fmt.Sprintf("%q is not a legal entity name", c.Name), "use letters, digits, '-', '_' and '.', at most 63")
	}
	v.oneOf("consumer.kind", c.Kind, "Component", "System")
	v.line("consumer.type", c.Type, 0, 63, "")
	v.line("consumer.lifecycle", c.Lifecycle, 0, 63, "")
	v.line("consumer.title", c.Title, 0, 80, "")
	v.line("consumer.owner", c.Owner, 0, 63, "")
	v.line("consumer.domain", c.Domain, 0, 63, "")
}

var groupID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,248}\*?$`)

func (v *validator) group(prefix, team string) {
	switch {
	case prefix == "":
		v.fault("groupPrefix", "is missing", "write the consumer group id, or its beginning and '*': "+team+"-*")
	case !groupID.MatchString(prefix):
		v.fault("groupPrefix", fmt.Sprintf("%q is not a legal group id", prefix), "use letters, digits, '.', '_' and '-', with '*' at the end only")
	case team != "" && !strings.HasPrefix(prefix, team):
		v.fault("groupPrefix", fmt.Sprintf("does not begin with the team's name %s", team), "write "+team+"-"+prefix)
	}
}

// maxReview is how many months ahead a review date may lie, and how many months
// after its submission access is reviewed when the request names no day.
const maxReview = 12

func (v *validator) until(date string) {
	day, ok := v.date("until", date)
	switch {
	case !ok:
	case day.Before(v.today()):
		v.fault("until", date+" is past", "write a day that lies ahead")
	case day.After(v.today().AddDate(0, maxReview, 0)):
		v.fault("until", date+" is more than a year ahead", "write a day within a year; the access can be renewed")
	}
}
