package eventbus

import "time"

// IdempotentCall is a call that its caller named with an Idempotency-Key, and
// what it was answered, so that a repetition does nothing and hears the same
// (IETF draft-ietf-httpapi-idempotency-key-header).
type IdempotentCall struct {
	Key      string            `json:"key"`  // SHA-256 of caller, address and Idempotency-Key, hex
	Body     string            `json:"body"` // SHA-256 of the request's body, hex
	At       time.Time         `json:"at"`
	Status   int               `json:"status"` // of the answer; 0 while there is none
	Header   map[string]string `json:"header,omitempty"`
	Text     []byte            `json:"text,omitempty"`     // of the answer
	Withheld bool              `json:"withheld,omitempty"` // the answer holds a secret, or is too large to be kept
}
