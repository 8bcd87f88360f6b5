package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// headerForward guards against a ring of nodes that take each other for the
// leader: a request with the value false is not sent on again (Confluent).
const headerForward = "X-Forward"

// maxForwarded bounds the answer of a leader.
const maxForwarded = 64 << 20

// forward sends a write to the leader if that is another node; done says that
// the request is answered, or failed with err.
func (h *Handler) forward(c *call) (done bool, err error) {
	leader, self := h.reg.AwaitLeader(c.r.Context())
	if self || leader == "" {
		return false, nil // the registry itself answers 50004 when nobody leads
	}
	if strings.EqualFold(c.r.Header.Get(headerForward), "false") {
		return true, &registry.Error{Code: registry.ErrUnknownLeader, Message: "This node does not lead; nothing was written. Try again."}
	}
	body, err := io.ReadAll(c.r.Body)
	if err != nil {
		return true, statusError{http.StatusRequestEntityTooLarge, 413, "The request body is too large or cannot be read; nothing was changed."}
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), h.cfg.ForwardTimeout)
	defer cancel()
	resp, err := h.send(ctx, c, leader, body)
	if err != nil {
		return true, &registry.Error{Code: registry.ErrForwarding,
			Message: "The leader does not answer; look before you try again.", Err: err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxForwarded))
	if err != nil {
		return true, &registry.Error{Code: registry.ErrForwarding, Message: "The leader's answer broke off; look before you try again.", Err: err}
	}
	writeBody(c.w, mediaOf(c.r), resp.StatusCode, answer)
	return true, nil
}

func (h *Handler) send(ctx context.Context, c *call, leader string, body []byte) (*http.Response, error) {
	target := strings.TrimSuffix(leader, "/") + c.r.URL.EscapedPath()
	if c.r.URL.RawQuery != "" {
		target += "?" + c.r.URL.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, c.r.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Content-Type", "Accept", "Authorization", headerRequestID} {
		if value := c.r.Header.Get(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set(headerForward, "false")
	return h.cfg.Forward.Do(req)
}
