package session

import (
	"context"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const (
	touchEvery = time.Minute // how exact LastSeen and LastUsed are
	pruneEvery = time.Hour
)

// Person tells who a session belongs to, with the roles and teams of the last
// sign-in anywhere; the session then counts as used. Actor.From is the door's to
// fill. Errors: CodeUnauthenticated when there is no such session or it has
// ended (idle, absolute), CodeUnavailable.
func (s *Sessions) Person(ctx context.Context, sessionID string) (eventbus.Actor, error) {
	if len(sessionID) != secretLength {
		return eventbus.Actor{}, signedOut("You are not signed in")
	}
	hash := digest(sessionID)
	session, err := s.session(ctx, hash)
	if err != nil {
		return eventbus.Actor{}, err
	}
	if s.ended(session) {
		if err := s.store.DeleteSession(ctx, hash); err != nil {
			s.cfg.Logger.WarnContext(ctx, "an ended session could not be deleted", "error", err)
		}
		return eventbus.Actor{}, signedOut("Your session has ended")
	}
	person, err := s.store.Person(ctx, session.Person.ID)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return eventbus.Actor{}, signedOut("You are not known to this bus any more")
	}
	if err != nil {
		return eventbus.Actor{}, err
	}
	if s.now().Sub(session.LastSeen) >= touchEvery {
		switch err := s.store.TouchSession(ctx, hash, s.now()); {
		case eventbus.CodeOf(err) == eventbus.CodeNotFound: // signed out during this request
			return eventbus.Actor{}, signedOut("You are not signed in")
		case err != nil: // a store that cannot be written does not sign people out
			s.cfg.Logger.WarnContext(ctx, "the use of a session could not be noted", "error", err)
		}
	}
	return eventbus.Actor{Person: person}, nil
}

// Logout ends a session; one that is gone is nothing.
func (s *Sessions) Logout(ctx context.Context, sessionID string) error {
	if len(sessionID) != secretLength {
		return nil
	}
	return s.store.DeleteSession(ctx, digest(sessionID))
}

// LogoutEverywhere ends every browser session of the actor's person, the present
// one too; API tokens stay. Errors: CodeForbidden for an actor who has not signed
// in by the browser.
func (s *Sessions) LogoutEverywhere(ctx context.Context, actor eventbus.Actor) error {
	if actor.Person.ID == "" || actor.System != "" || actor.Token != "" {
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "sessions are ended in the browser, by their person; nothing was changed", Next: "sign in to the portal"}
	}
	return s.store.DeleteSessionsOf(ctx, actor.Person.ID, eventbus.AuditEntry{Time: s.now(), Actor: actor.Name(), Action: "logout.everywhere",
		Resource: actor.Person.ID, Outcome: eventbus.OutcomeAllowed, From: actor.From})
}

// Run deletes expired sessions every hour, until ctx ends.
func (s *Sessions) Run(ctx context.Context) error {
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		if err := s.store.PruneSessions(ctx, s.now()); err != nil && ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "expired sessions could not be deleted; trying again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (s *Sessions) session(ctx context.Context, hash string) (eventbus.Session, error) {
	session, err := s.store.Session(ctx, hash)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return session, signedOut("You are not signed in")
	}
	return session, err
}

// ended applies the limits of today's configuration to sessions of yesterday's.
func (s *Sessions) ended(session eventbus.Session) bool {
	now := s.now()
	return !now.Before(session.ExpiresAt) || now.Sub(session.CreatedAt) >= s.cfg.Absolute || now.Sub(session.LastSeen) >= s.cfg.Idle
}

func signedOut(why string) *eventbus.Error {
	return &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: why, Next: "sign in"}
}
