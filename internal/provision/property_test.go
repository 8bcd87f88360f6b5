package provision

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TestAnyManifestIsTrueOnceApplied: in any world, a plan that can be made can be
// applied, and then nothing is left to change; what cannot be made is refused
// with faults and changes nothing.
func TestAnyManifestIsTrueOnceApplied(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newMemory()
		drawWorld(rt, w)
		for range rapid.IntRange(1, 4).Draw(rt, "manifests") {
			m := drawManifest(rt)
			before := w.picture()
			plan, err := w.bus().Plan(t.Context(), m)
			if err != nil {
				if eventbus.CodeOf(err) != eventbus.CodeInvalid || len(eventbus.FaultsOf(err)) == 0 || w.picture() != before {
					rt.Fatalf("refused with %v", err)
				}
				continue
			}
			if add, change, remove, _ := plan.Counts(); add+change+remove != len(plan.Changes) || plan.Empty() != (Render(plan) == "No changes.\n") {
				rt.Fatalf("the counts of\n%s", Render(plan))
			}
			if err := w.bus().Apply(t.Context(), operator, plan, m, everything); err != nil {
				rt.Fatalf("%v of\n%s", err, Render(plan))
			}
			if again, err := w.bus().Plan(t.Context(), m); err != nil || !again.Empty() {
				rt.Fatalf("after apply of\n%s%v is left:\n%s", Render(plan), err, Render(again))
			}
		}
		checkAccess(rt, w)
	})
}

// checkAccess: every policy is what the grants in force come to, and none is on
// a topic that is not wanted.
func checkAccess(rt *rapid.T, w *memory) {
	wanted := map[string]bool{}
	for _, m := range w.wanted {
		for _, t := range m.Topics {
			wanted[t.Topic.Name] = true
		}
	}
	active := map[string][]eventbus.Grant{}
	for _, g := range w.grants {
		if g.Active() {
			active[g.Principal] = append(active[g.Principal], g)
			if !wanted[g.Topic] {
				rt.Fatalf("grant %s is on %s, which is not wanted", g.ID, g.Topic)
			}
		}
	}
	for arn, p := range w.principals {
		document, err := policyOf(w.bus().places().own.arns(), active[arn])
		if err != nil || !samePolicy(document, p.Policy) {
			rt.Fatalf("%s has %s, its grants come to %s (%v)", arn, p.Policy, document, err)
		}
	}
}

var drawnEvents = []string{"alpha", "beta", "gamma"}

func drawWorld(rt *rapid.T, w *memory) {
	for _, env := range w.envs {
		for _, event := range drawnEvents {
			if !rapid.Bool().Draw(rt, "exists") {
				continue
			}
			name := env.Prefix + event
			w.topics[name] = eventbus.Topic{Name: name, Partitions: rapid.Int32Range(1, 4).Draw(rt, "partitions"), Configs: drawConfigs(rt)}
			if rapid.Bool().Draw(rt, "has a schema") {
				w.levels[name+"-value"] = rapid.SampledFrom(eventbus.Compatibilities()).Draw(rt, "level")
				_, _ = w.Register(context.Background(), name+"-value", claimSchema)
			}
		}
	}
	for _, arn := range []string{producerRole, outsideUser} {
		if rapid.Bool().Draw(rt, "made by hand") {
			p, _ := eventbus.ParseIdentityARN(arn)
			w.principals[arn] = ManagedPrincipal{ARN: arn, Kind: p.Kind, Name: p.Name}
		}
	}
}

func drawConfigs(rt *rapid.T) map[string]string {
	return rapid.MapOfN(rapid.SampledFrom([]string{"retention.ms", "segment.ms", "delete.retention.ms"}), rapid.SampledFrom([]string{"1000", "86400000"}), 0, 3).Draw(rt, "configs")
}

func drawManifest(rt *rapid.T) eventbus.Manifest {
	var m eventbus.Manifest
	for _, name := range drawnEvents {
		if !rapid.Bool().Draw(rt, "named") {
			continue
		}
		e := eventbus.EventManifest{Event: eventbus.Event{Name: name, Title: rapid.SampledFrom([]string{"", "One", "Two"}).Draw(rt, "title"),
			Lifecycle: rapid.SampledFrom(eventbus.Lifecycles()).Draw(rt, "lifecycle"), RemovalDate: rapid.SampledFrom([]string{"", "2027-01-01"}).Draw(rt, "removal")}}
		for _, env := range eventbus.DemoEnvironments() {
			switch rapid.SampledFrom([]string{"wanted", "removed", "not named"}).Draw(rt, env.Name) {
			case "wanted":
				e.Topics = append(e.Topics, drawTopic(rt, env.Name))
			case "removed":
				e.Remove = append(e.Remove, env.Name)
			}
		}
		m.Events = append(m.Events, e)
		m.Grants = append(m.Grants, drawGrants(rt, e)...)
	}
	return m
}

func drawTopic(rt *rapid.T, env string) eventbus.TopicManifest {
	return eventbus.TopicManifest{Environment: env, Topic: eventbus.Topic{Partitions: rapid.Int32Range(3, 6).Draw(rt, "partitions"), Configs: drawConfigs(rt)},
		ValueSchema:   rapid.SampledFrom([]string{"", claimSchema, claimSchema2}).Draw(rt, "schema"),
		Compatibility: rapid.SampledFrom(append(eventbus.Compatibilities(), "")).Draw(rt, "level"),
		Guard:         rapid.SampledFrom([]eventbus.SchemaGuard{"", eventbus.SchemaGuardOff, eventbus.SchemaGuardWarn, eventbus.SchemaGuardEnforce}).Draw(rt, "guard")}
}

func drawGrants(rt *rapid.T, e eventbus.EventManifest) []eventbus.Grant {
	var grants []eventbus.Grant
	for _, t := range e.Topics {
		for i, arn := range []string{producerRole, outsideUser} {
			if !rapid.Bool().Draw(rt, "granted") {
				continue
			}
			g := eventbus.Grant{Event: e.Event.Name, Environment: t.Environment, Principal: arn, Purpose: "test", Direction: eventbus.Consumed, GroupPrefix: fmt.Sprintf("g%d", i)}
			if rapid.Bool().Draw(rt, "produces") {
				g.Direction, g.GroupPrefix, g.Idempotent = eventbus.Produced, "", rapid.Bool().Draw(rt, "idempotent")
			}
			if rapid.IntRange(0, 4).Draw(rt, "revoked") == 0 {
				g.RevokedAt = revokedInFile
			}
			grants = append(grants, g)
		}
	}
	return slices.Clip(grants)
}
