package apiserver

import (
	"errors"
	"net/http"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// Backstage serves what a Backstage reads, to anybody: the Location, all events,
// and each event by itself, with a strong ETag and 304. A fault is a 5xx with a
// text, never an empty 200: Backstage deletes what it no longer finds in a
// document that it could read.
func (a *API) Backstage() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /backstage/catalog-info.yaml", func(w http.ResponseWriter, r *http.Request) {
		a.export(w, r, a.parts.Catalog.ExportLocation(), nil)
	})
	mux.HandleFunc("GET /backstage/events.yaml", func(w http.ResponseWriter, r *http.Request) {
		document, err := a.parts.Catalog.ExportEvents(r.Context())
		a.export(w, r, document, err)
	})
	mux.HandleFunc("GET /backstage/events/{name}/catalog-info.yaml", func(w http.ResponseWriter, r *http.Request) {
		document, err := a.parts.Catalog.ExportEvent(r.Context(), r.PathValue("name"))
		a.export(w, r, document, err)
	})
	mux.HandleFunc("/backstage/", func(w http.ResponseWriter, r *http.Request) {
		p := newProblem(http.StatusNotFound, "there is nothing at "+clip(r.URL.Path)).(*Problem)
		p.Next = "register /backstage/catalog-info.yaml in Backstage"
		writeProblem(w, p)
	})
	return mux
}

func (a *API) export(w http.ResponseWriter, r *http.Request, document catalog.Export, err error) {
	if err == nil && len(document.Body) == 0 {
		err = eventbus.Errorf(eventbus.CodeInternal, "the export is empty")
	}
	if err != nil {
		var p *Problem
		errors.As(a.problem(err), &p)
		writeProblem(w, p)
		return
	}
	header := w.Header()
	header.Set("ETag", document.ETag)
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Type", "application/yaml; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if matches(r.Header.Values("If-None-Match"), document.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(document.Body) // the client has gone: nothing to do
}

// matches compares as RFC 9110, 13.1.2: weakly, any of the list.
func matches(lines []string, etag string) bool {
	for _, candidate := range strings.Split(strings.Join(lines, ","), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}
