package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/cluster"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/session"
	"github.com/enterprise-event-bus/eventbus/internal/store"
	"github.com/enterprise-event-bus/eventbus/internal/streams"
)

// The people of the tests.
var people = []eventbus.Person{
	{ID: "pat", Name: "Pat Producer", Email: "pat@example.gov", Roles: []eventbus.Role{eventbus.RoleMember}, Teams: []string{"claims"}},
	{ID: "olive", Name: "Olive Owner", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOwner}, Teams: []string{"claims"}},
	{ID: "casey", Name: "Casey Consumer", Roles: []eventbus.Role{eventbus.RoleMember}, Teams: []string{"appointments"}},
	{ID: "bill", Name: "Bill Busreview", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleBusReviewer}},
	{ID: "prim", Name: "Prim Privacy", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RolePrivacyReviewer}},
	{ID: "sam", Name: "Sam Security", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleSecurityReviewer}},
	{ID: "opal", Name: "Opal Operator", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleOperator}},
	{ID: "ada", Name: "Ada Auditor", Roles: []eventbus.Role{eventbus.RoleMember, eventbus.RoleAuditor}},
}

func actorOf(id string) eventbus.Actor {
	for _, p := range people {
		if p.ID == id {
			return eventbus.Actor{Person: p}
		}
	}
	return eventbus.Actor{System: "seed"}
}

// world is a portal over a real store, catalog, registry, engine and directory.
type world struct {
	t          testing.TB
	portal     *Portal
	store      *flakyStore
	catalog    *catalog.Catalog
	onboarding *onboarding.Service
	registry   *registry.Registry
	cluster    *cluster.Embedded
	observe    *observe.Observer
	server     *httptest.Server
	kafka      *kgo.Client

	mu  sync.Mutex
	now time.Time
}

// environments have addresses, as when doors are bound.
func environments() []eventbus.Environment {
	list := eventbus.DemoEnvironments()
	for i := range list {
		list[i].BootstrapIAM, list[i].BootstrapExternal, list[i].RegistryURL = "bus.example.gov:9098", "bus.example.gov:9198", "https://registry.example.gov"
	}
	return list
}

// emptyWorld has people and nothing else.
func emptyWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	ctx := context.Background()
	opened, err := store.Open(ctx, store.Config{Path: filepath.Join(t.TempDir(), "bus.db"), Now: w.clock})
	w.ok(err)
	t.Cleanup(func() { _ = opened.Close() })
	st := &flakyStore{Store: opened}
	w.store = st
	for _, p := range people {
		w.ok(st.SavePerson(ctx, p))
		w.ok(st.SaveSession(ctx, eventbus.Session{Hash: digestOf(sessionOf(p.ID)), Person: p, CreatedAt: w.now, LastSeen: w.now, ExpiresAt: w.now.Add(1000 * time.Hour)}))
	}
	w.ok(st.SaveEnvironments(ctx, environments()))
	w.startKafka(ctx)
	record := audit.New(audit.Config{Now: w.clock}, opened)
	access, err := iam.Open(ctx, iam.Config{MasterKey: make([]byte, 32), Now: w.clock}, opened, record)
	w.ok(err)
	w.ok(access.EnsureTestPrincipals(ctx))
	w.catalog = catalog.New(catalog.Config{Now: w.clock}, st, st)
	w.observe = observe.New(observe.Config{Now: w.clock}, st)
	w.onboarding = onboarding.New(onboarding.Config{Now: w.clock, Environments: environments}, st, onboarding.Sources{Events: st, Lineage: st})
	admin, err := kgo.NewClient(w.cluster.ClientOpts()...)
	w.ok(err)
	t.Cleanup(admin.Close)
	topics := streams.Open(streams.Config{Now: w.clock}, admin, schemaBook{w.registry}, record)
	w.kafka = admin
	w.portal = New(Config{Version: "test", Dev: true, Personas: people, Environments: environments, Now: w.clock,
		Support: []SupportChannel{{"Chat", "https://chat.example.gov/event-bus", "within an hour on working days"}, {"On call", "mailto:oncall@example.gov", "within 30 minutes"}}},
		Parts{Sessions: session.New(session.Config{Now: w.clock, Issuer: "http://127.0.0.1:1", ClientID: "bus", RedirectURL: "http://127.0.0.1/login/callback", Idle: 1000 * time.Hour, Absolute: 1000 * time.Hour}, opened),
			Catalog: w.catalog, Onboarding: w.onboarding, Records: st, Inbox: st, Registry: w.registry, Access: access, Observe: w.observe, Audit: st,
			Streams: topics, Status: func(context.Context) []Component {
				return []Component{{"Kafka engine", true, "Embedded, one node, writable"}, {"Schema registry", true, "Leads and follows its topic"}}
			}})
	w.server = httptest.NewServer(w.portal.Handler())
	t.Cleanup(w.server.Close)
	return w
}

