package apiserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	answersKept   = 24 * time.Hour
	answerLargest = 64 << 10
	keyLongest    = 200
	settleTime    = 10 * time.Second // to keep an answer, though the caller has gone
)

// Calls remembers calls that carried an Idempotency-Key, across restarts and
// instances.
type Calls interface {
	// ClaimCall notes that a call begins, or gives the known one of its key;
	// calls from before expired are forgotten.
	ClaimCall(ctx context.Context, c eventbus.IdempotentCall, expired time.Time) (known eventbus.IdempotentCall, first bool, err error)
	// SettleCall keeps the answer of a claimed call.
	SettleCall(ctx context.Context, c eventbus.IdempotentCall) error
	// ForgetCall lets a call that did nothing be made again.
	ForgetCall(ctx context.Context, key string) error
}

// reads are the POSTs that change nothing, or whose answer is for one moment
// only: they take no Idempotency-Key, and what they answer is never kept.
var reads = map[string]bool{"check-request": true, "make-plan": true, "simulate": true, "read-records": true,
	"start-device-login": true, "poll-device-login": true, "collect-key": true}

// showsSecret are the routes whose answer is shown once only: a repetition is
// refused instead of answered.
var showsSecret = map[string]bool{"create-key": true, "rotate-key": true, "create-token": true}

func idempotencyKey() *huma.Param {
	least, most := 1, keyLongest
	return &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most},
		Description: "a name of your own for this call, new for each: for a day, repeats of the call with the same body are answered, not done again"}
}

// flights are the calls that this process is answering: a repetition waits for
// the answer.
type flights struct {
	mu    sync.Mutex
	known map[string]chan struct{} // closed when the call has ended
}

// take gives the channel of a call in flight, or begins one: then end must be
// called.
func (f *flights) take(key string) (wait <-chan struct{}, end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done, there := f.known[key]; there {
		return done, nil
	}
	done := make(chan struct{})
	f.known[key] = done
	return nil, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.known, key)
		close(done)
	}
}

// once makes a POST with an Idempotency-Key happen once per person, address and
// key. The same key with another body is refused.
func (a *API) once(id string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		request, writer := humago.Unwrap(ctx)
		keys := request.Header.Values("Idempotency-Key")
		if len(keys) == 0 {
			next(ctx)
			return
		}
		if err := a.checkKey(keys); err != nil {
			a.writeProblem(ctx, a.problem(err))
			return
		}
		text, err := io.ReadAll(io.LimitReader(request.Body, ctx.Operation().MaxBodyBytes+1))
		if err != nil {
			a.writeProblem(ctx, newProblem(http.StatusRequestTimeout, "the body broke off; nothing was done"))
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(text))
		call := eventbus.IdempotentCall{Key: hashed(actorOf(ctx.Context()).Name() + "\x00" + request.URL.RequestURI() + "\x00" + keys[0]),
			Body: hashed(string(text)), At: a.parts.Now()}
		known, first, end, err := a.claim(ctx.Context(), call)
		switch {
		case err != nil:
			a.writeProblem(ctx, a.problem(err))
		case first:
			defer end()
			a.answerOnce(ctx, writer, call, next, showsSecret[id])
		default:
			a.repeat(ctx, known, call.Body)
		}
	}
}

func (a *API) checkKey(keys []string) error {
	fault := ""
	switch {
	case a.parts.Calls == nil:
		fault = "cannot be remembered by this bus"
	case len(keys) > 1:
		fault = "is given more than once"
	case keys[0] == "":
		fault = "has no value"
	case len(keys[0]) > keyLongest:
		fault = "is longer than 200 characters"
	}
	if fault == "" {
		return nil
	}
	return eventbus.Invalid("nothing was done", eventbus.Fault{Path: "header.Idempotency-Key", Message: fault})
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// claim begins a call, or waits for the one of its key and gives that. end is
// nil unless the call is the first.
func (a *API) claim(ctx context.Context, call eventbus.IdempotentCall) (known eventbus.IdempotentCall, first bool, end func(), err error) {
	for {
		wait, begun := a.flights.take(call.Key)
		if begun != nil {
			known, first, err = a.parts.Calls.ClaimCall(ctx, call, call.At.Add(-answersKept))
			if !first {
				begun()
				begun = nil
			}
			return known, first, begun, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return known, false, nil, &eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the first call with this Idempotency-Key is not answered yet", Err: ctx.Err()}
		}
	}
}

// answerOnce lets the call happen and keeps its answer. A call that was refused
// or failed may be made again.
func (a *API) answerOnce(ctx huma.Context, writer http.ResponseWriter, call eventbus.IdempotentCall, next func(huma.Context), secret bool) {
	copied := &copyingContext{call: ctx, out: writer}
	defer func() { // also when the call panics
		settling, cancel := context.WithTimeout(context.WithoutCancel(ctx.Context()), settleTime)
		defer cancel()
		var err error
		if copied.status/100 == 2 {
			call.Status, call.Header = copied.status, map[string]string{}
			for name := range writer.Header() {
				call.Header[name] = writer.Header().Get(name)
			}
			if call.Withheld = secret || copied.text.Len() > answerLargest; !call.Withheld {
				call.Text = copied.text.Bytes()
			}
			err = a.parts.Calls.SettleCall(settling, call)
		} else {
			err = a.parts.Calls.ForgetCall(settling, call.Key)
		}
		if err != nil {
			a.parts.Log.Error("the answer of a call with an Idempotency-Key was not kept", "error", err)
		}
	}()
	next(copied)
}

// repeat answers a call that was made before.
func (a *API) repeat(ctx huma.Context, known eventbus.IdempotentCall, body string) {
	var refusal *eventbus.Error
	switch {
	case known.Body != body: // 422 as the draft has it
		refusal = eventbus.Invalid("nothing was done", eventbus.Fault{Path: "header.Idempotency-Key", Message: "was used for a call with another body",
			Fix: "make a new key for each call"})
	case known.Status == 0: // another instance is at it, or ended before it had an answer
		refusal = &eventbus.Error{Code: eventbus.CodeConflict, Message: "the first call with this Idempotency-Key has no answer yet, or lost it",
			Next: "look at what is there; if nothing was done, use a new key"}
	case known.Withheld:
		refusal = &eventbus.Error{Code: eventbus.CodeConflict, Message: "this was done already; its answer is given once only",
			Next: "if the answer was lost, delete what was made and make it anew"}
	}
	if refusal != nil {
		a.writeProblem(ctx, a.problem(refusal))
		return
	}
	for name, value := range known.Header {
		ctx.SetHeader(name, value)
	}
	ctx.SetHeader("Idempotent-Replayed", "true")
	ctx.SetStatus(known.Status)
	_, _ = ctx.BodyWriter().Write(known.Text) // the client has gone: nothing to do
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
