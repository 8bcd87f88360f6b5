package eventbus

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of failure an Error is. The list is closed: doors
// translate each code into their protocol's own (HTTP status, registry error
// code, Kafka error code, exit code) in one table.
type Code string

// The closed list of codes.
const (
	CodeInvalid         Code = "invalid"         // the input is wrong; Faults say where
	CodeUnauthenticated Code = "unauthenticated" // nobody is signed in, or the credential is not valid
	CodeForbidden       Code = "forbidden"       // signed in, but not allowed
	CodeNotFound        Code = "not_found"       // the named thing does not exist, or may not be seen
	CodeConflict        Code = "conflict"        // the thing exists already, or changed since it was read
	CodeTooLarge        Code = "too_large"       // the input exceeds a size limit
	CodeLimited         Code = "limited"         // too many requests, connections or attempts
	CodeUnavailable     Code = "unavailable"     // a part is starting, read-only, or cannot be reached; try again
	CodeCorrupt         Code = "corrupt"         // stored data does not verify
	CodeInternal        Code = "internal"        // a defect of the bus; details are in its log only
)

// Codes lists every Code; translation tables are tested against it.
func Codes() []Code {
	return []Code{CodeInvalid, CodeUnauthenticated, CodeForbidden, CodeNotFound, CodeConflict,
		CodeTooLarge, CodeLimited, CodeUnavailable, CodeCorrupt, CodeInternal}
}

// Fault is one thing that is wrong with an input.
type Fault struct {
	Path    string `json:"path"`             // where, as a dotted path or JSON pointer ("topic.partitions")
	Message string `json:"message"`          // what is wrong, in plain words
	Fix     string `json:"fix,omitempty"`    // what to write instead
	Line    int    `json:"line,omitempty"`   // 1-based line in the file, 0 when unknown
	Column  int    `json:"column,omitempty"` // 1-based column in the file, 0 when unknown
	File    string `json:"file,omitempty"`   // the file, when the input was one
}

// String renders the fault as file:line:column: path: message (fix).
func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		b.WriteByte(':')
	}
	if f.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", f.Line, f.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	if f.Fix != "" {
		b.WriteString(" (" + f.Fix + ")")
	}
	return b.String()
}

// Error is the one error type that crosses package boundaries with a meaning.
// Message says what failed and what was not changed; Next says what to do.
type Error struct {
	Code    Code
	Message string
	Next    string  // what the reader should do next; may be empty
	Faults  []Fault // every fault at once, for CodeInvalid
	Err     error   // the cause, for logs; never shown to a caller outside
}

// Error joins the message, its faults and its cause on one line.
func (e *Error) Error() string {
	parts := []string{e.Message}
	for _, f := range e.Faults {
		parts = append(parts, f.String())
	}
	if e.Err != nil && e.Err.Error() != "" {
		parts = append(parts, e.Err.Error())
	}
	if e.Next != "" {
		parts = append(parts, e.Next)
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a code; %w keeps a cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Code: code, Message: err.Error()}
	if cause := errors.Unwrap(err); cause != nil {
		e.Err = quiet{cause}
	}
	return e
}

// quiet is a cause whose text is already part of the message.
type quiet struct{ error }

// Error is empty: the text stands in the message already.
func (quiet) Error() string { return "" }

// Unwrap gives the cause for errors.Is and errors.As.
func (q quiet) Unwrap() error { return q.error }

// Invalid makes a CodeInvalid error that carries all faults.
func Invalid(message string, faults ...Fault) *Error {
	return &Error{Code: CodeInvalid, Message: message, Faults: faults}
}

// CodeOf gives the code of the first *Error in err's chain, CodeInternal for
// any other error, and the empty Code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// FaultsOf gives the faults of the first *Error in err's chain.
func FaultsOf(err error) []Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Faults
	}
	return nil
}
