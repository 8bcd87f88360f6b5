package portal

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/enterprise-event-bus/eventbus"
)

// contentPolicy allows the portal's own files and nothing else: no inline
// script or style, no frame around it, no form to elsewhere.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// maxForm bounds what a form may send: a schema of 1 MiB would be too large for
// a request anyway (256 KiB).
const maxForm = 512 << 10

// secured sets the headers of every answer, refuses cross-origin writes, gives
// the request its id and bounds its body.
func (p *Portal) secured(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fail(w, r, &eventbus.Error{Code: eventbus.CodeForbidden, Message: "This form was sent from another site; nothing was changed.",
			Next: "Open the page in the portal and send it from there."})
	}))
	inner := guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if p.parts.Sessions.Secure() {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		id := requestID(r.Header.Get("X-Request-Id"))
		h.Set("X-Request-Id", id)
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		ctx := context.WithValue(r.Context(), requestIDKey{}, id)
		inner.ServeHTTP(w, r.WithContext(ctx))
	})
}

type requestIDKey struct{}

// requestID keeps a caller's id when it is harmless, else makes one.
func requestID(given string) string {
	if len(given) >= 8 && len(given) <= 64 && strings.Trim(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") == "" {
		return given
	}
	return strings.ToLower(rand.Text()[:16])
}

func requestIDOf(r *http.Request) string {
	id, _ := r.Context().Value(requestIDKey{}).(string)
	return id
}

// outside gives a link to another site when it is harmless to follow, else "".
func outside(link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.String()
}
