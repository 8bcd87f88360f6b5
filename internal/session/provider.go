package session

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

const (
	maxProviderAnswer = 1 << 20         // bytes, of discovery, keys and tokens
	discoverAgain     = 2 * time.Second // after a failure
)

// provider is the identity provider, discovered when first needed: in `dev` the
// bus itself is the issuer and not up yet when Sessions are made, elsewhere it
// may be down when the bus starts.
type provider struct {
	cfg    Config
	client *http.Client

	mu     sync.Mutex
	found  *oidc.Provider
	oauth  oauth2.Config
	failed time.Time
	err    error
}

func newProvider(cfg Config) *provider {
	client := *cfg.HTTP
	client.Transport = limited{client.Transport}
	return &provider{cfg: cfg, client: &client}
}

// discover gives the provider, CodeUnavailable when it does not answer; a
// failure is answered for two seconds without asking again.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, oauth2.Config, error) {
	if p.cfg.Issuer == "" || len(p.cfg.Faults()) > 0 {
		return nil, oauth2.Config{}, &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "sign-in is not configured on this bus",
			Next: "set issuer, client id and redirect URL of the identity provider"}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, p.oauth, nil
	}
	if p.err != nil && p.cfg.Now().Sub(p.failed) < discoverAgain {
		return nil, oauth2.Config{}, p.err
	}
	found, err := oidc.NewProvider(p.with(ctx), p.cfg.Issuer)
	if err != nil {
		p.failed, p.err = p.cfg.Now(), unreachable(err)
		return nil, oauth2.Config{}, p.err
	}
	p.found, p.err = found, nil
	p.oauth = oauth2.Config{ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret, Endpoint: found.Endpoint(),
		RedirectURL: p.cfg.RedirectURL, Scopes: append([]string{oidc.ScopeOpenID}, p.cfg.Scopes...)}
	p.oauth.Endpoint.AuthStyle = authStyle(found, p.cfg.ClientSecret)
	return p.found, p.oauth, nil
}

// authStyle avoids the library's probing, which would spend the single-use code
// on a wrong guess: basic is the default of OpenID Connect Core section 9.
func authStyle(found *oidc.Provider, secret string) oauth2.AuthStyle {
	var metadata struct {
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	_ = found.Claims(&metadata)
	basic := len(metadata.Methods) == 0 || slices.Contains(metadata.Methods, "client_secret_basic")
	if secret == "" || !basic {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

// with hands the HTTP client to the libraries, in the way they want it.
func (p *provider) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// exchange trades the code for an identity token whose signature, issuer,
// audience and time hold.
func (p *provider) exchange(ctx context.Context, code, verifier string) (*oidc.IDToken, error) {
	found, oauth, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := oauth.Exchange(p.with(ctx), code, oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500 {
		return nil, &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "the identity provider did not accept the sign-in; nobody was signed in",
			Next: "sign in again", Err: errors.New("token endpoint: " + plain(refused.ErrorCode, 60))}
	}
	if err != nil {
		return nil, unreachable(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return nil, refusedLogin("the identity provider sent no identity token")
	}
	token, err := found.VerifierContext(p.with(context.WithoutCancel(ctx)), &oidc.Config{ClientID: p.cfg.ClientID, Now: p.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		refusal := refusedLogin("the identity token does not verify")
		refusal.Err = err
		return nil, refusal
	}
	return token, nil
}

func unreachable(err error) *eventbus.Error {
	return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the identity provider does not answer; nobody was signed in",
		Next: "try again in a moment", Err: err}
}

// limited bounds what is read of an answer.
type limited struct{ next http.RoundTripper }

// RoundTrip sends the request by the next transport.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	next := l.next
	if next == nil {
		next = http.DefaultTransport
	}
	answer, err := next.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxProviderAnswer), answer.Body}
	}
	return answer, err
}
