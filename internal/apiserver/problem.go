package apiserver

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/enterprise-event-bus/eventbus"
)

// statusOf is the one table from error code to HTTP status.
var statusOf = map[eventbus.Code]int{
	eventbus.CodeInvalid:         http.StatusUnprocessableEntity,
	eventbus.CodeUnauthenticated: http.StatusUnauthorized,
	eventbus.CodeForbidden:       http.StatusForbidden,
	eventbus.CodeNotFound:        http.StatusNotFound,
	eventbus.CodeConflict:        http.StatusConflict,
	eventbus.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	eventbus.CodeLimited:         http.StatusTooManyRequests,
	eventbus.CodeUnavailable:     http.StatusServiceUnavailable,
	eventbus.CodeCorrupt:         http.StatusInternalServerError,
	eventbus.CodeInternal:        http.StatusInternalServerError,
}

// Problem is the problem document (RFC 9457) of every refusal.
type Problem struct {
	Title  string         `json:"title" doc:"the status in words"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty" doc:"what failed, and what was not changed"`
	Next   string         `json:"next,omitempty" doc:"what to do next"`
	Code   eventbus.Code  `json:"code" doc:"kind of failure, stable"`
	Errors []ProblemFault `json:"errors,omitempty" doc:"every fault at once"`
}

// ProblemFault is one thing that is wrong with the input.
type ProblemFault struct {
	Location string `json:"location,omitempty" doc:"where: body.field, or a path within the document"`
	Message  string `json:"message"`
	Fix      string `json:"fix,omitempty" doc:"what to write instead"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
}

// Error gives the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus gives huma the status to answer with.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType gives huma the type to answer with.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// newProblem is the document that huma makes for what it refuses itself.
func newProblem(status int, message string, causes ...error) huma.StatusError {
	if message == "validation failed" { // huma's words, which say neither what nor what of it
		message = "the call does not fit its description; nothing was done"
	}
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: message, Code: codeOf(status)}
	for _, cause := range causes {
		var detail *huma.ErrorDetail
		switch {
		case cause == nil:
		case errors.As(cause, &detail):
			p.Errors = append(p.Errors, ProblemFault{Location: detail.Location, Message: detail.Message})
		default:
			p.Errors = append(p.Errors, ProblemFault{Message: cause.Error()})
		}
	}
	return p
}

// codeOf is the reverse of statusOf for statuses that huma answers with.
func codeOf(status int) eventbus.Code {
	switch {
	case status == http.StatusRequestTimeout:
		return eventbus.CodeUnavailable
	case status >= 500 && status != http.StatusServiceUnavailable:
		return eventbus.CodeInternal
	}
	for _, code := range eventbus.Codes() {
		if statusOf[code] == status {
			return code
		}
	}
	return eventbus.CodeInvalid
}

// problem turns an error into the problem document of its code. The cause stays
// in the log; a defect of the bus says only that it is one.
func (a *API) problem(err error) huma.StatusError {
	status := statusOf[eventbus.CodeOf(err)]
	if status == http.StatusInternalServerError {
		a.parts.Log.Error("a request failed", "error", err)
		return newProblem(status, "the bus failed; nothing is known to have changed")
	}
	var e *eventbus.Error
	errors.As(err, &e)
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: e.Message, Next: e.Next, Code: e.Code}
	if e.Err != nil {
		a.parts.Log.Debug("a request was refused", "error", err)
	}
	for _, fault := range e.Faults {
		p.Errors = append(p.Errors, ProblemFault{Location: fault.Path, Message: fault.Message, Fix: fault.Fix,
			File: fault.File, Line: fault.Line, Column: fault.Column})
	}
	return p
}

// writeProblem answers before a handler is reached.
func (a *API) writeProblem(ctx huma.Context, p huma.StatusError) {
	text, _ := json.Marshal(p) // strings and numbers always encode
	ctx.SetHeader("Content-Type", "application/problem+json")
	if p.GetStatus() == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", `Bearer realm="eventbus"`)
	}
	ctx.SetStatus(p.GetStatus())
	_, _ = ctx.BodyWriter().Write(append(text, '\n')) // the client has gone: nothing to do
}

// nowhere answers what no route does: 405 when the path has other methods.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	p := newProblem(http.StatusNotFound, "there is nothing at "+clip(r.URL.Path)).(*Problem)
	p.Next = "GET /api/openapi.json lists what there is"
	allowed := a.allowed(r)
	if len(allowed) > 0 && !slices.Contains(allowed, r.Method) {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		p = newProblem(http.StatusMethodNotAllowed, clip(r.URL.Path)+" does not answer "+clip(r.Method)).(*Problem)
		p.Next = "it answers " + strings.Join(allowed, ", ")
	}
	writeProblem(w, p)
}

// allowed lists the methods of a path: those of its most literal pattern, so
// that /events/import is not taken for an event of this name.
func (a *API) allowed(r *http.Request) []string {
	var methods []string
	least := math.MaxInt
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		_, pattern := a.mux.Handler(other)
		if pattern == "" || pattern == "/api/" {
			continue
		}
		wild := strings.Count(pattern, "{")
		if wild < least {
			least, methods = wild, nil
		}
		if wild == least {
			methods = append(methods, method)
		}
	}
	return methods
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client has gone: nothing to do
}

// clip bounds what is said back of an input.
func clip(text string) string {
	const most = 120
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
