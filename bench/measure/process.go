package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// PID is a process to look at.
type PID int

// CPU gives the processor time used so far, user and system, in seconds; the
// kernel counts in hundredths.
func (p PID) CPU() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat reads %q", p, text)
	}
	user, err := strconv.ParseFloat(fields[11], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100, err
}

// Processes are those that serve together.
type Processes []PID

// CPU gives the processor time that they have used so far, in seconds.
func (p Processes) CPU() (total float64, err error) {
	for _, one := range p {
		used, err := one.CPU()
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

// Spent is what servers used while something was done with them, in seconds.
type Spent struct{ Seconds, CPU float64 }

// Spend does something with the processes and tells what it took.
func (p Processes) Spend(do func() error) (Spent, error) {
	before, err := p.CPU()
	if err != nil {
		return Spent{}, err
	}
	began := time.Now()
	if err := do(); err != nil {
		return Spent{}, err
	}
	took := time.Since(began).Seconds()
	after, err := p.CPU()
	return Spent{took, after - before}, err
}

// Spend does something with the process and tells what it took.
func (p PID) Spend(do func() error) (Spent, error) { return Processes{p}.Spend(do) }

// Memory gives the resident memory now and at its highest, in MiB.
func (p PID) Memory() (now, most float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kib / 1024
		case "VmHWM":
			most = kib / 1024
		}
	}
	return now, most, nil
}
