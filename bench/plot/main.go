// Command plot draws what was measured beside peers: one SVG per comparison, one
// line per figure, from the raw rounds in results/. A dot is the median of the
// rounds' ratios, the bar its range; right of the middle the bus is ahead. It
// writes the same figures as tables into the page that shows the drawings.
//
//	cd bench && go run ./plot
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// comparison is one drawing: the series of one side over those of the other.
type comparison struct {
	name, title   string // the name begins with that of the file of results
	ours, theirs  string // prefixes of the names of series
	oursIs, other string // what the sides are called
}

var comparisons = []comparison{
	{"kafka-traffic", "Embedded bus beside Apache Kafka, one node, PLAINTEXT", "bus ", "kafka ", "the bus", "Kafka"},
	{"kafka-many", "Memory after ten million records", "bus ", "kafka ", "the bus", "Kafka"},
	{"apicurio", "Schema registry beside Apicurio Registry", "bus ", "apicurio ", "the bus", "Apicurio"},
	{"kafka-secure", "Gateway (TLS, IAM, authorisation) before Kafka, beside Kafka's own TLS and SCRAM", "gateway ", "kafka ", "the gateway", "Kafka's listener"},
	{"kafka-secure-guard", "The same gateway, schema guard on beside off", "gateway with guard ", "gateway ", "guard on", "guard off"},
	{"kafka-secure-kroxylicious", "The same gateway beside Kroxylicious (TLS; login and rules at the broker)", "gateway ", "kroxylicious ", "the gateway", "Kroxylicious"},
}

func main() {
	to := flag.String("to", filepath.Join("..", "docs", "reference"), "folder with benchmarks.md, and plots/ for the drawings")
	flag.Parse()
	if err := run(*to); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(to string) error {
	plots := filepath.Join(to, "plots")
	if err := os.MkdirAll(plots, 0o755); err != nil {
		return err
	}
	page := filepath.Join(to, "benchmarks.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	for _, c := range comparisons {
		report, err := c.report()
		if errors.Is(err, fs.ErrNotExist) {
			continue // not measured yet
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(plots, c.name+".svg"), []byte(c.draw(report)), 0o644); err != nil {
			return err
		}
		text = c.write(report, text)
	}
	return os.WriteFile(page, text, 0o644)
}

// report reads the raw rounds of a comparison.
func (c comparison) report() (*measure.Report, error) {
	file := c.name
	if strings.HasPrefix(file, "kafka-secure") {
		file = "kafka-secure" // three comparisons of one measurement
	}
	text, err := os.ReadFile(filepath.Join("results", file+".json"))
	if err != nil {
		return nil, err
	}
	var report measure.Report
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &report, nil
}

// row is one line of a drawing: how many times better our side is.
type row struct {
	label               string
	median, least, most float64
	ours, theirs        float64 // medians
}

// rows gives the lines in the order of their names.
func (c comparison) rows(report *measure.Report) (rows []row) {
	for name := range report.Series {
		label, ok := strings.CutPrefix(name, c.ours)
		if !ok || len(report.Series[c.theirs+label]) == 0 {
			continue
		}
		// Records and requests a second: more is better. Everything else is a cost.
		a, b := c.theirs+label, name
		if strings.HasSuffix(label, "/s") {
			a, b = b, a
		}
		r := row{label: label, ours: measure.Median(report.Series[name]), theirs: measure.Median(report.Series[c.theirs+label])}
		r.median, r.least, r.most = report.Ratio(a, b)
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.label, b.label) })
	return rows
}
