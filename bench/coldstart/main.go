// Command coldstart measures how long `eventbus dev` takes from exec to ready on
// an empty folder, and on the folder that the round before left, in interleaved
// rounds.
//
//	cd bench && go run ./coldstart -rounds 20
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

func main() {
	rounds := flag.Int("rounds", 20, "interleaved rounds")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

func run(rounds int) error {
	tmp, err := os.MkdirTemp("", "eventbus-coldstart-") // on the disk, as a user's folder is
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	binary, err := measure.Build(tmp)
	if err != nil {
		return err
	}
	report := measure.New()
	for round := range rounds {
		dir := filepath.Join(tmp, fmt.Sprintf("data-%d", round))
		for _, start := range []string{"empty folder", "restart"} {
			bus, err := measure.Run(binary, dir)
			if err != nil {
				return err
			}
			_, most, err := bus.Memory()
			if err != nil {
				return err
			}
			if err := bus.Stop(); err != nil {
				return fmt.Errorf("stop: %w", err)
			}
			report.Add(start+" ms", float64(bus.Took.Microseconds())/1000)
			report.Add(start+" RSS at most MiB", most)
		}
	}
	report.Print(measure.Compare{Name: "restart ÷ first start", A: "restart ms", B: "empty folder ms"})
	return report.Write("coldstart")
}
