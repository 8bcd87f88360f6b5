package portal

import (
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// inboxView lists the notifications to a person.
type inboxView struct {
	Rows   []inboxRow
	Unread string
	Empty  *Empty
}

type inboxRow struct {
	ID, Subject, Body, Link, At string
	Unread                      bool
}

func (p *Portal) inbox(w http.ResponseWriter, v visit) error {
	list, err := p.parts.Inbox.Inbox(v.Context(), v.actor.Person, false, 100)
	if err != nil {
		return err
	}
	var view inboxView
	unread := 0
	for _, n := range list {
		row := inboxRow{ID: n.ID, Subject: n.Subject, Body: n.Body, At: ago(p.cfg.Now(), n.At), Unread: !n.Read}
		if n.Link != "" {
			row.Link = session.SafeReturn(n.Link)
		}
		if row.Unread {
			unread++
		}
		view.Rows = append(view.Rows, row)
	}
	if unread > 0 {
		view.Unread = count(int64(unread), "unread notification")
	}
	if len(list) == 0 {
		view.Empty = &Empty{Icon: "mail", Title: "Nothing here yet", Text: "You are told here when a request needs you or has moved on."}
	}
	return p.render(w, v, http.StatusOK, "inbox", Shell{Title: "Inbox", Lede: "What has happened on your requests and events.", Elsewhere: Elsewhere{Curl: p.curl("/api/v1/inbox")}}, view)
}

// inboxRead marks one notification, or all of them, as read.
func (p *Portal) inboxRead(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	ids := []string{v.PostFormValue("id")}
	if ids[0] == "" {
		list, err := p.parts.Inbox.Inbox(v.Context(), v.actor.Person, true, 1000)
		if err != nil {
			return err
		}
		ids = ids[:0]
		for _, n := range list {
			ids = append(ids, n.ID)
		}
	}
	for _, id := range ids {
		if err := p.parts.Inbox.MarkRead(v.Context(), v.actor.Person.ID, id); err != nil && eventbus.CodeOf(err) != eventbus.CodeNotFound {
			return err
		}
	}
	http.Redirect(w, v.Request, "/inbox", http.StatusSeeOther)
	return nil
}
