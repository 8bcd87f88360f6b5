package provision

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

// TestOnARealStore plays all scenes with plans, steps, grants, wanted state,
// catalog, lease and audit in SQLite, with a crash in the middle of each.
func TestOnARealStore(t *testing.T) {
	w := newMemory()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	w.topics["dev_found"] = eventbus.Topic{Name: "dev_found", Partitions: 2}
	bus := func() *Provisioner {
		p := w.bus()
		p.world.Plans, p.world.Wanted, p.world.Grants, p.world.Catalog, p.world.Audit, p.world.Environments, p.world.Leases = db, db, db, db, db, w, nil
		p.cfg.NewID = New(Config{}, World{}).cfg.NewID
		return p
	}
	for i, m := range scenes() {
		w.now = w.now.AddDate(0, 0, 40)
		plan, err := bus().Plan(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		passed := 0
		w.fail = func(string) error {
			if passed++; passed == len(plan.Changes)+1 {
				return errors.New("killed")
			}
			return nil
		}
		err = bus().Apply(t.Context(), operator, plan, m, everything)
		w.fail = nil
		if err == nil {
			t.Fatalf("scene %d was not killed", i)
		}
		if err := bus().Resume(t.Context()); err != nil {
			t.Fatalf("scene %d: %v", i, err)
		}
		if again, err := bus().Plan(t.Context(), m); err != nil || !again.Empty() {
			t.Fatalf("scene %d: %v\n%s", i, err, Render(again))
		}
		if unfinished, err := db.UnfinishedPlans(t.Context()); err != nil || len(unfinished) > 0 {
			t.Fatalf("scene %d: %d unfinished plans, %v", i, len(unfinished), err)
		}
	}
	checkChain(t, db)
}

func checkChain(t *testing.T, db *store.Store) {
	t.Helper()
	entries, err := db.AuditEntries(context.Background(), eventbus.AuditQuery{Limit: 1000})
	if err != nil || len(entries) < 50 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, e := range entries {
		if e.Hash != e.ComputeHash() || i > 0 && e.PrevHash != entries[i-1].Hash {
			t.Fatalf("the chain breaks at %d", e.Seq)
		}
	}
}
