package apiserver

import (
	"errors"
	"net/http"

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

// problem turns an error into the problem document (RFC 9457) of its code. The
// cause stays in the log; a defect of the bus says only that it is one.
func (a *API) problem(err error) error {
	if err == nil {
		return nil
	}
	status := statusOf[eventbus.CodeOf(err)]
	if status == http.StatusInternalServerError {
		a.parts.Log.Error("a request failed", "error", err)
		return huma.NewError(status, "the bus failed; nothing is known to have changed")
	}
	var e *eventbus.Error
	errors.As(err, &e)
	details := make([]error, len(e.Faults))
	for i, fault := range e.Faults {
		message := fault.Message
		if fault.Fix != "" {
			message += " (" + fault.Fix + ")"
		}
		details[i] = &huma.ErrorDetail{Location: fault.Path, Message: message}
	}
	message := e.Message
	if e.Next != "" {
		message += "; " + e.Next
	}
	return huma.NewError(status, message, details...)
}
