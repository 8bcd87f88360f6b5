package server

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/devidp"
	"github.com/enterprise-event-bus/eventbus/internal/notify"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// The OpenID client that the bus is to its identity provider.
const (
	oidcClient   = "eventbus"
	callbackPath = "/login/callback"
	devIDPPath   = "/dev/idp"
)

// openPeople opens sign-in and notifications. In `dev` the identity provider is
// the bus's own, on loopback, so that the very path of production is used.
func (s *Server) openPeople(ctx context.Context) (err error) {
	base := s.Addresses().HTTP
	cfg := session.Config{ClientID: oidcClient, RedirectURL: base + callbackPath, Audit: s.audit, Now: s.cfg.Now, Logger: s.cfg.Logger}
	if s.cfg.Dev && base != "" {
		cfg.Issuer, cfg.GroupRoles, cfg.TeamPrefix = base+devIDPPath, devidp.GroupRoles(), devidp.TeamPrefix
		s.idp, err = devidp.New(devidp.Config{Issuer: cfg.Issuer, ClientID: oidcClient,
			RedirectURLs: []string{cfg.RedirectURL}, Now: s.cfg.Now}, devidp.Personas())
		if err != nil {
			return err
		}
	}
	if !s.cfg.Dev {
		cfg = s.signIn(cfg)
	}
	for _, person := range s.personas() { // known before they first sign in, so that they are told of what waits for them
		if err := s.store.SavePerson(ctx, person); err != nil {
			return err
		}
	}
	s.session = session.New(cfg, s.store)
	s.signedInBy = session.Config{Issuer: cfg.Issuer, GroupsClaim: cfg.GroupsClaim, GroupRoles: cfg.GroupRoles, GroupTeams: cfg.GroupTeams, TeamPrefix: cfg.TeamPrefix, AllowGroups: cfg.AllowGroups}
	s.session.GrantLocal(s.token, s.administrator())
	s.notify = notify.New(notify.Config{Logger: s.cfg.Logger}, s.store, s.store, s.senders)
	return nil
}

// administrator is the local administrator of `dev`: every role, and a member of
// every team of the demo organisation.
func (s *Server) administrator() eventbus.Person {
	administrator := session.LocalAdministrator()
	for _, person := range s.personas() {
		for _, team := range person.Teams {
			if !administrator.In(team) {
				administrator.Teams = append(administrator.Teams, team)
			}
		}
	}
	return administrator
}

// personas are the people of `dev`, for one click each.
func (s *Server) personas() []eventbus.Person {
	var people []eventbus.Person
	if s.cfg.Dev {
		for _, persona := range devidp.Personas() {
			people = append(people, persona.Person)
		}
	}
	return people
}

// onOwnName sends a browser that came by another name of this machine
// (localhost for 127.0.0.1) to the name that sign-in knows: its cookies belong
// to one name only.
func (s *Server) onOwnName(next http.Handler) http.Handler {
	own := s.Addresses().HTTP
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" && r.Method == http.MethodGet && own != "" && r.Host != hostOf(own) {
			http.Redirect(w, r, own+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}
