package eventbus

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Outcome is how an audited act ended.
type Outcome string

// The outcomes of an audit entry.
const (
	OutcomeIntent  Outcome = "intent"  // about to be done; written before the effect
	OutcomeAllowed Outcome = "allowed" // done, or let through
	OutcomeDenied  Outcome = "denied"  // refused
	OutcomeFailed  Outcome = "failed"  // tried and not done
)

// AuditEntry is one line of the append-only, hash-chained record. It never
// carries payloads, record keys or secrets. Seq, PrevHash and Hash are set by
// package audit when the entry is appended.
type AuditEntry struct {
	Seq       int64             `json:"seq"` // 1, 2, 3, … without a gap
	Time      time.Time         `json:"time"`
	Actor     string            `json:"actor"`    // Actor.Name or a principal's ARN
	Action    string            `json:"action"`   // "request.approve", "kafka-cluster:WriteData", "login", …
	Resource  string            `json:"resource"` // ARN, request id, subject, …
	Outcome   Outcome           `json:"outcome"`
	Reason    string            `json:"reason,omitempty"` // why: the deciding statement, the failed check
	From      string            `json:"from,omitempty"`   // remote address
	RequestID string            `json:"requestId,omitempty"`
	Count     int64             `json:"count,omitempty"`  // data plane: calls summed up in this entry
	Detail    map[string]string `json:"detail,omitempty"` // small facts, before/after
	PrevHash  string            `json:"prevHash"`
	Hash      string            `json:"hash"`
}

// Chained gives the entry its place in the chain: Seq, PrevHash and the hash
// over everything else. The store calls it inside the transaction that appends.
func (e AuditEntry) Chained(seq int64, prevHash string) AuditEntry {
	e.Seq, e.PrevHash = seq, prevHash
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.Hash = e.ComputeHash()
	return e
}

// ComputeHash is the SHA-256, in hex, of the entry's JSON without its Hash;
// PrevHash is part of it, so that a change anywhere breaks every later entry.
func (e AuditEntry) ComputeHash() string {
	e.Hash = ""
	text, err := json.Marshal(e)
	if err != nil { // strings, numbers and a map of strings always encode
		panic("eventbus: audit entry does not encode: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// AuditQuery selects audit entries; zero fields do not restrict.
type AuditQuery struct {
	Actor, Action, Resource string // exact; a trailing "*" matches a prefix
	Outcome                 Outcome
	Since, Until            time.Time
	AfterSeq                int64 // oldest first: entries after it
	BeforeSeq               int64 // newest first: entries before it
	NewestFirst             bool
	Limit                   int // 1..1000, 0 = 100
}
