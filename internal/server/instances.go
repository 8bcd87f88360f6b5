package server

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// instanceTimeout bounds what one instance asks of another.
const instanceTimeout = 5 * time.Second

// instances is what the instances of one bus know of each other: how to reach the
// one that leads the schema registry, and the token by which it knows them. The
// token is derived from the master key, which every instance has and nobody else.
type instances struct {
	client *http.Client
	token  string
}

func (s *Server) newInstances() (*instances, error) {
	i := &instances{client: &http.Client{Timeout: instanceTimeout}}
	if s.cfg.Dev || len(s.cfg.MasterKey) == 0 {
		return i, nil // alone
	}
	trusted, err := s.trusted()
	if err != nil {
		return nil, err
	}
	i.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}
	key, err := hkdf.Key(sha256.New, s.cfg.MasterKey, nil, "eventbus instance token v1", 32)
	if err != nil {
		return nil, eventbus.Errorf(eventbus.CodeInternal, "derive the token of the instances: %w", err)
	}
	i.token = base64.RawURLEncoding.EncodeToString(key)
	return i, nil
}

// several reports whether there may be other instances.
func (i *instances) several() bool { return i.token != "" }

// is reports whether a token is that of another instance of this bus.
func (i *instances) is(token string) bool {
	return i.token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(i.token)) == 1
}

func (i *instances) registry(leader string) (*sr.Client, error) {
	return sr.NewClient(sr.URLs(leader), sr.HTTPClient(i.client), sr.BearerToken(i.token))
}

// register asks the leader to register a schema and gives its version.
func (i *instances) register(ctx context.Context, leader, subject, text string) (version int, err error) {
	to, err := i.registry(leader)
	if err != nil {
		return 0, err
	}
	made, err := to.CreateSchema(ctx, subject, sr.Schema{Schema: text})
	return made.Version, leaderError(err, "register a schema under "+subject)
}

func (i *instances) setCompatibility(ctx context.Context, leader, subject string, level eventbus.Compatibility) error {
	to, err := i.registry(leader)
	if err != nil {
		return err
	}
	var wanted sr.CompatibilityLevel
	if err := wanted.UnmarshalText([]byte(level)); err != nil {
		return eventbus.Errorf(eventbus.CodeInvalid, "compatibility level %q: %w", level, err)
	}
	for _, result := range to.SetCompatibility(ctx, sr.SetCompatibility{Level: wanted}, subject) {
		if result.Err != nil {
			return leaderError(result.Err, "set the compatibility level of "+subject)
		}
	}
	return nil
}

// leaderError translates the leader's answer back.
func leaderError(err error, doing string) error {
	if err == nil {
		return nil
	}
	code := eventbus.CodeUnavailable
	if answer := (*sr.ResponseError)(nil); errors.As(err, &answer) {
		switch answer.StatusCode {
		case http.StatusConflict:
			code = eventbus.CodeConflict
		case http.StatusUnprocessableEntity, http.StatusBadRequest:
			code = eventbus.CodeInvalid
		case http.StatusForbidden, http.StatusUnauthorized:
			code = eventbus.CodeForbidden
		}
	}
	return eventbus.Errorf(code, "%s: the leading instance answered: %w", doing, err)
}

// signIn completes the configuration of sign-in with what the provider determines.
func (s *Server) signIn(cfg session.Config) session.Config {
	p := s.cfg.SignIn
	cfg.Issuer, cfg.ClientSecret = p.Issuer, p.ClientSecret
	if p.ClientID != "" {
		cfg.ClientID = p.ClientID
	}
	cfg.Scopes, cfg.GroupsClaim, cfg.GroupRoles, cfg.GroupTeams = p.Scopes, p.GroupsClaim, p.GroupRoles, p.GroupTeams
	cfg.TeamPrefix, cfg.AllowGroups = p.TeamPrefix, p.AllowGroups
	if key, err := hkdf.Key(sha256.New, s.cfg.MasterKey, nil, "eventbus sign-in v1", 32); err == nil {
		cfg.Key = key
	}
	cfg.HTTP = &http.Client{Timeout: 10 * time.Second, Transport: s.instances.client.Transport}
	return cfg
}
