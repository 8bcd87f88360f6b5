package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

// TestControlCalls: each call is the request that the API documents; what is
// empty is left out.
func TestControlCalls(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = strings.TrimSpace(r.Method + " " + r.URL.RequestURI() + " " + string(text))
		if r.Header.Get("Authorization") != "Bearer ebt_x" {
			t.Errorf("Authorization = %q", r.Header.Get("Authorization"))
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	defer server.Close()
	a, ctx := &API{Server: server.URL + "/", Token: "ebt_x"}, t.Context()
	one := func(_ eventbus.Request, err error) error { return err }
	tests := []struct {
		want string
		call func(context.Context) error
	}{
		{"POST /api/v1/requests?draft=true kind: x", func(ctx context.Context) error { return one(a.SubmitRequest(ctx, []byte("kind: x"), true)) }},
		{"PUT /api/v1/requests/r%2F1?submit=true kind: x", func(ctx context.Context) error { return one(a.SaveRequest(ctx, "r/1", []byte("kind: x"), true)) }},
		{"GET /api/v1/requests/r1", func(ctx context.Context) error { return one(a.Request(ctx, "r1")) }},
		{"GET /api/v1/requests?event=e&limit=5&open=true", func(ctx context.Context) error {
			_, err := a.Requests(ctx, eventbus.RequestQuery{Event: "e", OpenOnly: true, Limit: 5})
			return err
		}},
		{`POST /api/v1/requests/r1/decisions {"decision":"approve","stage":"bus"}`, func(ctx context.Context) error {
			return one(a.Decide(ctx, "r1", eventbus.StageBus, "", eventbus.DecisionApprove, ""))
		}},
		{`POST /api/v1/requests/r1/comments {"text":"hi"}`, func(ctx context.Context) error { return one(a.Comment(ctx, "r1", "hi", "")) }},
		{`POST /api/v1/requests/r1/withdraw {}`, func(ctx context.Context) error { return one(a.Withdraw(ctx, "r1", "")) }},
		{`POST /api/v1/requests/r1/promote {"environment":"production"}`, func(ctx context.Context) error { return one(a.Promote(ctx, "r1", "production")) }},
		{`POST /api/v1/requests/r1/acknowledge {"team":"claims"}`, func(ctx context.Context) error { return one(a.Acknowledge(ctx, "r1", "claims", "")) }},
		{`PUT /api/v1/requests/r1/gates/ATO {"evidence":"7","state":"passed"}`, func(ctx context.Context) error {
			return one(a.SetGate(ctx, "r1", eventbus.Gate{Kind: eventbus.GateATO, State: eventbus.GatePassed, Evidence: "7"}))
		}},
		{`POST /api/v1/plans {"files":{"a":"b"}}`, func(ctx context.Context) error {
			_, err := a.Plan(ctx, map[string]string{"a": "b"})
			return err
		}},
		{`POST /api/v1/tokens {"name":"n","scopes":["read"]}`, func(ctx context.Context) error {
			_, _, err := a.CreateToken(ctx, "n", []string{"read"}, 0)
			return err
		}},
		{"GET /api/v1/me", func(ctx context.Context) error { _, err := a.Me(ctx); return err }},
		{"GET /api/v1/drift", func(ctx context.Context) error { _, err := a.Drift(ctx); return err }},
	}
	for _, tt := range tests {
		if err := tt.call(ctx); err != nil || got != tt.want {
			t.Errorf("call = %s (%v)\nwant   %s", got, err, tt.want)
		}
	}
}

// TestProblemsAreRead: a refusal comes back with its code, what to do, and every
// fault with its place.
func TestProblemsAreRead(t *testing.T) {
	status, text := 0, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	defer server.Close()
	a := &API{Server: server.URL}
	document, _ := json.Marshal(map[string]any{"detail": "nothing was submitted", "next": "mend it",
		"errors": []map[string]any{{"location": "event.name", "message": "is empty", "fix": "write a name", "line": 4, "column": 3}}})
	for _, tt := range []struct {
		status int
		text   string
		want   eventbus.Code
	}{
		{422, string(document), eventbus.CodeInvalid}, {401, "", eventbus.CodeUnauthenticated}, {403, "{}", eventbus.CodeForbidden},
		{404, "<html>", eventbus.CodeNotFound}, {409, "", eventbus.CodeConflict}, {413, "", eventbus.CodeTooLarge},
		{429, "", eventbus.CodeLimited}, {503, "", eventbus.CodeUnavailable}, {500, "", eventbus.CodeInternal}, {418, "", eventbus.CodeInternal},
	} {
		status, text = tt.status, tt.text
		_, err := a.Me(t.Context())
		var e *eventbus.Error
		if !errors.As(err, &e) || e.Code != tt.want || e.Message == "" {
			t.Errorf("%d gives %v, want code %s", tt.status, err, tt.want)
			continue
		}
		if tt.status == 422 {
			want := eventbus.Fault{Path: "event.name", Message: "is empty", Fix: "write a name", Line: 4, Column: 3}
			if len(e.Faults) != 1 || e.Faults[0] != want || e.Next != "mend it" {
				t.Errorf("error = %+v", e)
			}
		}
	}
	server.Close()
	if _, err := a.Me(t.Context()); eventbus.CodeOf(err) != eventbus.CodeUnavailable {
		t.Errorf("no server: %v", err)
	}
}
