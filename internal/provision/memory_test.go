package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// memory is a whole world in memory. It keeps the rules of the real parts that
// provisioning relies on: conflicts, versions, what is idempotent and what not.
type memory struct {
	now        time.Time
	envs       []eventbus.Environment
	topics     map[string]eventbus.Topic
	created    map[string]int // topics made, by name
	subjects   map[string][]eventbus.Schema
	levels     map[string]eventbus.Compatibility
	nextID     int
	principals map[string]ManagedPrincipal
	keys       map[string][]string          // user → key ids
	offers     map[string]eventbus.KeyOffer // by user name
	events     map[string]eventbus.Event
	wanted     map[string]eventbus.EventManifest
	grants     map[string]eventbus.Grant
	plans      []eventbus.Plan
	steps      map[string][]eventbus.Step
	abandoned  map[string]bool
	audit      []eventbus.AuditEntry
	leasing    sync.Mutex // holder
	holder     string
	lose       context.CancelCauseFunc  // takes the lease away
	fail       func(point string) error // Config.Failpoint
	broken     error                    // what CreateTopics answers, when set
	brokenFor  string                   // for which topic only, when set
	reads      int                      // calls of Topics
	saves      int                      // calls of SaveSteps
	aws        bool                     // AWS decides in staging
	failing    func(arn string) error   // what EnsurePrincipal answers, when set
	looks      map[string]int           // calls of Principal, by ARN; not counted when nil
}

// stagingOnAWS is the cluster of staging in a world with aws.
var stagingOnAWS = eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-west-1", Account: "123456789012",
	Cluster: "staging", UUID: "11111111-2222-3333-4444-555555555555-7", Path: "eventbus/staging/"}

const auditorRole = "arn:aws-us-gov:iam::123456789012:role/eventbus/staging/auditor"

// cloud is the world's principals as a driver of AWS shows them: it deletes what
// provisioning made.
type cloud struct{ *memory }

func (w cloud) EnsurePrincipal(ctx context.Context, by eventbus.Actor, p ManagedPrincipal) error {
	p.Repair = ""
	return w.memory.EnsurePrincipal(ctx, by, p)
}

func (w cloud) RemovePrincipal(_ context.Context, _ eventbus.Actor, arn string) error {
	if p, exists := w.principals[arn]; exists && !p.Managed {
		return eventbus.Errorf(eventbus.CodeConflict, "%s was made by hand", arn)
	}
	delete(w.principals, arn)
	delete(w.keys, arn)
	return nil
}

func newMemory() *memory {
	return &memory{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), envs: eventbus.DemoEnvironments(),
		topics: map[string]eventbus.Topic{}, created: map[string]int{}, subjects: map[string][]eventbus.Schema{}, levels: map[string]eventbus.Compatibility{},
		principals: map[string]ManagedPrincipal{}, keys: map[string][]string{}, offers: map[string]eventbus.KeyOffer{}, events: map[string]eventbus.Event{},
		wanted: map[string]eventbus.EventManifest{}, grants: map[string]eventbus.Grant{}, steps: map[string][]eventbus.Step{}, abandoned: map[string]bool{}}
}

// bus makes a provisioner over the world, as a process does that starts.
func (w *memory) bus() *Provisioner {
	ids := len(w.plans)
	var of map[string]EnvironmentAccess
	if w.aws {
		of = map[string]EnvironmentAccess{"staging": {Access: cloud{w}, Offers: w, Deployment: stagingOnAWS}}
	}
	return New(Config{Environments: func() []eventbus.Environment { return slices.Clone(w.envs) }, Now: func() time.Time { return w.now },
		NewID: func() string { ids++; return fmt.Sprintf("plan-%d", ids) }, Failpoint: func(point string) error {
			if w.fail == nil {
				return nil
			}
			return w.fail(point)
		}},
		World{Topics: w, Schemas: w, Access: w, AccessOf: of, Offers: w, Catalog: catalogOf{w}, Plans: plansOf{w}, Wanted: wantedOf{w}, Grants: grantsOf{w}, Environments: w, Leases: w, Audit: w})
}

func (w *memory) Topics(context.Context) ([]eventbus.Topic, error) {
	w.reads++
	return slices.Collect(maps.Values(w.topics)), nil
}

func (w *memory) CreateTopics(_ context.Context, topics []eventbus.Topic) []error {
	errs := make([]error, len(topics))
	for i, t := range topics {
		_, exists := w.topics[t.Name]
		switch {
		case w.broken != nil && (w.brokenFor == "" || w.brokenFor == t.Name):
			errs[i] = w.broken
			continue
		case exists:
			errs[i] = eventbus.Errorf(eventbus.CodeConflict, "topic %s exists", t.Name)
			continue
		}
		t.Configs = maps.Clone(t.Configs)
		if t.Configs == nil {
			t.Configs = map[string]string{}
		}
		w.topics[t.Name] = t
		w.created[t.Name]++
	}
	return errs
}

