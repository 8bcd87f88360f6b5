package server

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// What the process that is killed is told: its data folder, its scene, and the
// file of the points where it was killed before.
const (
	killFolder = "EVENTBUS_TEST_KILL_FOLDER"
	killScene  = "EVENTBUS_TEST_KILL_SCENE"
	killPoints = "EVENTBUS_TEST_KILL_POINTS"
)

// failpoints lists every point where provisioning may be cut short here. The
// bus's own directory keeps a principal that nobody needs any more; only an
// account of AWS deletes it, and is cut short there (internal/awscloud).
func failpoints() []string {
	points := append(provision.Failpoints(), pointApplied, pointListed)
	return slices.DeleteFunc(points, func(point string) bool { return strings.HasPrefix(point, "principal/delete/") })
}

// TestKilledAtEveryStep plays scenes that together make every kind of change. The
// process that plays them is killed (SIGKILL) at each point of each scene; with
// EVENTBUS_SOAK=1 at each pass of it. It is started again until it gets through.
// Then the world is the very one that comes of no kill: one topic, schema version,
// policy, catalog entry, key and notification each. A point that no scene passes
// fails the test.
func TestKilledAtEveryStep(t *testing.T) {
	calm, folder := t.TempDir(), t.TempDir()
	points := filepath.Join(t.TempDir(), "points")
	kills := 0
	for i, scene := range killScenes() {
		var want, got string
		onFolder(t, calm, scene.later(i), nil, func(w *world) { scene.play(w); want = w.picture() })
		for !playedThrough(t, folder, i, points) {
			if kills++; kills > 5000 {
				t.Fatal("there is no getting through")
			}
		}
		onFolder(t, folder, scene.later(i), nil, func(w *world) { got = w.picture() })
		if got != want {
			t.Fatalf("scene %q, after the kills:\n%s\nwant\n%s", scene.name, got, want)
		}
	}
	hit := killedAt(t, points)
	for _, point := range failpoints() {
		if !slices.ContainsFunc(hit, func(h string) bool { return strings.HasPrefix(h, point+"\t") }) {
			t.Errorf("no scene passes the failpoint %s", point)
		}
	}
	t.Logf("killed %d times", kills)
}

// playedThrough runs a scene in a process of its own; false when it was killed at
// one more point.
func playedThrough(t *testing.T, folder string, scene int, points string) bool {
	t.Helper()
	before := len(killedAt(t, points))
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProcessToKill$", "-test.count=1")
	process.Env = append(os.Environ(), killFolder+"="+folder, killScene+"="+strconv.Itoa(scene), killPoints+"="+points)
	out, err := process.CombinedOutput()
	if err == nil {
		return true
	}
	if len(killedAt(t, points)) != before+1 || process.ProcessState.ExitCode() != -1 {
		t.Fatalf("the process failed by itself: %v\n%s", err, out)
	}
	return false
}

func killedAt(t *testing.T, points string) []string {
	t.Helper()
	text, err := os.ReadFile(points)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == "" })
}

