package registry

import (
	"context"
	"slices"
	"strings"
	"time"

	eventbus "github.com/enterprise-event-bus/eventbus"
	"github.com/enterprise-event-bus/eventbus/internal/registry/avro"
)

// RegisterRequest is a schema to be registered, looked up or checked.
type RegisterRequest struct {
	Text       string
	Type       string // "" or "AVRO"; others are refused until they exist
	References []eventbus.SchemaReference
	Normalize  bool // compare and store the normalised text
	ID         int  // only in mode IMPORT; 0 = the registry chooses
	Version    int  // in mode IMPORT any; else 0 or the next one
	Metadata   *Metadata
	RuleSet    *RuleSet
}

// maxSubject bounds the name of a subject in bytes; topic names have 249, record
// names may be longer.
const maxSubject = 1024

// candidate is a request, parsed.
type candidate struct {
	subject string
	context string
	schema  *avro.Schema
	text    string
	refs    []eventbus.SchemaReference
	meta    *Metadata
	rules   *RuleSet
	print   fingerprint
}

// checkSubject refuses names that Confluent reserves, and control characters.
func checkSubject(name string) error {
	context, bare := contextOf(name)
	switch {
	case bare == "" || bare == "__GLOBAL" || bare == "__EMPTY" || context == ".__GLOBAL",
		len(name) > maxSubject,
		strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return fail(ErrInvalidSubject, "The specified subject '%.100s' is not a valid subject; nothing was changed.", name)
	}
	return nil
}

// candidate parses a request: strictly for a new schema, laxly for a lookup.
func (r *Registry) candidate(subject string, req RegisterRequest, lax bool) (*candidate, error) {
	if err := checkSubject(subject); err != nil {
		return nil, err
	}
	if req.Type != "" && req.Type != typeAvro {
		return nil, fail(ErrInvalidSchema, "Schema type %.40q is not supported; this registry keeps AVRO.", req.Type)
	}
	if strings.TrimSpace(req.Text) == "" {
		return nil, fail(ErrInvalidSchema, "Empty schema")
	}
	if err := req.RuleSet.validate(); err != nil {
		return nil, err
	}
	context, _ := contextOf(subject)
	c := &candidate{subject: subject, context: context, refs: r.pinned(context, req.References), meta: req.Metadata.sorted(), rules: req.RuleSet.explicit()}
	schema, err := r.parse(context, req.Text, c.refs, lax)
	if err != nil {
		return nil, err
	}
	c.schema, c.text = schema, schema.Canonical()
	if req.Normalize || r.normalizes(subject) {
		c.text = schema.Normalized()
	}
	c.print = fingerprintOf(c.text, c.refs, c.meta, c.rules)
	return c, nil
}

// normalizes reports whether the settings ask for normalised texts.
func (r *Registry) normalizes(subject string) bool {
	setting, err := r.Setting(subject, true)
	return err == nil && setting.Normalize()
}

// Register gives a schema its place: the version that has it already, or a new
// one. The id belongs to the text (with references, metadata and rules): it is
// the same in every subject of a context, and survives soft deletion.
// Errors: 409, 42201, 42205, 42207–42210, 50001–50004.
func (r *Registry) Register(ctx context.Context, by Caller, subject string, req RegisterRequest) (Version, error) {
	c, err := r.candidate(subject, req, req.ID > 0)
	if err != nil {
		return Version{}, err
	}
	if found, ok := r.registered(c, req); ok {
		return found, nil
	}
	var number int
	err = r.write(ctx, func() ([]Record, error) {
		if found, ok := r.registered(c, req); ok {
			number = found.Version
			return nil, nil
		}
		records, place, err := r.planRegister(by, c, req)
		number = place
		return records, err
	})
	if err != nil {
		return Version{}, err
	}
	return r.Version(subject, number, WithDeleted)
}

// Registered finds what Register would give without writing anything: the live
// version that has the very schema. Any node can answer it.
func (r *Registry) Registered(subject string, req RegisterRequest) (Version, bool) {
	c, err := r.candidate(subject, req, true)
	if err != nil {
		return Version{}, false
	}
	return r.registered(c, req)
}

