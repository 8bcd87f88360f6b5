// Package notify brings notifications to people: to the inbox in the portal, and
// by mail and webhook out of the outbox.
//
// It owns who an audience is (a person, a team, a role, a group address) and the
// delivery: at least once, deduplicated by the notification's id. Notifications
// are written by whoever decides something, together with the decision; when a
// failed delivery is tried again is the store's. How mail and webhooks are sent
// is the senders', which package server gives it. Doors call the inbox.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"sync"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Config of a Notifier; the zero value works.
type Config struct {
	Every  time.Duration // how often the outbox is looked at; default 2 s
	Batch  int           // notifications fetched at once per channel; default 10
	Each   time.Duration // limit of one sending; default 5 s
	Logger *slog.Logger  // default discards
}

// Store keeps notifications. PendingDeliveries gives those that are due and
// hands them to the caller for a minute, then to another; MarkFailed says when
// they are due again.
type Store interface {
	PendingDeliveries(ctx context.Context, channel string, limit int) ([]eventbus.Notification, error)
	MarkDelivered(ctx context.Context, id, channel string) error
	MarkFailed(ctx context.Context, id, channel, problem string) error
	Inbox(ctx context.Context, p eventbus.Person, unreadOnly bool, limit int) ([]eventbus.Notification, error)
	MarkRead(ctx context.Context, personID, notificationID string) error
}

// People knows who is in a team and holds a role.
type People interface {
	People(ctx context.Context) ([]eventbus.Person, error)
}

// Sender is one way out of the bus. Send returns nil once the other side has
// taken the notification over; it is called again with the same notification
// when that is not certain. to are the addresses of the audience and may be empty.
type Sender interface {
	Send(ctx context.Context, n eventbus.Notification, to []mail.Address) error
}

// Notifier delivers and reads notifications. It is safe for concurrent use, by
// several instances on one store too.
type Notifier struct {
	cfg     Config
	store   Store
	people  People
	senders map[string]Sender

	mu   sync.Mutex
	sent map[string]bool // "channel id": taken over, perhaps not yet marked
	ring []string        // the same, oldest first
}

// maxRemembered bounds how many sendings are remembered for deduplication.
const maxRemembered = 10_000

// New makes a Notifier. senders are by channel, the names of the store's
// channels ("mail", "webhook").
func New(cfg Config, store Store, people People, senders map[string]Sender) *Notifier {
	if cfg.Every <= 0 {
		cfg.Every = 2 * time.Second
	}
	if cfg.Batch <= 0 {
		cfg.Batch = 10
	}
	if cfg.Each <= 0 {
		cfg.Each = 5 * time.Second // with Batch less than the minute that the store gives
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Notifier{cfg: cfg, store: store, people: people, senders: senders, sent: map[string]bool{}}
}

// Run delivers what is due on every channel until ctx ends; a channel that
// fails or hangs does not hold up the others.
func (n *Notifier) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for channel := range n.senders {
		running.Go(func() { n.follow(ctx, channel) })
	}
	return nil
}

func (n *Notifier) follow(ctx context.Context, channel string) {
	ticker := time.NewTicker(n.cfg.Every)
	defer ticker.Stop()
	for {
		handled, err := n.Deliver(ctx, channel)
		if err != nil && ctx.Err() == nil {
			n.cfg.Logger.WarnContext(ctx, "the outbox cannot be read or written; trying again", "channel", channel, "error", err)
		}
		if err == nil && handled == n.cfg.Batch {
			continue // more may be waiting
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Deliver sends one batch of what is due on a channel and tells how many
// notifications it handled, the failed ones too. An error is the store's; what
// was fetched then comes again.
func (n *Notifier) Deliver(ctx context.Context, channel string) (int, error) {
	sender, ok := n.senders[channel]
	if !ok {
		return 0, eventbus.Errorf(eventbus.CodeNotFound, "there is no channel %q", channel)
	}
	due, err := n.store.PendingDeliveries(ctx, channel, n.cfg.Batch)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	people, err := n.people.People(ctx)
	if err != nil {
		return 0, err
	}
	for i, notification := range due {
		if ctx.Err() != nil {
			return i, ctx.Err()
		}
		if err := n.deliver(ctx, channel, sender, notification, people); err != nil {
			return i, err
		}
	}
	return len(due), nil
}

// deliver sends one notification, unless this process did and could only not
// say so: the doubles that remain are those of a crash between the two.
func (n *Notifier) deliver(ctx context.Context, channel string, sender Sender, notification eventbus.Notification, people []eventbus.Person) error {
	key := channel + " " + notification.ID
	if !n.wasSent(key) {
		if err := n.send(ctx, sender, notification, Addresses(notification.To, people)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err() // the bus stops: no fault of the delivery
			}
			n.cfg.Logger.WarnContext(ctx, "a notification was not delivered; it will be tried again", "id", notification.ID, "channel", channel, "error", err)
			return n.store.MarkFailed(ctx, notification.ID, channel, problem(err))
		}
		n.remember(key)
	}
	err := n.store.MarkDelivered(ctx, notification.ID, channel)
	if eventbus.CodeOf(err) == eventbus.CodeNotFound {
		return nil // removed meanwhile
	}
	return err
}

// send bounds one sending and takes a sender that panics for one that failed.
func (n *Notifier) send(ctx context.Context, sender Sender, notification eventbus.Notification, to []mail.Address) (err error) {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Each)
	defer cancel()
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("the sender broke: %v", broken)
		}
	}()
	return sender.Send(ctx, notification, to)
}

func (n *Notifier) wasSent(key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[key]
}

func (n *Notifier) remember(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.ring) >= maxRemembered {
		delete(n.sent, n.ring[0])
		n.ring = slices.Delete(n.ring, 0, 1)
	}
	n.sent[key], n.ring = true, append(n.ring, key)
}

// problem is the text that is kept of a failed attempt.
func problem(err error) string {
	text := []rune(err.Error())
	return string(text[:min(len(text), 300)])
}
