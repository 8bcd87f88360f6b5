package apiserver

import (
	"context"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

func (a *API) registerInbox() {
	register(a, operation(http.MethodGet, "/inbox", "list-inbox", "Your notifications, newest first"), a.listInbox)
	register(a, operation(http.MethodPost, "/inbox/{id}/read", "mark-read", "Mark a notification as read", http.StatusNotFound), a.markRead)
}

type notificationList struct {
	Notifications []eventbus.Notification `json:"notifications"`
}

type listInboxInput struct {
	Unread bool `query:"unread" doc:"only those not read yet"`
	Limit  int  `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (a *API) listInbox(ctx context.Context, in *listInboxInput) (*body[notificationList], error) {
	list, err := a.parts.Inbox.Inbox(ctx, actorOf(ctx).Person, in.Unread, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[notificationList]{notificationList{list}}, nil
}

type notificationInput struct {
	ID string `path:"id" minLength:"1" maxLength:"200"`
}

func (a *API) markRead(ctx context.Context, in *notificationInput) (*none, error) {
	return nil, a.parts.Inbox.MarkRead(ctx, actorOf(ctx).Person.ID, in.ID)
}