// registered finds a live version with the very schema, unless the request wants
// it under another id.
func (r *Registry) registered(c *candidate, req RegisterRequest) (Version, bool) {
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
	for _, v := range slices.Backward(sub.versions) {
		if v.content.print == c.print && filter.sees(v.deleted) {
			return v
		}
	}
	return nil
}

// planRegister decides version and id and gives the records to write.
func (r *Registry) planRegister(by Caller, c *candidate, req RegisterRequest) ([]Record, int, error) {
	if err := r.permitRegister(c.subject, req); err != nil {
		return nil, 0, err
	}
	if req.ID == 0 {
		if err := r.compatibleWithHistory(c); err != nil {
			return nil, 0, err
		}
	}
	s := r.state
	s.mu.RLock()
	defer s.mu.RUnlock()
	number, err := s.placeFor(c, req)
	if err != nil {
		return nil, 0, err
	}
	id, err := s.idFor(c, req)
	if err != nil {
		return nil, 0, err
	}
	var records []Record
	if s.spaces[c.context] == nil && c.context != defaultContext {
		records = append(records, Record{
			Key:   recordKey{Type: keyContext, Tenant: defaultTenant, Context: c.context}.bytes(),
			Value: compactJSON(contextValue{defaultTenant, c.context}),
		})
	}
	value := schemaValue{Subject: c.subject, Version: number, ID: id, References: c.refs, Metadata: c.meta, RuleSet: c.rules, Schema: c.text}
	records = append(records, Record{
		Key:   s.keyBytes(recordKey{Type: keySchema, Subject: c.subject, Version: number}),
		Value: value.bytes(c.print), Author: by.Author, RequestID: by.RequestID, Since: r.cfg.Now(),
	})
	return append(records, s.replaced(c, id, number)...), number, nil
}

// permitRegister asks the mode.
func (r *Registry) permitRegister(subject string, req RegisterRequest) error {
	r.state.mu.RLock()
	mode := r.state.mode(subject)
	r.state.mu.RUnlock()
	switch {
	case req.ID > 0 && mode != ModeImport:
		return fail(ErrNotPermitted, "Subject %s is not in import mode; an id cannot be chosen. Nothing was registered.", subject)
	case req.ID == 0 && mode == ModeImport:
		return fail(ErrNotPermitted, "Subject %s is in import mode; a schema needs its id. Nothing was registered.", subject)
	case mode != ModeReadWrite && mode != ModeImport:
		return fail(ErrNotPermitted, "Subject %s is in read-only mode; nothing was registered.", subject)
	}
	return nil
}

// placeFor gives the version number. The caller holds mu.
func (s *state) placeFor(c *candidate, req RegisterRequest) (int, error) {
	next := 1
	sub := s.subjects[c.subject]
	if sub != nil {
		next = sub.versions[len(sub.versions)-1].number + 1
	}
	switch {
	case req.Version <= 0:
		return next, nil
	case req.ID == 0 && req.Version != next:
		return 0, fail(ErrInvalidSchema, "Version %d is not one more than the previous version (%d); nothing was registered.", req.Version, next-1)
	case req.Version > maxVersion:
		return 0, fail(ErrInvalidVersion, "Version %d is too large; nothing was registered.", req.Version)
	}
	if sub != nil {
		if i, ok := sub.find(req.Version); ok && sub.versions[i].content.id != req.ID {
			return 0, fail(ErrNotPermitted, "Version %d of %s exists with id %d; nothing was registered.", req.Version, c.subject, sub.versions[i].content.id)
		}
	}
	return req.Version, nil
}

