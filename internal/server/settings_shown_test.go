package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/notify"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// TestShownSettings: operators read what the bus runs with, and no secret, whatever
// the configuration holds.
func TestShownSettings(t *testing.T) {
	s := &Server{senders: map[string]notify.Sender{channelWebhook: nil, channelMail: nil},
		cfg: Config{Database: "postgres://bus:hunter2@db.example.gov/bus", MasterKey: []byte("hunter2-master-key"), AdministratorToken: "hunter2-token",
			Webhook: &Webhook{Address: "https://hooks.example.gov/hunter2", Secret: []byte("hunter2")}}.withDefaults(),
		signedInBy: session.Config{Issuer: "https://idp.example.gov", ClientSecret: "hunter2", Key: []byte("hunter2"), TeamPrefix: "team-", AllowGroups: []string{"staff"},
			GroupRoles: map[string][]eventbus.Role{"ops": {eventbus.RoleOperator}, "bus": {eventbus.RoleBusReviewer, eventbus.RoleMember}}, GroupTeams: map[string][]string{"letters": {"claims"}}}}
	text := fmt.Sprint(s.shownSettings(t.Context()))
	for _, want := range []string{"{Identity provider https://idp.example.gov}", "{Claim that lists groups groups}", "{Who may sign in staff}", "{Groups that name a team team-…}", "{Group bus bus reviewer, member} {Group ops operator}",
		"{Group letters team claims}", "{Connections, over all doors 20000}", "{New logins a second 100}", "{Largest request 100 MiB}", "PostgreSQL, shared by all instances", "by one instance at a time, in turn",
		"{Who registers schemas the bus, and operators with a token}", "inbox in the portal, mail, webhook"} {
		if !strings.Contains(text, want) {
			t.Errorf("the settings lack %q: %s", want, text)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is shown: %s", text)
	}
	alone := fmt.Sprint((&Server{cfg: Config{Dev: true}.withDefaults()}).shownSettings(t.Context()))
	for _, want := range []string{"none: nobody can sign in", "everybody whom the provider signs in", "SQLite, of this instance alone", "open to anybody on this machine"} {
		if !strings.Contains(alone, want) {
			t.Errorf("the settings of dev lack %q: %s", want, alone)
		}
	}
}