// startKafka runs the engine and the registry until the test ends.
func (w *world) startKafka(ctx context.Context) {
	w.t.Helper()
	engine, err := cluster.OpenEmbedded(ctx, cluster.Config{DiskBudget: -1}, w.store.Store)
	w.ok(err)
	w.cluster = engine
	w.registry, err = registry.Open(ctx, registry.Config{Heartbeat: 50 * time.Millisecond, Now: w.clock}, engine.ClientOpts(), nil)
	w.ok(err)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 2)
	go func() { done <- engine.Run(ctx) }()
	go func() { done <- w.registry.Run(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		<-done
		<-done
		w.registry.Close()
		_ = engine.Close()
	})
	w.registry.AwaitLeader(ctx)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Millisecond)
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// sessionOf is the opaque id of a person's session; 43 characters as real ones.
func sessionOf(id string) string { return (id + strings.Repeat("-", 43))[:43] }

func digestOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

const letterV1 = `{"type":"record","name":"LetterReady","namespace":"gov.example.claims","doc":"A decision letter can be downloaded.","fields":[
{"name":"participantId","type":"string","doc":"Participant the letter is for.","confluent:tags":["PII"]},
{"name":"letterType","type":"string","doc":"Kind of letter."},
{"name":"availableAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When it became available."}]}`

const letterV2 = `{"type":"record","name":"LetterReady","namespace":"gov.example.claims","doc":"A decision letter can be downloaded.","fields":[
{"name":"participantId","type":"string","doc":"Participant the letter is for.","confluent:tags":["PII"]},
{"name":"letterType","type":"string","doc":"Kind of letter."},
{"name":"availableAt","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When it became available."},
{"name":"issue","type":["null",{"type":"record","name":"Issue","fields":[{"name":"code","type":"string","doc":"Diagnostic code of the issue."},{"name":"grantedAt","type":["null",{"type":"int","logicalType":"date"}],"default":null,"doc":"Day on which it was granted."}]}],"default":null,"doc":"The issue that was decided."},
{"name":"title","type":["null","string"],"default":null,"doc":"Title of the letter."}]}`

