package portal

import (
	"net/http"
	"net/url"

	"github.com/enterprise-event-bus/eventbus"
)

// keyView is where a technical contact collects the key of a user that the bus
// made. Opening the page shows nothing; the button shows the secret, once.
type keyView struct {
	User       string
	ID, Secret string
	Problem    string
	Next       string
}

func (p *Portal) keyPage(w http.ResponseWriter, v visit) error {
	return p.key(w, v, http.StatusOK, keyView{})
}

func (p *Portal) key(w http.ResponseWriter, v visit, status int, view keyView) error {
	view.User = v.PathValue("user")
	return p.render(w, v, status, "key", Shell{Title: "New access key", Lede: "The key of user " + view.User + ", which the bus made for a system outside AWS.",
		Elsewhere: Elsewhere{CLI: p.cli("iam", "key", "collect", view.User), Curl: p.curl("/api/v1/iam/users/"+url.PathEscape(view.User)+"/keys/collect") + " -X POST"}}, view)
}

// keyCollect takes the key; who may is decided by the bus, and it is on record.
func (p *Portal) keyCollect(w http.ResponseWriter, v visit) error {
	if p.parts.Keys == nil {
		return p.notFound(w, v)
	}
	id, secret, err := p.parts.Keys.Collect(v.Context(), v.actor, v.PathValue("user"))
	if err != nil {
		code, ok := statuses[eventbus.CodeOf(err)]
		if !ok || code.status >= http.StatusInternalServerError {
			return err
		}
		return p.key(w, v, code.status, keyView{Problem: sentence(message(err)), Next: next(err, "")})
	}
	return p.key(w, v, http.StatusOK, keyView{ID: id, Secret: secret})
}
