package server

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"strconv"

	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

// notificationSettings are the ways to people besides the inbox in the portal.
type notificationSettings struct {
	Mail    *mailSettings    `yaml:"mail" json:"mail,omitempty" doc:"Mail to the people concerned, by SMTP."`
	Webhook *webhookSettings `yaml:"webhook" json:"webhook,omitempty" doc:"Every notification, as JSON, to one address (Standard Webhooks)."`
}

type mailSettings struct {
	Server   string         `yaml:"server" json:"server" doc:"host:port of the mail server. It must offer STARTTLS, unless it is on loopback."`
	From     string         `yaml:"from" json:"from" doc:"Who the mail comes from: eventbus@example.org"`
	Username string         `yaml:"username" json:"username,omitempty" doc:"Left out: without signing in."`
	Password secretSettings `yaml:"password" json:"password,omitempty"`
	Plain    bool           `yaml:"plain" json:"plain,omitempty" doc:"Allow a server without STARTTLS."`
}

type webhookSettings struct {
	Address string         `yaml:"address" json:"address" doc:"https://…; an address that is not public needs outbound.allowNetworks."`
	Secret  secretSettings `yaml:"secret" json:"secret,omitempty" doc:"Signs what is posted (HMAC-SHA256). Left out: nothing is signed."`
}

// outboundSettings bound where the bus reaches out to: catalog files by address,
// and the webhook.
type outboundSettings struct {
	AllowHosts    []string `yaml:"allowHosts" json:"allowHosts,omitempty" doc:"Only these: git.example.org, *.example.org. Left out: every public one."`
	AllowNetworks []string `yaml:"allowNetworks" json:"allowNetworks,omitempty" doc:"Networks that may be reached although they are not public: 10.1.0.0/16"`
	AllowPorts    []uint16 `yaml:"allowPorts" json:"allowPorts,omitempty" doc:"Left out: 443."`
}

func (s settings) checkOutward(r *rules) {
	for i, text := range s.Outbound.AllowNetworks {
		if _, err := netip.ParsePrefix(text); err != nil {
			r.add(fmt.Sprintf("outbound.allowNetworks[%d]", i), strconv.Quote(text)+" is not a network", "write 10.1.0.0/16 or fd00::/8")
		}
	}
	if m := s.Notifications.Mail; m != nil {
		if host, _, err := net.SplitHostPort(m.Server); err != nil || host == "" {
			r.add("notifications.mail.server", strconv.Quote(m.Server)+" is not host:port", "write mail.example.org:587")
		}
		if from, err := mail.ParseAddress(m.From); err != nil || from.Address != m.From {
			r.add("notifications.mail.from", strconv.Quote(m.From)+" is not a mail address", "write eventbus@example.org")
		}
		r.secret("notifications.mail.password", m.Password, m.Username != "")
	}
	if w := s.Notifications.Webhook; w != nil {
		if err := outbound.New(s.outbound()).Check(w.Address); err != nil {
			r.add("notifications.webhook.address", err.Error(), "write https://…, and name a network that is not public in outbound.allowNetworks")
		}
		r.secret("notifications.webhook.secret", w.Secret, false)
	}
}

func (s settings) outbound() outbound.Config {
	cfg := outbound.Config{AllowHosts: s.Outbound.AllowHosts, AllowPorts: s.Outbound.AllowPorts}
	for _, text := range s.Outbound.AllowNetworks {
		if network, err := netip.ParsePrefix(text); err == nil { // else it is a fault
			cfg.AllowNetworks = append(cfg.AllowNetworks, network)
		}
	}
	return cfg
}

func (r *reader) mail() *outbound.MailConfig {
	m := r.Notifications.Mail
	if m == nil {
		return nil
	}
	return &outbound.MailConfig{Server: m.Server, From: mail.Address{Name: "Enterprise Event Bus", Address: m.From},
		Username: m.Username, Password: r.secret("notifications.mail.password", m.Password), Plain: m.Plain}
}

func (r *reader) webhook() *Webhook {
	w := r.Notifications.Webhook
	if w == nil {
		return nil
	}
	return &Webhook{Address: w.Address, Secret: []byte(r.secret("notifications.webhook.secret", w.Secret))}
}
