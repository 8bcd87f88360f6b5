package provision

import (
	"context"
	"fmt"
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

// onStaging is a manifest of n events with a topic in staging, where AWS decides,
// and a grant of each to one principal.
func onStaging(n int, principal string) eventbus.Manifest {
	m := many(n)
	for i := range m.Events {
		m.Events[i].Topics[0].Environment = "staging"
		m.Grants[i].Environment, m.Grants[i].Principal = "staging", principal
	}
	return m
}

// TestPolicyOfAUserOnAWS: what would not fit into the policy of a user on AWS is
// refused by the plan, with the grants that are too much; a role has more room,
// and the bus's own directory lets a user have as much.
func TestPolicyOfAUserOnAWS(t *testing.T) {
	const user, role = "arn:aws-us-gov:iam::123456789012:user/eventbus/staging/partner", auditorRole
	refusedWith := func(w *memory, m eventbus.Manifest) []eventbus.Fault {
		t.Helper()
		_, err := w.bus().Plan(t.Context(), m)
		if err != nil && eventbus.CodeOf(err) != eventbus.CodeInvalid {
			t.Fatal(err)
		}
		return eventbus.FaultsOf(err)
	}
	w := newMemory()
	w.aws = true
	if faults := refusedWith(w, onStaging(40, user)); len(faults) > 0 {
		t.Fatalf("40 topics: %v", faults)
	}
	m := onStaging(70, user)
	faults := refusedWith(w, m)
	if len(faults) != 1 {
		t.Fatalf("%d faults for 70 grants to a user on AWS: %v", len(faults), faults)
	}
	id := eventbus.GrantID(m.Grants[0].Event, "staging", eventbus.Produced, user, "")
	if f := faults[0]; !strings.Contains(f.Message, user) || !strings.Contains(f.Message, "AWS allows a user 6144") || !strings.Contains(f.Fix, id) || !strings.HasSuffix(f.Fix, "and 65 more") {
		t.Errorf("fault %+v", f)
	}
	if faults := refusedWith(w, onStaging(70, role)); len(faults) > 0 {
		t.Errorf("70 topics for a role: %v", faults)
	}
	if faults := refusedWith(w, onStaging(120, role)); len(faults) != 1 || !strings.Contains(faults[0].Message, "at most 10240 are allowed") {
		t.Errorf("120 topics for a role: %d faults", len(faults))
	}
	own := many(70)
	for i := range own.Grants {
		own.Grants[i].Principal = outsideUser
	}
	if faults := refusedWith(w, own); len(faults) > 0 {
		t.Errorf("70 topics for a user of the bus's own directory: %v", faults)
	}
	// What is there already counts: the last grant is the one that is named.
	mustApply(t, w, onStaging(40, user))
	more := onStaging(70, user)
	more.Grants = more.Grants[40:]
	if faults := refusedWith(w, more); len(faults) != 1 || !strings.HasSuffix(faults[0].Fix, "and 25 more") {
		t.Errorf("30 grants more: %v", faults)
	}
	for n := 40; ; n++ { // one grant at a time, until one has no room
		one := onStaging(n+1, user)
		one.Grants = one.Grants[n:]
		plan, err := w.bus().Plan(t.Context(), one)
		if faults := eventbus.FaultsOf(err); len(faults) == 1 {
			if id := eventbus.GrantID(one.Grants[0].Event, "staging", eventbus.Produced, user, ""); n < 45 || n > 69 || faults[0].Path != "grants["+id+"].principal" {
				t.Errorf("grant %d: %v", n, faults)
			}
			return
		}
		if err == nil {
			err = w.bus().Apply(t.Context(), operator, plan, one, everything)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrustThatIsTooLong: a trust policy has room for so many.
func TestTrustThatIsTooLong(t *testing.T) {
	w := newMemory()
	m := claims()
	m.Grants[0].TrustedBy = nil
	for i := range 80 {
		m.Grants[0].TrustedBy = append(m.Grants[0].TrustedBy, fmt.Sprintf("arn:aws-us-gov:iam::210987654321:role/team-of-some-length-%03d", i))
	}
	_, err := w.bus().Plan(t.Context(), m)
	faults := eventbus.FaultsOf(err)
	if eventbus.CodeOf(err) != eventbus.CodeInvalid || len(faults) != 1 || !strings.HasSuffix(faults[0].Path, ".trustedBy") || !strings.Contains(faults[0].Message, "4096") {
		t.Errorf("%v: %v", err, faults)
	}
}

// TestRoundsOnAWSAreSparing: a round of Run looks at so many principals on AWS and
// no more, at each again only after a while, and never reports what it saw long ago
// without having looked again.
func TestRoundsOnAWSAreSparing(t *testing.T) {
	const n = glancesInRound + 50
	w := newMemory()
	w.aws = true
	m := onStaging(n, "")
	role := func(i int) string {
		return fmt.Sprintf("arn:aws-us-gov:iam::123456789012:role/eventbus/staging/producer-%05d", i)
	}
	for i := range m.Grants {
		m.Grants[i].Principal = role(i)
	}
	mustApply(t, w, m)
	bus := w.bus() // it has seen none of them
	drift := func() ([]eventbus.Change, int) {
		t.Helper()
		w.looks = map[string]int{}
		changes, err := bus.measure(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		for _, n := range w.looks {
			looks += n
		}
		return changes, looks
	}
	for round, want := range []int{glancesInRound, 50, 0} {
		if changes, looks := drift(); len(changes) > 0 || looks != want {
			t.Fatalf("round %d: %d looks, want %d; %v", round, looks, want, changes)
		}
	}
	// Changed by hand: it shows when what is known of it no longer holds.
	p := w.principals[role(3)]
	p.Policy = ""
	w.principals[role(3)] = p
	if changes, looks := drift(); len(changes) > 0 || looks > 0 {
		t.Fatalf("at once: %v, %d looks", changes, looks)
	}
	w.now = w.now.Add(glanceHolds)
	if changes, looks := drift(); len(changes) != 1 || changes[0].Name != role(3) || looks != glancesInRound {
		t.Fatalf("later: %v, %d looks", changes, looks)
	}
	// Put right by another instance: it is looked at again, and nothing is reported.
	other := w.bus()
	if err := other.Revert(t.Context(), operator, changeOf(t, other, role(3))); err != nil {
		t.Fatal(err)
	}
	if changes, looks := drift(); len(changes) > 0 || looks != 51 { // those that are due, and the doubtful one
		t.Errorf("put right elsewhere: %v, %d looks", changes, looks)
	}
	// Who asks, and a plan, look at everything that they are about, whatever was
	// seen before.
	w.looks = map[string]int{}
	if changes, err := bus.Drift(t.Context()); err != nil || len(changes) > 0 || len(w.looks) != n {
		t.Errorf("drift that is asked for looks at %d of %d: %v %v", len(w.looks), n, changes, err)
	}
	w.looks = map[string]int{}
	if plan, err := bus.Plan(t.Context(), m); err != nil || !plan.Empty() || len(w.looks) != n {
		t.Errorf("a plan looks at %d of %d: %v", len(w.looks), n, err)
	}
}

func changeOf(t *testing.T, bus *Provisioner, name string) eventbus.Change {
	t.Helper()
	changes, err := bus.Drift(t.Context())
	for _, c := range changes {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no drift of %s: %v %v", name, changes, err)
	return eventbus.Change{}
}

// TestNoGuardOnAWS: a topic that clients reach without the gateway has no schema
// guard, and the manifest says so, whatever was written.
func TestNoGuardOnAWS(t *testing.T) {
	envs := eventbus.DemoEnvironments()
	envs[2].AWS.Path = "eventbus/production/"
	m := eventbus.Manifest{Events: []eventbus.EventManifest{{Event: eventbus.Event{Name: "letter-ready"}, Topics: []eventbus.TopicManifest{
		{Environment: "staging", ValueSchema: `"string"`, Guard: eventbus.SchemaGuardEnforce},
		{Environment: "production", ValueSchema: `"string"`, Guard: eventbus.SchemaGuardEnforce}}}}}
	var faults problems
	done := complete(m, envs, &faults)
	for environment, want := range map[string]eventbus.SchemaGuard{"staging": eventbus.SchemaGuardEnforce, "production": eventbus.SchemaGuardOff} {
		if topic, _ := done.Events[0].Topic(environment); topic.Guard != want || len(faults) > 0 {
			t.Errorf("%s: guard %s, want %s; faults %v", environment, topic.Guard, want, faults)
		}
	}
}