func (w *memory) SetTopicConfigs(_ context.Context, topic string, set map[string]string, remove []string) error {
	t, exists := w.topics[topic]
	if !exists {
		return eventbus.Errorf(eventbus.CodeNotFound, "no topic %s", topic)
	}
	t.Configs = maps.Clone(t.Configs)
	if t.Configs == nil {
		t.Configs = map[string]string{}
	}
	maps.Copy(t.Configs, set)
	for _, name := range remove {
		delete(t.Configs, name)
	}
	w.topics[topic] = t
	return nil
}

func (w *memory) AddPartitions(_ context.Context, topic string, total int32) error {
	t := w.topics[topic]
	if total <= t.Partitions {
		return eventbus.Errorf(eventbus.CodeInvalid, "topic %s has %d partitions", topic, t.Partitions)
	}
	t.Partitions = total
	w.topics[topic] = t
	return nil
}

func (w *memory) DeleteTopic(_ context.Context, topic string) error {
	if _, exists := w.topics[topic]; !exists {
		return eventbus.Errorf(eventbus.CodeNotFound, "no topic %s", topic)
	}
	delete(w.topics, topic)
	return nil
}

func (w *memory) Latest(_ context.Context, subject string) (eventbus.Schema, bool, error) {
	list := w.subjects[subject]
	if len(list) == 0 {
		return eventbus.Schema{}, false, nil
	}
	return list[len(list)-1], true, nil
}

func (w *memory) Versions(_ context.Context, subject string) ([]eventbus.Schema, error) {
	return w.subjects[subject], nil
}

func (w *memory) Compatibility(_ context.Context, subject string) (eventbus.Compatibility, bool, error) {
	level, set := w.levels[subject]
	return level, set, nil
}

func (w *memory) SetCompatibility(_ context.Context, subject string, level eventbus.Compatibility) error {
	w.levels[subject] = level
	return nil
}

func (w *memory) Register(_ context.Context, subject, text string) (eventbus.Schema, error) {
	schema, err := avro.Parse(text, avro.Options{})
	if err != nil {
		return eventbus.Schema{}, eventbus.Errorf(eventbus.CodeInvalid, "not Avro: %w", err)
	}
	for _, v := range w.subjects[subject] {
		if v.Text == schema.Canonical() {
			return v, nil
		}
	}
	if refused := incompatible(w.levels[subject], schema, w.subjects[subject]); len(refused) > 0 {
		return eventbus.Schema{}, eventbus.Errorf(eventbus.CodeConflict, "incompatible: %v", refused)
	}
	w.nextID++
	v := eventbus.Schema{Subject: subject, Version: len(w.subjects[subject]) + 1, ID: w.nextID, Type: "AVRO", Text: schema.Canonical()}
	w.subjects[subject] = append(w.subjects[subject], v)
	return v, nil
}

func (w *memory) Principal(_ context.Context, arn string) (ManagedPrincipal, error) {
	if w.looks != nil {
		w.looks[arn]++
	}
	p, exists := w.principals[arn]
	if !exists {
		return p, eventbus.Errorf(eventbus.CodeNotFound, "no principal %s", arn)
	}
	return p, nil
}

func (w *memory) EnsurePrincipal(_ context.Context, _ eventbus.Actor, p ManagedPrincipal) error {
	if w.failing != nil {
		if err := w.failing(p.ARN); err != nil {
			return err
		}
	}
	have, exists := w.principals[p.ARN]
	if exists && !have.Managed {
		return eventbus.Errorf(eventbus.CodeConflict, "%s was made by hand", p.ARN)
	}
	if p.Kind == eventbus.PrincipalRole {
		if _, err := policy.ParseTrust([]byte(p.Trust)); err != nil {
			return eventbus.Errorf(eventbus.CodeInvalid, "trust: %w", err)
		}
	}
	p.Policy = have.Policy
	w.principals[p.ARN] = p
	return nil
}

func (w *memory) SetPolicy(_ context.Context, _ eventbus.Actor, arn, document string) error {
	p, exists := w.principals[arn]
	if !exists {
		return eventbus.Errorf(eventbus.CodeNotFound, "no principal %s", arn)
	}
	p.Policy = document
	w.principals[arn] = p
	return nil
}

func (w *memory) NewKey(_ context.Context, _ eventbus.Actor, arn string) (id string, err error) {
	w.nextID++
	w.keys[arn] = []string{fmt.Sprintf("AKIA%d", w.nextID)}
	return w.keys[arn][0], nil
}

