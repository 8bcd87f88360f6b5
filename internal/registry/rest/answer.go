package rest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

const headerRequestID = "X-Request-Id"

// The media types of the API, the default first.
const (
	mediaV1     = "application/vnd.schemaregistry.v1+json"
	mediaLatest = "application/vnd.schemaregistry+json"
	mediaJSON   = "application/json"
)

// statusError is an error that only HTTP knows.
type statusError struct {
	status  int
	code    int
	message string
}

// Error gives the message.
func (e statusError) Error() string { return e.message }

// mediaOf chooses the media type of the answer: the first of ours that the
// client names, else the default one.
func mediaOf(r *http.Request) string {
	accept := r.Header.Get("Accept")
	if accept == "" || accept == mediaV1 {
		return mediaV1
	}
	for part := range strings.SplitSeq(accept, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch name {
		case mediaV1, mediaLatest, mediaJSON:
			return name
		}
	}
	return mediaV1
}

// checkMedia refuses a body of a type that the API does not take.
func checkMedia(r *http.Request) error {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return nil
	}
	name, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "", mediaV1, mediaLatest, mediaJSON, "application/octet-stream":
		return nil
	}
	return statusError{http.StatusUnsupportedMediaType, 415, "HTTP 415 Unsupported Media Type"}
}

// read decodes the body; unknown properties are ignored, as newer clients send
// more than older registries know.
func (c *call) read(into any) error {
	raw, err := io.ReadAll(c.r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return statusError{http.StatusRequestEntityTooLarge, 413,
			"The request has more than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes; nothing was changed."}
	}
	if err != nil {
		return statusError{http.StatusBadRequest, 400, "The request body cannot be read; nothing was changed."}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return statusError{http.StatusBadRequest, 400, "The request body is not the JSON that this call takes: " + clip(err.Error()) + ". Nothing was changed."}
	}
	return nil
}

// render encodes an answer on one line without HTML escapes.
func render(answer any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		return []byte("null")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// text is an answer that is sent as it is.
type text string

func writeJSON(w http.ResponseWriter, r *http.Request, status int, answer any) {
	var body []byte
	if raw, ok := answer.(text); ok {
		body = []byte(raw)
	} else {
		body = render(answer)
	}
	writeBody(w, mediaOf(r), status, body)
}

func writeBody(w http.ResponseWriter, media string, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", media)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone; there is nobody to tell
}

// errorBody is the error form of the API.
type errorBody struct {
	Code    int    `json:"error_code"`
	Message string `json:"message"`
}

func writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, body := translate(err)
	writeJSON(w, r, status, body)
}

// fail writes an error and logs what the client must not see.
func (h *Handler) fail(c *call, err error) {
	status, body := translate(err)
	if registry.CodeOf(err) == registry.ErrIncompatible {
		body.Code = h.cfg.IncompatibleCode
	}
	if status >= 500 {
		h.cfg.Logger.Error("a registry request failed", "method", c.r.Method, "path", c.r.URL.Path, "status", status, "error", err)
	}
	writeJSON(c.w, c.r, status, body)
}

// translate is the one table from errors to HTTP: a registry code carries its
// status in its first three digits.
func translate(err error) (status int, body errorBody) {
	var own statusError
	if errors.As(err, &own) {
		return own.status, errorBody{own.code, own.message}
	}
	var fault *registry.Error
	if errors.As(err, &fault) {
		status := int(fault.Code)
		if status >= 10_000 {
			status /= 100
		}
		return status, errorBody{int(fault.Code), fault.Message}
	}
	status, ok := statusOfCode[eventbus.CodeOf(err)]
	if !ok {
		return http.StatusInternalServerError, errorBody{int(registry.ErrStore), "Internal Server Error"}
	}
	code := status*100 + 1
	message := err.Error()
	var known *eventbus.Error
	if errors.As(err, &known) {
		message = strings.TrimSpace(known.Message + " " + known.Next)
	}
	return status, errorBody{code, message}
}

// statusOfCode is for errors of the bus that are not the registry's own; those
// not named are 500 and say nothing.
var statusOfCode = map[eventbus.Code]int{
	eventbus.CodeUnauthenticated: http.StatusUnauthorized,
	eventbus.CodeForbidden:       http.StatusForbidden,
	eventbus.CodeLimited:         http.StatusTooManyRequests,
	eventbus.CodeUnavailable:     http.StatusServiceUnavailable,
}

// refusal explains to a serializer that tried to register by itself what to do.
func refusal(row *route, err error) error {
	var known *eventbus.Error
	if row.action != ActionRegister || !errors.As(err, &known) || known.Code != eventbus.CodeForbidden {
		return err
	}
	return &eventbus.Error{Code: eventbus.CodeForbidden, Err: err,
		Message: "Schemas are not registered by clients here; nothing was registered. " +
			"Set auto.register.schemas=false (and use.latest.version=true) in the producer; " +
			"new schemas come through an onboarding request, or from a pipeline whose token has the scope schema:write."}
}

// identify gives the request an id that its versions will carry.
func (c *call) identify() {
	id := c.r.Header.Get(headerRequestID)
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		id = rand.Text()
		c.r.Header.Set(headerRequestID, id)
	}
	c.w.Header().Set(headerRequestID, id)
	if c.caller.RequestID == "" || len(c.caller.RequestID) > 128 {
		c.caller.RequestID = id
	}
}
