package registry

import (
	"errors"
	"fmt"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// ErrorCode is a registry error code as Confluent's API defines it. The first
// three digits are the HTTP status that belongs to it.
type ErrorCode int

// The closed list of codes (Confluent Schema Registry API, "Errors").
const (
	ErrSubjectNotFound       ErrorCode = 40401
	ErrVersionNotFound       ErrorCode = 40402
	ErrSchemaNotFound        ErrorCode = 40403
	ErrSubjectSoftDeleted    ErrorCode = 40404
	ErrSubjectNotSoftDeleted ErrorCode = 40405
	ErrVersionSoftDeleted    ErrorCode = 40406
	ErrVersionNotSoftDeleted ErrorCode = 40407
	ErrNoSubjectLevel        ErrorCode = 40408
	ErrNoSubjectMode         ErrorCode = 40409
	ErrIncompatible          ErrorCode = 409
	ErrInvalidSchema         ErrorCode = 42201
	ErrInvalidVersion        ErrorCode = 42202
	ErrInvalidLevel          ErrorCode = 42203
	ErrInvalidMode           ErrorCode = 42204
	ErrNotPermitted          ErrorCode = 42205
	ErrReferenceExists       ErrorCode = 42206
	ErrIDMismatch            ErrorCode = 42207
	ErrInvalidSubject        ErrorCode = 42208
	ErrSchemaTooLarge        ErrorCode = 42209
	ErrInvalidRuleSet        ErrorCode = 42210
	ErrContextNotEmpty       ErrorCode = 42211
	ErrStore                 ErrorCode = 50001
	ErrTimeout               ErrorCode = 50002
	ErrForwarding            ErrorCode = 50003
	ErrUnknownLeader         ErrorCode = 50004
)

// ErrorCodes lists every ErrorCode.
func ErrorCodes() []ErrorCode {
	return []ErrorCode{ErrSubjectNotFound, ErrVersionNotFound, ErrSchemaNotFound, ErrSubjectSoftDeleted,
		ErrSubjectNotSoftDeleted, ErrVersionSoftDeleted, ErrVersionNotSoftDeleted, ErrNoSubjectLevel, ErrNoSubjectMode,
		ErrIncompatible, ErrInvalidSchema, ErrInvalidVersion, ErrInvalidLevel, ErrInvalidMode, ErrNotPermitted,
		ErrReferenceExists, ErrIDMismatch, ErrInvalidSubject, ErrSchemaTooLarge, ErrInvalidRuleSet,
		ErrContextNotEmpty, ErrStore, ErrTimeout, ErrForwarding, ErrUnknownLeader}
}

// Kind is the bus's own code for a registry code.
func (c ErrorCode) Kind() eventbus.Code {
	switch c {
	case ErrSubjectNotFound, ErrVersionNotFound, ErrSchemaNotFound, ErrNoSubjectLevel, ErrNoSubjectMode:
		return eventbus.CodeNotFound
	case ErrIncompatible, ErrSubjectSoftDeleted, ErrSubjectNotSoftDeleted, ErrVersionSoftDeleted,
		ErrVersionNotSoftDeleted, ErrNotPermitted, ErrReferenceExists, ErrIDMismatch, ErrContextNotEmpty:
		return eventbus.CodeConflict
	case ErrSchemaTooLarge:
		return eventbus.CodeTooLarge
	case ErrStore, ErrTimeout, ErrForwarding, ErrUnknownLeader:
		return eventbus.CodeUnavailable
	default:
		return eventbus.CodeInvalid
	}
}

// Error is a failure of the registry with Confluent's code. It unwraps to an
// *eventbus.Error of the matching Kind, so that doors other than rest need not
// know this type.
type Error struct {
	Code    ErrorCode
	Message string
	Reasons []string // of ErrIncompatible: one per incompatibility
	Err     error    // the cause, for logs
}

// Error gives the message and the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the bus's own error and the cause.
func (e *Error) Unwrap() []error {
	own := &eventbus.Error{Code: e.Code.Kind(), Message: e.Message}
	for _, reason := range e.Reasons {
		own.Faults = append(own.Faults, eventbus.Fault{Message: reason})
	}
	if e.Err == nil {
		return []error{own}
	}
	return []error{own, e.Err}
}

// fail makes an Error.
func fail(code ErrorCode, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf gives the registry code of err, ErrStore for an error without one, 0
// for nil.
func CodeOf(err error) ErrorCode {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ErrStore
}

func noSubject(subject string) *Error {
	return fail(ErrSubjectNotFound, "Subject '%s' not found.", subject)
}

func noVersion(number int) *Error {
	return fail(ErrVersionNotFound, "Version %d not found.", number)
}
