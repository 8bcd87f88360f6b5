package registry

import "strings"

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
// latest live version of every subject; at most 1,000.
func (r *Registry) SearchFields(name string) []FieldMatch {
	out := []FieldMatch{}
	wanted := strings.ToLower(strings.TrimSpace(name))
	if wanted == "" {
		return out
	}
	for _, v := range r.List(ListOptions{LatestOnly: true}) {
		if !strings.Contains(strings.ToLower(v.Text), wanted) && len(v.References) == 0 {
			continue
		}
		schema, err := r.Parsed(v)
		if err != nil {
			continue
		}
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
