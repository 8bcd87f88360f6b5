package eventbus

import (
	"testing"
	"time"
)

// TestChained: every field of an entry, and its place, is under the hash; only the
// hash itself is not.
func TestChained(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("CET", 3600))
	entry := AuditEntry{Time: at, Actor: "kim", Action: "request.approve", Resource: "r", Outcome: OutcomeAllowed, Reason: "because",
		From: "192.0.2.1", RequestID: "17", Count: 2, Detail: map[string]string{"a": "b"}}
	first := entry.Chained(1, "")
	if first.Seq != 1 || first.PrevHash != "" || first.Hash != first.ComputeHash() || len(first.Hash) != 64 {
		t.Fatalf("%+v", first)
	}
	if first.Time.Location() != time.UTC || first.Time.Nanosecond() != 123456000 || !first.Time.Equal(at.Truncate(time.Microsecond)) {
		t.Errorf("the time is kept as %v: a database keeps microseconds", first.Time)
	}
	if entry.Hash != "" || entry.Seq != 0 {
		t.Error("the entry that was given is changed")
	}
	if second := entry.Chained(2, first.Hash); second.PrevHash != first.Hash || second.Hash == first.Hash {
		t.Errorf("%+v", second)
	}
	if again := entry.Chained(1, ""); again.Hash != first.Hash {
		t.Error("the same entry has two hashes")
	}
	for name, change := range map[string]func(*AuditEntry){
		"seq":       func(e *AuditEntry) { e.Seq++ },
		"time":      func(e *AuditEntry) { e.Time = e.Time.Add(time.Microsecond) },
		"actor":     func(e *AuditEntry) { e.Actor += "x" },
		"action":    func(e *AuditEntry) { e.Action += "x" },
		"resource":  func(e *AuditEntry) { e.Resource += "x" },
		"outcome":   func(e *AuditEntry) { e.Outcome = OutcomeDenied },
		"reason":    func(e *AuditEntry) { e.Reason = "" },
		"from":      func(e *AuditEntry) { e.From = "192.0.2.2" },
		"request":   func(e *AuditEntry) { e.RequestID = "18" },
		"count":     func(e *AuditEntry) { e.Count++ },
		"detail":    func(e *AuditEntry) { e.Detail = map[string]string{"a": "c"} },
		"no detail": func(e *AuditEntry) { e.Detail = nil },
		"previous":  func(e *AuditEntry) { e.PrevHash = "00" },
		// Text may not flow from one field into the next.
		"shifted": func(e *AuditEntry) { e.Actor, e.Action = "kimrequest", ".approve" },
	} {
		changed := first
		if change(&changed); changed.ComputeHash() == first.Hash {
			t.Errorf("%s is not under the hash", name)
		}
	}
	forged := first
	if forged.Hash = "00"; forged.ComputeHash() != first.Hash {
		t.Error("the hash is under itself")
	}
}
