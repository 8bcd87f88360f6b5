package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// Stars mark the events that somebody comes back to. They are kept in the
// browser, in a cookie: the portal has no state of its own.
const starCookie, maxStars = "eventbus-stars", 40

// stars are the names of the events that the reader has starred.
func stars(v visit) []string {
	cookie, err := v.Cookie(starCookie)
	if err != nil {
		return nil
	}
	names := strings.Split(cookie.Value, ".") // no name of an event has a dot in it
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	return names[:min(len(names), maxStars)]
}

// starSet adds a star to an event, or takes it away.
func (p *Portal) starSet(w http.ResponseWriter, v visit) error {
	if err := parseForm(v.Request); err != nil {
		return err
	}
	e, err := p.parts.Catalog.Event(v.Context(), v.PathValue("name"))
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(stars(v), func(name string) bool { return name == e.Name })
	if v.PostFormValue("star") != "" {
		names = append([]string{e.Name}, names[:min(len(names), maxStars-1)]...)
	}
	http.SetCookie(w, &http.Cookie{Name: starCookie, Value: strings.Join(names, "."), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, Secure: p.parts.Sessions.Secure(), SameSite: http.SameSiteLaxMode})
	http.Redirect(w, v.Request, session.SafeReturn("/catalog/"+url.PathEscape(e.Name)), http.StatusSeeOther)
	return nil
}
