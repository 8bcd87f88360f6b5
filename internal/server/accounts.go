package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/awscloud"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// openAccounts signs in to AWS for each environment whose principals AWS keeps.
// All that can be wrong without asking AWS is asked of the whole configuration
// first, so that no call is made for half of one.
func (s *Server) openAccounts(ctx context.Context) error {
	if faults := s.cfg.accountFaults(); len(faults) > 0 {
		return eventbus.Invalid("the access of environments on AWS was not opened", faults...)
	}
	s.accounts = map[string]*awscloud.Account{}
	for _, cfg := range s.cfg.Accounts {
		cfg.Bootstrap, cfg.Logger = s.cfg.bootstrapOf(cfg.Environment), s.cfg.Logger
		cfg.Keep = func(ctx context.Context, user, keyID, secret string) error {
			return s.accountOffers(cfg.Environment).keep(ctx, user, keyID, secret)
		}
		account, err := awscloud.Open(ctx, cfg)
		if err != nil {
			return fmt.Errorf("open environment %s on AWS: %w", cfg.Environment, err)
		}
		s.accounts[cfg.Environment] = account
		found := account.Found()
		s.cfg.Logger.Info("an environment is on AWS: clients speak to Amazon MSK", "environment", cfg.Environment, "cluster", found.ARN,
			"brokers", found.Private, "from outside AWS", found.Public, "principals below", account.Deployment().RoleARN(""))
	}
	return nil
}

// accountFaults are those of Accounts, with paths below "accounts[ENVIRONMENT]".
func (c Config) accountFaults() []eventbus.Fault {
	var faults []eventbus.Fault
	for i, one := range c.Accounts {
		path := "accounts[" + one.Environment + "]"
		for _, fault := range one.Faults() {
			fault.Path = path + "." + fault.Path
			faults = append(faults, fault)
		}
		if !slices.ContainsFunc(c.Environments, func(e eventbus.Environment) bool { return e.Name == one.Environment }) {
			faults = append(faults, eventbus.Fault{Path: path, Message: "there is no such environment", Fix: "name one of environments"})
		}
		for _, other := range c.Accounts[:i] {
			if a, b := one.Place(), other.Place(); a.Partition == b.Partition && a.Account == b.Account && a.Path == b.Path {
				faults = append(faults, eventbus.Fault{Path: path + ".path", Message: "is the path of environment " + other.Environment + " too", Fix: "give each environment of an account a path of its own"})
			}
		}
	}
	return faults
}

// bootstrapOf are the brokers that configuration gives an environment.
func (c Config) bootstrapOf(environment string) []string {
	for _, k := range c.Kafka {
		if slices.Contains(k.Environments, environment) {
			return k.External.Bootstrap
		}
	}
	return nil
}

// onAWS places an environment at the brokers of its MSK cluster: those within the
// network, else those of other networks, and those for clients outside AWS.
func onAWS(e eventbus.Environment, account *awscloud.Account) eventbus.Environment {
	list := func(addresses []string) string { return strings.Join(addresses, ",") }
	found := account.Found()
	e.AWS, e.Bootstrap = account.Deployment(), ""
	e.BootstrapIAM, e.BootstrapExternal = cmp.Or(list(found.Private), list(found.VPC)), list(found.Public)
	return e
}

// accountAccess is an account as provisioning changes it.
type accountAccess struct {
	*awscloud.Account
	offers accountOffers
}

// RemovePrincipal deletes a role or user, and what waits for the contact of a user.
func (a accountAccess) RemovePrincipal(ctx context.Context, by eventbus.Actor, arn string) error {
	if err := a.Account.RemovePrincipal(ctx, by, arn); err != nil {
		return err
	}
	return a.offers.store.DeleteKeyOffer(ctx, arn)
}

// accessOf is where the principals of each environment on AWS are.
func (s *Server) accessOf() map[string]provision.EnvironmentAccess {
	of := map[string]provision.EnvironmentAccess{}
	for name, account := range s.accounts {
		offers := s.accountOffers(name)
		of[name] = provision.EnvironmentAccess{Access: accountAccess{account, offers}, Offers: offers, Deployment: account.Deployment()}
	}
	return of
}
