package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
)

// TestOlderDatabaseIsNoticed: a database that was put back as it was verifies by
// itself; against the head that was saved outside it does not. A head that
// somebody else signed is no head.
func TestOlderDatabaseIsNoticed(t *testing.T) {
	dir := t.TempDir()
	database, head := filepath.Join(dir, "eventbus.db"), filepath.Join(dir, auditHeadFile)
	check := func(wantOK bool) {
		t.Helper()
		onFolder(t, dir, 0, nil, func(w *world) {
			saved, err := w.auditHead.saved()
			if err != nil || len(saved) != 1 {
				t.Fatalf("saved heads %+v, %v", saved, err)
			}
			if report, err := audit.Verify(w.ctx, w.store); err != nil || !report.OK() {
				t.Fatalf("by itself: %+v, %v", report, err)
			}
			if report, err := audit.Verify(w.ctx, w.store, saved...); err != nil || report.OK() != wantOK {
				t.Fatalf("against the saved head: %+v, %v; want ok %v", report, err, wantOK)
			}
		})
	}
	onFolder(t, dir, 0, nil, func(w *world) {
		if saved, err := w.auditHead.saved(); err != nil || len(saved) != 0 {
			t.Fatalf("before the first: %+v, %v", saved, err)
		}
		w.apply(w.partnerManifest())
	})
	older, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	onFolder(t, dir, 0, nil, func(w *world) {
		w.must(w.onboarding.Draft(w.ctx, w.as("producer"), w.example("producer.yaml")))
	})
	check(true)
	for _, file := range []string{database + "-wal", database + "-shm"} {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(database, older, 0o600); err != nil {
		t.Fatal(err)
	}
	check(false)
	if err := os.WriteFile(head, []byte(`{"seq":1,"hash":"x","at":"2026-11-22T09:00:00Z","mac":"00"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	onFolder(t, dir, 0, nil, func(w *world) {
		if _, err := w.auditHead.saved(); eventbus.CodeOf(err) != eventbus.CodeCorrupt {
			t.Fatalf("a head that somebody wrote: %v", err)
		}
	})
}
