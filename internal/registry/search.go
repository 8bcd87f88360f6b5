package registry

import (
	"strings"
	"sync"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// FieldMatch is a field found by name.
type FieldMatch struct {
	Subject string   `json:"subject"`
	Version int      `json:"version"`
	ID      int      `json:"id"`
	Path    string   `json:"path"`
	Type    string   `json:"type"`
	Doc     string   `json:"doc,omitempty"`
	Tags    []string `json:"tags,omitempty"`
}

// maxMatches bounds an answer of SearchFields.
const maxMatches = 1000

// SearchFields finds the fields whose name contains name, in any case, in the
// latest live version of every subject of the default context; at most 1,000.
func (r *Registry) SearchFields(name string) []FieldMatch {
	out := []FieldMatch{}
	wanted := strings.ToLower(strings.TrimSpace(name))
	if wanted == "" {
		return out
	}
	for _, row := range r.fields.rows(r) {
		if !strings.Contains(row.names, wanted) {
			continue
		}
		schema, err := r.Parsed(row.version)
		if err != nil {
			continue // another registry's, that cannot be read here
		}
		v := row.version
		for _, field := range schema.Fields() {
			if strings.Contains(strings.ToLower(field.Name), wanted) {
				out = append(out, FieldMatch{v.Subject, v.Version, v.ID, field.Path, field.Type, field.Doc, field.Tags})
			}
			if len(out) >= maxMatches {
				return out
			}
		}
	}
	return out
}

// fieldIndex knows the names in each schema that a search looks at, so that a
// schema is read once and not for every query. It is made by the first search
// after a change; what has not changed is taken over.
type fieldIndex struct {
	mu       sync.Mutex
	revision uint64
	list     []fieldRow
	names    map[namesKey]string
}

type fieldRow struct {
	version Version
	names   string // in lower case
}

// namesKey is a text in a context; ids are taken by one text for good, but a hard
// deletion may free one in a topic that another registry wrote.
type namesKey struct {
	context string
	id      int
	guid    string
}

// rows gives a row for the latest live version of every subject.
func (x *fieldIndex) rows(r *Registry) []fieldRow {
	x.mu.Lock()
	defer x.mu.Unlock()
	revision := r.Revision() // before the look: what comes later must not count as seen
	if x.list != nil && x.revision == revision {
		return x.list
	}
	list, names := []fieldRow{}, map[namesKey]string{}
	for _, v := range r.List(ListOptions{LatestOnly: true}) {
		context, _ := contextOf(v.Subject)
		key := namesKey{context, v.ID, v.GUID}
		known, ok := names[key]
		if !ok {
			known, ok = x.names[key]
		}
		if !ok {
			known = r.namesIn(v)
		}
		names[key] = known
		list = append(list, fieldRow{v, known})
	}
	x.revision, x.list, x.names = revision, list, names
	return list
}

// namesIn gives every name in a schema, fields among them, in lower case.
func (r *Registry) namesIn(v Version) string {
	if names, ok := canonicalNames(v.Schema); ok {
		return names
	}
	schema, err := r.Parsed(v)
	if err != nil {
		return ""
	}
	var names strings.Builder
	for _, field := range schema.Fields() {
		names.WriteString(strings.ToLower(field.Name))
		names.WriteByte('\n')
	}
	return names.String()
}

// canonicalNames reads the names off a canonical text, which has no blanks and in
// which a quote within a string is escaped; false for a text of any other form and
// for one whose fields lie in other schemas.
func canonicalNames(v eventbus.Schema) (string, bool) {
	const property = `"name":"`
	if len(v.References) > 0 || strings.Count(v.Text, `"name"`) != strings.Count(v.Text, property) {
		return "", false
	}
	var names strings.Builder
	for _, rest := range strings.Split(v.Text, property)[1:] {
		name, _, _ := strings.Cut(rest, `"`)
		if strings.Contains(name, `\`) {
			return "", false
		}
		names.WriteString(strings.ToLower(name))
		names.WriteByte('\n')
	}
	return names.String(), true
}
