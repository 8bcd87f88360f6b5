package provision

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// scenes are manifests applied one after the other that together make every kind
// of change; each but the first starts from the one before.
func scenes() []eventbus.Manifest {
	grown := claims()
	grown.Environments = []eventbus.Environment{{Name: "sandbox", Label: "Sandbox", Prefix: "sbx_", Order: 4}}
	topic := &grown.Events[0].Topics[0]
	topic.Topic.Partitions, topic.Compatibility, topic.ValueSchema, topic.Guard = 12, eventbus.CompatibilityFull, claimSchema2, eventbus.SchemaGuardEnforce
	topic.Topic.Configs = map[string]string{"retention.ms": "86400000"}
	grown.Events[0].Event.Title, grown.Events[0].Event.Schema = "Claim filed with us", ""
	grown.Grants[0].TrustedBy = append(grown.Grants[0].TrustedBy, consumerRole)
	grown.Grants[0].Purpose = "files all claims"
	grown.Grants = append(grown.Grants, eventbus.Grant{Event: "claim-filed", Environment: "development", Direction: eventbus.Consumed, Principal: producerRole,
		GroupPrefix: "claims", Purpose: "checks what it filed"})
	grown.Events[0].Topics = append(grown.Events[0].Topics, eventbus.TopicManifest{Environment: "staging", ValueSchema: claimSchema2,
		Compatibility: eventbus.CompatibilityFull, Guard: eventbus.SchemaGuardEnforce, Topic: eventbus.Topic{Partitions: 1}})
	grown.Grants = append(grown.Grants, eventbus.Grant{Event: "claim-filed", Environment: "staging", Direction: eventbus.Consumed, Principal: auditorRole,
		GroupPrefix: "audit", Purpose: "rehearses an audit"})

	relabelled := grown
	relabelled.Environments = []eventbus.Environment{{Name: "sandbox", Label: "Playground", Prefix: "sbx_", Order: 4}}
	adopted := eventbus.EventManifest{Event: eventbus.Event{Name: "found", Title: "Found"}, Topics: []eventbus.TopicManifest{{Environment: "development", Topic: eventbus.Topic{Partitions: 2}}}}
	relabelled.Events = append(slices.Clone(grown.Events), adopted)

	quarantine := eventbus.Manifest{Source: "request 99", Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed", Lifecycle: eventbus.LifecycleDeprecated}, Remove: []string{"development", "staging"}}}}
	return []eventbus.Manifest{claims(), grown, relabelled, quarantine, quarantine}
}

// TestCrashAtEveryPoint crashes once at every failpoint, of every scene where it
// is passed, starts anew, and asks for exactly the world that comes of no crash.
// A point that no scene passes fails the test.
func TestCrashAtEveryPoint(t *testing.T) {
	unhit := map[string]bool{}
	for _, point := range Failpoints() {
		unhit[point] = true
	}
	calm, _ := play(t, "", -1)
	for scene := range scenes() {
		for _, point := range Failpoints() {
			w, hit := play(t, point, scene)
			if !hit {
				continue
			}
			delete(unhit, point)
			if got, want := w.picture(), calm.picture(); got != want {
				t.Errorf("after a crash at %s of scene %d:\n%s\nwant\n%s", point, scene, got, want)
			}
		}
	}
	for point := range unhit {
		t.Errorf("no scene passes the failpoint %s", point)
	}
}

// play applies the scenes; in one of them it crashes at the point's first pass.
func play(t *testing.T, point string, crashed int) (*memory, bool) {
	t.Helper()
	w, hit := newMemory(), false
	w.aws = true
	w.topics["dev_found"] = eventbus.Topic{Name: "dev_found", Partitions: 2, Configs: map[string]string{"segment.ms": "5000"}}
	for i, m := range scenes() {
		w.now = time.Date(2026, 3, 1+40*i, 12, 0, 0, 0, time.UTC)
		plan := mustPlan(t, w, m)
		w.fail = func(here string) error {
			if i == crashed && here == point && !hit {
				hit = true
				return errors.New("killed at " + here)
			}
			return nil
		}
		err := w.bus().Apply(t.Context(), operator, plan, m, everything)
		w.fail = nil
		if (err != nil) != (hit && i == crashed) {
			t.Fatalf("scene %d, point %s: %v", i, point, err)
		}
		if err == nil {
			continue
		}
		// The process starts again: it carries on, and whoever asked asks again.
		w.holder = ""
		if err := w.bus().Resume(t.Context()); err != nil {
			t.Fatalf("scene %d, crashed at %s: resume: %v", i, point, err)
		}
		again := mustPlan(t, w, m)
		if err := w.bus().Apply(t.Context(), operator, again, m, everything); err != nil {
			t.Fatalf("scene %d, crashed at %s: apply again: %v", i, point, err)
		}
		if left := mustPlan(t, w, m); !left.Empty() {
			t.Fatalf("scene %d, crashed at %s, is left with\n%s", i, point, Render(left))
		}
		if left, _ := (plansOf{w}).UnfinishedPlans(t.Context()); len(left) > 0 {
			t.Fatalf("scene %d, crashed at %s: plans are left unfinished", i, point)
		}
	}
	return w, hit
}

// picture is what matters of a world: numbers and ids that count attempts left
// out.
func (w *memory) picture() string {
	text := fmt.Sprintln("topics", w.topics, "made", w.created, "levels", w.levels, "environments", w.envs)
	for _, subject := range slices.Sorted(maps.Keys(w.subjects)) {
		for _, v := range w.subjects[subject] {
			text += fmt.Sprintln("schema", subject, v.Version, v.Text)
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(w.principals)) {
		text += fmt.Sprintln("principal", w.principals[arn], "keys", len(w.keys[arn]), "offered", w.offers[w.principals[arn].Name].KeyID != "",
			"the same", len(w.keys[arn]) == 0 || w.keys[arn][0] == w.offers[w.principals[arn].Name].KeyID)
	}
	for _, id := range slices.Sorted(maps.Keys(w.grants)) {
		g := w.grants[id]
		text += fmt.Sprintln("grant", id, g.Version, g.Active(), g.Purpose, g.Topic)
	}
	for _, name := range slices.Sorted(maps.Keys(w.events)) {
		e := w.events[name]
		text += fmt.Sprintln("entry", name, e.Version, e.Title, e.Lifecycle, len(e.Topics), e.Compatibility)
	}
	for _, name := range slices.Sorted(maps.Keys(w.wanted)) {
		m := w.wanted[name]
		text += fmt.Sprintln("wanted", name, m.Event.Title, m.Topics, len(m.Quarantined))
	}
	return text
}
