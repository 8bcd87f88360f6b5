package server

import (
	"encoding/json"
	"net/http"
	"sort"
)

// readiness asks each part whether it can serve.
type readiness map[string]func() error

// faults gives the reason of every part that cannot.
func (r readiness) faults() map[string]string {
	faults := map[string]string{}
	for part, ready := range r {
		if err := ready(); err != nil {
			faults[part] = err.Error()
		}
	}
	return faults
}

// mount serves /healthz/live (the process answers) and /healthz/ready (every
// part can serve, or which cannot and why).
func (r readiness) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz/live", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "live"})
	})
	mux.HandleFunc("GET /healthz/ready", func(w http.ResponseWriter, _ *http.Request) {
		faults := r.faults()
		if len(faults) > 0 {
			answer(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "faults": faults})
			return
		}
		parts := make([]string, 0, len(r))
		for part := range r {
			parts = append(parts, part)
		}
		sort.Strings(parts)
		answer(w, http.StatusOK, map[string]any{"status": "ready", "parts": parts})
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: nothing to do
}
