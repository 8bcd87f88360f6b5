package catalog

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/store"
)

func member(team string, roles ...eventbus.Role) eventbus.Actor {
	return eventbus.Actor{Person: eventbus.Person{ID: "p-" + team, Roles: append(roles, eventbus.RoleMember), Teams: []string{team}}}
}

func newCatalog(t *testing.T) (*Catalog, *store.Store) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "bus.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	return New(Config{Now: func() time.Time { return at }}, st, st), st
}

func TestImportSearchExport(t *testing.T) {
	c, st := newCatalog(t)
	ctx := t.Context()
	text, file := example(t, "catalog-info.yaml")
	report, err := c.Import(ctx, eventbus.Actor{System: "import"}, text, file)
	if err != nil || !reflect.DeepEqual(report.Events, []string{"letter-ready"}) || !reflect.DeepEqual(report.Systems, []string{"appointments-app"}) {
		t.Fatalf("%+v, %v", report, err)
	}
	flat, file := example(t, "catalog-info-flat.yaml")
	if _, err := c.Import(ctx, member("benefits"), flat, file); err != nil {
		t.Fatal(err)
	}
	found, err := c.Search(ctx, Query{Text: "letterType"})
	if err != nil || found.Total != 1 || found.Entries[0].Event.Name != "letter-ready" || !slices.Contains(found.Entries[0].Matched, "schema") {
		t.Fatalf("%+v, %v", found, err)
	}
	events, err := c.ExportEvents(ctx)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "events.yaml", events.Body)
	golden(t, "location.yaml", c.ExportLocation().Body)
	again, err := c.ExportEvents(ctx)
	if err != nil || again.ETag != events.ETag || !strings.HasPrefix(events.ETag, `"`) {
		t.Errorf("ETag %s, then %s", events.ETag, again.ETag)
	}
	read, err := Read(events.Body, "events.yaml")
	if err != nil || len(read.Events) != 2 || len(read.Systems) != 1 {
		t.Errorf("our own export: %+v, %v", read, err)
	}
	one, err := c.ExportEvent(ctx, "letter-ready")
	if err != nil || !strings.Contains(string(one.Body), "kind: API") {
		t.Errorf("%v\n%s", err, one.Body)
	}
	if _, err := c.ExportEvent(ctx, "nothing"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("an unknown event: %v", err)
	}
	entries, err := st.AuditEntries(ctx, eventbus.AuditQuery{Action: "catalog.*"})
	if err != nil || len(entries) != 3 {
		t.Errorf("%d audit entries, %v", len(entries), err)
	}
}

func TestAnEmptyCatalogIsNotAnEmptyExport(t *testing.T) {
	c, _ := newCatalog(t)
	events, err := c.ExportEvents(t.Context())
	if err != nil || !strings.Contains(string(events.Body), "kind: Group") {
		t.Errorf("%v\n%s", err, events.Body)
	}
}

func TestHiddenBrokers(t *testing.T) {
	e := eventbus.Event{Name: "a", Title: "A", Type: "event", Domain: "d", Owner: "o", Lifecycle: eventbus.LifecycleProduction,
		Topics: []eventbus.EventTopic{{Environment: "production", Name: "prod_a", BrokerAddresses: []string{"secret.example.gov:9098"}}}}
	c := New(Config{HideBrokers: true}, nil, nil)
	if body := string(render(c.entities([]eventbus.Event{e}, nil)...)); strings.Contains(body, "secret") {
		t.Error(body)
	}
}

// A faulty import never destroys what was good.
func TestAFaultyImportKeepsTheLastGoodContent(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	text, file := example(t, "catalog-info.yaml")
	if _, err := c.Import(ctx, member("claims", eventbus.RoleOperator), text, file); err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(text), "lifecycle: production\n  domain", "lifecycle: forever\n  domain", 1)
	report, err := c.Import(ctx, member("claims", eventbus.RoleOperator), []byte(bad), file)
	if err != nil || len(report.Faults) != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	e, err := c.Event(ctx, "letter-ready")
	if err != nil || e.Lifecycle != eventbus.LifecycleProduction || len(e.Problems) != 1 || e.Problems[0].Line == 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := c.Import(ctx, member("claims", eventbus.RoleOperator), text, file); err != nil {
		t.Fatal(err)
	}
	if e, err = c.Event(ctx, "letter-ready"); err != nil || len(e.Problems) != 0 {
		t.Errorf("problems stay: %v, %v", e.Problems, err)
	}
}

