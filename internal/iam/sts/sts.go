package sts

import (
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/iam"
	"github.com/enterprise-event-bus/eventbus/internal/iam/sigv4"
)

// Config of the endpoint; the zero value works.
type Config struct {
	Logger *slog.Logger // nil logs nothing
}

const (
	version   = "2011-06-15"
	namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	maxBody   = 64 << 10
)

// handler answers POST with a form and GET with a query.
type handler struct {
	cfg Config
	dir *iam.Directory
}

// New makes the endpoint. It answers on "/", "/aws/sts" and "/aws/sts/"; the
// path is part of what a client signs, so it must be mounted without stripping
// a prefix.
func New(cfg Config, dir *iam.Directory) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &handler{cfg, dir}
}

// call is one authenticated request.
type call struct {
	by     *iam.Session
	values url.Values
}

// operations are the actions that are answered.
var operations = map[string]func(*handler, *http.Request, call) (any, error){
	"AssumeRole":        (*handler).assumeRole,
	"GetCallerIdentity": (*handler).getCallerIdentity,
}

// ServeHTTP authenticates, dispatches by Action and writes XML.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/", "/aws/sts", "/aws/sts/":
	default:
		http.NotFound(w, r)
		return
	}
	answer, id, err := h.answer(w, r)
	if err != nil {
		h.writeError(w, r, err)
		return
	}
	h.write(w, r, http.StatusOK, id, answer)
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request) (answer any, requestID string, err error) {
	body, values, err := read(w, r)
	if err != nil {
		return nil, "", err
	}
	if r.Header.Get("Authorization") == "" {
		return nil, "", errMissingAuth
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	signed, err := sigv4.ParseHeader(r.Method, r.Host, path, query, r.Header, body)
	if err != nil {
		return nil, "", h.dir.RefuseRequest(r.Context(), err, r.RemoteAddr)
	}
	by, err := h.dir.Authenticate(r.Context(), signed, r.RemoteAddr)
	if err != nil {
		return nil, "", err
	}
	action := values.Get("Action")
	operation := operations[action]
	switch {
	case action == "":
		return nil, "", fault("MissingAction", "the request names no Action").with(by)
	case operation == nil || values.Get("Version") != version:
		return nil, "", fault("InvalidAction", "Could not find operation "+short(action)+" for version "+short(values.Get("Version"))).with(by)
	}
	answer, err = operation(h, r, call{by, values})
	var f *protocolError
	if errors.As(err, &f) {
		err = f.with(by)
	}
	return answer, by.RequestID, err
}

// read gives the raw body and the parameters, each of which may come once.
func read(w http.ResponseWriter, r *http.Request) ([]byte, url.Values, error) {
	text := r.URL.RawQuery
	var body []byte
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/x-www-form-urlencoded" {
			return nil, nil, fault("ValidationError", "write the parameters as application/x-www-form-urlencoded")
		}
		if body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
			return nil, nil, fault("RequestEntityTooLarge", "the request is larger than 64 KiB or broke off")
		}
		text = string(body)
	default:
		return nil, nil, fault("MethodNotAllowed", "use POST or GET")
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, nil, fault("MalformedQueryString", "the parameters cannot be read")
	}
	for name, list := range values {
		if len(list) != 1 {
			return nil, nil, fault("ValidationError", "the parameter "+short(name)+" comes twice")
		}
	}
	return body, values, nil
}

func (h *handler) write(w http.ResponseWriter, r *http.Request, status int, id string, answer any) {
	text, err := xml.Marshal(answer)
	if err != nil {
		h.cfg.Logger.ErrorContext(r.Context(), "an answer of STS could not be written", "err", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/xml; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	if _, err := w.Write(append(text, '\n')); err != nil {
		h.cfg.Logger.DebugContext(r.Context(), "the caller of STS has gone", "err", err)
	}
}

// short bounds a text of the caller for a message.
func short(s string) string {
	const most = 128
	return strings.ToValidUTF8(s[:min(len(s), most)], "?")
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
