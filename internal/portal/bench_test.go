package portal

import (
	"context"
	"fmt"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// BenchmarkPages renders the pages that are opened most, with 5,000 events and
// 1,000 consuming systems.
func BenchmarkPages(b *testing.B) {
	w := fullWorld(b)
	ctx := context.Background()
	for i := range 5000 {
		name := fmt.Sprintf("event-%04d", i)
		_, err := w.store.SaveEvent(ctx, eventbus.Event{Name: name, Title: "Event " + name, Description: "Something happened to a claim.", Domain: fmt.Sprintf("domain %d", i%30), Type: "event",
			Lifecycle: eventbus.LifecycleProduction, Owner: "claims", Schema: letterV2, Topics: []eventbus.EventTopic{{Environment: "production", Name: "prod_" + name}}})
		w.ok(err)
	}
	for i := range 1000 {
		_, err := w.store.SaveSystem(ctx, eventbus.System{Name: fmt.Sprintf("system-%d", i), Kind: "Component", Owner: "claims", Subscribes: []string{fmt.Sprintf("event-%04d", i)}})
		w.ok(err)
	}
	w.ok(w.catalog.Refresh(ctx))
	for _, path := range []string{"/", "/catalog", "/catalog?q=claim", "/catalog/letter-ready", "/search?q=letter", "/requests", "/topics"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				if response := w.get("pat", path); response.StatusCode != 200 || len(body(b, response)) < 1000 {
					b.Fatal(response.StatusCode)
				}
			}
		})
	}
}
