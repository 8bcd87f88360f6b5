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
	rounds int
	many   int
}

// subject is a running server to measure: one process, or two that work together.
type subject struct {
	processes []measure.PID
	took      time.Duration
	reach     []kgo.Opt // how a client finds it
	stop      func() error
}

// CPU gives the processor seconds of its processes.
func (s *subject) CPU() (total float64, err error) {
	for _, p := range s.processes {
		used, err := p.CPU()
		if err != nil {
			return 0, err
		}
		total += used
	}
	return total, nil
}

func main() {
	b := &bench{}
	flag.IntVar(&b.rounds, "rounds", 5, "interleaved rounds")
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
	steps := map[string]func() error{"traffic": b.traffic, "many": b.afterMany, "secure": b.secure}
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
		if err := b.Write("kafka-" + name); err != nil {
			return err
		}
	}
	return nil
}

// each runs do against both sides, in turns.
func (b *bench) each(rounds int, do func(context.Context, string, *subject) error) error {
	for round := range rounds {
		for i := range sides {
			side := sides[(i+round)%len(sides)]
			if err := b.one(side, fmt.Sprintf("%s-%d", side, round), do); err != nil {
				return fmt.Errorf("%s: %w", side, err)
			}
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
		return &subject{[]measure.PID{k.PID}, k.Took, []kgo.Opt{kgo.SeedBrokers(k.Address)}, k.Stop}, nil
	}
	bus, err := measure.Run(b.binary, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	return &subject{[]measure.PID{bus.PID}, bus.Took, []kgo.Opt{kgo.SeedBrokers(bus.Kafka)}, bus.Stop}, nil
}

// print shows the ratios, ours over Kafka's: below one is less time, memory or
// processor; above one is more records per second.
func (b *bench) print() {
	var ratios []measure.Compare
	for name := range b.Series {
		if side, tail, _ := strings.Cut(name, " "); side != "kafka" {
			ratios = append(ratios, measure.Compare{Name: tail, A: name, B: "kafka " + tail})
		}
	}
	sortByName(ratios)
	b.Print(ratios...)
}