func example(t testing.TB, name string) onboarding.Submission {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := onboarding.ParseRequest(text, name)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func (w *world) must(r eventbus.Request, err error) eventbus.Request {
	w.t.Helper()
	w.ok(err)
	return r
}

// fullWorld has a live event with consumers, a catalog, and requests in many
// states: what the pages look like after half a year.
func fullWorld(t testing.TB) *world {
	w := emptyWorld(t)
	w.liveLetter()
	w.fillCatalog()
	w.access()
	w.openRequests()
	w.traffic()
	w.readers()
	w.ok(w.catalog.Refresh(context.Background()))
	return w
}

func (w *world) liveLetter() {
	w.t.Helper()
	ctx, o := context.Background(), w.onboarding
	r := w.must(o.Draft(ctx, actorOf("pat"), example(w.t, "producer.yaml")))
	w.must(o.Submit(ctx, actorOf("pat"), r.ID))
	w.must(o.Comment(ctx, actorOf("bill"), r.ID, "Could you say who else listens today?", ""))
	w.advance(26 * time.Hour)
	for stage, by := range map[eventbus.Stage]string{eventbus.StageBus: "bill", eventbus.StageOwner: "olive", eventbus.StagePrivacy: "prim"} {
		w.must(o.Decide(ctx, actorOf(by), r.ID, stage, "", eventbus.DecisionApprove, ""))
	}
	w.provision()
	w.must(o.Promote(ctx, actorOf("pat"), r.ID, "production"))
	shown, err := o.View(ctx, actorOf("sam"), r.ID)
	w.ok(err)
	for _, g := range shown.Missing["production"] {
		for _, by := range []string{"bill", "prim", "sam"} {
			if _, err := o.SetGate(ctx, actorOf(by), r.ID, g.Kind, eventbus.GatePassed, "evidence-17", "", "seen"); err == nil {
				break
			}
		}
	}
	w.must(o.Decide(ctx, actorOf("bill"), r.ID, eventbus.StageProduction, "production", eventbus.DecisionApprove, ""))
	w.provision()
	for _, prefix := range []string{"dev_", "staging_", "prod_"} {
		subject := eventbus.ValueSubject(prefix + "letter-ready")
		for _, text := range []string{letterV1, letterV2} {
			_, err := w.registry.Register(ctx, registry.Caller{Author: "system:provision"}, subject, registry.RegisterRequest{Text: text})
			w.ok(err)
		}
	}
	w.advance(24 * time.Hour)
}

// provision does what the reconciler does.
func (w *world) provision() {
	w.t.Helper()
	ctx := context.Background()
	work, err := w.onboarding.NextWork(ctx)
	w.ok(err)
	for _, item := range work {
		r := w.must(w.store.Request(ctx, item.RequestID))
		m, err := w.onboarding.Manifest(ctx, r, item.Environment)
		w.ok(err)
		for _, e := range m.Events {
			w.ok(w.store.SaveWanted(ctx, []eventbus.EventManifest{e}))
			if old, err := w.store.Event(ctx, e.Event.Name); err == nil {
				e.Event.Version = old.Version
			}
			_, err := w.store.SaveEvent(ctx, e.Event)
			w.ok(err)
			if t, ok := e.Topic(item.Environment); ok {
				if err := w.cluster.CreateTopic(ctx, t.Topic); err != nil && eventbus.CodeOf(err) != eventbus.CodeConflict {
					w.ok(err)
				}
			}
		}
		for _, g := range m.Grants {
			if old, err := w.store.Grant(ctx, g.ID); err == nil {
				g.Version = old.Version
			}
			_, err := w.store.SaveGrant(ctx, g)
			w.ok(err)
		}
		w.must(w.onboarding.EnvironmentApplied(ctx, item.RequestID, item.Environment, "", nil))
	}
}

func (w *world) fillCatalog() {
	w.t.Helper()
	ctx := context.Background()
	for _, e := range []eventbus.Event{
		{Name: "decision-letter-availability", Title: "Decision Letter Availability", Description: "A Veteran's decision letter has been finished and can be read online.", Domain: "claims status", Lifecycle: eventbus.LifecycleProduction, Owner: "claims", Contact: "Olive Owner", DataClasses: []eventbus.DataClass{eventbus.DataPII}},
		{Name: "appointment-status", Title: "Appointment Status", Description: "An appointment was booked, moved, cancelled or kept.", Domain: "appointments", Lifecycle: eventbus.LifecycleProduction, Owner: "appointments", Contact: "Casey Consumer", DataClasses: []eventbus.DataClass{eventbus.DataPHI, eventbus.DataPII}},
		{Name: "form-submission", Title: "527EZ Form Submission", Description: "A pension application was received, checked or forwarded.", Domain: "benefits", Lifecycle: eventbus.LifecycleDevelopment, Owner: "claims", DataClasses: []eventbus.DataClass{eventbus.DataPII}},
		{Name: "health-enrollment", Title: "1010EZ Form Submission", Description: "An application for health care enrolment was received.", Domain: "healthcare enrollment", Lifecycle: eventbus.LifecycleDevelopment, Owner: "enrollment", DataClasses: []eventbus.DataClass{eventbus.DataPHI}},
		{Name: "address-changed", Title: "Address Changed", Description: "A Veteran's mailing or residential address has a new value.", Domain: "contact information", Lifecycle: eventbus.LifecycleProduction, Owner: "contact-center", DataClasses: []eventbus.DataClass{eventbus.DataPII}},
		{Name: "facility-status", Title: "Facility Status", Description: "A facility opened, closed, or changed its hours.", Domain: "facilities", Lifecycle: eventbus.LifecycleExperimental, Owner: "facilities", DataClasses: []eventbus.DataClass{eventbus.DataNone}},
		{Name: "claim-status", Title: "Claim Status, first edition", Description: "A claim moved to another phase.", Domain: "claims status", Lifecycle: eventbus.LifecycleDeprecated, Owner: "claims", RemovalDate: "2027-06-30", Successor: "decision-letter-availability", DataClasses: []eventbus.DataClass{eventbus.DataPII}},
	} {
		e.Type, e.Schema, e.Compatibility, e.RetentionDays, e.Source = "event", letterV1, eventbus.CompatibilityBackward, 7, "demo"
		e.Topics = []eventbus.EventTopic{{Environment: "development", Name: "dev_" + e.Name}, {Environment: "staging", Name: "staging_" + e.Name}}
		if e.Lifecycle == eventbus.LifecycleProduction {
			e.Topics = append(e.Topics, eventbus.EventTopic{Environment: "production", Name: "prod_" + e.Name})
		}
		if e.Contact == "" {
			e.Contact = "Olive Owner"
		}
		e.SourceSystems = []eventbus.SourceSystem{{SystemName: e.Title + " Service", TeamName: e.Owner, ProductOwner: e.Contact}}
		_, err := w.catalog.Put(ctx, eventbus.Actor{System: "seed"}, e)
		w.ok(err)
	}
	for _, y := range []eventbus.System{{Name: "appointments-app", Title: "Appointments App", Owner: "appointments"}, {Name: "notification-hub", Title: "Notification Hub", Owner: "notifications"}, {Name: "mobile-app", Title: "Mobile App", Owner: "mobile"}} {
		y.Kind, y.Type, y.Lifecycle, y.Subscribes = "Component", "service", "production", []string{"letter-ready", "decision-letter-availability"}
		_, err := w.catalog.PutSystem(ctx, eventbus.Actor{System: "seed"}, y)
		w.ok(err)
	}
	w.ok(w.cluster.CreateTopic(ctx, eventbus.Topic{Name: "dev_scratch", Partitions: 1, ReplicationFactor: 1}))
}

const reader = "arn:aws-us-gov:iam::123456789012:role/"

func (w *world) access() {
	w.t.Helper()
	ctx := context.Background()
	for system, role := range map[string]string{"appointments-app": "appointments", "notification-hub": "notification-hub"} {
		g := eventbus.Grant{Event: "letter-ready", Environment: "production", Topic: "prod_letter-ready", Direction: eventbus.Consumed, Principal: reader + role,
			GroupPrefix: system + "*", System: system, Team: strings.TrimSuffix(role, "-hub"), Purpose: "Shows the Veteran that a new decision letter is there.", ReviewDate: "2027-06-30", CreatedAt: w.clock()}
		g.ID = eventbus.GrantID(g.Event, g.Environment, g.Direction, g.Principal, g.GroupPrefix)
		_, err := w.store.SaveGrant(ctx, g)
		w.ok(err)
	}
}

func (w *world) openRequests() {
	w.t.Helper()
	ctx, o := context.Background(), w.onboarding
	consumer := w.must(o.Draft(ctx, actorOf("casey"), example(w.t, "consumer.yaml")))
	w.must(o.Submit(ctx, actorOf("casey"), consumer.ID))
	waiting := w.renamed("payment-issued", "Payment Issued")
	w.must(o.Submit(ctx, actorOf("pat"), waiting.ID))
	asked := w.renamed("evidence-received", "Evidence Received")
	w.must(o.Submit(ctx, actorOf("pat"), asked.ID))
	w.advance(5 * time.Hour)
	w.must(o.Decide(ctx, actorOf("bill"), asked.ID, eventbus.StageBus, "", eventbus.DecisionAskChanges, "Please say what happens when evidence arrives twice."))
	w.renamed("hearing-scheduled", "Hearing Scheduled")
	w.advance(50 * time.Hour)
}

// renamed is a draft like the example, for another event.
func (w *world) renamed(name, title string) eventbus.Request {
	w.t.Helper()
	sub := example(w.t, "producer.yaml")
	c := sub.Content.(*onboarding.ProducerContent)
	c.Event.Name, c.Event.Title = name, title
	for env, a := range c.Access {
		a.Role = name + "-" + env
		c.Access[env] = a
	}
	return w.must(w.onboarding.Draft(context.Background(), actorOf("pat"), sub))
}

func (w *world) traffic() {
	w.t.Helper()
	for range 6 {
		w.observe.Produced(reader+"claims-letters", "prod_letter-ready", 1, 41_250, 24_000_000)
		w.observe.Consumed(reader+"appointments", "prod_letter-ready", "appointments-app-1", 1, 41_250, 24_000_000)
		w.observe.Produced(reader+"decision", "prod_decision-letter-availability", 1, 18_400, 9_000_000)
		w.advance(time.Hour)
	}
	w.ok(w.observe.Save(context.Background()))
	w.advance(10 * time.Minute)
}

// readers commit offsets as two consumer groups do, of which one is behind.
func (w *world) readers() {
	w.t.Helper()
	for i := range 3 {
		w.letter("prod_letter-ready", fmt.Sprint("made-up-", i))
	}
	admin := kadm.NewClient(w.kafka)
	for group, at := range map[string]int64{"appointments-app-1": 0, "notification-hub-1": 1} {
		offsets := kadm.Offsets{}
		for partition := range int32(6) {
			offsets.Add(kadm.Offset{Topic: "prod_letter-ready", Partition: partition, At: at, LeaderEpoch: -1})
		}
		w.ok(admin.CommitAllOffsets(context.Background(), group, offsets))
	}
}

// get fetches a page as a person; "" is nobody.
func (w *world) get(as, path string) *http.Response {
	w.t.Helper()
	return w.do(as, http.MethodGet, path, "", nil)
}

func (w *world) do(as, method, path, body string, header http.Header) *http.Response {
	w.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, w.server.URL+path, strings.NewReader(body))
	w.ok(err)
	if as != "" {
		request.AddCookie(&http.Cookie{Name: w.portal.parts.Sessions.SessionCookieName(), Value: sessionOf(as)})
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	w.ok(err)
	w.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// schemaBook gives the registry's schemas as streams wants them.
type schemaBook struct{ *registry.Registry }

func (b schemaBook) Schema(_ context.Context, id int) (eventbus.Schema, error) {
	found, err := b.ByID(id, "")
	return found.Schema, err
}

func (b schemaBook) SchemaByGUID(_ context.Context, guid string) (eventbus.Schema, error) {
	found, err := b.ByGUID(guid)
	return found.Schema, err
}

func (b schemaBook) SchemaVersion(_ context.Context, subject string, version int) (eventbus.Schema, error) {
	found, err := b.Version(subject, version, registry.WithDeleted)
	return found.Schema, err
}

// letter produces one record of letter-ready in the form of the registry's
// serializers: a zero, the schema id, and Avro.
func (w *world) letter(topic, participant string) {
	w.t.Helper()
	value := []byte{0, 0, 0, 0, 1}
	for _, text := range []string{participant, "decision"} {
		value = append(append(value, byte(len(text)*2)), text...)
	}
	value = append(value, 2) // availableAt: 1 ms after the epoch
	w.ok(w.kafka.ProduceSync(context.Background(), &kgo.Record{Topic: topic, Key: []byte("key-" + participant), Value: value}).FirstErr())
}
