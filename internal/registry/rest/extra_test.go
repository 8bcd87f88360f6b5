package rest_test

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/registry/rest"
)

// guidOf is the guid of a text without references, metadata and rules.
func guidOf(text string) string {
	sum := md5.Sum([]byte(text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
}

// TestSubjectNames: a name survives every route whatever it holds; it is decoded
// exactly once.
func TestSubjectNames(t *testing.T) {
	d := newDoor(t)
	d.play([]step{{line: "POST /subjects/keep/versions", body: v1}})
	for _, name := range []string{"a/b", "a:b", "100%", "a%2Fb", "a b", "größe-値-value", "a/b:c%d é ", "%", ":", "a+b", "a?b#c", "../up", "."} {
		s := "/subjects/" + url.PathEscape(name)
		s = strings.ReplaceAll(s, ".", "%2E") // else the client resolves the dots
		quoted, _ := json.Marshal(name)
		ref := strings.TrimPrefix(s, "/subjects/")
		d.play([]step{
			{line: "POST " + s + "/versions", body: v1, want: `"subject":` + string(quoted)},
			{line: "POST " + s, body: v1, want: `"subject":` + string(quoted)},
			{line: "GET " + s + "/versions", want: "=[1]"},
			{line: "GET " + s + "/versions/latest", want: `"subject":` + string(quoted)},
			{line: "GET " + s + "/versions/1/schema", want: "=" + text},
			{line: "GET " + s + "/versions/1/referencedby", want: "=[]"},
			{line: "PUT /config/" + ref, body: `{"compatibility":"FULL"}`},
			{line: "GET /config/" + ref, want: "FULL"},
			{line: "PUT /mode/" + ref, body: `{"mode":"READWRITE"}`},
			{line: "GET /mode/" + ref, want: "READWRITE"},
			{line: "DELETE /mode/" + ref, want: `={"mode":"READWRITE"}`},
			{line: "DELETE /config/" + ref, want: `={"compatibilityLevel":"FULL"}`},
			{line: "POST /compatibility" + s + "/versions/latest", body: v1, want: "true"},
			{line: "POST /compatibility" + s + "/versions/1", body: v1, want: "true"},
			{line: "POST /compatibility" + s + "/versions", body: v1, want: "true"},
			{line: "POST " + s + "/versions", body: schemaJSON(text, `,"metadata":{"properties":{"k":"v"}}`), want: `"version":2`},
			{line: "GET " + s + "/metadata?key=k&value=v", want: `"subject":` + string(quoted)},
			{line: "DELETE " + s + "/versions/2", want: "=2"},
			{line: "POST " + s + "/versions/2/restore", body: "{}", want: `"subject":` + string(quoted)},
			{line: "DELETE " + s + "/versions/2", want: "=2"},
			{line: "DELETE " + s + "/versions/2?permanent=true", want: "=2"},
			{line: "GET /schemas/ids/1/subjects?subject=" + url.QueryEscape(name), want: "=[" + string(quoted) + "]"},
			{line: "GET /schemas/ids/1/versions?subject=" + url.QueryEscape(name), want: `=[{"subject":` + string(quoted) + `,"version":1}]`},
			{line: "GET /schemas?subjectPrefix=" + url.QueryEscape(name), want: `[{"subject":` + string(quoted)},
			{line: "GET /schemas/export?subjectPrefix=" + url.QueryEscape(name), want: `"subject":` + string(quoted)},
			{line: "GET /schemas/search?field=a", want: `"subject":` + string(quoted)},
			{line: "GET /contexts/.x" + s + "/versions", status: 404, code: 40401},
			{line: "GET /schemas/ids/1?subject=" + url.QueryEscape(name), want: `{"subject":` + string(quoted)},
			{line: "GET /subjects?subjectPrefix=" + url.QueryEscape(name), want: string(quoted)},
			{line: "DELETE " + s + "/versions/1", want: "=1"},
			{line: "DELETE " + s + "?permanent=true", want: "=[1]"},
		})
	}
}

func TestMediaTypes(t *testing.T) {
	d := newDoor(t)
	for accept, want := range map[string]string{
		"":                                    "application/vnd.schemaregistry.v1+json",
		"*/*":                                 "application/vnd.schemaregistry.v1+json",
		"application/json":                    "application/json",
		"application/vnd.schemaregistry+json": "application/vnd.schemaregistry+json",
		"text/html, application/vnd.schemaregistry.v1+json; q=0.9, application/json; q=0.5": "application/vnd.schemaregistry.v1+json",
	} {
		resp, _ := d.ask("GET /subjects", "", "Accept", accept)
		if got := resp.Header.Get("Content-Type"); got != want {
			t.Errorf("Accept %q: %q, want %q", accept, got, want)
		}
	}
	for media, status := range map[string]int{"application/json": 200, "application/octet-stream": 200,
		"application/vnd.schemaregistry+json; charset=utf-8": 200, "text/plain": 415} {
		if resp, body := d.ask("POST /subjects/s/versions", v1, "Content-Type", media); resp.StatusCode != status {
			t.Errorf("Content-Type %q: %d %s", media, resp.StatusCode, body)
		}
	}
}

func TestETag(t *testing.T) {
	d := newDoor(t)
	d.play([]step{{line: "POST /subjects/s/versions", body: v1}})
	resp, body := d.ask("GET /schemas/ids/1", "")
	etag := resp.Header.Get("ETag")
	if etag == "" || strings.HasPrefix(etag, "W/") {
		t.Fatalf("ETag %q", etag)
	}
	for range 2 {
		resp, again := d.ask("GET /schemas/ids/1", "", "If-None-Match", etag)
		if resp.StatusCode != 304 || again != "" || resp.Header.Get("ETag") != etag {
			t.Fatalf("%d %q", resp.StatusCode, again)
		}
	}
	if resp, again := d.ask("GET /schemas/ids/1", "", "If-None-Match", `"other"`); resp.StatusCode != 200 || again != body {
		t.Fatalf("%d %q", resp.StatusCode, again)
	}
	d.play([]step{{line: "POST /subjects/s/versions", body: v2}})
	if resp, again := d.ask("GET /schemas/ids/1", ""); resp.Header.Get("ETag") != etag || again != body {
		t.Fatal("another registration changed the answer")
	}
	d.play([]step{{line: "DELETE /subjects/s"}, {line: "DELETE /subjects/s?permanent=true"},
		{line: "GET /schemas/ids/1", status: 404, code: 40403}}) // nothing stale
}

// TestWritesClosed: everybody may read; a serializer that registers by itself is
// told what to do.
func TestWritesClosed(t *testing.T) {
	var mu sync.Mutex
	var asked []rest.Operation
	d := open(t, kafka(t), rest.Config{}, registry.Config{}, func(r *http.Request, op rest.Operation) (registry.Caller, error) {
		mu.Lock()
		asked = append(asked, op)
		mu.Unlock()
		switch {
		case op.Action == rest.ActionRead || r.Header.Get("Authorization") == "Bearer writer":
			return registry.Caller{Author: "pipeline"}, nil
		case r.Header.Get("Authorization") != "":
			return registry.Caller{}, eventbus.Errorf(eventbus.CodeUnauthenticated, "the token is not valid")
		default:
			return registry.Caller{}, eventbus.Errorf(eventbus.CodeForbidden, "schema:write is needed")
		}
	})
	for _, line := range []string{"POST /subjects/s/versions", "DELETE /subjects/s", "DELETE /subjects/s/versions/1", "PUT /config", "PUT /config/s",
		"DELETE /config", "PUT /mode", "PUT /mode/s", "DELETE /mode", "POST /schemas/import", "POST /subjects/s/versions/1/restore", "DELETE /contexts/.x"} {
		resp, body := d.ask(line, v1)
		if resp.StatusCode != 403 || !strings.Contains(body, `"error_code":40301`) {
			t.Errorf("%s: %d %s", line, resp.StatusCode, body)
		}
	}
	if _, body := d.ask("POST /subjects/s/versions", v1); !strings.Contains(body, "auto.register.schemas=false") {
		t.Error(body)
	}
	if resp, body := d.ask("POST /subjects/s/versions", v1, "Authorization", "Bearer x"); resp.StatusCode != 401 || !strings.Contains(body, `"error_code":40101`) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	resp, _ := d.ask("POST /subjects/s/versions", v1, "Authorization", "Bearer writer", "X-Request-Id", "req-9")
	if resp.StatusCode != 200 || resp.Header.Get("X-Request-Id") != "req-9" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	d.play([]step{
		{line: "GET /subjects/s/versions/1", want: `"registeredBy":"pipeline","requestId":"req-9"`},
		{line: "GET /schemas/ids/1", want: "schema"}, {line: "GET /schemas/ids/1", want: "schema"},
		{line: "POST /subjects/s", body: v1, want: `"id":1`},
		{line: "POST /compatibility/subjects/s/versions/latest", body: v1, want: "true"},
	})
	if asked[0] != (rest.Operation{Action: rest.ActionRegister, Subject: "s"}) {
		t.Errorf("asked about %+v", asked[0])
	}
}

func TestIncompatibleCodeSetting(t *testing.T) {
	d := open(t, kafka(t), rest.Config{IncompatibleCode: 40901}, registry.Config{}, nil)
	d.play([]step{{line: "POST /subjects/s/versions", body: v1}, {line: "POST /subjects/s/versions", body: bad, status: 409, code: 40901}})
}

// TestForwarding: a follower sends writes to the leader and answers reads itself.
func TestForwarding(t *testing.T) {
	opts := kafka(t)
	leader := open(t, opts, rest.Config{}, registry.Config{}, nil)
	leader.play([]step{{line: "POST /subjects/s/versions", body: v1}})
	follower := open(t, opts, rest.Config{ForwardTimeout: time.Second}, registry.Config{Follower: true}, nil)
	follower.play([]step{
		{line: "POST /subjects/s/versions", body: v2, want: `"version":2`},
		{line: "PUT /config/s", body: `{"compatibility":"NONE"}`, want: `={"compatibility":"NONE"}`},
		{line: "POST /subjects/s/versions", body: junk, status: 422, code: 42201},
		{line: "POST /subjects/a%2Fb%20c/versions", body: v1, want: `"subject":"a/b c"`},
	})
	if _, self := follower.reg.Leader(); self {
		t.Fatal("the follower leads")
	}
	if resp, body := follower.ask("POST /subjects/s/versions", v1, "X-Forward", "false"); resp.StatusCode != 500 || !strings.Contains(body, "50004") {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	leader.http.Close()
	if resp, body := follower.ask("POST /subjects/s/versions", bad); resp.StatusCode != 500 || !strings.Contains(body, "50003") {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	follower.play([]step{{line: "GET /schemas/ids/1", want: "Letter"}})
}

// TestFailover: a write that arrives while the leader is gone and no other is
// elected yet waits for the next one and is answered as ever.
func TestFailover(t *testing.T) {
	opts := kafka(t)
	quick := registry.Config{Heartbeat: 50 * time.Millisecond, SessionTimeout: 6 * time.Second}
	leader := open(t, opts, rest.Config{}, quick, nil)
	leader.play([]step{{line: "POST /subjects/s/versions", body: v1}})
	follower := open(t, opts, rest.Config{ForwardTimeout: time.Minute}, quick, nil)
	follower.play([]step{{line: "POST /subjects/t/versions", body: v1, want: `"id":1`}})
	leader.http.CloseClientConnections()
	leader.http.Close() // nobody answers, but the group still counts it as the leader

	answer := make(chan string)
	go func() {
		resp, body := follower.ask("POST /subjects/s/versions", v2)
		answer <- resp.Status + " " + body
	}()
	leader.stop()
	if got := <-answer; !strings.HasPrefix(got, "200 ") || !strings.Contains(got, `"version":2,"id":2,`) {
		t.Errorf("a write during the failover: %s", got)
	}
	follower.play([]step{{line: "POST /subjects/s/versions", body: bad, status: 409, code: 409}})
}

// TestFranzClient drives the door with an official client.
func TestFranzClient(t *testing.T) {
	d := newDoor(t)
	cl, err := sr.NewClient(sr.URLs(d.http.URL))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	made, err := cl.CreateSchema(ctx, "s/1", sr.Schema{Schema: text})
	if err != nil || made.ID != 1 || made.Version != 1 {
		t.Fatalf("%+v %v", made, err)
	}
	if got, err := cl.SchemaByID(ctx, 1); err != nil || got.Schema != text {
		t.Fatalf("%+v %v", got, err)
	}
	if got, err := cl.LookupSchema(ctx, "s/1", sr.Schema{Schema: text}); err != nil || got.ID != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	var incompatible struct{ Schema string }
	_ = json.Unmarshal([]byte(bad), &incompatible)
	_, err = cl.CreateSchema(ctx, "s/1", sr.Schema{Schema: incompatible.Schema})
	var fault *sr.ResponseError
	if !errors.As(err, &fault) || fault.ErrorCode != sr.ErrIncompatibleSchema.Code {
		t.Fatalf("%v", err)
	}
	if got, err := cl.CheckCompatibility(ctx, "s/1", -1, sr.Schema{Schema: incompatible.Schema}); err != nil || got.Is || len(got.Messages) != 0 && got.Messages[0] == "" {
		t.Fatalf("%+v %v", got, err)
	}
	if got := cl.SetCompatibility(ctx, sr.SetCompatibility{Level: sr.CompatFull}, "s/1"); got[0].Err != nil || got[0].Level != sr.CompatFull {
		t.Fatalf("%+v", got)
	}
	if got := cl.Compatibility(ctx, "s/1"); got[0].Err != nil || got[0].Level != sr.CompatFull {
		t.Fatalf("%+v", got)
	}
	if got := cl.ResetCompatibility(ctx, "s/1"); got[0].Err != nil {
		t.Fatalf("%+v", got)
	}
	if got, err := cl.Subjects(ctx); err != nil || len(got) != 1 || got[0] != "s/1" {
		t.Fatalf("%v %v", got, err)
	}
	if got, err := cl.Schemas(ctx, "s/1"); err != nil || len(got) != 1 {
		t.Fatalf("%v %v", got, err)
	}
	if got, err := cl.SupportedTypes(ctx); err != nil || len(got) != 1 || got[0] != sr.TypeAvro {
		t.Fatalf("%v %v", got, err)
	}
	if got := cl.Mode(ctx); got[0].Err != nil || got[0].Mode != sr.ModeReadWrite {
		t.Fatalf("%+v", got)
	}
	if got, err := cl.DeleteSubject(ctx, "s/1", sr.SoftDelete); err != nil || len(got) != 1 {
		t.Fatalf("%v %v", got, err)
	}
}

// TestHostileRequests: odd requests cost an answer, nothing else.
func TestHostileRequests(t *testing.T) {
	d := newDoor(t)
	long := strings.Repeat("x", 5000)
	for _, line := range []string{"GET /subjects/" + long + "/versions", "GET /schemas/ids/99999999999999999999", "GET /schemas/ids/-1",
		"GET //subjects//", "GET /subjects/%FF/versions", "GET /contexts/" + long + "/subjects/s/versions/1", "GET /subjects?limit=-9&offset=-9&limit=x",
		"GET /schemas/ids/1?subject=" + long, "OPTIONS /subjects", "GET /subjects/s/versions/1/schema/more/and/more"} {
		resp, body := d.ask(line, "")
		if resp.StatusCode >= 500 {
			t.Errorf("%.60s: %d %s", line, resp.StatusCode, body)
		}
	}
	if resp, _ := d.ask("POST /subjects/"+long+"/versions", v1); resp.StatusCode != 422 {
		t.Errorf("a long subject: %d", resp.StatusCode)
	}
	deep := strings.Repeat("[", 100_000)
	if resp, _ := d.ask("POST /subjects/s/versions", deep); resp.StatusCode != 400 {
		t.Errorf("deep JSON: %d", resp.StatusCode)
	}
	req, _ := http.NewRequest("GET", d.http.URL+"/subjects", io.NopCloser(strings.NewReader("body")))
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 200 {
		t.Errorf("GET with a body: %v", err)
	} else {
		resp.Body.Close()
	}
}
