// Command registry measures the schema registry through its HTTP door: reading a
// schema by id against a bare net/http handler, registering, starting with
// 100,000 versions, and memory. The bus is a process of its own.
//
//	cd bench && go run ./registry
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

func main() {
	rounds := flag.Int("rounds", 7, "interleaved rounds")
	only := flag.String("only", "get,register,subjects,start,shared", "what to measure")
	flag.Parse()
	var err error
	switch measure.Role() {
	case "bare":
		err = serveBare(flag.Arg(0))
	case "bus":
		err = measure.ServeBus(server.Config{DataDir: flag.Arg(0)})
	case "shared":
		err = serveShared(flag.Arg(0))
	default:
		err = run(*rounds, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

// bench is one run of this program.
type bench struct {
	*measure.Report
	dir    string
	binary string
	rounds int
}

func run(rounds int, only string) error {
	dir, err := measure.Scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := measure.Build(dir)
	if err != nil {
		return err
	}
	b := &bench{measure.New(), dir, binary, rounds}
	steps := map[string]func() error{"get": b.get, "register": b.register, "subjects": b.subjects, "start": b.start, "shared": b.shared}
	for name := range strings.SplitSeq(only, ",") {
		step, known := steps[name]
		if !known {
			return fmt.Errorf("there is no measurement %q", name)
		}
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.Print(
		measure.Compare{Name: "GET by id: requests/s, registry ÷ bare handler", A: "get registry /s", B: "get bare /s", Target: "≥ 0.7"},
		measure.Compare{Name: "GET by id: server CPU per request, registry ÷ bare", A: "get registry CPU us", B: "get bare CPU us", Target: ""},
		measure.Compare{Name: "start, 100,000 versions ÷ empty bus", A: "start 100,000 versions ms", B: "start empty ms", Target: ""},
	)
	return b.Write("registry")
}

func (b *bench) folder(name string) string { return filepath.Join(b.dir, name) }
