package outbound

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/mail"
	"strconv"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Webhook posts every notification as JSON to one https address, in the manner
// of Standard Webhooks (standardwebhooks.com): the headers webhook-id, by which
// the receiver drops doubles, webhook-timestamp, and webhook-signature
// ("v1," and the base64 of HMAC-SHA256 over "id.timestamp.body").
type Webhook struct {
	client  *Client
	address string
	secret  []byte
	now     func() time.Time
}

// NewWebhook makes a Webhook; without a secret nothing is signed. now may be nil.
// Errors: CodeInvalid and CodeForbidden, as Check.
func NewWebhook(client *Client, address string, secret []byte, now func() time.Time) (*Webhook, error) {
	if err := client.Check(address); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return &Webhook{client: client, address: address, secret: secret, now: now}, nil
}

// message is the body of a webhook: no mail addresses leave the bus with it.
type message struct {
	Type      string            `json:"type"`
	Timestamp time.Time         `json:"timestamp"`
	Data      notificationShape `json:"data"`
}

type notificationShape struct {
	ID      string            `json:"id"`
	To      eventbus.Audience `json:"to"`
	Subject string            `json:"subject"`
	Body    string            `json:"body"`
	Link    string            `json:"link,omitempty"`
}

// Send posts the notification; the addresses are not used.
func (h *Webhook) Send(ctx context.Context, n eventbus.Notification, _ []mail.Address) error {
	body, err := json.Marshal(message{Type: "eventbus.notification", Timestamp: n.At.UTC(),
		Data: notificationShape{ID: n.ID, To: n.To, Subject: n.Subject, Body: n.Body, Link: n.Link}})
	if err != nil {
		return eventbus.Errorf(eventbus.CodeInternal, "write a notification: %w", err)
	}
	header := http.Header{}
	timestamp := strconv.FormatInt(h.now().Unix(), 10)
	header.Set("Content-Type", "application/json")
	header.Set("webhook-id", n.ID)
	header.Set("webhook-timestamp", timestamp)
	if len(h.secret) > 0 {
		header.Set("webhook-signature", "v1,"+sign(h.secret, n.ID, timestamp, body))
	}
	return h.client.Post(ctx, h.address, header, body)
}

func sign(secret []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
