package rest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/registry"
	"github.com/enterprise-event-bus/eventbus/internal/registry/rest"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkGetByID compares the hot path with a bare net/http handler that
// serves the same bytes, over loopback connections (target: 0.7 of it).
func BenchmarkGetByID(b *testing.B) {
	d := open(b, kafka(b), rest.Config{}, registry.Config{}, nil)
	d.play([]step{{line: "POST /subjects/s/versions", body: v1}})
	_, body := d.ask("GET /schemas/ids/1", "")
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		_, _ = w.Write([]byte(body))
	}))
	defer bare.Close()
	for name, url := range map[string]string{"bare": bare.URL, "registry": d.http.URL} {
		b.Run(name, func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			b.RunParallel(func(pb *testing.PB) {
				req, _ := http.NewRequest("GET", url+"/schemas/ids/1", nil)
				buf := make([]byte, 4096)
				for pb.Next() {
					resp, err := transport.RoundTrip(req)
					if err != nil {
						b.Error(err)
						return
					}
					for err == nil {
						_, err = resp.Body.Read(buf)
					}
					resp.Body.Close()
				}
			})
		})
	}
}

// BenchmarkGetByIDHandler is the handler alone.
func BenchmarkGetByIDHandler(b *testing.B) {
	d := open(b, kafka(b), rest.Config{}, registry.Config{}, nil)
	d.play([]step{{line: "POST /subjects/s/versions", body: v1}})
	req := httptest.NewRequest("GET", "/schemas/ids/1", nil)
	b.ReportAllocs()
	for b.Loop() {
		d.http.Config.Handler.ServeHTTP(discard{http.Header{}}, req)
	}
}
