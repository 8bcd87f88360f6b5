package catalog

import (
	"context"
	"fmt"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// shelf is a store in memory that counts what is asked of it: what a catalog of
// 50,000 events costs must be the catalog's own cost.
type shelf struct {
	events                 map[string]eventbus.Event
	systems                []eventbus.System
	version                int64
	readAll, readSystems   int
	written, systemWritten int
}

func (s *shelf) SaveEvent(_ context.Context, e eventbus.Event, _ ...eventbus.AuditEntry) (eventbus.Event, error) {
	e.Version++
	s.events[e.Name] = e
	s.version++
	s.written++
	return e, nil
}

func (s *shelf) Event(_ context.Context, name string) (eventbus.Event, error) {
	e, ok := s.events[name]
	if !ok {
		return e, eventbus.Errorf(eventbus.CodeNotFound, "there is no event %s", name)
	}
	return e, nil
}

func (s *shelf) Events(context.Context) ([]eventbus.Event, error) {
	s.readAll++
	list := make([]eventbus.Event, 0, len(s.events))
	for _, e := range s.events {
		list = append(list, e)
	}
	return list, nil
}

func (s *shelf) DeleteEvent(_ context.Context, name string, _ ...eventbus.AuditEntry) error {
	delete(s.events, name)
	s.version++
	return nil
}

func (s *shelf) CatalogVersion(context.Context) (int64, error) { return s.version, nil }

func (s *shelf) SaveSystem(_ context.Context, y eventbus.System, _ ...eventbus.AuditEntry) (eventbus.System, error) {
	y.Version++
	s.systems = append(s.systems, y)
	s.version++
	s.systemWritten++
	return y, nil
}

func (s *shelf) Systems(context.Context) ([]eventbus.System, error) {
	s.readSystems++
	return s.systems, nil
}

func stocked(n int) (*shelf, *Catalog) {
	s := &shelf{events: map[string]eventbus.Event{}, version: 1}
	for _, e := range many(n) {
		e.Type, e.Topics = "event", []eventbus.EventTopic{{Environment: "development", Name: "dev_" + e.Name}}
		s.events[e.Name] = e
	}
	return s, New(Config{}, s, s)
}

// The whole catalog is read once per change of it, however often anybody asks
// for the export or for the event of a topic.
func TestReadingTheCatalogIsCheap(t *testing.T) {
	s, c := stocked(500)
	ctx := t.Context()
	first, err := c.ExportEvents(ctx)
	if err != nil || len(first.Body) == 0 {
		t.Fatal(err)
	}
	for range 50 {
		again, err := c.ExportEvents(ctx)
		if err != nil || again.ETag != first.ETag {
			t.Fatalf("another export of the same catalog: %v", err)
		}
		for name := range s.events {
			e, environment, err := c.EventOfTopic(ctx, "dev_"+name)
			if err != nil || e.Name != name || environment != "development" {
				t.Fatalf("topic of %s: %s in %s, %v", name, e.Name, environment, err)
			}
			break
		}
	}
	if s.readAll > 2 { // once for the export, once for the index
		t.Errorf("the catalog was read %d times", s.readAll)
	}
	if _, _, err := c.EventOfTopic(ctx, "dev_nothing"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("a topic that no event has: %v", err)
	}
	// A change is seen at once, in both.
	e := many(1)[0]
	e = s.events[e.Name]
	e.Title, e.Topics = "Quite another title", []eventbus.EventTopic{{Environment: "staging", Name: "staging_moved"}}
	if _, err := s.SaveEvent(ctx, e); err != nil {
		t.Fatal(err)
	}
	changed, err := c.ExportEvents(ctx)
	if err != nil || changed.ETag == first.ETag || !strings.Contains(string(changed.Body), "Quite another title") {
		t.Errorf("the change is not exported: %v", err)
	}
	if _, environment, err := c.EventOfTopic(ctx, "staging_moved"); err != nil || environment != "staging" {
		t.Errorf("the topic that came: %s, %v", environment, err)
	}
	if _, _, err := c.EventOfTopic(ctx, "dev_"+e.Name); eventbus.CodeOf(err) != eventbus.CodeNotFound {
		t.Errorf("the topic that went: %v", err)
	}
}

// An import of many makes one index, not one per entity.
func TestImportOfManyMakesOneIndex(t *testing.T) {
	s, c := stocked(0)
	var text strings.Builder
	for i := range 200 {
		fmt.Fprintf(&text, "---\napiVersion: backstage.io/v1alpha1\nkind: Event\nmetadata: {name: e%d}\nspec: {type: event, lifecycle: development, domain: claims, owner: claims}\n", i)
		fmt.Fprintf(&text, "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: s%d}\nspec: {type: service, lifecycle: production, owner: claims, subscribesToEvent: [e%d]}\n", i, i)
	}
	report, err := c.Import(t.Context(), eventbus.Actor{System: "test"}, []byte(text.String()), "test")
	if err != nil || len(report.Events) != 200 || len(report.Systems) != 200 || s.written != 200 || s.systemWritten != 200 {
		t.Fatalf("%d events, %d systems, %v", len(report.Events), len(report.Systems), err)
	}
	if s.readAll != 0 || s.readSystems != 1 {
		t.Errorf("all events were read %d times, all systems %d times", s.readAll, s.readSystems)
	}
	found, err := c.Search(t.Context(), Query{Text: "e199"})
	if err != nil || found.Total == 0 {
		t.Errorf("what was imported is not found: %+v, %v", found, err)
	}
	if s.readAll != 1 {
		t.Errorf("all events were read %d times for one search", s.readAll)
	}
}

// What an import wrote before it was refused is told, and found.
func TestAnImportThatStopsHalfWay(t *testing.T) {
	s, c := stocked(0)
	if _, err := c.Search(t.Context(), Query{}); err != nil {
		t.Fatal(err)
	}
	const entity = "---\napiVersion: backstage.io/v1alpha1\nkind: Event\nmetadata: {name: %s}\nspec: {type: event, lifecycle: development, domain: claims, owner: %s}\n"
	text := fmt.Sprintf(entity, "mine", "claims") + fmt.Sprintf(entity, "theirs", "health") + fmt.Sprintf(entity, "never", "claims")
	member := eventbus.Actor{Person: eventbus.Person{ID: "mia", Roles: []eventbus.Role{eventbus.RoleMember}, Teams: []string{"claims"}}}
	report, err := c.Import(t.Context(), member, []byte(text), "test")
	if eventbus.CodeOf(err) != eventbus.CodeForbidden || !strings.Contains(err.Error(), "theirs belongs to team health") || !strings.Contains(err.Error(), "1 entities before it were") {
		t.Errorf("refused with %v", err)
	}
	if len(report.Events) != 1 || s.written != 1 {
		t.Errorf("report %+v, %d written", report, s.written)
	}
	if found, err := c.Search(t.Context(), Query{Text: "mine"}); err != nil || found.Total != 1 {
		t.Errorf("what was written is not found: %+v, %v", found, err)
	}
	if _, err := c.Import(t.Context(), member, fmt.Appendf(nil, entity, "theirs", "health"), "test"); strings.Contains(err.Error(), "before it") {
		t.Errorf("nothing was written, and %v", err)
	}
}

func benchmarkExport(b *testing.B, n int, changed bool) {
	s, c := stocked(n)
	if _, err := c.ExportEvents(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if changed {
			s.version++
		}
		if _, err := c.ExportEvents(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExport10000Unchanged(b *testing.B) { benchmarkExport(b, 10_000, false) }
func BenchmarkExport10000Changed(b *testing.B)   { benchmarkExport(b, 10_000, true) }

func benchmarkSearch(b *testing.B, n int) {
	x := buildIndex(1, many(n), nil)
	b.ReportAllocs()
	for b.Loop() {
		x.search(Query{Text: "claim veteran", Domain: "claims"})
	}
}

func BenchmarkSearchFiltered10000(b *testing.B) { benchmarkSearch(b, 10_000) }
func BenchmarkSearchFiltered50000(b *testing.B) { benchmarkSearch(b, 50_000) }

func BenchmarkEventOfTopic50000(b *testing.B) {
	_, c := stocked(50_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := c.EventOfTopic(b.Context(), "dev_none"); eventbus.CodeOf(err) != eventbus.CodeNotFound {
			b.Fatal(err)
		}
	}
}
