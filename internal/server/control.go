package server

import (
	"context"
	"errors"
	"time"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
	"github.com/enterprise-event-bus/eventbus/internal/onboarding"
	"github.com/enterprise-event-bus/eventbus/internal/provision"
)

// openControl opens catalog, streams, provisioning and onboarding.
func (s *Server) openControl(context.Context) error {
	access := accessWorld{s.iam}
	schemas := schemaWorld{s.registry, s.instances}
	s.openStreams(schemas)
	s.openOffers()
	s.catalog = catalog.New(catalog.Config{Now: s.cfg.Now}, s.store, s.store)
	var leases provision.Leases // one instance alone need not wait for the lease of the one that was killed
	if s.cfg.Database != "" {
		leases = s.store
	}
	s.provision = provision.New(provision.Config{
		Environments: s.environments, Deployment: s.cfg.Deployment, LeaseWait: 2 * turnTime, Now: s.cfg.Now, Logger: s.cfg.Logger,
		Failpoint: s.cfg.Failpoint,
	}, provision.World{
		Topics:  topicWorld{s.kafkas},
		Schemas: schemas, Access: access, AccessOf: s.accessOf(), Offers: s.offers.own,
		Catalog: s.store, Plans: s.store, Wanted: s.store, Grants: s.store, Environments: s, Leases: leases, Audit: s.store,
	})
	if err := s.provision.Register(s.metrics); err != nil {
		return err
	}
	s.guard = &schemaGuard{registry: s.registry, source: s.provision}
	s.onboarding = onboarding.New(onboarding.Config{Environments: s.environments, Deployment: s.cfg.Deployment, Now: s.cfg.Now, Logger: s.cfg.Logger}, s.store, onboarding.Sources{
		Events: s.store, Lineage: lineage{s.store, s.streams, s.environments}, Schemas: schemas,
	})
	return nil
}

// reconcileEvery is how soon an approval is acted on.
const reconcileEvery = 250 * time.Millisecond

// maxPlans is how often a request is planned anew at once when the world moves
// between plan and apply.
const maxPlans = 3

// reconcile provisions what is approved, until ctx ends. It looks at the state,
// never at a queue: after a crash the same work is found again.
func (s *Server) reconcile(ctx context.Context) error {
	ticker := time.NewTicker(reconcileEvery)
	defer ticker.Stop()
	defer s.leaveTurn(ctx)
	for {
		if err := s.inTurn(ctx, s.reconcileOnce); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("provisioning is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *Server) reconcileOnce(ctx context.Context) error {
	work, err := s.onboarding.NextWork(ctx)
	if err != nil {
		return err
	}
	for _, w := range work {
		planID, failure := s.provisionRequest(ctx, w)
		for n := 1; eventbus.CodeOf(failure) == eventbus.CodeConflict && n < maxPlans && ctx.Err() == nil; n++ {
			planID, failure = s.provisionRequest(ctx, w) // the world moved meanwhile
		}
		if ctx.Err() != nil {
			return nil
		}
		request, err := s.onboarding.EnvironmentApplied(ctx, w.RequestID, w.Environment, planID, failure)
		if err != nil {
			return err
		}
		if request.Kind == eventbus.OffboardingRequest { // its day may be today, unless somebody reads
			if err := errors.Join(s.observe.Save(ctx), s.onboarding.Expire(ctx)); err != nil {
				return err
			}
		}
	}
	return nil
}

// The points of a request's provisioning, besides those of package provision.
const (
	pointApplied = "request/applied" // all is there, the consuming system is not listed
	pointListed  = "request/listed"  // that too, the request does not know of it
)

func (s *Server) fail(point string) error {
	if s.cfg.Failpoint == nil {
		return nil
	}
	return s.cfg.Failpoint(point)
}

// provisionRequest plans and applies what one request wants in one environment,
// and lists its consuming system. Doing it again is harmless.
func (s *Server) provisionRequest(ctx context.Context, w onboarding.Work) (planID string, err error) {
	request, err := s.store.Request(ctx, w.RequestID)
	if err != nil {
		return "", err
	}
	manifest, err := s.onboarding.Manifest(ctx, request, w.Environment)
	if err != nil {
		return "", err
	}
	plan, err := s.provision.Plan(ctx, manifest)
	if err != nil {
		return "", err
	}
	if !plan.Empty() {
		planID = plan.ID
		if err := s.provision.Apply(ctx, eventbus.Actor{System: "onboarding"}, plan, manifest, provision.ApplyOptions{
			Approved:         true,
			AllowDestructive: request.Kind == eventbus.OffboardingRequest || request.Kind == eventbus.ChangeRequest,
		}); err != nil {
			return planID, err
		}
	}
	if err := s.fail(pointApplied); err != nil {
		return planID, err
	}
	if err := s.listConsumer(ctx, request); err != nil {
		return planID, err
	}
	return planID, s.fail(pointListed)
}

// listConsumer puts the system of a provisioned consumer request into the
// catalog as a consuming system.
func (s *Server) listConsumer(ctx context.Context, request eventbus.Request) error {
	if request.Kind != eventbus.ConsumerRequest {
		return nil
	}
	system, err := onboarding.ConsumingSystemOf(request)
	if err != nil || system == nil {
		return err
	}
	_, err = s.catalog.Subscribe(ctx, eventbus.Actor{System: "onboarding"}, *system)
	return err
}
