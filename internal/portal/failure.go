package portal

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/enterprise-event-bus/eventbus"
)

// failureView is an error page: what failed, what was not changed, what to do.
type failureView struct {
	Code      string
	Message   string
	Next      string
	Faults    []string
	RequestID string
	SignIn    string
	Retry     string
	Near      []Link // pages with a name like the one asked for
}

// statuses gives each code its HTTP status and the heading of its page.
var statuses = map[eventbus.Code]struct {
	status  int
	heading string
}{
	eventbus.CodeInvalid:         {http.StatusUnprocessableEntity, "Something in the form needs another look"},
	eventbus.CodeUnauthenticated: {http.StatusUnauthorized, "Please sign in"},
	eventbus.CodeForbidden:       {http.StatusForbidden, "You may not do this"},
	eventbus.CodeNotFound:        {http.StatusNotFound, "There is nothing here"},
	eventbus.CodeConflict:        {http.StatusConflict, "Somebody else was faster"},
	eventbus.CodeTooLarge:        {http.StatusRequestEntityTooLarge, "That is too large"},
	eventbus.CodeLimited:         {http.StatusTooManyRequests, "Too many requests"},
	eventbus.CodeUnavailable:     {http.StatusServiceUnavailable, "A part of the bus cannot be reached"},
	eventbus.CodeCorrupt:         {http.StatusInternalServerError, "Stored data does not verify"},
	eventbus.CodeInternal:        {http.StatusInternalServerError, "The bus made a mistake"},
}

// fail writes the error page of err. The cause of an internal error goes to the
// log under the request id and not to the page.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, err error) {
	code := eventbus.CodeOf(err)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		code = eventbus.CodeTooLarge
	}
	known, ok := statuses[code]
	if !ok {
		code, known = eventbus.CodeInternal, statuses[eventbus.CodeInternal]
	}
	v := p.visitOf(r)
	view := failureView{Code: string(code), RequestID: requestIDOf(r)}
	var e *eventbus.Error
	switch {
	case code == eventbus.CodeInternal || code == eventbus.CodeCorrupt:
		p.cfg.Logger.Error("page failed", slog.String("request", view.RequestID), slog.String("path", r.URL.Path), slog.Any("error", err))
		view.Message = "The page could not be made; nothing was changed by this visit."
		view.Next = "Try again. If it happens again, tell the Event Bus team the request id below."
	case code == eventbus.CodeTooLarge && !errors.As(err, &e):
		view.Message = "The form holds more than 512 KiB; nothing was saved."
		view.Next = "Shorten it, for example by moving a long document behind a link."
	case errors.As(err, &e):
		view.Message, view.Next = sentence(e.Message), e.Next
		for _, f := range e.Faults {
			view.Faults = append(view.Faults, f.String())
		}
	}
	if code == eventbus.CodeNotFound {
		view.Near = p.near(v)
	}
	if code == eventbus.CodeUnauthenticated {
		view.SignIn = "/login"
	}
	if r.Method == http.MethodGet && (code == eventbus.CodeUnavailable || code == eventbus.CodeInternal) {
		view.Retry = r.URL.RequestURI()
	}
	if code == eventbus.CodeUnavailable || code == eventbus.CodeLimited {
		w.Header().Set("Retry-After", "5")
	}
	if err := p.render(w, v, known.status, "failure", Shell{Title: known.heading}, view); err != nil {
		p.cfg.Logger.Error("error page failed", slog.String("request", view.RequestID), slog.Any("error", err))
		http.Error(w, "The page could not be made. Request id "+view.RequestID, http.StatusInternalServerError)
	}
}

// notFound answers every path that is no page.
func (p *Portal) notFound(_ http.ResponseWriter, v visit) error {
	return &eventbus.Error{Code: eventbus.CodeNotFound, Message: "No page has the address " + v.URL.Path + ".",
		Next: "Search for what you were looking for, or start at the catalog."}
}
