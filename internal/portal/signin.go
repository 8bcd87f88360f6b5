package portal

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/session"
)

// loginView is the sign-in page.
type loginView struct {
	Dev      bool
	Personas []personaView
	Continue string // address that begins the sign-in with the provider
	Problem  string
	Next     string
}

type personaView struct {
	Name, Does, URL string
}

// login shows the sign-in page; with ?as= or ?go= it begins the sign-in.
func (p *Portal) login(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	to := session.SafeReturn(query.Get("to"))
	if query.Has("as") || query.Has("go") {
		p.beginLogin(w, r, query.Get("as"), to)
		return
	}
	p.loginPage(w, r, http.StatusOK, to, nil)
}

func (p *Portal) loginPage(w http.ResponseWriter, r *http.Request, status int, to string, problem error) {
	back := url.QueryEscape(to)
	view := loginView{Dev: p.cfg.Dev, Continue: "/login?go=1&to=" + back}
	if p.cfg.Dev {
		for _, person := range p.cfg.Personas {
			view.Personas = append(view.Personas, personaView{Name: person.Name, Does: sentence(roleList(person)),
				URL: "/login?as=" + url.QueryEscape(person.ID) + "&to=" + back})
		}
	}
	if problem != nil {
		view.Problem = "The identity provider did not let you in. Nothing was changed."
		view.Next = "Try again; if it keeps failing, tell the Event Bus team request id " + requestIDOf(r) + "."
		if code := eventbus.CodeOf(problem); code != eventbus.CodeInternal && code != eventbus.CodeCorrupt {
			view.Problem, view.Next = sentence(message(problem)), next(problem, view.Next)
		}
	}
	if err := p.render(w, p.visitOf(r), status, "login", Shell{Title: "Sign in"}, view); err != nil {
		p.fail(w, r, err)
	}
}

func (p *Portal) beginLogin(w http.ResponseWriter, r *http.Request, persona, to string) {
	redirect, state, err := p.parts.Sessions.BeginLogin(r.Context(), to, persona)
	if err != nil {
		p.loginPage(w, r, statuses[eventbus.CodeOf(err)].status, to, err)
		return
	}
	http.SetCookie(w, p.parts.Sessions.LoginCookie(state))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, redirect, http.StatusSeeOther)
}

// loginCallback takes the provider's answer; a session that the browser had
// before ends, so that nobody goes on in one that was planted.
func (p *Portal) loginCallback(w http.ResponseWriter, r *http.Request) {
	sessions := p.parts.Sessions
	state := ""
	if cookie, err := r.Cookie(sessions.LoginCookieName()); err == nil {
		state = cookie.Value
	}
	http.SetCookie(w, sessions.LoginCookie(""))
	id, _, to, err := sessions.FinishLogin(r.Context(), r.URL.Query(), state, hostOf(r.RemoteAddr))
	if err != nil {
		p.loginPage(w, r, statuses[eventbus.CodeOf(err)].status, "/", err)
		return
	}
	if cookie, err := r.Cookie(sessions.SessionCookieName()); err == nil {
		_ = sessions.Logout(r.Context(), cookie.Value) // the old one also ends by itself
	}
	http.SetCookie(w, sessions.SessionCookie(id))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, session.SafeReturn(to), http.StatusSeeOther)
}

// logout ends the session; the cookie goes only when the store has let go.
func (p *Portal) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(p.parts.Sessions.SessionCookieName()); err == nil {
		if err := p.parts.Sessions.Logout(r.Context(), cookie.Value); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	http.SetCookie(w, p.parts.Sessions.SessionCookie(""))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// message is what a person may read of an error.
func message(err error) string {
	if e, ok := asError(err); ok {
		return e.Message
	}
	return "something went wrong"
}

func next(err error, otherwise string) string {
	if e, ok := asError(err); ok && strings.TrimSpace(e.Next) != "" {
		return e.Next
	}
	return otherwise
}
