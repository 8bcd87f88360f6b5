package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/audit"
	"github.com/enterprise-event-bus/eventbus/internal/gateway"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/observe"
)

// masterKeyFile holds the key that seals secrets at rest, in the data folder of
// `dev`; `serve` is given its key.
const masterKeyFile = "master.key"

// openIdentity opens the audit log, the directory of principals and the
// observer, and the development CA.
func (s *Server) openIdentity(ctx context.Context) (err error) {
	s.observe = observe.New(observe.Config{Now: s.cfg.Now, Logger: s.cfg.Logger}, s.store)
	key := s.cfg.MasterKey
	if s.cfg.Dev {
		if key, err = masterKey(s.cfg.DataDir); err != nil {
			return err
		}
	}
	if s.auditHead, err = s.openAuditHead(key); err != nil {
		return err
	}
	s.audit = audit.New(audit.Config{Now: s.cfg.Now, Logger: s.cfg.Logger, HeadKey: s.auditHead.key, SaveHead: s.auditHead.save}, s.store)
	s.iam, err = iam.Open(ctx, iam.Config{
		Deployment: s.cfg.Deployment, MasterKey: key, DevReveal: s.cfg.Dev, OneAddress: s.cfg.OneAddress, Now: s.cfg.Now, Logger: s.cfg.Logger,
	}, s.store, s.audit)
	if err != nil {
		return err
	}
	s.token = s.cfg.AdministratorToken
	if s.cfg.Dev {
		s.token = "ebt_" + randomText(32)
	}
	if !s.cfg.Dev || len(s.ports.kafkaDoors) == 0 && s.ports.stsTLS == nil {
		return nil
	}
	dir := s.cfg.DataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "eventbus-ca-"); err != nil {
			return fmt.Errorf("make a folder for the development CA: %w", err)
		}
		s.onClose(func() error { return os.RemoveAll(dir) })
	}
	s.ca, err = openDevelopmentCA(dir, s.cfg.Now())
	return err
}

// masterKey reads the key of the data folder, or makes it; without a folder it
// lives as long as the process.
func masterKey(dir string) ([]byte, error) {
	file := filepath.Join(dir, masterKeyFile)
	if dir != "" {
		text, err := os.ReadFile(file)
		if err == nil {
			key, err := hex.DecodeString(strings.TrimSpace(string(text)))
			if err != nil {
				return nil, eventbus.Errorf(eventbus.CodeCorrupt, "the master key in %s is not hexadecimal: %w", file, err)
			}
			return key, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, eventbus.Errorf(eventbus.CodeUnavailable, "read the master key: %w", err)
		}
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	if dir == "" {
		return key, nil
	}
	if err := os.WriteFile(file, []byte(hex.EncodeToString(key)+"\n"), 0o600); err != nil {
		return nil, eventbus.Errorf(eventbus.CodeUnavailable, "keep the master key: %w", err)
	}
	return key, nil
}

func randomText(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Administrator reports whether a bearer token is the local administrator's, of
// `dev` or of the configuration.
func (s *Server) Administrator(token string) bool {
	return s.token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) == 1
}

// authority lets the gateway ask the directory.
type authority struct{ dir *iam.Directory }

// Login signs a connection in.
func (a authority) Login(ctx context.Context, at gateway.Attempt) (*gateway.Session, []byte, error) {
	session, answer, err := a.dir.Login(ctx, at.Mechanism, at.Message, at.From, at.Listener)
	if err != nil {
		return nil, nil, err
	}
	return &gateway.Session{Principal: session.Principal, Expires: session.Expires, Identity: session}, answer, nil
}

// Decide evaluates and records one action.
func (a authority) Decide(ctx context.Context, s *gateway.Session, action, resource string) (bool, string) {
	decision := a.dir.Decide(ctx, a.session(s), action, resource)
	return decision.Allowed, decision.Reason
}

// Allowed evaluates one action without a record.
func (a authority) Allowed(s *gateway.Session, action, resource string) bool {
	return a.dir.Allowed(a.session(s), action, resource)
}

// Revoked is closed when the session must end.
func (a authority) Revoked(s *gateway.Session) <-chan struct{} { return a.session(s).Done() }

// TooManyConnects records a login above the gateway's limit.
func (a authority) TooManyConnects(ctx context.Context, from, listener string) error {
	return a.dir.TooManyConnects(ctx, from, listener)
}

// ChangedIdentity records a re-authentication as somebody else.
func (a authority) ChangedIdentity(ctx context.Context, s *gateway.Session, at gateway.Attempt, reason string) error {
	return a.dir.ChangedIdentity(ctx, a.session(s), at.Mechanism, at.Listener, reason)
}

func (a authority) session(s *gateway.Session) *iam.Session {
	if session, ok := s.Identity.(*iam.Session); ok {
		return session
	}
	return a.dir.Local()
}
