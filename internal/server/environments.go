package server

import (
	"context"
	"slices"

	"github.com/enterprise-event-bus/eventbus"
)

// openEnvironments reads the environments, which are data: those of the store,
// and those of the configuration that the store does not know yet.
func (s *Server) openEnvironments(ctx context.Context) error {
	known, err := s.store.Environments(ctx)
	if err != nil {
		return err
	}
	for _, configured := range s.cfg.Environments {
		if !slices.ContainsFunc(known, func(e eventbus.Environment) bool { return e.Name == configured.Name }) {
			known = append(known, configured)
		}
	}
	return s.SaveEnvironments(ctx, known)
}

// SaveEnvironments keeps the environments and makes them those of now; the
// addresses are always those of the running doors.
func (s *Server) SaveEnvironments(ctx context.Context, environments []eventbus.Environment) error {
	at := s.Addresses()
	saved := slices.Clone(environments)
	for i := range saved {
		saved[i].Bootstrap, saved[i].BootstrapIAM = at.Kafka, at.KafkaIAM
		saved[i].BootstrapExternal, saved[i].RegistryURL = at.KafkaIAMExternal, at.Registry
	}
	eventbus.SortEnvironments(saved)
	if err := s.store.SaveEnvironments(ctx, saved); err != nil {
		return err
	}
	s.envs.Store(&saved)
	return nil
}

// environments are those of now, in the order of promotion.
func (s *Server) environments() []eventbus.Environment {
	if envs := s.envs.Load(); envs != nil {
		return slices.Clone(*envs)
	}
	return nil
}

// environment gives one by name, empty but for the name when there is none.
func (s *Server) environment(name string) eventbus.Environment {
	for _, e := range s.environments() {
		if e.Name == name {
			return e
		}
	}
	return eventbus.Environment{Name: name}
}

// knows reports whether there is an environment of that name.
func (s *Server) knows(name string) bool {
	return slices.ContainsFunc(s.environments(), func(e eventbus.Environment) bool { return e.Name == name })
}

// topicLimits are those of the environment that a topic belongs to.
func (s *Server) topicLimits(topic string) eventbus.TopicLimits {
	environment, _ := eventbus.EnvironmentOf(s.environments(), topic)
	return environment.Limits
}
