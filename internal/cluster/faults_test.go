package cluster

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/enterprise-event-bus/eventbus"
)

func TestWhatTheEnginesLinesMean(t *testing.T) {
	for format, want := range map[string]kind{
		"consumerSessionTimeout: group=%s member=%s epoch=%d":            routine,
		"OffsetCommit STALE: group=%s":                                   routine,
		"txn timeout abort: txn_id=%s":                                   routine,
		"persist batch %s-%d: %v":                                        transient,
		"persist batch mkdir %s: %v":                                     transient,
		"persist group entry write: %v":                                  transient,
		"persist %s: %v":                                                 lasting, // topics, configs: would be gone after a restart
		"partition %s-%d segment %d: truncating %d corrupt bytes":        lasting,
		"delete topic %s partition %d dir: %v":                           lasting, // deleted records would come back
		"endTx: failed to persist control batch for %s p%d pid %d":       lasting,
		"rebuildSegments %s-%d: write: %v":                               lasting,
		"persist to disk: %v":                                            lost,
		"save session state: %v":                                         lost,
		"a warning that a newer engine has and nobody has thought about": lasting,
	} {
		if got := kindOf(format); got != want {
			t.Errorf("%q is of kind %d, want %d", format, got, want)
		}
	}
}

func TestFaultsFailReadiness(t *testing.T) {
	now := time.Now()
	open := func() (*faults, *bytes.Buffer) {
		var log bytes.Buffer
		return newFaults(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now }), &log
	}
	t.Run("routine lines are warnings", func(t *testing.T) {
		f, log := open()
		f.Logf(kfake.LogLevelWarn, "consumerSessionTimeout: group=%s", "readers")
		if err := f.err(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "readers") {
			t.Errorf("log %q", log)
		}
	})
	t.Run("talk is not logged", func(t *testing.T) {
		f, log := open()
		f.Logf(kfake.LogLevelInfo, "client %s request unable to be handled: %v", "a", "b")
		f.Logf(kfake.LogLevelDebug, "saveSessionState: nothing to save")
		if log.Len() != 0 || f.warnings.Load() != 0 || f.err() != nil {
			t.Errorf("log %q", log)
		}
	})
	t.Run("a failed write passes", func(t *testing.T) {
		f, log := open()
		f.Logf(kfake.LogLevelWarn, "persist batch %s-%d: %v", "orders", 0, "no space left on device")
		wantCode(t, f.err(), eventbus.CodeUnavailable)
		if !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("log %q", log)
		}
		now = now.Add(transientFor)
		if err := f.err(); err != nil {
			t.Errorf("after a while: %v", err)
		}
	})
	t.Run("damage stays", func(t *testing.T) {
		f, _ := open()
		f.Logf(kfake.LogLevelWarn, "partition %s-%d segment %d: truncating %d corrupt bytes", "orders", 0, 0, 7)
		now = now.Add(24 * time.Hour)
		wantCode(t, f.err(), eventbus.CodeCorrupt)
		if !strings.Contains(f.err().Error(), "orders-0 segment 0: truncating 7 corrupt bytes") {
			t.Errorf("error %q", f.err())
		}
	})
	t.Run("an unsaved state fails Close", func(t *testing.T) {
		f, _ := open()
		if err := f.saveError(); err != nil {
			t.Error(err)
		}
		f.Logf(kfake.LogLevelError, "persist to disk: %v", "no space left on device")
		wantCode(t, f.saveError(), eventbus.CodeUnavailable)
	})
}