func TestWhoMayWrite(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	e := eventbus.Event{Name: "a", Title: "A", Type: "event", Domain: "d", Owner: "claims", Lifecycle: eventbus.LifecycleProduction}
	for _, s := range []struct {
		name  string
		actor eventbus.Actor
		owner string
		code  eventbus.Code
	}{
		{"a stranger", member("health"), "claims", eventbus.CodeForbidden},
		{"nobody", eventbus.Actor{}, "claims", eventbus.CodeForbidden},
		{"the team", member("claims"), "claims", ""},
		{"a stranger who claims it", member("health"), "health", eventbus.CodeForbidden},
		{"the team gives it away", member("claims"), "health", eventbus.CodeForbidden},
		{"an operator moves it", member("ops", eventbus.RoleOperator), "health", ""},
		{"the bus", eventbus.Actor{System: "provision"}, "claims", ""},
	} {
		e.Owner, e.Version = s.owner, 0
		if _, err := c.Put(ctx, s.actor, e); eventbus.CodeOf(err) != s.code {
			t.Errorf("%s: code %q (%v), want %q", s.name, eventbus.CodeOf(err), err, s.code)
		}
	}
	if err := c.Delete(ctx, member("claims"), "a"); eventbus.CodeOf(err) != eventbus.CodeForbidden {
		t.Errorf("the team deletes: %v", err)
	}
	if err := c.Delete(ctx, eventbus.Actor{System: "provision"}, "a"); err != nil {
		t.Error(err)
	}
	e.Lifecycle = "forever"
	if _, err := c.Put(ctx, eventbus.Actor{System: "provision"}, e); eventbus.CodeOf(err) != eventbus.CodeInvalid {
		t.Errorf("an invalid event: %v", err)
	}
}

func TestStaleWriteIsAConflict(t *testing.T) {
	c, _ := newCatalog(t)
	e := eventbus.Event{Name: "a", Title: "A", Type: "event", Domain: "d", Owner: "claims", Lifecycle: eventbus.LifecycleProduction}
	first, err := c.Put(t.Context(), member("claims"), e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), member("claims"), first); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), member("claims"), first); eventbus.CodeOf(err) != eventbus.CodeConflict {
		t.Errorf("code %q", eventbus.CodeOf(err))
	}
}

func TestConsumers(t *testing.T) {
	c, _ := newCatalog(t)
	ctx := t.Context()
	sys := eventbus.System{Name: "app", Kind: "Component", Type: "service", Lifecycle: "production", Owner: "appointments", Subscribes: []string{"a"}}
	if _, err := c.Subscribe(ctx, eventbus.Actor{System: "provision"}, sys); err != nil {
		t.Fatal(err)
	}
	sys.Subscribes = []string{"b"}
	merged, err := c.Subscribe(ctx, eventbus.Actor{System: "provision"}, sys)
	if err != nil || !reflect.DeepEqual(merged.Subscribes, []string{"a", "b"}) {
		t.Fatalf("%+v, %v", merged, err)
	}
	grants := []eventbus.Grant{
		{Event: "a", Direction: eventbus.Consumed, System: "app", Team: "appointments", Principal: "arn:1"},
		{Event: "a", Direction: eventbus.Consumed, Team: "health", Principal: "arn:2"},
		{Event: "a", Direction: eventbus.Produced, Team: "claims", Principal: "arn:3"},
		{Event: "a", Direction: eventbus.Consumed, Team: "gone", Principal: "arn:4", RevokedAt: time.Now()},
	}
	list, err := c.Consumers(ctx, "a", grants)
	if err != nil || len(list) != 2 || !list[0].Declared || len(list[0].Grants) != 1 || list[1].Team != "health" || list[1].Declared {
		t.Errorf("%+v, %v", list, err)
	}
}

func corpus() []eventbus.Event {
	event := func(name, title, description, domain string, l eventbus.Lifecycle, schema string, envs ...string) eventbus.Event {
		e := eventbus.Event{Name: name, Title: title, Description: description, Domain: domain, Owner: "team-" + domain, Lifecycle: l, Schema: schema}
		for _, env := range envs {
			e.Topics = append(e.Topics, eventbus.EventTopic{Environment: env, Name: env + "_" + name})
		}
		return e
	}
	return []eventbus.Event{
		event("decision-letter", "Decision Letter Availability", "A letter can be downloaded.", "claims", eventbus.LifecycleProduction, "", "dev", "prod"),
		event("appointment-status", "Appointment Status", "The state of an appointment changed; a letter may follow.", "appointments", eventbus.LifecycleProduction,
			`{"type":"record","name":"A","namespace":"n","fields":[{"name":"clinicStationNumber","type":"string"}]}`, "dev"),
		event("form-submission", "Form Submission", "A form has been submitted.", "benefits", eventbus.LifecycleDevelopment, "", "dev"),
	}
}