func (w *memory) Offered(_ context.Context, user string) (bool, error) {
	offer, offered := w.offers[user]
	return offered && (!offer.CollectedAt.IsZero() || offer.Waits(w.now)), nil
}

func (w *memory) Withdraw(_ context.Context, user string) error {
	delete(w.offers, user)
	return nil
}

func (w *memory) Offer(_ context.Context, o eventbus.KeyOffer) error {
	w.offers[o.User] = o
	return nil
}

// collect lets every contact take the key that waits.
func (w *memory) collect() {
	for user, offer := range w.offers {
		offer.CollectedAt = w.now
		w.offers[user] = offer
	}
}

func (w *memory) SaveEnvironments(_ context.Context, envs []eventbus.Environment) error {
	w.envs = slices.Clone(envs)
	return nil
}

func (w *memory) HoldLease(ctx context.Context, _, holder string, _ time.Duration) (context.Context, func(), bool, error) {
	w.leasing.Lock()
	defer w.leasing.Unlock()
	if w.holder != "" && w.holder != holder {
		return nil, nil, false, nil
	}
	w.holder = holder
	held, lost := context.WithCancelCause(ctx)
	w.lose = lost
	return held, func() { lost(nil) }, true, nil
}

// release takes the lease from whoever has it.
func (w *memory) release() {
	w.leasing.Lock()
	defer w.leasing.Unlock()
	w.holder = ""
}

func (w *memory) ReleaseLease(_ context.Context, _, holder string) error {
	w.leasing.Lock()
	defer w.leasing.Unlock()
	if w.holder == holder {
		w.holder = ""
	}
	return nil
}

func (w *memory) AppendAudit(_ context.Context, entries ...eventbus.AuditEntry) ([]eventbus.AuditEntry, error) {
	w.audit = append(w.audit, entries...)
	return entries, nil
}

type catalogOf struct{ *memory }

func (w catalogOf) Event(_ context.Context, name string) (eventbus.Event, error) {
	e, exists := w.events[name]
	if !exists {
		return e, eventbus.Errorf(eventbus.CodeNotFound, "no event %s", name)
	}
	return e, nil
}

func (w catalogOf) SaveEvent(_ context.Context, e eventbus.Event, _ ...eventbus.AuditEntry) (eventbus.Event, error) {
	if w.events[e.Name].Version != e.Version {
		return e, eventbus.Errorf(eventbus.CodeConflict, "event %s changed", e.Name)
	}
	e.Version++
	w.events[e.Name] = e
	return e, nil
}

type wantedOf struct{ *memory }

func (w wantedOf) WantedSince(_ context.Context, version int64) ([]eventbus.EventManifest, int64, error) {
	var list []eventbus.EventManifest
	for _, name := range slices.Sorted(maps.Keys(w.wanted)) {
		list = append(list, w.wanted[name])
	}
	return list, version, nil
}

func (w wantedOf) SaveWanted(_ context.Context, manifests []eventbus.EventManifest, entries ...eventbus.AuditEntry) error {
	for _, m := range manifests {
		w.wanted[m.Event.Name] = m
	}
	w.memory.audit = append(w.memory.audit, entries...)
	return nil
}

type grantsOf struct{ *memory }

