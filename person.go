package eventbus

import (
	"slices"
	"time"
)

// Role is what a person may do, product.md "Roles of people".
type Role string

// The roles of people.
const (
	RoleMember           Role = "member"
	RoleOwner            Role = "owner"
	RoleBusReviewer      Role = "bus-reviewer"
	RolePrivacyReviewer  Role = "privacy-reviewer"
	RoleSecurityReviewer Role = "security-reviewer"
	RoleOperator         Role = "operator"
	RoleAuditor          Role = "auditor"
)

// Roles lists every role.
func Roles() []Role {
	return []Role{RoleMember, RoleOwner, RoleBusReviewer, RolePrivacyReviewer, RoleSecurityReviewer, RoleOperator, RoleAuditor}
}

// Person is a human being. Four-eyes rules compare ID, which stays the same
// however many accounts or tokens the person has.
type Person struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Email string   `json:"email,omitempty"`
	Roles []Role   `json:"roles"`
	Teams []string `json:"teams,omitempty"`
}

// Has reports whether the person holds a role.
func (p Person) Has(r Role) bool { return slices.Contains(p.Roles, r) }

// In reports whether the person belongs to a team.
func (p Person) In(team string) bool { return slices.Contains(p.Teams, team) }

// Actor is who does something: a person (perhaps through a token), or the bus
// itself. Actor of the audit log and of every state change.
type Actor struct {
	Person Person   `json:"person"`
	Token  string   `json:"token,omitempty"`  // id of the API token used, empty for a browser session
	Scopes []string `json:"scopes,omitempty"` // scopes of the token; empty with an empty Token means all that the person may
	From   string   `json:"from,omitempty"`   // remote address
	System string   `json:"system,omitempty"` // "provision", "retention", … when the bus itself acts
}

// Name gives the id that audit entries carry.
func (a Actor) Name() string {
	if a.System != "" {
		return "system:" + a.System
	}
	return a.Person.ID
}

// Scoped reports whether the actor's token carries a scope; a browser session
// carries them all.
func (a Actor) Scoped(scope string) bool {
	return a.Token == "" || slices.Contains(a.Scopes, scope)
}

// APIToken is a scoped, expiring credential of a person for machines. Only the
// hash of its secret is kept.
type APIToken struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Person    string    `json:"person"` // person id
	Hash      string    `json:"-"`      // SHA-256 of the secret, hex
	Scopes    []string  `json:"scopes"`
	CreatedAt time.Time `json:"createdAt"`
	ExpiresAt time.Time `json:"expiresAt"`
	LastUsed  time.Time `json:"lastUsed,omitzero"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
}

// Session is a person's browser session. Only the hash of its id is kept.
type Session struct {
	Hash      string    `json:"-"` // SHA-256 of the opaque id, hex
	Person    Person    `json:"person"`
	CreatedAt time.Time `json:"createdAt"`
	LastSeen  time.Time `json:"lastSeen"`
	ExpiresAt time.Time `json:"expiresAt"` // absolute end
}

// DeviceState is how far the sign-in of a command line has come.
type DeviceState string

// The states of such a sign-in.
const (
	DevicePending   DeviceState = "pending"
	DeviceConfirmed DeviceState = "confirmed"
	DeviceDenied    DeviceState = "denied"
)

// DeviceLogin is the sign-in of a command line under way: it began it, and a
// person confirms it by its code in a browser, in the manner of RFC 8628.
type DeviceLogin struct {
	Code        string      `json:"code"`   // for the person: letters only, no dash
	Secret      string      `json:"-"`      // SHA-256 of what the command line asks with, hex
	Client      string      `json:"client"` // what it says of itself
	From        string      `json:"from"`   // its address
	Caller      string      `json:"-"`      // whom the address stands for, for limits
	StartedAt   time.Time   `json:"startedAt"`
	ExpiresAt   time.Time   `json:"expiresAt"`
	State       DeviceState `json:"-"`
	Person      string      `json:"-"` // id of who decided
	DecidedFrom string      `json:"-"` // the address of that person
}
