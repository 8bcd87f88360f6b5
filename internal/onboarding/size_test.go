package onboarding

import (
	"fmt"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// BenchmarkCheck10000 is what a look at a draft costs beside 10,000 events.
func BenchmarkCheck10000(b *testing.B) {
	w := newBench(b)
	c := example(b, "producer.yaml").Content.(*ProducerContent)
	for i := range 10_000 {
		name := fmt.Sprintf("event-%d", i)
		c.Event.Name = name
		m := builder{env: eventbus.DemoEnvironments()[0], at: today}.produced(c)
		if err := w.store.SaveWanted(b.Context(), []eventbus.EventManifest{m}); err != nil {
			b.Fatal(err)
		}
	}
	c.Event.Name = "letter-ready"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Check(b.Context(), c, ""); err != nil {
			b.Fatal(err)
		}
	}
}
