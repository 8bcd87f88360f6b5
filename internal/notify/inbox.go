package notify

import (
	"context"
	"slices"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// maxInbox is how far back an inbox reaches.
const maxInbox = 1000

// Inbox gives the newest notifications to the actor, their teams and roles;
// limit 1 to 1000, 0 is 100. Errors: CodeUnauthenticated, CodeUnavailable.
func (n *Notifier) Inbox(ctx context.Context, actor eventbus.Actor, unreadOnly bool, limit int) ([]eventbus.Notification, error) {
	if actor.Person.ID == "" {
		return nil, &eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "only people have an inbox", Next: "sign in"}
	}
	return n.store.Inbox(ctx, actor.Person, unreadOnly, min(max(limit, 0), maxInbox))
}

// Unread counts the unread notifications, up to 100.
func (n *Notifier) Unread(ctx context.Context, actor eventbus.Actor) (int, error) {
	list, err := n.Inbox(ctx, actor, true, 100)
	return len(list), err
}

// MarkRead marks notifications of the actor's own inbox as read, all unread ones
// when no id is given. Of others' the actor learns nothing: CodeNotFound, and
// then nothing was marked.
func (n *Notifier) MarkRead(ctx context.Context, actor eventbus.Actor, ids ...string) error {
	list, err := n.Inbox(ctx, actor, len(ids) == 0, maxInbox)
	if err != nil {
		return err
	}
	own := make([]string, len(list))
	for i, notification := range list {
		own[i] = notification.ID
	}
	for _, id := range ids {
		if !slices.Contains(own, id) {
			return eventbus.Errorf(eventbus.CodeNotFound, "there is no such notification in your inbox; nothing was marked as read")
		}
	}
	if len(ids) == 0 {
		ids = own
	}
	for _, id := range ids {
		if err := n.store.MarkRead(ctx, actor.Person.ID, id); err != nil {
			return err
		}
	}
	return nil
}
