package server

import (
	"context"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// The topic of samples and scripts (contract, "Formats").
const (
	testTopic  = "test"
	userSchema = `{"type":"record","name":"User","namespace":"gov.va.eventbus.example","fields":[` +
		`{"name":"name","type":"string"},{"name":"company","type":"string"},` +
		`{"name":"dateOfBirth","type":{"type":"int","logicalType":"date"}},{"name":"sequenceNumber","type":"int"}]}`
)

// seed makes what every `dev` has: the topic `test` with its schema and the
// three test principals. What is there already stays as it is.
func (s *Server) seed(ctx context.Context) error {
	if !s.cfg.Dev {
		return nil
	}
	if err := s.seedTopic(ctx, testTopic); err != nil {
		return err
	}
	if err := s.iam.EnsureTestPrincipals(ctx); err != nil {
		return err
	}
	return s.seedSchema(ctx, eventbus.ValueSubject(testTopic), userSchema)
}

// seedTopic makes a topic that is not there. It looks first: a bus whose disk is
// nearly full must start to be read, and cannot make topics.
func (s *Server) seedTopic(ctx context.Context, name string) error {
	_, err := s.streams.Topic(ctx, name)
	if eventbus.CodeOf(err) != eventbus.CodeNotFound {
		return err
	}
	err = s.kafkas.all[0].engine.CreateTopic(ctx, eventbus.Topic{Name: name, Partitions: 1, ReplicationFactor: 1})
	if eventbus.CodeOf(err) == eventbus.CodeConflict {
		return nil
	}
	return err
}

// seedSchema registers a schema under a subject that has none.
func (s *Server) seedSchema(ctx context.Context, subject, text string) error {
	if versions, err := s.registry.Versions(subject, registry.Live); err == nil && len(versions) > 0 {
		return nil
	}
	by := registry.Caller{Author: "system:seed"}
	_, err := s.registry.Register(ctx, by, subject, registry.RegisterRequest{Text: text})
	return err
}
