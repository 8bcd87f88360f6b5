package sts

import (
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// errorResponse is AWS's error document of query APIs.
type errorResponse struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Space   string   `xml:"xmlns,attr"`
	Error   struct {
		Type    string `xml:"Type"`
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	} `xml:"Error"`
	RequestID string `xml:"RequestId"`
}

// protocolError is an error of the protocol itself, and the form that every
// other takes on its way out.
type protocolError struct {
	code, message, requestID string
}

// Error gives code and message.
func (e *protocolError) Error() string { return e.code + ": " + e.message }

func fault(code, message string) *protocolError { return &protocolError{code: code, message: message} }

func (e *protocolError) with(by *iam.Session) *protocolError {
	return &protocolError{e.code, e.message, by.RequestID}
}

var errMissingAuth = fault("MissingAuthenticationToken", "Request is missing Authentication Token")

// statuses are the HTTP statuses of the codes ("Common errors" of the AWS STS
// API Reference); all others are 400.
var statuses = map[string]int{
	"AccessDenied":               http.StatusForbidden,
	"ExpiredToken":               http.StatusForbidden,
	"InvalidClientTokenId":       http.StatusForbidden,
	"SignatureDoesNotMatch":      http.StatusForbidden,
	"IncompleteSignature":        http.StatusForbidden,
	"MissingAuthenticationToken": http.StatusForbidden,
	"MethodNotAllowed":           http.StatusMethodNotAllowed,
	"RequestEntityTooLarge":      http.StatusRequestEntityTooLarge,
	"ServiceUnavailable":         http.StatusServiceUnavailable,
	"InternalFailure":            http.StatusInternalServerError,
}

const (
	textInvalidToken = "The security token included in the request is invalid."
	textSignature    = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key, region, clock and signing method."
)

// byCheck translates who could not be authenticated. What is not here is an
// incomplete signature: the header could not be read.
var byCheck = map[iam.Check]*protocolError{
	iam.CheckKey:          fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckUser:         fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckKeyDisabled:  fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckUserDisabled: fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckToken:        fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckRole:         fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckTrust:        fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckPolicy:       fault("InvalidClientTokenId", textInvalidToken),
	iam.CheckExpired:      fault("ExpiredToken", "The security token included in the request is expired"),

	sigv4.CheckSignature:  fault("SignatureDoesNotMatch", textSignature),
	sigv4.CheckService:    fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'."),
	sigv4.CheckRegion:     fault("SignatureDoesNotMatch", "Credential should be scoped to a valid region."),
	sigv4.CheckTerminator: fault("SignatureDoesNotMatch", textSignature),
	sigv4.CheckScopeDay:   fault("SignatureDoesNotMatch", textSignature),
	sigv4.CheckHost:       fault("SignatureDoesNotMatch", textSignature),
	sigv4.CheckNotYet:     fault("SignatureDoesNotMatch", "Signature not yet current: set the clock."),
	sigv4.CheckExpired:    fault("SignatureDoesNotMatch", "Signature expired: set the clock."),
}

// translate is the one table from the bus's errors to AWS's.
func translate(err error) *protocolError {
	var f *protocolError
	if errors.As(err, &f) {
		return f
	}
	var known *eventbus.Error
	if !errors.As(err, &known) {
		known = &eventbus.Error{Code: eventbus.CodeInternal}
	}
	f = fault("InternalFailure", "The request processing has failed because of an internal error.")
	switch known.Code {
	case eventbus.CodeUnauthenticated:
		if f = byCheck[iam.CheckOf(err)]; f == nil {
			f = fault("IncompleteSignature", "The request signature does not conform to AWS standards.")
		}
	case eventbus.CodeForbidden:
		f = fault("AccessDenied", known.Message)
	case eventbus.CodeInvalid:
		code := "ValidationError"
		if iam.CheckOf(err) == iam.CheckPolicy {
			code = "MalformedPolicyDocument"
		}
		f = fault(code, messageOf(known))
	case eventbus.CodeUnavailable, eventbus.CodeLimited:
		f = fault("ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	}
	return &protocolError{f.code, f.message, iam.RequestIDOf(err)}
}

func messageOf(e *eventbus.Error) string {
	parts := []string{e.Message}
	for _, f := range e.Faults {
		parts = append(parts, strings.TrimSpace(f.Path+" "+f.Message))
	}
	return strings.Join(parts, "; ")
}

func (h *handler) writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := translate(err)
	if f.code == "InternalFailure" {
		h.cfg.Logger.ErrorContext(r.Context(), "a request to STS failed", "err", err)
	}
	if f.requestID == "" {
		f = &protocolError{f.code, f.message, uuid.NewString()}
	}
	status := statuses[f.code]
	if status == 0 {
		status = http.StatusBadRequest
	}
	answer := errorResponse{Space: namespace, RequestID: f.requestID}
	answer.Error.Type, answer.Error.Code, answer.Error.Message = "Sender", f.code, f.message
	if status >= http.StatusInternalServerError {
		answer.Error.Type = "Receiver"
	}
	h.write(w, r, status, f.requestID, answer)
}
