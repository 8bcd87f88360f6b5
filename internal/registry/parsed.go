package registry

import (
	"container/list"
	"crypto/sha256"
	"sync"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// parseCache keeps the parsed form of the schemas used last, bounded by number
// and by the bytes of their texts.
type parseCache struct {
	mu       sync.Mutex
	most     int
	mostText int
	text     int
	order    *list.List // front = used last
	entries  map[textKey]*list.Element
}

type textKey struct {
	text [sha256.Size]byte
	lax  bool
}

type parseEntry struct {
	key    textKey
	bytes  int
	schema *avro.Schema
}

func newParseCache(most int) *parseCache {
	return &parseCache{most: most, mostText: 16 << 20, order: list.New(), entries: map[textKey]*list.Element{}}
}

func (c *parseCache) get(key textKey) *avro.Schema {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.entries[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*parseEntry).schema
}

func (c *parseCache) put(key textKey, schema *avro.Schema, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok || bytes > c.mostText/4 {
		return
	}
	c.entries[key] = c.order.PushFront(&parseEntry{key, bytes, schema})
	c.text += bytes
	for c.order.Len() > c.most || c.text > c.mostText {
		oldest := c.order.Back()
		entry := oldest.Value.(*parseEntry)
		c.order.Remove(oldest)
		delete(c.entries, entry.key)
		c.text -= entry.bytes
	}
}

// parse reads a text with its references, strictly (new schemas) or laxly
// (stored ones, lookups). The caller must not hold the state's lock.
func (r *Registry) parse(context, text string, refs []eventbus.SchemaReference, lax bool) (*avro.Schema, error) {
	if len(text) > r.cfg.MaxSchemaBytes {
		return nil, fail(ErrSchemaTooLarge, "The schema has %d bytes; at most %d are allowed. Nothing was registered.", len(text), r.cfg.MaxSchemaBytes)
	}
	named, err := r.resolve(context, refs)
	if err != nil {
		return nil, err
	}
	key, bytes := keyOf(text, named, lax)
	if known := r.parsed.get(key); known != nil {
		return known, nil
	}
	limits := avro.DefaultLimits()
	limits.MaxBytes, limits.MaxReferences = r.cfg.MaxSchemaBytes, r.cfg.MaxReferences
	schema, err := avro.Parse(text, avro.Options{Limits: limits, References: named, Lax: lax})
	if err != nil {
		return nil, &Error{Code: ErrInvalidSchema, Message: "Invalid schema: " + err.Error()}
	}
	r.parsed.put(key, schema, bytes)
	return schema, nil
}

// keyOf is the identity of a parse: every text it reads.
func keyOf(text string, named []avro.Reference, lax bool) (textKey, int) {
	sum, bytes := sha256.New(), len(text)
	for _, ref := range named {
		sum.Write([]byte(ref.Name))
		sum.Write([]byte{0})
		sum.Write([]byte(ref.Text))
		sum.Write([]byte{0})
		bytes += len(ref.Text)
	}
	sum.Write([]byte(text))
	key := textKey{lax: lax}
	sum.Sum(key.text[:0])
	return key, bytes
}

// resolve gives the texts that references name, those they need first. A
// version that does not exist is 42201.
func (r *Registry) resolve(context string, refs []eventbus.SchemaReference) ([]avro.Reference, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []avro.Reference
	seen := map[refKey]bool{}
	var visit func(context string, refs []eventbus.SchemaReference, depth int) error
	visit = func(context string, refs []eventbus.SchemaReference, depth int) error {
		for _, ref := range refs {
			if depth > 64 || len(out) >= r.cfg.MaxReferences {
				return fail(ErrInvalidSchema, "The schema has more than %d references, or they are nested too deeply.", r.cfg.MaxReferences)
			}
			v, err := s.version(qualify(context, ref.Subject), ref.Version, WithDeleted)
			if err != nil {
				return fail(ErrInvalidSchema, "No schema reference found for subject \"%s\" and version %d", ref.Subject, ref.Version)
			}
			at := refKey{v.subject.name, v.number}
			if seen[at] {
				continue
			}
			seen[at] = true
			if err := visit(v.subject.space.name, v.content.refs, depth+1); err != nil {
				return err
			}
			out = append(out, avro.Reference{Name: ref.Name, Text: v.content.text})
		}
		return nil
	}
	if err := visit(context, refs, 0); err != nil {
		return nil, err
	}
	return out, nil
}

// pinned replaces the reference version -1 by the latest live one.
func (r *Registry) pinned(context string, refs []eventbus.SchemaReference) []eventbus.SchemaReference {
	if len(refs) == 0 {
		return nil
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]eventbus.SchemaReference, len(refs))
	for i, ref := range refs {
		if ref.Version == Latest {
			if v, err := s.version(qualify(context, ref.Subject), Latest, Live); err == nil {
				ref.Version = v.number
			}
		}
		out[i] = ref
	}
	return out
}
