package eventbus_test

import (
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestEnvironmentOnAWS: what AWS decides has other names, no schema guard, and
// says what it lacks; what the server fills in is never a manifest's.
func TestEnvironmentOnAWS(t *testing.T) {
	own := eventbus.DemoDeployment()
	place := eventbus.Deployment{Partition: "aws-us-gov", Region: "us-gov-east-1", Account: "210987654321", Cluster: "bus", UUID: "u-1", Path: "eventbus/production/"}
	production := eventbus.Environment{Name: "production", Prefix: "prod_", Production: true}
	onAWS := production
	onAWS.AWS, onAWS.BootstrapIAM, onAWS.RegistryURL = place, "b-1.bus:9098", "https://registry"
	for _, tt := range []struct {
		environment eventbus.Environment
		role        string
		guard       eventbus.SchemaGuard
		lacks       bool
	}{
		{production, "arn:aws-us-gov:iam::123456789012:role/letters", eventbus.SchemaGuardEnforce, false},
		{onAWS, "arn:aws-us-gov:iam::210987654321:role/eventbus/production/letters", eventbus.SchemaGuardOff, true},
	} {
		if role := tt.environment.Place(own).RoleARN("letters"); role != tt.role {
			t.Errorf("role %s, want %s", role, tt.role)
		}
		if guard := tt.environment.SchemaGuardDefault(); guard != tt.guard {
			t.Errorf("guard %s, want %s", guard, tt.guard)
		}
		if lacks := tt.environment.Lacks(); len(lacks) > 0 != tt.lacks {
			t.Errorf("lacks %v", lacks)
		}
	}
	if got := production.At(onAWS); got != onAWS {
		t.Errorf("placed: %+v, want %+v", got, onAWS)
	}
	if got := onAWS.At(eventbus.Environment{}); got != production {
		t.Errorf("without its place: %+v, want %+v", got, production)
	}
}
