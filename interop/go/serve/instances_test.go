package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/client"
	"github.com/enterprise-event-bus/eventbus/internal/store/storetest"
	"github.com/enterprise-event-bus/eventbus/interop/go/kafka"
)

// soak says that the counts of the requirement are asked for, and its limit.
var soak = os.Getenv("EVENTBUS_SOAK") != ""

// kills is how often an instance is killed: a few times, or fifty in a soak.
func kills() int {
	if soak {
		return 50
	}
	return 4
}

// backLimit is how soon the service must be back after an instance died: within
// ten seconds in a soak, which has the machine for itself.
func backLimit() time.Duration {
	if soak {
		return 10 * time.Second
	}
	return 40 * time.Second
}

// TestInstancesAreKilled: two instances share one PostgreSQL and one Kafka while
// schemas are registered and requests approved; again and again one of them, as a
// rule the one that leads, is killed as a crash does. Every acknowledged
// registration can be read with its id from both, no id means two schemas, writing
// works again soon (backLimit), and what was approved is provisioned, recorded and
// told of once.
func TestInstancesAreKilled(t *testing.T) {
	real := kafka.Start(t, 1)
	database := storetest.Postgres(t).DSN(t)
	d := newDeck(t, 2, onKafka(plaintext(real.Bootstrap)), "database: "+database)
	p := &pair{t: t, d: d, instances: []*instance{d.instance().run(), d.instance().run()}, tokens: map[string]string{}}
	for _, person := range []string{"producer", "owner", "bus-reviewer", "privacy-reviewer"} {
		p.signIn(person)
	}
	load := p.register(t.Context())
	var slowest time.Duration
	for n := range kills() {
		id := p.approved(n)
		time.Sleep(time.Duration(rand.IntN(800)) * time.Millisecond) // anywhere in the provisioning of it
		victim := p.instances[n%2]
		victim.kill()
		died := time.Now()
		load.await(died, backLimit())
		slowest = max(slowest, time.Since(died))
		p.active(p.instances[(n+1)%2], id)
		victim.run()
		p.toldOnce(id)
	}
	acknowledged := load.end()
	t.Logf("%d kills; %d registrations acknowledged; writing was back after %s at most", kills(), len(acknowledged), slowest.Round(time.Millisecond))
	p.readable(acknowledged)
	p.provisionedOnce(kills())
}

// pair are two instances of one bus.
type pair struct {
	t         *testing.T
	d         *deck
	instances []*instance
	tokens    map[string]string // by person
}

// signIn gets a person's token; it holds at both instances.
func (p *pair) signIn(person string) {
	p.t.Helper()
	first := p.instances[0]
	first.must(person, "login", "--as", person)
	files, err := filepath.Glob(filepath.Join(p.d.dir, "home-"+person, ".config", "eventbus", "tokens", "*.person"))
	if err != nil || len(files) != 1 {
		p.t.Fatalf("the tokens of %s: %v, %v", person, files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	p.tokens[person] = strings.TrimSpace(string(text))
}

func (p *pair) api(i *instance, person string) *client.API {
	return &client.API{Server: i.at.HTTP, Token: p.tokens[person], HTTP: p.d.http()}
}

// approved makes a request for an event of its own and has it approved, by calls
// to either instance; provisioning begins at once.
func (p *pair) approved(n int) string {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "gitops", "requests", "producer.yaml"))
	if err != nil {
		p.t.Fatal(err)
	}
	number := fmt.Sprintf("%03d", n)
	text = []byte(strings.NewReplacer("letter-ready", "letter-"+number, "Letter Ready", "Letter "+number, "claims-letters", "claims-letters-"+number,
		"LetterReady", "Letter"+number).Replace(string(text)))
	ctx := p.t.Context()
	request, err := p.api(p.instances[n%2], "producer").SubmitRequest(ctx, text, false)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, step := range []struct {
		person string
		stage  eventbus.Stage
	}{{"bus-reviewer", eventbus.StageBus}, {"owner", eventbus.StageOwner}, {"privacy-reviewer", eventbus.StagePrivacy}} {
		if _, err := p.api(p.instances[(n+i)%2], step.person).Decide(ctx, request.ID, step.stage, "", eventbus.DecisionApprove, ""); err != nil {
			p.t.Fatal(err)
		}
	}
	return request.ID
}

// active waits until both environments of a request are provisioned.
func (p *pair) active(by *instance, id string) {
	p.t.Helper()
	for end := time.Now().Add(readyLimit); ; time.Sleep(50 * time.Millisecond) {
		request, err := p.api(by, "producer").Request(p.t.Context(), id)
		if err != nil {
			p.t.Fatal(err)
		}
		states := ""
		for _, e := range request.Environments {
			states += fmt.Sprintf("%s is %s %s; ", e.Name, e.State, e.Error)
		}
		if strings.Count(states, "is "+string(eventbus.EnvActive)) == 2 {
			return
		}
		if strings.Contains(states, "is "+string(eventbus.EnvFailed)) || time.Now().After(end) {
			p.t.Fatalf("request %s: %s", id, states)
		}
	}
}

