package rest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/registry/rest"
)

// kafka starts an engine in memory.
func kafka(t testing.TB) []kgo.Opt {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}
}

// door is a registry behind its HTTP door.
type door struct {
	t    testing.TB
	reg  *registry.Registry
	http *httptest.Server
	stop func() // ends the registry, not its HTTP door
}

func open(t testing.TB, opts []kgo.Opt, cfg rest.Config, reg registry.Config, authorize rest.Authorize) *door {
	t.Helper()
	d := &door{t: t}
	d.http = httptest.NewUnstartedServer(nil)
	reg.Advertised = "http://" + d.http.Listener.Addr().String()
	r, err := registry.Open(t.Context(), reg, opts, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.reg = r
	d.http.Config.Handler = rest.New(cfg, r, authorize)
	d.http.Start()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		r.Close()
	})
	t.Cleanup(func() {
		d.http.Close()
		d.stop()
	})
	return d
}

func newDoor(t testing.TB) *door {
	return open(t, kafka(t), rest.Config{}, registry.Config{}, nil)
}

// ask sends one request, "GET /path" or "POST /path", and gives status and body.
func (d *door) ask(line, body string, headers ...string) (*http.Response, string) {
	d.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	req, err := http.NewRequest(method, d.http.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp, string(raw)
}

// step is one request and what must come back.
type step struct {
	line   string
	body   string
	status int
	code   int    // error_code; 0 = no error
	want   string // exact body if it begins with =, else a part of it
}

func (d *door) play(steps []step) {
	d.t.Helper()
	for i, s := range steps {
		resp, got := d.ask(s.line, s.body)
		status := s.status
		if status == 0 {
			status = 200
		}
		var fault struct {
			Code    int    `json:"error_code"`
			Message string `json:"message"`
		}
		if s.code != 0 {
			if err := json.Unmarshal([]byte(got), &fault); err != nil || fault.Message == "" {
				d.t.Fatalf("step %d %s: not an error body: %s", i, s.line, got)
			}
		}
		if resp.StatusCode != status || fault.Code != s.code {
			d.t.Fatalf("step %d %s: %d code %d, want %d code %d: %s", i, s.line, resp.StatusCode, fault.Code, status, s.code, got)
		}
		if want, exact := strings.CutPrefix(s.want, "="); exact && got != want || !exact && !strings.Contains(got, want) {
			d.t.Fatalf("step %d %s:\n got %s\nwant %s", i, s.line, got, s.want)
		}
		if resp.StatusCode != 204 && resp.Header.Get("Content-Type") != "application/vnd.schemaregistry.v1+json" {
			d.t.Fatalf("step %d %s: content type %q", i, s.line, resp.Header.Get("Content-Type"))
		}
	}
}

// schemaJSON wraps an Avro text as the API takes it.
func schemaJSON(text string, more ...string) string {
	raw, _ := json.Marshal(text)
	return `{"schema":` + string(raw) + strings.Join(more, "") + `}`
}

func letter(fields string) string {
	return schemaJSON(`{"type":"record","name":"Letter","fields":[` + fields + `]}`)
}

const (
	fieldA = `{"name":"a","type":"string"}`
	fieldB = `{"name":"b","type":"int","default":0}`
	fieldC = `{"name":"c","type":"int"}`
)

var (
	v1   = letter(fieldA)
	v2   = letter(fieldA + "," + fieldB)
	bad  = letter(fieldA + "," + fieldC)
	text = `{"type":"record","name":"Letter","fields":[{"name":"a","type":"string"}]}`
	junk = schemaJSON(`{"type":"record"`)
)