func (w grantsOf) Grants(_ context.Context, q eventbus.GrantQuery) ([]eventbus.Grant, error) {
	var list []eventbus.Grant
	for _, g := range w.grants {
		if (q.Event == "" || g.Event == q.Event) && (q.Principal == "" || g.Principal == q.Principal) && (!q.ActiveOnly || g.Active()) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b eventbus.Grant) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

func (w grantsOf) SaveGrant(_ context.Context, g eventbus.Grant, _ ...eventbus.AuditEntry) (eventbus.Grant, error) {
	if w.grants[g.ID].Version != g.Version {
		return g, eventbus.Errorf(eventbus.CodeConflict, "grant %s changed", g.ID)
	}
	g.Version++
	w.grants[g.ID] = g
	return g, nil
}

type plansOf struct{ *memory }

func (w plansOf) SavePlan(_ context.Context, p eventbus.Plan, entries ...eventbus.AuditEntry) error {
	if _, exists := w.steps[p.ID]; exists {
		return eventbus.Errorf(eventbus.CodeConflict, "plan %s exists", p.ID)
	}
	var kept eventbus.Plan // as a database gives it back
	text, err := json.Marshal(p)
	if err = errors.Join(err, json.Unmarshal(text, &kept)); err != nil {
		return err
	}
	w.memory.plans = append(w.memory.plans, kept)
	w.steps[p.ID] = make([]eventbus.Step, len(p.Changes))
	for i, c := range kept.Changes {
		w.steps[p.ID][i] = eventbus.Step{PlanID: p.ID, Index: i, Change: c, State: eventbus.StepWaiting}
	}
	w.memory.audit = append(w.memory.audit, entries...)
	return nil
}

func (w plansOf) SaveSteps(_ context.Context, steps []eventbus.Step, entries ...eventbus.AuditEntry) error {
	for _, s := range steps {
		w.steps[s.PlanID][s.Index] = s
	}
	w.saves++
	w.memory.audit = append(w.memory.audit, entries...)
	return nil
}

func (w plansOf) Plan(_ context.Context, id string) (eventbus.Plan, []eventbus.Step, error) {
	for _, p := range w.plans {
		if p.ID == id {
			return p, slices.Clone(w.steps[id]), nil
		}
	}
	return eventbus.Plan{}, nil, eventbus.Errorf(eventbus.CodeNotFound, "no plan %s", id)
}

func (w plansOf) UnfinishedPlans(context.Context) ([]eventbus.Plan, error) {
	var list []eventbus.Plan
	for _, p := range w.plans {
		begun := slices.ContainsFunc(w.steps[p.ID], func(s eventbus.Step) bool { return s.State != eventbus.StepWaiting })
		if begun && !finished(w.steps[p.ID]) && !w.abandoned[p.ID] {
			list = append(list, p)
		}
	}
	return list, nil
}

func (w plansOf) AbandonPlan(_ context.Context, id string, entries ...eventbus.AuditEntry) error {
	w.abandoned[id] = true
	w.memory.audit = append(w.memory.audit, entries...)
	return nil
}

// The manifest that most tests start from.

const (
	claimSchema   = `{"type":"record","name":"Claim","namespace":"gov.example","fields":[{"name":"id","type":"string"}]}`
	claimSchema2  = `{"type":"record","name":"Claim","namespace":"gov.example","fields":[{"name":"id","type":"string"},{"name":"note","type":["null","string"],"default":null}]}`
	claimBroken   = `{"type":"record","name":"Claim","namespace":"gov.example","fields":[{"name":"id","type":"string"},{"name":"amount","type":"long"}]}`
	claimKey      = `"string"`
	producerRole  = "arn:aws-us-gov:iam::123456789012:role/claims-service"
	consumerRole  = "arn:aws-us-gov:iam::123456789012:role/letters"
	outsideUser   = "arn:aws-us-gov:iam::123456789012:user/partner"
	outsideName   = "partner"
	producerTrust = "arn:aws-us-gov:iam::210987654321:role/claims-app"
)

func claims() eventbus.Manifest {
	return eventbus.Manifest{Source: "request 17",
		Events: []eventbus.EventManifest{{
			Event: eventbus.Event{Name: "claim-filed", Title: "Claim filed", Description: "A claim was filed.", Domain: "claims", Lifecycle: eventbus.LifecycleDevelopment, Owner: "claims"},
			Topics: []eventbus.TopicManifest{{Environment: "development", ValueSchema: claimSchema, KeySchema: claimKey,
				Topic: eventbus.Topic{Partitions: 6, Configs: map[string]string{"retention.ms": "604800000"}}}},
		}},
		Grants: []eventbus.Grant{
			{Event: "claim-filed", Environment: "development", Direction: eventbus.Produced, Principal: producerRole, Idempotent: true, Team: "claims", TrustedBy: []string{producerTrust}, Purpose: "files claims"},
			{Event: "claim-filed", Environment: "development", Direction: eventbus.Consumed, Principal: outsideUser, GroupPrefix: "partner-*", Team: "partners", Contact: "pat", Purpose: "mirrors claims"},
		}}
}

var operator = eventbus.Actor{Person: eventbus.Person{ID: "olga"}}

var everything = ApplyOptions{AllowDestructive: true, Approved: true}

func mustPlan(t testing.TB, w *memory, m eventbus.Manifest) eventbus.Plan {
	t.Helper()
	plan, err := w.bus().Plan(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func mustApply(t testing.TB, w *memory, m eventbus.Manifest) eventbus.Plan {
	t.Helper()
	plan := mustPlan(t, w, m)
	if err := w.bus().Apply(t.Context(), operator, plan, m, everything); err != nil {
		t.Fatal(err)
	}
	return plan
}

// change finds the one change of a plan about something.
func change(t testing.TB, p eventbus.Plan, kind eventbus.ResourceKind, name, field string) eventbus.Change {
	t.Helper()
	for _, c := range p.Changes {
		if c.Resource == kind && c.Field == field && (name == "" || c.Name == name) {
			return c
		}
	}
	t.Fatalf("no change of %s %s %s in:\n%s", kind, name, field, Render(p))
	return eventbus.Change{}
}