// toldOnce holds the inbox of the team against what happened: nothing is said
// twice about a request.
func (p *pair) toldOnce(id string) {
	p.t.Helper()
	var inbox struct{ Notifications []eventbus.Notification }
	if err := p.api(p.instances[0], "producer").Get(p.t.Context(), "/api/v1/inbox?limit=1000", &inbox); err != nil {
		p.t.Fatal(err)
	}
	said, about := map[string]int{}, 0
	for _, n := range inbox.Notifications {
		text, err := json.Marshal(n)
		if err != nil {
			p.t.Fatal(err)
		}
		if !strings.Contains(string(text), id) {
			continue
		}
		about++
		n.ID, n.At, n.Read = "", time.Time{}, false
		text, _ = json.Marshal(n) // it did before
		if said[string(text)]++; said[string(text)] > 1 {
			p.t.Errorf("the team was told twice: %s", text)
		}
	}
	if about == 0 {
		p.t.Errorf("the team was told nothing about request %s", id)
	}
}

// provisionedOnce reads the audit log: each topic was made once, and the chain
// has no gap.
func (p *pair) provisionedOnce(requests int) {
	p.t.Helper()
	i := p.instances[0]
	out := i.must(administrator, "topic", "list", "-o", "json")
	for n := range requests {
		for _, prefix := range []string{"dev_", "staging_"} {
			if name := fmt.Sprintf("%sletter-%03d", prefix, n); strings.Count(out, `"`+name+`"`) != 1 {
				p.t.Errorf("topic %s is there %d times", name, strings.Count(out, `"`+name+`"`))
			}
			subject := fmt.Sprintf("%sletter-%03d-value", prefix, n)
			var versions []int
			if err := p.get(i, "/subjects/"+subject+"/versions", &versions); err != nil || len(versions) != 1 {
				p.t.Errorf("%s has versions %v, %v; want one", subject, versions, err)
			}
		}
	}
	if out, err := i.cli(administrator, "audit", "verify"); err != nil {
		p.t.Errorf("the audit log: %v\n%s", err, out)
	}
}

// get asks an instance's registry.
func (p *pair) get(i *instance, path string, into any) error {
	response, err := p.d.http().Get(i.at.Registry + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// registration is one schema that the registry has acknowledged.
type registration struct {
	subject, text string
	id            int
}

// registering is the load: schemas that differ, registered one after another, at
// either instance.
type registering struct {
	p    *pair
	stop context.CancelFunc
	wait sync.WaitGroup

	mu           sync.Mutex
	acknowledged []registration
	last         time.Time
}

const writers = 4

func (p *pair) register(ctx context.Context) *registering {
	ctx, stop := context.WithCancel(ctx)
	l := &registering{p: p, stop: stop}
	p.t.Cleanup(stop)
	for w := range writers {
		l.wait.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				subject := fmt.Sprintf("load-%d-%d", w, n%20)
				text := fmt.Sprintf(`{"type":"record","name":"R","fields":[{"name":"f%d_%d","type":"long","default":0}]}`, w, n)
				if id, err := p.post(ctx, p.instances[rand.IntN(2)], subject, text); err == nil {
					l.mu.Lock()
					l.acknowledged = append(l.acknowledged, registration{subject, text, id})
					l.last = time.Now()
					l.mu.Unlock()
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	return l
}

// post registers a schema with an operator's token.
func (p *pair) post(ctx context.Context, i *instance, subject, text string) (int, error) {
	body, err := json.Marshal(map[string]string{"schema": text})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.at.Registry+"/subjects/"+subject+"/versions", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	request.SetBasicAuth("operator", administratorToken)
	response, err := p.d.http().Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	var made struct{ ID int }
	if response.StatusCode != http.StatusOK {
		return 0, errors.New(string(answer))
	}
	err = json.Unmarshal(answer, &made)
	return made.ID, err
}

// await waits until something that was sent after a moment is acknowledged.
func (l *registering) await(after time.Time, limit time.Duration) {
	l.p.t.Helper()
	for {
		l.mu.Lock()
		back := l.last.After(after.Add(100 * time.Millisecond)) // not an answer that was under way
		l.mu.Unlock()
		if back {
			return
		}
		if time.Since(after) > limit {
			l.p.t.Fatalf("no registration was acknowledged within %s of the death of an instance", limit)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (l *registering) end() []registration {
	l.stop()
	l.wait.Wait()
	return l.acknowledged
}

// readable asks both instances for every id that was acknowledged.
func (p *pair) readable(acknowledged []registration) {
	p.t.Helper()
	if len(acknowledged) == 0 {
		p.t.Fatal("nothing was registered")
	}
	means := map[int]string{}
	for _, r := range acknowledged {
		if other := means[r.id]; other != "" && other != r.text {
			p.t.Errorf("id %d was given to %s and to %s", r.id, other, r.text)
		}
		means[r.id] = r.text
	}
	for _, i := range p.instances {
		for id, text := range means {
			var found struct{ Schema string }
			if err := p.get(i, fmt.Sprintf("/schemas/ids/%d", id), &found); err != nil || found.Schema != text {
				p.t.Errorf("%s: id %d is %s, %v; want %s", i.name, id, found.Schema, err, text)
			}
		}
	}
}
