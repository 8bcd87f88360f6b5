// Command gateway measures what the Kafka door costs: processor time of TLS,
// AWS_MSK_IAM and authorisation against the engine's own TLS, the schema guard,
// logins against bare TLS handshakes, idle connections against bare Go TLS
// connections, and what strangers cost. Every server is a process of its own.
//
//	cd bench && go run ./gateway
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// bench is one run of this program.
type bench struct {
	*measure.Report
	dir         string
	rounds      int
	records     int
	connections int
}

func main() {
	b := &bench{}
	flag.IntVar(&b.rounds, "rounds", 5, "interleaved rounds")
	flag.IntVar(&b.records, "records", 1_000_000, "records of 200 bytes per round")
	flag.IntVar(&b.connections, "connections", 10_000, "idle connections; both sides need as many descriptors")
	only := flag.String("only", "traffic,guard,logins,idle,strangers", "what to measure")
	flag.Parse()
	run := func() error { return b.run(*only) }
	if role := measure.Role(); role != "" {
		run = func() error { return serve(role, flag.Arg(0)) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// run measures one thing after the other; each has a file of its own in
// results/.
func (b *bench) run(only string) (err error) {
	if b.dir, err = measure.Scratch(); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	steps := map[string]func() error{"traffic": b.traffic, "guard": b.guard, "logins": b.logins, "idle": b.idle, "strangers": b.strangers}
	for name := range strings.SplitSeq(only, ",") {
		step, known := steps[name]
		if !known {
			return fmt.Errorf("there is no measurement %q", name)
		}
		b.Report = measure.New()
		if err := step(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.print()
		if err := b.Write("gateway-" + name); err != nil {
			return err
		}
	}
	return nil
}

// print shows the ratios that were measured.
func (b *bench) print() {
	b.Print(
		measure.Compare{Name: "server CPU, produce + consume: TLS + IAM + authorisation ÷ engine's TLS", A: "gateway-iam CPU us/record", B: "engine-tls CPU us/record", Target: "≤ 1.3"},
		measure.Compare{Name: "server CPU, produce only", A: "gateway-iam produce CPU us/record", B: "engine-tls produce CPU us/record"},
		measure.Compare{Name: "server CPU, consume only", A: "gateway-iam consume CPU us/record", B: "engine-tls consume CPU us/record"},
		measure.Compare{Name: "server CPU, one record per request", A: "gateway-iam single CPU us/request", B: "engine-tls single CPU us/request"},
		measure.Compare{Name: "server CPU, PLAINTEXT door ÷ engine without TLS", A: "gateway-plain CPU us/record", B: "engine-plain CPU us/record"},
		measure.Compare{Name: "records produced/s, IAM door ÷ engine's TLS", A: "gateway-iam produced /s", B: "engine-tls produced /s"},
		measure.Compare{Name: "records consumed/s, IAM door ÷ engine's TLS", A: "gateway-iam consumed /s", B: "engine-tls consumed /s"},
		measure.Compare{Name: "schema guard enforce ÷ off, server CPU, uncompressed", A: "guard enforce none CPU us/record", B: "guard off none CPU us/record"},
		measure.Compare{Name: "schema guard enforce ÷ off, server CPU, snappy", A: "guard enforce snappy CPU us/record", B: "guard off snappy CPU us/record"},
		measure.Compare{Name: "logins/s ÷ bare TLS handshakes/s", A: "logins /s", B: "handshakes /s", Target: "≥ 0.4"},
		measure.Compare{Name: "server CPU, login ÷ bare TLS handshake", A: "logins CPU us", B: "handshakes CPU us"},
		measure.Compare{Name: "idle connection, RSS: authenticated ÷ bare Go TLS", A: "idle gateway RSS KiB", B: "idle bare RSS KiB"},
		measure.Compare{Name: "idle connection, RSS after collection: authenticated ÷ bare Go TLS", A: "idle gateway collected RSS KiB", B: "idle bare collected RSS KiB", Target: "≤ 1.6"},
	)
}
