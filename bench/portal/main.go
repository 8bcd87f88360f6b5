// Command portal measures the pages at size: 5,000 events, 10,000 topics and
// 10,000 consumer groups. The bus is a process of its own; this one is the load:
// two readers who are signed in, each taking one page after the other.
//
//	cd bench && go run ./portal
package main

import (
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
	"github.com/enterprise-event-bus/eventbus/internal/server"
)

const (
	events  = 5_000
	topics  = 2 * events
	groups  = 10_000
	readers = 2 // one for each core of the machine of the record
	persona = "producer"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds of all pages")
	visits := flag.Int("visits", 60, "visits of each page in a round")
	flag.Parse()
	err := error(nil)
	if measure.Role() != "" {
		err = serve(flag.Arg(0))
	} else {
		err = run(*rounds, *visits)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "portal:", err)
		os.Exit(1)
	}
}

// serve fills a data folder with the demo data and runs the bus on it.
func serve(dir string) error {
	if err := fillStore(context.Background(), filepath.Join(dir, "eventbus.db")); err != nil {
		return err
	}
	return measure.ServeBus(server.Config{DataDir: dir})
}

// pages are those that people open most, and the largest lists.
var pages = []string{
	"/", "/catalog", "/catalog?page=200", "/catalog?domain=domain-07", "/catalog/event-02500", "/catalog/event-02500/schema", "/catalog/event-02500/consumers", "/catalog/event-02500/connect",
	"/catalog/event-02500/history", "/catalog/event-02500/metrics", "/apps", "/requests", "/requests/new?kind=consumer", "/topics", "/topics?page=150", "/topics/prod_event-02500", "/groups", "/groups?page=150", "/groups/group-02500",
	"/schemas", "/access", "/inbox", "/environments", "/status", "/docs/introduction",
}

// words are what people search for: common, rare, with a typo, of a schema.
var words = []string{"claim", "claim moved", "event-04321", "participantId", "domian-07", "team 17", "letter decision", "no-such-thing"}

func run(rounds, visits int) error {
	dir, err := measure.Scratch()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	began := time.Now()
	bus, err := measure.Start("bus", dir)
	if err != nil {
		return err
	}
	if err := fillCluster(context.Background(), bus.Hello["kafka"], bus.Hello["registry"]); err != nil {
		return errors.Join(err, bus.Stop())
	}
	fmt.Printf("filled in %.0f s\n", time.Since(began).Seconds())
	report := measure.New()
	v := visitor{base: bus.Hello["http"]}
	if err := v.signIn(); err != nil {
		return errors.Join(err, bus.Stop())
	}
	first, err := v.firstVisit("/catalog")
	if err != nil {
		return errors.Join(err, bus.Stop())
	}
	report.Add("first visit KB", float64(first)/1000)
	for range rounds {
		if err := v.round(report, visits); err != nil {
			return errors.Join(err, bus.Stop())
		}
	}
	report.Print()
	return errors.Join(report.Write("portal"), bus.Stop())
}

// round visits every page, and searches, and notes the 95th percentiles.
func (v *visitor) round(report *measure.Report, visits int) error {
	var all []float64
	for _, page := range pages {
		times, err := v.visits(visits, func(int) string { return page })
		if err != nil {
			return err
		}
		report.Add(page+" p95 ms", percentile(times, 95))
		all = append(all, times...)
	}
	report.Add("HTML p50 ms", percentile(all, 50))
	report.Add("HTML p95 ms", percentile(all, 95))
	for _, at := range []string{"/catalog?q=", "/search?q="} {
		times, err := v.visits(visits*2, func(i int) string { return at + strings.ReplaceAll(words[i%len(words)], " ", "+") })
		if err != nil {
			return err
		}
		report.Add(at+" p95 ms", percentile(times, 95))
	}
	return nil
}

func percentile(times []float64, p int) float64 {
	slices.Sort(times)
	return times[min(len(times)*p/100, len(times)-1)]
}

// visitor is a browser without a screen.
type visitor struct {
	base   string
	client *http.Client
}

func (v *visitor) signIn() error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	v.client = &http.Client{Jar: jar, Timeout: 30 * time.Second, Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: readers}}
	_, err = v.get("/login?as=" + persona)
	return err
}

// get fetches one page as a browser asks for it, and gives what went over the wire.
func (v *visitor) get(path string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, v.base+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := v.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, response.Status)
	}
	return body, err
}

// visits takes n pages with all readers at work, and gives the milliseconds each
// took.
func (v *visitor) visits(n int, page func(i int) string) ([]float64, error) {
	times, faults := make([]float64, n), make([]error, readers)
	var group sync.WaitGroup
	for r := range readers {
		group.Go(func() {
			for i := r; i < n; i += readers {
				began := time.Now()
				if _, err := v.get(page(i)); err != nil {
					faults[r] = err
					return
				}
				times[i] = float64(time.Since(began).Microseconds()) / 1000
			}
		})
	}
	group.Wait()
	return times, errors.Join(faults...)
}

var asset = regexp.MustCompile(`(?:href|src)="(/static/[^"#]+)|url\("(/static/[^"]+)"\)`)

// firstVisit counts the bytes of a page with everything that it and its style
// sheets name, each once, as they are sent.
func (v *visitor) firstVisit(path string) (int, error) {
	sum, seen := 0, map[string]bool{}
	for waiting := []string{path}; len(waiting) > 0; {
		at := waiting[0]
		waiting = waiting[1:]
		body, err := v.get(at)
		if err != nil {
			return 0, err
		}
		sum += len(body)
		if plain, err := gzip.NewReader(strings.NewReader(string(body))); err == nil {
			if body, err = io.ReadAll(plain); err != nil {
				return 0, err
			}
		}
		if strings.HasPrefix(at, "/static/") && !strings.HasSuffix(at, ".css") {
			continue
		}
		for _, m := range asset.FindAllStringSubmatch(string(body), -1) {
			name := m[1] + m[2]
			if picture := strings.Contains(name, "/img/"); !seen[name] && !picture { // pictures of widgets come with the widget
				seen[name] = true
				waiting = append(waiting, name)
			}
		}
	}
	return sum, nil
}
