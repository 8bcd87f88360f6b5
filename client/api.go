package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// API calls the control plane (/api/v1). The zero Token means anonymous. An
// API is safe for concurrent use.
type API struct {
	Server string // base URL of the bus: http://127.0.0.1:8080
	Token  string // ebt_… or empty
	HTTP   *http.Client
}

// Bus describes a running bus: GET /api/v1/bus.
type Bus struct {
	Version      string                 `json:"version"`
	Kafka        string                 `json:"kafka,omitempty"`            // PLAINTEXT address, loopback only
	KafkaIAM     string                 `json:"kafkaIAM,omitempty"`         // SASL_SSL "from AWS"
	KafkaExt     string                 `json:"kafkaIAMExternal,omitempty"` // SASL_SSL "from outside AWS"
	Registry     string                 `json:"registry"`
	STS          string                 `json:"sts,omitempty"`
	CAFile       string                 `json:"caFile,omitempty"`
	Truststore   string                 `json:"truststore,omitempty"`
	Environments []eventbus.Environment `json:"environments"`
	Deployment   eventbus.Deployment    `json:"deployment"`
}

// Bus asks the server what it is and where its doors are.
func (a *API) Bus(ctx context.Context) (Bus, error) {
	var bus Bus
	err := a.Get(ctx, "/api/v1/bus", &bus)
	return bus, err
}

// Get reads a resource into out.
func (a *API) Get(ctx context.Context, path string, out any) error {
	return a.Do(ctx, http.MethodGet, path, nil, out)
}

// maxResponse bounds what is read of an answer: 64 MiB.
const maxResponse = 64 << 20

// Do calls the API with a JSON body (nil for none) and reads the JSON answer
// into out (nil to drop it). A refusal comes back as *eventbus.Error with the
// code of its HTTP status and all faults.
func (a *API) Do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	contentType := "application/json"
	switch v := in.(type) {
	case nil:
	case []byte: // a document as written, YAML or JSON
		body, contentType = bytes.NewReader(v), "application/yaml"
	default:
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request body: %w", err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(a.Server, "/")+path, body)
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInvalid, "server address %q: %w", a.Server, err)
	}
	if body != nil {
		request.Header.Set("Content-Type", contentType)
	}
	if a.Token != "" {
		request.Header.Set("Authorization", "Bearer "+a.Token)
	}
	return a.send(request, out)
}

func (a *API) send(request *http.Request, out any) error {
	httpClient := a.HTTP
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	response, err := httpClient.Do(request)
	if err != nil {
		var urlError *url.Error
		if errors.As(err, &urlError) {
			err = urlError.Err
		}
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "cannot reach the bus at " + a.Server,
			Next: "start it with `eventbus dev`, or name another with --server", Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse+1))
	if err != nil {
		return &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the answer of " + a.Server + " broke off", Err: err}
	}
	if len(text) > maxResponse {
		return eventbus.Errorf(eventbus.CodeTooLarge, "the answer of %s is larger than %d bytes", a.Server, maxResponse)
	}
	if response.StatusCode >= 300 {
		return problem(response.StatusCode, text)
	}
	switch v := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*v = text
		return nil
	}
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", request.URL.Path, err)
	}
	return nil
}

// problem reads an RFC 9457 problem document.
func problem(status int, text []byte) error {
	var document struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Next   string `json:"next"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
			Fix      string `json:"fix"`
			File     string `json:"file"`
			Line     int    `json:"line"`
			Column   int    `json:"column"`
		} `json:"errors"`
	}
	e := &eventbus.Error{Code: codeOfStatus(status), Message: fmt.Sprintf("the bus answered %d", status)}
	if json.Unmarshal(text, &document) != nil {
		return e
	}
	if document.Detail != "" {
		e.Message = document.Detail
	} else if document.Title != "" {
		e.Message = document.Title
	}
	e.Next = document.Next
	for _, fault := range document.Errors {
		e.Faults = append(e.Faults, eventbus.Fault{Path: fault.Location, Message: fault.Message, Fix: fault.Fix,
			File: fault.File, Line: fault.Line, Column: fault.Column})
	}
	return e
}

func codeOfStatus(status int) eventbus.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return eventbus.CodeInvalid
	case http.StatusUnauthorized:
		return eventbus.CodeUnauthenticated
	case http.StatusForbidden:
		return eventbus.CodeForbidden
	case http.StatusNotFound:
		return eventbus.CodeNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return eventbus.CodeConflict
	case http.StatusRequestEntityTooLarge:
		return eventbus.CodeTooLarge
	case http.StatusTooManyRequests:
		return eventbus.CodeLimited
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return eventbus.CodeUnavailable
	default:
		return eventbus.CodeInternal
	}
}
