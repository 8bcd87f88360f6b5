package eventbus

import (
	"regexp"
	"strings"
	"time"
)

// PrincipalKind says what sort of identity a Principal is.
type PrincipalKind string

// The kinds of principals.
const (
	PrincipalUser  PrincipalKind = "user"         // an IAM user with access keys
	PrincipalRole  PrincipalKind = "role"         // an IAM role, as named in grants
	PrincipalTaken PrincipalKind = "assumed-role" // a session of a role
	PrincipalLocal PrincipalKind = "local"        // the local administrator: PLAINTEXT or registry on loopback in dev
)

// Principal is who calls a door: an AWS IAM identity by its ARN. The zero value
// is nobody.
type Principal struct {
	ARN     string        `json:"arn"`
	Kind    PrincipalKind `json:"kind"`
	Account string        `json:"account,omitempty"`
	Name    string        `json:"name"`              // user or role name
	Session string        `json:"session,omitempty"` // role session name of an assumed role
}

// LocalAdministrator is the caller on the loopback PLAINTEXT listener and the
// open registry of `dev`.
func LocalAdministrator() Principal {
	return Principal{ARN: "local:administrator", Kind: PrincipalLocal, Name: "local administrator"}
}

// Identity is what grants, policies and re-authentication compare: an assumed
// role is its role, whatever the session is called (SDKs invent a new session
// name at each refresh).
func (p Principal) Identity() string {
	if p.Kind != PrincipalTaken {
		return p.ARN
	}
	partition, _, _ := strings.Cut(strings.TrimPrefix(p.ARN, "arn:"), ":")
	return RoleARN(partition, p.Account, p.Name)
}

// String gives the ARN.
func (p Principal) String() string { return p.ARN }

// Deployment is the AWS coordinates under which a bus is addressed in ARNs.
type Deployment struct {
	Partition string `json:"partition" yaml:"partition"` // aws, aws-us-gov, aws-cn
	Region    string `json:"region" yaml:"region"`
	Account   string `json:"account" yaml:"account"` // 12 digits
	Cluster   string `json:"cluster" yaml:"cluster"` // cluster name
	UUID      string `json:"uuid" yaml:"uuid"`       // MSK's cluster UUID

	// Path is the IAM path of the principals that the bus makes there, without
	// the first slash: "eventbus/production/". Empty in the bus's own directory.
	Path string `json:"path,omitempty" yaml:"path,omitempty"`
}

// RoleARN names a role below the deployment's Path.
func (d Deployment) RoleARN(name string) string { return RoleARN(d.Partition, d.Account, d.Path+name) }

// UserARN names a user below the deployment's Path.
func (d Deployment) UserARN(name string) string { return UserARN(d.Partition, d.Account, d.Path+name) }

// DemoDeployment is the deployment of `eventbus dev`.
func DemoDeployment() Deployment {
	return Deployment{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012",
		Cluster: "eventbus", UUID: "00000000-0000-0000-0000-000000000000-1"}
}

// ClusterARN, TopicARN, GroupARN and TransactionalIDARN are the resource names
// of MSK's IAM access control (AWS MSK Developer Guide, "Resources").
func (d Deployment) ClusterARN() string { return d.arn("cluster", "") }

// TopicARN names a topic.
func (d Deployment) TopicARN(topic string) string { return d.arn("topic", topic) }

// GroupARN names a consumer group.
func (d Deployment) GroupARN(group string) string { return d.arn("group", group) }

// TransactionalIDARN names a transactional id.
func (d Deployment) TransactionalIDARN(id string) string { return d.arn("transactional-id", id) }

func (d Deployment) arn(kind, name string) string {
	s := "arn:" + d.Partition + ":kafka:" + d.Region + ":" + d.Account + ":" + kind + "/" + d.Cluster + "/" + d.UUID
	if kind != "cluster" {
		s += "/" + name
	}
	return s
}

// RoleARN and UserARN name identities.
func RoleARN(partition, account, name string) string {
	return "arn:" + partition + ":iam::" + account + ":role/" + name
}

// UserARN names an IAM user.
func UserARN(partition, account, name string) string {
	return "arn:" + partition + ":iam::" + account + ":user/" + name
}

// AssumedRoleARN names a session of a role.
func AssumedRoleARN(partition, account, role, session string) string {
	return "arn:" + partition + ":sts::" + account + ":assumed-role/" + role + "/" + session
}

var identityARN = regexp.MustCompile(`^arn:(aws|aws-us-gov|aws-cn):iam::(\d{12}):(role|user)/((?:[\w+=,.@-]+/)*)([\w+=,.@-]{1,64})$`)

