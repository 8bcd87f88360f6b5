// Package static holds the files that the portal's pages fetch: style sheets,
// scripts, fonts and icons, embedded, under names that carry the hash of their
// content. It serves them to whoever asks; nothing of them is private. The files
// are built by internal/portal/assets/build, app.css and app.js by hand.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed *.css *.js *.svg fonts img LICENSES
var embedded embed.FS

// startOfTime makes http.ServeContent leave Last-Modified out.
var startOfTime time.Time

// file is one file as it goes over the wire.
type file struct {
	contentType string
	plain       []byte
	zipped      []byte // nil where it would not be smaller
}

// Files are the files under their hashed names, which a browser may keep for
// ever. It is safe for concurrent use.
type Files struct {
	byURL map[string]file
	urls  map[string]string // plain name to URL
}

// Load reads, renames and compresses the embedded files, once for the process.
var Load = sync.OnceValue(func() *Files {
	a := &Files{byURL: map[string]file{}, urls: map[string]string{}}
	var sheets []string
	_ = fs.WalkDir(embedded, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if strings.HasSuffix(name, ".css") {
			sheets = append(sheets, name) // they name the others, so they come last
			return nil
		}
		text, _ := embedded.ReadFile(name)
		a.add(name, text)
		return nil
	})
	for _, name := range sheets {
		text, _ := embedded.ReadFile(name)
		a.add(name, a.withURLs(text))
	}
	return a
})

func (a *Files) add(name string, text []byte) {
	sum := sha256.Sum256(text)
	extension := path.Ext(name)
	url := "/static/" + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension
	kind := mime.TypeByExtension(extension)
	switch extension {
	case ".woff2":
		kind = "font/woff2"
	case ".js":
		kind = "text/javascript; charset=utf-8"
	case "", ".md":
		kind = "text/plain; charset=utf-8"
	}
	entry := file{contentType: kind, plain: text}
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	_, _ = w.Write(text)
	_ = w.Close()
	if zipped.Len() < len(text)*9/10 {
		entry.zipped = zipped.Bytes()
	}
	a.byURL[url], a.urls[name] = entry, url
}

// withURLs replaces url("img/x.svg") in a style sheet by the hashed name.
func (a *Files) withURLs(sheet []byte) []byte {
	text := string(sheet)
	for name, url := range a.urls {
		text = strings.ReplaceAll(text, `"`+name+`"`, `"`+url+`"`)
		text = strings.ReplaceAll(text, "("+name+")", "("+url+")")
	}
	return []byte(text)
}

// URL gives the address of a file, "" for one that does not exist.
func (a *Files) URL(name string) string { return a.urls[name] }

// ServeHTTP answers /static/…; what is not there is 404, never a listing.
func (a *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	entry, ok := a.byURL[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", entry.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := entry.plain
	if entry.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = entry.zipped
	}
	http.ServeContent(w, r, "", startOfTime, bytes.NewReader(body))
}
