package session

import (
	"context"
	"encoding/base32"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// TokenPrefix begins every API token, so that scanners for leaked secrets know
// one when they see it.
const TokenPrefix = "ebt_"

const (
	minTokenTTL     = time.Minute
	maxTokenTTL     = 365 * 24 * time.Hour
	maxTokens       = 50  // valid ones of one person
	maxTokenName    = 100 // characters
	maxBearer       = 256 // bytes
	tokenGuesses    = 20  // unknown tokens from one address before it must wait
	tokenGuessEvery = 6 * time.Second
)

// CreateToken makes an API token of the actor's person and gives its secret,
// which is shown once and kept nowhere. name says what it is for (1 to 100
// characters), scopes are of Scopes and none that the actor itself lacks; ttl is
// between a minute and a year, 0 means Config.TokenTTL. Errors: CodeInvalid with
// all faults, CodeForbidden, CodeLimited beyond 50 valid tokens.
func (s *Sessions) CreateToken(ctx context.Context, actor eventbus.Actor, name string, scopes []string, ttl time.Duration) (string, eventbus.APIToken, error) {
	if err := mayHandleTokens(actor); err != nil {
		return "", eventbus.APIToken{}, err
	}
	if ttl == 0 {
		ttl = s.cfg.TokenTTL
	}
	name = strings.TrimSpace(name)
	if faults := tokenFaults(actor, name, scopes, ttl); len(faults) > 0 {
		return "", eventbus.APIToken{}, eventbus.Invalid("no token was made", faults...)
	}
	if err := s.roomForToken(ctx, actor.Person.ID); err != nil {
		return "", eventbus.APIToken{}, err
	}
	secret, err := s.secret()
	if err != nil {
		return "", eventbus.APIToken{}, err
	}
	id, err := s.tokenID()
	if err != nil {
		return "", eventbus.APIToken{}, err
	}
	secret = TokenPrefix + secret
	now := s.now()
	scopes = slices.Compact(slices.Sorted(slices.Values(scopes)))
	t := eventbus.APIToken{ID: id, Name: name, Person: actor.Person.ID, Hash: digest(secret), Scopes: scopes, CreatedAt: now, ExpiresAt: now.Add(ttl)}
	entry := s.tokenEntry(actor, "token.create", t)
	entry.Detail["scopes"], entry.Detail["expires"] = strings.Join(scopes, " "), t.ExpiresAt.Format(time.RFC3339)
	if err := s.store.SaveToken(ctx, t, entry); err != nil {
		return "", eventbus.APIToken{}, err
	}
	return secret, t, nil
}

// Tokens lists the actor's own tokens, newest first, revoked and expired ones
// too.
func (s *Sessions) Tokens(ctx context.Context, actor eventbus.Actor) ([]eventbus.APIToken, error) {
	if actor.Person.ID == "" {
		return nil, signedOut("You are not signed in")
	}
	return s.store.Tokens(ctx, actor.Person.ID)
}

// RevokeToken ends a token at once: one's own, or as an operator anybody's. Of
// others' tokens everybody else learns nothing (CodeNotFound).
func (s *Sessions) RevokeToken(ctx context.Context, actor eventbus.Actor, id string) error {
	if err := mayHandleTokens(actor); err != nil {
		return err
	}
	person := actor.Person.ID
	if actor.Person.Has(eventbus.RoleOperator) {
		person = "" // everybody's
	}
	tokens, err := s.store.Tokens(ctx, person)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(tokens, func(t eventbus.APIToken) bool { return t.ID == id })
	if at < 0 {
		return eventbus.Errorf(eventbus.CodeNotFound, "you have no token %s; nothing was revoked", plain(id, 40))
	}
	return s.store.RevokeToken(ctx, id, s.now(), s.tokenEntry(actor, "token.revoke", tokens[at]))
}

// Token tells who a bearer token speaks for. from is the caller's address (with
// or without port): after 20 unknown tokens from one address (one network of 64
// bits in IPv6) it must wait, whatever it shows then; six seconds buy one more
// try. Errors: CodeUnauthenticated, CodeLimited, CodeUnavailable.
func (s *Sessions) Token(ctx context.Context, bearer, from string) (eventbus.Actor, error) {
	if len(bearer) > maxBearer {
		bearer = "" // takes the same road as every unknown token
	}
	hash := digest(bearer)
	if person, ok := s.granted(hash); ok {
		return eventbus.Actor{Person: person, Token: "local", Scopes: ScopeNames(), From: from}, nil
	}
	if !s.guesses.allowed(from) {
		return eventbus.Actor{}, &eventbus.Error{Code: eventbus.CodeLimited, Message: "too many unknown tokens came from this address", Next: "wait a minute, then use a valid token"}
	}
	t, err := s.store.TokenByHash(ctx, hash)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		s.guesses.missed(from)
		return eventbus.Actor{}, refusedToken("the token is not known")
	}
	if err != nil {
		return eventbus.Actor{}, err
	}
	if err := s.valid(t); err != nil {
		return eventbus.Actor{}, err
	}
	person, err := s.owner(ctx, t.Person)
	if err != nil {
		return eventbus.Actor{}, err
	}
	if now := s.now(); now.Sub(t.LastUsed) >= touchEvery {
		if err := s.store.TouchToken(ctx, t.ID, now); err != nil {
			s.cfg.Logger.WarnContext(ctx, "the use of a token could not be noted", "token", t.ID, "error", err)
		}
	}
	return eventbus.Actor{Person: person, Token: t.ID, Scopes: t.Scopes, From: from}, nil
}

