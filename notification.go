package eventbus

import "time"

// Notification is a message to people, written in the same transaction as the
// decision it tells of and delivered at least once, deduplicated by ID.
type Notification struct {
	ID      string    `json:"id"` // the same event and receiver give the same id
	At      time.Time `json:"at"`
	To      Audience  `json:"to"`
	Subject string    `json:"subject"`
	Body    string    `json:"body"`
	Link    string    `json:"link,omitempty"` // path within the portal
	Read    bool      `json:"read,omitempty"`
}

// Audience says who receives a notification: exactly one field is set.
type Audience struct {
	Person string `json:"person,omitempty"` // person id
	Team   string `json:"team,omitempty"`
	Role   Role   `json:"role,omitempty"`
	Email  string `json:"email,omitempty"` // a group address outside the directory
}