// idFor gives the id: the text's own if it has one, the wanted one in an
// import, else the next. The caller holds mu.
func (s *state) idFor(c *candidate, req RegisterRequest) (int, error) {
	sp := s.spaces[c.context]
	if req.ID > 0 {
		if req.ID > maxVersion {
			return 0, fail(ErrNotPermitted, "Id %d is too large; nothing was registered.", req.ID)
		}
		if sp != nil && sp.byID[req.ID] != nil && sp.byID[req.ID].print != c.print {
			return 0, fail(ErrNotPermitted, "Id %d already means another schema; nothing was registered.", req.ID)
		}
		return req.ID, nil
	}
	if sp == nil {
		return 1, nil
	}
	if known := sp.byHash[c.print]; known != nil {
		return known.id, nil
	}
	if sp.maxID >= maxVersion {
		return 0, fail(ErrStore, "All ids of the context are used; nothing was registered.")
	}
	return sp.maxID + 1, nil
}

// replaced tombstones the soft-deleted versions that the new one takes the place
// of, unless somebody refers to them. The caller holds mu.
func (s *state) replaced(c *candidate, id, number int) []Record {
	sub := s.subjects[c.subject]
	if sub == nil {
		return nil
	}
	var out []Record
	for _, v := range sub.versions {
		if v.deleted && v.content.id == id && v.number != number && len(s.referrer[refKey{c.subject, v.number}]) == 0 {
			out = append(out, Record{Key: s.keyBytes(recordKey{Type: keySchema, Subject: c.subject, Version: v.number})})
		}
	}
	return out
}

// write plans and commits one change; changes never overlap.
func (r *Registry) write(ctx context.Context, plan func() ([]Record, error)) error {
	w, err := r.lead(ctx)
	if err != nil {
		return err
	}
	r.writes.Lock()
	defer r.writes.Unlock()
	if view := r.seat.now(); view.writer != w || view.over {
		return fail(ErrUnknownLeader, "The leader changed; nothing was written. Try again.")
	}
	records, err := plan()
	if err != nil || len(records) == 0 {
		return err
	}
	return r.commit(ctx, w, records)
}

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

// RestoreVersion makes a soft-deleted version live again as the same version,
// with the same id; deleted by mistake, it is back. Errors: 40401, 40402, 40407,
// 42201 when a schema that it refers to is gone, 42205.
func (r *Registry) RestoreVersion(ctx context.Context, by Caller, subject string, number int) (Version, error) {
	err := r.write(ctx, func() ([]Record, error) {
		s := r.state
		s.mu.RLock()
		defer s.mu.RUnlock()
		if err := s.permitChange(subject); err != nil {
			return nil, err
		}
		v, err := s.version(subject, number, WithDeleted)
		if err != nil {
			return nil, err
		}
		if !v.deleted {
			return nil, fail(ErrVersionNotSoftDeleted, "Subject '%s' Version %d is not deleted; nothing was restored.", subject, v.number)
		}
		for _, ref := range v.content.refs {
			if _, err := s.version(qualify(v.subject.space.name, ref.Subject), ref.Version, WithDeleted); err != nil {
				return nil, fail(ErrInvalidSchema, "No schema reference found for subject \"%s\" and version %d; nothing was restored.", ref.Subject, ref.Version)
			}
		}
		number = v.number
		return []Record{s.rewrite(v, false, by)}, nil
	})
	if err != nil {
		return Version{}, err
	}
	return r.Version(subject, number, WithDeleted)
}

// rewrite gives the record of a version with another deleted flag; who
// registered it and when stays. The caller holds mu.
func (s *state) rewrite(v *version, deleted bool, by Caller) Record {
	c := v.content
	value := schemaValue{Subject: v.subject.name, Version: v.number, ID: c.id, Type: c.kind, References: c.refs,
		Metadata: c.meta, RuleSet: c.rules, Schema: c.text, Deleted: deleted}
	rec := Record{Key: s.keyBytes(recordKey{Type: keySchema, Subject: v.subject.name, Version: v.number}),
		Value: value.bytes(c.print), Author: v.author, RequestID: v.request}
	if v.since > 0 {
		rec.Since = time.UnixMilli(v.since)
	}
	return rec
}

// permitChange asks the mode whether versions and settings may change. The
// caller holds mu.
func (s *state) permitChange(subject string) error {
	if mode := s.mode(subject); mode != ModeReadWrite && mode != ModeImport {
		return fail(ErrNotPermitted, "Subject %s is in read-only mode; nothing was changed.", subject)
	}
	return nil
}
