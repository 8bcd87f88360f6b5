package eventbus

import "time"

// Grant lets a principal produce to or consume from an event's topic in one
// environment, for a purpose, until a review date. The IAM policy of the
// principal is derived from its grants.
type Grant struct {
	ID              string    `json:"id"`
	Event           string    `json:"event"`
	Environment     string    `json:"environment"`
	Topic           string    `json:"topic"`
	Direction       Direction `json:"direction"`
	Principal       string    `json:"principal"`             // ARN of a role or user
	GroupPrefix     string    `json:"groupPrefix,omitempty"` // consume: the group id, or a prefix when it ends in "*"
	System          string    `json:"system,omitempty"`      // consuming or producing system
	Team            string    `json:"team,omitempty"`
	Idempotent      bool      `json:"idempotent,omitempty"`
	TransactionalID string    `json:"transactionalId,omitempty"`
	TrustedBy       []string  `json:"trustedBy,omitempty"` // a role that the bus creates: ARNs that may assume it
	Contact         string    `json:"contact,omitempty"`   // technical contact: is shown a created user's secret, once
	Purpose         string    `json:"purpose"`
	ReviewDate      string    `json:"reviewDate,omitempty"` // YYYY-MM-DD
	ApprovedBy      []string  `json:"approvedBy,omitempty"`
	RequestID       string    `json:"requestId,omitempty"`
	CreatedAt       time.Time `json:"createdAt"`
	RevokedAt       time.Time `json:"revokedAt,omitzero"`
	Version         int64     `json:"version"`
}

// Active reports whether the grant is in force.
func (g Grant) Active() bool { return g.RevokedAt.IsZero() }

// GrantQuery selects grants; zero fields do not restrict.
type GrantQuery struct {
	Event, Environment, Topic, Principal string
	Direction                            Direction
	RequestID                            string
	ActiveOnly                           bool
}
