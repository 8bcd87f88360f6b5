package server

import (
	"cmp"
	"context"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/samples"
)

// ClientEnvironment gives the variables of `eventbus env`: for the local
// administrator of `dev` when there is no principal, else for one of the test
// principals with its key. No secret leaves a bus of `serve` here: of its
// environments the addresses are given, and of one on AWS the role of a principal.
func (s *Server) ClientEnvironment(ctx context.Context, principal, environment string) (map[string]string, error) {
	if environment != "" && !s.knows(environment) {
		return nil, eventbus.Errorf(eventbus.CodeNotFound, "there is no environment %q", environment)
	}
	place := s.environment(cmp.Or(environment, s.environments()[0].Name))
	if place.OnAWS() {
		return s.clientOnAWS(ctx, principal, place)
	}
	at, d := s.Addresses(), s.cfg.Deployment
	if principal == "" && at.Kafka != "" {
		return samples.Environment(samples.Access{Bootstrap: at.Kafka, SecurityProtocol: "PLAINTEXT", RegistryURL: at.Registry}), nil
	}
	if place.BootstrapIAM == "" {
		return nil, &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "this bus has no IAM door in " + place.Name, Next: "start it with " + s.cfg.setting("--kafka-iam")}
	}
	access := samples.Access{Bootstrap: place.BootstrapIAM, SecurityProtocol: "SASL_SSL", RegistryURL: at.Registry, Region: d.Region,
		STSEndpoint: at.HTTP + "/aws/sts", CAFile: at.CAFile, Truststore: at.Truststore}
	if principal == "" {
		return samples.Environment(access), nil
	}
	key, err := s.iam.RevealKey(ctx, eventbus.Actor{System: "dev"}, principal)
	if err != nil {
		return nil, err
	}
	access.RoleARN, access.AccessKeyID, access.SecretAccessKey = d.RoleARN(principal), key.ID, key.Secret
	return samples.Environment(access), nil
}

// clientOnAWS gives the brokers of Amazon MSK, and the role of a principal that was
// granted something there. A user takes no role, and comes from outside AWS.
func (s *Server) clientOnAWS(ctx context.Context, principal string, place eventbus.Environment) (map[string]string, error) {
	access := samples.Access{Bootstrap: place.BootstrapIAM, SecurityProtocol: "SASL_SSL", RegistryURL: place.RegistryURL, Region: place.AWS.Region}
	if principal == "" {
		return samples.Environment(access), nil
	}
	for _, arn := range []string{place.AWS.RoleARN(principal), place.AWS.UserARN(principal)} {
		grants, err := s.store.Grants(ctx, eventbus.GrantQuery{Principal: arn, Environment: place.Name, ActiveOnly: true})
		if err != nil {
			return nil, err
		}
		if len(grants) == 0 {
			continue
		}
		if access.RoleARN = arn; arn == place.AWS.UserARN(principal) {
			access.RoleARN, access.Bootstrap = "", cmp.Or(place.BootstrapExternal, place.BootstrapIAM)
		}
		return samples.Environment(access), nil
	}
	return nil, &eventbus.Error{Code: eventbus.CodeNotFound, Message: "nothing is granted to " + principal + " in " + place.Name,
		Next: "name a role or user of `eventbus event show`, without its path"}
}
