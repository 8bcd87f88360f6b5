package session

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// LocalAdministratorID is the id of the person that GrantLocal speaks for in
// `dev`; no identity provider can give it to somebody.
const LocalAdministratorID = "local-administrator"

const (
	maxSubject = 255 // OpenID Connect Core section 2
	maxGroups  = 2000
)

// claims are what an identity token says about a person.
type claims struct {
	Subject  string
	Name     string
	Email    string
	Party    string   // azp
	Audience []string // aud
	Groups   []string
}

// personOf turns a verified identity token into a person of the bus.
func (s *Sessions) personOf(token *oidc.IDToken) (eventbus.Person, error) {
	var raw map[string]json.RawMessage
	if err := token.Claims(&raw); err != nil {
		return eventbus.Person{}, refusedLogin("the identity token cannot be read")
	}
	c := readClaims(raw, s.cfg.GroupsClaim)
	c.Subject, c.Audience = token.Subject, token.Audience
	if len(c.Audience) > 1 && c.Party != s.cfg.ClientID { // Core section 3.1.3.7
		return eventbus.Person{}, refusedLogin("the identity token was made for another party")
	}
	return s.cfg.person(c)
}

// readClaims takes the claims of a known form and ignores the others; groups
// may be a list or one text.
func readClaims(raw map[string]json.RawMessage, groupsClaim string) claims {
	text := func(name string) (value string) {
		_ = json.Unmarshal(raw[name], &value)
		return value
	}
	c := claims{Name: text("name"), Email: text("email"), Party: text("azp")}
	if c.Name == "" {
		c.Name = text("preferred_username")
	}
	var verified bool
	if json.Unmarshal(raw["email_verified"], &verified) == nil && !verified && raw["email_verified"] != nil {
		c.Email = ""
	}
	if json.Unmarshal(raw[groupsClaim], &c.Groups) != nil {
		c.Groups = nil
		if one := text(groupsClaim); one != "" {
			c.Groups = []string{one}
		}
	}
	return c
}

// person decides whom claims make: a pure rule. Unknown groups mean nothing.
func (c Config) person(who claims) (eventbus.Person, error) {
	if !soundSubject(who.Subject) {
		return eventbus.Person{}, refusedLogin("the identity token names nobody that the bus could tell apart")
	}
	if len(who.Groups) > maxGroups {
		return eventbus.Person{}, refusedLogin("the identity token lists more groups than the bus accepts")
	}
	allowed := func(group string) bool { return slices.Contains(who.Groups, group) }
	if len(c.AllowGroups) > 0 && !slices.ContainsFunc(c.AllowGroups, allowed) {
		return eventbus.Person{}, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "you are not in a group that may use this bus; you were not signed in",
			Next: "ask the bus team to add you to " + strings.Join(c.AllowGroups, " or ")}
	}
	p := eventbus.Person{ID: who.Subject, Name: plain(who.Name, 200), Email: soundEmail(who.Email), Roles: []eventbus.Role{eventbus.RoleMember}}
	if p.Name == "" {
		p.Name = p.ID
	}
	for _, group := range who.Groups {
		for _, role := range c.GroupRoles[group] {
			if known(role) {
				p.Roles = append(p.Roles, role)
			}
		}
		p.Teams = append(p.Teams, c.GroupTeams[group]...)
		if team, named := strings.CutPrefix(group, c.TeamPrefix); named && c.TeamPrefix != "" && team != "" && team == plain(team, 63) {
			p.Teams = append(p.Teams, team)
		}
	}
	slices.SortFunc(p.Roles, func(a, b eventbus.Role) int {
		return slices.Index(eventbus.Roles(), a) - slices.Index(eventbus.Roles(), b)
	})
	slices.Sort(p.Teams)
	p.Roles, p.Teams = slices.Compact(p.Roles), slices.Compact(p.Teams)
	return p, nil
}

// soundSubject refuses ids that the audit log would show as somebody else: the
// bus itself ("system:…"), a principal ("arn:…"), the local administrator.
func soundSubject(subject string) bool {
	if subject == "" || len(subject) > maxSubject || subject == LocalAdministratorID {
		return false
	}
	for _, reserved := range []string{"system:", "arn:", "subject:"} {
		if strings.HasPrefix(strings.ToLower(subject), reserved) {
			return false
		}
	}
	return !strings.ContainsFunc(subject, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// soundEmail gives an address without anything that could be read as more.
func soundEmail(address string) string {
	if len(address) > 254 || strings.Count(address, "@") != 1 || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>,;:"()[]\`, r) }) {
		return ""
	}
	return address
}

func known(role eventbus.Role) bool { return slices.Contains(eventbus.Roles(), role) }

func roleNames(roles []eventbus.Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " ")
}

// plain drops what is not for reading (control and formatting characters, which
// could turn text around) and cuts to a number of characters.
func plain(text string, limit int) string {
	kept := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text))
	return strings.TrimSpace(string(kept[:min(len(kept), limit)]))
}
