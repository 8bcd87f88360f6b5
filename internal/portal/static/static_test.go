package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// TestSheetsNameWhatIsServed: a style sheet that names a file names it by its hash.
func TestSheetsNameWhatIsServed(t *testing.T) {
	files := Load()
	for _, sheet := range []string{"uswds.css", "app.css"} {
		text := string(files.byURL[files.URL(sheet)].plain)
		for _, m := range regexp.MustCompile(`url\("?([^")]*)"?\)`).FindAllStringSubmatch(text, -1) {
			if _, ok := files.byURL[m[1]]; !ok && m[1] != "" && !strings.HasPrefix(m[1], "data:") {
				t.Errorf("%s names %q, which is not served", sheet, m[1])
			}
		}
		if strings.Contains(text, "@import") {
			t.Errorf("%s fetches another sheet", sheet)
		}
	}
}

// TestFirstVisit stays small: 130 KiB on the wire, fonts included.
func TestFirstVisit(t *testing.T) {
	files, sum := Load(), 0
	for _, name := range []string{"uswds.css", "app.css", "app.js", "htmx.js", "sprite.svg", "icon.svg", "fonts/source-sans-400.woff2", "fonts/source-sans-600.woff2", "fonts/source-sans-700.woff2", "fonts/roboto-mono-400.woff2"} {
		entry := files.byURL[files.URL(name)]
		if entry.zipped != nil {
			sum += len(entry.zipped)
		} else {
			sum += len(entry.plain)
		}
	}
	if limit := 130 << 10; sum > limit || sum < 50<<10 {
		t.Errorf("the first visit fetches %d bytes, the limit is %d", sum, limit)
	}
}

// TestServed: compressed for who can read that, the same bytes for who cannot,
// kept for ever, and nothing but the files.
func TestServed(t *testing.T) {
	files := Load()
	get := func(path, encoding string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL.Path = path
		request.Header.Set("Accept-Encoding", encoding)
		answer := httptest.NewRecorder()
		files.ServeHTTP(answer, request)
		return answer
	}
	for url, file := range files.byURL {
		plain, zipped := get(url, ""), get(url, "gzip, br")
		if plain.Code != http.StatusOK || !bytes.Equal(plain.Body.Bytes(), file.plain) || plain.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: status %d, %d bytes", url, plain.Code, plain.Body.Len())
		}
		if kind := plain.Header().Get("Content-Type"); kind == "" || strings.HasPrefix(kind, "application/octet-stream") {
			t.Errorf("%s has the type %q", url, kind)
		}
		if !strings.Contains(plain.Header().Get("Cache-Control"), "immutable") || plain.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: headers %v", url, plain.Header())
		}
		if file.zipped == nil {
			continue
		}
		reader, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if text, err := io.ReadAll(reader); err != nil || !bytes.Equal(text, file.plain) {
			t.Errorf("%s: compressed it is something else, %v", url, err)
		}
	}
	for _, path := range []string{"/static/app.css", "/static/", "/static/../static.go", "/static/static.go", "/static/LICENSES/", "", "/static/app.000000000000.css"} {
		if got := get(path, ""); got.Code != http.StatusNotFound {
			t.Errorf("%q answers %d", path, got.Code)
		}
	}
}

// TestLicences: what is embedded brings its licence along.
func TestLicences(t *testing.T) {
	for _, name := range []string{"USWDS.md", "htmx-0BSD.txt", "OFL-1.1.txt", "Apache-2.0.txt"} {
		if text, err := embedded.ReadFile("LICENSES/" + name); err != nil || len(text) < 300 {
			t.Errorf("the licence text %s is missing", name)
		}
	}
}
