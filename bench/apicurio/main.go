// Command apicurio measures the bus's schema registry beside Apicurio Registry,
// both through Confluent's API: the start, memory, registering new schemas, and
// reading one by its id. Apicurio keeps its schemas in memory (H2, its default);
// the bus keeps them in `_schemas` and in its store.
//
//	cd bench && go run ./apicurio -java /path/to/jdk-21/bin/java
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/bench/peer"
)

const (
	rest      = 3 * time.Second
	window    = 2 * time.Second
	callers   = 8
	schemas   = 2000 // registered in each round
	warmUp    = 2000 // before it, uncounted: a JVM compiles what runs often
	mediaType = "application/vnd.schemaregistry.v1+json"
)

// subject is a running registry.
type subject struct {
	measure.PID
	took time.Duration
	url  string
	stop func() error
}

// bench is one run of this program.
type bench struct {
	*measure.Report
	dir, binary, java string
}

func main() {
	rounds := measure.RoundFlags(5)
	java := flag.String("java", "java", "a JVM of version 21 or later, which Apicurio needs")
	flag.Parse()
	if err := run(rounds, *java); err != nil {
		fmt.Fprintln(os.Stderr, "apicurio:", err)
		os.Exit(1)
	}
}

func run(rounds *measure.Rounds, java string) error {
	dir, err := measure.Scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := measure.Build(dir)
	if err != nil {
		return err
	}
	b := &bench{measure.New(), dir, binary, java}
	if err := rounds.Each(b.Report, "apicurio", b.both); err != nil {
		return err
	}
	var ratios []measure.Compare
	for _, name := range []string{"start ms", "RSS at rest MiB", "registered /s", "register CPU us", "read /s", "read CPU us", "RSS after MiB"} {
		ratios = append(ratios, measure.Compare{Name: name + ", bus ÷ Apicurio", A: "bus " + name, B: "apicurio " + name})
	}
	b.Print(ratios...)
	return nil
}

// both measures one side and then the other.
func (b *bench) both(round int) error {
	sides := []string{"bus", "apicurio"}
	for i := range sides {
		side := sides[(i+round)%len(sides)]
		if err := b.one(side, filepath.Join(b.dir, fmt.Sprintf("%s-%d", side, round))); err != nil {
			return fmt.Errorf("%s: %w", side, err)
		}
	}
	return nil
}

func (b *bench) start(side, dir string) (*subject, error) {
	if side == "apicurio" {
		a, err := peer.StartApicurio(b.java, dir)
		if err != nil {
			return nil, err
		}
		return &subject{a.PID, a.Took, a.URL, a.Stop}, nil
	}
	bus, err := measure.Run(b.binary, filepath.Join(dir, "data"))
	if err != nil {
		return nil, err
	}
	return &subject{bus.PID, bus.Took, bus.Registry, bus.Stop}, nil
}

func (b *bench) one(side, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s, err := b.start(side, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	time.Sleep(rest)
	idle, _, err := s.Memory()
	if err != nil {
		return err
	}
	b.Add(side+" start ms", float64(s.took.Milliseconds()))
	b.Add(side+" RSS at rest MiB", idle)
	id, err := s.register(0, warmUp)
	if err != nil {
		return err
	}
	made, err := s.Spend(func() error { _, err := s.register(warmUp, schemas); return err })
	if err != nil {
		return err
	}
	b.Add(side+" registered /s", schemas/made.Seconds)
	b.Add(side+" register CPU us", made.CPU/schemas*1e6)
	for range 4 { // a JVM compiles what runs often; this is not counted
		if _, err := s.read(id); err != nil {
			return err
		}
	}
	var n int
	read, err := s.Spend(func() (err error) { n, err = s.read(id); return err })
	if err != nil {
		return err
	}
	b.Add(side+" read /s", float64(n)/read.Seconds)
	b.Add(side+" read CPU us", read.CPU/float64(n)*1e6)
	after, _, err := s.Memory()
	b.Add(side+" RSS after MiB", after)
	return err
}

// register sends n schemas from several callers, each to a subject of its own,
// and gives an id that was answered.
func (s *subject) register(from, n int) (id int, err error) {
	var group errgroup.Group
	for caller := range callers {
		group.Go(func() error {
			for i := from + caller; i < from+n; i += callers {
				body, err := json.Marshal(map[string]string{"schema": fmt.Sprintf(`{"type":"record","name":"R%d","namespace":"gov.va.bench","doc":"one of many",`+
					`"fields":[{"name":"id","type":"long"},{"name":"status","type":["null","string"],"default":null},{"name":"f%d","type":"int"}]}`, i, i)})
				if err != nil {
					return err
				}
				answer, err := call(http.MethodPost, fmt.Sprintf("%s/subjects/bench-%d/versions", s.url, i), body)
				if err != nil {
					return err
				}
				if i == from {
					var made struct{ ID int }
					if err := json.Unmarshal(answer, &made); err != nil {
						return err
					}
					id = made.ID
				}
			}
			return nil
		})
	}
	return id, group.Wait()
}

// read asks for one schema over and over and counts the answers.
func (s *subject) read(id int) (int, error) {
	counts := make([]int, callers)
	var group errgroup.Group
	stop := time.Now().Add(window)
	for caller := range callers {
		group.Go(func() error {
			for time.Now().Before(stop) {
				if _, err := call(http.MethodGet, fmt.Sprintf("%s/schemas/ids/%d", s.url, id), nil); err != nil {
					return err
				}
				counts[caller]++
			}
			return nil
		})
	}
	err := group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}

// kept lets every caller keep its connection.
var kept = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}, Timeout: 30 * time.Second}

func call(method, url string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", mediaType)
	response, err := kept.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s answers %s: %s", method, url, response.Status, answer)
	}
	return answer, err
}
