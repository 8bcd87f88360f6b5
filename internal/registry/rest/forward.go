package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
)

// headerForward guards against a ring of nodes that take each other for the
// leader: a request with the value false is not sent on again (Confluent).
const headerForward = "X-Forward"

// askAgain is how long a leader that is gone is waited for before it is asked again.
const askAgain = 250 * time.Millisecond

// maxForwarded bounds the answer of a leader.
const maxForwarded = 64 << 20

// forward sends a write to the leader if that is another node; done says that
// the request is answered, or failed with err.
//
// While a leader is gone and the group has not noticed (up to a session timeout),
// no write can succeed. The clients of Python and JavaScript try 408, 429 and 500
// to 504 again three times within about four seconds, take no notice of
// Retry-After, and see no difference between 500 and 503; franz-go's does not try
// again at all. So the codes stay Confluent's (500 with 5000x), and the door waits
// for the next leader itself as long as it is sure that nothing was written.
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
	for {
		answer, sure, err := h.send(ctx, c, leader, body)
		if err == nil && !answer.leaderless() {
			writeBody(c.w, mediaOf(c.r), answer.status, answer.body)
			return true, nil
		}
		if err != nil && !sure {
			return true, &registry.Error{Code: registry.ErrForwarding, Message: "The leader's answer did not arrive; look before you try again.", Err: err}
		}
		wait, stop := context.WithTimeout(ctx, askAgain)
		next, self := h.reg.AwaitAnotherLeader(wait, leader)
		stop()
		switch {
		case self:
			c.r.Body = io.NopCloser(bytes.NewReader(body))
			return false, nil
		case next != "":
			leader = next
		case ctx.Err() == nil: // the same node may lead again
		case err != nil:
			return true, &registry.Error{Code: registry.ErrForwarding, Message: "The leader cannot be reached; nothing was written. Try again.", Err: err}
		default:
			return true, &registry.Error{Code: registry.ErrUnknownLeader, Message: "The leader has changed and no other is known; nothing was written. Try again."}
		}
	}
}

// forwarded is the answer of a leader.
type forwarded struct {
	status int
	body   []byte
}

// leaderless says that the node did not lead after all, so nothing was written.
func (a forwarded) leaderless() bool {
	var fault errorBody
	return a.status == http.StatusInternalServerError && json.Unmarshal(a.body, &fault) == nil && fault.Code == int(registry.ErrUnknownLeader)
}

// send asks the leader. After an error, sure says that the request did not reach
// anybody.
func (h *Handler) send(ctx context.Context, c *call, leader string, body []byte) (answer forwarded, sure bool, err error) {
	resp, err := h.post(ctx, c, leader, body)
	if err != nil {
		var dial *net.OpError
		return answer, errors.As(err, &dial) && dial.Op == "dial", err
	}
	defer resp.Body.Close()
	answer.status = resp.StatusCode
	answer.body, err = io.ReadAll(io.LimitReader(resp.Body, maxForwarded))
	return answer, false, err
}

func (h *Handler) post(ctx context.Context, c *call, leader string, body []byte) (*http.Response, error) {
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
