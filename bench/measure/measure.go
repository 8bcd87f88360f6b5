// Package measure is what the benchmarks share: rounds and their medians, the
// table and the file of raw figures, and processes whose CPU time and memory are
// read from the kernel. It owns no benchmark. Linux only: it reads /proc.
package measure

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Report collects the figures of one command. Every series has one value per
// round, in the order of the rounds, so that ratios are taken within a round.
type Report struct {
	Go     string               `json:"go"`
	CPUs   int                  `json:"cpus"`
	Kernel string               `json:"kernel"`
	Taken  time.Time            `json:"taken"`
	Load   string               `json:"load"` // of the machine when the command began
	Series map[string][]float64 `json:"series"`

	order []string
}

// Rounds is how a benchmark is asked for its rounds: Number of them, and whether
// they come After those that are in the file of results already, so that a long
// benchmark can be taken in parts. Both programs must be the same then.
type Rounds struct {
	Number int
	After  bool
}

// RoundFlags are the flags -rounds and -append.
func RoundFlags(usual int) *Rounds {
	r := &Rounds{}
	flag.IntVar(&r.Number, "rounds", usual, "interleaved rounds")
	flag.BoolVar(&r.After, "append", false, "add the rounds to those in results/ instead of replacing them")
	return r
}

// Each calls round with the number of each, and keeps what it has added to the
// report in results/NAME.json. What a round added that failed is not kept.
func (r *Rounds) Each(report *Report, name string, round func(n int) error) error {
	first := 0
	if r.After {
		text, err := os.ReadFile(resultFile(name))
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, report); err != nil {
			return fmt.Errorf("%s: %w", resultFile(name), err)
		}
		report.order = slices.Sorted(maps.Keys(report.Series))
		for _, values := range report.Series {
			first = max(first, len(values))
		}
	}
	for n := first; n < first+r.Number; n++ {
		if err := round(n); err != nil {
			return fmt.Errorf("round %d: %w", n+1, err)
		}
		if err := report.Write(name); err != nil {
			return err
		}
	}
	return nil
}

// New makes an empty report of this machine.
func New() *Report {
	return &Report{Go: runtime.Version(), CPUs: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"),
		Taken: time.Now().UTC().Truncate(time.Second), Load: firstLine("/proc/loadavg"), Series: map[string][]float64{}}
}

func firstLine(file string) string {
	text, _ := os.ReadFile(file) // absent: an empty field
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// Add appends the figure of one round to a series; its name says the unit.
func (r *Report) Add(series string, value float64) {
	if _, known := r.Series[series]; !known {
		r.order = append(r.order, series)
	}
	r.Series[series] = append(r.Series[series], value)
}

// Ratio gives the median, least and largest of the ratios a/b of the rounds.
func (r *Report) Ratio(a, b string) (median, least, most float64) {
	var ratios []float64
	for i := range min(len(r.Series[a]), len(r.Series[b])) {
		ratios = append(ratios, r.Series[a][i]/r.Series[b][i])
	}
	return Median(ratios), slices.Min(ratios), slices.Max(ratios)
}

// Median of the values; 0 when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// Compare is a ratio to print: A over B, with the target it is held against.
type Compare struct{ Name, A, B, Target string }

// Print writes the ratios, and then the median and range of every series.
func (r *Report) Print(ratios ...Compare) {
	ratios = slices.DeleteFunc(ratios, func(c Compare) bool { return len(r.Series[c.A]) == 0 || len(r.Series[c.B]) == 0 })
	if len(ratios) > 0 {
		fmt.Printf("\n| ratio (median of the rounds' ratios) | value | min | max | target |\n|---|---|---|---|---|\n")
		for _, c := range ratios {
			median, least, most := r.Ratio(c.A, c.B)
			fmt.Printf("| %s | %.2f | %.2f | %.2f | %s |\n", c.Name, median, least, most, c.Target)
		}
	}
	fmt.Printf("\n| series | median | min | max | rounds |\n|---|---|---|---|---|\n")
	for _, name := range r.order {
		rounds := r.Series[name]
		fmt.Printf("| %s | %s | %s | %s | %d |\n", name, figure(Median(rounds)), figure(slices.Min(rounds)), figure(slices.Max(rounds)), len(rounds))
	}
}

func figure(v float64) string {
	if v >= 100 || v <= -100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Write keeps the raw rounds in results/NAME.json.
func (r *Report) Write(name string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll("results", 0o755); err != nil {
		return err
	}
	return os.WriteFile(resultFile(name), append(text, '\n'), 0o644)
}

func resultFile(name string) string { return filepath.Join("results", name+".json") }

// Scratch makes a folder in memory where the machine has one, so that the disk
// is not what is measured.
func Scratch() (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "eventbus-bench-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "eventbus-bench-")
}