// valid tells the holder of the secret why it is worth nothing any more.
func (s *Sessions) valid(t eventbus.APIToken) error {
	switch {
	case !t.RevokedAt.IsZero():
		return refusedToken("the token was revoked")
	case !s.now().Before(t.ExpiresAt):
		return refusedToken("the token has expired")
	}
	return nil
}

// owner finds the person of a token. The local administrator exists only while
// this process grants it: tokens made in `dev` are worth nothing in `serve`.
func (s *Sessions) owner(ctx context.Context, id string) (eventbus.Person, error) {
	if id == LocalAdministratorID {
		if person, ok := s.localPerson(id); ok {
			return person, nil
		}
		return eventbus.Person{}, refusedToken("the token belongs to the local administrator of `dev`")
	}
	person, err := s.store.Person(ctx, id)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return person, refusedToken("the token belongs to nobody who is known any more")
	}
	return person, err
}

func mayHandleTokens(actor eventbus.Actor) error {
	switch {
	case actor.System != "" || actor.Person.ID == "":
		return signedOut("Only a person has tokens, and nobody is signed in")
	case !actor.Scoped(ScopeTokenWrite):
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "your token lacks the scope " + ScopeTokenWrite + "; nothing was changed",
			Next: "sign in, or use a token with this scope"}
	}
	return nil
}

func tokenFaults(actor eventbus.Actor, name string, scopes []string, ttl time.Duration) []eventbus.Fault {
	var faults []eventbus.Fault
	fault := func(path, message, fix string) {
		faults = append(faults, eventbus.Fault{Path: path, Message: message, Fix: fix})
	}
	if name == "" || name != plain(name, maxTokenName) {
		fault("name", "is not a name of 1 to 100 readable characters", "write what the token is for, such as nightly import")
	}
	if len(scopes) == 0 || len(scopes) > 2*len(Scopes()) {
		fault("scopes", "at least one scope is needed, and each only once", "choose of "+strings.Join(ScopeNames(), ", "))
		scopes = nil
	}
	for i, scope := range scopes {
		switch {
		case !knownScope(scope):
			fault(fmt.Sprintf("scopes.%d", i), fmt.Sprintf("there is no scope %q", plain(scope, 40)), "choose of "+strings.Join(ScopeNames(), ", "))
		case !actor.Scoped(scope):
			fault(fmt.Sprintf("scopes.%d", i), "your own token lacks the scope "+scope, "leave it out, or sign in")
		}
	}
	if ttl < minTokenTTL || ttl > maxTokenTTL {
		fault("ttl", "is not between a minute and 365 days", "write a duration such as 720h")
	}
	return faults
}

func (s *Sessions) roomForToken(ctx context.Context, person string) error {
	tokens, err := s.store.Tokens(ctx, person)
	if err != nil {
		return err
	}
	count := 0
	for _, t := range tokens {
		if s.valid(t) == nil {
			count++
		}
	}
	if count >= maxTokens {
		return &eventbus.Error{Code: eventbus.CodeLimited, Message: fmt.Sprintf("you have %d valid tokens; no other was made", count), Next: "revoke those you do not need"}
	}
	return nil
}

func (s *Sessions) tokenID() (string, error) {
	raw := make([]byte, 10)
	if _, err := io.ReadFull(s.cfg.Rand, raw); err != nil {
		return "", eventbus.Errorf(eventbus.CodeInternal, "no random bits: %w", err)
	}
	return "tok-" + strings.ToLower(base32.StdEncoding.EncodeToString(raw)), nil
}

func (s *Sessions) tokenEntry(actor eventbus.Actor, action string, t eventbus.APIToken) eventbus.AuditEntry {
	e := eventbus.AuditEntry{Time: s.now(), Actor: actor.Name(), Action: action, Resource: t.ID, Outcome: eventbus.OutcomeAllowed,
		From: actor.From, Detail: map[string]string{"name": t.Name, "person": t.Person}}
	if actor.Token != "" {
		e.Detail["token"] = actor.Token
	}
	return e
}

func refusedToken(why string) *eventbus.Error {
	return &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: why, Next: "sign in (eventbus login) or set EVENTBUS_TOKEN to a valid token"}
}
