package server

import (
	"cmp"
	"maps"
	"slices"

	"github.com/enterprise-event-bus/eventbus/internal/notify"
	"github.com/enterprise-event-bus/eventbus/internal/outbound"
)

// Webhook is one https address that every notification is posted to. Whether it
// may be reached is Config.Fetch's to say.
type Webhook struct {
	Address string
	Secret  []byte // signs what is posted; empty: nothing is signed
}

// The channels of the outbox, besides the inbox in the portal.
const (
	channelMail    = "mail"
	channelWebhook = "webhook"
)

// openSenders makes the ways out of the bus that the configuration names.
func (s *Server) openSenders() error {
	s.senders = map[string]notify.Sender{}
	if s.cfg.Mail != nil {
		cfg := *s.cfg.Mail
		cfg.Portal, cfg.Now = cmp.Or(cfg.Portal, s.Addresses().HTTP), s.cfg.Now
		sender, err := outbound.NewMail(cfg)
		if err != nil {
			return err
		}
		s.senders[channelMail] = sender
	}
	if s.cfg.Webhook != nil {
		sender, err := outbound.NewWebhook(outbound.New(s.cfg.Fetch), s.cfg.Webhook.Address, s.cfg.Webhook.Secret, s.cfg.Now)
		if err != nil {
			return err
		}
		s.senders[channelWebhook] = sender
	}
	return nil
}

// channels are those for which the outbox keeps notifications.
func (s *Server) channels() []string { return slices.Sorted(maps.Keys(s.senders)) }