func TestSearch(t *testing.T) {
	x := buildIndex(1, corpus(), nil)
	for _, c := range []struct {
		name  string
		query Query
		want  []string
	}{
		{"everything, by name", Query{}, []string{"appointment-status", "decision-letter", "form-submission"}},
		{"name before description", Query{Text: "letter"}, []string{"decision-letter", "appointment-status"}},
		{"all terms must match", Query{Text: "letter status"}, []string{"appointment-status"}},
		{"prefix", Query{Text: "appoint"}, []string{"appointment-status"}},
		{"substring", Query{Text: "mission"}, []string{"form-submission"}},
		{"one-edit typo", Query{Text: "submision"}, []string{"form-submission"}},
		{"swapped letters", Query{Text: "lettre"}, []string{"decision-letter", "appointment-status"}},
		{"schema field", Query{Text: "clinicStationNumber"}, []string{"appointment-status"}},
		{"part of a schema field", Query{Text: "station"}, []string{"appointment-status"}},
		{"topic", Query{Text: "prod_decision"}, []string{"decision-letter"}},
		{"nothing", Query{Text: "zebra"}, nil},
		{"signs only", Query{Text: "-- '; ("}, []string{"appointment-status", "decision-letter", "form-submission"}},
		{"domain", Query{Domain: "claims"}, []string{"decision-letter"}},
		{"lifecycle and environment", Query{Lifecycle: eventbus.LifecycleProduction, Environment: "prod"}, []string{"decision-letter"}},
		{"names", Query{Names: []string{"form-submission", "gone"}}, []string{"form-submission"}},
		{"backwards", Query{Sort: "-name"}, []string{"form-submission", "decision-letter", "appointment-status"}},
		{"second page", Query{Page: 2, PageSize: 2}, []string{"form-submission"}},
		{"page beyond", Query{Page: 1 << 62, PageSize: 2}, nil},
		{"negative page", Query{Page: -4, PageSize: -1}, []string{"appointment-status", "decision-letter", "form-submission"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range x.search(c.query).Entries {
				got = append(got, e.Event.Name)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A facet counts what choosing its value would leave; a filter on the facet
// itself does not narrow its own counts.
func TestFacetCounts(t *testing.T) {
	r := buildIndex(1, corpus(), nil).search(Query{Lifecycle: eventbus.LifecycleProduction})
	if r.Total != 2 {
		t.Errorf("total %d", r.Total)
	}
	if want := []FacetCount{{"production", 2}, {"development", 1}}; !reflect.DeepEqual(r.Facets["lifecycle"], want) {
		t.Errorf("lifecycle %v, want %v", r.Facets["lifecycle"], want)
	}
	if want := []FacetCount{{"appointments", 1}, {"claims", 1}}; !reflect.DeepEqual(r.Facets["domain"], want) {
		t.Errorf("domain %v, want %v", r.Facets["domain"], want)
	}
	if want := []FacetCount{{"dev", 2}, {"prod", 1}}; !reflect.DeepEqual(r.Facets["environment"], want) {
		t.Errorf("environment %v, want %v", r.Facets["environment"], want)
	}
}

func TestIndexFollowsTheStore(t *testing.T) {
	c, st := newCatalog(t)
	ctx := t.Context()
	if r, err := c.Search(ctx, Query{}); err != nil || r.Total != 0 {
		t.Fatal(r, err)
	}
	// Another instance writes.
	if _, err := st.SaveEvent(ctx, corpus()[0]); err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Search(ctx, Query{Text: "decision"}); err != nil || r.Total != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func many(n int) []eventbus.Event {
	subjects := []string{"claim", "letter", "appointment", "form", "payment", "benefit", "exam", "referral", "address", "contact"}
	verbs := []string{"created", "updated", "received", "closed", "approved", "denied", "scheduled", "cancelled"}
	events := make([]eventbus.Event, n)
	for i := range events {
		s, v := subjects[i%len(subjects)], verbs[i%len(verbs)]
		events[i] = eventbus.Event{Name: fmt.Sprintf("%s-%s-%d", s, v, i), Title: s + " " + v, Domain: subjects[i%7], Owner: fmt.Sprintf("team-%d", i%40), Lifecycle: eventbus.LifecycleProduction,
			Description: strings.Repeat("the "+s+" of a Veteran was "+v+" by the system of record; ", 4),
			Topics:      []eventbus.EventTopic{{Environment: "production", Name: fmt.Sprintf("prod_%s_%d", s, i)}}}
	}
	return events
}

func BenchmarkSearch50000(b *testing.B) {
	x := buildIndex(1, many(50000), nil)
	for b.Loop() {
		x.search(Query{Text: "claim veteran"})
	}
}

func BenchmarkBuildIndex50000(b *testing.B) {
	events := many(50000)
	for b.Loop() {
		buildIndex(1, events, nil)
	}
}
