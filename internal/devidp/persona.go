package devidp

import (
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Groups in the tokens of personas: "eventbus-ROLE" and "team-TEAM".
const (
	rolePrefix = "eventbus-"
	TeamPrefix = "team-" // for session.Config
)

// Persona is a person of the demo organisation whom anybody may sign in as.
type Persona struct {
	Person eventbus.Person
	Does   string // what the persona is there for, in one line
}

// Personas are those of `dev`, all different people; the person's id is the
// persona's name. producer and producer2 are colleagues in the team that owns
// the demo's claims events, owner is their product owner; consumer belongs to
// other teams.
func Personas() []Persona {
	persona := func(id, name, does string, teams []string, roles ...eventbus.Role) Persona {
		return Persona{Does: does, Person: eventbus.Person{ID: id, Name: name, Email: id + "@example.org", Teams: teams,
			Roles: append([]eventbus.Role{eventbus.RoleMember}, roles...)}}
	}
	claims, bus := []string{"claims"}, []string{"event-bus"}
	return []Persona{
		persona("producer", "Pat Producer", "proposes events of team claims", claims),
		persona("producer2", "Robin Producer", "works with Pat in team claims", claims),
		persona("owner", "Olive Owner", "product owner of team claims: approves access and schema changes", claims, eventbus.RoleOwner),
		persona("consumer", "Casey Consumer", "asks for access for teams benefits and appointments", []string{"appointments", "benefits"}),
		persona("bus-reviewer", "Blake Busreviewer", "approves the bus stage, asks for changes", bus, eventbus.RoleBusReviewer),
		persona("privacy-reviewer", "Priya Privacy", "approves the privacy stage, keeps PTA and PIA", []string{"privacy"}, eventbus.RolePrivacyReviewer),
		persona("security-reviewer", "Sam Security", "approves the security stage, keeps ATO, eMASS and ESECC", []string{"security"}, eventbus.RoleSecurityReviewer),
		persona("operator", "Oscar Operator", "runs apply and drift, quarantines, rotates", bus, eventbus.RoleOperator),
		persona("auditor", "Alex Auditor", "reads everything but payloads and secrets, verifies the audit log", []string{"oversight"}, eventbus.RoleAuditor),
	}
}

// GroupRoles tells what the role groups mean, for session.Config.
func GroupRoles() map[string][]eventbus.Role {
	roles := map[string][]eventbus.Role{}
	for _, role := range eventbus.Roles() {
		roles[rolePrefix+string(role)] = []eventbus.Role{role}
	}
	return roles
}

// groups are the persona's, as its token lists them.
func (p Persona) groups() []string {
	var groups []string
	for _, role := range p.Person.Roles {
		groups = append(groups, rolePrefix+string(role))
	}
	for _, team := range p.Person.Teams {
		groups = append(groups, TeamPrefix+team)
	}
	slices.Sort(groups)
	return groups
}
