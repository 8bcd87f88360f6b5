// Command coldstart measures how long `eventbus dev` takes from exec to ready on
// an empty folder, and on the folder that the round before left, in interleaved
// rounds. It prints medians and writes the raw rounds.
//
//	cd bench && go run ./coldstart -rounds 20
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// result is what one run of this program found; times are milliseconds.
type result struct {
	Go      string    `json:"go"`
	CPUs    int       `json:"cpus"`
	Empty   []float64 `json:"emptyFolder"`
	Restart []float64 `json:"restart"`
	RSS     []int64   `json:"rssKiB"`
}

func main() {
	rounds := flag.Int("rounds", 20, "interleaved rounds")
	out := flag.String("out", "results/coldstart.json", "file for the raw rounds")
	flag.Parse()
	if err := run(*rounds, *out); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

func run(rounds int, out string) error {
	tmp, err := os.MkdirTemp("", "eventbus-coldstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	binary := filepath.Join(tmp, "eventbus")
	build := exec.Command("go", "build", "-o", binary, "./cmd/eventbus")
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	r := result{Go: runtime.Version(), CPUs: runtime.NumCPU()}
	for range rounds {
		dir, err := os.MkdirTemp(tmp, "data-")
		if err != nil {
			return err
		}
		for _, series := range []*[]float64{&r.Empty, &r.Restart} {
			took, rss, err := start(binary, dir)
			if err != nil {
				return err
			}
			*series = append(*series, took)
			r.RSS = append(r.RSS, rss)
		}
	}
	fmt.Printf("| start | median ms | min | max |\n|---|---|---|---|\n")
	for _, row := range []struct {
		name   string
		rounds []float64
	}{{"empty folder", r.Empty}, {"restart", r.Restart}} {
		fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", row.name, median(row.rounds), slices.Min(row.rounds), slices.Max(row.rounds))
	}
	fmt.Printf("\nMemory when ready: %d MiB (median). %s, %d CPUs, %d rounds.\n", medianInt(r.RSS)/1024, r.Go, r.CPUs, rounds)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// start runs the bus until its ready file appears and stops it.
func start(binary, dir string) (milliseconds float64, rssKiB int64, err error) {
	ready := filepath.Join(dir, "ready.json")
	os.Remove(ready)
	free := "127.0.0.1:0"
	cmd := exec.Command(binary, "dev", "--no-demo", "--data-dir", filepath.Join(dir, "bus"), "--ready-file", ready,
		"--kafka", free, "--kafka-iam", free, "--kafka-iam-external", free, "--registry", free, "--http", free)
	cmd.Env = append(os.Environ(), "EVENTBUS_CONFIG_DIR="+dir)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	for {
		if _, err := os.Stat(ready); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) || time.Since(began) > 30*time.Second {
			cmd.Process.Kill()
			return 0, 0, fmt.Errorf("not ready after %v", time.Since(began))
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		return 0, 0, fmt.Errorf("stop: %w", err)
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return float64(took.Microseconds()) / 1000, usage.Maxrss, nil
}

func median(rounds []float64) float64 {
	sorted := slices.Sorted(slices.Values(rounds))
	return sorted[len(sorted)/2]
}

func medianInt(rounds []int64) int64 {
	sorted := slices.Sorted(slices.Values(rounds))
	return sorted[len(sorted)/2]
}