// ParseIdentityARN reads the ARN of an IAM role or user; root and wildcards are
// refused. Path parts before the name are allowed and are not part of Name.
func ParseIdentityARN(arn string) (Principal, error) {
	m := identityARN.FindStringSubmatch(arn)
	if m == nil {
		return Principal{}, Errorf(CodeInvalid, "%q is not the ARN of an IAM role or user (arn:aws-us-gov:iam::123456789012:role/name)", arn)
	}
	return Principal{ARN: arn, Kind: PrincipalKind(m[3]), Account: m[2], Name: m[5]}, nil
}

// IAMUser is a user of the bus's own directory: an identity outside AWS that
// signs with access keys.
type IAMUser struct {
	Name      string           `json:"name"`
	ARN       string           `json:"arn"`
	Policies  []AttachedPolicy `json:"policies,omitempty"`
	Disabled  bool             `json:"disabled,omitempty"`
	Team      string           `json:"team,omitempty"`
	ManagedBy string           `json:"managedBy,omitempty"` // the request or manifest that made it; empty when made by hand
	CreatedAt time.Time        `json:"createdAt"`
	Version   int64            `json:"version"` // optimistic lock; 0 when new
}

// IAMRole is a role of the bus's own directory; Trust says who may assume it.
type IAMRole struct {
	Name       string           `json:"name"`
	ARN        string           `json:"arn"`
	Trust      string           `json:"trust"` // trust policy document, JSON
	Policies   []AttachedPolicy `json:"policies,omitempty"`
	MaxSession time.Duration    `json:"maxSession,omitempty"` // 15 min to 12 h; 0 = 1 h
	Team       string           `json:"team,omitempty"`
	ManagedBy  string           `json:"managedBy,omitempty"`
	CreatedAt  time.Time        `json:"createdAt"`
	Version    int64            `json:"version"`
}

// AttachedPolicy is an IAM policy document attached to a user or role.
type AttachedPolicy struct {
	Name     string `json:"name"`
	Document string `json:"document"` // IAM JSON, version 2012-10-17
}

// AccessKey is a long-lived key of a user. The secret is kept sealed; it leaves
// the bus once, when the key is made.
type AccessKey struct {
	ID        string    `json:"id"` // AKIA…
	User      string    `json:"user"`
	Sealed    []byte    `json:"-"` // secret, encrypted at rest
	Disabled  bool      `json:"disabled,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	LastUsed  time.Time `json:"lastUsed,omitzero"`
	Version   int64     `json:"version"`
}

// KeyOffer is a new access key that its technical contact may collect, once. For
// a user of the bus's own directory the secret stays where the directory has
// sealed it; AWS shows a secret never again, so that the offer of one there has it.
type KeyOffer struct {
	User        string    `json:"user"`              // name of the IAM user; its ARN when AWS keeps it
	KeyID       string    `json:"keyId"`             // empty: it was withdrawn, another is being made
	Team        string    `json:"team"`              // who may collect it
	Contact     string    `json:"contact,omitempty"` // of the team; empty: anybody of it
	RequestID   string    `json:"requestId,omitempty"`
	OfferedAt   time.Time `json:"offeredAt"`
	ExpiresAt   time.Time `json:"expiresAt"`
	CollectedBy string    `json:"collectedBy,omitempty"` // person id
	CollectedAt time.Time `json:"collectedAt,omitzero"`
	Sealed      []byte    `json:"sealed,omitempty"` // on AWS: the secret, encrypted, until it is collected
	Version     int64     `json:"version"`
}

// OnAWS reports whether AWS keeps the user.
func (o KeyOffer) OnAWS() bool { return strings.HasPrefix(o.User, "arn:") }

// Waits reports whether the key may still be collected.
func (o KeyOffer) Waits(now time.Time) bool {
	return o.KeyID != "" && o.CollectedAt.IsZero() && now.Before(o.ExpiresAt)
}

// For reports whether a person is the contact, by id, name or address, or one of
// the team where no contact is named. Whoever it is belongs to the team.
func (o KeyOffer) For(p Person) bool {
	named := o.Contact == "" || o.Contact == p.ID || o.Contact == p.Name || o.Contact == p.Email
	return named && p.In(o.Team)
}

// DirectoryChanges is what became of users, roles and access keys since an
// earlier version of the directory.
type DirectoryChanges struct {
	Version   int64 // of the directory with these changes
	All       bool  // Users, Roles and Keys are all that there are
	Users     []IAMUser
	Roles     []IAMRole
	Keys      []AccessKey
	GoneUsers []string // by name
	GoneRoles []string // by name
	GoneKeys  []string // by id
}
