// Command kafka measures `eventbus dev` beside Apache Kafka on one node, each in
// a process of its own and through its PLAINTEXT port: the start, memory at rest
// and after many records, throughput by size of record and number of partitions,
// the time of one record at a time, and the time from end to end at a fixed rate;
// and, "secure", `eventbus serve` before Kafka (TLS, AWS_MSK_IAM, authorisation)
// beside Kafka's own listener with TLS, SCRAM and ACLs.
//
//	cd bench && go run ./kafka
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/bench/peer"
)

// rest is how long a server is left alone before its memory is read.
const rest = 3 * time.Second

// sides are compared in this order, and in the reverse one in every second round.
var sides = []string{"bus", "kafka"}

// bench is one run of this program.
type bench struct {
	*measure.Report
	dir    string
	binary string
	rounds *measure.Rounds
	many   int
}

// subject is a running server to measure: one process, or two that work together.
type subject struct {
	measure.Processes
	took  time.Duration
	reach []kgo.Opt // how a client finds it
	stop  func() error
}

func main() {
	b := &bench{rounds: measure.RoundFlags(5)}
	flag.IntVar(&b.many, "many", 10_000_000, "records of 100 bytes after which memory is read")
	only := flag.String("only", "traffic,many,secure", "what to measure")
	flag.Parse()
	if err := b.run(*only); err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

func (b *bench) run(only string) (err error) {
	if b.dir, err = measure.Scratch(); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.binary, err = measure.Build(b.dir); err != nil {
		return err
	}
	steps := map[string]func(round int) error{"traffic": b.traffic, "many": b.afterMany, "secure": b.secure}
	for name := range strings.SplitSeq(only, ",") {
		step, known := steps[name]
		if !known {
			return fmt.Errorf("there is no measurement %q", name)
		}
		b.Report = measure.New()
		if err := b.rounds.Each(b.Report, "kafka-"+name, step); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.print()
	}
	return nil
}

// both does something with one side and then with the other.
func (b *bench) both(round int, do func(context.Context, string, *subject) error) error {
	for i := range sides {
		side := sides[(i+round)%len(sides)]
		if err := b.one(side, fmt.Sprintf("%s-%d", side, round), do); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	return nil
}

func (b *bench) one(side, name string, do func(context.Context, string, *subject) error) error {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := b.start(side, dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := do(ctx, side, s); err != nil {
		_ = s.stop()
		return err
	}
	return s.stop()
}

func (b *bench) start(side, dir string) (*subject, error) {
	if side == "kafka" {
		k, err := peer.StartKafka(dir, nil)
		if err != nil {
			return nil, err
		}
		return &subject{measure.Processes{k.PID}, k.Took, []kgo.Opt{kgo.SeedBrokers(k.Address)}, k.Stop}, nil
	}
	bus, err := measure.Run(b.binary, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	return &subject{measure.Processes{bus.PID}, bus.Took, []kgo.Opt{kgo.SeedBrokers(bus.Kafka)}, bus.Stop}, nil
}

// print shows the ratios, ours over Kafka's: below one is less time, memory or
// processor; above one is more records per second.
func (b *bench) print() {
	var ratios []measure.Compare
	for name := range b.Series {
		if side, tail, _ := strings.Cut(name, " "); side != "kafka" {
			ratios = append(ratios, measure.Compare{Name: side + " ÷ Kafka: " + tail, A: name, B: "kafka " + tail})
		}
		if tail, guarded := strings.CutPrefix(name, "gateway with guard "); guarded && strings.Contains(tail, "produce") {
			ratios = append(ratios, measure.Compare{Name: "guard on ÷ off: " + tail, A: name, B: "gateway " + tail})
		}
	}
	sortByName(ratios)
	b.Print(ratios...)
}
