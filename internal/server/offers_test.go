package server

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

const partner = "partner" // a user that provisioning makes

// partnerManifest wants an event and a user outside AWS who consumes it.
func (w *world) partnerManifest() eventbus.Manifest {
	d := w.cfg.Deployment
	return eventbus.Manifest{Source: "test", Events: []eventbus.EventManifest{{
		Event:  eventbus.Event{Name: "letter-ready", Title: "Letter ready", Owner: "claims", Lifecycle: eventbus.LifecycleDevelopment},
		Topics: []eventbus.TopicManifest{{Environment: "development", Topic: eventbus.Topic{Partitions: 1}}}}},
		Grants: []eventbus.Grant{{Event: "letter-ready", Environment: "development", Direction: eventbus.Consumed, GroupPrefix: "partner-*",
			Principal: eventbus.UserARN(d.Partition, d.Account, partner), Team: "appointments", Contact: "consumer", Purpose: "mirrors letters"}}}
}

func (w *world) apply(m eventbus.Manifest) {
	w.t.Helper()
	plan, err := w.provision.Plan(w.ctx, m)
	if err == nil {
		err = w.provision.Apply(w.ctx, w.as("operator"), plan, m, provision.ApplyOptions{Approved: true, AllowDestructive: true})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) settled(m eventbus.Manifest) {
	w.t.Helper()
	plan, err := w.provision.Plan(w.ctx, m)
	if err != nil || !plan.Empty() {
		w.t.Fatalf("a plan after that: %v\n%s", err, provision.Render(plan))
	}
}

// refusesKey asserts that a person does not get the key, nor learns of it.
func (w *world) refusesKey(persona string) {
	w.t.Helper()
	id, secret, err := w.offers.Collect(w.ctx, w.as(persona), partner)
	if id != "" || secret != "" || eventbus.CodeOf(err) != eventbus.CodeNotFound {
		w.t.Fatalf("%s gets key %q, %v; want not found", persona, id, err)
	}
}

// TestKeyIsCollectedOnce: of a team only the contact, of many tries only one,
// gets the key of a new user; the secret works, and the record tells of it all.
func TestKeyIsCollectedOnce(t *testing.T) { onBothDatabases(t, keyIsCollectedOnce) }

func keyIsCollectedOnce(t *testing.T, w *world) {
	w.refusesKey("consumer")
	w.apply(w.partnerManifest())
	w.refusesKey("producer")
	w.refusesKey("operator")
	told, err := w.store.Inbox(w.ctx, w.as("consumer").Person, true, 10)
	if err != nil || len(told) != 1 || told[0].Subject != "A key of partner waits for you" {
		t.Fatalf("the contact is told %+v, %v", told, err)
	}
	var won atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			id, secret, err := w.offers.Collect(w.ctx, w.as("consumer"), partner)
			switch {
			case err == nil && id != "" && secret != "":
				won.Add(1)
			case secret != "" || eventbus.CodeOf(err) != eventbus.CodeNotFound:
				t.Errorf("a late collection gives %q, %v", id, err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d of 16 got the key, want 1", won.Load())
	}
	w.refusesKey("consumer")
	w.settled(w.partnerManifest())
	allowed, err := w.store.AuditEntries(w.ctx, eventbus.AuditQuery{Action: "iam.key.collect", Outcome: eventbus.OutcomeAllowed})
	if err != nil || len(allowed) != 1 || allowed[0].Actor != "consumer" {
		t.Fatalf("the record of collections is %+v, %v", allowed, err)
	}
	intents, err := w.store.AuditEntries(w.ctx, eventbus.AuditQuery{Action: "iam.key.collect", Outcome: eventbus.OutcomeIntent})
	if err != nil || len(intents) != 20 || intents[0].Seq > allowed[0].Seq {
		t.Fatalf("%d intents, %v, want one for each try", len(intents), err)
	}
}

// TestKeyWaitsForSevenDays: a restart forgets no offer; after seven days nobody
// gets the key, and the next plan offers another.
func TestKeyWaitsForSevenDays(t *testing.T) {
	dir := t.TempDir()
	run := func(later time.Duration, do func(*world)) { onFolder(t, dir, later, nil, do) }
	run(0, func(w *world) { w.apply(w.partnerManifest()); w.settled(w.partnerManifest()) })
	run(provision.OfferTime+time.Minute, func(w *world) {
		w.refusesKey("consumer")
		w.apply(w.partnerManifest())
	})
	secret := ""
	run(2*provision.OfferTime, func(w *world) {
		var err error
		if _, secret, err = w.offers.Collect(w.ctx, w.as("consumer"), partner); err != nil {
			t.Fatal(err)
		}
	})
	run(2*provision.OfferTime+time.Hour, func(w *world) {
		w.refusesKey("consumer")
		w.settled(w.partnerManifest())
	})
	if secret == "" {
		t.Fatal("no secret was shown")
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("%s holds the secret in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
