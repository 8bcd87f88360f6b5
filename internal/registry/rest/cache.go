package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
)

// bodyCache keeps rendered answers of the hot path, GET /schemas/ids/{id}. An
// entry is good as long as the registry's revision has not moved; then it is
// rendered again. When full it starts anew.
type bodyCache struct {
	mu      sync.RWMutex
	most    int
	bytes   int
	entries map[string]*cachedBody // by path and query
}

type cachedBody struct {
	revision uint64
	body     []byte
	etag     []string // as header values, to be shared
}

func newBodyCache(most int) *bodyCache {
	return &bodyCache{most: most, entries: map[string]*cachedBody{}}
}

func (b *bodyCache) get(key string) *cachedBody {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.entries[key]
}

func (b *bodyCache) put(key string, entry *cachedBody) {
	size := len(key) + len(entry.body) + 200
	if size > b.most/4 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes+size > b.most {
		b.entries, b.bytes = map[string]*cachedBody{}, 0
	}
	if old := b.entries[key]; old != nil {
		b.bytes -= len(key) + len(old.body) + 200
	}
	b.entries[key] = entry
	b.bytes += size
}

const hotPath = "/schemas/ids/"

// cacheKey names a request of the hot path, "" for any other.
func cacheKey(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !strings.HasPrefix(r.URL.Path, hotPath) ||
		len(r.URL.Path)+len(r.URL.RawQuery) > 256 || r.URL.RawPath != "" {
		return ""
	}
	if r.URL.RawQuery == "" {
		return r.URL.Path
	}
	return r.URL.Path + "?" + r.URL.RawQuery
}

// serveCached answers from the cache if it can.
func (h *Handler) serveCached(w http.ResponseWriter, r *http.Request) bool {
	key := cacheKey(r)
	if key == "" {
		return false
	}
	entry := h.cache.get(key)
	if entry == nil || entry.revision != h.reg.Revision() {
		return false
	}
	if _, err := h.authorize(r, Operation{Action: ActionRead}); err != nil {
		writeError(w, r, err)
		return true
	}
	entry.write(w, r)
	return true
}

// cached keeps the rendered answer of the hot path and writes it; the route has
// nothing left to answer then.
func (c *call) cached(revision uint64, answer schemaBody) any {
	entry := &cachedBody{revision: revision, body: render(answer)}
	sum := sha256.Sum256(entry.body)
	entry.etag = []string{`"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	if key := cacheKey(c.r); key != "" && c.scope == "" {
		c.h.cache.put(key, entry)
	}
	entry.write(c.w, c.r)
	return nil
}

// write sends the body with its strong ETag, or 304 to a client that has it.
func (b *cachedBody) write(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Etag"] = b.etag
	if wanted := r.Header["If-None-Match"]; len(wanted) > 0 && matches(wanted[0], b.etag[0]) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeBody(w, mediaOf(r), http.StatusOK, b.body)
}

func matches(wanted, etag string) bool {
	for part := range strings.SplitSeq(wanted, ",") {
		if part = strings.TrimSpace(part); part == etag || part == "*" || strings.TrimPrefix(part, "W/") == etag {
			return true
		}
	}
	return false
}
