package onboarding

import (
	"strings"
	"testing"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// productionOnAWS are the demo's environments, the last one on AWS.
func productionOnAWS() []eventbus.Environment {
	list := eventbus.DemoEnvironments()
	list[2].AWS = eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-east-1", Account: "210987654321", Cluster: "bus", UUID: "u-1", Path: "eventbus/production/"}
	return list
}

// TestManifestOnAWS: in an environment on AWS the principals are those that the bus
// makes there; its topics have no schema guard, whatever the request says.
func TestManifestOnAWS(t *testing.T) {
	b := newBench(t)
	b.Service = New(Config{Now: b.clock, Environments: productionOnAWS}, b.store, Sources{Events: b.store, Lineage: b.store})
	submission := example(t, "producer.yaml")
	content := submission.Content.(*ProducerContent)
	content.Schema.Guard = eventbus.SchemaGuardEnforce
	a := content.Access["production"]
	a.User = "partner"
	content.Access["production"] = a
	r := b.submitted(pat, submission)
	for environment, want := range map[string]struct {
		principals string
		guard      eventbus.SchemaGuard
	}{
		"staging":    {"arn:aws-us-gov:iam::123456789012:role/claims-letters-staging", eventbus.SchemaGuardEnforce},
		"production": {"arn:aws-us-gov:iam::210987654321:role/eventbus/production/claims-letters arn:aws-us-gov:iam::210987654321:user/eventbus/production/partner", eventbus.SchemaGuardOff},
	} {
		m, err := b.Manifest(t.Context(), r, environment)
		if err != nil {
			t.Fatal(err)
		}
		var principals []string
		for _, g := range m.Grants {
			principals = append(principals, g.Principal)
		}
		if got := strings.Join(principals, " "); got != want.principals || len(m.Grants[0].TrustedBy) != 1 {
			t.Errorf("%s: principals %s trusted by %v, want %s", environment, got, m.Grants[0].TrustedBy, want.principals)
		}
		if got := m.Events[0].Topics[0].Guard; got != want.guard {
			t.Errorf("%s: schema guard %s, want %s", environment, got, want.guard)
		}
	}
}

// TestPrincipalsOnAWS: a principal of a team's own is refused at once, with what to
// write instead; one that the bus made is taken.
func TestPrincipalsOnAWS(t *testing.T) {
	for arn, legal := range map[string]bool{
		"arn:aws-us-gov:iam::210987654321:role/eventbus/production/reader": true,
		"arn:aws-us-gov:iam::210987654321:user/eventbus/production/reader": true,
		"arn:aws-us-gov:iam::210987654321:role/reader":                     false,
		"arn:aws-us-gov:iam::123456789012:role/eventbus/production/reader": false,
		"arn:aws:iam::210987654321:role/eventbus/production/reader":        false,
	} {
		b := newBench(t) // one event is asked for by one request at a time
		b.Service = New(Config{Now: b.clock, Environments: productionOnAWS}, b.store, Sources{Events: b.store, Lineage: b.store})
		submission := example(t, "producer.yaml")
		submission.Content.(*ProducerContent).Access["production"] = Access{Principals: []string{arn}}
		_, err := b.Submit(t.Context(), pat, b.must(b.Draft(t.Context(), pat, submission)).ID)
		if legal && err != nil {
			t.Errorf("%s is refused: %v", arn, err)
		}
		faults := eventbus.FaultsOf(err)
		if !legal && (len(faults) != 1 || faults[0].Path != "access.production.principals[0]" || !strings.Contains(faults[0].Fix, "trustedBy")) {
			t.Errorf("%s: %v, want one fault that says where it belongs", arn, err)
		}
	}
}
