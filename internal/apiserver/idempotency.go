package apiserver

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/enterprise-event-bus/eventbus"
)

// Bounds of what is remembered of POSTs with an Idempotency-Key.
const (
	answersKept   = time.Hour
	answersMost   = 4096
	answerLargest = 256 << 10
	keyLongest    = 200
)

// answers remembers the answers of POSTs that carried an Idempotency-Key, so
// that a repeated call does nothing and hears the same. It lives as long as the
// process: across a restart the domain's own checks refuse a repetition.
type answers struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[[32]byte]*answer
	order [][32]byte // oldest first
}

// answer is what was said to the first call; done is closed once it is known.
type answer struct {
	body   [32]byte // of the request
	at     time.Time
	done   chan struct{}
	status int // 0: not known, the call may be made again
	header http.Header
	text   []byte
}

func newAnswers(now func() time.Time) *answers {
	return &answers{now: now, known: map[[32]byte]*answer{}}
}

// claim gives the answer of a key, and whether the caller is the first and must
// settle it.
func (s *answers) claim(key, body [32]byte) (*answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for len(s.order) > 0 {
		oldest, there := s.known[s.order[0]]
		if there && len(s.order) < answersMost && now.Sub(oldest.at) < answersKept {
			break
		}
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
	if a, there := s.known[key]; there {
		return a, false
	}
	a := &answer{body: body, at: now, done: make(chan struct{})}
	s.known[key] = a
	s.order = append(s.order, key)
	return a, true
}

// forget lets a call that failed be made again.
func (s *answers) forget(key [32]byte, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key] == a {
		delete(s.known, key)
	}
}

// showsSecret are the routes whose answer is shown once only: a repetition is
// refused instead of answered.
var showsSecret = map[string]bool{"create-key": true, "rotate-key": true, "create-token": true}

// once makes a POST with an Idempotency-Key happen once per person, route and
// key. The same key with another body is a conflict.
func (a *API) once(id string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		request, writer := humago.Unwrap(ctx)
		key := request.Header.Get("Idempotency-Key")
		if key == "" {
			next(ctx)
			return
		}
		if len(key) > keyLongest {
			a.writeProblem(ctx, a.problem(eventbus.Invalid("nothing was done",
				eventbus.Fault{Path: "header.Idempotency-Key", Message: "is longer than 200 characters"})))
			return
		}
		text, err := io.ReadAll(io.LimitReader(request.Body, ctx.Operation().MaxBodyBytes+1))
		if err != nil {
			a.writeProblem(ctx, newProblem(http.StatusRequestTimeout, "the body broke off; nothing was done"))
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(text))
		name := sha256.Sum256([]byte(actorOf(ctx.Context()).Name() + "\x00" + request.URL.RequestURI() + "\x00" + key))
		known, first := a.answers.claim(name, sha256.Sum256(text))
		if first {
			a.answerOnce(ctx, writer, name, known, next, showsSecret[id])
			return
		}
		a.repeat(ctx, known, sha256.Sum256(text))
	}
}

func (a *API) answerOnce(ctx huma.Context, writer http.ResponseWriter, name [32]byte, known *answer, next func(huma.Context), secret bool) {
	settled := false
	defer func() {
		if !settled { // refused, failed, or panicked: it may be tried again
			a.answers.forget(name, known)
		}
		close(known.done)
	}()
	copied := &copyingContext{call: ctx, out: writer}
	next(copied)
	if copied.status/100 == 2 && copied.text.Len() <= answerLargest {
		known.status, known.header, settled = copied.status, writer.Header().Clone(), true
		if !secret {
			known.text = copied.text.Bytes()
		} else {
			known.status = http.StatusConflict
		}
	}
}

// repeat answers a call that was made before.
func (a *API) repeat(ctx huma.Context, known *answer, body [32]byte) {
	select {
	case <-known.done:
	case <-ctx.Context().Done():
		return
	}
	switch {
	case known.body != body:
		a.writeProblem(ctx, a.problem(eventbus.Errorf(eventbus.CodeConflict, "this Idempotency-Key was used for something else; nothing was done")))
	case known.status == 0:
		a.writeProblem(ctx, a.problem(&eventbus.Error{Code: eventbus.CodeConflict, Message: "the first call with this Idempotency-Key failed", Next: "try again"}))
	case known.status == http.StatusConflict:
		a.writeProblem(ctx, a.problem(&eventbus.Error{Code: eventbus.CodeConflict, Message: "this was done already; the secret is shown once only",
			Next: "delete what was made and create it anew if the answer was lost"}))
	default:
		for name, values := range known.header {
			for _, value := range values {
				ctx.SetHeader(name, value)
			}
		}
		ctx.SetHeader("Idempotent-Replayed", "true")
		ctx.SetStatus(known.status)
		_, _ = ctx.BodyWriter().Write(known.text) // the client has gone: nothing to do
	}
}

// call is huma's context, which has a method of its own name.
type call = huma.Context

// copyingContext writes an answer and keeps a copy.
type copyingContext struct {
	call
	out    http.ResponseWriter
	status int
	text   bytes.Buffer
}

// Unwrap gives the context below.
func (c *copyingContext) Unwrap() huma.Context { return c.call }

// SetStatus notes the status.
func (c *copyingContext) SetStatus(status int) {
	c.status = status
	c.call.SetStatus(status)
}

// Status gives the noted status.
func (c *copyingContext) Status() int { return c.status }

// BodyWriter writes to the client and to the copy.
func (c *copyingContext) BodyWriter() io.Writer { return io.MultiWriter(c.out, &c.text) }
