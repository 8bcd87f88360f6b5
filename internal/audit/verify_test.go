package audit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/clocktest"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	_ "modernc.org/sqlite" // the intruder's way in
)

// record opens a real store with n entries, and the database beside it.
func record(t *testing.T, n int) (*store.Store, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus.db")
	s, err := store.Open(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	log := audit.New(audit.Config{Now: clocktest.At(day).Now}, s)
	for i := range n {
		if err := log.Append(t.Context(), eventbus.AuditEntry{Actor: fmt.Sprint("person", i), Action: "login", Outcome: eventbus.OutcomeAllowed,
			Reason: "r", From: "f", RequestID: "q", Detail: map[string]string{"k": "v"}}); err != nil {
			t.Fatal(err)
		}
	}
	return s, db
}

func change(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatal(err)
	}
}

func verify(t *testing.T, s audit.Store, heads ...audit.Head) audit.Report {
	t.Helper()
	report, err := audit.Verify(context.Background(), s, heads...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestVerifySound(t *testing.T) {
	for _, n := range []int{0, 1, 7, 2100} { // the last is more than two pages
		c := &chain{}
		for range n {
			c.AppendAudit(t.Context(), eventbus.AuditEntry{Time: day, Action: "login"})
		}
		report := verify(t, c)
		seq, hash, _ := c.AuditHead(t.Context())
		if !report.OK() || report.Entries != int64(n) || report.HeadSeq != seq || report.HeadHash != hash {
			t.Errorf("%d entries: %+v", n, report)
		}
	}
	s, _ := record(t, 5)
	if report := verify(t, s); !report.OK() || report.Entries != 5 {
		t.Errorf("on a database: %+v", report)
	}
}

// Every column of every entry: an edit names that entry.
func TestVerifyEdited(t *testing.T) {
	const n = 4
	s, db := record(t, n)
	for _, column := range []string{"at", "actor", "action", "resource", "outcome", "reason", "origin", "request_id", "calls", "detail", "prev_hash", "hash"} {
		for seq := int64(1); seq <= n; seq++ {
			var was any
			if err := db.QueryRow("SELECT "+column+" FROM audit_entries WHERE seq = $1", seq).Scan(&was); err != nil {
				t.Fatal(err)
			}
			for _, forged := range []any{7, `{"k":"w"}`, ""} {
				if _, text := was.(string); text == (forged == 7) {
					continue
				}
				change(t, db, "UPDATE audit_entries SET "+column+" = $1 WHERE seq = $2", forged, seq)
				report := verify(t, s)
				if report.FirstBad != seq && fmt.Sprint(was) != fmt.Sprint(forged) {
					t.Errorf("%s of entry %d edited: %+v", column, seq, report)
				}
			}
			change(t, db, "UPDATE audit_entries SET "+column+" = $1 WHERE seq = $2", was, seq)
		}
	}
	if report := verify(t, s); !report.OK() {
		t.Fatalf("put back: %+v", report)
	}
}

func TestVerifyTampered(t *testing.T) {
	const n = 5
	key := []byte("a key that is kept elsewhere")
	swap := func(a, b int) func(*testing.T, *sql.DB) {
		return func(t *testing.T, db *sql.DB) {
			change(t, db, "UPDATE audit_entries SET seq = -1 WHERE seq = $1", a)
			change(t, db, "UPDATE audit_entries SET seq = $1 WHERE seq = $2", a, b)
			change(t, db, "UPDATE audit_entries SET seq = $1 WHERE seq = -1", b)
		}
	}
	run := func(statements ...string) func(*testing.T, *sql.DB) {
		return func(t *testing.T, db *sql.DB) {
			for _, s := range statements {
				change(t, db, s)
			}
		}
	}
	tests := []struct {
		name    string
		tamper  func(*testing.T, *sql.DB)
		saved   bool // a signed head was kept elsewhere
		want    int64
		problem string
	}{
		{"nothing", run(), true, 0, ""},
		{"first deleted", run("DELETE FROM audit_entries WHERE seq = 1"), false, 1, "missing"},
		{"one deleted", run("DELETE FROM audit_entries WHERE seq = 3"), false, 3, "missing"},
		{"two deleted", run("DELETE FROM audit_entries WHERE seq IN (2, 4)"), false, 2, "missing"},
		{"all deleted", run("DELETE FROM audit_entries"), false, 1, "it had 5 entries"},
		{"neighbours swapped", swap(2, 3), false, 2, "edited"},
		{"ends swapped", swap(1, 5), false, 1, "edited"},
		{"deleted and closed up", run("DELETE FROM audit_entries WHERE seq = 3", "UPDATE audit_entries SET seq = 3 WHERE seq = 4",
			"UPDATE audit_entries SET seq = 4 WHERE seq = 5"), false, 3, "edited"},
		{"tail cut", run("DELETE FROM audit_entries WHERE seq > 3"), false, 4, "it had 5 entries"},
		{"last replaced with a right hash", forge(5, 5), false, 5, "saved head"},
		{"one replaced with a right hash", forge(3, 3), false, 3, "chained to another"},
		{"first replaced with a right hash", forge(1, 1), false, 1, "chained to another"},
		{"rewritten to the end", forge(2, 5), false, 5, "saved head"},
		{"tail cut, head too", func(t *testing.T, db *sql.DB) {
			change(t, db, "DELETE FROM audit_entries WHERE seq > 3")
			change(t, db, "UPDATE audit_head SET seq = 3, hash = (SELECT hash FROM audit_entries WHERE seq = 3)")
		}, true, 4, "it had 5 entries"},
		{"rewritten to the end, head too", func(t *testing.T, db *sql.DB) {
			forge(2, 5)(t, db)
			change(t, db, "UPDATE audit_head SET hash = (SELECT hash FROM audit_entries WHERE seq = 5)")
		}, true, 5, "saved head"},
		{"all gone, head too", run("DELETE FROM audit_entries", "UPDATE audit_head SET seq = 0, hash = ''"), true, 1, "it had 5 entries"},
		{"head alone", run("UPDATE audit_head SET hash = 'x'"), false, 5, "saved head"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, db := record(t, n)
			seq, hash, err := s.AuditHead(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var heads []audit.Head
			if test.saved {
				heads = append(heads, audit.SignHead(key, seq, hash, day))
			}
			test.tamper(t, db)
			report := verify(t, s, heads...)
			if report.FirstBad != test.want || !strings.Contains(report.Problem, test.problem) || report.OK() != (test.want == 0) {
				t.Errorf("%+v, want entry %d: %s", report, test.want, test.problem)
			}
			if test.want > 0 && report.HeadSeq >= test.want && !strings.Contains(report.Problem, "replaced") {
				t.Errorf("%+v: the last good entry is not before the first bad one", report)
			}
		})
	}
}

// forge rewrites entries first..last as somebody would who knows how hashes are
// made, each chained to the one before.
func forge(first, last int64) func(*testing.T, *sql.DB) {
	return func(t *testing.T, db *sql.DB) {
		for seq := first; seq <= last; seq++ {
			previous := ""
			if seq > 1 {
				if err := db.QueryRow("SELECT hash FROM audit_entries WHERE seq = $1", seq-1).Scan(&previous); err != nil {
					t.Fatal(err)
				}
			}
			e := eventbus.AuditEntry{Time: day, Actor: "mallory", Action: "login", Outcome: eventbus.OutcomeAllowed}.Chained(seq, previous)
			change(t, db, `UPDATE audit_entries SET at = $1, actor = $2, reason = '', origin = '', request_id = '', detail = '', prev_hash = $3, hash = $4
				WHERE seq = $5`, e.Time.UnixMicro(), e.Actor, e.PrevHash, e.Hash, seq)
		}
	}
}

func TestVerifyUnreadable(t *testing.T) {
	away := errors.New("away")
	if _, err := audit.Verify(t.Context(), &chain{fail: away}); !errors.Is(err, away) {
		t.Errorf("error %v", err)
	}
}

func TestHead(t *testing.T) {
	key := []byte("k")
	h := audit.SignHead(key, 7, "abc", day.Add(time.Nanosecond))
	if err := h.Check(key); err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string]audit.Head{
		"place":     {Seq: 8, Hash: h.Hash, At: h.At, MAC: h.MAC},
		"hash":      {Seq: 7, Hash: "abd", At: h.At, MAC: h.MAC},
		"time":      {Seq: 7, Hash: h.Hash, At: h.At.Add(time.Second), MAC: h.MAC},
		"signature": {Seq: 7, Hash: h.Hash, At: h.At, MAC: strings.Repeat("0", 64)},
		"unsigned":  {Seq: 7, Hash: h.Hash, At: h.At},
	} {
		if err := forged.Check(key); eventbus.CodeOf(err) != eventbus.CodeCorrupt {
			t.Errorf("forged %s: %v", name, err)
		}
	}
	if err := h.Check([]byte("other")); eventbus.CodeOf(err) != eventbus.CodeCorrupt {
		t.Errorf("another key: %v", err)
	}
}

func TestHeadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "head.json")
	key := []byte("k")
	for seq := range int64(3) {
		want := audit.SignHead(key, seq, "abc", day)
		if err := audit.WriteHeadFile(path, want); err != nil {
			t.Fatal(err)
		}
		if got, err := audit.ReadHeadFile(path); err != nil || got != want || got.Check(key) != nil {
			t.Fatalf("read %+v, %v; want %+v", got, err, want)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files left behind: %v", files)
	}
	if _, err := audit.ReadHeadFile(path + "x"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("absent file: %v", err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.ReadHeadFile(path); eventbus.CodeOf(err) != eventbus.CodeCorrupt {
		t.Errorf("damaged file: %v", err)
	}
	if err := audit.WriteHeadFile(filepath.Join(path, "x"), audit.Head{}); err == nil {
		t.Error("written below a file")
	}
}

func TestRunSavesHead(t *testing.T) {
	c := &chain{}
	key := []byte("k")
	var saved []audit.Head
	log := audit.New(audit.Config{Now: clocktest.At(day).Now, HeadKey: key,
		SaveHead: func(_ context.Context, h audit.Head) error { saved = append(saved, h); return nil }}, c)
	call := caller(t, log)
	call("Write", "t", true)
	call("Write", "t", true)
	stop(t, log)
	if len(saved) != 1 || saved[0].Seq != 2 || saved[0].Check(key) != nil {
		t.Fatalf("saved %+v, want the head after the last count", saved)
	}
	if report := verify(t, c, saved...); !report.OK() {
		t.Errorf("%+v", report)
	}
	refusing := audit.New(audit.Config{HeadKey: key, SaveHead: func(context.Context, audit.Head) error { return os.ErrPermission }}, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := refusing.Run(ctx); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a head that cannot be saved: %v", err)
	}
}
