// Command catalog measures the catalog over the API with 1,000 and with 10,000
// events: importing them, listing all, one page of a search, one event, and the
// whole as Backstage reads it. Two callers, each asking without a pause.
//
//	cd bench && go run ./catalog
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

// event is one entity as teams write it.
const event = `apiVersion: backstage.io/v1alpha1
kind: Event
metadata:
  name: bench-%05[1]d
  title: Claim moved to phase %[1]d
  description: A claim moved to another phase, or a letter with the decision was made ready.
spec:
  type: event
  lifecycle: production
  domain: domain-%02[2]d
  owner: team-%02[3]d
  productOwner: Olive Owner
  sourceSystems:
    - systemName: Source %[2]d
      teamName: team-%02[3]d
      productOwner: Olive Owner
`

const (
	chunk   = 1000 // events of one imported file
	callers = 2
)

// questions are asked over and over; %s is one of words.
var questions = []struct {
	name, path string
	times      int // in a round
}{
	{"list all", "/api/v1/events", 6},
	{"search, one page", "/api/v1/catalog?pageSize=20&q=%s", 200},
	{"one event", "/api/v1/events/bench-00500", 400},
	{"export for Backstage", "/backstage/events.yaml", 6},
}

// words are common, rare, two together, and of nothing.
var words = []string{"claim", "phase 7", "bench-00321", "letter decision", "domain-07", "no-such-thing"}

func main() {
	rounds := measure.RoundFlags(5)
	flag.Parse()
	err := error(nil)
	if measure.Role() != "" {
		err = measure.ServeBus(server.Config{DataDir: flag.Arg(0)})
	} else {
		err = run(rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "catalog:", err)
		os.Exit(1)
	}
}

// subject is a bus with so many events.
type subject struct {
	events int
	bus    *measure.Child
	api    client.API
}

func run(rounds *measure.Rounds) (err error) {
	dir, err := measure.Scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	report := measure.New()
	err = rounds.Each(report, "catalog", func(n int) error {
		for _, events := range []int{1_000, 10_000} {
			if err := at(report, filepath.Join(dir, fmt.Sprint(n, "-", events)), events); err != nil {
				return fmt.Errorf("%d events: %w", events, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var ratios []measure.Compare
	for _, q := range questions {
		ratios = append(ratios, measure.Compare{Name: q.name + ", ten times as many events",
			A: "10000 events, " + q.name + ", p50 ms", B: "1000 events, " + q.name + ", p50 ms"})
	}
	report.Print(ratios...)
	return nil
}

// at fills a bus and asks it everything.
func at(report *measure.Report, dir string, events int) (err error) {
	bus, err := measure.Start("bus", dir)
	if err != nil {
		return err
	}
	s := &subject{events, bus, client.API{Server: bus.Hello["http"], Token: bus.Hello["token"], HTTP: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: callers}}}}
	if err := s.measure(report); err != nil {
		_ = bus.Stop()
		return err
	}
	return bus.Stop()
}

func (s *subject) measure(report *measure.Report) error {
	name := fmt.Sprintf("%d events, ", s.events)
	used, err := s.bus.Spend(s.fill)
	if err != nil {
		return err
	}
	report.Add(name+"imported /s", float64(s.events)/used.Seconds)
	for _, q := range questions {
		var took []time.Duration
		used, err := s.bus.Spend(func() (err error) { took, err = s.ask(q.path, q.times); return err })
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		slices.Sort(took)
		for _, share := range []int{50, 95} {
			report.Add(fmt.Sprintf("%s%s, p%d ms", name, q.name, share), took[(len(took)-1)*share/100].Seconds()*1000)
		}
		report.Add(name+q.name+", CPU ms", used.CPU/float64(q.times)*1000)
	}
	live, err := s.bus.Live()
	report.Add(name+"live heap MiB", live.Heap)
	return err
}

// fill imports all events, in files.
func (s *subject) fill() error {
	for from := 0; from < s.events; from += chunk {
		var file strings.Builder
		for i := from; i < from+chunk; i++ {
			fmt.Fprintf(&file, "---\n"+event, i, i%30, i%40)
		}
		var imported catalog.Imported
		if err := s.api.Do(context.Background(), http.MethodPost, "/api/v1/events/import?source=bench", []byte(file.String()), &imported); err != nil {
			return err
		}
		if len(imported.Events) != chunk {
			return fmt.Errorf("imported %d events of %d: %v", len(imported.Events), chunk, imported.Faults)
		}
	}
	return nil
}

// ask puts one question n times and gives how long each answer took, to its
// last byte.
func (s *subject) ask(path string, n int) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	var group errgroup.Group
	for caller := range callers {
		group.Go(func() error {
			for i := caller; i < n; i += callers {
				at := path
				if strings.Contains(path, "%s") {
					at = fmt.Sprintf(path, url.QueryEscape(words[i%len(words)]))
				}
				began := time.Now()
				if err := s.get(at); err != nil {
					return err
				}
				took[i] = time.Since(began)
			}
			return nil
		})
	}
	return took, group.Wait()
}

// get reads an answer to its end and drops it: what a client makes of it is not
// measured.
func (s *subject) get(path string) error {
	request, err := http.NewRequest(http.MethodGet, s.api.Server+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.api.Token)
	response, err := s.api.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", path, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
