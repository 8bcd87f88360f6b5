package registry

import (
	"context"
	"slices"

	"github.com/enterprise-event-bus/eventbus/internal/registry/wire"
)

// Lookup finds the version of a subject that has a schema. It does not need a
// leader. Errors: 40401, 40403, 42201.
func (r *Registry) Lookup(_ context.Context, subject string, req RegisterRequest, filter Filter) (Version, error) {
	if _, err := r.Versions(subject, filter); err != nil {
		return Version{}, err
	}
	c, err := r.candidate(subject, req, true)
	if err != nil {
		return Version{}, err
	}
	r.state.mu.RLock()
	v := r.state.lookup(c, filter)
	if v == nil && c.meta == nil && c.rules == nil {
		v = r.state.lookupText(c, filter)
	}
	r.state.mu.RUnlock()
	if v == nil && req.Normalize {
		v = r.lookupNormalized(c, filter)
	}
	if v == nil {
		return Version{}, fail(ErrSchemaNotFound, "Schema not found")
	}
	r.state.mu.RLock()
	defer r.state.mu.RUnlock()
	return v.view(), nil
}

// lookupText ignores metadata and rules that the request does not name.
func (s *state) lookupText(c *candidate, filter Filter) *version {
	sub := s.subjects[c.subject]
	if sub == nil {
		return nil
	}
	for _, v := range slices.Backward(sub.versions) {
		if filter.sees(v.deleted) && v.content.text == c.text && slices.Equal(v.content.refs, c.refs) {
			return v
		}
	}
	return nil
}

// lookupNormalized compares with the normalised form of what is stored.
func (r *Registry) lookupNormalized(c *candidate, filter Filter) *version {
	r.state.mu.RLock()
	sub := r.state.subjects[c.subject]
	var versions []*version
	if sub != nil {
		versions = slices.Clone(sub.versions)
	}
	r.state.mu.RUnlock()
	for _, v := range slices.Backward(versions) {
		r.state.mu.RLock()
		content, deleted := v.content, v.deleted
		r.state.mu.RUnlock()
		if !filter.sees(deleted) || !slices.Equal(content.refs, c.refs) {
			continue
		}
		if schema, err := r.parse(c.context, content.text, content.refs, true); err == nil && schema.Normalized() == c.text {
			return v
		}
	}
	return nil
}

// registered finds a live version with the very schema, unless the request wants
// it under another id. The number of its own version in a schema's metadata does
// not count, as it is new each time.
func (r *Registry) registered(c *candidate) (Version, bool) {
	req := c.given
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.lookup(c, Live)
	if v == nil || req.ID > 0 && req.ID != v.content.id || req.ID > 0 && req.Version > 0 && req.Version != v.number {
		return Version{}, false
	}
	return v.view(), true
}

// lookup finds the version of a subject that has the candidate's fingerprint,
// the newest first.
func (s *state) lookup(c *candidate, filter Filter) *version {
	sub := s.subjects[c.subject]
	if sub == nil {
		return nil
	}
	plain := c.print
	if c.meta.Property(wire.VersionProperty) != "" {
		plain = wire.FingerprintOf(c.text, c.refs, c.meta.WithVersion(0), c.rules)
	}
	for _, v := range slices.Backward(sub.versions) {
		if filter.sees(v.deleted) && (v.content.print == c.print || c.given.ID == 0 && v.content.plainPrint() == plain) {
			return v
		}
	}
	return nil
}

// plainPrint is the fingerprint without the number of the version.
func (c *content) plainPrint() wire.Fingerprint {
	if c.meta.Property(wire.VersionProperty) == "" {
		return c.print
	}
	return wire.FingerprintOf(c.text, c.refs, c.meta.WithVersion(0), c.rules)
}
