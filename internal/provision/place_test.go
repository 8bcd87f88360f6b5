package provision

import (
	"context"
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// rehearsal is an event in staging, where AWS decides, and a role that reads it.
func rehearsal() eventbus.Manifest {
	return eventbus.Manifest{Source: "request 21",
		Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed"},
			Topics: []eventbus.TopicManifest{{Environment: "staging", Topic: eventbus.Topic{Partitions: 1}}}}},
		Grants: []eventbus.Grant{{Event: "claim-filed", Environment: "staging", Direction: eventbus.Consumed, Principal: auditorRole,
			GroupPrefix: "audit", Team: "audit", Purpose: "rehearses an audit"}}}
}

// TestEnvironmentsHaveTheirOwnCluster: a policy names the cluster of the
// environment in which its principal lives.
func TestEnvironmentsHaveTheirOwnCluster(t *testing.T) {
	w := newMemory()
	w.aws = true
	mustApply(t, w, claims())
	mustApply(t, w, rehearsal())
	made := w.principals[auditorRole]
	if !strings.Contains(made.Policy, stagingOnAWS.TopicARN("staging_claim-filed")) || strings.Contains(made.Policy, eventbus.DemoDeployment().ClusterARN()) {
		t.Errorf("the policy in staging is %s", made.Policy)
	}
	if made.Team != "audit" || made.Event != "claim-filed" {
		t.Errorf("made for team %q and event %q", made.Team, made.Event)
	}
	if own := w.principals[producerRole].Policy; strings.Contains(own, stagingOnAWS.UUID) {
		t.Errorf("the policy in development is %s", own)
	}
}

// TestPrincipalsLiveInOnePlace: a grant names a principal of its environment.
func TestPrincipalsLiveInOnePlace(t *testing.T) {
	tests := []struct{ name, env, principal, fix string }{
		{"the directory's own in staging", "staging", consumerRole, "write arn:aws-us-gov:iam::123456789012:role/eventbus/staging/"},
		{"a user", "staging", outsideUser, "write arn:aws-us-gov:iam::123456789012:user/eventbus/staging/"},
		{"one of staging in production", "production", auditorRole, "write arn:aws-us-gov:iam::123456789012:role/auditor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newMemory()
			w.aws = true
			m := rehearsal()
			m.Events[0].Topics[0].Environment, m.Grants[0].Environment, m.Grants[0].Principal = tt.env, tt.env, tt.principal
			_, err := w.bus().Plan(t.Context(), m)
			faults := eventbus.FaultsOf(err)
			if len(faults) != 1 || !strings.Contains(faults[0].Message, "is not where the principals of "+tt.env+" are") || !strings.HasPrefix(faults[0].Fix, tt.fix) {
				t.Errorf("faults = %+v (%v)", faults, err)
			}
		})
	}
}

// TestForeignPrincipals: what the directory may not touch stands in the way of
// granting and of revoking alike; nothing that is not done is said to be done.
func TestForeignPrincipals(t *testing.T) {
	w := newMemory()
	w.aws = true
	mustApply(t, w, rehearsal())
	p := w.principals[auditorRole]
	p.Managed, p.Foreign = false, "the role carries no tag of this bus"
	w.principals[auditorRole] = p
	end := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "claim-filed", Lifecycle: eventbus.LifecycleDeprecated}, Remove: []string{"staging"}}}}
	for name, m := range map[string]eventbus.Manifest{"granting": rehearsal(), "revoking": end} {
		_, err := w.bus().Plan(t.Context(), m)
		if eventbus.CodeOf(err) != eventbus.CodeInvalid || !strings.Contains(err.Error(), "the role carries no tag of this bus") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestChangedByHand: marks and trust of a principal on AWS are shown and put
// right, a trust that no grant names too.
func TestChangedByHand(t *testing.T) {
	for name, tt := range map[string]struct {
		drift func(p *ManagedPrincipal)
		field string
	}{
		"marks": {func(p *ManagedPrincipal) { p.Repair = "tags eventbus:team" }, "marks"},
		"trust": {func(p *ManagedPrincipal) { p.Trust = trustDocument([]string{producerTrust}) }, "trust"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newMemory()
			w.aws = true
			mustApply(t, w, rehearsal())
			p := w.principals[auditorRole]
			tt.drift(&p)
			w.principals[auditorRole] = p
			found, err := w.bus().Drift(context.Background())
			if err != nil || len(found) != 1 || found[0].Field != tt.field || found[0].Resource != eventbus.ResourcePrincipal {
				t.Fatalf("drift = %+v, %v", found, err)
			}
			if err := w.bus().Revert(t.Context(), operator, found[0]); err != nil {
				t.Fatal(err)
			}
			if found, err := w.bus().Drift(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("after the revert: %+v, %v", found, err)
			}
		})
	}
}

// TestLastGrantEnds: where the directory deletes principals, the plan says so and
// asks for approval; the bus's own directory keeps them.
func TestLastGrantEnds(t *testing.T) {
	w := newMemory()
	w.aws = true
	mustApply(t, w, rehearsal())
	m := rehearsal()
	m.Grants[0].RevokedAt = w.now
	plan := mustPlan(t, w, m)
	var order []string
	for _, c := range plan.Changes {
		if c.Destructive() && c.NeedsApproval {
			order = append(order, string(c.Resource))
		}
	}
	if got := strings.Join(order, " "); got != "grant policy principal" {
		t.Errorf("what ends is %q", got)
	}
	mustApply(t, w, m)
	if _, there := w.principals[auditorRole]; there {
		t.Error("the role is still there")
	}
	mustApply(t, w, claims())
	gone := claims()
	gone.Grants = gone.Grants[:1]
	gone.Grants[0].RevokedAt = w.now
	mustApply(t, w, gone)
	if _, there := w.principals[producerRole]; !there {
		t.Error("the bus's own directory lost a role")
	}
}
