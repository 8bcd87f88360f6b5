package provision

import (
	"fmt"
	"testing"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// many is a manifest of n events with a topic, schema, grant and principal each.
func many(n int) eventbus.Manifest {
	var m eventbus.Manifest
	for i := range n {
		name := fmt.Sprintf("event-%05d", i)
		m.Events = append(m.Events, eventbus.EventManifest{Event: eventbus.Event{Name: name, Title: name, Owner: "claims"},
			Topics: []eventbus.TopicManifest{{Environment: "development", ValueSchema: claimSchema, Topic: eventbus.Topic{Partitions: 3, Configs: map[string]string{"retention.ms": "604800000"}}}}})
		m.Grants = append(m.Grants, eventbus.Grant{Event: name, Environment: "development", Direction: eventbus.Produced, Purpose: "bench",
			Principal: fmt.Sprintf("arn:aws-us-gov:iam::123456789012:role/producer-%05d", i)})
	}
	return m
}

// BenchmarkPlan10000Topics plans ten thousand events against a world that has
// them all; a plan shall take less than five seconds.
func BenchmarkPlan10000Topics(b *testing.B) {
	w := newMemory()
	m := many(10_000)
	mustApply(b, w, m)
	bus := w.bus()
	for b.Loop() {
		begin := time.Now()
		plan, err := bus.Plan(b.Context(), m)
		if err != nil || !plan.Empty() {
			b.Fatalf("%d changes, %v", len(plan.Changes), err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			b.Errorf("one plan took %s", took)
		}
	}
}
