package wire

import (
	"bytes"
	"maps"
	"slices"
	"sort"
	"strconv"
)

// Metadata is what a schema's owner says about it: tags per path, free
// properties, and the names of properties that are sensitive.
type Metadata struct {
	Tags       map[string][]string `json:"tags,omitempty"`
	Properties map[string]string   `json:"properties,omitempty"`
	Sensitive  []string            `json:"sensitive,omitempty"`
}

// VersionProperty is the metadata property that holds the number of its own
// version, for callers that read the latest one and write the next (Confluent).
const VersionProperty = "confluent:version"

// Sorted gives the metadata with its sets sorted and without duplicates, nil if
// it is empty: two spellings of one metadata must not become two ids.
func (m *Metadata) Sorted() *Metadata {
	if m == nil || len(m.Tags)+len(m.Properties)+len(m.Sensitive) == 0 {
		return nil
	}
	out := &Metadata{Properties: m.Properties, Sensitive: sortedSet(m.Sensitive)}
	for path, tags := range m.Tags {
		if out.Tags == nil {
			out.Tags = make(map[string][]string, len(m.Tags))
		}
		out.Tags[path] = sortedSet(tags)
	}
	return out
}

func sortedSet(in []string) []string {
	out := slices.Clone(in)
	sort.Strings(out)
	return slices.Compact(out)
}

// Merge gives the metadata with over laid over it: a path's tags and a property
// of over replace those of m, the sensitive ones add up (Confluent's
// Metadata.mergeMetadata). Either may be nil; neither is changed.
func (m *Metadata) Merge(over *Metadata) *Metadata {
	if m == nil {
		return over
	}
	if over == nil {
		return m
	}
	out := &Metadata{Tags: maps.Clone(m.Tags), Properties: maps.Clone(m.Properties), Sensitive: slices.Concat(m.Sensitive, over.Sensitive)}
	if out.Tags == nil {
		out.Tags = map[string][]string{}
	}
	if out.Properties == nil {
		out.Properties = map[string]string{}
	}
	maps.Copy(out.Tags, over.Tags)
	maps.Copy(out.Properties, over.Properties)
	return out
}

// Property gives the value of a property, "" if there is none; m may be nil.
func (m *Metadata) Property(name string) string {
	if m == nil {
		return ""
	}
	return m.Properties[name]
}

// WithVersion gives the metadata with VersionProperty set to number, or without
// that property for 0; m may be nil and is not changed.
func (m *Metadata) WithVersion(number int) *Metadata {
	if m.Property(VersionProperty) == "" && number == 0 {
		return m
	}
	out := (&Metadata{}).Merge(&Metadata{})
	if m != nil {
		out = out.Merge(m)
	}
	delete(out.Properties, VersionProperty)
	if number > 0 {
		out.Properties[VersionProperty] = strconv.Itoa(number)
	}
	return out.Sorted()
}

func (m *Metadata) feed(b *bytes.Buffer) {
	for _, path := range slices.Sorted(maps.Keys(m.Tags)) {
		b.WriteString(path)
		for _, tag := range m.Tags[path] {
			b.WriteString(tag)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Properties)) {
		b.WriteString(name)
		b.WriteString(m.Properties[name])
	}
	for _, name := range m.Sensitive {
		b.WriteString(name)
	}
}
