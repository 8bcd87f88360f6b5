package session

import (
	"context"
	"crypto/subtle"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// BeginLogin starts a sign-in: send the browser to redirectURL and keep cookie
// in it (LoginCookie) until it comes back. returnTo is the page to show
// afterwards (SafeReturn is applied); hint, which may be empty, tells the
// provider who wants to sign in (OpenID Connect's login_hint; in `dev` the name
// of a persona). Errors: CodeUnavailable while the provider does not answer.
func (s *Sessions) BeginLogin(ctx context.Context, returnTo, hint string) (redirectURL, cookie string, err error) {
	_, oauth, err := s.provider.discover(ctx)
	if err != nil {
		return "", "", err
	}
	a := attempt{ReturnTo: SafeReturn(returnTo), Expires: s.now().Add(loginTTL)}
	for _, field := range []*string{&a.State, &a.Nonce, &a.Verifier} {
		if *field, err = s.secret(); err != nil {
			return "", "", err
		}
	}
	if cookie, err = s.seal.close(a); err != nil {
		return "", "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if hint = plain(hint, 200); hint != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", hint))
	}
	return oauth.AuthCodeURL(a.State, options...), cookie, nil
}

// FinishLogin takes what the browser brought back from the provider: the query
// of the redirect URL, the cookie of BeginLogin and the remote address. It
// gives the id of a new session, never one that the browser had before (remove
// that one with Logout), who signed in, and the page to show. Remove the login
// cookie whatever the outcome.
//
// Errors: CodeUnauthenticated when anything does not fit (state, nonce, issuer,
// code, signature, time), CodeForbidden when the person may not use this bus or
// the provider refused, CodeUnavailable when the provider does not answer.
func (s *Sessions) FinishLogin(ctx context.Context, query url.Values, cookie, from string) (sessionID string, person eventbus.Person, returnTo string, err error) {
	a, ok := s.seal.open(cookie, s.now())
	if !ok {
		return "", person, "", refusedLogin("this sign-in was not started in this browser, or took longer than ten minutes")
	}
	if err := s.checkReturn(query, a); err != nil {
		return "", person, "", err
	}
	token, err := s.provider.exchange(ctx, query.Get("code"), a.Verifier)
	if err != nil {
		s.cfg.Logger.WarnContext(ctx, "sign-in refused", "from", from, "error", err)
		return "", person, "", err
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1 {
		return "", person, "", refusedLogin("the identity token belongs to another sign-in")
	}
	person, err = s.personOf(token)
	if err != nil {
		s.tellRefused(ctx, token, from, err)
		return "", eventbus.Person{}, "", err
	}
	sessionID, err = s.open(ctx, person, from)
	return sessionID, person, SafeReturn(a.ReturnTo), err
}

// checkReturn checks the query of the redirect URL against the attempt.
func (s *Sessions) checkReturn(query url.Values, a attempt) error {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 || len(query.Get(name)) > 4096 {
			return refusedLogin("the way back from the identity provider carries " + name + " in a way that it never should")
		}
	}
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(a.State)) != 1 {
		return refusedLogin("the way back from the identity provider belongs to another sign-in")
	}
	if iss := query.Get("iss"); iss != "" && iss != s.cfg.Issuer { // RFC 9207: mix-up of providers
		return refusedLogin("the answer comes from another identity provider")
	}
	if code := query.Get("error"); code != "" { // RFC 6749 section 4.1.2.1
		return &eventbus.Error{Code: eventbus.CodeForbidden, Message: "the identity provider refused the sign-in (" + plain(code, 60) + "); nobody was signed in",
			Next: "sign in again, or ask those who run the identity provider"}
	}
	if query.Get("code") == "" {
		return refusedLogin("the identity provider sent no code")
	}
	return nil
}

// open saves the person and the new session; the audit entry is written with
// the person, so that there is no session without it.
func (s *Sessions) open(ctx context.Context, person eventbus.Person, from string) (string, error) {
	id, err := s.secret()
	if err != nil {
		return "", err
	}
	now := s.now()
	entry := eventbus.AuditEntry{Time: now, Actor: person.ID, Action: "login", Resource: person.ID, Outcome: eventbus.OutcomeAllowed,
		Reason: "identity token of " + s.cfg.Issuer, From: from, Detail: map[string]string{"roles": roleNames(person.Roles), "teams": strings.Join(person.Teams, " ")}}
	if err := s.store.SavePerson(ctx, person, entry); err != nil {
		return "", err
	}
	err = s.store.SaveSession(ctx, eventbus.Session{Hash: digest(id), Person: person, CreatedAt: now, LastSeen: now, ExpiresAt: now.Add(s.cfg.Absolute)})
	if err != nil {
		return "", err
	}
	return id, nil
}

// tellRefused records that somebody whom the provider knows was not let in.
// Answers that nobody vouches for are not recorded: strangers could fill the log.
func (s *Sessions) tellRefused(ctx context.Context, token *oidc.IDToken, from string, refusal error) {
	s.cfg.Logger.WarnContext(ctx, "sign-in refused", "subject", plain(token.Subject, 255), "from", from, "error", refusal)
	if s.cfg.Audit == nil {
		return
	}
	subject := "subject:" + plain(token.Subject, 255)
	err := s.cfg.Audit.Append(ctx, eventbus.AuditEntry{Time: s.now(), Actor: subject, Action: "login", Resource: subject,
		Outcome: eventbus.OutcomeDenied, Reason: refusal.Error(), From: from})
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "a refused sign-in is not in the audit log", "error", err)
	}
}

func refusedLogin(why string) *eventbus.Error {
	return &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: why + "; nobody was signed in", Next: "sign in again"}
}
