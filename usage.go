package eventbus

import "time"

// Direction says which way records went.
type Direction string

// The two directions.
const (
	Produced Direction = "produce"
	Consumed Direction = "consume"
)

// Usage is what one principal did with one topic: kept per (principal, topic,
// group, direction, schema id) and period. No payload, no key.
type Usage struct {
	Principal string    `json:"principal"` // Principal.Identity
	Topic     string    `json:"topic"`
	Group     string    `json:"group,omitempty"` // consumer group, when known
	Direction Direction `json:"direction"`
	SchemaID  int       `json:"schemaId,omitempty"` // 0 when not known
	FirstSeen time.Time `json:"firstSeen"`
	LastSeen  time.Time `json:"lastSeen"`
	Records   int64     `json:"records"`
	Bytes     int64     `json:"bytes"`
}

// UsageBucket is the Usage of one hour or one day.
type UsageBucket struct {
	Start time.Time     `json:"start"`
	Width time.Duration `json:"width"` // an hour or a day
	Usage
}

// UsageQuery selects usage; zero fields do not restrict.
type UsageQuery struct {
	Topic, Principal, Group string
	Direction               Direction
	Since, Until            time.Time
	Width                   time.Duration // an hour or a day; 0 = both
}
