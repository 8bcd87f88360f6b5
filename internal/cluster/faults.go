package cluster

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/enterprise-event-bus/eventbus"
)

// kind says what a line of the engine's log means for us.
type kind int

const (
	routine   kind = iota // a client's doing: a late heartbeat, a timed-out transaction
	transient             // a write failed and was answered with an error; it may pass
	lasting               // what is stored is not what was acknowledged
	lost                  // the state could not be saved while closing
)

// transientFor is how long a failed write keeps the engine unready.
const transientFor = 30 * time.Second

// engineLines sorts the engine's warnings by how they begin. A line that is not
// listed is lasting: a new warning must be understood before it is ignored.
var engineLines = []struct {
	begins string
	kind   kind
}{
	{"consumerHeartbeatLate:", routine},
	{"consumerRebalanceTimeout:", routine},
	{"consumerSessionTimeout:", routine},
	{"OffsetCommit STALE:", routine},
	{"txn timeout abort:", routine},
	{"txn: EndTxn slow", routine},
	{"persist batch", transient},
	{"persist group entry", transient},
	{"persist pid entry", transient},
	{"compact groups.log:", transient},
	{"compact pids.log:", transient},
	{"pids.log: discarding", routine},   // the torn last line of a crash, never acknowledged
	{"groups.log: discarding", routine}, // the same
	{"persist to disk:", lost},
	{"save session state:", lost},
}

func kindOf(format string) kind {
	for _, l := range engineLines {
		if strings.HasPrefix(format, l.begins) {
			return l.kind
		}
	}
	return lasting
}

// faults is the engine's log: it passes lines on to ours and remembers those that
// make the engine not ready.
type faults struct {
	log      *slog.Logger
	now      func() time.Time
	warnings atomic.Int64

	mu      sync.Mutex
	damaged string // why nothing may be written until a person has looked
	lasting string // the first lasting fault
	failed  string // the last transient one
	at      time.Time
	unsaved string
}

func newFaults(log *slog.Logger, now func() time.Time) *faults {
	return &faults{log: log, now: now}
}

// Logf implements the engine's Logger. Only warnings and errors are looked at;
// the rest can hold what clients sent.
func (f *faults) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelWarn && level != kfake.LogLevelError {
		return
	}
	f.warnings.Add(1)
	k, text := kindOf(format), fmt.Sprintf(format, args...)
	if k == routine {
		f.log.Warn("embedded engine", "said", text)
		return
	}
	f.log.Error("embedded engine", "said", text)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch k {
	case transient:
		f.failed, f.at = text, f.now()
	case lost:
		f.unsaved = text
	default:
		if f.lasting == "" {
			f.lasting = text
		}
	}
}

// report adds a transient fault of our own.
func (f *faults) report(text string) {
	f.log.Error("embedded engine: " + text)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed, f.at = text, f.now()
}

// setDamage says that stored data was damaged and set aside.
func (f *faults) setDamage(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.damaged = text
}

// err is nil, or says why the engine is not ready.
func (f *faults) err() error {
	if err := f.damage(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lasting != "" {
		return &eventbus.Error{Code: eventbus.CodeCorrupt,
			Message: "the embedded engine reported a fault of its stored data: " + f.lasting,
			Next:    "look at the log and the disk, then restart; compare topics with their sources"}
	}
	if f.failed != "" && f.now().Sub(f.at) < transientFor {
		return &eventbus.Error{Code: eventbus.CodeUnavailable,
			Message: "the embedded engine could not write: " + f.failed,
			Next:    "look at the disk; the bus is ready again when writes succeed"}
	}
	return nil
}

// damage is nil, or says that damaged data waits for a person.
func (f *faults) damage() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.damaged == "" {
		return nil
	}
	return &eventbus.Error{Code: eventbus.CodeCorrupt, Message: f.damaged,
		Next: "restore the data directory from a backup, or accept the loss by moving that folder away, and restart"}
}

// saveError is nil, or says what the engine could not save while closing.
func (f *faults) saveError() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unsaved == "" {
		return nil
	}
	return eventbus.Errorf(eventbus.CodeUnavailable, "the embedded engine could not save its state: %s; the next start recovers from the log", f.unsaved)
}
