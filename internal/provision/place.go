package provision

import (
	"maps"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam/policy"
)

// EnvironmentAccess is where the principals of an environment live when AWS
// decides there, not the bus's own directory.
type EnvironmentAccess struct {
	Access Access
	Offers Offers // of the users there: a name may be used in two places
	// Deployment names the environment's cluster. Its Path must not be empty: the
	// path in a principal's ARN tells where the principal lives, so that none
	// lives in two places.
	Deployment eventbus.Deployment
}

// arns are the names of the cluster for the builders of package policy.
func (e EnvironmentAccess) arns() policy.ARNs {
	d := e.Deployment
	return policy.ARNs{Partition: d.Partition, Region: d.Region, Account: d.Account, Name: d.Cluster, UUID: d.UUID}
}

// onAWS reports whether somebody besides the bus can change principals there, so
// that everything that the bus makes is compared.
func (e EnvironmentAccess) onAWS() bool { return e.Deployment.Path != "" }

// trust is the trust policy of a role whose grants name these identities.
func (e EnvironmentAccess) trust(trusted []string) string {
	if len(trusted) == 0 {
		return accountTrust(e.Deployment)
	}
	return trustDocument(trusted)
}

// places are the bus's own directory and those of environments.
type places struct {
	own EnvironmentAccess
	of  map[string]EnvironmentAccess
}

func (p *Provisioner) places() places {
	return places{EnvironmentAccess{p.world.Access, p.world.Offers, p.cfg.Deployment}, p.world.AccessOf}
}

// environment gives the place of an environment's principals.
func (p places) environment(name string) EnvironmentAccess {
	if e, named := p.of[name]; named {
		return e
	}
	return p.own
}

// principal gives the place where a principal lives, by its ARN.
func (p places) principal(arn string) EnvironmentAccess {
	id, err := eventbus.ParseIdentityARN(arn)
	if err != nil {
		return p.own
	}
	for _, name := range slices.Sorted(maps.Keys(p.of)) {
		if d := p.of[name].Deployment; arn == d.RoleARN(id.Name) || arn == d.UserARN(id.Name) {
			return p.of[name]
		}
	}
	return p.own
}
