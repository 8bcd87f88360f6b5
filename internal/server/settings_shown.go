package server

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/portal"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// shownSettings tells operators and auditors in the portal what this bus runs
// with. It names no secret and nothing that leads to one.
func (s *Server) shownSettings(context.Context) []portal.SettingGroup {
	return []portal.SettingGroup{shownSignIn(s.signedInBy), s.shownQuotas(), s.shownJobs()}
}

func shownSignIn(cfg session.Config) portal.SettingGroup {
	group := portal.SettingGroup{Title: "Sign-in and groups", About: "What a group of the identity provider means on the bus.", Settings: []portal.Setting{
		{Name: "Identity provider", Value: cmp.Or(cfg.Issuer, "none: nobody can sign in")}, {Name: "Claim that lists groups", Value: cmp.Or(cfg.GroupsClaim, "groups")},
		{Name: "Who may sign in", Value: cmp.Or(strings.Join(cfg.AllowGroups, ", "), "everybody whom the provider signs in")},
	}}
	if cfg.TeamPrefix != "" {
		group.Settings = append(group.Settings, portal.Setting{Name: "Groups that name a team", Value: cfg.TeamPrefix + "…"})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.GroupRoles)) {
		var roles []string
		for _, role := range cfg.GroupRoles[name] {
			roles = append(roles, strings.ReplaceAll(string(role), "-", " "))
		}
		group.Settings = append(group.Settings, portal.Setting{Name: "Group " + name, Value: strings.Join(roles, ", ")})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.GroupTeams)) {
		group.Settings = append(group.Settings, portal.Setting{Name: "Group " + name, Value: "team " + strings.Join(cfg.GroupTeams[name], ", team ")})
	}
	return group
}

func (s *Server) shownQuotas() portal.SettingGroup {
	g := s.cfg.Gateway.WithDefaults()
	number := strconv.Itoa
	return portal.SettingGroup{Title: "Quotas of the Kafka doors", About: "What one client, or all together, may ask for.", Settings: []portal.Setting{
		{Name: "Connections, over all doors", Value: number(g.MaxConnections)}, {Name: "Connections from one address", Value: number(g.MaxConnectionsPerIP)},
		{Name: "New logins a second", Value: number(g.LoginsPerSecond)}, {Name: "Largest request", Value: number(int(g.MaxFrame>>20)) + " MiB"},
		{Name: "All requests in flight", Value: strconv.FormatInt(g.InFlightBytes>>20, 10) + " MiB"}, {Name: "A login lasts", Value: g.MaxSession.Round(time.Minute).String()},
	}}
}

func (s *Server) shownJobs() portal.SettingGroup {
	database, turn := "SQLite, of this instance alone", "by this instance"
	if s.cfg.Database != "" {
		database, turn = "PostgreSQL, shared by all instances", "by one instance at a time, in turn"
	}
	writes, channels := "open to anybody on this machine", []string{"inbox in the portal"}
	if s.cfg.RegistryWritesClosed {
		writes = "the bus, and operators with a token"
	}
	channels = append(channels, slices.Sorted(maps.Keys(s.senders))...)
	return portal.SettingGroup{Title: "Storage and jobs", About: "What happens by itself.", Settings: []portal.Setting{
		{Name: "Database", Value: database}, {Name: "Provisioning of what is approved", Value: turn},
		{Name: "Ended sessions are deleted", Value: "every hour"}, {Name: "Who registers schemas", Value: writes}, {Name: "People are told by", Value: strings.Join(channels, ", ")},
	}}
}
