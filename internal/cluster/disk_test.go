package cluster

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

func TestFullReason(t *testing.T) {
	cfg := Config{DataDir: "/data", DiskBudget: 1000, MinFree: 400}
	for _, c := range []struct {
		name       string
		used, free int64
		cfg        Config
		was, full  bool
	}{
		{"empty", 0, 5000, cfg, false, false},
		{"below the budget", 900, 5000, cfg, false, false},
		{"near the budget", 901, 5000, cfg, false, true},
		{"still near the budget", 801, 5000, cfg, true, true},
		{"well below the budget again", 800, 5000, cfg, true, false},
		{"as much free as must be", 0, 400, cfg, false, false},
		{"too little free", 0, 399, cfg, false, true},
		{"still little free", 0, 499, cfg, true, true},
		{"enough free again", 0, 500, cfg, true, false},
		{"free space is not known", 0, -1, cfg, false, false},
		{"free space does not matter in memory", 0, 10, Config{DiskBudget: 1000, MinFree: 400}, false, false},
		{"no limits", math.MaxInt64, 0, Config{DataDir: "/data", DiskBudget: -1, MinFree: -1}, true, false},
	} {
		err := fullReason(c.used, c.free, c.cfg, c.was)
		if (err != nil) != c.full {
			t.Errorf("%s: %v, want full %v", c.name, err, c.full)
		}
		if err != nil {
			wantCode(t, err, eventbus.CodeUnavailable)
		}
	}
}

func TestAFullDiskMakesTheEngineReadOnly(t *testing.T) {
	e := start(t, Config{DataDir: filepath.Join(t.TempDir(), "data"), MinFree: math.MaxInt64 / 2}, nil)
	wantCode(t, e.Writable(), eventbus.CodeUnavailable)
	wantCode(t, e.CreateTopic(t.Context(), eventbus.Topic{Name: "orders", Partitions: 1}), eventbus.CodeUnavailable)
	if names, err := e.topicNames(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("topics %v, %v", names, err)
	}
	if err := e.Ready(); err != nil {
		t.Errorf("reading goes on, so the engine is ready: %v", err)
	}
	if !strings.Contains(e.Writable().Error(), "read-only") {
		t.Errorf("reason: %v", e.Writable())
	}
}

func TestWritesAreTakenAgainWhenThereIsRoom(t *testing.T) {
	e := start(t, Config{DiskBudget: 5000, MinFree: -1}, nil)
	create(t, e, "orders", 1, map[string]string{"retention.bytes": "1000"})
	produce(t, e, "orders", 100, nil)
	check := func() error {
		t.Helper()
		if err := e.checkDisk(t.Context()); err != nil {
			t.Fatal(err)
		}
		return e.Writable()
	}
	wantCode(t, check(), eventbus.CodeUnavailable)
	retain(t, e)
	if err := check(); err != nil {
		t.Errorf("after retention made room: %v", err)
	}
}

func TestAStartAboveTheBudgetIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	e := start(t, Config{DataDir: dir}, nil)
	create(t, e, "orders", 1, nil)
	produce(t, e, "orders", 100, nil)
	stop(t, e)
	_, err := OpenEmbedded(t.Context(), Config{DataDir: dir, DiskBudget: 1000}, nil)
	wantCode(t, err, eventbus.CodeUnavailable)
	if !strings.Contains(err.Error(), "disk budget is 1000") {
		t.Errorf("error %q", err)
	}
	e = start(t, Config{DataDir: dir}, nil) // nothing was changed, the lock is free
	if got := values(t, e, "orders"); len(got) != 100 {
		t.Errorf("%d records", len(got))
	}
}

func TestDefaults(t *testing.T) {
	c := Config{}.withDefaults()
	if c.DiskBudget <= 0 || c.MinFree != DefaultMinFree || c.RetentionEvery != DefaultRetentionEvery ||
		c.CheckEvery != DefaultCheckEvery || c.Logger == nil || c.Now == nil || c.Limits.MaxPartitions == 0 {
		t.Errorf("defaults: %+v", c)
	}
	if ram := memorySize(); ram > 0 && c.DiskBudget != ram/4 {
		t.Errorf("budget %d of %d bytes of memory", c.DiskBudget, ram)
	}
	if memTotal(filepath.Join(t.TempDir(), "none")) != 0 {
		t.Error("memory of a machine that says nothing")
	}
}
