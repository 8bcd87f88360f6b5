package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/enterprise-event-bus/eventbus"
)

func TestAPISendsWhatItIsGiven(t *testing.T) {
	tests := []struct {
		name, token string
		in          any
		contentType string
		body        string
		auth        string
	}{
		{"nothing", "", nil, "", "", ""},
		{"a value, as JSON", "ebt_x", map[string]int{"a": 1}, "application/json", `{"a":1}`, "Bearer ebt_x"},
		{"a document, as it is", "ebt_x", []byte("kind: Event\n"), "application/yaml", "kind: Event\n", "Bearer ebt_x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got *http.Request
			var body []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
				io.WriteString(w, `{"ok":true}`)
			}))
			defer server.Close()
			var out struct{ OK bool }
			api := API{Server: server.URL + "/", Token: tt.token}
			if err := api.Do(t.Context(), http.MethodPost, "/api/v1/things?dry=true", tt.in, &out); err != nil || !out.OK {
				t.Fatalf("out = %+v, %v", out, err)
			}
			if got.Method != http.MethodPost || got.URL.String() != "/api/v1/things?dry=true" {
				t.Errorf("asked %s %s", got.Method, got.URL)
			}
			if got.Header.Get("Content-Type") != tt.contentType || string(body) != tt.body || got.Header.Get("Authorization") != tt.auth {
				t.Errorf("sent %q as %q with %q", body, got.Header.Get("Content-Type"), got.Header.Get("Authorization"))
			}
		})
	}
}

func TestAPIReadsAnswers(t *testing.T) {
	answer := `{"version":"1.2.3","kafka":"127.0.0.1:9092","registry":"http://127.0.0.1:8081"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/bus":
			io.WriteString(w, answer)
		case "/broken":
			io.WriteString(w, `{"version":`)
		}
	}))
	defer server.Close()
	api := API{Server: server.URL}
	bus, err := api.Bus(t.Context())
	if err != nil || bus.Version != "1.2.3" || bus.Kafka != "127.0.0.1:9092" {
		t.Errorf("bus = %+v, %v", bus, err)
	}
	var text []byte
	if err := api.Get(t.Context(), "/api/v1/bus", &text); err != nil || string(text) != answer {
		t.Errorf("text = %s, %v; want the answer as it came", text, err)
	}
	if err := api.Get(t.Context(), "/api/v1/bus", nil); err != nil {
		t.Errorf("dropped answer: %v", err)
	}
	var out map[string]any
	if err := api.Get(t.Context(), "/empty", &out); err != nil || out != nil {
		t.Errorf("empty answer = %v, %v", out, err)
	}
	if err := api.Get(t.Context(), "/broken", &out); err == nil {
		t.Error("half an answer is taken for a whole one")
	}
}

func TestAPITranslatesRefusals(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   eventbus.Error
	}{
		{400, `{"title":"Bad Request"}`, eventbus.Error{Code: eventbus.CodeInvalid, Message: "Bad Request"}},
		{401, `{"title":"t","detail":"sign in"}`, eventbus.Error{Code: eventbus.CodeUnauthenticated, Message: "sign in"}},
		{403, ``, eventbus.Error{Code: eventbus.CodeForbidden, Message: "the bus answered 403"}},
		{404, `{"detail":"there is no such event"}`, eventbus.Error{Code: eventbus.CodeNotFound, Message: "there is no such event"}},
		{409, `{"detail":"changed","next":"read it again"}`, eventbus.Error{Code: eventbus.CodeConflict, Message: "changed", Next: "read it again"}},
		{412, ``, eventbus.Error{Code: eventbus.CodeConflict, Message: "the bus answered 412"}},
		{413, ``, eventbus.Error{Code: eventbus.CodeTooLarge, Message: "the bus answered 413"}},
		{422, `{"detail":"wrong","errors":[{"location":"body.name","message":"is empty"},{"location":"body.topic","message":"is taken"}]}`,
			eventbus.Error{Code: eventbus.CodeInvalid, Message: "wrong", Faults: []eventbus.Fault{{Path: "body.name", Message: "is empty"}, {Path: "body.topic", Message: "is taken"}}}},
		{429, ``, eventbus.Error{Code: eventbus.CodeLimited, Message: "the bus answered 429"}},
		{500, `<html>oops`, eventbus.Error{Code: eventbus.CodeInternal, Message: "the bus answered 500"}},
		{502, ``, eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the bus answered 502"}},
		{503, ``, eventbus.Error{Code: eventbus.CodeUnavailable, Message: "the bus answered 503"}},
	}
	for _, tt := range tests {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		}))
		api := API{Server: server.URL}
		err := api.Get(t.Context(), "/x", nil)
		server.Close()
		var got *eventbus.Error
		if !asError(err, &got) || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%d %s: error = %+v, want %+v", tt.status, tt.body, got, tt.want)
		}
	}
}

func asError(err error, target **eventbus.Error) bool {
	e, ok := err.(*eventbus.Error)
	*target = e
	return ok
}

func TestAPIWithoutABus(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	api := API{Server: server.URL}
	err := api.Get(t.Context(), "/x", nil)
	wantCode(t, err, eventbus.CodeUnavailable)
	if e := err.(*eventbus.Error); e.Next == "" {
		t.Error("the error does not say how to start one")
	}
	api.Server = "http://a b"
	wantCode(t, api.Get(t.Context(), "/x", nil), eventbus.CodeInvalid)
}
