package server

import (
	"context"
	"slices"
	"time"

	"github.com/enterprise-event-bus/eventbus"
)

// openEnvironments reads the environments, which are data: those of the store,
// and those of the configuration. In `dev` the store knows better; in `serve` the
// configuration does, because it says which Kafka each environment is on.
func (s *Server) openEnvironments(ctx context.Context) error {
	known, err := s.store.Environments(ctx)
	if err != nil {
		return err
	}
	for _, configured := range s.cfg.Environments {
		i := slices.IndexFunc(known, func(e eventbus.Environment) bool { return e.Name == configured.Name })
		switch {
		case i < 0:
			known = append(known, configured)
		case !s.cfg.Dev:
			known[i] = configured
		}
	}
	if faults := eventbus.ValidateEnvironments(known); len(faults) > 0 {
		return eventbus.Invalid("the environments of the configuration do not fit those that the database knows", faults...)
	}
	return s.SaveEnvironments(ctx, known)
}

// SaveEnvironments keeps the environments and makes them those of now; the
// addresses are always those of the running doors.
func (s *Server) SaveEnvironments(ctx context.Context, environments []eventbus.Environment) error {
	saved := s.placed(environments)
	if err := s.store.SaveEnvironments(ctx, saved); err != nil {
		return err
	}
	s.envs.Store(&saved)
	return nil
}

// placed gives environments the addresses of the doors before their Kafka, or
// those of Amazon MSK where clients speak to it.
func (s *Server) placed(environments []eventbus.Environment) []eventbus.Environment {
	placed := slices.Clone(environments)
	for i := range placed {
		e := &placed[i]
		one := s.kafkas.ofEnvironment(e.Name)
		index := slices.Index(s.kafkas.all, one)
		e.Bootstrap, e.RegistryURL = address(s.ports.kafka), s.url(s.ports.registry, s.cfg.Advertise.Registry)
		e.BootstrapIAM, e.BootstrapExternal = s.ports.bootstrap(doorIAM, index), s.ports.bootstrap(doorIAMExternal, index)
		e.AWS, e.Limits = eventbus.Deployment{}, s.kafkas.copiesFor(e.Name, e.Limits)
		if account := s.accounts[e.Name]; account != nil {
			*e = onAWS(*e, account)
		}
	}
	eventbus.SortEnvironments(placed)
	return placed
}

// environmentsEvery is how soon an environment that another instance added is
// known here.
const environmentsEvery = 2 * time.Second

// followEnvironments rereads the environments until ctx ends: other instances
// save them too. While they cannot be read the last ones hold.
func (s *Server) followEnvironments(ctx context.Context) error {
	ticker := time.NewTicker(environmentsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		known, err := s.store.Environments(ctx)
		if err != nil || len(known) == 0 {
			continue // the store's readiness says so
		}
		known = s.placed(known)
		s.envs.Store(&known)
	}
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
