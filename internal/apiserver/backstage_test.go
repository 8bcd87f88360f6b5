package apiserver

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/catalog"
)

// TestBackstage: anybody reads, the ETag is strong and answers 304, a fault is
// never an empty 200.
func TestBackstage(t *testing.T) {
	w := newWorld(t)
	w.must(200, "administrator", "POST", "/api/v1/events/import", example(t, "catalog/catalog-info.yaml"))
	for _, path := range []string{"/backstage/catalog-info.yaml", "/backstage/events.yaml"} {
		got := w.must(200, "", "GET", path, "")
		etag := got.header.Get("ETag")
		if !strings.HasPrefix(etag, `"`) || got.text == "" || !strings.HasPrefix(got.header.Get("Content-Type"), "application/yaml") {
			t.Errorf("%s: etag %q, type %q, %d bytes", path, etag, got.header.Get("Content-Type"), len(got.text))
		}
		for _, header := range []string{etag, `"other", ` + etag, "W/" + etag, "*"} {
			if again := w.must(304, "", "GET", path, "", "If-None-Match: "+header); again.text != "" {
				t.Errorf("%s with %s has a body", path, header)
			}
		}
		w.must(200, "", "GET", path, "", `If-None-Match: "other"`)
	}
	if got := w.must(404, "", "GET", "/backstage/events/none/catalog-info.yaml", ""); got.text == "" {
		t.Error("404 without a text")
	}
	w.must(404, "", "GET", "/backstage/else", "")
	w.must(404, "", "POST", "/backstage/else", "")

	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := w.call("", "GET", "/backstage/events/none/catalog-info.yaml", ""); got.status < 500 || got.text == "" {
		t.Errorf("without a database = %d %q, want 5xx with a text", got.status, got.text)
	}
	recorder := httptest.NewRecorder()
	w.api.export(recorder, nil, catalog.Export{}, nil)
	if recorder.Code != 500 {
		t.Errorf("an empty export = %d, want 500", recorder.Code)
	}
}