// TestProcessToKill is the process of TestKilledAtEveryStep, and nothing by itself.
func TestProcessToKill(t *testing.T) {
	folder, points := os.Getenv(killFolder), os.Getenv(killPoints)
	if folder == "" {
		return
	}
	number, err := strconv.Atoi(os.Getenv(killScene))
	if err != nil {
		t.Fatal(err)
	}
	scene := killScenes()[number]
	before := killedAt(t, points)
	var turn sync.Mutex // kept by the first who is killed
	passes := map[string]int{}
	onFolder(t, folder, scene.later(number), func(point string) error {
		turn.Lock()
		passes[point]++
		pass := passes[point]
		point += "\t" + scene.name
		if os.Getenv("EVENTBUS_SOAK") == "1" {
			point += fmt.Sprint("\t", pass)
		}
		if slices.Contains(before, point) {
			turn.Unlock()
			return nil
		}
		file, err := os.OpenFile(points, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if _, err := file.WriteString(point + "\n"); err != nil {
			return err
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		if err := self.Kill(); err != nil {
			return err
		}
		select {} // the kill has not arrived yet
	}, scene.play)
}

// killedScene is a part of the story, played over and over until it is done.
type killedScene struct {
	name string
	play func(*world)
}

// later moves the clock on from scene to scene: quarantine ends, an offered key
// expires.
func (killedScene) later(number int) time.Duration {
	return time.Duration(number) * 40 * 24 * time.Hour
}

func killScenes() []killedScene {
	produced, grown, relabelled := claimsManifests()
	retired := eventbus.Manifest{Source: "test", Events: []eventbus.EventManifest{{
		Event: eventbus.Event{Name: "claim-filed", Lifecycle: eventbus.LifecycleDeprecated}, Remove: []string{"development"}}}}
	return []killedScene{
		{"a producer is approved", func(w *world) {
			w.asked("producer", "producer.yaml", map[eventbus.Stage]string{eventbus.StageBus: "bus-reviewer", eventbus.StageOwner: "owner", eventbus.StagePrivacy: "privacy-reviewer"})
		}},
		{"a consumer is approved", func(w *world) {
			w.asked("consumer", "consumer.yaml", map[eventbus.Stage]string{eventbus.StageBus: "bus-reviewer", eventbus.StageOwner: "owner"})
		}},
		{"a manifest is applied", func(w *world) { w.applied(produced) }},
		{"everything changes", func(w *world) {
			found := eventbus.Topic{Name: "dev_found", Partitions: 2, ReplicationFactor: 1}
			if err := (topicWorld{w.kafkas}).CreateTopics(w.ctx, []eventbus.Topic{found})[0]; err != nil && eventbus.CodeOf(err) != eventbus.CodeConflict {
				w.t.Fatal(err)
			}
			w.applied(grown)
		}},
		{"a label changes", func(w *world) { w.applied(relabelled) }},
		{"the topic goes into quarantine", func(w *world) { w.applied(retired) }},
		{"the topic is deleted", func(w *world) { w.applied(retired) }},
	}
}

// asked brings a request to where it is provisioned, however far it is.
func (w *world) asked(persona, file string, reviewers map[eventbus.Stage]string) {
	w.t.Helper()
	submission := w.example(file)
	list, err := w.onboarding.Requests(w.ctx, w.as(persona), eventbus.RequestQuery{Kind: submission.Kind})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(list) == 0 {
		list = append(list, w.must(w.onboarding.Submit(w.ctx, w.as(persona), w.must(w.onboarding.Draft(w.ctx, w.as(persona), submission)).ID)))
	}
	for _, stage := range slices.Sorted(maps.Keys(reviewers)) {
		_, err := w.onboarding.Decide(w.ctx, w.as(reviewers[stage]), list[0].ID, stage, "", eventbus.DecisionApprove, "")
		if err != nil && eventbus.CodeOf(err) != eventbus.CodeConflict { // decided before the kill
			w.t.Fatal(err)
		}
	}
	w.active(list[0].ID, "development")
	w.active(list[0].ID, "staging")
}

// applied applies a manifest until nothing is left to do, as an operator would.
func (w *world) applied(m eventbus.Manifest) {
	w.t.Helper()
	if err := w.provision.Resume(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if plan, err := w.provision.Plan(w.ctx, m); err != nil || !plan.Empty() {
		w.apply(m)
	}
	w.settled(m)
}

// claimsManifests want an event with all that belongs to it, then change all of
// it, then one label more.
func claimsManifests() (produced, grown, relabelled eventbus.Manifest) {
	const first = `{"type":"record","name":"Claim","namespace":"gov.example","fields":[{"name":"id","type":"string"}]}`
	const second = `{"type":"record","name":"Claim","namespace":"gov.example","fields":[{"name":"id","type":"string"},{"name":"note","type":["null","string"],"default":null}]}`
	const role, user = "arn:aws-us-gov:iam::123456789012:role/claims-service", "arn:aws-us-gov:iam::123456789012:user/partner"
	event := func(title, schema string, partitions int32, retention string) eventbus.EventManifest {
		return eventbus.EventManifest{
			Event: eventbus.Event{Name: "claim-filed", Title: title, Description: "A claim was filed.", Domain: "claims", Lifecycle: eventbus.LifecycleDevelopment, Owner: "claims"},
			Topics: []eventbus.TopicManifest{{Environment: "development", ValueSchema: schema, KeySchema: `"string"`,
				Topic: eventbus.Topic{Partitions: partitions, Configs: map[string]string{"retention.ms": retention}}}}}
	}
	produce := eventbus.Grant{Event: "claim-filed", Environment: "development", Direction: eventbus.Produced, Principal: role, Idempotent: true, Team: "claims",
		TrustedBy: []string{"arn:aws-us-gov:iam::210987654321:role/claims-app"}, Purpose: "files claims"}
	mirror := eventbus.Grant{Event: "claim-filed", Environment: "development", Direction: eventbus.Consumed, Principal: user, GroupPrefix: "partner-*",
		Team: "partners", Contact: "pat", Purpose: "mirrors claims"}
	produced = eventbus.Manifest{Source: "test", Events: []eventbus.EventManifest{event("Claim filed", first, 2, "604800000")}, Grants: []eventbus.Grant{produce, mirror}}

	changed := event("Claim filed with us", second, 3, "86400000")
	changed.Topics[0].Compatibility, changed.Topics[0].Guard = eventbus.CompatibilityFull, eventbus.SchemaGuardEnforce
	produce.TrustedBy, produce.Purpose = append(slices.Clone(produce.TrustedBy), "arn:aws-us-gov:iam::210987654321:role/claims-batch"), "files all claims"
	checks := eventbus.Grant{Event: "claim-filed", Environment: "development", Direction: eventbus.Consumed, Principal: role, GroupPrefix: "claims", Purpose: "checks what it filed"}
	found := eventbus.EventManifest{Event: eventbus.Event{Name: "found", Title: "Found"}, Topics: []eventbus.TopicManifest{{Environment: "development", Topic: eventbus.Topic{Partitions: 2}}}}
	sandbox := eventbus.Environment{Name: "sandbox", Label: "Sandbox", Prefix: "sbx_", Order: 4}
	grown = eventbus.Manifest{Source: "test", Environments: []eventbus.Environment{sandbox}, Events: []eventbus.EventManifest{changed, found}, Grants: []eventbus.Grant{produce, mirror, checks}}

	relabelled, sandbox.Label = grown, "Playground"
	relabelled.Environments = []eventbus.Environment{sandbox}
	return produced, grown, relabelled
}

// picture is all that provisioning makes, names of chance left out. It fails the
// test when something is there twice, or was left lying.
func (w *world) picture() string {
	w.t.Helper()
	var text strings.Builder
	line := func(parts ...any) { fmt.Fprintln(&text, parts...) }
	topics := need[[]eventbus.Topic](w)(topicWorld{w.kafkas}.Topics(w.ctx))
	slices.SortFunc(topics, func(a, b eventbus.Topic) int { return strings.Compare(a.Name, b.Name) })
	for _, topic := range topics {
		if !strings.HasPrefix(topic.Name, "_") {
			line("topic", topic.Name, topic.Partitions, topic.Configs)
		}
	}
	for _, subject := range []string{"dev_letter-ready-value", "staging_letter-ready-value", "dev_claim-filed-value", "dev_claim-filed-key"} {
		versions, err := w.registry.Versions(subject, registry.Live)
		level, _ := w.registry.Compatibility(subject, false)
		line("schema", subject, versions, level, eventbus.CodeOf(err))
	}
	w.pictureAccess(line)
	for _, e := range need[[]eventbus.Event](w)(w.store.Events(w.ctx)) {
		line("entry", e.Name, e.Version, e.Title, e.Lifecycle, len(e.Topics))
	}
	for _, s := range need[[]eventbus.System](w)(w.store.Systems(w.ctx)) {
		line("system", s.Name, s.Subscribes)
	}
	for _, m := range need[[]eventbus.EventManifest](w)(w.store.Wanted(w.ctx)) {
		line("wanted", m.Event.Name, len(m.Topics), len(m.Quarantined))
	}
	for _, e := range w.environments() {
		line("environment", e.Name, e.Label)
	}
	for _, r := range need[[]eventbus.Request](w)(w.store.Requests(w.ctx, eventbus.RequestQuery{})) {
		for _, e := range r.Environments {
			line("request", r.Kind, r.State, e.Name, e.State)
		}
	}
	w.pictureMessages(line)
	if left := need[[]eventbus.Plan](w)(w.store.UnfinishedPlans(w.ctx)); len(left) > 0 {
		w.t.Errorf("%d plans are left unfinished", len(left))
	}
	if report, err := audit.Verify(context.Background(), w.store); err != nil || !report.OK() {
		w.t.Errorf("the record: %+v, %v", report, err)
	}
	return text.String()
}

func (w *world) pictureAccess(line func(...any)) {
	for _, r := range need[[]eventbus.IAMRole](w)(w.store.Roles(w.ctx)) {
		line("role", r.Name, r.Team, r.ManagedBy, r.Trust, r.Policies)
	}
	for _, u := range need[[]eventbus.IAMUser](w)(w.store.Users(w.ctx)) {
		line("user", u.Name, u.Team, u.ManagedBy, u.Policies)
		keys := need[[]eventbus.AccessKey](w)(w.store.AccessKeys(w.ctx, u.Name))
		if len(keys) != 1 {
			w.t.Errorf("user %s has %d keys", u.Name, len(keys))
		}
		if offer, err := w.store.KeyOffer(w.ctx, u.Name); err == nil && offer.KeyID != keys[0].ID {
			w.t.Errorf("user %s has key %s and was offered %s", u.Name, keys[0].ID, offer.KeyID)
		}
	}
	for _, g := range need[[]eventbus.Grant](w)(w.store.Grants(w.ctx, eventbus.GrantQuery{})) {
		line("grant", g.Event, g.Environment, g.Direction, g.Principal, g.Version, g.Active(), g.Purpose)
	}
}

// pictureMessages lists what everybody was told.
func (w *world) pictureMessages(line func(...any)) {
	told := map[string]string{}
	for _, p := range append(w.personas(), eventbus.Person{ID: "partner", Teams: []string{"partners"}}) {
		for _, n := range need[[]eventbus.Notification](w)(w.store.Inbox(w.ctx, p, false, 1000)) {
			told[n.ID] = fmt.Sprint(n.To, n.Subject)
		}
	}
	for _, message := range slices.Sorted(maps.Values(told)) {
		line("message", message)
	}
}

// need gives the value of a call that must succeed.
func need[T any](w *world) func(T, error) T {
	return func(value T, err error) T {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
		return value
	}
}
