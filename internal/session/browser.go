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
		if err := s.delete(ctx, hash); err != nil {
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
		if err := s.touch(ctx, hash); err != nil {
			return eventbus.Actor{}, err
		}
	}
	return eventbus.Actor{Person: person}, nil
}

// Logout ends a session; one that is gone is nothing.
func (s *Sessions) Logout(ctx context.Context, sessionID string) error {
	if len(sessionID) != secretLength {
		return nil
	}
	return s.delete(ctx, digest(sessionID))
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

// touch notes that the session was used. It reads the session again under the
// lock that delete holds, so that a sign-out during a request stays one. A store
// that cannot be written does not sign people out.
func (s *Sessions) touch(ctx context.Context, hash string) error {
	s.touching.Lock()
	defer s.touching.Unlock()
	session, err := s.session(ctx, hash)
	if err != nil {
		return err
	}
	session.LastSeen = s.now()
	if err := s.store.SaveSession(ctx, session); err != nil {
		s.cfg.Logger.WarnContext(ctx, "the use of a session could not be noted", "error", err)
	}
	return nil
}

func (s *Sessions) delete(ctx context.Context, hash string) error {
	s.touching.Lock()
	defer s.touching.Unlock()
	return s.store.DeleteSession(ctx, hash)
}

func signedOut(why string) *eventbus.Error {
	return &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: why, Next: "sign in"}
}
